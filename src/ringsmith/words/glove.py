"""GloVe: vectors whose products are the logarithms of co-occurrence counts (Pennington, Socher & Manning 2014).

    corpus = read_corpus("wiki.txt")
    vectors = train_glove(corpus, GloveOptions(dim=100), CooccurrenceOptions(window=10))

or in steps, to stop and go on:

    counts = count_cooccurrences(corpus)
    model = fit_glove(counts, GloveOptions(iterations=15), checkpoint=Path("glove.safetensors"))
    model = fit_glove(counts, GloveOptions(iterations=25), model=load_glove(Path("glove.safetensors")))

Decisions:
- As in Stanford's program since 2020 the biases take full steps of AdaGrad, the vectors steps of `eta`. With `eta` for both, relatedness is 1.4
  points lower (MEN) and rare words 1.7.
- The matrix is visited in tiles, in a new order in each iteration (`tiling.py`). The result is the same with any number of threads.
- `x_max` is 100 as in the paper; the program's own demonstration, on text8, uses 10.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from ringsmith._files import disk_faults, no_such_file, written
from ringsmith._kernels.simd import LANES
from ringsmith.errors import InputError, ModelError, OptionError
from ringsmith.records import Progress, Report, silent
from ringsmith.words.cooccurrence import DEFAULTS as COUNTING
from ringsmith.words.cooccurrence import CooccurrenceOptions, Cooccurrences, count_cooccurrences
from ringsmith.words.corpus import Corpus
from ringsmith.words.kernels.glove import train
from ringsmith.words.kernels.memory import lines, on_lines
from ringsmith.words.parallel import threads_of
from ringsmith.words.tiling import Tiles, cut_into_tiles
from ringsmith.words.vectors import WordVectors
from ringsmith.words.vocabulary import Vocabulary

Output = Literal["sum", "words", "both"]
Matrices = npt.NDArray[np.float32]
STILL = np.float32(1e30)
"""AdaGrad's sum of what must not move."""
BIAS_PACE = 1.0
FORMAT = "ringsmith-glove-1"
OPTIONS = {"iterations": " (--epochs)", "eta": " (--rate)"}
"""What the command line calls those that have another name there."""


@dataclass(frozen=True, kw_only=True)
class GloveOptions:
    """How GloVe is trained.

    Attributes:
        dim: length of the vectors.
        iterations: how often every count is visited, those of a model that goes on included.
        x_max: counts from here on weigh 1; the paper's 100. 10 suits corpora of some 10 million words.
        alpha: exponent of the weight of smaller counts; the paper's 3/4.
        eta: first step size.
        seed: of the initial values and of the order.
        output: the vectors: ``"sum"`` of a word's two, ``"words"`` the first alone, ``"both"`` one behind the other.

    Raises:
        OptionError: values outside their ranges, all named at once.
    """

    dim: int = 100
    iterations: int = 15
    x_max: float = 100.0
    alpha: float = 0.75
    eta: float = 0.05
    seed: int = 1
    output: Output = "sum"

    def __post_init__(self) -> None:
        faults = [
            f"{name!r}{OPTIONS.get(name, '')} must be {rule}; got {getattr(self, name)!r}. Use {usual}, the usual value."
            for name, rule, usual, fine in (
                ("dim", "at least 1", 100, self.dim >= 1),
                ("iterations", "at least 1", 15, self.iterations >= 1),
                ("x_max", "above 0", 100, self.x_max > 0),
                ("alpha", "from 0 to 1", 0.75, 0 <= self.alpha <= 1),
                ("eta", "above 0", 0.05, self.eta > 0),
                ("seed", "at least 0", 1, self.seed >= 0),
                ("output", "'sum', 'words' or 'both'", "sum", self.output in ("sum", "words", "both")),
            )
            if not fine
        ]
        if faults:
            raise OptionError(" ".join(faults))


DEFAULTS = GloveOptions()


@dataclass(eq=False)
class GloveModel:
    """All that training moves.

    Attributes:
        vocabulary: the words.
        options: how it was trained last.
        weights: (2, V, width) float32: rows of words (vector, bias, 1) and of contexts (vector, 1, bias), padded with zeros.
        squares: (2, V, width) float32: AdaGrad's sums less 1.
        losses: mean loss of each iteration, each entry's as it was before its step.
    """

    vocabulary: Vocabulary
    options: GloveOptions
    weights: Matrices
    squares: Matrices
    losses: list[float] = field(default_factory=list)

    @property
    def vectors(self) -> WordVectors:
        """The words with their vectors, as `options.output` says."""
        words, contexts = self.weights[:, :, : self.options.dim]
        matrix = {"sum": lambda: words + contexts, "words": words.copy, "both": lambda: np.concatenate([words, contexts], axis=1)}[self.options.output]()
        return WordVectors(self.vocabulary.words, matrix, self.vocabulary.counts)

    @property
    def biases(self) -> npt.NDArray[np.float32]:
        """(2, V) the words' biases and the contexts'."""
        return np.stack([self.weights[0, :, self.options.dim], self.weights[1, :, self.options.dim + 1]])


AfterIteration = Callable[[GloveModel], None]
"""Is given the model after every iteration, still in training."""


def train_glove(
    source: Corpus | Cooccurrences,
    options: GloveOptions = DEFAULTS,
    counting: CooccurrenceOptions = COUNTING,
    *,
    threads: int | None = None,
    report: Report = silent,
    after_iteration: AfterIteration | None = None,
) -> WordVectors:
    """Word vectors of a corpus, or of counts that were made from one.

    Args:
        source: the sentences, or how often words stand near each other.
        options: how to train.
        counting: what counts as near; counts that are given keep what they are. Its ``memory_bytes`` bound training, too.
        threads: None for all cores of this machine. The vectors are the same with any number.
        report: is told how far counting and training are.
        after_iteration: is called with the model after every iteration.

    Raises:
        InputError: no word stands near another one.
        OptionError: the step size makes training diverge.

    Examples:
        >>> from ringsmith.words.corpus import CorpusOptions, read_corpus
        >>> corpus = read_corpus(["a rose is a rose"] * 50, CorpusOptions(min_count=1))
        >>> train_glove(corpus, GloveOptions(dim=8, iterations=2)).matrix.shape
        (3, 8)
    """
    counts = source if isinstance(source, Cooccurrences) else count_cooccurrences(source, counting, threads=threads, report=report)
    return fit_glove(counts, options, threads=threads, memory_bytes=counting.memory_bytes, report=report, after_iteration=after_iteration).vectors


def fit_glove(
    counts: Cooccurrences,
    options: GloveOptions = DEFAULTS,
    *,
    model: GloveModel | None = None,
    checkpoint: Path | None = None,
    threads: int | None = None,
    memory_bytes: int | None = None,
    report: Report = silent,
    after_iteration: AfterIteration | None = None,
) -> GloveModel:
    """A model of the counts, trained until it has seen them ``options.iterations`` times.

    Args:
        counts: how often words stand near each other.
        options: how to train.
        model: goes on from here, in place; its words must be those of the counts.
        checkpoint: a file that holds the model after every iteration (`load_glove` reads it).
        threads: None for all cores of this machine.
        memory_bytes: counts made ready for training that need more (16 bytes each) lie on disk; None: in memory. The model is the same.
        report: is told how far training is.
        after_iteration: is called with the model after every iteration.

    Raises:
        InputError: the model has other words than the counts.
        OptionError: the model has another dimension, or the step size makes training diverge.
        MachineError: the checkpoint cannot be written, or the disk has no room for the counts.
    """
    model = _going_on(model, counts, options) if model is not None else make_glove(counts.vocabulary, options)
    threads = threads_of(threads)
    tiles = cut_into_tiles(counts, x_max=options.x_max, alpha=options.alpha, seed=options.seed, threads=threads, memory_bytes=memory_bytes)
    course = _Course(len(counts), len(model.losses), options.iterations, report)
    with ThreadPoolExecutor(threads) as pool:
        while len(model.losses) < options.iterations:
            model.losses.append(_iterate(model, tiles, pool, threads, course))
            if checkpoint is not None:
                save_glove(checkpoint, model)
            if after_iteration is not None:
                after_iteration(model)
    return model


def make_glove(vocabulary: Vocabulary, options: GloveOptions) -> GloveModel:
    """An untrained model: vectors and biases even over (-0.5, 0.5) / (dim + 1), as in Stanford's program."""
    size, dim = len(vocabulary), options.dim
    generator, width = np.random.default_rng([options.seed, 0]), -(-(dim + 2) // LANES) * LANES
    weights, squares = lines(2, size, width), lines(2, size, width)
    for side in (0, 1):
        weights[side, :, : dim + 1] = (generator.random((size, dim + 1), dtype=np.float32) - np.float32(0.5)) / np.float32(dim + 1)
    weights[1, :, dim + 1] = weights[1, :, dim]
    weights[0, :, dim + 1] = weights[1, :, dim] = 1
    squares[0, :, dim + 1] = squares[1, :, dim] = STILL
    return GloveModel(vocabulary, options, weights, squares)


def _going_on(model: GloveModel, counts: Cooccurrences, options: GloveOptions) -> GloveModel:
    if model.vocabulary.words != counts.vocabulary.words:
        raise InputError(f"A model goes on with the words it has ({len(model.vocabulary):,}); the counts have {len(counts.vocabulary):,}, others or in another order. Train anew.")
    if model.options.dim != options.dim:
        raise OptionError(f"'dim' must be {model.options.dim}, as in the model that goes on; got {options.dim}. Use {model.options.dim}, or train anew.")
    model.options = options
    return model


@dataclass
class _Course:
    """How far training is, for whoever listens."""

    entries: int
    done: int
    iterations: int
    report: Report
    seen: int = 0
    started: float = field(default_factory=time.perf_counter)
    told: float = 0.0

    def add(self, entries: int, losses: list[float]) -> None:
        self.seen += entries
        now = time.perf_counter()
        if now - self.told < 0.2 and self.seen % self.entries:
            return
        self.told = now
        whole = self.entries * (self.iterations - self.done)
        pace = f"{self.seen / max(now - self.started, 1e-9) / 1e6:.2f} M counts/s"
        loss = f", loss {losses[-1]:.4f}" if losses else ""
        note = f"iteration {min(len(losses) + 1, self.iterations)} of {self.iterations}, {pace}{loss}"
        self.report(Progress("train", self.seen, whole, "counts", note))


def _iterate(model: GloveModel, tiles: Tiles, pool: ThreadPoolExecutor, threads: int, course: _Course) -> float:
    """One visit to every count; the mean loss."""
    paces = np.full(model.weights.shape[2], model.options.eta, dtype=np.float32)
    paces[model.options.dim : model.options.dim + 2] = BIAS_PACE
    total = 0.0
    for cells in tiles.rounds([model.options.seed, 1, len(model.losses)]):
        total += _round(model, tiles, cells, paces, pool, threads)
        course.add(sum(stop - first for first, stop in cells), model.losses)
    loss = total / len(tiles.rows)
    if not np.isfinite(loss):
        raise OptionError(f"'eta' of {model.options.eta} makes training diverge: the loss of iteration {len(model.losses) + 1} is {loss}. Use 0.05, the usual value, or less.")
    return loss


def _round(model: GloveModel, tiles: Tiles, cells: list[tuple[int, int]], paces: npt.NDArray[np.float32], pool: ThreadPoolExecutor, threads: int) -> float:
    """Train on tiles that share neither rows nor columns; the sum of losses, added up in their order."""
    losses, lock, turns = np.zeros(len(cells)), threading.Lock(), iter(range(len(cells)))

    def worker() -> None:
        while True:
            with lock:
                turn = next(turns, None)
            if turn is None:
                return
            losses[turn] = train(*model.weights, *model.squares, tiles.rows, tiles.columns, tiles.logs, tiles.weights, *cells[turn], paces)

    jobs = [pool.submit(worker) for _ in range(min(threads, len(cells)))]
    wait(jobs)
    for job in jobs:
        job.result()
    return float(losses.sum())


def save_glove(path: Path, model: GloveModel) -> None:
    """The model as one safetensors file, whole or not at all.

    Raises:
        MachineError: the place may not be written, or the disk is full; what was there stays.
    """
    words = np.frombuffer(json.dumps(model.vocabulary.words, ensure_ascii=False).encode(), dtype=np.uint8)
    arrays: dict[str, npt.NDArray[Any]] = {"weights": model.weights, "squares": model.squares, "counts": model.vocabulary.counts, "words": words}
    about = {"format": FORMAT, "options": json.dumps(asdict(model.options)), "losses": json.dumps(model.losses)}
    with disk_faults(path), written(path) as scratch:
        save_file(arrays, scratch, metadata=about)


def load_glove(path: Path) -> GloveModel:
    """The model that `save_glove` wrote, to go on from.

    Raises:
        ReadError: no such file.
        ModelError: it is damaged, or was not written by `save_glove`.
    """
    if not path.is_file():
        raise no_such_file(path)
    try:
        with safe_open(path, framework="numpy") as file:
            about, arrays = file.metadata() or {}, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no mapping)
        if about.get("format") != FORMAT:
            raise ModelError(f"{path}: the file must be a GloVe model in training ({FORMAT}); got {about.get('format')!r}. Name one that 'checkpoint' wrote.")
        vocabulary = Vocabulary(tuple(json.loads(arrays["words"].tobytes())), arrays["counts"])
        weights, squares = on_lines(arrays["weights"]), on_lines(arrays["squares"])
        return GloveModel(vocabulary, GloveOptions(**json.loads(about["options"])), weights, squares, json.loads(about["losses"]))
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{path}: the file is cut off or damaged ({error}). Train again, or copy it again.") from error
