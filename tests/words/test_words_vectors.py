"""Neighbours, analogies and similarity of word vectors, against slow twins in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from ringsmith.errors import InputError, OptionError, UnknownName
from ringsmith.words.neighbours import Best
from ringsmith.words.quantise import quantise
from ringsmith.words.vectors import WordVectors

Matrix = npt.NDArray[Any]


def made_up(rows: int = 500, width: int = 20, seed: int = 0) -> WordVectors:
    """Random vectors of different lengths; one is all zeros."""
    rng = np.random.default_rng(seed)
    matrix = (rng.normal(size=(rows, width)) * rng.uniform(0.1, 5, size=(rows, 1))).astype(np.float32)
    matrix[rows // 2] = 0
    return WordVectors([f"w{row}" for row in range(rows)], matrix, np.arange(rows, 0, -1))


def units(matrix: Matrix) -> Matrix:
    """Each row in length 1, in float64; zeros stay zeros."""
    norms = np.linalg.norm(matrix.astype(np.float64), axis=1, keepdims=True)
    return matrix.astype(np.float64) / np.where(norms > 0, norms, 1)


def slow_nearest(vectors: WordVectors, query: Matrix, barred: set[int]) -> list[int]:
    """All rows by descending cosine, sorted in full, without the barred."""
    scores = units(vectors.matrix) @ units(query[None])[0]
    return [int(row) for row in np.argsort(-scores, kind="stable") if int(row) not in barred]


@pytest.mark.parametrize("block", [7, 100, 10_000])
def test_the_nearest_are_those_of_a_full_sort(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    """Whatever the size of the blocks."""
    monkeypatch.setattr("ringsmith.words.neighbours.BLOCK", block)
    monkeypatch.setattr("ringsmith.words.neighbours.blocks.__defaults__", (None, block))
    vectors = made_up()
    for word in ("w0", "w17", "w499"):
        row = vectors.row(word)
        expected = [f"w{other}" for other in slow_nearest(vectors, vectors.matrix[row], {row})[:10]]
        assert [found.word for found in vectors.nearest(word)] == expected


def test_many_queries_find_what_each_finds_alone() -> None:
    """Above 64 queries the block is scaled instead of the scores: the same neighbours."""
    vectors = made_up()
    words = [f"w{row}" for row in range(150)]
    together = vectors.nearest(words, 5)
    assert [[found.word for found in line] for line in together] == [[found.word for found in vectors.nearest(word, 5)] for word in words]
    np.testing.assert_allclose([line[0].similarity for line in together], [vectors.nearest(word, 1)[0].similarity for word in words], rtol=1e-5)


def test_equal_scores_come_in_the_order_of_the_words() -> None:
    """The more frequent word first."""
    matrix = np.tile(np.array([[1.0, 0.0]], dtype=np.float32), (50, 1))
    vectors = WordVectors([f"w{row}" for row in range(50)], matrix)
    assert [found.word for found in vectors.nearest(np.array([1.0, 0.0]), 4)] == ["w0", "w1", "w2", "w3"]


def test_a_filtered_search_finds_only_what_is_asked_for() -> None:
    """`among` and `exclude`; names that are not there do not matter."""
    vectors = made_up()
    among = [f"w{row}" for row in range(0, 500, 3)]
    found = vectors.nearest("w3", 7, among=[*among, "nobody"], exclude=["w9", "nobody"])
    expected = [row for row in slow_nearest(vectors, vectors.matrix[3], {3, 9}) if row % 3 == 0][:7]
    assert [name for name, _ in found] == [f"w{row}" for row in expected]
    assert vectors.nearest("w3", among=[]) == []
    assert vectors.nearest("w3", among=["w3"]) == []


def test_more_neighbours_than_words_are_all_words() -> None:
    """No padding comes through."""
    vectors = made_up(8)
    assert len(vectors.nearest("w0", 100)) == 7
    assert len(vectors.nearest(vectors.matrix[:2], 100)[1]) == 8


def test_a_vector_of_zeros_is_near_to_nothing() -> None:
    """Its cosine is 0, not NaN."""
    vectors = made_up(10)
    assert vectors.similarity("w5", "w1") == 0
    assert {similarity for _, similarity in vectors.nearest("w5")} == {0.0}


def test_analogies_are_those_of_the_papers() -> None:
    """3CosAdd: cosine with a sum of unit vectors; 3CosMul: Levy and Goldberg's equation 4; the words of the question are left out."""
    vectors = made_up()
    unit = units(vectors.matrix)
    add = unit @ (unit[1] + unit[2] - unit[3])
    moved = (1 + unit @ unit[[1, 2, 3]].T) / 2
    multiplied = moved[:, 0] * moved[:, 1] / (moved[:, 2] + 1e-6)
    for method, scores in (("3cosadd", add), ("3cosmul", multiplied)):
        expected = [f"w{row}" for row in np.argsort(-scores, kind="stable") if row not in (1, 2, 3)][:10]
        found = vectors.analogy(["w1", "w2"], ["w3"], method=method)  # type: ignore[arg-type]
        assert [name for name, _ in found] == expected
    among = vectors.analogy(["w1", "w2"], ["w3"], 3, method="3cosmul", among=["w7", "w8", "w1"])
    assert {name for name, _ in among} == {"w7", "w8"}


def test_the_odd_one_is_the_farthest_from_the_mean() -> None:
    """By hand: three near one axis, one on the other."""
    vectors = WordVectors(["a", "b", "c", "d"], np.array([[1, 0.1], [2, 0], [1, -0.1], [0, 3]], dtype=np.float32))
    assert vectors.odd_one_out(["a", "b", "c", "d"]) == "d"


@pytest.mark.parametrize("precision", ["float16", "int8"])
def test_smaller_numbers_cost_what_is_said(precision: Any) -> None:
    """The loss is the one a float64 twin measures, and the neighbours come from the small matrix."""
    vectors = made_up(400, 64)
    small, loss = quantise(vectors, precision)
    assert str(small.matrix.dtype) == precision
    cosines = (units(vectors.matrix) * units(small.vectors(small.words))).sum(axis=1)[vectors.norms > 0]
    assert loss.cosine_mean == pytest.approx(cosines.mean(), abs=1e-6)
    assert loss.cosine_worst == pytest.approx(cosines.min(), abs=1e-6)
    assert loss.cosine_worst > 0.999
    assert loss.neighbours_kept > 0.95
    assert loss.bytes_after == (400 * 64 * 2 if precision == "float16" else 400 * 64 + 400 * 4)
    decoded = WordVectors(small.words, small.vectors(small.words))
    assert [name for name, _ in small.nearest("w7")] == [name for name, _ in decoded.nearest("w7")]
    np.testing.assert_allclose(small.norms, decoded.norms, rtol=1e-5)


def test_the_best_of_blocks_are_the_best_of_all() -> None:
    """Blocks of different sizes, scores with ties."""
    rng = np.random.default_rng(1)
    scores = rng.integers(0, 30, size=(5, 1000)).astype(np.float32)
    best = Best(5, 9)
    for start, end in ((0, 3), (3, 500), (500, 501), (501, 1000)):
        best.add(scores[:, start:end], np.arange(start, end))
    expected = np.argsort(-scores, axis=1, kind="stable")[:, :9].tolist()
    assert best.found().ids.tolist() == expected


def test_an_unknown_word_is_named_with_the_nearest_spellings() -> None:
    """Not a KeyError."""
    vectors = WordVectors(["house", "mouse"], np.eye(2, dtype=np.float32))
    with pytest.raises(UnknownName, match=r"There is no vector for the word 'hause' among 2\. Did you mean 'house' or 'mouse'\?"):
        vectors.nearest("hause")
    for other in ("HOUSE", "huose"):
        with pytest.raises(UnknownName, match=rf"There is no vector for the word '{other}' among 2\. Did you mean 'house'"):
            vectors.row(other)
    with pytest.raises(UnknownName, match="No word is spelt nearly so"):
        vectors.vector("zzzzzz")


def test_wrong_calls_are_refused_in_a_sentence() -> None:
    """Each says what was got."""
    vectors = made_up(10)
    with pytest.raises(OptionError, match="'n' must be at least 1; got 0"):
        vectors.nearest("w1", 0)
    with pytest.raises(OptionError, match=r"A query must be a word or a vector of 20 numbers; got the shape \(1, 3\)"):
        vectors.nearest(np.ones(3))
    with pytest.raises(OptionError, match="vector of finite numbers; got NaN or infinity"):
        vectors.nearest(np.full(20, np.nan))
    with pytest.raises(OptionError, match="'method' must be '3cosadd' or '3cosmul'; got 'add'"):
        vectors.analogy(["w1"], method="add")  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="'positive' must hold at least one word"):
        vectors.analogy([])
    with pytest.raises(OptionError, match="'words' must hold at least two words; got 1"):
        vectors.odd_one_out(["w1"])
    with pytest.raises(OptionError, match="'precision' must be 'float16' or 'int8'; got 'int4'"):
        quantise(vectors, "int4")  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="float16 holds numbers up to 65,504; the vector of 'a' has larger ones"):
        quantise(WordVectors(["a"], np.full((1, 2), 1e6, dtype=np.float32)), "float16")


def test_a_space_that_does_not_fit_is_refused() -> None:
    """Shapes at once, NaN when the norms are needed."""
    with pytest.raises(InputError, match=r"one row for each of the 2 words; got the shape \(3, 3\)"):
        WordVectors(["a", "b"], np.eye(3))
    with pytest.raises(InputError, match=r"'counts' must hold one number for each of the 2 words; got the shape \(1,\)"):
        WordVectors(["a", "b"], np.eye(2), np.array([1]))
    broken = WordVectors(["a", "b"], np.array([[1, 2], [np.nan, 1]], dtype=np.float32))
    with pytest.raises(InputError, match="got NaN, infinity or a number beyond float32's squares in row 1"):
        broken.nearest("a")
