"""Where folds only choose: the mean of their models, which together have learnt from all rows.

Each fold's model leaves out the rows that choose in it, and of few rows every one is missed. The mean of the weights (`adapt.soup`) costs no further training, answers as
fast as one of them, and is what answers the test rows and is handed over. It must answer rows that its models have learnt from at least as well as they answer those that
they have not.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from ringsmith.adapt.folder import MANIFEST
from ringsmith.adapt.soup import alike, same
from ringsmith.compare.arena import Arena, Run
from ringsmith.compare.job import MODEL
from ringsmith.compare.standings import answers

PROMPT = "prompt"
"""The recipe whose models hardly learn from rows; it asks and is not averaged."""


def models_to_mix(arena: Arena, mean: Run, runs: Sequence[Run]) -> list[Path]:
    """The models of these runs whose weights can be averaged; nothing where the mean was taken before, or there are not two that differ."""
    models = [place for run in runs if ((place := arena.place(run) / MODEL) / MANIFEST).exists()]
    return [] if arena.finished(mean) is not None or len(models) < 2 or same(models) else alike(models)


def settle_mean(arena: Arena, mean: Run, runs: Sequence[Run]) -> Run | None:
    """The run of the mean, if it was done and holds what it should; of the models that of the candidate is kept, the others are removed.

    Args:
        arena: where they ran.
        mean: the run of the mean.
        runs: those of the folds, all of them done.
    """
    result = arena.finished(mean)
    taken = result is not None and result.status == "done" and not arena.judge.better(_value(arena, runs), _value(arena, [mean]))
    kept = mean if taken else runs[0]
    for run in [mean, *runs]:
        if run is not kept:
            shutil.rmtree(arena.place(run) / MODEL, ignore_errors=True)
    return mean if taken else None


def _value(arena: Arena, runs: Sequence[Run]) -> float:
    """How good the answers of these runs to their validation rows are."""
    return arena.judge.value(answers(arena, runs))
