"""The kernels of word2vec against their slow twin, formulas checked by differences, and draws by their statistics."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit
from scipy import stats

from ringsmith._kernels.simd import add, address, clamp, load, splat, store, subtract, sums
from ringsmith.words.huffman import huffman_paths, no_paths
from ringsmith.words.kernels import word2vec as kernels
from ringsmith.words.kernels.chance import below, draw, seed
from ringsmith.words.kernels.own import copies, hand_on, hand_on_all, own_rows, row_of
from ringsmith.words.kernels.reference import Chance, Twin, pair_loss
from ringsmith.words.kernels.steps import sigmoid
from ringsmith.words.model import aligned, flat, padded, target_rows
from ringsmith.words.options import FARTHEST, Word2VecOptions
from ringsmith.words.sampling import keep_shares, keep_thresholds, negative_table


@njit
def _vector_operations(x, out):  # type: ignore[no-untyped-def]
    p, q = address(x), address(out)
    a, b, c = load(p, 0), load(p, 16), load(p, 32)
    store(q, 0, sums((a, b, c, a, b)))
    store(q, 16, clamp(subtract(a, b), np.float32(-1), np.float32(1)))
    store(q, 32, sigmoid(c))
    store(q, 48, splat(np.float32(3)))


def test_vectors_of_16_add_up_and_bend_as_numpy_says() -> None:
    """The few operations that all kernels stand on."""
    x, out = np.random.default_rng(0).normal(0, 4, 48).astype(np.float32), np.zeros(64, np.float32)
    _vector_operations(x, out)
    a, b, c = x.reshape(3, 16)
    np.testing.assert_allclose(out[:16], [a.sum(), b.sum(), c.sum(), a.sum(), b.sum()] + [0] * 11, atol=1e-5)
    np.testing.assert_array_equal(out[16:32], np.clip(a - b, -1, 1))
    np.testing.assert_allclose(out[32:48], 1 / (1 + np.exp(-c.astype(float))), atol=5e-5)
    np.testing.assert_array_equal(out[48:], 3)


@njit
def _draws(number, count, limit):  # type: ignore[no-untyped-def]
    room = np.empty(1, np.uint64)
    state = address(room)
    seed(state, number)
    return [draw(state) for _ in range(count)], [below(state, limit) for _ in range(count)]


def test_random_bits_are_those_of_the_slow_twin_and_even() -> None:
    """Held to whole numbers of Python, to Kolmogorov and Smirnov, and to chi-squared."""
    bits, numbers = _draws(7, 20_000, 10)
    twin = Chance.of(7)
    assert [int(value) for value in bits[:50]] == [twin.draw() for _ in range(50)]
    assert stats.kstest(np.array(bits) / 2**32, "uniform").pvalue > 1e-3
    assert stats.chisquare(np.bincount(numbers, minlength=10)).pvalue > 1e-3


CASES = {
    "skipgram": {},
    "skipgram, fixed window": {"shrink": False},
    "skipgram, 11 negatives": {"negative": 11},
    "skipgram, 2 negatives": {"negative": 2},
    "skipgram, whole sentence": {"window": FARTHEST},
    "skipgram, fixed window, whole sentence": {"window": 1_000_000, "shrink": False},
    "skipgram, thinned": {"sample": 0.02},
    "skipgram, tree": {"hierarchical": True, "negative": 0},
    "skipgram, tree and negatives": {"hierarchical": True},
    "cbow": {"method": "cbow"},
    "cbow, sum": {"method": "cbow", "mean": False},
    "cbow, tree": {"method": "cbow", "hierarchical": True, "negative": 0},
    "cbow, whole sentence": {"method": "cbow", "window": FARTHEST},
    "cbow, subwords": {"method": "cbow", "subwords": (2, 3)},
    "cbow, subwords, whole sentence": {"method": "cbow", "subwords": (2, 3), "window": FARTHEST},
    "subwords": {"subwords": (2, 3)},
    "subwords, whole sentence": {"subwords": (2, 3), "window": FARTHEST},
    "subwords, tree": {"subwords": (2, 3), "hierarchical": True, "negative": 0},
}


@pytest.mark.parametrize(("dim", "own"), [(5, 0), (16, 12), (70, 0), (70, 12)])
@pytest.mark.parametrize("name", CASES)
def test_a_stretch_moves_all_weights_as_the_slow_twin_says(name: str, dim: int, own: int) -> None:
    """Every option, at dimensions that fill their last block and that do not, below and above four blocks; on shared rows and on copies of them."""
    options, generator = Word2VecOptions(dim=dim, **{"sample": 0, **CASES[name]}), np.random.default_rng(3)
    words, buckets = 30, 20 if "subwords" in name else 0
    sentences = [generator.integers(0, words, generator.integers(1, 15)).tolist() for _ in range(12)]
    counts = np.bincount(np.concatenate(sentences), minlength=words) + 1
    paths = huffman_paths(counts) if options.hierarchical else no_paths(words)
    paths_of = [
        [(words + int(node), float(label)) for node, label in zip(paths.nodes[a:b], paths.labels[a:b], strict=True)] for a, b in zip(paths.starts, paths.starts[1:], strict=False)
    ]
    table = negative_table(counts, 0.75, generator)[:3_000]
    bags = [[word, *(words + generator.integers(0, buckets, word % 4)).tolist()] if buckets else [word] for word in range(words)]
    inputs, outputs = aligned(words + buckets, dim), aligned(target_rows(words, options), dim)
    inputs[:], outputs[:] = generator.normal(0, 0.3, inputs.shape), generator.normal(0, 0.3, outputs.shape)
    outputs[-1] = 0
    keep = keep_thresholds(counts, options.sample)
    twin = Twin(
        sentences, inputs.astype(float), outputs.astype(float), bags, keep.tolist(), table.tolist(), paths_of, options.window, options.shrink, options.negative, options.mean
    )
    starts = np.concatenate([[0], np.cumsum([len(sentence) for sentence in sentences])])
    rates = [float(np.float32(0.1 - 0.05 * start / starts[-1])) for start in starts[:-1]]
    kind = "cbow" if options.method == "cbow" else "subword_skipgram" if buckets else "skipgram"
    twin.start(5)
    getattr(twin, kind)(rates)
    weights = weights_of(flat(inputs), flat(outputs), padded(dim), own, bool(buckets))
    getattr(kernels, kind)(
        kernels.Text(np.concatenate(sentences).astype(np.int32), starts),
        weights,
        kernels.Bags(np.concatenate([[0], np.cumsum([len(bag) for bag in bags])]), np.concatenate(bags).astype(np.int32), max(map(len, bags))),
        kernels.Draws(keep, table, paths.starts, (paths.nodes + words).astype(np.int32), paths.labels),
        kernels.Shape(options.window, options.shrink, 1 + options.negative if options.negative else 0, paths.deepest, options.mean),
        kernels.Stretch(0, len(sentences), 0.1, 0.05, 5),
    )
    hand_on_all(weights.own_inputs, weights.inputs, weights.width)
    hand_on_all(weights.own_outputs, weights.outputs, weights.width)
    np.testing.assert_allclose(inputs, twin.inputs, atol=3e-5)
    np.testing.assert_allclose(outputs, twin.outputs, atol=3e-5)
    assert not outputs[-1].any(), "the blank row must stay empty"
    assert not flat(inputs).reshape(len(inputs), -1)[:, dim:].any(), "the padding must stay empty"


def weights_of(inputs: np.ndarray, outputs: np.ndarray, width: int, own: int, subwords: bool) -> kernels.Weights:
    """Weights with copies of the rows of so many words, handed on at every third use."""
    return kernels.Weights(inputs, outputs, width, own_rows(inputs, 0 if subwords else own, width, 3), own_rows(outputs, own, width, 3))


def test_what_several_copies_learnt_is_added_up() -> None:
    """Three threads move copies of the same rows, by turns; the shared rows hold the sum of all moves, rows without a copy what was written to them."""
    generator, width, moves = np.random.default_rng(4), 16, np.zeros((5, 16))
    shared = generator.normal(0, 1, (5, width)).astype(np.float32)
    before, owns = shared.copy(), [own_rows(flat(shared), 4, width, 2) for _ in range(3)]
    for turn in range(60):
        own, word, move = owns[turn % 3], int(generator.integers(0, 5)), generator.normal(0, 1, width).astype(np.float32)
        in_copy = _move(own, flat(shared), word, move, width, turn % 7 == 0)
        assert in_copy == (word < 4), "only words with a copy are moved in one"
        moves[word] += move
    for own in owns:
        hand_on_all(own, flat(shared), width)
    np.testing.assert_allclose(shared, before + moves, atol=1e-4)


@njit
def _move(own, shared, word, move, width, now):  # type: ignore[no-untyped-def]
    mine = copies(own, shared)
    if now:
        hand_on(word, mine, width)
    at, q, m = row_of(word, mine, width), address(shared), address(move)
    store(q, at, add(load(q, at), load(m, 0)))
    return at != word * width


def test_the_twin_descends_the_loss_of_the_paper() -> None:
    """Its moves are the slopes of equation 4, taken by differences."""
    generator = np.random.default_rng(0)
    x, rows = generator.normal(0, 1, (1, 6)), generator.normal(0, 1, (3, 6))
    labels = [1.0, 0.0, 0.0]
    twin = Twin([[0]], x.copy(), rows.copy(), [[0]], [0], [0], [[]])
    twin.pairs([0], [(row, labels[row]) for row in range(3)], 1.0)

    def loss(x: np.ndarray, rows: np.ndarray) -> float:
        return pair_loss(x[0], [(rows[row], labels[row]) for row in range(3)])

    for matrix, moved in ((x, twin.inputs), (rows, twin.outputs)):
        slope = np.zeros_like(matrix)
        for at in np.ndindex(matrix.shape):
            kept = matrix[at]
            matrix[at] = kept + 1e-6
            up = loss(x, rows)
            matrix[at] = kept - 1e-6
            slope[at], matrix[at] = (up - loss(x, rows)) / 2e-6, kept
        np.testing.assert_allclose(moved - matrix, -slope, atol=1e-7)


def test_frequent_words_are_thinned_out_by_the_share_the_formula_gives() -> None:
    """Drawn 40,000 times."""
    counts = np.array([800, 150, 50])
    shares = keep_shares(counts, 0.01)
    assert shares == pytest.approx([(np.sqrt(80) + 1) / 80, (np.sqrt(15) + 1) / 15, (np.sqrt(5) + 1) / 5])
    bits = np.array(_draws(1, 40_000, 2)[0], dtype=np.uint64)
    for share, bound in zip(shares, keep_thresholds(counts, 0.01), strict=True):
        assert np.mean(bits <= bound) == pytest.approx(share, abs=0.01)


@pytest.mark.parametrize("power", [0.0, 0.75, 1.0])
def test_negatives_are_drawn_by_the_power_of_the_count(power: float) -> None:
    """In the whole table, and in any part of it."""
    counts = np.array([5_000, 700, 90, 11])
    table = negative_table(counts, power, np.random.default_rng(0))
    expected = counts**power / (counts**power).sum()
    np.testing.assert_allclose(np.bincount(table) / len(table), expected, atol=2e-6)
    assert stats.chisquare(np.bincount(table[:20_000]), expected * 20_000).pvalue > 1e-3, "any part of the table is a fair sample"


@pytest.mark.parametrize("power", [-300.0, 64.0, 300.0])
def test_a_power_beyond_all_numbers_leaves_one_kind_of_words(power: float) -> None:
    """The frequent ones, or the rare; the table keeps its length, and every word a slot."""
    shares = np.bincount(negative_table(np.array([100_000, 5_000, 100]), power, np.random.default_rng(0)))
    assert shares.tolist() == [1 << 20, 1, 1][:: 1 if power > 0 else -1]


def test_huffman_paths_are_as_short_as_an_optimal_code_and_no_path_begins_another() -> None:
    """Counted by hand."""
    counts = np.array([50, 20, 12, 8, 5, 3, 1, 1])
    paths = huffman_paths(counts)
    lengths = np.diff(paths.starts)
    assert (lengths * counts).sum() == 50 * 1 + 20 * 2 + 12 * 3 + 8 * 4 + 5 * 5 + 3 * 6 + 2 * 7
    codes = ["".join(str(int(label)) for label in paths.labels[a:b]) for a, b in zip(paths.starts, paths.starts[1:], strict=False)]
    assert not any(one != two and two.startswith(one) for one in codes for two in codes)
    assert all(paths.nodes[start] == len(counts) - 2 for start in paths.starts[:-1]), "every path begins at the root"


def test_one_word_alone_has_no_path() -> None:
    """There is nothing to tell it from."""
    assert huffman_paths(np.array([3])).deepest == 0


@pytest.mark.parametrize("name", CASES)
def test_kernels_stay_within_their_arrays(name: str) -> None:
    """Around both matrices lie numbers that are none: read, they would spread; written, they would be gone. Vocabularies of one to five words, uneven sentences."""
    options, generator, edge = Word2VecOptions(dim=16, **{"sample": 0, **CASES[name]}), np.random.default_rng(11), 4_096
    for number in range(60):
        width = (16, 80)[number % 2]
        words = int(generator.integers(1, 6))
        buckets = 7 if "subwords" in name else 0
        sentences = [generator.integers(0, words, generator.integers(1, 6)) for _ in range(4)]
        counts = np.bincount(np.concatenate(sentences), minlength=words) + 1
        paths = huffman_paths(counts) if options.hierarchical else no_paths(words)
        bags = [[word, *(words + generator.integers(0, buckets, word)).tolist()] if buckets else [word] for word in range(words)]
        sizes = ((words + buckets) * width, target_rows(words, options) * width)
        rooms = [np.full(size + 2 * edge, np.nan, np.float32) for size in sizes]
        for room in rooms:
            room[edge:-edge] = 0.01
        rooms[1][-edge - width : -edge] = 0
        getattr(kernels, "cbow" if options.method == "cbow" else "subword_skipgram" if buckets else "skipgram")(
            kernels.Text(np.concatenate(sentences).astype(np.int32), np.concatenate([[0], np.cumsum([len(sentence) for sentence in sentences])])),
            weights_of(rooms[0][edge:-edge], rooms[1][edge:-edge], width, min(words, number % 3), bool(buckets)),
            kernels.Bags(np.concatenate([[0], np.cumsum([len(bag) for bag in bags])]), np.concatenate(bags).astype(np.int32), max(map(len, bags))),
            kernels.Draws(keep_thresholds(counts, 0), negative_table(counts, 0.75, generator)[:100], paths.starts, (paths.nodes + words).astype(np.int32), paths.labels),
            kernels.Shape(5, options.shrink, 1 + options.negative if options.negative else 0, paths.deepest, options.mean),
            kernels.Stretch(0, len(sentences), 0.05, 0.01, number),
        )
        for room in rooms:
            assert np.isfinite(room[edge:-edge]).all()
            assert np.isnan(room[:edge]).all()
            assert np.isnan(room[-edge:]).all()
        assert not rooms[1][-edge - width : -edge].any(), "the blank row must stay empty"


def test_a_kernel_that_cannot_be_kept_works_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a full disk: before, the file that was read was called damaged."""
    from numba.core import caching

    from ringsmith.words.kernels import decimals

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(caching.IndexDataCacheFile, "load", lambda *_: None)
    monkeypatch.setattr(caching.IndexDataCacheFile, "save", full)
    kernel = njit(cache=True)(decimals.newlines.py_func)
    assert kernel(np.frombuffer(b"a\nb\n", np.uint8)).tolist() == [1, 3]
