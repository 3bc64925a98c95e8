"""GloVe against a slow twin written from the paper, its gradient against differences, and its promises: the same bits, goes on, stops cleanly."""

from __future__ import annotations

import math
import random
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import numpy.typing as npt
import pytest
from numba import njit

from ringsmith._kernels.simd import COMPILE, LANES, address, inverse_root, load, store
from ringsmith.errors import InputError, MachineError, ModelError, OptionError, ReadError
from ringsmith.records import Progress
from ringsmith.words import spill, tiling
from ringsmith.words.cooccurrence import CooccurrenceOptions, Cooccurrences, count_cooccurrences
from ringsmith.words.corpus import CorpusOptions, read_corpus
from ringsmith.words.glove import GloveModel, GloveOptions, fit_glove, load_glove, make_glove, save_glove, train_glove
from ringsmith.words.kernels.glove import train
from ringsmith.words.tiling import cut_into_tiles
from ringsmith.words.vocabulary import Vocabulary

Matrix = npt.NDArray[np.float64]


def made_up(words: int = 60, sentences: int = 400, seed: int = 0) -> Cooccurrences:
    """Counts of sentences of made-up words, few of them frequent."""
    draw = random.Random(seed)
    lines = [[f"w{min(int(draw.paretovariate(0.7)), words)}" for _ in range(12)] for _ in range(sentences)]
    return count_cooccurrences(read_corpus(lines, CorpusOptions(min_count=1)), CooccurrenceOptions(window=4))


class Twin:
    """GloVe as the paper has it: one word vector, one context vector and two biases for each word, in doubles; AdaGrad as in Stanford's program."""

    def __init__(self, model: GloveModel, x_max: float, alpha: float) -> None:
        dim = model.options.dim
        self.w, self.c = model.weights[:, :, :dim].astype(np.float64)
        self.b, self.e = model.biases.astype(np.float64)
        self.x_max, self.alpha = x_max, alpha
        self.w2, self.c2, self.b2, self.e2 = (np.ones_like(array) for array in (self.w, self.c, self.b, self.e))

    def weight(self, x: float) -> float:
        """Equation 9."""
        return min(1.0, (x / self.x_max) ** self.alpha)

    def loss(self, i: int, j: int, x: float) -> float:
        """One term of equation 8, halved."""
        return 0.5 * self.weight(x) * float(self.w[i] @ self.c[j] + self.b[i] + self.e[j] - math.log(x)) ** 2

    def gradients(self, i: int, j: int, x: float) -> tuple[Matrix, Matrix, float]:
        """Of the word vector, the context vector, and either bias."""
        slope = self.weight(x) * float(self.w[i] @ self.c[j] + self.b[i] + self.e[j] - math.log(x))
        return slope * self.c[j], slope * self.w[i], slope

    def step(self, i: int, j: int, x: float, eta: float) -> float:
        """One step of AdaGrad; the loss before it."""
        before, (of_w, of_c, of_b) = self.loss(i, j, x), self.gradients(i, j, x)
        for array, squares, at, move in ((self.w, self.w2, i, eta * of_w), (self.c, self.c2, j, eta * of_c), (self.b, self.b2, i, of_b), (self.e, self.e2, j, of_b)):
            array[at] -= move / np.sqrt(squares[at])
            squares[at] += move**2
        return before


@pytest.mark.parametrize("dim", [1, 14, 15, 16, 30, 31, 50])
def test_the_kernel_moves_everything_as_the_slow_twin_does(dim: int) -> None:
    """Vectors, biases, sums of squares and losses, wherever the biases come to lie in their blocks of 16."""
    counts, options = made_up(), GloveOptions(dim=dim, iterations=3, x_max=10, eta=0.1)
    model = make_glove(counts.vocabulary, options)
    twin, truth = Twin(model, options.x_max, options.alpha), []
    tiles = cut_into_tiles(counts, x_max=options.x_max, alpha=options.alpha, seed=options.seed, threads=1)
    for iteration in range(3):
        order = [at for cells in tiles.rounds([options.seed, 1, iteration]) for first, stop in cells for at in range(first, stop)]
        truth.append(sum(twin.step(tiles.rows[at], tiles.columns[at], float(np.exp(np.float64(tiles.logs[at]))), options.eta) for at in order) / len(order))
    fit_glove(counts, options, model=model, threads=2)
    assert model.losses == pytest.approx(truth, rel=1e-4)
    np.testing.assert_allclose(model.weights[0, :, :dim], twin.w, atol=2e-4)
    np.testing.assert_allclose(model.weights[1, :, :dim], twin.c, atol=2e-4)
    np.testing.assert_allclose(model.biases, [twin.b, twin.e], atol=1e-3)
    np.testing.assert_allclose(model.squares[0, :, :dim], twin.w2 - 1, rtol=1e-2, atol=1e-4)
    assert (model.weights[0, :, dim + 1] == 1).all()
    assert (model.weights[1, :, dim] == 1).all()
    assert not model.weights[:, :, dim + 2 :].any()


def test_the_twins_gradient_is_the_slope_of_its_loss() -> None:
    """By differences, for every parameter of a term."""
    counts = made_up()
    twin = Twin(make_glove(counts.vocabulary, GloveOptions(dim=5)), 10, 0.75)
    twin.w += np.random.default_rng(0).normal(size=twin.w.shape)
    i, j, x = 3, 1, 7.0
    of_w, of_c, of_b = twin.gradients(i, j, x)
    for array, at, gradient in ((twin.w, i, of_w), (twin.c, j, of_c), (twin.b, i, of_b), (twin.e, j, of_b)):
        for k in range(np.size(gradient)):
            place, h = (at, k) if array.ndim == 2 else (at,), 1e-6
            array[place] += h
            above = twin.loss(i, j, x)
            array[place] -= 2 * h
            below = twin.loss(i, j, x)
            array[place] += h
            assert (above - below) / (2 * h) == pytest.approx(np.ravel(gradient)[k], abs=1e-6)


def test_the_kernel_moves_against_the_slope() -> None:
    """One entry, one step, by hand: w = (0.5), c = (2), no biases, X = e, weight 1: d = 0; X = 1: d = 1."""
    one = np.zeros((4, 1, 16), dtype=np.float32)
    one[0, 0, [0, 2]], one[1, 0, [0, 1]] = (0.5, 1), (2, 1)
    one[2, 0, 2] = one[3, 0, 1] = 1e30
    paces = np.array([0.1, 1, 1, *[0.1] * 13], dtype=np.float32)
    entry = (np.zeros(1, np.int32), np.zeros(1, np.int32), np.zeros(1, np.float32), np.ones(1, np.float32))
    assert train(*one, *entry, 0, 1, paces) == pytest.approx(0.5)
    assert one[0, 0, :3].tolist() == pytest.approx([0.3, -1, 1])
    assert one[1, 0, :3].tolist() == pytest.approx([1.95, 1, -1])
    assert one[2, 0, 0] == pytest.approx(0.04)


def test_the_inverse_root_of_a_step_is_right_to_one_part_in_sixteen_thousand() -> None:
    """From the first sum of squares to that of what must not move; the kernel's own arithmetic tells, lane by lane."""
    numbers = np.geomspace(1, 1e30, 1024).astype(np.float32)
    found = numbers.copy()
    inverse_roots(found)
    np.testing.assert_allclose(found, 1 / np.sqrt(numbers.astype(np.float64)), rtol=1 / 16_000)


@njit(**COMPILE | {"cache": False})
def inverse_roots(numbers: npt.NDArray[np.float32]) -> None:
    """Each number's, in place."""
    at = address(numbers)
    for k in range(0, len(numbers), LANES):
        store(at, k, inverse_root(load(at, k)))


def test_any_number_of_threads_gives_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiles of a round share neither rows nor columns."""
    monkeypatch.setattr(tiling, "BLOCK", 7)
    counts, options = made_up(), GloveOptions(dim=20, iterations=3)
    one, three = (fit_glove(counts, options, threads=n) for n in (1, 3))
    assert one.losses == three.losses
    assert one.weights.tobytes() == three.weights.tobytes()
    assert fit_glove(counts, GloveOptions(dim=20, iterations=3, seed=2)).losses != one.losses


def test_a_seed_may_be_as_large_as_a_clock_in_nanoseconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """And larger: kernels take 63 bits of what is made of it."""
    monkeypatch.setattr(tiling, "BLOCK", 7)
    one, other = (fit_glove(made_up(), GloveOptions(dim=4, iterations=1, seed=seed)) for seed in (1_764_252_000_000_000_000, 2**70))
    assert one.losses != other.losses


def test_a_round_shares_no_rows_and_no_columns_and_all_rounds_are_all_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every count once in each iteration, in tiles."""
    monkeypatch.setattr(tiling, "BLOCK", 7)
    counts = made_up()
    tiles = cut_into_tiles(counts, x_max=5, alpha=0.5, seed=1, threads=2)
    seen = []
    for cells in tiles.rounds([0]):
        blocks = [(tiles.rows[first] // 7, tiles.columns[first] // 7) for first, _ in cells]
        assert len({row for row, _ in blocks}) == len({column for _, column in blocks}) == len(blocks)
        seen += [at for first, stop in cells for at in range(first, stop)]
    assert sorted(seen) == list(range(len(counts)))
    entries = sorted(zip(tiles.rows.tolist(), tiles.columns.tolist(), tiles.logs.tolist(), tiles.weights.tolist(), strict=True))
    assert [entry[:2] for entry in entries] == list(zip(counts.rows.tolist(), counts.columns.tolist(), strict=True))
    np.testing.assert_allclose([entry[2] for entry in entries], np.log(counts.values), atol=1e-6)
    np.testing.assert_allclose([entry[3] for entry in entries], np.minimum(1, (counts.values / 5) ** 0.5), rtol=1e-6)


def test_tiles_on_disk_are_those_in_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The same bits, from files without names, whose pages are given back again and again."""
    monkeypatch.setattr(tiling, "BLOCK", 7)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    counts, options = made_up(), GloveOptions(dim=20, iterations=3)
    given_back: list[int] = []
    real = spill.give_back
    monkeypatch.setattr(spill, "give_back", lambda array: (given_back.append(1), real(array)))
    bound = len(counts) * tiling.ENTRY_BYTES // 10
    tiles = cut_into_tiles(counts, x_max=5, alpha=0.5, seed=1, threads=2, memory_bytes=bound)
    inside = cut_into_tiles(counts, x_max=5, alpha=0.5, seed=1, threads=2, memory_bytes=10 * bound + tiling.ENTRY_BYTES * 10)
    assert inside.spill is None
    assert tiles.spill is not None
    for name in ("rows", "columns", "logs", "weights", "bounds"):
        assert getattr(tiles, name).tobytes() == getattr(inside, name).tobytes()
    assert sum(map(sum, ((stop - first for first, stop in cells) for cells in tiles.rounds([0])))) == len(counts)
    assert len(given_back) >= 4 * 10
    assert not list(tmp_path.iterdir())
    whole, on_disk = (fit_glove(counts, options, memory_bytes=bytes_) for bytes_ in (None, bound))
    assert whole.losses == on_disk.losses
    assert whole.weights.tobytes() == on_disk.weights.tobytes()


def test_a_disk_without_room_for_the_tiles_is_said_before_they_are_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """By the system's figures, or where these lie, when the room is taken."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    counts = made_up()
    sentence = r"tmp.*: the tiles of [\d,]+ counts need \d+ KB of disk beyond the 1 KB of memory; .* are free\. Free some space, name a larger disk"

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(spill, "allocate", full)
        with pytest.raises(MachineError, match=sentence):
            fit_glove(counts, GloveOptions(dim=4), memory_bytes=1000)
    monkeypatch.setattr(spill.shutil, "disk_usage", lambda _: SimpleNamespace(free=2000))
    with pytest.raises(MachineError, match=sentence):
        fit_glove(counts, GloveOptions(dim=4), memory_bytes=1000)
    assert not list(tmp_path.iterdir())


def test_training_that_goes_on_is_training_that_never_stopped(tmp_path: Path) -> None:
    """Two iterations, a file, three more: the bits of five."""
    counts, path = made_up(), tmp_path / "glove.safetensors"
    whole = fit_glove(counts, GloveOptions(dim=10, iterations=5))
    fit_glove(counts, GloveOptions(dim=10, iterations=2), checkpoint=path)
    found = load_glove(path)
    assert found.vocabulary.words == counts.vocabulary.words
    assert found.vocabulary.counts.tolist() == counts.vocabulary.counts.tolist()
    assert found.options == GloveOptions(dim=10, iterations=2)
    after = fit_glove(counts, GloveOptions(dim=10, iterations=5), model=found)
    assert after.losses == whole.losses
    assert after.weights.tobytes() == whole.weights.tobytes()


def test_the_counts_are_factorised() -> None:
    """Enough dimensions, a thousand visits: products are the logarithms."""
    lines = [["a", "b"]] * 20 + [["b", "c"]] * 7 + [["c", "d"]] * 3 + [["a", "d"]] * 2
    counts = count_cooccurrences(read_corpus(lines, CorpusOptions(min_count=1)))
    model = fit_glove(counts, GloveOptions(dim=16, iterations=1000, x_max=1))
    (words, contexts), (b, e) = model.weights[:, :, :16], model.biases
    found = (words @ contexts.T + b[:, None] + e)[counts.rows, counts.columns]
    np.testing.assert_allclose(found, np.log(counts.values), atol=0.05)
    assert model.losses[-1] < model.losses[0] / 1000


def test_the_vectors_are_the_sum_the_first_or_both() -> None:
    """And carry words and counts."""
    counts = made_up()
    found = {output: train_glove(counts, GloveOptions(dim=6, iterations=2, output=output)) for output in ("sum", "words", "both")}  # type: ignore[arg-type]
    both = np.asarray(found["both"].matrix)
    assert both.shape == (len(counts.vocabulary), 12)
    np.testing.assert_array_equal(found["words"].matrix, both[:, :6])
    np.testing.assert_array_equal(found["sum"].matrix, both[:, :6] + both[:, 6:])
    assert tuple(found["sum"].words) == counts.vocabulary.words


def test_a_listener_hears_of_every_iteration() -> None:
    """Pace and loss; the callback gets the model."""
    told, models = list[Progress](), list[int]()
    train_glove(made_up(), GloveOptions(dim=4, iterations=3), report=told.append, after_iteration=lambda model: models.append(len(model.losses)))
    assert models == [1, 2, 3]
    assert told[-1].done == told[-1].total
    assert re.fullmatch(r"iteration 3 of 3, [\d.]+ M counts/s, loss 0\.\d+", told[-1].note)


def test_an_exception_of_the_listener_ends_training() -> None:
    """Ctrl-C, for example."""

    def stop(_: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_glove(made_up(), GloveOptions(dim=4), report=stop)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"dim": 0}, "'dim' must be at least 1; got 0. Use 100, the usual value"),
        ({"iterations": 0, "eta": 0.0}, r"'iterations' \(--epochs\) must be at least 1; got 0. .* 'eta' \(--rate\) must be above 0; got 0.0"),
        ({"x_max": -1.0}, "'x_max' must be above 0"),
        ({"alpha": 2.0}, "'alpha' must be from 0 to 1"),
        ({"output": "all"}, "'output' must be 'sum', 'words' or 'both'; got 'all'"),
    ],
)
def test_options_outside_their_range_are_refused(change: dict[str, object], sentence: str) -> None:
    """All faults at once."""
    with pytest.raises(OptionError, match=sentence):
        GloveOptions(**change)  # type: ignore[arg-type]


def test_training_that_diverges_says_so() -> None:
    """With the step size that did it."""
    with pytest.raises(OptionError, match="'eta' of 1e\\+30 makes training diverge: the loss of iteration"):
        train_glove(made_up(), GloveOptions(dim=4, eta=1e30))


def test_a_model_of_other_words_or_size_does_not_go_on(tmp_path: Path) -> None:
    """Both are said."""
    counts = made_up()
    model = make_glove(counts.vocabulary, GloveOptions(dim=4))
    with pytest.raises(OptionError, match="'dim' must be 4, as in the model that goes on; got 5"):
        fit_glove(counts, GloveOptions(dim=5), model=model)
    with pytest.raises(InputError, match=r"A model goes on with the words it has \(1\); the counts have"):
        fit_glove(counts, GloveOptions(dim=4), model=make_glove(Vocabulary.of("a"), GloveOptions(dim=4)))


def test_files_that_hold_no_model_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Missing, cut off, of another kind; and a full disk leaves the old one."""
    path = tmp_path / "glove.safetensors"
    with pytest.raises(ReadError, match="there is no such file"):
        load_glove(path)
    model = make_glove(Vocabulary.of("ab"), GloveOptions(dim=4))
    save_glove(path, model)
    whole = path.read_bytes()
    path.write_bytes(whole[:-5])
    with pytest.raises(ModelError, match=r"glove\.safetensors: the file is cut off or damaged"):
        load_glove(path)
    path.write_bytes(whole.replace(b"ringsmith-glove-1", b"ringsmith-other-1"))
    with pytest.raises(ModelError, match=r"must be a GloVe model in training \(ringsmith-glove-1\); got 'ringsmith-other-1'"):
        load_glove(path)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ringsmith.words.glove.save_file", full)
    path.write_bytes(whole)
    with pytest.raises(MachineError, match="the disk is full"):
        save_glove(path, model)
    assert path.read_bytes() == whole
    assert [found.name for found in tmp_path.iterdir()] == ["glove.safetensors"]
