"""From the options a user wrote to a recipe's frozen dataclass: all faults said at once."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, TypeVar

from ringsmith._rules import Rule as Rule
from ringsmith._rules import hold as hold
from ringsmith._rules import kind_rules
from ringsmith.errors import OptionError

if TYPE_CHECKING:
    from ringsmith.catalogue import LocalModel

T = TypeVar("T")


class Conditional(ABC):
    """Options of which some do nothing beside others, or with some models: these are refused where a user names them, and never searched."""

    @abstractmethod
    def idle(self, model: LocalModel | None) -> dict[str, str]:
        """Option -> why it does nothing, as in "'rank' does nothing ..."; with `model`, or, where it is None, with whatever model."""


def read_options(kind: type[T], options: Mapping[str, Any], *, recipe: str) -> T:
    """The dataclass `kind` with these options in place of its defaults.

    Raises:
        OptionError: names the dataclass does not have (the nearest ones are offered), or values that break a rule.

    Examples:
        >>> @dataclasses.dataclass(frozen=True)
        ... class Options:
        ...     epochs: int = 3
        >>> read_options(Options, {"epoch": 4}, recipe="full")
        Traceback (most recent call last):
        ringsmith.errors.OptionError: Recipe 'full' has no option 'epoch'; did you mean 'epochs'? Its options: epochs.
    """
    known = [field.name for field in dataclasses.fields(kind)]  # type: ignore[arg-type]
    if unknown := sorted(options.keys() - set(known)):
        near = get_close_matches(unknown[0], known, n=1)
        end = f"; did you mean {near[0]!r}?" if near else "."
        raise OptionError(f"Recipe {recipe!r} has no option {', '.join(map(repr, unknown))}{end} Its options: {', '.join(known) or 'none'}.")
    types = {field.name: str(field.type) for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    made = kind(**{name: _listed(value, types[name]) for name, value in options.items()})
    hold(made, kind_rules(kind, options))
    return made


def _listed(value: Any, wanted: str) -> Any:
    """One value in the place of a list is a list of one."""
    alone = isinstance(value, str | float | int) or (value is None and not wanted.endswith("None"))
    return (value,) if alone and wanted.startswith("tuple[") else value


def rising(values: Any) -> tuple[Any, ...]:
    """These values in order; as they are where they have none, which is for the option's rule to say.

    Examples:
        >>> rising([3.0, 1.0]), rising(["a", 1]), rising(None)
        ((1.0, 3.0), ('a', 1), (None,))
    """
    try:
        return tuple(sorted(values))
    except TypeError:
        return tuple(values) if isinstance(values, list | tuple) else (values,)
