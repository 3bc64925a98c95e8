"""Rules of options: every value of a frozen dataclass that breaks one is named, all at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from math import inf, isfinite
from numbers import Integral, Real
from typing import Any

from ringsmith.errors import OptionError

Rule = tuple[str, Callable[[Any], bool], str]
"""Field, what must hold of its value, and the same in words: ``("epochs", lambda n: n >= 1, "at least 1")``."""


def is_whole(value: object) -> bool:
    """Whether this is a whole number, numpy's included; True and False are none."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def is_finite(value: object) -> bool:
    """Whether this is a number with an end, numpy's included; True and False are none."""
    return isinstance(value, Real) and not isinstance(value, bool) and isfinite(value)


def whole(name: str, least: int, most: float = inf, *, or_none: bool = False) -> Rule:
    """The rule that a field holds a whole number from `least` to below `most`; or None, where that is allowed.

    Examples:
        >>> whole("epochs", 1)[2]
        'a whole number, at least 1'
    """
    return (name, lambda value: (or_none and value is None) or (is_whole(value) and least <= value < most), f"a whole number, at least {least}")


KINDS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "bool": (lambda value: isinstance(value, bool), "true or false"),
    "int": (is_whole, "a whole number"),
    "int | None": (lambda value: value is None or is_whole(value), "a whole number, or none"),
    "float": (is_finite, "a number"),
    "float | None": (lambda value: value is None or is_finite(value), "a number, or none"),
}
"""The kind of a value by the annotation of its field."""


def kind_rules(options: type[object], names: Iterable[str]) -> tuple[Rule, ...]:
    """What the rules of an options dataclass need not say: that each of these fields holds what its annotation says."""
    types = {field.name: str(field.type) for field in dataclasses.fields(options)}  # type: ignore[arg-type]
    return tuple((name, *KINDS[types[name]]) for name in names if types[name] in KINDS)


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
