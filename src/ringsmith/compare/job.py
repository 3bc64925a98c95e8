"""One run, in the process that does it: ``python -m ringsmith.compare.job FOLDER``.

The folder holds ``job.json``; the run writes ``model/``, ``predictions.npz`` and, last of all, ``result.json``. Progress goes to standard
output as lines of JSON; whatever libraries print is sent to standard error. The process ends when its parent does: the parent holds
the other end of standard input.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ringsmith._version import version
from ringsmith.adapt.choose import ENOUGH_MISSED, missed_by_one_answer
from ringsmith.adapt.folder import mark_pairs
from ringsmith.adapt.labelnames import with_names
from ringsmith.adapt.recipe import FitFacts, Fitted, Progress, Recipe, Report, Setting, silent
from ringsmith.adapt.registry import load_fitted
from ringsmith.adapt.soup import mix
from ringsmith.catalogue import LocalModel
from ringsmith.compare.files import plain, read_arrays, write_arrays, write_json
from ringsmith.compare.measure import latency_ms, peak_memory_mb, predict, predict_timed, size_mb
from ringsmith.errors import BudgetError, RingsmithError, RunDropped, RunRefused
from ringsmith.metrics import parse_metric
from ringsmith.records import Budget, Floats, Record, RunResult, Status, TextSet
from ringsmith.tasks import Task, create_task
from ringsmith.text import TextSteps

JOB, RESULT, PREDICTIONS, MODEL, TRACE = "job.json", "result.json", "predictions.npz", "model", "trace.txt"
REPORT_EVERY = 0.1
WRITING_SECONDS = 1.0
"""Before the hard end measuring stops, so that the result is written in time."""
PARTS = ("train", "valid", "test")
ALIKE = 1e-6
"""Probabilities that differ by less from row to row are one and the same: whatever gave them looked at no text."""


@dataclass(frozen=True)
class Job(Record):
    """All that one run needs, as ``job.json``.

    Attributes:
        run: identity of the run.
        candidate: as `Candidate.to_json` gives it.
        place: ``"module:Class"`` of the recipe.
        model: the fields of its `LocalModel`, None where it needs none.
        task: kind and labels.
        steps: names of the text steps.
        split: name of the split.
        seed: seed of everything random.
        threads: CPU threads.
        rows: the stored `TextSet`.
        positions: ``.npz`` with the positions of ``train``, ``valid`` and ``test``.
        started: when the parent sent it off, by `time.monotonic`, which all processes of a machine share; `fit_until` and `until` are of it, too.
        fit_until: when the recipe must have learnt, None for no limit; what starts late has less time to learn.
        until: when all must be over, None for no limit.
        baseline: whether predicting one class only is what it is meant to do.
        floors: (share of the planned steps, least mark) of a run of a search, see `adapt.recipe.Setting`.
        timed: whether to measure how long one row takes; one run of a candidate is enough.
        names: words for each of the labels, for the classes with few rows (`adapt.labelnames`); empty to do without.
        names_meant: whether all of them were described.
        metric: name of the metric that judges the comparison, see `adapt.recipe.Setting`.
        models: folders of fitted models: nothing is fitted, the mean of their weights is what answers.
    """

    run: str
    candidate: Mapping[str, Any]
    place: str
    model: Mapping[str, Any] | None
    task: Mapping[str, Any]
    steps: Sequence[str]
    split: str
    seed: int
    threads: int
    rows: str
    positions: str
    started: float
    fit_until: float | None = None
    until: float | None = None
    baseline: bool = False
    floors: Sequence[Sequence[float]] = ()
    timed: bool = True
    names: Sequence[str] = ()
    names_meant: bool = False
    metric: str | None = None
    models: Sequence[str] = ()

    def ended(self, status: Status, why: str, **facts: Any) -> RunResult:
        """The result of this job."""
        return RunResult(run=self.run, candidate=self.candidate, split=self.split, seed=self.seed, status=status, why=why, **facts)


def read_job(folder: Path) -> Job:
    """The job of a folder."""
    return Job.from_json(json.loads((folder / JOB).read_text(encoding="utf-8")))


def read_result(folder: Path) -> RunResult | None:
    """The result a run left, None where it did not come so far."""
    path = folder / RESULT
    return RunResult.from_json(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None


def execute(folder: Path, report: Report = silent) -> RunResult:
    """Do the job of `folder` and write down how it ended; no fault of the recipe escapes."""
    job = read_job(folder)
    try:
        result = perform(job, folder, report)
    except RunRefused as error:
        result = job.ended("refused", str(error))
    except RunDropped as error:
        result = job.ended("dropped", str(error), curves=plain(error.curves))
    except BudgetError as error:
        result = job.ended("dropped", str(error))
    except RingsmithError as error:
        result = job.ended("failed", str(error))
    except MemoryError:
        result = job.ended("failed", f"ran out of memory at {peak_memory_mb() / 1024:.1f} GB")
    except Exception as error:  # noqa: BLE001 - one broken recipe must not take the comparison with it; the trace is kept
        (folder / TRACE).write_text(traceback.format_exc(), encoding="utf-8")
        result = job.ended("failed", f"{type(error).__name__}: {' '.join(str(error).split())[:300]}")
    result = replace(result, environment=environment(job), seconds={**result.seconds, "total": time.monotonic() - job.started}, peak_memory_mb=peak_memory_mb())
    write_json(folder / RESULT, result.to_json())
    pause_of(folder).unlink(missing_ok=True)  # not before: until then a second start goes on from there
    return result


def pause_of(folder: Path) -> Path:
    """Where a training keeps its state: beside the job's folder, which a second start of the run makes anew."""
    return folder.with_name(f"{folder.name}.safetensors")


def perform(job: Job, folder: Path, report: Report) -> RunResult:
    """Fit, predict, save and measure."""
    rows, task = load_rows(job), create_task(job.task["kind"], job.task["labels"])
    if job.models:
        return perform_mean(job, folder, report, rows, task)
    recipe = create(job, task, report, pause=pause_of(folder))
    seconds = {"start": time.monotonic() - job.started}
    budget = Budget(None if job.fit_until is None else job.fit_until - time.monotonic())
    train = with_names(rows["train"], task, job.names, meant=job.names_meant) if recipe.learns_names else rows["train"]
    fitted, seconds["fit"] = _timed(lambda: recipe.fit(train, rows["valid"], budget))
    report(Progress("predict", 0, len(rows["valid"]) + len(rows["test"]), "rows"))
    valid, rate = predict_timed(fitted, rows["valid"])
    test, seconds["predict"] = _timed(lambda: predict(fitted, rows["test"]))
    check_scores(job, task, valid, test, rows["valid"], fitted.facts)
    write_arrays(folder / PREDICTIONS, {"valid_proba": valid, "test_proba": test, **_numbers(job, rows)})
    _, seconds["save"] = _timed(lambda: fitted.save(folder / MODEL))
    mark_pairs(folder / MODEL, pairs=rows["train"].pairs is not None)
    report(Progress("measure", 0, None, "rows"))
    sample = rows["test"] if len(rows["test"]) else rows["valid"]
    until = float("inf") if job.until is None else job.until - WRITING_SECONDS
    latency, seconds["measure"] = _timed(lambda: latency_ms(fitted, sample, until=until) if job.timed else {})
    done = _done(job, fitted, seconds, latency, rate, size_mb(folder / MODEL))
    return replace(done, short_seconds=budget.seconds) if fitted.facts.hurried else done


def perform_mean(job: Job, folder: Path, report: Report, rows: Mapping[str, TextSet], task: Task) -> RunResult:
    """Put the mean of the fitted models into the model's place, and let it answer."""
    seconds = {"start": time.monotonic() - job.started}
    report(Progress("mean", 0, len(job.models), "models"))
    _, seconds["fit"] = _timed(lambda: mix([Path(model) for model in job.models], folder / MODEL))
    fitted = load_fitted(folder / MODEL, threads=job.threads)
    report(Progress("predict", 0, len(rows["valid"]) + len(rows["test"]), "rows"))
    (valid, test), seconds["predict"] = _timed(lambda: [predict(fitted, rows[part]) for part in PARTS[1:]])
    check_scores(job, task, valid, test, rows["valid"], fitted.facts)
    write_arrays(folder / PREDICTIONS, {"valid_proba": valid, "test_proba": test, **_numbers(job, rows)})
    return replace(_done(job, fitted, seconds, {}, None, size_mb(folder / MODEL)), chosen={"models": len(job.models)})


def _done(job: Job, fitted: Fitted, seconds: Mapping[str, float], latency: Mapping[str, float], rate: float | None, size: float) -> RunResult:
    facts = fitted.facts
    return job.ended(
        "done",
        " ".join(facts.notes),
        seconds={**facts.seconds, **seconds},
        latency_ms=latency,
        rows_per_second=rate,
        size_mb=size,
        truncated_share=facts.truncated_share,
        parameters=facts.parameters,
        trained_parameters=facts.trained_parameters,
        chosen=plain(facts.chosen),
        curves=plain(facts.curves),
    )


def load_rows(job: Job) -> dict[str, TextSet]:
    """The rows of the three parts; only these are read."""
    from ringsmith.data import restore

    positions = read_arrays(Path(job.positions))
    return {part: restore(Path(job.rows), positions[part]) for part in PARTS}


def create(job: Job, task: Task, report: Report, *, pause: Path | None = None) -> Recipe:
    """The recipe, imported by its name in this process; `pause` as in its `Setting`."""
    module, _, name = job.place.partition(":")
    kind: type[Recipe] = getattr(importlib.import_module(module), name)
    model = None if job.model is None else LocalModel(**job.model)
    floors = tuple((float(share), float(mark)) for share, mark in job.floors)
    return kind(Setting(task, model, job.candidate["options"], TextSteps(tuple(job.steps)), job.seed, job.threads, report, floors, pause, job.metric))


def check_scores(job: Job, task: Task, valid: Floats, test: Floats, rows: TextSet, facts: FitFacts) -> None:
    """Let no broken scores into the ranking; the notes of the fit may say why they are broken.

    Raises:
        RunRefused: a score is not a number, or the same answer is given to every text although the labels differ, see `reads_nothing`.
        BudgetError: the same answer is given to every text, and the training was cut short.
    """
    scores = np.concatenate([valid, test])
    if not np.isfinite(scores).all():
        broken = int((~np.isfinite(scores)).any(axis=1).sum())
        raise RunRefused(f"its scores are not numbers (NaN) in {broken} of {len(scores)} rows")
    by_labels = job.metric is None or parse_metric(job.metric, task.labels).uses == "labels"
    if not job.baseline and reads_nothing(task, scores, rows, by_labels=by_labels):
        why = " ".join([f"predicts one class only: {task.decode(scores[:1])[0]!r} for all {len(scores)} rows{'.' if facts.notes else ''}", *facts.notes])
        raise BudgetError(why) if facts.hurried else RunRefused(why)


def reads_nothing(task: Task, scores: Floats, rows: TextSet, *, by_labels: bool) -> bool:
    """Whether it shows that a model does not tell one text from another: its scores are all alike, or its one answer misses `ENOUGH_MISSED` rows of other classes.

    How many it misses is reckoned by the share of the validation rows that have another label: the labels of the test rows have no part in it. Where there
    are fewer, the answers of all folds together are held against the shares of the classes when they are ranked.

    Args:
        task: what the labels mean.
        scores: of validation and test rows, at least one.
        rows: the validation rows.
        by_labels: whether labels are what judges; where probabilities do, or their order, rows may be told apart although one class is always the likelier.
    """
    if len(set(rows.labels or ())) < 2 or len(answers := set(task.decode(scores))) > 1:
        return False
    told, truth = task.targets(list(answers)), task.targets(rows.labels or [])
    missed = missed_by_one_answer(np.repeat(told, len(truth), axis=0), truth) / len(truth) * len(scores)
    return bool((by_labels and missed >= ENOUGH_MISSED) or np.ptp(scores, axis=0).max() < ALIKE)


def environment(job: Job) -> dict[str, Any]:
    """What the run ran with: versions of what was loaded, threads, the identity of the backbone."""
    loaded: dict[str, Any] = {name: str(getattr(sys.modules[name], "__version__", "")) for name in ("numpy", "sklearn", "torch", "transformers") if name in sys.modules}
    backbone = (
        None
        if job.model is None or job.model.get("kind") == "method"
        else {name: job.model[name] for name in ("name", "revision", "weights_sha256", "licence", "architecture", "parameters")}
    )
    return {"ringsmith": version(), "python": platform.python_version(), **loaded, "threads": job.threads, "backbone": backbone}


def _numbers(job: Job, rows: Mapping[str, TextSet]) -> dict[str, npt.NDArray[Any]]:
    positions = read_arrays(Path(job.positions))
    return {f"{part}_{name}": array for part in PARTS[1:] for name, array in (("row", rows[part].rows), ("position", positions[part]))}


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start


class Lines:
    """Reports progress as lines of JSON, ten a second at most; a new stage is always told."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.last = ("", 0.0)

    def __call__(self, progress: Progress) -> None:
        """Write one line, unless the last one was just now."""
        now = time.monotonic()
        if progress.stage == self.last[0] and now - self.last[1] < REPORT_EVERY and progress.done != progress.total:
            return
        self.last = (progress.stage, now)
        os.write(self.descriptor, (json.dumps(plain(asdict(progress))) + "\n").encode())


def die_with_parent() -> None:
    """End this process and its children as soon as standard input is closed, which happens when the parent ends in whatever way."""

    def wait() -> None:
        while os.read(0, 1):
            pass
        if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
            os.killpg(0, signal.SIGKILL)
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def first_to_go() -> None:
    """Ask Linux to end this process, not its parent, when memory runs out."""
    score = Path("/proc/self/oom_score_adj")
    if score.exists():
        score.write_text("1000", encoding="ascii")


def main(folder: str) -> None:
    """Do the job of `folder` in this process."""
    die_with_parent()
    first_to_go()
    lines = Lines(os.dup(1))
    os.dup2(2, 1)
    execute(Path(folder), lines)


if __name__ == "__main__":
    main(sys.argv[1])
