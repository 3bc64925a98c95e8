"""Rules of options: every value of a frozen dataclass that breaks one is named, all at once."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from numbers import Integral
from typing import Any

from ringsmith.errors import OptionError

Rule = tuple[str, Callable[[Any], bool], str]
"""Field, what must hold of its value, and the same in words: ``("epochs", lambda n: n >= 1, "at least 1")``."""


def is_whole(value: object) -> bool:
    """Whether this is a whole number, numpy's included; True and False are none."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def whole(name: str, least: int, most: float = inf, *, or_none: bool = False) -> Rule:
    """The rule that a field holds a whole number from `least` to below `most`; or None, where that is allowed.

    Examples:
        >>> whole("epochs", 1)[2]
        'a whole number, at least 1'
    """
    return (name, lambda value: (or_none and value is None) or (is_whole(value) and least <= value < most), f"a whole number, at least {least}")


def check_kind(options: object, kind: type[object]) -> None:
    """Refuse options that are of another kind: a mapping, say.

    Raises:
        OptionError: they are no `kind`.
    """
    if not isinstance(options, kind):
        raise OptionError(f"'options' must be {kind.__name__}; got {type(options).__name__}. Write {kind.__name__}(name=value, ...).")


def hold(options: object, rules: tuple[Rule, ...]) -> None:
    """Check every rule of an options dataclass and name all that are broken; call it in ``__post_init__``.

    Raises:
        OptionError: at least one value breaks its rule.
    """
    broken = [f"{name!r} must be {must}; got {getattr(options, name)!r}" for name, rule, words in rules if (must := _broken(rule, words, getattr(options, name)))]
    if broken:
        raise OptionError(". ".join(broken) + ". Leave it out for the usual value.")


def _broken(rule: Callable[[Any], bool], words: str, value: Any) -> str:
    """What must be of this value and is not; nothing where it is. Text that cannot be compared should have been a number, which the rule's words may take for granted."""
    try:
        return "" if rule(value) else words
    except (TypeError, AttributeError):  # not even of its kind
        return f"a number, {words}" if isinstance(value, str) and "number" not in words else words
