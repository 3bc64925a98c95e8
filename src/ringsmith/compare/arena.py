"""Everything a race needs, made ready: the folder, the rows, the machine, the candidates."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from ringsmith._wording import plural
from ringsmith.catalogue import Choice, expand
from ringsmith.compare import machine as machines
from ringsmith.compare.backends import BACKENDS, Backend, create_backend
from ringsmith.compare.choose import Judge
from ringsmith.compare.dataset import ROWS, Dataset, Table, counts_of, describe, first_test_row, note_of_names, store_table
from ringsmith.compare.events import Cut, Listener, MachineSeen
from ringsmith.compare.files import can_be_read, write_arrays, write_json
from ringsmith.compare.job import JOB, PARTS, TRACE, Job
from ringsmith.compare.ledger import Ledger
from ringsmith.compare.machine import Machine
from ringsmith.compare.naming import for_shell
from ringsmith.compare.options import CompareOptions
from ringsmith.compare.space import BASELINE, Entrant, LeftOut, check_options, endpoint_choice, entrants, known_recipes, needs_models, taken_for_model, with_words
from ringsmith.compare.stopping import fell_behind
from ringsmith.compare.study import Study, as_json, claim
from ringsmith.errors import MissingExtra, NotAtHand, UnknownName, UsageError
from ringsmith.records import Budget, RunResult, Split, digest, several_test
from ringsmith.text import TextSteps

WORK, SPENT, RUNS = "work", "spent.jsonl", "predictions/runs"
REFIT = "refit"
"""The split of the run on all rows, where folds test."""
MEAN = "mean"
"""The split of the mean of the folds' models, where folds only choose."""
LEARNT = 500
"""Rows that its models have learnt from, about, which a mean must answer: it is broken where the folds' models, which had not seen them, answered them better."""


@dataclass(frozen=True)
class Run:
    """One run of the plan: a candidate on a split with a seed.

    Attributes:
        entrant: the candidate.
        number: number of the split.
        split: the split.
        seed: the seed.
        key: identity of the run.
        instead_of: identity of the run whose place it is to take if it ends well; its line is that one's then.
    """

    entrant: Entrant
    number: int
    split: Split
    seed: int
    key: str
    instead_of: str | None = None

    @property
    def measures(self) -> bool:
        """Whether it measures single predictions, for all runs of the candidate: on the first split."""
        return self.number == 0


@dataclass(frozen=True, eq=False)
class Arena:
    """A comparison that is ready to begin.

    Attributes:
        options: what was asked for.
        folder: where the results go.
        budget: the clock.
        machine: the machine.
        dataset: what is known of the rows.
        entrants: the candidates.
        left_out: what does not compete, and why.
        backend: where the runs happen.
        ledger: the runs that ended, also in earlier comparisons of this folder.
        study: what will be ``study.json``.
        judge: knows truth and metric.
    """

    options: CompareOptions
    folder: Path
    budget: Budget
    machine: Machine
    dataset: Dataset
    entrants: tuple[Entrant, ...]
    left_out: tuple[LeftOut, ...]
    backend: Backend
    ledger: Ledger
    study: Study
    judge: Judge

    @property
    def work(self) -> Path:
        """Where the runs happen; removed at the end."""
        return self.folder / WORK

    def runs_of(self, entrant: Entrant, seeds: int | None = None) -> list[Run]:
        """All runs of a candidate, split by split, with so many seeds; None for as many as were asked for."""
        return [run for number, split in enumerate(self.dataset.splits) for run in self._on(split, number, entrant, seeds)]

    def turn_of(self, entrant: Entrant, index: int) -> list[Run]:
        """The runs of a candidate in one turn of a play-off, a seed each."""
        return list(self._on(self.dataset.turns[index], len(self.dataset.splits) + index, entrant))

    def fewer_of(self, entrant: Entrant, level: int) -> list[Run]:
        """The runs of a candidate with a half (level 0) or a quarter (1) of the training rows of every split, in the order of `runs_of`."""
        after = len(self.dataset.splits) + len(self.dataset.turns)
        return [run for number, some in enumerate(self.dataset.fewer) for run in self._on(some[level], after + number, entrant)]

    @property
    def averages(self) -> bool:
        """Whether folds only choose, with one seed: the mean of their models stands for a candidate then."""
        splits = self.dataset.splits
        return len(splits) > 1 and self.options.seeds == 1 and not several_test(len(split.test) for split in splits)

    def mean_of(self, entrant: Entrant) -> Run:
        """The run that takes the mean of the models of all folds: it answers the test rows of the first, and the rows that choose in so many of the folds as `LEARNT` allows."""
        splits = self.dataset.splits
        learnt = np.sort(np.concatenate([split.valid for split in splits[: max(1, LEARNT // len(splits[0].valid))]]))
        split = Split(MEAN, np.zeros(0, dtype=np.int64), learnt, splits[0].test)
        return Run(entrant, 0, split, self.options.seed, digest([self.key_of(entrant, MEAN, self.options.seed), self._times(entrant)])[:20])

    def _times(self, entrant: Entrant) -> list[float | None]:
        """What tells the runs of a candidate from the same runs done once more, of which there is another mean."""
        ended = [self.ledger.runs.get(run.key) for run in self.runs_of(entrant)]
        return [result.seconds.get("total") if result else None for result in ended]

    def _on(self, split: Split, number: int, entrant: Entrant, seeds: int | None = None) -> Iterator[Run]:
        for seed in range(self.options.seed, self.options.seed + (seeds or self.options.seeds)):
            yield Run(entrant, number, split, seed, self.key_of(entrant, split.name, seed))

    def key_of(self, entrant: Entrant, split: str, seed: int) -> str:
        """Identity of a run: rows and splits, the names of the classes where they are learnt from, the metric, which recipes fit for, candidate, weights, seed."""
        model = entrant.model
        rows = [self.dataset.identity, self.dataset.names, self.dataset.names_meant, self.dataset.metric.name]
        told = {name: value for name, value in (model.settings if model else {}).items() if name != "account"}
        weights = model.weights_sha256 if model else None
        return digest([*rows, entrant.candidate.to_json(), weights, split, seed, *([told] if told else [])])[:20]

    def which(self, split: str, seed: int) -> str:
        """What tells a run from the others of its candidate: ``"fold-2, seed 1"``; nothing where there is one only."""
        only = len(self.dataset.splits) == 1 and split == self.dataset.splits[0].name
        cut = "" if only else {REFIT: "all rows", MEAN: "mean of the folds"}.get(split, split)
        drawn = f"seed {seed}" if self.options.seeds > 1 or seed != self.options.seed else ""
        return ", ".join(filter(None, [cut, drawn]))

    def job_of(self, run: Run, *, fit_until: float | None, until: float | None, floors: Sequence[tuple[float, float]], models: Sequence[Path]) -> Job:
        """The orders of a run that begins now; see `Job` for what they say."""
        entrant = run.entrant
        return Job(
            run=run.key,
            candidate=entrant.candidate.to_json(),
            place=entrant.place,
            model=asdict(entrant.model) if entrant.model else None,
            task=self.dataset.task.to_json(),
            steps=self.options.steps,
            split=run.split.name,
            seed=run.seed,
            threads=self.backend.threads,
            rows=str(self.work / ROWS),
            positions=str(self.positions(run.split)),
            started=time.monotonic(),
            fit_until=fit_until,
            until=until,
            baseline=entrant.candidate.recipe == BASELINE,
            floors=floors,
            timed=run.measures,
            names=self.dataset.names,
            names_meant=self.dataset.names_meant,
            metric=self.dataset.metric.name,
            models=[str(model) for model in models],
        )

    def finished(self, run: Run) -> RunResult | None:
        """The result of a run that need not be done again: it ended well, is broken and would be again, or fell behind in a search."""
        result = self.ledger.runs.get(run.key)
        if result is None or result.status == "refused" or fell_behind(result):
            return result
        return result if result.status == "done" and self.predictions(run).exists() else None

    def predictions(self, run: Run) -> Path:
        """Where the answers of a run are kept."""
        return self.folder / RUNS / f"{run.key}.npz"

    def positions(self, split: Split) -> Path:
        """Where the positions of its rows are stored."""
        return self.work / "splits" / f"{split.name}.npz"

    def place(self, run: Run) -> Path:
        """Where a run works."""
        return self.work / run.key

    def prepare(self, run: Run, *, to_learn: float, left: float, floors: Sequence[tuple[float, float]], models: Sequence[Path]) -> None:
        """An empty place for a run that begins now, with its orders: to have learnt after the first and to be over after the second of these numbers of seconds."""
        place = self.place(run)
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        if not (positions := self.positions(run.split)).exists():  # not of the plan
            write_arrays(positions, {part: getattr(run.split, part) for part in PARTS})
        now = time.monotonic()
        fit_until, until = (now + max(to_learn, 0.0), now + left) if left != float("inf") else (None, None)
        write_json(place / JOB, self.job_of(run, fit_until=fit_until, until=until, floors=floors, models=models).to_json())

    def with_trace(self, run: Run, result: RunResult) -> RunResult:
        """Keep what is needed to find a fault of ours, and say where."""
        trace = self.place(run) / TRACE
        if result.status != "failed" or not trace.exists():
            return result
        kept = self.folder / "errors" / f"{run.entrant.candidate.key}.txt"
        kept.parent.mkdir(exist_ok=True)
        shutil.copyfile(trace, kept)
        return replace(result, why=f"{result.why} (errors/{kept.name})")


def open_arena(options: CompareOptions, table: Table, listener: Listener) -> Arena:
    """Take possession of the folder, store the rows, look at the machine; write what is known so far.

    Raises:
        RingsmithError: whatever is wrong with the metric, the labels, the models or the folder.
    """
    dataset = describe(table, options)
    before = claim(options.folder, dataset.identity)
    study = Study(options, dataset.identity, before)
    study.write()  # from here on the folder is ours
    table = replace(table, notes=(*table.notes, *note_of_names(table, dataset), *note_of_lost(options.folder)))
    store_table(table, options.folder, options.folder / WORK)
    return arena_of(options, table, dataset, study, listener)


def note_of_lost(folder: Path) -> tuple[str, ...]:
    """Take away the answers of runs that cannot be read, as after a power cut, so that these runs are done again; a sentence where there are any.

    Of a candidate whose folds have a mean, all are: their models are gone, and of one alone there is no other mean.
    """
    lost = {path.stem for path in (folder / RUNS).glob("*.npz") if not can_be_read(path)}
    if not lost:
        return ()
    ended = Ledger(folder).runs
    averaged = [result.candidate for result in ended.values() if result.split == MEAN]
    touched = [ended[key].candidate for key in lost if key in ended and ended[key].candidate in averaged]
    for key in lost | {key for key, result in ended.items() if result.candidate in touched}:
        (folder / RUNS / f"{key}.npz").unlink(missing_ok=True)
    return (f"The answers that were kept of {plural(len(lost), 'run')} are cut off or damaged: what hangs on them is done again.",)


def arena_of(options: CompareOptions, table: Table, dataset: Dataset, study: Study, listener: Listener) -> Arena:
    """Put the parts together and tell the listener what was found."""
    folder, machine = options.folder, machines.look()
    metric = dataset.metric
    study.set(
        machine=as_json(machine),
        task=dataset.task.to_json(),
        metric={"name": metric.name, "summary": metric.summary, "greater_is_better": metric.greater_is_better},
        read=as_json(table.read[0]),
        read_test=as_json(table.read[1]) if len(table.read) > 1 else None,
        first_test_row=first_test_row(table),
        data=as_json(table.checked),
        splits=counts_of(dataset.splits),
        split_notes=[table.how, *table.notes],
    )
    study.write()
    judge = judge_of(dataset, options)
    judge.check(dataset.splits)
    listener(Cut(counts_of(dataset.splits), table.checked, dataset.task.to_json(), metric.name, table.how, table.notes))
    budget = Budget(options.budget, started=options.started)
    listener(MachineSeen(machine, budget))
    choices = choices_of(options, dataset.language)
    competing, left_out = entrants(options.recipes, choices)
    left_out += unused_models(options)
    competing = with_words(competing, options.describe)
    threads = options.threads or machine.cores
    return Arena(
        options=options,
        folder=folder,
        budget=budget,
        machine=machine,
        dataset=dataset,
        entrants=tuple(competing),
        left_out=tuple(left_out),
        backend=create_backend(options.on, threads=threads, memory_mb=machine.memory_mb),
        ledger=Ledger(folder),
        study=study,
        judge=judge,
    )


def judge_of(dataset: Dataset, options: CompareOptions) -> Judge:
    """The judge of this comparison."""
    names = [split.name for split in dataset.splits]
    return Judge(dataset.metric, dataset.y, shares=dataset.shares, splits=names, groups=dataset.groups, seed=options.seed)


def choices_of(options: CompareOptions, language: str | None) -> list[Choice]:
    """The models, with the reason why each is in or out."""
    found = expand(options.models, language=language, policy=options.fetch, offline=options.offline) if needs_models(options.recipes) else []
    return found if options.endpoint is None else [*found, endpoint_choice(options.endpoint, options.folder / SPENT)]


def unused_models(options: CompareOptions) -> list[LeftOut]:
    """The models that were named although no recipe here starts from one."""
    named = [] if options.models is None or needs_models(options.recipes) else options.models
    return [LeftOut(name, "left out: none of the recipes starts from a model (add probe, full or static)") for name in named]


def check_names(options: CompareOptions) -> None:
    """Fail on a wrong name before any row is read.

    Raises:
        UnknownName: a recipe, a model, a text step or a backend that does not exist.
        UsageError: the name of a recipe or of a candidate where a model is to be named; an option that a recipe does not have, or a value that breaks its rule.
    """
    known_recipes(options.recipes)
    check_options(options.recipes)
    refuse_recipes_as_models(options.models or ())
    if options.on not in BACKENDS:
        raise UnknownName.of("place to run (--on)", options.on, BACKENDS)
    TextSteps(options.steps)
    if options.models is not None and not choices_of(options, None):
        for name in options.models:
            with suppress(NotAtHand, MissingExtra):  # no recipe here starts from it: its name is enough
                expand([name], policy="never", offline=True)


def refuse_recipes_as_models(models: Sequence[str]) -> None:
    """Tell recipes and candidates from models: the table shows all three, and their names look alike.

    Raises:
        UsageError: ``tfidf`` or ``minilm+probe``, unless a file or folder is called so.
    """
    for name in models:
        if found := taken_for_model(name):
            model, recipe = found
            what, which = ("candidate", f"--models {model} ") if model else ("recipe", "")
            raise UsageError(f"--models takes names of models; {name!r} is a {what}. Write: {which}--recipes {for_shell(recipe)}")
