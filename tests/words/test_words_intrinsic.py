"""Analogies, pairs, outliers and the comparison of two spaces, against hand-made spaces and slow twins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.stats import ortho_group, spearmanr
from vector_spaces import random_space

from ringsmith.errors import InputError, OptionError, ReadError, RingsmithError
from ringsmith.words.intrinsic import evaluate_analogies, evaluate_outliers, evaluate_pairs
from ringsmith.words.questions import OutlierSet, Pair, Question, Section, read_analogies, read_outliers, read_pairs, read_questions
from ringsmith.words.spaces import align, compare_spaces, procrustes
from ringsmith.words.vectors import WordVectors


def kingdom() -> WordVectors:
    """Words whose vectors are sums of what they mean, so that analogies hold; and some that mean nothing."""
    rng = np.random.default_rng(0)
    meaning = {name: rng.normal(size=16) for name in ("royal", "man", "woman", "uncle", "actor", "he")}
    words = {f"{sex}-{role}": meaning[sex] + meaning[role] for sex in ("man", "woman") for role in ("royal", "uncle", "actor", "he")}
    words |= {f"noise{number}": rng.normal(size=16) for number in range(40)}
    return WordVectors(list(words), np.array(list(words.values()), dtype=np.float32))


@pytest.mark.parametrize("method", ["3cosadd", "3cosmul"])
def test_analogies_that_hold_are_answered(method: Any) -> None:
    """Every question about roles and sexes; unknown ones are counted and left out."""
    roles = ["royal", "uncle", "actor", "he"]
    questions = [Question(f"man-{a}", f"woman-{a}", f"man-{b}", f"woman-{b}") for a in roles for b in roles if a != b]
    sections = [Section("roles", tuple(questions)), Section("unknown", (Question("a", "b", "c", "d"),)), Section("wrong", (Question("man-he", "woman-he", "man-uncle", "noise3"),))]
    scores = evaluate_analogies(kingdom(), sections, method=method)
    assert [(s.section, s.asked, s.known, s.right, s.accuracy) for s in scores.sections] == [("roles", 12, 12, 12, 1.0), ("unknown", 1, 0, 0, None), ("wrong", 1, 1, 0, 0.0)]
    assert (scores.total.asked, scores.total.known, scores.total.right) == (14, 13, 12)
    assert scores.wrong[2] == (Question("man-he", "woman-he", "man-uncle", "noise3"),)


@pytest.mark.parametrize("method", ["3cosadd", "3cosmul"])
def test_many_analogies_are_answered_as_one_at_a_time(method: Any) -> None:
    """The blocked answer to 500 questions is that of `WordVectors.analogy`."""
    space, rng = random_space(60, width=3), np.random.default_rng(1)
    questions = tuple(Question(*(f"w{row}" for row in rng.permutation(60)[:4])) for _ in range(500))
    scores = evaluate_analogies(space, [Section("all", questions)], method=method)
    expected = [q for q in questions if space.analogy([q.b, q.c], [q.a], 1, method=method)[0].word == q.d]
    assert 0 < len(expected) < 100
    assert list(scores.right[0]) == expected


def test_case_does_not_matter_unless_it_shall() -> None:
    """The most frequent form counts; exact spelling on demand."""
    space = WordVectors(["Apple", "apple", "pear"], np.array([[1, 0], [0, 1], [0.9, 0.1]], dtype=np.float32))
    pairs = [Pair("APPLE", "PEAR", 3), Pair("apple", "apple", 5), Pair("pear", "pear", 4)]
    assert evaluate_pairs(space, pairs).known == 3
    assert evaluate_pairs(space, pairs, fold=False).known == 2


def test_spearman_is_scipys_and_its_interval_holds_it() -> None:
    """With ties, and coverage shown."""
    space, rng = random_space(40, width=4), np.random.default_rng(2)
    pairs = [Pair(f"w{a}", f"w{b}", float(score)) for a, b, score in zip(rng.integers(0, 50, 200), rng.integers(0, 50, 200), rng.integers(0, 5, 200), strict=True)]
    score = evaluate_pairs(space, pairs)
    known = [pair for pair in pairs if pair.one in space and pair.other in space]
    assert (score.pairs, score.known) == (200, len(known))
    expected = spearmanr([space.similarity(pair.one, pair.other) for pair in known], [pair.score for pair in known]).statistic
    assert score.spearman == pytest.approx(expected, abs=1e-4)
    assert score.low is not None
    assert score.high is not None
    assert score.spearman is not None
    assert -1 <= score.low < score.spearman < score.high <= 1
    # Fisher's interval of a rank correlation near 0 is about 2 x 1.96 / sqrt(n) wide.
    assert score.high - score.low == pytest.approx(2 * 1.96 / len(known) ** 0.5, rel=0.25)


def test_too_few_or_equal_pairs_have_no_correlation() -> None:
    """None, not NaN."""
    space = random_space(10)
    assert evaluate_pairs(space, [Pair("w1", "w2", 1), Pair("w1", "x", 2)]).spearman is None
    assert evaluate_pairs(space, [Pair("w1", "w2", 1)] * 5).spearman is None


def test_outliers_are_found_by_hand() -> None:
    """Three fruits, a car that does not belong (found) and a fruit that does (in its place); compounds get the mean of their parts."""
    rows = {"apple": [1, 0.1], "pear": [1, 0.2], "plum": [1, 0.0], "car": [0, 1], "fig": [1, 0.1], "red": [1, 0], "currant": [1, 0.3]}
    space = WordVectors(list(rows), np.array(list(rows.values()), dtype=np.float32))
    found = evaluate_outliers(space, [OutlierSet("fruit", ("apple", "pear", "plum", "nobody"), ("car", "unknown"))])
    assert (found.asked, found.known, found.accuracy, found.position) == (2, 1, 1.0, 1.0)
    missed = evaluate_outliers(space, [OutlierSet("fruit", ("apple", "pear", "plum"), ("red_currant",))])
    assert missed.accuracy == 0
    assert missed.position is not None
    assert missed.position < 1
    assert evaluate_outliers(space, [OutlierSet("fruit", ("x", "y"), ("car",))]).accuracy is None


def test_a_rotated_space_is_the_same_space() -> None:
    """Procrustes finds the rotation, all neighbours stay."""
    space, turn = random_space(200, width=8), ortho_group.rvs(8, random_state=0).astype(np.float32)
    turned = WordVectors(list(reversed(space.words)), (space.matrix @ turn)[::-1])
    result = compare_spaces(space, turned)
    assert (result.words_one, result.shared, result.compared) == (200, 200, 200)
    assert result.overlap == 1
    assert result.cosine == pytest.approx(1, abs=1e-5)
    assert result.cosine_before is not None
    assert result.cosine_before < 0.5
    np.testing.assert_allclose(align(space, turned).matrix, space.matrix @ turn, atol=1e-4)
    np.testing.assert_allclose(procrustes(space.matrix, space.matrix @ turn), turn, atol=1e-5)


def test_the_word_whose_company_changed_is_told() -> None:
    """One word is moved to another crowd; its neighbours of before and after are named."""
    rng = np.random.default_rng(0)
    crowds = np.repeat(np.eye(4, 12, dtype=np.float32), 20, axis=0) + rng.normal(size=(80, 12)).astype(np.float32) * 0.05
    moved = crowds.copy()
    moved[5] = crowds[70] + 0.01
    words = [f"w{row}" for row in range(80)]
    result = compare_spaces(WordVectors(words, crowds), WordVectors([*words, "extra"], np.vstack([moved, moved[:1]])), neighbours=8, moved=3)
    first = result.moved[0]
    assert (first.word, first.overlap) == ("w5", 0)
    assert set(first.one) <= {f"w{row}" for row in range(20)}
    assert set(first.other) <= {f"w{row}" for row in range(60, 80)}
    assert (result.words_other, result.shared, len(result.moved)) == (81, 80, 3)


def test_spaces_of_different_width_can_be_compared() -> None:
    """Without a cosine as they stand."""
    one = random_space(50, width=6)
    other = WordVectors(one.words, np.hstack([one.matrix, np.zeros((50, 3), dtype=np.float32)]))
    result = compare_spaces(one, other)
    assert result.cosine_before is None
    assert result.cosine == pytest.approx(1, abs=1e-5)


def test_wrong_comparisons_are_refused() -> None:
    """Nothing shared, numbers below 1, methods that are none, nothing known."""
    one, other = random_space(5), WordVectors(["w1"], np.ones((1, 20), dtype=np.float32))
    with pytest.raises(InputError, match="Two spaces must share at least two words; got 1, of 5 and 1"):
        compare_spaces(one, other)
    with pytest.raises(OptionError, match="'neighbours' must be at least 1; got 0"):
        compare_spaces(one, one, neighbours=0)
    with pytest.raises(OptionError, match="'method' must be '3cosadd' or '3cosmul' and 'most' at least 1; got 'x' and 5"):
        evaluate_analogies(one, [], method="x", most=5)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="At least one analogy must have all its words among the vectors; none of 1 has"):
        evaluate_analogies(one, [Section("s", (Question("a", "b", "c", "d"),))])


BAD = [
    (read_analogies, "a b c\n", r":1: a line must hold four words, or ': ' and the name of a section; got 'a b c'"),
    (read_analogies, ": only a name\n", "there must be at least one analogy, four words a line; got none"),
    (read_pairs, "a\tb\t1\na\tb\n", r":2: a line must hold two words and a number; got 'a\\tb'"),
    (read_pairs, "word1,word2,score\n", "there must be at least one pair of words with a number; got none"),
    (read_pairs, "a b nan\nc d e\n", r":2: a line must hold two words and a number"),
    (read_outliers, "a\nb\nc\n", "a set must hold two words or more, an empty line, and outliers; got 3 and 0"),
]


@pytest.mark.parametrize(("read", "content", "sentence"), BAD, ids=lambda value: getattr(value, "__name__", repr(value)[:30]))
def test_files_of_questions_that_are_none_are_refused(tmp_path: Path, read: Any, content: str, sentence: str) -> None:
    """With file and line."""
    path = tmp_path / "file.txt"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ReadError, match=sentence):
        read(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ReadError, match="the file must be UTF-8; byte 0 is not"):
        read(path)
    with pytest.raises(ReadError, match="there is no such file"):
        read(tmp_path / "none.txt")


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=200), read=st.sampled_from([read_analogies, read_pairs, read_outliers]))
def test_garbage_questions_are_refused_in_a_sentence(tmp_path: Path, content: bytes, read: Any) -> None:
    """Questions or one of our errors."""
    path = tmp_path / "file.txt"
    path.write_bytes(content)
    try:
        assert read(path)
    except RingsmithError:
        return


def test_pairs_come_in_many_dialects(tmp_path: Path) -> None:
    """Tabs, commas, blanks; comments, headings, further columns, CRLF, a byte order mark."""
    path = tmp_path / "pairs.txt"
    for content in ("# c\na\tb\t1.5\r\nc\td\t2\r\n", "\ufeffa,b,1.5\nc,d,2\n", "a b 1.5\nc d 2\n", "word1\tword2\tPOS\tSimLex999\na\tb\tN\t1.5\nc\td\tV\t2\n"):
        path.write_text(content, encoding="utf-8", newline="")
        assert read_pairs(path) == (Pair("a", "b", 1.5), Pair("c", "d", 2))


@pytest.mark.parametrize("content", ["word1,word2,score\nw1,w2,1\nw3,w4,2\n", "w1;w2;1\nw3;w4;2\n", "w1,w2,1\n", "w1 w2 1 A\nw3 w4 2 B\n", "w1,w2,1\nw3,w4,2\nw5,w6,3\n"])
def test_pairs_are_told_from_other_questions(tmp_path: Path, content: str) -> None:
    """Whatever parts them, with a heading and further columns or without."""
    (tmp_path / "pairs.csv").write_text(content, encoding="utf-8")
    assert read_questions(tmp_path / "pairs.csv") == read_pairs(tmp_path / "pairs.csv")
    assert read_pairs(tmp_path / "pairs.csv")[0] == Pair("w1", "w2", 1.0)


def test_one_bad_line_makes_no_other_questions_of_pairs(tmp_path: Path) -> None:
    """It is told by its number."""
    (tmp_path / "pairs.csv").write_text("w1,w2,1\nw3,w4,2\nw5,w6\n", encoding="utf-8")
    with pytest.raises(ReadError, match=r"pairs\.csv:3: a line must hold two words and a number; got 'w5,w6'"):
        read_questions(tmp_path / "pairs.csv")


def test_outlier_sets_come_as_a_file_or_a_folder(tmp_path: Path) -> None:
    """As in the 8-8-8 data."""
    (tmp_path / "fruit.txt").write_text("apple\npear\n\ncar\nbus\n", encoding="utf-8")
    (tmp_path / "months.txt").write_text("May\r\nJune\r\n\r\nMonday\r\n", encoding="utf-8", newline="")
    assert read_outliers(tmp_path) == (OutlierSet("fruit", ("apple", "pear"), ("car", "bus")), OutlierSet("months", ("May", "June"), ("Monday",)))
    assert read_outliers(tmp_path / "fruit.txt")[0].outliers == ("car", "bus")


@pytest.mark.shared_data
def test_the_usual_sets_are_read(shared: Path) -> None:
    """Their sizes are those of their papers."""
    folder = shared / "wordvec-eval"
    sections = read_analogies(folder / "questions-words.txt")
    assert (len(sections), sum(len(section.questions) for section in sections)) == (14, 19544)
    sizes = {path.stem: len(read_pairs(path)) for path in folder.glob("EN-*.txt")}
    assert sizes["EN-WS-353-ALL"] == 353
    assert sizes["EN-SIMLEX-999"] == 999
    assert sizes["EN-MEN-TR-3k"] == 3000
    assert len(sizes) == 13


@pytest.mark.parametrize(("count", "told"), [(3, False), (9, False), (10, True)])
def test_few_pairs_have_a_correlation_without_an_interval(count: int, told: bool) -> None:
    """Resamples of three pairs that agree are all the same: an interval of no width would be a lie."""
    generator = np.random.default_rng(0)
    words = [f"w{number}" for number in range(2 * count)]
    vectors = WordVectors(words, generator.normal(size=(2 * count, 5)).astype(np.float32))
    score = evaluate_pairs(vectors, [Pair(words[2 * number], words[2 * number + 1], float(number)) for number in range(count)])
    assert score.spearman is not None
    assert (score.low is not None, score.high is not None) == (told, told)
