"""word2vec in large batches by torch, for a GPU: skip-gram and CBOW with negative sampling as a handful of matrix products.

    tile       32 words in a row, and the words up to a window to either side; they share 32 negatives
    batch      16 to 512 tiles: three batched products give all scores, and the steps of all rows
    together   steps of a row are sorted side by side and added up, then the row moves once

Decisions:
- The words, the thinning, the windows, the table of negatives, the learning rate and the order of the text are those of the CPU (`word2vec.py`).
- A word of a tile is told from the tile's 32 negatives, each of which counts as 5/32: as many comparisons as five negatives for each neighbour, where
  a sixth of the rows has to be fetched (Ji et al., 2016, share them within a window for the same reason).
- Rows move once a batch. For a rare word that is the sum of its steps; a frequent one would take some thousand steps at once, each as long as if it were
  alone, and run away. Steps that come one after the other do not: each finds the slope a little flatter than the one before. So where the slope along
  the sum of the steps would fall by z, the row goes the (1 - exp(-z)) / z-th part of the way: all of it where z is small, and never further than to
  where a parabola above the loss has its lowest point (the bound of Jaakkola and Jordan, 2000, on the logistic loss).
- On CUDA sums are taken in sorted order, not in that in which threads come by, so that the same seed gives the same numbers.

Held to a slow twin in float64 and to autograd; never run on a GPU by its authors, only on the CPU's side of torch. `benchmarks/words/gpu.py` measures.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from ringsmith._optional import try_import
from ringsmith.errors import MachineError
from ringsmith.records import Report
from ringsmith.words.corpus import Corpus
from ringsmith.words.model import Word2VecModel
from ringsmith.words.options import FARTHEST, Word2VecOptions
from ringsmith.words.passes import AfterEpoch, Passes
from ringsmith.words.sampling import keep_shares, negative_table
from ringsmith.words.stretches import Piece

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = try_import("torch", purpose="training on a GPU")

TILE, SHARED = 32, 32
"""Words of a tile, and negatives they share (LOG.md)."""
FEWEST_TILES, MOST_TILES, BATCHES = 16, 512, 2_000
"""An epoch has about so many batches, where that makes them neither too small for a GPU nor larger than it needs: in a small text every batch counts (LOG.md)."""
TELL_SECONDS = 0.2
FLAT = 1e-3
"""Scores nearer to 0 than this: the quotient is 1/4 there."""


def gpu_of_this_machine() -> Literal["cuda", "mps"] | None:
    """``"cuda"`` or ``"mps"`` where torch knows such a GPU, else None."""
    return "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else None


def check_device(device: str) -> None:
    """Refuse a GPU that is not there.

    Raises:
        MachineError: torch knows none of this kind.
    """
    if not {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}[device]:
        raise MachineError(
            f"Training on {device!r} needs such a GPU and a torch that knows it; torch {torch.__version__} sees none on this machine. "
            "Leave the device out to train on the CPU, which is fast too, or install a torch built for your GPU."
        )


def train_in_batches(corpus: Corpus, options: Word2VecOptions, model: Word2VecModel, device: str, report: Report, after_epoch: AfterEpoch | None) -> None:
    """Train `model` in place on a device of torch: ``"cuda"``, ``"mps"`` or, for tests and comparisons, torch's own ``"cpu"``.

    Raises:
        MachineError: the matrices do not fit into the memory of the device. RunRefused: the vectors became infinite.
    """
    with _memory_faults(model, device):
        _InBatches(corpus, options, model, device, report, after_epoch).run()


@contextmanager
def _memory_faults(model: Word2VecModel, device: str) -> Iterator[None]:
    """Say what did not fit."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        size = (model.inputs.size + model.outputs.size) * 4 / 1e9
        raise MachineError(
            f"Two matrices of {size:.1f} GB and a batch must fit into the memory of {device!r}; they do not. Train on the CPU, or with fewer words (max_vocab) or dimensions."
        ) from error


class Sentences(NamedTuple):
    """Thinned words of a stretch of text, and as many blanks at both ends as a window and whole tiles need.

    Attributes:
        ids: (n,) int64 numbers of words; 0 for blanks.
        numbers: (n,) of the sentence each belongs to; -1 for blanks.
        reach: (n,) words to either side that each looks at; 0 for blanks.
    """

    ids: Tensor
    numbers: Tensor
    reach: Tensor


class Batch(NamedTuple):
    """B tiles of T words: which input rows tell which targets.

    Attributes:
        rows: (B, R) input rows.
        mix: (B, T, R), how each vector that tells is mixed from the input rows; None where it is the row itself (R = T).
        back: (B, R, T), how the errors of these vectors go back to the rows; None as above.
        targets: (B, M) output rows, the right ones first.
        right: how many of them are right where they count at all.
        weights: (B, T, M) how much each target counts for each vector; 0 where it does not.
    """

    rows: Tensor
    mix: Tensor | None
    back: Tensor | None
    targets: Tensor
    right: int
    weights: Tensor


class Side(NamedTuple):
    """What moves the rows of one matrix in a batch.

    Attributes:
        rows: (B, R), each as often as it is used.
        steps: (B, R, d) for a learning rate of 1.
        others: (B, M, d), the vectors that they are scored with.
        bends: (B, R, M), by how much the slope of each score falls with the score, at most.
    """

    rows: Tensor
    steps: Tensor
    others: Tensor
    bends: Tensor


class _InBatches(Passes):
    """One call of `train_in_batches`."""

    def __init__(self, corpus: Corpus, options: Word2VecOptions, model: Word2VecModel, device: str, report: Report, after_epoch: AfterEpoch | None) -> None:
        super().__init__(corpus, options, model, report, after_epoch)
        counts, self.device = corpus.vocabulary.counts, torch.device(device)
        table = negative_table(counts, options.noise_power, np.random.default_rng([options.seed, 2]))
        self.table, self.keep = torch.from_numpy(table).to(self.device), torch.from_numpy(keep_shares(counts, options.sample).astype(np.float32)).to(self.device)
        self.inputs, self.outputs = (torch.from_numpy(np.ascontiguousarray(matrix)).to(self.device) for matrix in (model.inputs, model.outputs))
        self.chance, self.tiles = torch.Generator(self.device), min(MOST_TILES, max(FEWEST_TILES, corpus.words // (BATCHES * TILE)))
        self.told = torch.zeros(2, device=self.device)
        self.within = replace(options, window=corpus.reach(options.window))  # no word looks farther

    def work_on(self, plan: Iterator[Piece], tell: Callable[[], None]) -> None:
        """Train on the pieces of a plan; the model has what was learnt at the end, also where it is stopped."""
        next_time = 0.0
        try:
            for piece in plan:
                self._work(piece)
                self.done += piece.words
                if time.perf_counter() >= next_time:
                    self._note_loss()
                    tell()
                    next_time = time.perf_counter() + TELL_SECONDS
        finally:
            self._note_loss()
            self.model.inputs[:], self.model.outputs[:] = self.inputs.cpu().numpy(), self.outputs.cpu().numpy()

    def _note_loss(self) -> None:
        """Fetch what the device summed up: rarely, since it has to be waited for."""
        loss, pairs = self.told.tolist()
        self.loss, self.pairs = self.loss + loss, self.pairs + int(pairs)
        self.told.zero_()

    def _work(self, piece: Piece) -> None:
        """Train on one piece, a batch after the other."""
        self.chance.manual_seed(piece.chance(self.options.seed))
        text = self._read(piece)
        tiles = (len(text.ids) - 2 * self.within.window) // TILE
        negatives = self._draw(tiles * SHARED).view(tiles, SHARED)
        for first in range(0, tiles, self.tiles):
            batch = batch_of(text, negatives[first : first + self.tiles], first, self.within)
            rate = self.rate_at(piece.from_share + (piece.to_share - piece.from_share) * first / tiles)
            inputs, outputs = sides_of(self.inputs, self.outputs, batch, self.told)
            move(self.inputs, inputs, rate)
            move(self.outputs, outputs, rate)

    def _read(self, piece: Piece) -> Sentences:
        """The words of a piece, thinned (Mikolov et al., 2013, section 2.3), with the window of each."""
        starts, options = self.corpus.starts[piece.first : piece.last + 1], self.options
        ids = torch.from_numpy(np.array(self.corpus.ids[starts[0] : starts[-1]])).to(self.device).long()
        numbers = torch.from_numpy(np.repeat(np.arange(len(starts) - 1), np.diff(starts))).to(self.device)
        stays = torch.rand(len(ids), generator=self.chance, device=self.device) <= self.keep[ids]
        ids, numbers = ids[stays], numbers[stays]
        farthest, window = min(options.window, FARTHEST), self.within.window
        reach = torch.randint(1 if options.shrink else farthest, farthest + 1, ids.shape, generator=self.chance, device=self.device).clamp(max=window)
        blanks = (window, window + -len(ids) % TILE)
        return Sentences(*(torch.nn.functional.pad(each, blanks, value=value) for each, value in ((ids, 0), (numbers, -1), (reach, 0))))

    def _draw(self, count: int) -> Tensor:
        """So many negatives: a stretch of the shuffled table."""
        first = int(torch.randint(0, len(self.table), (1,), generator=self.chance, device=self.device))
        return self.table[torch.arange(first, first + count, device=self.device) % len(self.table)].long()


def batch_of(text: Sentences, negatives: Tensor, first: int, options: Word2VecOptions) -> Batch:
    """The tiles from number `first` on, one for each row of `negatives`.

    Skip-gram: a word's input row tells the words around it, and the tile's negatives. CBOW: the words around it, mixed, tell the word, and the negatives.
    """
    window, each = options.window, options.negative / negatives.shape[1]
    wide = Sentences(*(part.unfold(0, TILE + 2 * window, TILE)[first : first + len(negatives)] for part in text))
    tile = Sentences(*(part[:, window : window + TILE] for part in wide))
    apart = torch.arange(TILE + 2 * window, device=negatives.device) - torch.arange(window, window + TILE, device=negatives.device)[:, None]
    reach = wide.reach[:, None, :] if options.method == "skipgram" else tile.reach[:, :, None]
    near = ((apart != 0) & (apart.abs() <= reach) & (tile.numbers[:, :, None] == wide.numbers[:, None, :])).float()
    if options.method == "skipgram":
        wrong = torch.bmm(near, _differ(wide.ids, negatives))  # a neighbour is not told from itself
        return Batch(tile.ids, None, None, torch.cat([wide.ids, negatives], 1), TILE + 2 * window, torch.cat([near, wrong * each], 2))
    count = near.sum(2, keepdim=True)
    there, share = (count > 0).float(), near / count.clamp(min=1)
    itself = torch.eye(TILE, device=negatives.device) * there
    mix, back = (share, near) if options.mean else (near, share)
    weights = torch.cat([itself, there * _differ(tile.ids, negatives) * each], 2)
    return Batch(wide.ids, mix, back.transpose(1, 2), torch.cat([tile.ids, negatives], 1), TILE, weights)


def _differ(words: Tensor, others: Tensor) -> Tensor:
    """(B, n, m): 1 where a word is another one than that, 0 where it is the same."""
    return (words[:, :, None] != others[:, None, :]).float()


def sides_of(inputs: Tensor, outputs: Tensor, batch: Batch, told: Tensor) -> tuple[Side, Side]:
    """What moves the input rows and the output rows; the loss before it, and the pairs it is of, are added to `told`.

    With s = x . o, p = sigmoid(s) and g = (label - p) weight, for all pairs at once: x += sum g o; o += sum g x (Mikolov et al., 2013, equation 4).
    The slope g falls with s by at most weight (p - 1/2) / s, however far s goes.
    """
    rows, out = inputs[batch.rows], outputs[batch.targets]
    hidden = rows if batch.mix is None else torch.bmm(batch.mix, rows)
    scores = torch.bmm(hidden, out.transpose(1, 2))
    p = torch.sigmoid(scores)
    bends = torch.where(scores.abs() < FLAT, 0.25, (p - 0.5) / scores) * batch.weights
    short = p.neg_()
    short[:, :, : batch.right] += 1
    told += torch.stack([-(batch.weights * torch.log1p(-short.abs().clamp(max=1 - 1e-6))).sum(), batch.weights[:, :, : batch.right].sum()])
    slopes = short * batch.weights
    error, back_bends = torch.bmm(slopes, out), bends
    if batch.mix is not None and batch.back is not None:
        error, back_bends = torch.bmm(batch.back, error), torch.bmm(batch.back * batch.mix.transpose(1, 2), bends)
    return Side(batch.rows, error, out, back_bends), Side(batch.targets, torch.bmm(slopes.transpose(1, 2), hidden), hidden, bends.transpose(1, 2))


def move(matrix: Tensor, side: Side, rate: float) -> None:
    """Move every row once: along the sum of its steps, so far as the slope along it reaches."""
    groups = groups_of(side.rows.flatten())
    sums = added_up(side.steps.flatten(0, 1), groups)
    ways = torch.nn.functional.normalize(sums, dim=1).index_select(0, groups.places).view_as(side.steps)
    falls = (torch.bmm(ways, side.others.transpose(1, 2)).square_() * side.bends).sum(2)
    fall = (added_up(falls.flatten()[:, None], groups) * rate).clamp(min=1e-6)
    matrix.index_add_(0, groups.rows, sums * (-torch.expm1(-fall) / fall * rate))


class Groups(NamedTuple):
    """Rows, and where each is used.

    Attributes:
        rows: (U,) each once, ascending.
        places: (n,) which of them each use is of.
        order: (n,) the uses, those of a row side by side.
        lengths: (U,) how many uses each has.
    """

    rows: Tensor
    places: Tensor
    order: Tensor
    lengths: Tensor


def groups_of(uses: Tensor) -> Groups:
    """The rows among (n,) uses."""
    ids, order = uses.sort(stable=True)
    rows, inverse, lengths = torch.unique_consecutive(ids, return_inverse=True, return_counts=True)
    return Groups(rows, torch.empty_like(order).scatter_(0, order, inverse), order, lengths)


def added_up(values: Tensor, groups: Groups, *, sort: bool | None = None) -> Tensor:
    """(U, d): the sum over the uses of each row.

    Args:
        values: (n, d), one line for each use.
        groups: of the rows.
        sort: add up segments of sorted lines; None: where the order would not be certain otherwise, which is on CUDA.
    """
    if sort or (sort is None and values.is_cuda):
        return torch.segment_reduce(values.index_select(0, groups.order), "sum", lengths=groups.lengths, axis=0, unsafe=True)
    return torch.zeros(len(groups.rows), values.shape[1], dtype=values.dtype, device=values.device).index_add_(0, groups.places, values)
