"""What steps do to many texts at once: words changed, vocabulary, words that became one, coverage, and what small letters mix up."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ringsmith.text.dictionary import is_word
from ringsmith.text.languages import find_language
from ringsmith.text.steps import TextSteps, step_function
from ringsmith.text.stopwords import stopwords
from ringsmith.text.tokenise import token_pattern, tokenise
from ringsmith.text.trace import Change, changed_pairs

COVERAGE_SIZES = (100, 1_000, 5_000, 10_000, 30_000)
"""Vocabulary sizes whose coverage is shown."""
LONGEST_NAME = 2
"""Capitalised words in a row that still tell a name from a title or from shouting."""
RAREST = 0.05
"""Share of a word's occurrences below which its capitals are taken for slips."""


@dataclass(frozen=True)
class Merge:
    """Words that became one.

    Attributes:
        word: what they became.
        forms: what they were, most frequent first.
        count: how often they stand in the texts, all together.
    """

    word: str
    forms: tuple[str, ...]
    count: int


@dataclass(frozen=True)
class StepEffect:
    """What one step did.

    Attributes:
        name: full name of the step.
        words: number of words before it.
        changed: how many of the tokens (punctuation included) it changed, dropped or made.
        vocabulary_before: number of different words before it.
        vocabulary_after: and after it.
        changes: the tokens that changed, most frequent first.
        merges: different words that became one, most frequent first.
    """

    name: str
    words: int
    changed: int
    vocabulary_before: int
    vocabulary_after: int
    changes: tuple[Change, ...]
    merges: tuple[Merge, ...]


@dataclass(frozen=True)
class CaseEffect:
    """What small letters mix up.

    Attributes:
        merges: words that stand in the texts in both cases and are more than the start of a sentence: US and us.
        taken_for: names and abbreviations that turn into another word of the language: IT into it.
    """

    merges: tuple[Merge, ...]
    taken_for: tuple[Change, ...]


@dataclass(frozen=True)
class Effects:
    """What the steps did to the texts.

    Attributes:
        steps: one for each step, in order.
        results: the texts after all steps.
        case: what small letters mix up, None without a step that makes them.
        coverage: vocabulary size -> share of all words that its most frequent words make up, before the first step and after the last.
    """

    steps: tuple[StepEffect, ...]
    results: tuple[str, ...]
    case: CaseEffect | None
    coverage: Mapping[int, tuple[float, float]]


def measure_steps(texts: Sequence[str], steps: TextSteps) -> Effects:
    """Apply the steps one after the other and say what each did.

    Examples:
        >>> effects = measure_steps(["US cars tell us", "a car"], TextSteps(("lower", "stem")))
        >>> [(step.name, step.changed, step.vocabulary_before, step.vocabulary_after) for step in effects.steps]
        [('lower', 1, 6, 5), ('stem', 1, 5, 4)]
        >>> effects.case.merges, effects.steps[1].merges
        ((Merge(word='us', forms=('US', 'us'), count=2),), (Merge(word='car', forms=('car', 'cars'), count=2),))
    """
    case, measured = None, []
    first = before = _count(texts)
    for name in steps.names:
        kind, _, language = name.partition(":")
        if case is None and kind in ("lower", "casefold"):
            case = case_effect(texts, language or "en")
        after_texts = list(map(step_function(name), texts))
        pairs = Counter(pair for old, new in zip(texts, after_texts, strict=True) for pair in changed_pairs(old, new))
        after = _count(after_texts)
        changes = tuple(Change(*pair, times) for pair, times in pairs.most_common())
        measured.append(StepEffect(name, before.total(), pairs.total(), len(before), len(after), changes, _merges(changes, before)))
        texts, before = after_texts, after
    coverage = {size: (covered(first, size), covered(before, size)) for size in COVERAGE_SIZES if size < len(first)}
    return Effects(tuple(measured), tuple(texts), case, coverage)


def covered(words: Counter[str], size: int) -> float:
    """Share of all words that the `size` most frequent ones make up; 0 without words.

    Examples:
        >>> covered(Counter("aaab"), 1)
        0.75
    """
    return sum(times for _, times in words.most_common(size)) / words.total() if words else 0.0


def _count(texts: Iterable[str]) -> Counter[str]:
    return Counter(word for text in texts for word in tokenise(text))


def _merges(changes: Sequence[Change], before: Counter[str]) -> tuple[Merge, ...]:
    """Words that were different before; one that was what they became counts among them."""
    sources: dict[str, Counter[str]] = defaultdict(Counter)
    for change in changes:
        if change.before in before and change.after:
            sources[change.after][change.before] += change.times
    for word, forms in sources.items():
        if word in before:
            forms[word] += before[word]
    merges = [Merge(word, tuple(sorted(forms, key=lambda form: (-forms[form], form))), forms.total()) for word, forms in sources.items() if len(forms) > 1]
    return tuple(sorted(merges, key=lambda merge: (-merge.count, merge.word)))


def case_effect(texts: Sequence[str], language: str = "en") -> CaseEffect:
    """What small letters would mix up in these texts.

    A capital at the start of a sentence says nothing and is not counted; capitals inside a sentence and words all in capitals are.

    Examples:
        >>> case_effect(["The IT of the US helps us."]).taken_for
        (Change(before='IT', after='it', times=1),)
    """
    words, telling = _count(texts), _telling_capitals(texts)
    by_small: dict[str, set[str]] = defaultdict(set)
    for word in words:
        by_small[word.lower()].add(word)
    merges, taken_for = [], []
    for small in {word.lower() for word in telling}:
        least = RAREST * sum(words[word] for word in by_small[small])
        forms = {word for word in by_small[small] if word == small or (word in telling and words[word] >= least)}
        if len(forms) > 1:
            merges.append(Merge(small, tuple(sorted(forms)), sum(words[form] for form in forms)))
        elif forms != {small} and _is_other_word(small, language):
            form = next(iter(forms))
            taken_for.append(Change(form, small, words[form]))
    return CaseEffect(
        tuple(sorted(merges, key=lambda merge: (-merge.count, merge.word))),
        tuple(sorted(taken_for, key=lambda change: (-change.times, change.after))),
    )


def _telling_capitals(texts: Sequence[str]) -> set[str]:
    """Words all in capitals (two letters or more) and words with a capital inside a sentence; not in titles or shouted text, where every word has one."""
    telling: set[str] = set()
    for text in texts:
        row: list[str] = []
        starts = True
        for match in token_pattern(text).finditer(text):
            token = match[0]
            is_word_token = match.lastgroup == "word"
            if is_word_token and token[0].isupper():
                row.append(token if len(token) > 1 and (not starts or token.isupper()) else "")
            else:
                telling.update(row if len(row) <= LONGEST_NAME else ())
                row = []
            starts = not is_word_token and token[0] in '.!?…:"“'
        telling.update(row if len(row) <= LONGEST_NAME else ())
    return telling - {""}


def _is_other_word(small: str, language: str) -> bool:
    known = find_language(language)
    if known.code == "en":
        return small in stopwords("en") or is_word(small, "en")
    return known.lemmas is not None and is_word(small, known.lemmas)
