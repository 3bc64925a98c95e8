"""The searches of a comparison, read from ``study.json``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ringsmith._wording import plural
from ringsmith.report.search import Axis, Search, Trial, setting
from ringsmith.report.summary import Metric, Standing
from ringsmith.report.wording import capital, digits_of, metric_title, score

DEFAULTS = 1
"""The trial of the recipe's own defaults."""


def searches_of(study: Mapping[str, Any], board: Sequence[Standing], metric: Metric) -> list[Search]:
    """The searches of a study that come to at least two trials."""
    return [_search(search, board, metric) for search in study.get("search") or () if len(search["trials"]) > 1]


def _search(content: Mapping[str, Any], board: Sequence[Standing], metric: Metric) -> Search:
    names = {trial["candidate"] for trial in content["trials"]}
    best = next((row for row in board if row.ranked and row.candidate in names), None)
    trials = [_trial(trial, content["finalists"], best) for trial in content["trials"]]
    axes = sorted((_axis(axis, content["importance"]) for axis in content["axes"]), key=lambda axis: -(axis.importance or 0.0))
    defaults = next((row for row in board if row.ranked and row.candidate == content["candidate"]), None)
    return Search(content["candidate"], axes, trials, gain_of(trials, best, defaults, metric), content["notes"])


def _axis(content: Mapping[str, Any], importance: Mapping[str, float]) -> Axis:
    values = tuple(setting(value) for value in content.get("values") or ())
    usual = "own rule" if content["usual"] is None and not values else setting(content["usual"])
    return Axis(content["name"], content.get("low", 0.0), content.get("high", 1.0), bool(content.get("log")), values, usual, content["source"], importance.get(content["name"]))


def _trial(content: Mapping[str, Any], finalists: Sequence[int], best: Standing | None) -> Trial:
    known = {name: content[name] for name in ("number", "candidate", "settings", "status", "valid", "reached", "seconds", "why")}
    return Trial(**known, finalist=content["number"] in finalists, winner=best is not None and content["candidate"] == best.candidate)


def gain_of(trials: Sequence[Trial], best: Standing | None, defaults: Standing | None, metric: Metric) -> str:
    """What the search brought, on the validation rows and on the test rows."""
    winner = next((trial for trial in trials if trial.winner), None)
    if best is None or winner is None:
        return f"None of {plural(len(trials), 'trial')} came to its end."
    title, digits = metric_title(metric.name), digits_of(trial.valid for trial in trials)
    valid, test = score(best.valid, digits), score(best.test, digits)
    if winner.number == DEFAULTS or defaults is None:
        which = "the defaults" if winner.number == DEFAULTS else f"trial {winner.number}"
        level = sum(trial.valid == winner.valid for trial in trials) - 1
        beside = f", and {plural(level, 'other')} just as well" if level else ""
        return capital(f"{which} did best of {plural(len(trials), 'trial')}{beside}: {title} {valid} on the validation rows and {test} on the test rows.")
    valid = f"{title} {valid} on the validation rows against {score(defaults.valid, digits)} of the defaults"
    if best.test is None or defaults.test is None:
        return f"Trial {winner.number} of {len(trials)} did best: {valid}."
    sure = "" if best.test_low is None or best.test_high is None or not best.test_low <= defaults.test <= best.test_high else "; a difference this small could be chance"
    return (
        f"Trial {winner.number} of {len(trials)} did best: {valid}. The best of many looks better on the rows it was chosen by than it is; "
        f"on the test rows it has {test} against {score(defaults.test, digits)}{sure}."
    )
