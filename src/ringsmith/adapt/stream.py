"""Linear classifiers over more rows than memory holds: hashed n-grams made chunk by chunk, averaged stochastic gradient descent.

Every setting is trained in the same pass, since making the rows costs more than learning from them (Bottou, 2010, for the averaging).
Logistic loss: of the losses tried it came closest to the machines of `linear` (see LOG.md).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ringsmith.adapt.choose import Judge, Mark
from ringsmith.adapt.linear import Activation, Linear, calibrate, to_proba
from ringsmith.adapt.recipe import Progress, Report
from ringsmith.adapt.sparse import Matrix, scale_columns
from ringsmith.errors import BudgetError
from ringsmith.records import Budget, Rows

CHUNK_ROWS = 8_192
PASSES, VISITS = 3, 1_500_000
"""At most so many passes, and none begun after so many rows: with that many rows a second look at each teaches little."""
GAIN = 0.005
"""Another pass is begun only if the last one lowered the log loss by this share."""
SHARE = 0.85
"""Of the budget, for learning; the rest is for judging, saving and predicting."""


@dataclass(frozen=True)
class StreamSetting:
    """What is tried.

    Attributes:
        word_weight: how much words count beside characters.
        alpha: strength of the shrinking of the weights.
    """

    word_weight: float
    alpha: float


class Learner:
    """One setting being learnt: a machine for each class or label (one for two classes).

    Args:
        setting: the hyper-parameters.
        columns: what to multiply the columns with (d,).
        targets: of all rows: columns (n,), or bool (n, K).
        classes: K.
        seed: of the order of the rows within a chunk.
    """

    def __init__(self, setting: StreamSetting, columns: npt.NDArray[np.float32], targets: npt.NDArray[Any], classes: int, seed: int) -> None:
        self.setting = setting
        self.columns = columns
        self.targets = targets
        self.wanted: list[int] = [1] if targets.ndim == 1 and classes == 2 else list(range(classes))
        self.machines = [self._machine(column, seed) for column in self.wanted]

    def learn(self, rows: Matrix, positions: Rows) -> None:
        """One pass over a chunk."""
        scaled = scale_columns(rows, self.columns)
        for column, machine in zip(self.wanted, self.machines, strict=True):
            machine.partial_fit(scaled, positive(self.targets[positions], column), classes=[False, True])

    def linear(self) -> Linear:
        """The averaged weights so far, for rows as they are."""
        weights = np.concatenate([machine.coef_ for machine in self.machines]).astype(np.float32)
        return Linear(weights * self.columns, np.concatenate([machine.intercept_ for machine in self.machines]).astype(np.float32))

    def _machine(self, column: int, seed: int) -> Any:
        """Two classes are weighted by their rarity; one class against many is not: its rare steps would be forty times too long."""
        weight = None
        if self.targets.ndim == 1 and len(self.wanted) == 1:
            n, n_yes = len(self.targets), max(1, int(positive(self.targets, column).sum()))
            weight = {True: n / (2 * n_yes), False: n / (2 * max(1, n - n_yes))}
        from sklearn.linear_model import SGDClassifier  # here: predicting needs none of it, and it takes a second to import

        return SGDClassifier(loss="log_loss", alpha=self.setting.alpha, class_weight=weight, average=True, shuffle=False, random_state=seed)


def positive(targets: npt.NDArray[Any], column: int) -> npt.NDArray[np.bool_]:
    """Which rows belong to this class, or carry this label."""
    return np.asarray(targets == column if targets.ndim == 1 else targets[:, column])


@dataclass(frozen=True, eq=False)
class Streamed:
    """The outcome.

    Attributes:
        linear: the best setting's classifier, calibrated.
        setting: its hyper-parameters.
        rows_seen: training rows it learnt from, passes counted again.
    """

    linear: Linear
    setting: StreamSetting
    rows_seen: int


def fit_stream(
    make: Callable[[Rows], Matrix], learners: Sequence[Learner], valid: Matrix, judge: Judge, activation: Activation, *, seed: int, threads: int, budget: Budget, report: Report
) -> Streamed:
    """Learn all settings side by side in up to `PASSES` passes over the rows in random order, as far as the budget goes; the best after any of them is taken.

    Args:
        make: positions -> their rows.
        learners: one for each setting.
        valid: rows to choose and calibrate by, all of known classes.
        judge: marks their probabilities.
        activation: what turns scores into probabilities.
        seed: of the order of the rows.
        threads: settings are learnt side by side on so many cores.
        budget: wall clock.
        report: is told every chunk.

    Raises:
        BudgetError: not even the first chunk fits.
    """
    total = len(learners[0].targets)
    until, seen = budget.part(budget.remaining() * SHARE), 0
    best: tuple[Mark, Streamed] | None = None
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(min(PASSES, math.ceil(VISITS / total))):
            for positions in chunks(total, np.random.default_rng([seed, seen])):
                if until.remaining() <= 0:
                    break
                rows = make(positions)
                list(pool.map(lambda learner, rows=rows, positions=positions: learner.learn(rows, positions), learners))
                seen += len(positions)
                report(Progress("train", seen, None, "rows"))
            if not seen:
                raise BudgetError.of(f"Learning from {total:,} rows", budget.seconds, f"it was over before the first {min(CHUNK_ROWS, total):,} were read")
            mark, linear, setting = best_of(learners, valid, judge, activation)
            little = best is not None and mark[0] < best[0][0] * (1 - GAIN)
            if best is None or mark >= best[0]:  # equal without rows to judge by: the last pass is the best then
                best = mark, Streamed(linear, setting, seen)
            if little or until.remaining() <= 0:
                break
    assert best is not None, "there is at least one pass"
    return best[1]


def chunks(total: int, generator: np.random.Generator) -> Iterator[Rows]:
    """All positions once, in random order."""
    order = generator.permutation(total)
    for start in range(0, total, CHUNK_ROWS):
        yield order[start : start + CHUNK_ROWS]


def best_of(learners: Sequence[Learner], valid: Matrix, judge: Judge, activation: Activation) -> tuple[Mark, Linear, StreamSetting]:
    """Mark, calibrated classifier and setting of the learner that the validation rows like best."""
    found: list[tuple[Mark, Linear, StreamSetting]] = []
    for learner in learners:
        linear = learner.linear()
        if len(judge.known):
            linear = calibrate(linear, linear.scores(valid), judge.targets, activation)
        found.append((judge(to_proba(linear.scores(valid), activation)), linear, learner.setting))
    return max(found, key=lambda item: item[0])
