"""Looks at a body that is being trained: a linear head on its vectors as they are then, and which of the looks to hand over."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ringsmith.adapt.choose import Judge, Mark, clearly_better, margin
from ringsmith.adapt.dense import DensePath
from ringsmith.adapt.guard import Guard
from ringsmith.adapt.linear import Linear, calibrate, to_proba
from ringsmith.adapt.mixtures import Vectors, normalised
from ringsmith.adapt.recipe import Progress, Setting
from ringsmith.adapt.search import Search
from ringsmith.backbones import Backbone, encode
from ringsmith.backbones.encoding import Report
from ringsmith.backbones.pooling import Pooling
from ringsmith.errors import BudgetError
from ringsmith.records import Budget, Floats, TextSet

FEWEST_TO_REFUSE = 20
"""Fewer validation rows cannot tell skill from chance, and refuse nothing."""


@dataclass(frozen=True, eq=False)
class Seen:
    """What one look found.

    Attributes:
        step: steps that were done.
        head: the best head on the vectors as they were then, calibrated.
        strength: its C.
        mark: how the validation rows judge it.
        weights: of the body as it was then; None where they need not be kept.
    """

    step: int
    head: Linear
    strength: float
    mark: Mark
    weights: Mapping[str, Any] | None


class Lookout:
    """Fits a head at every look, and chooses between the looks.

    Args:
        backbone: the body that is being trained.
        setting: task, steps and listener.
        pooling: how a text's tokens become one vector.
        strengths: values of C; the first alone where there are no validation rows.
        train: rows that the head learns from.
        valid: the validation rows, which may be none.
        budget: wall clock of the fit.

    Attributes:
        last: the latest look.
        best: the best of those before it; None where there was none, or nothing to judge by.
        curves: ``"valid"``, ``"valid_log_loss"``, ``"valid_step"`` and ``"valid_share"`` of every look, as `Course` has them.
    """

    def __init__(self, backbone: Backbone, setting: Setting, pooling: Pooling, strengths: Sequence[float], train: TextSet, valid: TextSet, budget: Budget) -> None:
        self.backbone = backbone
        self.setting = setting
        self.pooling = pooling
        self.rows = train, valid
        self.budget = budget
        self.targets = setting.task.targets(train.labels or [])
        self.guard = Guard(setting.task, self.targets, valid, setting.metric, setting.floors)
        self.judge = Judge.of(setting.task, valid, setting.metric, by_loss=True)
        self.judged = len(self.judge.known)
        self.strengths = strengths if self.judged else strengths[:1]
        self.last: Seen | None = None
        self.best: Seen | None = None
        self.curves: dict[str, list[float]] = {"valid": [], "valid_log_loss": [], "valid_step": [], "valid_share": []}

    def __call__(self, step: int, planned: int) -> None:
        """Look, `step` of the `planned` steps being done.

        Raises:
            Broken: it predicts one class only, too late.
            BudgetError: the very first look does not fit the budget.
        """
        if not self.judged and 0 < step < planned:
            return  # nothing to judge by: the last look will do
        vectors, valid_vectors = (self._encode(part) for part in self.rows)
        head, strength = self._head(vectors, valid_vectors)
        share = step / max(1, planned)
        mark = self.guard(head.scores(valid_vectors), share)
        if self.last is not None and self.judged and (self.best is None or self.last.mark > self.best.mark):
            self.best = self.last
        self.last = Seen(step, head, strength, mark, copy.deepcopy(self.backbone.module.state_dict()) if self.judged and step < planned else None)
        if self.judged:
            for name, value in (("valid", mark[0]), ("valid_log_loss", -mark[1]), ("valid_step", step), ("valid_share", share)):
                self.curves[name].append(value)

    def choose(self) -> Seen:
        """The last look, unless an earlier one is clearly better; the body goes back to it then.

        Raises:
            Broken: the validation rows call none better than the majority.
        """
        assert self.last is not None, "there was at least one look"
        if self.judged >= FEWEST_TO_REFUSE:
            self.guard.finish()
        if self.best is None or self.best.weights is None or not clearly_better(self.best.mark, self.last.mark, margin(self.last.mark, self.judged)):
            return self.last
        self.backbone.module.load_state_dict(self.best.weights)
        return self.best

    def _head(self, vectors: Vectors, valid_vectors: Vectors) -> tuple[Linear, float]:
        """The head whose strength the validation rows like best, calibrated on them, and that strength."""
        task, known = self.setting.task, self.judge.known
        path = DensePath(vectors, self.targets, len(task.labels), task.activation)

        def trial(setting: Mapping[str, Any]) -> tuple[Linear, Floats]:
            head = path.solve(setting["C"], self.budget)
            if self.judged:
                head = calibrate(head, head.scores(valid_vectors[known]), self.judge.targets, task.activation)
            return head, to_proba(head.scores(valid_vectors), task.activation)

        found: Search[Linear] = Search(trial, self.judge, self.budget)
        found.each({"C": strength} for strength in self.strengths)
        return found.winner.model, float(found.winner.setting["C"])

    def _encode(self, rows: TextSet) -> Vectors:
        apply = self.setting.steps.apply_all
        return vectors_of(self.backbone, apply(rows.texts), None if rows.pairs is None else apply(rows.pairs), self.pooling, self._report)

    def _report(self, done: int, total: int) -> None:
        if self.last is None and self.budget.remaining() <= 0:
            raise BudgetError.of(f"Encoding with {self.backbone.model.name!r}", self.budget.seconds, f"{done:,} of {total:,} rows were done")
        self.setting.report(Progress("encode", done, total, "rows"))


def vectors_of(backbone: Backbone, texts: Sequence[str], pairs: Sequence[str] | None, pooling: Pooling, report: Report | None = None) -> Vectors:
    """One vector of length 1 for each row, float32 (n, hidden), of texts that are prepared already."""
    return normalised(encode(backbone, texts, pairs=pairs, layers="last", pooling=pooling, cache=False, report=report)[:, 0])
