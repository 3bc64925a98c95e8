"""Words that stand together more often than chance would have it become one word: new_york (Mikolov et al. 2013b, section 4).

Each pass joins two neighbours, so two passes find phrases of up to four words. Neighbours are neighbours among the known words: read the corpus
with ``min_count=1`` where a rare word between two others must keep them apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from ringsmith.errors import OptionError
from ringsmith.records import Progress, Report, silent
from ringsmith.words.cooccurrence import CooccurrenceOptions, Cooccurrences, count_cooccurrences
from ringsmith.words.corpus import Corpus
from ringsmith.words.kernels.join import join
from ringsmith.words.vocabulary import Vocabulary

Scoring = Literal["default", "npmi"]


@dataclass(frozen=True, kw_only=True)
class PhraseOptions:
    """What makes a phrase.

    Attributes:
        min_count: pairs that occur less often are none; also the discount, the paper's delta.
        threshold: pairs that score higher are phrases: above 0, or from -1 to 1 for ``"npmi"``.
        scoring: ``"default"``: (n_ab - min_count) / (n_a n_b), equation 6, times the number of different words and pairs, as gensim has it;
            ``"npmi"``: ln(p_ab / (p_a p_b)) / -ln(p_ab) (Bouma 2009).
        passes: how often the corpus is gone through.
        delimiter: what stands between the words of a phrase.

    Raises:
        OptionError: a value outside its range.
    """

    min_count: int = 5
    threshold: float = 10.0
    scoring: Scoring = "default"
    passes: int = 1
    delimiter: str = "_"

    def __post_init__(self) -> None:
        for name, usual in (("min_count", 5), ("passes", 1)):
            if getattr(self, name) < 1:
                raise OptionError(f"{name!r} must be at least 1; got {getattr(self, name)}. Use {usual}, the usual value.")
        if self.scoring not in ("default", "npmi"):
            raise OptionError(f"'scoring' must be 'default' or 'npmi'; got {self.scoring!r}. Leave it out for Mikolov's score.")
        if self.scoring == "npmi" and not -1 <= self.threshold <= 1:
            raise OptionError(f"'threshold' must be from -1 to 1 for 'npmi'; got {self.threshold:g}. Use 0.5, a usual value.")
        if self.scoring == "default" and self.threshold <= 0:
            raise OptionError(f"'threshold' must be above 0; got {self.threshold:g}. Use 10, the usual value.")


DEFAULTS = PhraseOptions()


@dataclass(frozen=True, eq=False)
class Phrased:
    """A corpus with its phrases.

    Attributes:
        corpus: the sentences, phrases joined.
        scores: phrase -> its score in the pass that found it, the last one where several did.
    """

    corpus: Corpus
    scores: Mapping[str, float]


def join_phrases(corpus: Corpus, options: PhraseOptions = DEFAULTS, *, threads: int | None = None, report: Report = silent) -> Phrased:
    """The corpus with neighbours that belong together joined into one word each.

    Args:
        corpus: the sentences.
        options: what makes a phrase.
        threads: None for all cores of this machine.
        report: is told how far the work is.

    Examples:
        >>> from ringsmith.words.corpus import CorpusOptions, read_corpus
        >>> lines = ["new york is big", "is new york big", "big is new york"] * 5
        >>> phrased = join_phrases(read_corpus(lines, CorpusOptions(min_count=1)), PhraseOptions(min_count=1, threshold=0.6))
        >>> phrased.corpus.vocabulary.words, {name: round(score, 2) for name, score in phrased.scores.items()}
        (('is', 'big', 'new_york'), {'new_york': 0.62})
    """
    scores: dict[str, float] = {}
    for number in range(options.passes):
        if corpus.words == corpus.sentences:
            break
        counts = count_cooccurrences(corpus, CooccurrenceOptions(window=1, symmetric=False, weighted=False), threads=threads)
        found = _score(counts, corpus.words, options)
        chosen = np.flatnonzero((counts.values >= options.min_count) & (found > options.threshold))
        corpus = _joined(corpus, counts, chosen, scores, found, options.delimiter)
        report(Progress("phrases", number + 1, options.passes, "passes", f"{len(scores):,} phrases"))
        if not len(chosen):
            break
    return Phrased(corpus, scores)


def _score(counts: Cooccurrences, words: int, options: PhraseOptions) -> npt.NDArray[np.float64]:
    """(Z,) the score of every pair that occurs; rows are second words, columns first ones."""
    both, of = counts.values.astype(np.float64), counts.vocabulary.counts.astype(np.float64)
    first, second = of[counts.columns], of[counts.rows]
    if options.scoring == "default":
        different = len(counts.vocabulary) + len(counts)
        return np.asarray((both - options.min_count) / first / second * different)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.log(both * words / (first * second)) / -np.log(both / words))


def _joined(corpus: Corpus, counts: Cooccurrences, chosen: npt.NDArray[np.int64], scores: dict[str, float], found: npt.NDArray[np.float64], delimiter: str) -> Corpus:
    """The corpus with the chosen pairs joined, its words numbered by frequency again."""
    old, index = corpus.vocabulary.words, dict(corpus.vocabulary.index)
    numbers = np.empty(len(chosen), dtype=np.int32)
    for k, (first, second, score) in enumerate(zip(counts.columns[chosen].tolist(), counts.rows[chosen].tolist(), found[chosen].tolist(), strict=True)):
        name = old[first] + delimiter + old[second]
        scores[name] = score
        # What the text itself has joined already is the same word.
        numbers[k] = index.setdefault(name, len(index))
    pairs = np.searchsorted(chosen, counts.starts)
    ids, starts = np.empty(len(corpus.ids), dtype=np.int32), np.empty(len(corpus.starts), dtype=np.int64)
    written = join(corpus.ids, corpus.starts, pairs, counts.columns[chosen], numbers, ids, starts)
    many = np.bincount(ids[:written], minlength=len(index))
    order = np.argsort(-many, kind="stable")[: int((many > 0).sum())]
    final = np.empty(len(index), dtype=np.int32)
    final[order] = np.arange(len(order), dtype=np.int32)
    names = list(index)
    vocabulary = Vocabulary(tuple(names[place] for place in order.tolist()), many[order])
    return replace(corpus, vocabulary=vocabulary, ids=final[ids[:written]], starts=starts)
