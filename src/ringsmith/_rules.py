"""Rules of options: every value of a frozen dataclass that breaks one is named, all at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ringsmith.errors import OptionError

Rule = tuple[str, Callable[[Any], bool], str]
"""Field, what must hold of its value, and the same in words: ``("epochs", lambda n: n >= 1, "at least 1")``."""


def hold(options: object, rules: tuple[Rule, ...]) -> None:
    """Check every rule of an options dataclass and name all that are broken; call it in ``__post_init__``.

    Raises:
        OptionError: at least one value breaks its rule.
    """
    broken = [f"{name!r} must be {words}; got {getattr(options, name)!r}" for name, rule, words in rules if not _holds(rule, getattr(options, name))]
    if broken:
        raise OptionError(". ".join(broken) + ". Leave it out for the usual value.")


def _holds(rule: Callable[[Any], bool], value: Any) -> bool:
    try:
        return bool(rule(value))
    except (TypeError, AttributeError):  # not even of its kind
        return False
