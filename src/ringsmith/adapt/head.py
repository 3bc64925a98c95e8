"""The recipe `head`: the backbone stays frozen as for `probe`; a small neural network learns on its vectors, encoded once.

What it can that a line cannot: conditions that hold only together, as where two texts are compared. What it costs: some seconds of training, and
several times the numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import count
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch

from ringsmith.adapt.choose import Judge, Mark
from ringsmith.adapt.encoder import Long, View
from ringsmith.adapt.jury import Jury
from ringsmith.adapt.linear import calibration, to_proba
from ringsmith.adapt.mixtures import Vectors, features
from ringsmith.adapt.perceptron import Learning, Perceptrons, train_member
from ringsmith.adapt.probe import FittedProbe, Probe
from ringsmith.adapt.probe_options import HeadOptions, ProbeOptions
from ringsmith.adapt.recipe import Progress
from ringsmith.adapt.search import Search
from ringsmith.records import Budget, Floats

SHARE = 0.3
"""Of the time left, this share may go into choosing the mixture."""


class FittedHead(FittedProbe):
    """A frozen backbone and a neural head; its attributes are those of `FittedProbe`."""

    recipe: ClassVar[str] = "head"
    made_with: ClassVar[type[ProbeOptions]] = HeadOptions
    kind_of_head = Perceptrons


class Head(Probe):
    """Encodes every row once, as `probe` does; trains the members one after the other while time lasts."""

    name: ClassVar[str] = "head"
    fitted: ClassVar[type[FittedProbe]] = FittedHead

    def _search(self, views: Mapping[Long, View], targets: npt.NDArray[Any], jury: Jury, budget: Budget) -> Search[Any]:
        """Every view with so many members, on the mixture that is best for a line; the validation rows choose the look, and the view."""
        first, judge = next(iter(views)), jury.alone

        def trial(setting: Mapping[str, Any]) -> tuple[Perceptrons, Floats]:
            view, name = views[setting.get("long", first)], setting["mixture"]
            valid = features(name, *view.valid)
            head = self._calibrated(self._members(features(name, *view.train), targets, valid, judge, budget), valid, judge)
            return head, to_proba(head.scores(valid), self.setting.task.activation)

        found: Search[Perceptrons] = Search(trial, judge, budget)
        for way, view in views.items():
            where = {"long": way} if len(views) > 1 else {}
            found.each([{**where, "mixture": self._mixture({way: view}, targets, jury, budget)}])
        return found

    def _mixture(self, view: Mapping[Long, View], targets: npt.NDArray[Any], jury: Jury, budget: Budget) -> str:
        """The mixture of layers that a linear head would take."""
        if next(iter(view.values())).train[0].shape[1] == 1:
            return "last"
        if len(self.options.mixtures) == 1:
            return self.options.mixtures[0]
        return str(super()._search(view, targets, jury, budget.part(budget.remaining() * SHARE)).winner.setting["mixture"])

    def _members(self, rows: Vectors, targets: npt.NDArray[Any], valid: Vectors, judge: Judge, budget: Budget) -> Perceptrons:
        """As many members as the options ask for and the budget allows, at least one."""
        assert isinstance(self.options, HeadOptions)
        activation = self.setting.task.activation
        inputs, wanted = torch.from_numpy(rows), torch.from_numpy(np.asarray(targets, dtype=np.int64 if activation == "softmax" else np.float32))

        looks = count(1)

        def look(member: torch.nn.Sequential) -> Mark:
            if not len(judge.known):
                return float(next(looks)), 0.0  # nothing to judge by: the last look is the best
            return judge(to_proba(self._calibrated(Perceptrons.of([member]), valid, judge).scores(valid), activation))

        members: list[torch.nn.Sequential] = []
        for number in range(self.options.members):
            if members and budget.remaining() <= 0:
                break
            self.setting.report(Progress("train", number, self.options.members, "members"))
            seed = self.setting.seed + 1_000 * number
            member, _ = train_member(inputs, wanted, len(self.setting.task.labels), look, learning_of(self.options), activation=activation, seed=seed, budget=budget)
            members.append(member)
        return Perceptrons.of(members)

    def _calibrated(self, head: Perceptrons, valid: Vectors, judge: Judge) -> Perceptrons:
        """The same, its scores scaled (and for several labels shifted) so that its probabilities fit the validation rows."""
        if not len(judge.known):
            return head
        scale, shift = calibration(head.scores(valid[judge.known]), judge.targets, self.setting.task.activation)
        return replace(head, scale=scale, shift=shift)


def learning_of(options: HeadOptions) -> Learning:
    """How a member learns."""
    return Learning(options.hidden, options.dropout, options.input_dropout, options.rate, options.decay, options.looks, options.max_rows)
