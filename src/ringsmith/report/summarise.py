"""A comparison's files -> what a page says: selection and wording, no markup."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ringsmith._files import as_typed
from ringsmith._wording import plural
from ringsmith.errors import InputError
from ringsmith.records import FEWER, FINE_TUNED, Candidate, LearningCurve, RunResult
from ringsmith.report.diagnose import diagnose
from ringsmith.report.files import Study, read_study
from ringsmith.report.findings import find
from ringsmith.report.searches import searches_of
from ringsmith.report.summary import Curve, Fact, Headline, Method, Metric, Standing, Summary, Tie, Usage
from ringsmith.report.wording import duration, joined, large, megabytes, shown

BASELINE = "majority"
"""The recipe that looks at no text."""
STAGES = {
    "prepare": "Reading and splitting",
    "runs": "Training and predicting",
    "second tries": "Second tries of what had too little time",
    "choose": "Comparing candidates",
    "search": "Searching settings",
    "play-off": "Play-off of the tied",
    "hand over": "Handing over",
    "learning curves": "Learning curves",
}
"""A stage of the comparison -> what it is called beside its time."""
LOSSES = ("loss", "train_loss")
BACKBONE = (("name", "Model"), ("licence", "Licence"), ("architecture", "Architecture"), ("parameters", "Parameters"), ("max_tokens", "Tokens read"),
            ("size_mb", "Size"), ("revision", "Revision"), ("weights_sha256", "SHA-256 of the weights"))  # fmt: skip
SAMPLE_TEXT, SECOND_TEXT = "Your text", "Its second text"


def summarise(folder: Path) -> Summary:
    """Everything a page says about the comparison in `folder`.

    Raises:
        InputError: the folder is not a comparison's, or one of its files is broken.
    """
    files = read_study(folder)
    try:
        return _summary(files)
    except (KeyError, TypeError, AttributeError) as error:
        fault = f"{type(error).__name__} {error}"
        raise InputError(f"{folder}: must hold the files of one comparison; got {fault}. Run `ringsmith compare` again with the same --out: what is finished is kept.") from error


def _summary(files: Study) -> Summary:
    study = files.study
    board = [_standing(row) for row in files.board]
    headline = _headline(study, board)
    best = headline.candidate
    runs = [run for run in files.runs if best is not None and _name(run) == best and run.status == "done" and not run.split.endswith(FEWER)]
    metric = Metric(study["metric"]["name"], study["metric"]["summary"], study["metric"]["greater_is_better"])
    runs = list({(run.split, run.seed): run for run in sorted(runs, key=lambda run: run.chosen.get("metric") == metric.name)}.values())  # not those fitted for another metric
    looked_by = _valid_metric(runs)
    return Summary(
        title=study["title"],
        created=str(study["created"]),
        version=study["ringsmith"],
        kind=study["task"]["kind"],
        metric=metric,
        headline=headline,
        board=board,
        ties=[_tie(tie) for tie in study.get("ties") or () if tie["candidate"] != tie["against"]],
        diagnosis=None if best is None else diagnose(files, best),
        losses=_curves(runs, [name for name in LOSSES if any(name in run.curves for run in runs)][:1]),
        valid=_curves(runs, ["valid"], sign=-1 if looked_by == metric.name and not metric.greater_is_better else 1),
        valid_metric=looked_by,
        findings=find(study, board),
        usage=None if headline.standing is None or (study.get("best") or {}).get("candidate") != best else _usage(files, headline.standing),
        method=_method(study, runs),
        searches=searches_of(study, board, metric),
        playoff=_playoff(study.get("playoff") or {}),
        learning=[LearningCurve(**curve) for curve in study.get("learning") or ()],
    )


def _playoff(played: Mapping[str, Any]) -> str:
    """What more rows said of those that were tied."""
    if not played.get("turns"):
        return ""
    turns = f"{played['further']:,} rows of training chose between them as well, in {plural(played['turns'], 'turn')}, each judging models that had not seen them"
    return f"{played['rows']:,} validation rows could not tell {joined(played['candidates'])} apart, so {turns}. All these rows judge them here; p is doubled for the second look."


def _standing(row: Mapping[str, Any]) -> Standing:
    names = [field.name for field in dataclasses.fields(Standing)]
    optional = {name: None for name in names if name not in ("candidate", "recipe", "status", "metric")}
    known = {**optional, "recommended": False, "why": "", **{name: row[name] for name in names if name in row}}
    return Standing(**{**known, "why": known["why"] or "", "recommended": bool(known["recommended"])})


def _headline(study: Mapping[str, Any], board: Sequence[Standing]) -> Headline:
    recommended = study.get("recommended") or {}
    candidate = recommended.get("candidate")
    standing = next((row for row in board if row.candidate == candidate), None)
    reason = recommended.get("reason") or "no candidate has finished that is better than always saying the largest class"
    honest = (study.get("honest") or {}).get("text", "")
    baseline = next((row.test for row in board if row.recipe == BASELINE), None)
    return Headline(candidate if standing else None, _sentence(reason), standing, honest and _sentence(honest), baseline)


def _sentence(text: str) -> str:
    """With a capital and a full stop."""
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def _tie(tie: Mapping[str, Any]) -> Tie:
    p = tie.get("p_adjusted") if tie.get("p_adjusted") is not None else tie.get("p_value")
    verdict = "not tested" if p is None else "a real difference" if p < 0.05 else "could be chance"
    names = [field.name for field in dataclasses.fields(Tie)]
    return Tie(**{"low": None, "high": None, "p_value": None, "p_adjusted": None, "group": "", **{name: tie[name] for name in names if name in tie}, "verdict": verdict})


def _name(run: RunResult) -> str:
    return Candidate.from_json(run.candidate).name


def _curves(runs: Iterable[RunResult], names: Sequence[str], *, sign: int = 1) -> list[Curve]:
    """The curves of these names with at least two points, a run each, times `sign`: marks that are losses have theirs turned."""
    found = [(f"{run.split}, seed {run.seed}", run.curves.get(name, ())) for run in runs for name in names]
    known = [(label, tuple(sign * float(value) for value in values if value is not None)) for label, values in found]
    return [Curve(label, values) for label, values in known if len(values) > 1]


def _valid_metric(runs: Iterable[RunResult]) -> str | None:
    """The metric of the curves ``"valid"``; None where runs do not say, or (of older versions) do not agree."""
    names = {run.chosen.get("metric") for run in runs if "valid" in run.curves}
    return names.pop() if len(names) == 1 else None


def _usage(files: Study, standing: Standing) -> Usage:
    """Commands for single texts, or for pairs where there is a column of second texts."""
    best, text, pair = (files.folder / "best").as_posix(), json.dumps(SAMPLE_TEXT), (files.study.get("read") or {}).get("pair_column")
    given, first = (f"[{text}]", text) if pair is None else (f"[{text}], [{json.dumps(SECOND_TEXT)}]", json.dumps({"text": SAMPLE_TEXT, "text_pair": SECOND_TEXT}))
    python = f"import ringsmith as rs\n\nmodel = rs.load({json.dumps(best)})\nmodel.predict({given})\nmodel.predict_proba({given})"
    one = f"ringsmith predict {as_typed(best)} {as_typed(SAMPLE_TEXT)}\n" if pair is None else ""
    shell = f"{one}ringsmith predict {as_typed(best)} new.csv {'' if pair is None else f'--pair {as_typed(pair)} '}--out predicted.csv"
    pipeline = f'from transformers import pipeline\n\nclassify = pipeline("text-classification", model={json.dumps(best)})\nclassify([{first}])'
    is_plain = standing.recipe in FINE_TUNED and not (files.study.get("settings") or {}).get("steps")  # which transformers does not know of
    return Usage(best, shell, python, pipeline if is_plain else None)


def _method(study: Mapping[str, Any], runs: Sequence[RunResult]) -> Method:
    settings, machine, budget = study.get("settings") or {}, study.get("machine") or {}, study.get("budget") or {}
    handed = next((run for run in runs if run.run == (study.get("best") or {}).get("run")), runs[-1] if runs else None)
    environment = handed.environment if handed else {}
    stages = [(STAGES.get(name, f"Time for {name}"), duration(seconds)) for name, seconds in (budget.get("stages") or {}).items()]
    limit = budget.get("seconds")
    return Method(
        command=study.get("command") or "",
        settings=_facts(settings),
        machine=_machine(machine),
        versions=_facts(environment),
        backbone_head=[title for _, title in BACKBONE],
        backbones=[[_value(name, backbone.get(name)) for name, _ in BACKBONE] for backbone in study.get("backbones") or ()],
        budget=[("Time given", "no limit" if limit is None else duration(limit)), ("Time used", duration(budget.get("used"))), *stages],
        plan=[(step["candidate"], step.get("forecast_seconds"), step.get("why") or "") for step in study.get("plan") or ()],
        chosen=_facts(handed.chosen) if handed else [],
    )


def _facts(content: Mapping[str, Any]) -> list[Fact]:
    """Names and values in words, the schema left out, nested mappings unfolded."""
    found: list[Fact] = []
    for name, value in content.items():
        if type(value) is dict and value:
            found += [(f"{_title(name)}: {key}", shown(inner)) for key, inner in value.items()]
        elif name != "schema":
            found.append((_title(name), _value(name, value)))
    return found


def _value(name: str, value: Any) -> str:
    """A value in the unit its name tells."""
    if value is not None and name.endswith("_mb"):
        return megabytes(value)
    if value is not None and name == "budget":
        return duration(value)
    return large(value) if value is not None and name.endswith("parameters") else shown(value)


def _title(name: str) -> str:
    words = name.removesuffix("_mb").replace("_", " ")
    return words[:1].upper() + words[1:]


def _machine(machine: Mapping[str, Any]) -> list[Fact]:
    speed = machine.get("gflops")
    rest = {name: value for name, value in machine.items() if name != "gflops"}
    return _facts(rest) + ([] if speed is None else [("Speed", f"{speed:.0f} GFLOP/s in single precision, measured")])
