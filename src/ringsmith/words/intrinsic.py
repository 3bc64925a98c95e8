"""How good vectors are in themselves: analogies, likeness as people see it, outliers. Every figure says how much of its set it covers.

Words are looked up without regard to case, the most frequent form first, as gensim does (`fold=False` for exact spelling). Analogies are asked
all at once: one blocked product with the vocabulary. Left out: intervals for analogies; their questions are combinations of few pairs, far
from independent, and any simple interval would be too short.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from ringsmith.errors import InputError, OptionError
from ringsmith.metrics.intervals import corrected
from ringsmith.records import Progress, Report, silent
from ringsmith.words.analogies import product_table
from ringsmith.words.neighbours import Found, Ints, unit
from ringsmith.words.questions import OutlierSet, Pair, Question, Questions, Section
from ringsmith.words.vectors import Method, WordVectors

MOST = 300_000
"""Analogies are answered from so many of the first words, as gensim does."""
RESAMPLES = 2000
LOOKED_AT = 5
"""Answers looked at for one that is no other spelling of a word of the question, as gensim does."""
PART = 2048
CELLS = 2_000_000
FEWEST_TO_RESAMPLE = 10
"""Known pairs below which a correlation has no interval."""
Ranks = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SectionScore:
    """Analogies of one kind.

    Attributes:
        section: its name.
        asked: questions in the file.
        known: questions whose four words are all there.
        right: known questions that were answered rightly.
    """

    section: str
    asked: int
    known: int
    right: int

    @property
    def accuracy(self) -> float | None:
        """Share of the known questions that were answered rightly; None where none is known."""
        return self.right / self.known if self.known else None


@dataclass(frozen=True)
class AnalogyScores:
    """Analogies of all kinds.

    Attributes:
        method: ``"3cosadd"`` or ``"3cosmul"``.
        sections: each kind.
        total: all of them together (each question counts once).
        right: the questions that were answered rightly, section by section.
        wrong: the known ones that were not.
    """

    method: Method
    sections: tuple[SectionScore, ...]
    total: SectionScore
    right: tuple[tuple[Question, ...], ...]
    wrong: tuple[tuple[Question, ...], ...]


@dataclass(frozen=True)
class SimilarityScore:
    """Likeness by the vectors against that by people.

    Attributes:
        pairs: in the set.
        known: pairs whose words are both there; only these count.
        spearman: rank correlation of cosine and judgement, -1 to 1; None below three known pairs.
        low: lower end of its 95 % interval (bootstrap of the pairs); None below ten known pairs, whose resamples are hardly different.
        high: upper end, or None.
        pearson: correlation of the numbers themselves, or None.
    """

    pairs: int
    known: int
    spearman: float | None
    low: float | None
    high: float | None
    pearson: float | None


@dataclass(frozen=True)
class OutlierScore:
    """How well vectors tell the word that does not belong.

    Attributes:
        asked: questions: one for each outlier.
        known: questions whose outlier and at least two words are there.
        accuracy: share of the known ones whose outlier was found, or None.
        position: mean place of the outlier in the order of belonging, 1 for last (the paper's OPP, without per cent), or None.
    """

    asked: int
    known: int
    accuracy: float | None
    position: float | None


def numbered(vectors: WordVectors, *, fold: bool = True, most: int | None = None) -> dict[str, int]:
    """Word -> row, by the first `most` words; with `fold` capital letters do not matter, and the first form counts."""
    words = vectors.words[:most] if most else vectors.words
    table: dict[str, int] = {}
    for row, word in enumerate(words):
        table.setdefault(word.upper() if fold else word, row)
    return table


def evaluate_analogies(
    vectors: WordVectors, sections: Sequence[Section], *, method: Method = "3cosadd", most: int = MOST, fold: bool = True, report: Report = silent
) -> AnalogyScores:
    """How many analogies are answered rightly.

    Args:
        vectors: the most frequent words first.
        sections: of `read_analogies`.
        method: see `WordVectors.analogy`.
        most: only the first so many words are asked for and found.
        fold: whether capital letters do not matter.
        report: is told how many questions are answered.

    Raises:
        OptionError: another method, or `most` below 1. InputError: no question's words are all there.
    """
    if method not in ("3cosadd", "3cosmul") or most < 1:
        raise OptionError(f"'method' must be '3cosadd' or '3cosmul' and 'most' at least 1; got {method!r} and {most}. Leave both out for the usual.")
    space = vectors.take(slice(most)) if most < len(vectors) else vectors
    table = numbered(space, fold=fold)
    asked = [(number, question) for number, section in enumerate(sections) for question in section.questions]
    rows = [[table.get(word.upper() if fold else word, -1) for word in question] for _, question in asked]
    known = np.array(rows, dtype=np.int64).reshape(-1, 4)
    is_known = np.asarray((known >= 0).all(axis=1), dtype=np.bool_)
    if not is_known.any():
        raise InputError(f"At least one analogy must have all its words among the vectors; none of {len(asked):,} has. Check the language and the case of the words.")
    is_right = np.zeros(len(asked), dtype=np.bool_)
    is_right[is_known] = _answered(space, known[is_known], method, fold, report)
    return _tally(sections, asked, is_known, is_right, method)


def _answered(space: WordVectors, rows: Ints, method: Method, fold: bool, report: Report) -> npt.NDArray[np.bool_]:
    """Whether each question (rows of a, b, c, d) is answered rightly."""
    k, right = min(LOOKED_AT + 3, len(space)), []
    for first in range(0, len(rows), PART):
        part = rows[first : first + PART]
        found = _sums(space, part, k) if method == "3cosadd" else product_table(space.matrix, space.scale, unit(space.decoded(np.unique(part[:, :3]))), _places(part), k)
        right += [_is_right(space, line, question, fold) for line, question in zip(found.ids.tolist(), part.tolist(), strict=True)]
        report(Progress("analogies", len(right), len(rows), "questions"))
    return np.array(right, dtype=np.bool_)


def _sums(space: WordVectors, rows: Ints, k: int) -> Found:
    a, b, c = (unit(space.decoded(rows[:, column])) for column in range(3))
    return space.nearest_rows(b - a + c, k)


def _places(rows: Ints) -> Ints:
    """Each question's a, b and c as numbers among the different words of all questions."""
    return np.searchsorted(np.unique(rows[:, :3]), rows[:, :3])


def _is_right(space: WordVectors, found: list[int], question: list[int], fold: bool) -> bool:
    given = {_folded(space, row, fold) for row in question[:3]}
    answers = [row for row in found if row >= 0 and row not in question[:3]][:LOOKED_AT]
    answer = next((spelt for row in answers if (spelt := _folded(space, row, fold)) not in given), None)
    return answer == _folded(space, question[3], fold)


def _folded(space: WordVectors, row: int, fold: bool) -> str:
    word = space.words[row]
    return word.upper() if fold else word


def _tally(sections: Sequence[Section], asked: list[tuple[int, Question]], is_known: npt.NDArray[np.bool_], is_right: npt.NDArray[np.bool_], method: Method) -> AnalogyScores:
    right: list[list[Question]] = [[] for _ in sections]
    wrong: list[list[Question]] = [[] for _ in sections]
    for (number, question), known, good in zip(asked, is_known.tolist(), is_right.tolist(), strict=True):
        if known:
            (right if good else wrong)[number].append(question)
    scores = tuple(SectionScore(section.name, len(section.questions), len(r) + len(w), len(r)) for section, r, w in zip(sections, right, wrong, strict=True))
    total = SectionScore("total", sum(s.asked for s in scores), sum(s.known for s in scores), sum(s.right for s in scores))
    return AnalogyScores(method, scores, total, tuple(map(tuple, right)), tuple(map(tuple, wrong)))


def evaluate_pairs(vectors: WordVectors, pairs: Sequence[Pair], *, most: int | None = None, fold: bool = True, resamples: int = RESAMPLES, seed: int = 0) -> SimilarityScore:
    """How well cosines order pairs of words as people do.

    Args:
        vectors: the space.
        pairs: of `read_pairs`.
        most: only the first so many words are known; None for all.
        fold: whether capital letters do not matter.
        resamples: bootstrap resamples for the interval.
        seed: of the resampling.

    Returns:
        The correlation over the known pairs; `known` against `pairs` is the coverage.
    """
    table = numbered(vectors, fold=fold, most=most)
    found = [(table.get(p.one.upper() if fold else p.one), table.get(p.other.upper() if fold else p.other), p.score) for p in pairs]
    known = [(one, other, score) for one, other, score in found if one is not None and other is not None]
    if len(known) < 3:
        return SimilarityScore(len(pairs), len(known), None, None, None, None)
    one, other = (unit(vectors.decoded(np.array([line[column] for line in known]))) for column in (0, 1))
    cosines, scores = np.einsum("ij,ij->i", one, other).astype(np.float64), np.array([score for *_, score in known])
    value = spearman(cosines[None], scores[None])[0]
    if np.isnan(value):
        return SimilarityScore(len(pairs), len(known), None, None, None, None)
    low, high = corrected(_resampled(cosines, scores, resamples, seed), float(value)) if len(known) >= FEWEST_TO_RESAMPLE else (None, None)
    return SimilarityScore(len(pairs), len(known), float(value), low, high, float(correlation(cosines[None], scores[None])[0]))


def spearman(one: Ranks, other: Ranks) -> Ranks:
    """Rank correlations of rows (B, n), ties sharing their mean rank; NaN where a row is constant.

    Examples:
        >>> spearman(np.array([[1.0, 2, 3, 4]]), np.array([[1.0, 3, 2, 4]])).tolist()
        [0.8]
    """
    return correlation(rankdata(one, axis=1), rankdata(other, axis=1))


def correlation(one: Ranks, other: Ranks) -> Ranks:
    """Pearson correlations of rows (B, n); NaN where a row is constant."""
    a, b = one - one.mean(axis=1, keepdims=True), other - other.mean(axis=1, keepdims=True)
    below = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    return np.asarray(np.divide((a * b).sum(axis=1), below, out=np.full(len(a), np.nan), where=below > 0))


def _resampled(one: Ranks, other: Ranks, resamples: int, seed: int) -> Ranks:
    rng, step = np.random.default_rng(seed), max(1, CELLS // len(one))
    parts = []
    for first in range(0, resamples, step):
        drawn = rng.integers(0, len(one), size=(min(step, resamples - first), len(one)))
        parts.append(spearman(one[drawn], other[drawn]))
    return np.concatenate(parts)


def evaluate_outliers(vectors: WordVectors, sets: Sequence[OutlierSet], *, fold: bool = True) -> OutlierScore:
    """How often the word that does not belong is the one least like the others (Camacho-Collados and Navigli 2016).

    A word's belonging is the sum of its cosines with the others: leaving out the word with the smallest makes the set most compact (their
    equation 1). A compound (``Los_Angeles``) that is not there gets the mean of its parts.

    Args:
        vectors: the space.
        sets: of `read_outliers`.
        fold: whether capital letters do not matter.
    """
    table, places, asked = numbered(vectors, fold=fold), [], 0
    for each in sets:
        words = [vector for word in each.words if (vector := _compound(vectors, table, word, fold)) is not None]
        for word in each.outliers:
            asked += 1
            outlier = _compound(vectors, table, word, fold)
            if outlier is not None and len(words) > 1:
                places.append(outlier_place(np.stack([*words, outlier])))
    known = len(places)
    return OutlierScore(asked, known, float(np.mean([place == 1 for place in places])) if known else None, float(np.mean(places)) if known else None)


def outlier_place(vectors: npt.NDArray[np.float32]) -> float:
    """Share of the words that belong better than the last one; 1 where it is found.

    Examples:
        >>> outlier_place(np.array([[1, 0], [1, 0.1], [0, 1]], dtype=np.float32))
        1.0
    """
    rows = unit(vectors)
    cosines = rows @ rows.T
    belonging = cosines.sum(axis=1) - cosines.diagonal()
    return float((belonging[:-1] > belonging[-1]).mean())


def _compound(vectors: WordVectors, table: dict[str, int], word: str, fold: bool) -> npt.NDArray[np.float32] | None:
    spelt = word.upper() if fold else word
    rows = [table[spelt]] if spelt in table else [table[part] for part in spelt.split("_") if part in table]
    return np.asarray(unit(vectors.decoded(np.array(rows))).mean(axis=0)) if rows else None


def evaluate_questions(vectors: WordVectors, questions: Questions, *, method: Method = "3cosadd", most: int = MOST, fold: bool = True, report: Report = silent) -> dict[str, Any]:
    """The score of a set of any kind, as plain JSON types.

    Args:
        vectors: the space.
        questions: of `read_questions`.
        method: how analogies are answered.
        most: analogies are answered from so many of the first words.
        fold: whether capital letters do not matter.
        report: is told how many analogies are answered.

    Returns:
        ``kind`` of the set, ``what`` the score is, ``score``, ``asked`` and ``known`` (the coverage), and what else its kind has.
    """
    match questions[0]:
        case Section():
            try:
                scores = evaluate_analogies(vectors, questions, method=method, most=most, fold=fold, report=report)
            except InputError:  # none of them is known: told as of the other kinds, by its coverage
                asked = sum(len(section.questions) for section in questions)
                return {"kind": "analogies", "what": "accuracy", "method": method, "score": None, "asked": asked, "known": 0, "sections": []}
            sections = [asdict(section) | {"accuracy": section.accuracy} for section in scores.sections]
            return {
                "kind": "analogies",
                "what": "accuracy",
                "method": method,
                "score": scores.total.accuracy,
                "asked": scores.total.asked,
                "known": scores.total.known,
                "sections": sections,
            }
        case Pair():
            pairs = evaluate_pairs(vectors, questions, fold=fold)
            ends = {"low": pairs.low, "high": pairs.high, "pearson": pairs.pearson}
            return {"kind": "pairs", "what": "Spearman", "score": pairs.spearman, "asked": pairs.pairs, "known": pairs.known, **ends}
        case _:
            outliers = evaluate_outliers(vectors, questions, fold=fold)
            return {"kind": "outliers", "what": "accuracy", "score": outliers.accuracy, "asked": outliers.asked, "known": outliers.known, "position": outliers.position}
