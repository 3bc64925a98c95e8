"""Where folds only choose: the mean of their models, which together have learnt from all rows.

Each fold's model leaves out the rows that choose in it, and of few rows every one is missed. The mean of the weights (`adapt.soup`) costs no further training, answers as
fast as one of them, and is what answers the test rows and is handed over. Rows that its models have learnt from it must answer at least as well as those of them did that had
not.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from ringsmith.adapt.folder import MANIFEST
from ringsmith.adapt.soup import alike, same
from ringsmith.compare.arena import Arena, Run
from ringsmith.compare.contestants import Part
from ringsmith.compare.files import read_arrays
from ringsmith.compare.job import MODEL
from ringsmith.compare.standings import part_of

PROMPT = "prompt"
"""The recipe whose models hardly learn from rows; it asks and is not averaged."""


def models_to_mix(arena: Arena, mean: Run, runs: Sequence[Run]) -> list[Path]:
    """The models of these runs whose weights can be averaged; nothing where the mean was taken before, or there are not two that differ."""
    models = [place for run in runs if ((place := arena.place(run) / MODEL) / MANIFEST).exists()]
    return [] if arena.finished(mean) is not None or len(models) < 2 or same(models) else alike(models)


def settle_mean(arena: Arena, mean: Run, runs: Sequence[Run], valid: Part) -> Part | None:
    """The answers of the mean to the test rows, if it was taken and holds what it should.

    Of the models that of the candidate is kept; the others are removed, unless a fold had too little time: done once more, it will have another mean.

    Args:
        arena: where they ran.
        mean: the run of the mean.
        runs: those of the folds, all of them done.
        valid: their answers to the rows that choose.
    """
    result, test = arena.finished(mean), None
    if result is not None and result.status == "done":
        arrays = read_arrays(arena.predictions(mean))
        learnt = part_of(arrays, "valid", mean.number)
        if not arena.judge.better(arena.judge.value(valid.at(learnt.positions)), arena.judge.value(learnt)):
            test = part_of(arrays, "test", mean.number)
    kept = runs[0] if test is None else mean
    hurried = any(arena.ledger.runs[run.key].short_seconds is not None for run in runs)
    for run in [mean, *runs]:
        if run is not kept and not hurried:
            shutil.rmtree(arena.place(run) / MODEL, ignore_errors=True)
    return test
