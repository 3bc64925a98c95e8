"""Options of the recipes with a frozen backbone, in a file without torch: they are held against their rules before anything is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ringsmith.adapt.mixtures import MIXTURES
from ringsmith.adapt.options import Conditional, hold, rising

if TYPE_CHECKING:
    from ringsmith.adapt.encoder import Long
    from ringsmith.backbones.load import Precision
    from ringsmith.backbones.pooling import Pooling
    from ringsmith.catalogue import LocalModel


@dataclass(frozen=True)
class ProbeOptions:
    """Options of the recipe `probe`.

    Attributes:
        mixtures: the mixtures of layers that are tried (see `MIXTURES`), the likeliest first: it is taken unless another's log loss is lower by a standard error
            on the validation rows and, where these and the training rows are few (below 200 and 400, or 10 of each class), on the training rows in four parts, each judged
            by a head that learnt from the others.
        strengths: values of C, rising; each mixture walks up as long as it helps on these rows.
        pooling: how a text's tokens become one vector.
        long: what is tried with texts longer than the backbone takes, where there are any: ``"cut"`` off, or read in ``"windows"``; the validation rows choose.
        precision: what the backbone multiplies in: ``"float32"``, ``"bfloat16"``, ``"int8"``, or ``"auto"``: the fastest that was measured to
            give the same vectors on this machine. It is saved with the model, which keeps it wherever the machine has it.
    """

    mixtures: tuple[str, ...] = ("last4", "last", "all")
    strengths: tuple[float, ...] = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
    pooling: Pooling = "mean"
    long: tuple[Long, ...] = ("cut", "windows")
    precision: Precision = "auto"

    def __post_init__(self) -> None:
        object.__setattr__(self, "long", tuple(self.long))
        object.__setattr__(self, "mixtures", tuple(self.mixtures))
        object.__setattr__(self, "strengths", rising(self.strengths))
        hold(
            self,
            (
                ("mixtures", lambda names: len(names) > 0 and set(names) <= MIXTURES.keys(), f"some of {', '.join(MIXTURES)}"),
                ("strengths", lambda values: len(values) > 0 and all(value > 0 for value in values), "one or more numbers above 0"),
                ("precision", lambda name: name in ("auto", "float32", "bfloat16", "int8"), "auto, float32, bfloat16 or int8"),
                ("pooling", lambda name: name in ("mean", "cls", "last"), "mean, cls or last"),
                ("long", lambda ways: len(ways) > 0 and set(ways) <= {"cut", "windows"}, "cut, windows or both"),
            ),
        )


@dataclass(frozen=True)
class HeadOptions(ProbeOptions, Conditional):
    """Options of the recipe `head`, besides those of `probe`, which choose the mixture of layers it learns on; the figures behind the defaults are in LOG.md.

    Attributes:
        members: networks that are averaged.
        hidden: width of the hidden layer.
        dropout: share of the hidden numbers left out at random while training.
        input_dropout: share of the input numbers left out.
        rate: learning rate at the start; it falls to 0.
        decay: weight decay (Loshchilov and Hutter, 2019).
        looks: at the validation rows, at most, one an epoch or every 40 steps; a member stops when five in a row were no better.
        max_rows: rows of a batch.
    """

    members: int = 3
    hidden: int = 256
    dropout: float = 0.5
    input_dropout: float = 0.3
    rate: float = 1e-3
    decay: float = 0.01
    looks: int = 30
    max_rows: int = 32

    def __post_init__(self) -> None:
        super().__post_init__()
        share = (lambda value: 0 <= value < 1, "from 0 to below 1")
        hold(
            self,
            (
                *((name, lambda value: value >= 1, "at least 1") for name in ("members", "hidden", "looks", "max_rows")),
                *((name, *share) for name in ("dropout", "input_dropout")),
                ("rate", lambda value: 0 < value <= 0.1, "above 0 and at most 0.1"),
                ("decay", lambda value: value >= 0, "0 or more"),
            ),
        )

    def idle(self, model: LocalModel | None) -> dict[str, str]:
        return {"strengths": "with one mixture, as they choose among several"} if len(self.mixtures) == 1 else {}
