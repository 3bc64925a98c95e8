"""All results as one JSON file and one Markdown table: a row for each contestant, a column for each question, with intervals and tie letters.

Of several seeds the mean is shown, with the lowest and the highest of their intervals' ends and the letters of the first seed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from bakeoff_scores import tie_letters
from bakeoff_tasks import tasks
from bakeoff_train import LINEUP

RECIPES = ("probe", "lora", "full")
ALONE = ("likelihood",)
"""Tasks whose figures are of two kinds: no letters."""


def write_table(work: Path, seeds: Sequence[int]) -> Path:
    """`bakeoff.json` and `bakeoff.md` in `work`."""
    cells: dict[str, dict[str, dict[str, Any]]] = {name: {} for name in LINEUP}
    for column, found in _columns(work, seeds):
        for name, cell in found.items():
            cells[name][column] = cell
    trained = {name: _facts(work / "models" / f"seed{seeds[0]}" / name) for name in LINEUP}
    columns = list(dict.fromkeys(column for row in cells.values() for column in row))
    rows = {name: {column: shown(cell) for column, cell in row.items()} for name, row in cells.items() if row}
    content = {"seeds": list(seeds), "training": trained, "cells": cells, "rows": rows}
    (work / "bakeoff.json").write_text(json.dumps(content, indent=1), encoding="utf-8")
    path = work / "bakeoff.md"
    path.write_text("\n\n".join([_training(trained), _scores(rows, columns)]) + "\n", encoding="utf-8", newline="\n")
    return path


def shown(cell: dict[str, Any]) -> str:
    """A cell as text: ``.712 [.700-.724] A``.

    >>> shown({"value": 0.712, "low": 0.7, "high": 0.724, "tie": "A"})
    '.712 [.700-.724] A'
    """
    value, low, high = (f"{number:.3f}".replace("0.", ".", 1) if abs(number) < 1 else f"{number:.3f}" for number in (cell["value"], cell["low"], cell["high"]))
    return f"{value} [{low}-{high}]" + (f" {cell['tie']}" if cell.get("tie") else "")


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
    metric = next(iter(found.values()))[0]["metric"]
    letters = {} if task in ALONE else tie_letters(metric, {name: np.array(told[0]["units"]) for name, told in found.items()})
    return metric, {name: {**_mean(told), "tie": letters.get(name)} for name, told in found.items()}


def _mean(told: list[dict[str, Any]]) -> dict[str, Any]:
    more = {key: told[0][key] for key in ("perplexity", "threshold", "strength", "valid") if key in told[0]}
    return {"value": float(np.mean([one["value"] for one in told])), "low": min(one["low"] for one in told), "high": max(one["high"] for one in told), "seeds": len(told), **more}


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


def _scores(rows: dict[str, dict[str, str]], columns: list[str]) -> str:
    """Contestants across, questions down: there are more questions than fit side by side."""
    lines = ["| | " + " | ".join(rows) + " |", "|---" * (len(rows) + 1) + "|"]
    lines += [f"| {column} | " + " | ".join(row.get(column, "") for row in rows.values()) + " |" for column in columns]
    return "\n".join(lines)
