"""Every error Ringsmith raises on purpose, branched by what the reader can do about it.

    RingsmithError
    ├── UsageError            change the command or the call
    │   ├── OptionError       ... the value of one option
    │   └── UnknownName       ... a name that is not in the list (the nearest ones are offered)
    ├── InputError            mend the data
    │   ├── ReadError         ... the file itself: missing, empty, binary, wrong encoding, broken
    │   ├── ColumnError       ... which column is the text, which the label
    │   └── LabelError        ... the labels: one class only, too few rows of a class, missing ones
    ├── ModelError            mend or choose another model folder: no weights, pickle weights, cut off
    ├── NotAtHand             allow the network, or bring the model to this machine
    ├── MissingExtra          install an extra: pip install 'ringsmith[...]'
    ├── MachineError          mend the machine: no write permission, disk full
    ├── BudgetError           give more time: nothing at all fits
    ├── RunRefused            nothing to mend: this one run is broken and is not ranked
    └── RunDropped            nothing to mend: this one run of a search fell behind the others and was stopped

A message is one sentence (two when there are two faults): what (file:line, column, parameter), the rule, what was got, what to do.
All but `RunRefused` and `RunDropped` end a command with exit code 2. Anything else that escapes is a fault of ours (exit code 1).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches


class RingsmithError(Exception):
    """Root of the tree: catch it to catch every fault that a user can mend."""


class UsageError(RingsmithError):
    """The command or the call asks for something that cannot be."""


class OptionError(UsageError):
    """An option has a value that its rule forbids."""


class UnknownName(UsageError):
    """A name is not in the list it was looked up in.

    Examples:
        >>> print(UnknownName.of("model", "minlm", ["minilm", "bert"]))
        There is no model 'minlm'. Did you mean 'minilm'? Known: bert, minilm.
    """

    @classmethod
    def of(cls, kind: str, name: str, known: Iterable[str], *, hint: str = "", listed: str = "") -> UnknownName:
        """Build the sentence: what was asked for, the nearest names, all names or (`listed`) where they are to be seen, and a hint of what else to do."""
        names = sorted(known)
        near = get_close_matches(name, names, n=3, cutoff=0.6)
        parts = [f"There is no {kind} {name!r}."]
        if near:
            parts.append(f"Did you mean {' or '.join(map(repr, near))}?")
        parts.append(listed or f"Known: {', '.join(names)}.")
        if hint:
            parts.append(hint)
        return cls(" ".join(parts))


class InputError(RingsmithError):
    """The data cannot be used as they are."""


class ReadError(InputError):
    """A file cannot be read as a table of texts."""


class ColumnError(InputError):
    """The text or label column is missing, ambiguous or of the wrong kind."""


class LabelError(InputError):
    """The labels cannot be learnt from as they are."""


class ModelError(RingsmithError):
    """A model folder is not usable: no weights, pickle weights, a truncated or altered file."""


class NotAtHand(RingsmithError):
    """A model is known but not on this machine, and fetching it is not allowed or did not work."""


class MissingExtra(RingsmithError):
    """An optional package is needed and not installed."""


class MachineError(RingsmithError):
    """The machine said no: permission, disk space."""


class BudgetError(RingsmithError):
    """The time given is too short for anything at all.

    Examples:
        >>> print(BudgetError.of("Encoding with 'minilm'", 4.2, "356 rows need about 12.0 s, and 0.1 s are left"))
        Encoding with 'minilm' does not fit into this run's share of the budget, 4.2 s: 356 rows need about 12.0 s, and 0.1 s are left. Give it more time.
    """

    @classmethod
    def of(cls, what: str, seconds: float | None, reached: str) -> BudgetError:
        """Build the sentence: what does not fit into the seconds that a run was given, which are a part of those of the whole comparison, and how far it came."""
        return cls(f"{what} does not fit into this run's share of the budget, {max(seconds or 0.0, 0.0):.1f} s: {reached}. Give it more time.")


class RunRefused(RingsmithError):
    """One run is broken (NaN, one class only, no better than the majority) and is kept out of the ranking."""


class RunDropped(RingsmithError):
    """One run of a search fell behind the runs before it and was stopped; what it had shown by then is kept.

    Attributes:
        curves: its looks at the validation rows: ``"valid"``, ``"valid_share"`` and the ``"floor"`` it fell below.
    """

    def __init__(self, message: str, curves: Mapping[str, Sequence[float]]) -> None:
        super().__init__(message)
        self.curves = curves
