"""All results as one JSON file and one Markdown table: a row for each contestant, a column for each question, with intervals and tie letters.

Of several seeds the mean is shown, with its interval over the rows; what each of them has stands in a table of its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from bakeoff_scores import Floats, difference, drawn_mean, score, tie_letters
from bakeoff_tasks import tasks
from bakeoff_train import LINEUP

from ringsmith.metrics.intervals import percentiles

RECIPES = ("probe", "lora", "full")
ALONE = ("likelihood",)
"""Tasks whose figures are of two kinds: no letters."""
OURS, OTHERS, ADAPTED = "bert", ("begun", "random"), ("-full", "-lora")
"""Whose pre-training is held against none, in what."""


def write_table(work: Path, seeds: Sequence[int], page: Path | None = None) -> Path:
    """`bakeoff.json` and `bakeoff.md` in `work`, and the tables of a page that has places for them."""
    cells: dict[str, dict[str, dict[str, Any]]] = {name: {} for name in LINEUP}
    for column, found in _columns(work, seeds):
        for name, cell in found.items():
            cells[name][column] = cell
    trained = {name: _facts(work / "models" / f"seed{seeds[0]}" / name) for name in LINEUP}
    columns = list(dict.fromkeys(column for row in cells.values() for column in row))
    losses = {name: [facts["held_out"]["loss"] for seed in seeds if "held_out" in (facts := _facts(work / "models" / f"seed{seed}" / name))] for name in LINEUP}
    rows = {name: {column: shown(cell) for column, cell in row.items()} for name, row in cells.items() if row}
    gains = {(task, other): found for task in tasks(RECIPES) if task.endswith(ADAPTED) for other in OTHERS if (found := gain(work, task, other))}
    content = {
        "seeds": list(seeds),
        "training": trained,
        "losses": losses,
        "cells": cells,
        "rows": rows,
        "gains": {f"{task}, {OURS} - {other}": found for (task, other), found in gains.items()},
    }
    (work / "bakeoff.json").write_text(json.dumps(content, indent=1), encoding="utf-8")
    tables, path = {"training": _training(trained), "scores": _scores(rows, columns), "seeds": _seeds(cells, losses, columns), "gains": _gains(gains)}, work / "bakeoff.md"
    path.write_text("\n\n".join(tables.values()) + "\n", encoding="utf-8", newline="\n")
    if page is not None:
        page.write_text(with_tables(page.read_text(encoding="utf-8"), tables), encoding="utf-8", newline="\n")
    return path


def with_tables(text: str, tables: dict[str, str]) -> str:
    r"""A page with its tables renewed: each stands behind a comment of its name, up to the next blank line.

    >>> with_tables("Before\n\n<!-- scores -->\n| old |\n\nAfter", {"scores": "| new |"})
    'Before\n\n<!-- scores -->\n| new |\n\nAfter'
    """
    for name, table in tables.items():
        text = re.sub(rf"(?<=<!-- {name} -->\n).*?(?=\n\n|\Z)", lambda _, table=table: table, text, flags=re.DOTALL)
    return text


def shown(cell: dict[str, Any]) -> str:
    """A cell as text: ``.712 [.700-.724] A``; where nothing was learnt, that the recipe refused.

    >>> shown({"value": 0.712, "low": 0.7, "high": 0.724, "tie": "A"})
    '.712 [.700-.724] A'
    """
    if "value" not in cell:
        return "refused"
    value, low, high = (_short(cell[name]) for name in ("value", "low", "high"))
    learnt = [one for one in cell.get("seeds", ()) if one is not None]
    return f"{value} [{low}-{high}]" + (f" {cell['tie']}" if cell.get("tie") else "") + (f" ({len(learnt)} of {len(cell['seeds'])} seeds)" if None in cell.get("seeds", ()) else "")


def _short(number: float) -> str:
    return f"{number:.3f}".replace("0.", ".", 1) if abs(number) < 1 else f"{number:.3f}"


def _columns(work: Path, seeds: Sequence[int]) -> list[tuple[str, dict[str, dict[str, Any]]]]:
    """Column -> contestant -> cell, of every task that has results."""
    done = {path.stem for path in (work / "results").glob("seed*/*/*.json")}
    return [(f"{task} ({metric})", cells) for task in tasks(RECIPES) if task in done for metric, cells in [_of_task(work, seeds, task)] if cells]


def _of_task(work: Path, seeds: Sequence[int], task: str) -> tuple[str, dict[str, dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for name in LINEUP:
        paths = [work / "results" / f"seed{seed}" / name / f"{task}.json" for seed in seeds]
        told = [json.loads(path.read_text(encoding="utf-8")) for path in paths if path.exists()]
        if told and all(told):
            found[name] = told
    if not found:
        return "", {}
    judged = {name: told for name, told in found.items() if any("units" in one for one in told)}
    metric = next((one["metric"] for told in judged.values() for one in told if "metric" in one), "refused")
    parts = {name: [np.array(one["units"]) for one in told if "units" in one] for name, told in judged.items()}
    letters = {} if task in ALONE else tie_letters(metric, {name: seeds for name, seeds in parts.items() if len(seeds) == len(judged[name])})
    return metric, {
        name: {**_mean(metric, judged[name], parts[name]), "tie": letters.get(name)} if name in judged else {**told[0], "seeds": [None] * len(told)} for name, told in found.items()
    }


def gain(work: Path, task: str, other: str) -> dict[str, Any]:
    """What pre-training brings in a task: BERT's figures, another's and their differences, of every seed that has both."""
    places = {int(place.name.removeprefix("seed")): place for place in sorted((work / "results").glob("seed*"))}
    paths = {seed: [place / name / f"{task}.json" for name in (OURS, other)] for seed, place in places.items()}
    pairs = {seed: [json.loads(path.read_text(encoding="utf-8")) for path in both] for seed, both in paths.items() if all(path.exists() for path in both)}
    told = {seed: pair for seed, pair in pairs.items() if all("units" in one for one in pair)}
    if not told:
        return {}
    metric = next(iter(told.values()))[0]["metric"]
    ours, theirs = ([np.array(pair[side]["units"]) for pair in told.values()] for side in (0, 1))
    return {
        "metric": metric,
        "seeds": list(told),
        "ours": [pair[0]["value"] for pair in told.values()],
        "theirs": [pair[1]["value"] for pair in told.values()],
        "each": [difference(metric, [one], [two]) for one, two in zip(ours, theirs, strict=True)],
        "mean": difference(metric, ours, theirs),
    }


def _mean(metric: str, told: list[dict[str, Any]], parts: list[Floats]) -> dict[str, Any]:
    """The mean of the seeds that learnt, with its interval over the rows; None stands for a seed whose training was refused."""
    more = {key: told[0][key] for key in ("perplexity", "threshold", "strength", "valid") if key in told[0]}
    low, high = percentiles(drawn_mean(metric, parts))
    return {"value": float(np.mean([score(metric, one) for one in parts])), "low": low, "high": high, "seeds": [one.get("value") for one in told], **more}


def _facts(place: Path) -> dict[str, Any]:
    """What is known of one training."""
    if not (place / "facts.json").exists():
        return {}
    facts = json.loads((place / "facts.json").read_text(encoding="utf-8"))
    learnt = json.loads((place / "ringsmith.json").read_text(encoding="utf-8")) if (place / "ringsmith.json").exists() else {}
    kept = {key: learnt[key] for key in ("steps", "tokens", "epochs", "seconds", "held_out") if key in learnt}
    counted = {"parameters": learnt["cost"]["parameters"], "flops_by_torch": learnt["flops"]} if learnt else {}
    return {**facts, **kept, **counted}


def _training(trained: dict[str, dict[str, Any]]) -> str:
    lines = [
        "| | objective | parameters | operations by formula | by torch | pieces read | steps | loss of its own objective, held out |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, facts in trained.items():
        if "tokens" in facts:
            counts = [f"{facts['parameters']:,}", *(f"{facts[key]:.2e}" for key in ("flops", "flops_by_torch")), *(f"{facts[key]:,}" for key in ("tokens", "steps"))]
            lines.append(f"| {name} | `{facts['contestant']['objective']}` | " + " | ".join(counts) + f" | {facts['held_out']['loss']:.2f} |")
        elif "vocabulary" in facts:
            size = facts["shape"]["words"] * facts["shape"]["dim"]
            lines.append(f"| {name} | | {size:,} | | | {facts['words'] * facts['epochs']:,} words | {facts['epochs']} passes | {facts['losses'][-1]:.3f} |")
    return "\n".join(lines)


def _gains(gains: dict[tuple[str, str], dict[str, Any]]) -> str:
    """What pre-training brings once weights are adapted, a row for each task and rival."""
    lines = [f"| | {OURS} | without | seeds | better by, each seed | mean |", "|---|---|---|---|---|---|"]
    for (task, other), found in gains.items():
        ours, theirs = (" ".join(_short(value) for value in found[side]) for side in ("ours", "theirs"))
        each, seeds = "; ".join(shown(one) for one in found["each"]), " ".join(map(str, found["seeds"]))
        lines.append(f"| {task} ({found['metric']}) | {ours} | {other} {theirs} | {seeds} | {each} | {shown(found['mean'])} |")
    return "\n".join(lines)


def _scores(rows: dict[str, dict[str, str]], columns: list[str]) -> str:
    """Contestants across, questions down: there are more questions than fit side by side."""
    lines = ["| | " + " | ".join(rows) + " |", "|---" * (len(rows) + 1) + "|"]
    lines += [f"| {column} | " + " | ".join(row.get(column, "") for row in rows.values()) + " |" for column in columns]
    return "\n".join(lines)


def _seeds(cells: dict[str, dict[str, dict[str, Any]]], losses: dict[str, list[float]], columns: list[str]) -> str:
    """What each seed has, and how far they lie apart at most: the contestants across, questions down."""
    several = [name for name, row in cells.items() if any(len(cell.get("seeds", ())) > 1 for cell in row.values())]
    lines = ["| | " + " | ".join(several) + " |", "|---" * (len(several) + 1) + "|"]
    lines.append("| loss of its own objective, held out | " + " | ".join(" ".join(f"{loss:.2f}" for loss in losses[name]) for name in several) + " |")
    for column in columns:
        told = [cells[name].get(column, {}).get("seeds", ()) for name in several]
        lines.append(f"| {column} | " + " | ".join(" ".join("refused" if value is None else _short(value) for value in one) for one in told) + " |")
    return "\n".join(lines)
