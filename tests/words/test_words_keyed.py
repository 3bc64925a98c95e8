"""gensim's face: the same answers as gensim, side by side where it is installed, and its manners where it is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from vector_spaces import random_space

from ringsmith.errors import OptionError, ReadError
from ringsmith.words.keyed import KeyedVectors
from ringsmith.words.keys import MissingKey
from ringsmith.words.vectors import WordVectors


@pytest.fixture
def ours() -> KeyedVectors:
    """300 random words with counts."""
    return KeyedVectors(random_space(300))


@pytest.fixture
def theirs(ours: KeyedVectors) -> Any:
    """The same in gensim."""
    gensim = pytest.importorskip("gensim.models", reason="gensim is not installed")
    vectors = gensim.KeyedVectors(20)
    vectors.add_vectors(list(ours.index_to_key), ours.vectors.copy())
    for word in ours.index_to_key:
        vectors.set_vecattr(word, "count", ours.get_vecattr(word, "count"))
    return vectors


def same(one: Any, other: Any) -> None:
    """The same words in the same order, figures within float32's rounding."""
    assert [word for word, _ in one] == [word for word, _ in other]
    np.testing.assert_allclose([figure for _, figure in one], [figure for _, figure in other], rtol=2e-5, atol=1e-6)


CALLS: list[dict[str, Any]] = [
    {"positive": "w1"},
    {"positive": ["w1", "w2"], "negative": ["w3"]},
    {"positive": ["w1", "w2"], "negative": "w3", "topn": 3},
    {"positive": [("w1", 0.5), "w2"], "negative": [("w7", -2.0)]},
    {"positive": [5, "w2"], "topn": 4},
    {"positive": ["w1"], "restrict_vocab": 50},
    {"positive": ["w200"], "clip_start": 20, "clip_end": 120},
    {"negative": ["w9"]},
    {"positive": ["w1"], "topn": 0},
    {"positive": ["w1"], "topn": 1000},
]


@pytest.mark.parametrize("call", CALLS, ids=str)
def test_most_similar_has_gensims_answers(ours: KeyedVectors, theirs: Any, call: dict[str, Any]) -> None:
    """Keys, weights, numbers, clipping."""
    same(ours.most_similar(**call), theirs.most_similar(**call))


@pytest.mark.filterwarnings("ignore:Call to deprecated `init_sims`:DeprecationWarning")
def test_the_other_searches_have_gensims_answers(ours: KeyedVectors, theirs: Any) -> None:
    """By word, by vector, multiplied, all cosines."""
    same(ours.similar_by_word("w4", 6), theirs.similar_by_word("w4", 6))
    same(ours.similar_by_vector(ours["w4"] * 3, topn=6), theirs.similar_by_vector(ours["w4"] * 3, topn=6))
    same(ours.most_similar_cosmul(["w1", "w2"], ["w3"]), theirs.most_similar_cosmul(["w1", "w2"], ["w3"]))
    same(ours.most_similar_cosmul("w1"), theirs.most_similar_cosmul("w1"))
    np.testing.assert_allclose(ours.most_similar("w1", topn=None), theirs.most_similar("w1", topn=None), rtol=2e-5, atol=1e-6)


def test_figures_are_gensims(ours: KeyedVectors, theirs: Any) -> None:
    """Similarity, distance, means, ranks, odd words."""
    words, more = ["w1", "w2", "w3"], ["w7", "w8"]
    for name, arguments in (
        ("similarity", ("w1", "w2")), ("distance", ("w1", "w2")), ("distances", ("w1",)), ("distances", ("w1", words)), ("n_similarity", (words, more)), ("rank", ("w1", "w9")),
        ("get_mean_vector", (words,)), ("get_mean_vector", (words, [1, 2, -3], False, True)), ("get_normed_vectors", ()), ("get_vector", ("w1", True)),
        ("get_vecattr", ("w4", "count")),
    ):  # fmt: skip
        np.testing.assert_allclose(getattr(ours, name)(*arguments), getattr(theirs, name)(*arguments), rtol=2e-5, atol=1e-6, err_msg=name)
    assert ours.doesnt_match([*words, *more]) == theirs.doesnt_match([*words, *more])
    assert ours.closer_than("w1", "w9") == theirs.closer_than("w1", "w9")
    assert ours.most_similar_to_given("w1", words[1:]) == theirs.most_similar_to_given("w1", words[1:])
    assert len(ours) == len(theirs)
    assert (ours.vector_size, ours.index_to_key, dict(ours.key_to_index)) == (theirs.vector_size, theirs.index_to_key, theirs.key_to_index)
    np.testing.assert_array_equal(ours[["w1", "w2"]], theirs[["w1", "w2"]])
    np.testing.assert_array_equal(ours[3], theirs[3])
    ours.fill_norms()
    theirs.fill_norms()
    np.testing.assert_allclose(ours.norms, theirs.norms, rtol=1e-6)


def test_adding_and_sorting_have_gensims_result(ours: KeyedVectors, theirs: Any) -> None:
    """New keys, replaced keys, order by frequency, subsets."""
    for vectors in (ours, theirs):
        vectors.add_vectors(["new", "w1", "newer", "newest"], np.arange(80, dtype=np.float32).reshape(4, 20))
        vectors["w2"] = np.full(20, 2, dtype=np.float32)
        vectors.set_vecattr("w5", "count", 10_000)
        vectors.set_vecattr("new", "count", 295)
        vectors.sort_by_descending_frequency()
    assert ours.index_to_key == theirs.index_to_key
    np.testing.assert_array_equal(ours.vectors, theirs.vectors)
    some, others = ours.vectors_for_all(["w5", "nobody", "w2", "w5"]), theirs.vectors_for_all(["w5", "nobody", "w2", "w5"])
    assert some.index_to_key == others.index_to_key
    np.testing.assert_array_equal(some.vectors, others.vectors)


def test_distances_come_in_the_order_that_was_asked_for(ours: KeyedVectors, theirs: Any) -> None:
    """Also where all words are named, in another order than their numbers."""
    turned = ours.index_to_key[::-1]
    np.testing.assert_allclose(ours.distances("w1", turned), theirs.distances("w1", turned), rtol=2e-5, atol=1e-6)


def write_sets(folder: Path) -> tuple[Path, Path]:
    """Random analogies (some of them right by chance, some unknown) and pairs."""
    rng = np.random.default_rng(3)
    lines = [": one"] + [" ".join(f"W{row}" for row in rng.permutation(12)[:4]) for _ in range(60)] + [": two", "w1 w2 w3 nobody", "broken line"]
    lines += [" ".join(f"w{row}" for row in rng.permutation(300)[:4]) for _ in range(40)]
    (folder / "analogies.txt").write_text("\n".join(line for line in lines if line != "broken line") + "\n", encoding="utf-8")
    pairs = ["# a comment"] + [f"w{a}\tW{b}\t{score:.2f}" for a, b, score in zip(rng.integers(0, 310, 80), rng.integers(0, 310, 80), rng.random(80), strict=True)]
    (folder / "pairs.tsv").write_text("\n".join(pairs) + "\n", encoding="utf-8")
    return folder / "analogies.txt", folder / "pairs.tsv"


@pytest.mark.parametrize("options", [{}, {"restrict_vocab": 8}, {"restrict_vocab": 40, "dummy4unknown": True}, {"case_insensitive": False}], ids=str)
def test_evaluations_have_gensims_figures(tmp_path: Path, options: dict[str, Any]) -> None:
    """Right and wrong questions section by section, correlations with p-values, coverage."""
    gensim = pytest.importorskip("gensim.models", reason="gensim is not installed")
    analogies, pairs = write_sets(tmp_path)
    ours = KeyedVectors(random_space(300, width=2))
    theirs = gensim.KeyedVectors(2)
    theirs.add_vectors(ours.index_to_key, ours.vectors.copy())
    one, other = ours.evaluate_word_analogies(analogies, **options), theirs.evaluate_word_analogies(str(analogies), **options)
    assert one[0] == pytest.approx(other[0])
    for a, b in zip(one[1], other[1], strict=True):
        assert (a["section"], a["correct"], a["incorrect"]) == (b["section"], b["correct"], b["incorrect"])
    known = {**options, "restrict_vocab": max(200, options.get("restrict_vocab", 300))}
    if options.get("case_insensitive") is False:
        pairs.write_text(pairs.read_text(encoding="utf-8").lower(), encoding="utf-8")
    np.testing.assert_allclose(np.hstack(ours.evaluate_word_pairs(pairs, **known)), np.hstack(theirs.evaluate_word_pairs(str(pairs), **known)), rtol=1e-4, atol=1e-5)


def test_movers_distance_is_least() -> None:
    """By hand: one word moved; shares; and never more than moving everything to the centre and back."""
    vectors = KeyedVectors(WordVectors(["a", "b", "c"], np.array([[1, 0], [0, 1], [-1, 0]], dtype=np.float32)))
    assert vectors.wmdistance(["a", "b"], ["b", "a"]) == 0
    assert vectors.wmdistance(["a"], ["b"]) == pytest.approx(2**0.5)
    assert vectors.wmdistance(["a", "b"], ["a", "c"]) == pytest.approx(0.5 * 2**0.5)
    assert vectors.wmdistance(["a", "a", "b"], ["a", "b", "b"]) == pytest.approx(2**0.5 / 3)
    assert vectors.wmdistance(["nobody"], ["a"]) == float("inf")


def test_movers_distance_of_equal_shares_is_an_assignment() -> None:
    """Texts of as many different words: the best one-to-one assignment, which SciPy finds in another way."""
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist

    vectors = KeyedVectors(random_space(60))
    one, other = [f"w{row}" for row in range(12)], [f"w{row}" for row in range(20, 32)]
    costs = cdist(vectors.get_normed_vectors()[:12], vectors.get_normed_vectors()[20:32])
    assert vectors.wmdistance(one, other) == pytest.approx(costs[linear_sum_assignment(costs)].mean(), rel=1e-5)


def test_files_come_and_go_under_gensims_names(tmp_path: Path, ours: KeyedVectors) -> None:
    """word2vec text and binary, a limit, the counts' file, our own form for a bare name."""
    ours.save_word2vec_format(tmp_path / "v.bin", fvocab=tmp_path / "v.vocab", binary=True)
    again = KeyedVectors.load_word2vec_format(tmp_path / "v.bin", binary=True, limit=7)
    np.testing.assert_array_equal(again.vectors, ours.vectors[:7])
    assert (tmp_path / "v.vocab").read_text(encoding="utf-8").startswith("w0 300\nw1 299\n")
    ours.save(tmp_path / "wordvectors.kv")
    loaded = KeyedVectors.load(tmp_path / "wordvectors.kv", mmap="r")
    assert isinstance(loaded.vectors, np.memmap)
    assert loaded.get_vecattr("w3", "count") == 297
    (tmp_path / "g.txt").write_text("a 1 2\nb 3 4\n", encoding="utf-8")
    assert KeyedVectors.load_word2vec_format(tmp_path / "g.txt", no_header=True)["b"].tolist() == [3, 4]
    with pytest.raises(ReadError, match=r"the header must say|first line must say"):
        KeyedVectors.load_word2vec_format(tmp_path / "g.txt")


def test_the_manners_are_gensims(ours: KeyedVectors) -> None:
    """Unknown keys are KeyErrors, vectors are not written to, membership knows numbers."""
    with pytest.raises(KeyError, match="There is no vector for the word 'v299' among 300"):
        _ = ours["v299"]
    with pytest.raises(MissingKey, match="There is no vector for the word 'nobody'"):
        ours.most_similar(["nobody"])
    with pytest.raises(MissingKey):
        ours.most_similar_cosmul(["nobody"])
    with pytest.raises(ValueError, match="read-only"):
        ours["w1"][0] = 5
    assert ("w1" in ours, "nobody" in ours, 5 in ours, 300 in ours) == (True, False, True, False)
    assert ours.get_index("nobody", -1) == -1
    assert repr(ours) == "KeyedVectors<vector_size=20, 300 keys>"
    with pytest.raises(OptionError, match="'keys' must hold at least one word or vector"):
        ours.most_similar()
    with pytest.raises(OptionError, match="'weights' must be as many as the 2 keys; got 1"):
        ours.get_mean_vector(["w1", "w2"], [1])
    with pytest.raises(OptionError, match="'weights' must hold 20 numbers for each key; got 3"):
        ours.add_vectors(["x"], np.ones((1, 3)))
    with pytest.raises(OptionError, match="'attr' must be 'count', where counts are known; got 'sample_int'"):
        ours.get_vecattr("w1", "sample_int")  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="'ws1' and 'ws2' must each hold at least one word"):
        ours.n_similarity([], ["w1"])
    with pytest.raises(OptionError, match="'words' must hold at least one known word; got"):
        ours.doesnt_match(["nobody"])
    with pytest.raises(OptionError, match="Words can be sorted by frequency where their counts are known"):
        KeyedVectors(WordVectors(["a"], np.ones((1, 2), dtype=np.float32))).sort_by_descending_frequency()
