"""From runs to the table: pool what belongs together, and make a row of every candidate, whatever became of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from math import lcm
from pathlib import Path
from typing import Literal

import numpy as np

from ringsmith.compare.arena import Arena, Run
from ringsmith.compare.choose import Judge, Verdict
from ringsmith.compare.contestants import ANSWERS, Contestant, Part, pool
from ringsmith.compare.files import read_arrays, write_arrays
from ringsmith.compare.leaderboard import Row
from ringsmith.records import FINE_TUNED, Candidate, Rows, RunResult

FIGURES, SENTENCES = re.compile(r"\d[\d.,]*\d|\d"), re.compile(r"(?<=\.)\s+(?=[A-Z\d'])")
ORDER = {"done": 0, "refused": 1, "failed": 2, "dropped": 3, "skipped": 4}


def contestant_of(candidate: Candidate, runs: Sequence[tuple[int, RunResult]], files: Sequence[Path], *, trial_of: str | None = None) -> Contestant:
    """A candidate from all its runs.

    Args:
        candidate: what it is.
        runs: number of the split and result of each run, in the order of the plan.
        files: what each run predicted.
        trial_of: as `Contestant` has it.
    """
    arrays = [read_arrays(path) for path in files]
    results = [result for _, result in runs]
    rates = [result.rows_per_second for result in results if result.rows_per_second]
    valid, test = (pool([part_of(array, part, number) for (number, _), array in zip(runs, arrays, strict=True)]) for part in ("valid", "test"))
    answer = ANSWERS / float(np.median(rates)) if rates else 0.0
    return Contestant(candidate, valid, test, max(result.seconds["fit"] for result in results), answer, trial_of)


def part_of(arrays: Mapping[str, np.ndarray], part: Literal["valid", "test"], number: int) -> Part:
    """What a run on the split of this number answered, from its arrays."""
    rows = arrays[f"{part}_row"]
    return Part(arrays[f"{part}_position"], rows, np.full(len(rows), number), arrays[f"{part}_proba"])


def evened(contestants: Sequence[Contestant]) -> list[Contestant]:
    """The same, but fine-tuned models of one backbone answer equally fast: they are one network with other weights, and what was measured differs by chance."""
    rates: dict[str | None, list[float]] = {}
    for one in contestants:
        if one.candidate.recipe in FINE_TUNED:
            rates.setdefault(one.candidate.model, []).append(one.answer_seconds)
    return [replace(c, answer_seconds=float(np.median(rates[c.candidate.model]))) if c.candidate.recipe in FINE_TUNED else c for c in contestants]


def answers(arena: Arena, runs: Sequence[Run]) -> Part:
    """What these runs, all of them done, answered on their validation rows, pooled."""
    return pool([part_of(read_arrays(arena.predictions(run)), "valid", run.number) for run in runs])


def level(contestants: Sequence[Contestant]) -> list[Contestant]:
    """All candidates with as many answers to each row: those of fewer seeds come several times, so that rows stay paired and seeds weigh the same."""
    seeds = [len(c.valid.positions) // max(1, len(np.unique(c.valid.positions))) for c in contestants]
    most = lcm(*seeds) if contestants else 1
    return [c if most == own else replace(c, valid=_repeat(c.valid, most // own), test=_repeat(c.test, most // own)) for c, own in zip(contestants, seeds, strict=True)]


def _repeat(part: Part, times: int) -> Part:
    """Every split's rows so many times, one after the other."""
    return pool([part.of_split(int(number)) for number in np.unique(part.split) for _ in range(times)]) if len(part.positions) else part


def write_predictions(folder: Path, contestant: Contestant, order: Rows) -> None:
    """What a candidate answered, for the report: arrays of numbers, with the line of each test row in ``rows.jsonl``."""
    line = np.zeros(int(order.max()) + 1 if len(order) else 0, dtype=np.int64)
    line[order] = np.arange(len(order))
    valid, test = contestant.valid, contestant.test
    arrays = {"test_row": test.numbers, "test_proba": test.proba, "test_position": line[test.positions], "valid_row": valid.numbers, "valid_proba": valid.proba}
    write_arrays(folder / f"{contestant.candidate.key}.npz", arrays)


def rows_of(judge: Judge, verdict: Verdict, contestants: Sequence[Contestant], results: Mapping[str, Sequence[RunResult]], others: Sequence[Row]) -> list[Row]:
    """The table, best first: the ranked by their figure on validation rows, then the refused and all the others.

    Args:
        judge: knows the figures.
        verdict: what the validation rows say.
        contestants: candidates all of whose runs are done.
        results: candidate -> its runs.
        others: rows of candidates that did not come so far.
    """
    rank = {name: number for number, name in enumerate(verdict.letters)}
    ranked = sorted((c for c in contestants if c.name in rank), key=lambda c: rank[c.name])
    refused = [c for c in contestants if c.name not in rank]
    rows = [_row(judge, verdict, c, results[c.name]) for c in [*ranked, *refused]]
    return rows[: len(ranked)] + sorted([*rows[len(ranked) :], *others], key=lambda row: ORDER[row.status])


def _row(judge: Judge, verdict: Verdict, contestant: Contestant, runs: Sequence[RunResult]) -> Row:
    name = contestant.name
    test = judge.test(contestant)
    notes = verdict.refused.get(name) or " ".join([*hurried(runs), *once(run.why for run in runs)])
    return Row(
        candidate=name,
        model=contestant.candidate.model,
        recipe=contestant.candidate.recipe,
        status="refused" if name in verdict.refused else "done",
        metric=judge.metric.name,
        valid=judge.valid(contestant),
        test=test.value if test else None,
        test_low=test.low if test else None,
        test_high=test.high if test else None,
        tie_group=verdict.letters.get(name),
        recommended=name == verdict.recommended,
        train_seconds=contestant.train_seconds,
        latency_ms_p50=_middle([run.latency_ms.get("p50") for run in runs]),
        latency_ms_p95=_middle([run.latency_ms.get("p95") for run in runs]),
        rows_per_second=_middle([run.rows_per_second for run in runs]),
        peak_memory_mb=_most([run.peak_memory_mb for run in runs]),
        size_mb=_middle([run.size_mb for run in runs]),
        truncated_share=_middle([run.truncated_share for run in runs]),
        parameters=runs[0].parameters,
        why=notes,
    )


def hurried(runs: Sequence[RunResult]) -> list[str]:
    """A sentence that names the splits on which a candidate had too little time, where it had several; they are done once more as soon as there is time (`mending`)."""
    splits = list(dict.fromkeys(run.split for run in runs))
    short = list(dict.fromkeys(run.split for run in runs if run.short_seconds is not None))
    if len(splits) == 1 or not short:
        return []
    them = short[0] if len(short) == 1 else f"{', '.join(short[:-1])} and {short[-1]}"
    return [f"{them} of {len(splits)} had too little time, so that its figure may be too low: a longer --budget does {'that' if len(short) == 1 else 'these'} again."]


def once(remarks: Iterable[str]) -> list[str]:
    """Each sentence once: runs that say the same with other figures (of another fold or seed) say it with the first one's.

    Examples:
        >>> once(["Reads the mean: 0.71. It was cut.", "Reads the mean: 0.72.", "", "4.0% are unknown. It was cut."])
        ['Reads the mean: 0.71.', 'It was cut.', '4.0% are unknown.']
    """
    found: dict[str, str] = {}
    for sentence in chain.from_iterable(SENTENCES.split(remark) for remark in remarks if remark):
        found.setdefault(FIGURES.sub("0", sentence), sentence)
    return list(found.values())


def _middle(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.median(known)) if known else None


def _most(values: Sequence[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)
