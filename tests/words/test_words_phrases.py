"""Phrases against gensim's and against a loop over lists."""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise

import pytest

from ringsmith.errors import OptionError
from ringsmith.records import Progress
from ringsmith.words.corpus import Corpus, CorpusOptions, read_corpus
from ringsmith.words.phrases import PhraseOptions, join_phrases

ALL = CorpusOptions(min_count=1)


def made_up(sentences: int = 600, seed: int = 0) -> list[list[str]]:
    """Sentences in which some words like to stand together."""
    draw = random.Random(seed)
    units = ["new york", "san francisco", "los angeles times", *(f"w{i}" for i in range(40))]
    return [" ".join(units[min(int(draw.paretovariate(0.5)) - 1, 42)] for _ in range(draw.randrange(1, 12))).split() for _ in range(sentences)]


def sentences_of(corpus: Corpus) -> list[list[str]]:
    """The corpus as lists of words again."""
    words = corpus.vocabulary.words
    return [[words[i] for i in corpus.ids[start:stop]] for start, stop in zip(corpus.starts[:-1], corpus.starts[1:], strict=True)]


def slow(lines: list[list[str]], min_count: int, threshold: float) -> list[list[str]]:
    """The truth, by equation 6: count, score, join from left to right."""
    words = Counter(word for line in lines for word in line)
    pairs = Counter(pair for line in lines for pair in pairwise(line))
    different = len(words) + len(pairs)
    out = []
    for line in lines:
        done, at = [], 0
        while at < len(line):
            pair = tuple(line[at : at + 2])
            score = (pairs[pair] - min_count) / words[pair[0]] / words[pair[1]] * different if len(pair) == 2 and pairs[pair] >= min_count else 0  # type: ignore[index, misc]
            done.append("_".join(pair) if score > threshold else line[at])
            at += 2 if score > threshold else 1
        out.append(done)
    return out


@pytest.mark.parametrize("threshold", [0.5, 1.0, 3.0, 10.0])
@pytest.mark.parametrize("passes", [1, 2])
def test_phrases_are_those_of_the_slow_twin(threshold: float, passes: int) -> None:
    """Joined in the same places, pass after pass, and counted anew."""
    lines = truth = made_up()
    for _ in range(passes):
        truth = slow(truth, 5, threshold)
    corpus = join_phrases(read_corpus(lines, ALL), PhraseOptions(threshold=threshold, passes=passes), threads=2).corpus
    assert sentences_of(corpus) == truth
    assert dict(zip(corpus.vocabulary.words, corpus.vocabulary.counts.tolist(), strict=True)) == Counter(word for line in truth for word in line)
    assert (corpus.vocabulary.counts[:-1] >= corpus.vocabulary.counts[1:]).all()
    assert corpus.total_words == sum(map(len, lines))


@pytest.mark.parametrize(("scoring", "threshold"), [("default", 0.5), ("default", 5.0), ("npmi", 0.1), ("npmi", 0.5)])
def test_phrases_and_scores_are_gensims(scoring: str, threshold: float) -> None:
    """The other implementation."""
    phrases = pytest.importorskip("gensim.models.phrases", reason="gensim is not installed (extra 'bench')")
    lines = made_up(seed=1)
    theirs = phrases.Phrases(lines, min_count=3, threshold=threshold, scoring=scoring)
    ours = join_phrases(read_corpus(lines, ALL), PhraseOptions(min_count=3, threshold=threshold, scoring=scoring))  # type: ignore[arg-type]
    assert sentences_of(ours.corpus) == [list(theirs[line]) for line in lines]
    assert dict(ours.scores) == pytest.approx(theirs.export_phrases())


def test_a_phrase_that_the_text_has_as_a_word_is_that_word() -> None:
    """One number, the sum of the counts."""
    corpus = join_phrases(read_corpus(["new york"] * 8 + ["new_york is", "big"], ALL), PhraseOptions(min_count=1, threshold=0.1)).corpus
    assert dict(zip(corpus.vocabulary.words, corpus.vocabulary.counts.tolist(), strict=True)) == {"new_york": 9, "is": 1, "big": 1}


def test_sentences_are_boundaries_and_single_words_have_no_phrases() -> None:
    """However often one follows the other."""
    corpus = join_phrases(read_corpus(["new", "york"] * 20, ALL), PhraseOptions(min_count=1, threshold=0.01, passes=3)).corpus
    assert corpus.vocabulary.words == ("new", "york")


def test_a_listener_hears_of_every_pass() -> None:
    """Until a pass finds nothing."""
    told = list[Progress]()
    join_phrases(read_corpus(made_up(), ALL), PhraseOptions(passes=9, threshold=1.0), report=told.append)
    assert [progress.done for progress in told] == list(range(1, len(told) + 1))
    assert 2 <= len(told) < 9


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"min_count": 0}, "'min_count' must be at least 1; got 0. Use 5"),
        ({"passes": 0}, "'passes' must be at least 1; got 0. Use 1"),
        ({"scoring": "pmi"}, "'scoring' must be 'default' or 'npmi'; got 'pmi'"),
        ({"scoring": "npmi"}, "'threshold' must be from -1 to 1 for 'npmi'; got 10"),
        ({"threshold": 0.0}, "'threshold' must be above 0; got 0"),
    ],
)
def test_options_outside_their_range_are_refused(change: dict[str, object], sentence: str) -> None:
    """One sentence each."""
    with pytest.raises(OptionError, match=sentence):
        PhraseOptions(**change)  # type: ignore[arg-type]
