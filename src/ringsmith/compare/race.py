"""The race: one run after the other, the cheapest candidate first, the table written anew after every one of them."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from statistics import fmean
from typing import Any

from ringsmith._files import sync
from ringsmith.compare.arena import MEAN, Arena, Run
from ringsmith.compare.choose import Verdict
from ringsmith.compare.contestants import Contestant, Part, pool
from ringsmith.compare.events import Listener, Planned, Ranked, RunFinished, RunProgress, RunStarted
from ringsmith.compare.forecast import GUESSED, IMPORT_SECONDS, LEARNED, Forecast, Forecaster, may_be_cut_short, stands_on_transformer
from ringsmith.compare.job import MODEL, PREDICTIONS
from ringsmith.compare.leaderboard import Row, write_leaderboard
from ringsmith.compare.mean import PROMPT, models_to_mix, settle_mean
from ringsmith.compare.plan import Plan, judge, make_plan, seconds_to_learn
from ringsmith.compare.space import BASELINE, Entrant
from ringsmith.compare.standings import contestant_of, evened, level, rows_of, write_predictions
from ringsmith.records import RunResult, Status, several_test

EXIT_SECONDS = 0.7
"""To end the processes and write the last line."""


class Race:
    """Runs the candidates of an arena.

    Attributes:
        arena: what is raced in.
        forecaster: learns from every run.
        contestants: candidates all of whose runs are done.
        results: candidate -> results of its runs.
        others: candidate -> its row, where it did not come so far.
        means: candidate -> the run of the mean of its folds' models, where that answers the test rows.
        known: name -> candidate, those of a search included.
        remarks: candidate -> what is to be said of it in the table.
        verdict: what the validation rows say now.
        rows: the table now.
        finishing_seconds: time to keep free for what follows the race: the report and the like.
        stages: seconds by stage of the whole comparison.
        to_come: runs after the race whose number is known.
        handed_over: whether the model of the winner lies where it shall.
    """

    def __init__(self, arena: Arena, listener: Listener, *, finishing_seconds: float = 0.0) -> None:
        self.arena, self.listener, self.finishing_seconds = arena, listener, finishing_seconds
        self.forecaster = Forecaster(arena.machine, shares_imports=arena.backend.shares_imports)
        self.contestants: list[Contestant] = []
        self.results: dict[str, list[RunResult]] = {}
        self.others: dict[str, Row] = {}
        self.means: dict[str, Run] = {}
        self.known: dict[str, Entrant] = {entrant.candidate.name: entrant for entrant in arena.entrants}
        self.remarks: dict[str, str] = {}
        self.verdict = Verdict()
        self.rows: list[Row] = []
        self.stages: dict[str, float] = {"prepare": arena.budget.used()}
        self.to_come: list[Run] = []
        self.handed_over = False
        self._seeds: dict[str, int] = {}
        self._stale = False
        self._ranking_seconds = 0.1
        self._ended = 0
        self._total = 0
        self._waiting: list[Entrant] = []
        self._import_seconds = IMPORT_SECONDS if arena.backend.shares_imports else 0.0

    def run(self) -> bool:
        """Race; whether it was stopped (Ctrl-C) before its end. The table is on disk in any case."""
        plan = self.plan()
        start = time.monotonic()
        waiting = self._waiting = [step.entrant for step in plan.steps]
        self.expect(sum(len(self.todo(entrant)) + self.arena.averages for entrant in waiting))
        try:
            while waiting:
                waiting.sort(key=lambda entrant: self.seconds_of(entrant, self.todo(entrant)))
                self.compete(waiting[0])
                waiting.pop(0)
        except KeyboardInterrupt:
            self._stop(waiting)
        self.stages["runs"] = time.monotonic() - start
        return bool(waiting)

    def plan(self) -> Plan:
        """Order the candidates, tell the listener, write it down."""
        arena = self.arena
        runs = len(arena.dataset.splits) * arena.options.seeds
        plan = make_plan(
            arena.entrants,
            arena.dataset.workload,
            self.forecaster,
            seconds=self.left(),
            import_seconds=self._import_seconds,
            runs=runs,
            measured=arena.options.seeds,
            left_out=arena.left_out,
        )
        steps = [{"candidate": step.name, "forecast_seconds": round(step.seconds, 1), "fits": step.fits, "why": f"{step.why}; {step.entrant.why}"} for step in plan.steps]
        arena.study.set(plan=steps + [{"candidate": row.name, "forecast_seconds": None, "fits": False, "why": row.why} for row in plan.left_out])
        self.listener(Planned(plan))
        return plan

    def left(self) -> float:
        """Seconds left for runs: what remains, less what is needed to finish."""
        return self.arena.budget.remaining() - self.reserve()

    def reserve(self) -> float:
        """Seconds to keep for choosing, writing, fitting the winner again where folds test, and the report."""
        winner = next((c for c in self.contestants if c.name == self.verdict.recommended), None)
        refit = self.refit_forecast(self.known[winner.name]).measured().seconds if winner is not None and self.refit_waits else 0.0
        return EXIT_SECONDS + 2 * self._ranking_seconds + self.finishing_seconds + refit

    @property
    def refits(self) -> bool:
        """Whether several splits test, so that no model learnt from all rows and the winner is fitted again."""
        return several_test(len(split.test) for split in self.arena.dataset.splits)

    @property
    def refit_waits(self) -> bool:
        """Whether that is still to come."""
        return self.refits and not self.handed_over

    def runs_of(self, entrant: Entrant) -> list[Run]:
        """All runs that make up a candidate, split by split."""
        return self.arena.runs_of(entrant, self._seeds.get(entrant.candidate.name))

    def expect(self, runs: int) -> None:
        """So many runs are to come, as far as can be told; besides, where folds test, the winner's last fit."""
        self._total = self._ended + runs + int(self.refit_waits)

    def forecast(self, entrant: Entrant) -> Forecast:
        """What one run takes: as long as the longest that is done (the first, which finds all cold, apart), the mean of others with other settings, or as the forecaster says."""
        own, forecast = self._seconds(entrant), self.unseen(entrant)
        known = own or self._of_kin(entrant, forecast.fit)
        if not known:
            return forecast
        once, known = max(seconds.get("measure", 0.0) for seconds in known), own[1:] or known
        fit = (max if own else fmean)(seconds["fit"] for seconds in known)
        rest = max(seconds["total"] - seconds["fit"] - seconds["start"] - seconds.get("measure", 0.0) for seconds in known)
        start = max(seconds["start"] for seconds in known)
        return Forecast(start, fit, rest, min(forecast.least, start + fit + rest), forecast.memory_mb, once or forecast.once)

    def seconds_of(self, entrant: Entrant, runs: Sequence[Run]) -> float:
        """What these runs of a candidate take."""
        return self.forecast(entrant).of(len(runs), sum(run.measures for run in runs))

    def unseen(self, entrant: Entrant) -> Forecast:
        """What the forecaster says, who knows nothing of the candidate itself."""
        return self.forecaster.forecast(entrant, self.arena.dataset.workload)

    def _seconds(self, entrant: Entrant) -> list[Mapping[str, float]]:
        """What its runs took that are done."""
        return [result.seconds for result in self.results.get(entrant.candidate.name, ()) if result.status == "done"]

    def _of_kin(self, entrant: Entrant, fit: float) -> list[Mapping[str, float]]:
        """What runs took of the same recipe on the same model with other settings, as if their fits had been forecast at `fit` seconds."""
        kin = [other for other in self.known.values() if other.candidate.stem == entrant.candidate.stem]
        return [{**seconds, "fit": seconds["fit"] * fit / max(self.unseen(other).fit, 1e-9)} for other in kin for seconds in self._seconds(other)]

    def refit_forecast(self, entrant: Entrant) -> Forecast:
        """What fitting on all rows but those that choose takes, from what a fold took, which also leaves out those that test."""
        forecast, first = self.forecast(entrant), self.arena.dataset.splits[0]
        return replace(forecast, fit=forecast.fit * (len(first.train) + len(first.test)) / len(first.train))

    def todo(self, entrant: Entrant) -> list[Run]:
        """The runs of a candidate that are not done yet."""
        return [run for run in self.runs_of(entrant) if self.arena.finished(run) is None]

    def obstacle(self, entrant: Entrant, todo: Sequence[Run]) -> str:
        """Why these runs of a candidate cannot be done now; nothing where they can."""
        left = self.left() - self.seconds_of_mean(entrant) - (self._import_seconds if stands_on_transformer(entrant) else 0.0)
        fits, why = judge(self.forecast(entrant), left=left, runs=len(todo), measured=sum(run.measures for run in todo), memory_mb=self.arena.machine.memory_mb)
        return "" if fits else why

    def compete(self, entrant: Entrant) -> None:
        """All runs of one candidate that fit; afterwards it is a contestant, or it has a row that says why not."""
        name, runs, todo = entrant.candidate.name, self.runs_of(entrant), self.todo(entrant)
        self.results[name] = [result for run in runs if (result := self.arena.finished(run))]
        broken = next((result for result in self.results[name] if result.status != "done"), None)
        if todo and broken is None and (why := self.obstacle(entrant, todo)):
            self._ended += len(todo) + self.arena.averages
            return self.lose(entrant, "skipped", why)
        for number, run in enumerate(todo if broken is None else []):
            result = self.perform(run, share=len(todo) - number, keep=True if self.arena.averages else None, finishing=self.reserve() + self.seconds_of_mean(entrant))
            if result.status != "done":
                broken = result
                self._ended += len(todo) - number - 1
                break
            self.results[name].append(result)
            if number + 1 < len(todo):
                self.lose(entrant, "dropped", f"{len(self.results[name])} of {len(runs)} runs are done")
        if broken is not None:
            self._ended += self.arena.averages
            which = self.arena.which(broken.split, broken.seed)
            return self.lose(entrant, broken.status, f"{broken.why} ({which})" if which else broken.why)
        self.enter(entrant)
        if self.arena.averages:  # whatever happens to the mean, this much stands
            self.average(entrant)
        return self.rank()

    def average(self, entrant: Entrant) -> None:
        """Let the mean of the folds' models answer the test rows for a candidate, unless there is none, it is worse than they are, or there is no time."""
        run, runs = self.arena.mean_of(entrant), self.runs_of(entrant)
        if self.left() >= self.seconds_of_mean(entrant) and (models := models_to_mix(self.arena, run, runs)):
            self.perform(run, models=models, keep=True)
        else:
            self._ended += 1
        contestant = next(one for one in self.contestants if one.name == entrant.candidate.name)
        if (test := settle_mean(self.arena, run, runs, contestant.valid)) is not None:
            self.means[contestant.name] = run
            self._renew(contestant := replace(contestant, test=test))
            write_predictions(self.arena.folder / "predictions", contestant, self.arena.dataset.order)
        elif entrant.candidate.recipe not in (BASELINE, PROMPT):
            self.remarks[contestant.name] = "Its figure on the test rows is its first fold's model's, not that of a mean of all folds' models."

    def seconds_of_mean(self, entrant: Entrant) -> float:
        """What that takes: as long as a fold without its fit, and half of that for the rows that are answered besides."""
        return (forecast := self.forecast(entrant)).start + 1.5 * forecast.rest if self.arena.averages else 0.0

    def enter(self, entrant: Entrant, *, seeds: int | None = None) -> None:
        """Let a candidate all of whose runs are done take part, in the place of what was known of it before.

        Args:
            entrant: the candidate.
            seeds: how many seeds it was trained with, None for as many as all candidates.
        """
        name = entrant.candidate.name
        self.leave(name)
        self.known[name] = entrant
        if seeds is not None:
            self._seeds[name] = seeds
        runs = self.runs_of(entrant)
        self.others.pop(name, None)
        self.results[name] = [self.arena.ledger.runs[run.key] for run in runs]
        ordered = [(run.number, self.arena.ledger.runs[run.key]) for run in runs]
        contestant = contestant_of(entrant.candidate, ordered, [self.arena.predictions(run) for run in runs], trial_of=entrant.trial_of)
        self.contestants.append(contestant)
        write_predictions(self.arena.folder / "predictions", contestant, self.arena.dataset.order)
        self._stale = True

    def leave(self, name: str) -> None:
        """Take a candidate out of the table; its runs stay in the ledger."""
        for contestant in self.contestants:
            if contestant.name == name:
                (self.arena.folder / "predictions" / f"{contestant.candidate.key}.npz").unlink(missing_ok=True)
        self.contestants = [contestant for contestant in self.contestants if contestant.name != name]
        self.means.pop(name, None)
        self.arena.judge.forget(name)
        self._stale = True

    def add(self, name: str, further: Part) -> None:
        """Let what a candidate answered on further rows count as well."""
        for contestant in [one for one in self.contestants if one.name == name]:
            self._renew(replace(contestant, further=further if contestant.further is None else pool([contestant.further, further])))

    def _renew(self, contestant: Contestant) -> None:
        """Put a contestant in the place of what it was."""
        self.contestants = [contestant if one.name == contestant.name else one for one in self.contestants]
        self.arena.judge.forget(contestant.name)
        self._stale = True

    def lose(self, entrant: Entrant, status: Status, why: str) -> None:
        """Let a candidate stand in the table with the reason why it is not ranked."""
        candidate, ended = entrant.candidate, self.arena.ledger.runs
        spent = [ended[run.key].seconds["total"] for run in self.runs_of(entrant) if run.key in ended and "total" in ended[run.key].seconds]
        metric, seconds = self.arena.dataset.metric.name, sum(spent) if spent else None
        self.others[candidate.name] = Row(candidate.name, candidate.model, candidate.recipe, status, metric, train_seconds=seconds, why=why)
        self.rank()

    def _stop(self, waiting: list[Entrant]) -> None:
        done = {contestant.name for contestant in self.contestants}  # the first of them may have come to its end just now
        for entrant in [entrant for entrant in waiting if entrant.candidate.name not in done]:
            known = self.others.get(entrant.candidate.name)
            self.lose(entrant, "skipped", "stopped before its end" + (f": {known.why}" if known else ""))
        self.rank()

    def perform(
        self, run: Run, *, share: float = 1, keep: bool | None = None, finishing: float | None = None, trial: int | None = None,
        floors: Sequence[tuple[float, float]] = (), models: Sequence[Path] = (),
    ) -> RunResult:  # fmt: skip
        """Do one run and write its line of the ledger.

        Args:
            run: the run.
            share: among how many runs like it the time left is shared.
            keep: whether its model is kept; None for the first split only.
            finishing: seconds to keep free after it, None for the whole reserve.
            trial: its number in a search, None for other runs.
            floors: below which it is not worth going on with.
            models: whose mean it is, where nothing is fitted.
        """
        arena, name = self.arena, run.entrant.candidate.name
        forecast, which = self.forecast(run.entrant), arena.which(run.split.name, run.seed)
        forecast = forecast.measured() if run.measures else forecast
        self.listener(RunStarted(name, run.split.name, run.seed, which, self._ended + 1, self._total, forecast.seconds, trial, self._seconds_to_go()))
        self._share_imports(run.entrant)
        left = self.left() if finishing is None else arena.budget.remaining() - finishing
        to_learn = self.seconds_for(run, left=left, share=share)
        arena.prepare(run, to_learn=to_learn, left=left, floors=floors, models=models)
        result = arena.backend.run(arena.place(run), until=time.monotonic() + left, report=lambda progress: self.listener(RunProgress(name, progress)))
        if result.status == "dropped" and left != float("inf"):
            result = replace(result, short_seconds=to_learn)
        result = self._settle(run, result, keep=run.number == 0 if keep is None else keep)
        self._ended += 1
        self.listener(RunFinished(name, result, which, self._ended, self._total))
        return result

    def seconds_for(self, run: Run, *, left: float, share: float = 1) -> float:
        """After how many of the seconds that are left this run must have learnt, where so many like it share them."""
        entrant, cut = run.entrant, may_be_cut_short(run.entrant)
        forecast, sure = self.forecast(entrant), self.forecaster.sure(entrant)
        # Runs that take all the time they get are to have the same, unless it is known what they take.
        behind = (share - 1) * forecast.seconds * (GUESSED if cut and not self._seconds(entrant) else LEARNED)
        forecast = forecast.measured() if run.measures else forecast
        return seconds_to_learn(forecast, left=left, share=share, sure=sure, others=self._of_others() if cut else 0.0, behind=behind)

    def _seconds_to_go(self) -> float | None:
        """How long the runs take that are still to come, by the forecasts, and no longer than there is time; None when the race is over."""
        if self.to_come:
            return min(sum(self.forecast(run.entrant).seconds for run in self.to_come), self.left()) + self.reserve()
        return self._seconds_of_fitting(self._waiting, self.left()) + self.reserve() if self._waiting else None

    def _of_others(self) -> float:
        """Seconds that those take who wait behind the one that runs, as far as they fit beside it."""
        return self._seconds_of_fitting(self._waiting[1:], self.left() - sum(self.seconds_of(entrant, self.todo(entrant)) for entrant in self._waiting[:1]))

    def _seconds_of_fitting(self, waiting: Sequence[Entrant], left: float) -> float:
        """What these candidates take one after the other, without those that do not fit into what is left then; what is cut short takes all of it."""
        taken, to_import = 0.0, self._import_seconds
        for entrant in waiting:
            forecast, todo = self.forecast(entrant), self.todo(entrant)
            first = to_import if stands_on_transformer(entrant) else 0.0
            if forecast.least * len(todo) <= left - taken - first:
                taken += first + min(self.seconds_of(entrant, todo), left - taken - first)
                to_import -= first
        return taken

    def _share_imports(self, entrant: Entrant) -> None:
        """Before the first run of a recipe: once what each of its runs would import for itself."""
        self.arena.backend.prepare(entrant.place, entrant.model.kind if entrant.model else None)
        if stands_on_transformer(entrant):
            self._import_seconds = 0.0

    def _settle(self, run: Run, result: RunResult, *, keep: bool) -> RunResult:
        """Keep what a run left: its answers first, then its line, so that no line is without its answers."""
        arena, place = self.arena, self.arena.place(run)
        result = arena.with_trace(run, result)
        if result.status == "done":
            arena.predictions(run).parent.mkdir(parents=True, exist_ok=True)
            (place / PREDICTIONS).replace(arena.predictions(run))
            sync(arena.predictions(run).parent)
            if run.split.name != MEAN:
                self.forecaster.learn(run.entrant, arena.dataset.workload, result)
        if result.status != "done" or run.instead_of is None:
            arena.ledger.append(result)
        if result.status != "done" or not keep:
            shutil.rmtree(place / MODEL, ignore_errors=True)
        return result

    def rank(self) -> None:
        """Choose anew and write the table, so that whatever happens next, this much is on disk."""
        start = time.monotonic()
        if self._stale:
            self.verdict, self._stale = self.arena.judge.decide(level(evened(self.contestants))), False
        if not self.contestants and any(row.status in ("refused", "failed") for row in self.others.values()):
            self.verdict = Verdict(reason="no candidate came to its end; the table says why")
        rows = rows_of(self.arena.judge, self.verdict, self.contestants, self.results, list(self.others.values()))
        self.rows = [replace(row, why=" ".join(filter(None, [self.remarks.get(row.candidate), row.why]))) for row in rows]
        write_leaderboard(self.arena.folder, self.rows)
        self.arena.study.set(**self.findings())
        self.arena.study.write()
        self._ranking_seconds = time.monotonic() - start
        self.stages["choose"] = self.stages.get("choose", 0.0) + self._ranking_seconds
        self.listener(Ranked(tuple(self.rows)))

    def findings(self) -> dict[str, Any]:
        """What the study says of the choice so far."""
        budget, verdict = self.arena.budget, self.verdict
        models = {entrant.model.name: entrant.model for entrant in self.arena.entrants if entrant.model and entrant.model.kind not in ("method", "endpoint")}
        return {
            "ties": [asdict(tie) for tie in verdict.ties],
            "recommended": {"candidate": verdict.recommended, "reason": verdict.reason},
            "honest": verdict.honest,
            "keys": {contestant.name: contestant.candidate.key for contestant in self.contestants},
            "budget": {"seconds": budget.seconds, "used": budget.used(), "stages": self.stages},
            "backbones": [asdict(model) for model in models.values()],
        }
