"""The model card: ``README.md`` beside the weights, so that nobody has to ask what this model is, how good and how sure.

Decisions: every figure is read from the comparison's own files, nothing is typed in; the limits are those that were measured (rows cut
off, rare classes, conflicting labels); the licence is the backbone's, because a fine-tuned model inherits it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from ringsmith._files import as_typed, put
from ringsmith._wording import as_cell, plural, size_of
from ringsmith.records import FINE_TUNED, several_test

CARD = "README.md"
PERCENT = 100


def write_card(folder: Path) -> Path | None:
    """Write the card of the recommended model of a comparison.

    Args:
        folder: what `ringsmith compare` wrote: it holds ``study.json``, ``leaderboard.json`` and ``best/``.

    Returns:
        Path of the card, None where the comparison recommends no model, or could not make it: the model of an earlier command keeps its own card.
    """
    best = folder / "best"
    if not (best / "ringsmith.json").exists():
        return None
    read = {name: json.loads((folder / f"{name}.json").read_text(encoding="utf-8")) for name in ("study", "leaderboard")}
    handed, recommended = ((read["study"].get(name) or {}).get("candidate") for name in ("best", "recommended"))
    if handed is None or handed != recommended:
        return None
    manifest = json.loads((best / "ringsmith.json").read_text(encoding="utf-8"))
    card = card_of(read["study"], read["leaderboard"], manifest, best)
    return put(best / CARD, lambda scratch: scratch.write_text(card, encoding="utf-8", newline="\n"))


def card_of(study: Mapping[str, Any], leaderboard: list[dict[str, Any]], manifest: Mapping[str, Any], best: Path) -> str:
    """The card as Markdown.

    Args:
        study: content of ``study.json``.
        leaderboard: content of ``leaderboard.json``.
        manifest: content of ``best/ringsmith.json``.
        best: the model's folder.
    """
    from jinja2 import Environment, StrictUndefined

    environment = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, autoescape=False)  # noqa: S701 - Markdown, no HTML
    environment.filters["cell"] = lambda text: as_cell(str(text)).replace("<", "&lt;")
    environment.filters["code"] = code_span
    environment.filters["coded_cell"] = lambda text: code_span(text).replace("|", "\\|")
    environment.filters["sentence"] = lambda text: f"{text[:1].upper()}{text[1:].removesuffix('.')}."
    environment.filters["plural"] = plural
    environment.filters["megabytes"] = size_of
    environment.filters["yaml"] = lambda text: json.dumps(text, ensure_ascii=False)
    template = environment.from_string(files("ringsmith.export").joinpath("templates/card.md").read_text(encoding="utf-8"))
    name = (study.get("best") or {}).get("candidate")
    rows = {row["candidate"]: row for row in leaderboard}
    backbone = manifest["backbone"]
    details: dict[str, Any] = next((one for one in study.get("backbones", []) if backbone and one["name"] == backbone["name"]), {})
    several = manifest["task"]["kind"] == "multilabel"
    return template.render(
        study=study,
        row=rows[name],
        others=[row for row in leaderboard if row["status"] == "done" and row["candidate"] != name],
        manifest=manifest,
        best=as_typed(str(best)),
        backbone=backbone,
        details=details,
        labels=manifest["task"]["labels"],
        several=several,
        limits=limits_of(study, rows[name], several=several),
        choose_only=len(study["splits"]) > 1 and not several_test(split["test"] for split in study["splits"]),
        text=study["read"]["text_column"],
        pair=study["read"].get("pair_column"),
        plain_transformer=manifest["recipe"] in FINE_TUNED and not manifest["steps"],
    )


def code_span(text: str) -> str:
    """A text as a code span in Markdown: nothing in it is escaped, and more backticks stand around it than in a row within it.

    Examples:
        >>> code_span("a<b"), code_span("tick`ed"), code_span("`")
        ('`a<b`', '``tick`ed``', '`` ` ``')
    """
    text = " ".join(str(text).split())
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    space = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{space}{text}{space}{fence}"


def limits_of(study: Mapping[str, Any], row: Mapping[str, Any], *, several: bool) -> list[str]:
    """What this model cannot be trusted with, one measured sentence each; `several`: a text may have several labels."""
    data = study["data"]
    still = "a text may get none of them, or several, but no other" if several else "a text that belongs to none of them still gets one of them"
    out = [f"It knows the classes above and no other: {still}."]
    if data["language"] != "unknown":
        out.append(f"It was trained and tested on texts that look like the language {data['language']!r}; other languages were not tested.")
    if row["truncated_share"]:
        out.append(f"{row['truncated_share'] * PERCENT:.1f} % of the texts are longer than it reads; their ends are cut off.")
    if data["rare_classes"]:
        named = ", ".join(f"{label} ({count})" for label, count in list(data["rare_classes"].items())[:8])
        out.append(f"Few rows were there to learn these classes: {named}.")
    if data["conflicts"]:
        out.append(f"{plural(data['conflicts'], 'text of the data carries', 'texts of the data carry')} more than one label: no model can be right on all of them.")
    out.append("The interval tells how far the figure may be off on rows drawn like these; it says nothing of rows of another kind.")
    return out
