"""In which order, and what fits: the cheapest first, so that there is always something to show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor

from ringsmith.compare.forecast import Forecast, Forecaster, Workload, stands_on_transformer
from ringsmith.compare.space import Entrant, LeftOut

NO_TIME = "no time was left to fit it on all rows"
"""Of a model that has learnt from a fold's rows alone."""
TOO_LARGE = "needs about"
"""How the reason begins why a candidate is skipped for its memory; all others are skipped for time."""
PUNCTUAL = 0.97
"""Share of its time that a recipe is told of: the last step of training may end a little late."""


@dataclass(frozen=True)
class Step:
    """One candidate of the plan.

    Attributes:
        entrant: the candidate.
        forecast: seconds and memory of one of its runs.
        runs: how many runs it takes (folds x seeds).
        measured: how many of these measure single predictions.
        fits: whether it is expected to end within the time.
        why: the reason in a sentence.
    """

    entrant: Entrant
    forecast: Forecast
    runs: int
    measured: int
    fits: bool
    why: str

    @property
    def seconds(self) -> float:
        """All its runs together."""
        return self.forecast.of(self.runs, self.measured)

    @property
    def name(self) -> str:
        """Name of the candidate."""
        return self.entrant.candidate.name


@dataclass(frozen=True)
class Plan:
    """What will be tried, in this order, and what is left out."""

    steps: tuple[Step, ...]
    left_out: tuple[LeftOut, ...] = ()

    @property
    def fitting(self) -> int:
        """Number of candidates that are expected to fit."""
        return sum(step.fits for step in self.steps)


def make_plan(
    entrants: Sequence[Entrant],
    workload: Workload,
    forecaster: Forecaster,
    *,
    seconds: float,
    runs: int,
    measured: int = 1,
    import_seconds: float = 0.0,
    left_out: Sequence[LeftOut] = (),
) -> Plan:
    """Order the candidates by cost and fill the time with them.

    Args:
        entrants: the candidates.
        workload: the rows of one run.
        forecaster: knows what a run takes.
        seconds: time for all runs together, infinite without a budget.
        runs: runs of each candidate (folds x seeds).
        measured: how many of these measure single predictions (seeds).
        import_seconds: what the first candidate that stands on a transformer takes besides, for imports that all of its kind share.
        left_out: what does not compete at all, to show it.
    """
    forecasts = sorted(((forecaster.forecast(entrant, workload), entrant) for entrant in entrants), key=lambda pair: pair[0].seconds)
    steps, left = [], seconds
    for forecast, entrant in forecasts:
        first = import_seconds if stands_on_transformer(entrant) else 0.0
        fits, why = judge(forecast, left=left - first, runs=runs, measured=measured, memory_mb=forecaster.machine.memory_mb)
        steps.append(Step(entrant, forecast, runs, measured, fits, why))
        if fits:
            left, import_seconds = left - first - forecast.of(runs, measured), import_seconds - first
    return Plan(tuple(steps), tuple(left_out))


def judge(forecast: Forecast, *, left: float, runs: int, memory_mb: float, measured: int = 1) -> tuple[bool, str]:
    """Whether `runs` runs, some of which measure, fit into `left` seconds and into memory, and why (not).

    Examples:
        >>> judge(Forecast(5, 60, 5, 25, 900), left=40, runs=1, memory_mb=4000)
        (True, 'about 1:10 are needed, 0:40 are left: it will be cut short')
    """
    if forecast.memory_mb > memory_mb:
        return False, f"{TOO_LARGE} {forecast.memory_mb / 1024:.1f} GB of memory; this machine gives {memory_mb / 1024:.1f} GB"
    least, usual = forecast.least * runs + forecast.once * measured, forecast.of(runs, measured)
    if least > left:
        return False, f"needs at least {clock(ceil(least))}; {clock(floor(max(left, 0)))} would be left for it"
    if usual > left:
        return True, f"about {clock(usual)} are needed, {clock(left)} are left: it will be cut short"
    return True, f"about {clock(usual)}"


def seconds_to_learn(forecast: Forecast, *, left: float, share: float, sure: float, others: float = 0.0, behind: float = float("inf")) -> float:
    """After how many seconds, its start included, a run must have learnt, when so many share the time that is left.

    Its share of it, or all that those behind it do not need, where that is more: of a small share most goes into loading a model, and what is over at the end mends
    nothing. But no less than what it needs at least and a start that takes twice as long, while there is so much: of five folds with three
    seconds each none would learn where a process needs three to start. What was let in because the least of it fits gets that much, though nothing is spared. One that may be
    cut short leaves others what they need, as far as it has what was forecast: a run that takes twice as long would have all of their time.

    Args:
        forecast: of one run.
        left: seconds for all of them.
        share: how many they are.
        sure: what forecasts are multiplied by to be safe.
        others: seconds that others need who wait; 0 for a run that cannot be cut short.
        behind: seconds that those need of them who come after it; infinite where that is not known.

    Examples:
        >>> quick = Forecast(start=2.0, fit=0.5, rest=0.5, least=3.0, memory_mb=100)
        >>> [round(seconds_to_learn(quick, left=left, share=5, sure=2.5), 1) for left in (100, 15, 4, 3)]
        [18.9, 4.4, 3.4, 2.4]
        >>> [round(seconds_to_learn(quick, left=left, share=5, sure=2.5, behind=15), 1) for left in (100, 25, 15)]
        [82.0, 9.2, 4.4]
        >>> tuned = Forecast(start=1.0, fit=40.0, rest=1.0, least=5.0, memory_mb=900)
        >>> [round(seconds_to_learn(tuned, left=100, share=1, sure=1.25, others=others), 1) for others in (0, 30, 60)]
        [95.8, 66.7, 49.7]
    """
    left = max(left - others, min(left, sure * share * forecast.seconds))
    own = min(max(left / share, left - behind) - forecast.rest, left - sure * forecast.rest)
    return PUNCTUAL * max(own, min(forecast.least - forecast.rest + forecast.start, left - forecast.rest))


def clock(seconds: float) -> str:
    """Minutes and seconds, as on a clock.

    Examples:
        >>> clock(72), clock(3), clock(-5), clock(5400)
        ('1:12', '0:03', '0:00', '1:30:00')
    """
    whole = max(0, round(seconds)) if seconds != float("inf") else 0
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
