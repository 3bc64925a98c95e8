"""What each step did to a text: the result, and the words that changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ringsmith.text.lemmatise import TAGS
from ringsmith.text.steps import TextSteps, step_function
from ringsmith.text.tokenise import tokenise


class Change(NamedTuple):
    """One word and what became of it.

    Attributes:
        before: the token before; empty where it is new.
        after: the token after; empty where it is gone.
        times: how often.
    """

    before: str
    after: str
    times: int


class StepTrace(NamedTuple):
    """One step on one text.

    Attributes:
        name: full name of the step.
        result: the text after it.
        changes: the tokens that changed, most frequent first, then in the order of the text.
    """

    name: str
    result: str
    changes: tuple[Change, ...]


def trace(text: str, names: Sequence[str]) -> list[StepTrace]:
    """What each of the steps did to `text`, in their order.

    Raises:
        UnknownName, OptionError: as `TextSteps`.

    Examples:
        >>> for name, result, changes in trace("Cats and cats", ["lower", "stem"]):
        ...     print(name, "|", result, "|", [tuple(change) for change in changes])
        lower | cats and cats | [('Cats', 'cats', 1)]
        stem | cat and cat | [('cats', 'cat', 2)]
    """
    steps, traced = TextSteps(tuple(names)), []
    for name in steps.names:
        result = step_function(name)(text)
        counted = Counter(changed_pairs(text, result))
        traced.append(StepTrace(name, result, tuple(Change(*pair, count) for pair, count in counted.most_common())))
        text = result
    return traced


def changed_pairs(before: str, after: str) -> Iterator[tuple[str, str]]:
    """The tokens that differ, as (before, after).

    Texts with the same number of tokens are compared place by place; otherwise what is gone and what is new is told by counting, since
    where it stood is a matter of taste.
    """
    if before == after:
        return
    old, new = _tokens(before), _tokens(after)
    if len(old) == len(new):
        yield from ((one, other) for one, other in zip(old, new, strict=True) if one != other)
        return
    counted_old, counted_new = Counter(old), Counter(new)
    yield from ((token, "") for token in (counted_old - counted_new).elements())
    yield from (("", token) for token in (counted_new - counted_old).elements())


def _tokens(text: str) -> list[str]:
    """All tokens; a tag stays with its word ("better/ADJ")."""
    tokens = tokenise(text, punctuation=True)
    for i in range(len(tokens) - 3, -1, -1) if "/" in tokens else ():
        if tokens[i + 1] == "/" and tokens[i + 2].upper() in TAGS:
            tokens[i : i + 3] = ["".join(tokens[i : i + 3])]
    return tokens
