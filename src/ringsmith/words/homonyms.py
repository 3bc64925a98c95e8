"""What one vector for a word of several senses mixes, and what preparing a text (case, stems, lemmas) does to vocabulary, coverage and scores.

A static vector of `bank` is trained on rivers and on money at once. `mixture` shows which: every neighbour goes to the sense whose words it is
most like. `judge_preparation` trains on the same lines prepared in one way, and asks the same questions, their words prepared in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ringsmith.errors import InputError
from ringsmith.records import Report, silent
from ringsmith.text import TextSteps
from ringsmith.words.corpus import CorpusOptions, read_corpus
from ringsmith.words.intrinsic import SimilarityScore, evaluate_analogies, evaluate_pairs
from ringsmith.words.neighbours import unit
from ringsmith.words.options import Word2VecOptions
from ringsmith.words.questions import Pair, Question, Section
from ringsmith.words.vectors import WordVectors
from ringsmith.words.word2vec import train_word2vec

Senses = Mapping[str, Sequence[str]]
"""Sense -> words that stand for it alone: ``{"money": ["loan", "deposit"], "river": ["shore", "creek"]}``."""


@dataclass(frozen=True)
class SenseShare:
    """How much of a word's vector belongs to one sense.

    Attributes:
        sense: its name.
        similarity: cosine of the word with the mean of the sense's words.
        neighbours: the nearest words that are more like this sense than like the others, nearest first.
        share: their part of all neighbours.
    """

    sense: str
    similarity: float
    neighbours: tuple[str, ...]
    share: float


@dataclass(frozen=True)
class Preparation:
    """One way to prepare a corpus, and what came of it.

    Attributes:
        steps: names of the text steps.
        total_words: words of the corpus after them.
        vocabulary: different words that occur often enough.
        coverage: share of all words that these make up.
        pairs: set -> how well cosines order its pairs; `known` of `pairs` says how much of the set is covered.
        analogies_asked: questions in all.
        analogies_distinct: questions whose four words are still four words after the steps.
        analogies_known: of these, those whose words are all in the vocabulary.
        analogies_right: of these, those answered rightly.
        together: pairs of words that may have become one (US and us) -> their cosine; 1 where they are one word, None where one is missing.
        senses: homonym -> its senses; empty where the word is not in the vocabulary.
    """

    steps: tuple[str, ...]
    total_words: int
    vocabulary: int
    coverage: float
    pairs: Mapping[str, SimilarityScore]
    analogies_asked: int
    analogies_distinct: int
    analogies_known: int
    analogies_right: int
    together: Mapping[str, float | None]
    senses: Mapping[str, tuple[SenseShare, ...]]


@dataclass(frozen=True)
class Questionnaire:
    """What every preparation is asked.

    Attributes:
        pairs: set -> pairs of words as people judge them.
        analogies: questions, section by section.
        together: words that preparing may make one.
        senses: homonym -> its senses.
    """

    pairs: Mapping[str, Sequence[Pair]]
    analogies: Sequence[Section]
    together: Sequence[tuple[str, str]]
    senses: Mapping[str, Senses]


def mixture(vectors: WordVectors, word: str, senses: Senses, *, neighbours: int = 30) -> tuple[SenseShare, ...]:
    """The senses that one vector mixes, the largest share first.

    Args:
        vectors: the space.
        word: a homonym.
        senses: at least two, with words that stand for them alone; those that are not in the space do not count.
        neighbours: how many nearest words are looked at.

    Raises:
        UnknownName: the word is not there.
        InputError: fewer than two senses have a known word.

    Examples:
        >>> space = WordVectors(["bank", "loan", "shore", "creek"], np.array([[1, 1], [1, 0.1], [0.1, 1], [0, 1]], dtype=np.float32))
        >>> [(sense.sense, sense.neighbours) for sense in mixture(space, "bank", {"money": ["loan"], "river": ["creek"]})]
        [('river', ('shore', 'creek')), ('money', ('loan',))]
    """
    known = {sense: [one for one in words if one in vectors and one != word] for sense, words in senses.items()}
    known = {sense: words for sense, words in known.items() if words}
    if len(known) < 2:
        raise InputError(f"At least two senses of {word!r} must have words among the vectors; got {', '.join(known) or 'none'}. Name other words for them.")
    centres = unit(np.stack([unit(vectors.vectors(words)).mean(axis=0) for words in known.values()]))
    nearest = [neighbour.word for neighbour in vectors.nearest(word, neighbours)]
    belongs = (unit(vectors.vectors(nearest)) @ centres.T).argmax(axis=1)
    likeness = (centres @ unit(vectors.vector(word)[None])[0]).tolist()
    parts = [tuple(one for one, place in zip(nearest, belongs.tolist(), strict=True) if place == number) for number in range(len(known))]
    shares = [SenseShare(sense, cosine, part, len(part) / len(nearest)) for sense, cosine, part in zip(known, likeness, parts, strict=True)]
    return tuple(sorted(shares, key=lambda share: -share.share))


def judge_preparation(
    lines: Sequence[str], steps: TextSteps, asked: Questionnaire, options: Word2VecOptions, *, min_count: int = 5, threads: int | None = None, report: Report = silent
) -> Preparation:
    """Train on lines prepared in one way, and ask.

    Args:
        lines: the corpus, a sentence or paragraph a line, tokens apart or not; name the step ``tokenise`` to cut off punctuation.
        steps: the way; the words of all questions go through it too.
        asked: what is asked.
        options: of the training, the same for all that is compared.
        min_count: rarer words are left out.
        threads: None for all cores.
        report: is told where it stands.
    """
    corpus = read_corpus(lines, CorpusOptions(min_count=min_count, steps=steps), threads=threads, report=report)
    vectors = train_word2vec(corpus, options, threads=threads, report=report).vectors
    pairs = {name: evaluate_pairs(vectors, [Pair(prepared(p.one, steps), prepared(p.other, steps), p.score) for p in some]) for name, some in asked.pairs.items()}
    distinct = [_distinct(section, steps) for section in asked.analogies]
    asked_for, known, right = _analogies(vectors, distinct)
    return Preparation(
        steps.names,
        corpus.total_words,
        len(vectors),
        corpus.words / max(1, corpus.total_words),
        pairs,
        sum(len(section.questions) for section in asked.analogies),
        asked_for,
        known,
        right,
        {f"{one}/{other}": _together(vectors, prepared(one, steps), prepared(other, steps)) for one, other in asked.together},
        {word: _senses(vectors, word, senses, steps) for word, senses in asked.senses.items()},
    )


def prepared(word: str, steps: TextSteps) -> str:
    """A word after the steps, as a corpus would hold it: its first token."""
    return next(iter(steps.apply(word).split()), word)


def _distinct(section: Section, steps: TextSteps) -> Section:
    """The questions whose four words stay four: apple is to apples as car is to cars asks nothing of stems."""
    questions = (Question(*(prepared(word, steps) for word in question)) for question in section.questions)
    return replace(section, questions=tuple(question for question in questions if len(set(question)) == 4))


def _analogies(vectors: WordVectors, sections: Sequence[Section]) -> tuple[int, int, int]:
    """Questions asked, known and answered rightly; zeros where none is known."""
    asked = sum(len(section.questions) for section in sections)
    if not any(all(word in vectors for word in question) for section in sections for question in section.questions):
        return asked, 0, 0
    total = evaluate_analogies(vectors, sections).total
    return asked, total.known, total.right


def _together(vectors: WordVectors, one: str, other: str) -> float | None:
    if one not in vectors or other not in vectors:
        return None
    return 1.0 if one == other else vectors.similarity(one, other)


def _senses(vectors: WordVectors, word: str, senses: Senses, steps: TextSteps) -> tuple[SenseShare, ...]:
    word = prepared(word, steps)
    ready = {sense: list(dict.fromkeys(prepared(one, steps) for one in words)) for sense, words in senses.items()}
    return mixture(vectors, word, ready) if word in vectors else ()
