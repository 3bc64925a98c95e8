"""The hand-over: the model of the recommended candidate becomes ``best/``.

With one split it is the very model that was measured, and so it is where folds only choose: the mean of their models, or the first of them. Where that
model is gone, it is trained once more, as runs of their own: what was measured stays as it is, and it is said. Where folds test, it is fitted once more
on all rows (one part of them stops it early); without the time for that, it is the model of the first fold, and it is said.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ringsmith._files import patiently
from ringsmith.adapt.folder import mark_columns
from ringsmith.compare.arena import REFIT, Run
from ringsmith.compare.job import MODEL
from ringsmith.compare.mean import models_to_mix
from ringsmith.compare.mending import done_again, gets_more, is_short, take
from ringsmith.compare.plan import NO_TIME
from ringsmith.compare.race import Race
from ringsmith.compare.space import Entrant
from ringsmith.compare.standings import answers
from ringsmith.records import Split

AGAIN = "-again"
"""Behind the name of the split of a run that is done once more for its model."""
BEST = "best"
MANIFEST = "ringsmith.json"


def hand_over(race: Race, *, finishing: float, at_once: bool = False) -> Path | None:
    """Put the recommended model into ``best/``; its path, or None where nothing is recommended or it could not be made.

    Args:
        race: the race, ended.
        finishing: seconds to keep free after it.
        at_once: train nothing any more; what there is must do.
    """
    start = time.monotonic()
    name = race.verdict.recommended
    if name is None:
        return None
    entrant = race.known[name]
    if at_once:
        finishing = float("inf")
    path = _fitted_again(race, entrant, finishing) if race.refits else _measured(race, entrant, finishing)
    race.handed_over = True
    race.stages["hand over"] = time.monotonic() - start
    return path


def _measured(race: Race, entrant: Entrant, finishing: float) -> Path | None:
    """The model that was measured: the mean of the folds' models where there is one, of several seeds the one that is best on the validation rows."""
    if (mean := race.means.get(entrant.candidate.name)) is not None:
        models = race.arena.ledger.runs[mean.key].chosen["models"]
        trained = f"all rows but those that test: the mean of the weights of {models} models, each trained on a part of them"
        return _place(race, mean, trained, finishing, folds=race.runs_of(entrant))
    runs = [run for run in race.runs_of(entrant) if run.number == 0]
    best = runs[0]
    for run in runs[1:]:
        if race.arena.judge.better(_valid(race, run), _valid(race, best)):
            best = run
    trained = "the training rows" if len(race.arena.dataset.splits) == 1 else f"the training rows of {best.split.name}"
    if race.refits:
        trained += f" ({NO_TIME})"
    return _place(race, best, trained, finishing)


def _valid(race: Race, run: Run) -> float:
    return race.arena.judge.value(answers(race.arena, [run]))


def _fitted_again(race: Race, entrant: Entrant, finishing: float) -> Path | None:
    arena = race.arena
    run = refit_run(race, entrant)
    if _is_there(race, run):
        if not _mended(race, run, finishing):
            return arena.folder / BEST
    elif not _is_time_for(race, race.refit_forecast(entrant).measured().least, finishing) or not _is_done(race, run, finishing):
        return _measured(race, entrant, finishing)
    return _move(race, run, "all rows; one part of them chose its settings or when to stop")


def _mended(race: Race, run: Run, finishing: float) -> bool:
    """Fit it anew where the one that lies there had too little time and there is clearly more now; whether that was so."""
    time_for_all = is_short(race.arena, run) and _is_time_for(race, race.refit_forecast(run.entrant).measured().seconds, finishing)
    result = done_again(race, run, finishing=finishing) if time_for_all and gets_more(race, run) else None
    if result is not None:
        take(race.arena, run, result)
    return result is not None


def refit_run(race: Race, entrant: Entrant) -> Run:
    """The run on all rows: validation rows of the first fold choose and stop it early, all others are learnt from.

    But for what the first fold leaves out, because it says the same as rows that choose or test: learnt from, such rows would be chosen by their own copies.
    """
    first, seed = race.arena.dataset.splits[0], race.arena.options.seed
    split = Split(REFIT, np.sort(np.concatenate([first.train, first.test])), first.valid, np.zeros(0, dtype=np.int64))
    return Run(entrant, 0, split, seed, race.arena.key_of(entrant, REFIT, seed))


def _place(race: Race, run: Run, trained: str, finishing: float, *, folds: Sequence[Run] = ()) -> Path | None:
    """Move the run's model to ``best/``; do the run once more where its model is gone and there is time for all of it.

    Args:
        race: the race, ended.
        run: whose model it is.
        trained: on what.
        finishing: seconds to keep free after it.
        folds: the runs whose models' mean it is, to be done once more before it.
    """
    arena, again = race.arena, once_more(race, run)
    if _is_there(race, run) or _is_there(race, again):
        return arena.folder / BEST
    if (arena.place(run) / MODEL / MANIFEST).exists():
        return _move(race, run, trained)
    first = [once_more(race, fold) for fold in folds]
    if not _is_time_for(race, race.seconds_of(run.entrant, first or [run]), finishing):
        return None
    race.expect(len(first) + 1)
    if not all(_is_done(race, fold, finishing) for fold in first) or not _is_done(race, again, finishing, models=models_to_mix(arena, again, first)):
        return None
    return _move(race, again, f"{trained}, once more: the model that was measured is gone")


def once_more(race: Race, run: Run) -> Run:
    """The same run by another name, under which it is written down."""
    split = replace(run.split, name=f"{run.split.name}{AGAIN}")
    return replace(run, split=split, key=race.arena.key_of(run.entrant, split.name, run.seed))


def _is_time_for(race: Race, seconds: float, finishing: float) -> bool:
    return finishing != float("inf") and race.arena.budget.remaining() - finishing >= seconds


def _is_done(race: Race, run: Run, finishing: float, *, models: Sequence[Path] = ()) -> bool:
    """Do a run on a split that is not of the plan; whether it came to its end, and so has left a model."""
    return race.perform(run, keep=True, finishing=finishing, models=models).status == "done"


def _is_there(race: Race, run: Run) -> bool:
    """Whether ``best/`` is this very run's model already."""
    known: Any = race.arena.study.content.get("best") or {}
    return bool(known.get("run") == run.key and (race.arena.folder / BEST / MANIFEST).exists())


def _move(race: Race, run: Run, trained: str) -> Path:
    arena, best = race.arena, race.arena.folder / BEST
    old = arena.work / "replaced"
    shutil.rmtree(old, ignore_errors=True)
    if best.exists():
        patiently(lambda: best.rename(old))
    read = arena.study.content["read"]
    mark_columns(arena.place(run) / MODEL, text=read["text_column"], pair=read["pair_column"])
    patiently(lambda: (arena.place(run) / MODEL).rename(best))
    arena.study.set(best={"candidate": run.entrant.candidate.name, "run": run.key, "split": run.split.name, "seed": run.seed, "trained_on": trained})
    return best
