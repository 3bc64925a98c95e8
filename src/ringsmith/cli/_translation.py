"""What ``ringsmith pretrain PAIRS --objective seq2seq`` says at the end: a model that translates, learnt from pairs of texts."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ringsmith.cli._shell as _shell
from ringsmith._files import as_typed

if TYPE_CHECKING:
    from rich.console import Console

    from ringsmith.pretrain.translation import Translation


def as_content(found: Translation) -> dict[str, Any]:
    """What ``--json`` prints: the facts, the curves left out."""
    return {**{name: value for name, value in found.facts.items() if name != "curves"}, "out": str(found.folder)}


def show(console: Console, found: Translation) -> None:
    """Say what came of it."""
    facts: dict[str, Any] = found.facts
    folder = Path(found.folder)
    line(console, "Trained", f"{facts['steps']:,} steps, {facts['epochs']:.2f} epochs · {facts['seconds']:,.1f} s, {facts['tokens_per_second']:,.0f} pieces/s of both sides")
    mean = f" · mean of the weights at the last {facts['averaged']} looks" if facts["averaged"] > 1 else ""
    line(console, "Held out", f"loss {facts['loss']:.3f} · perplexity {math.exp(facts['loss']):,.1f}{mean}")
    line(console, "Written", f"{folder} · README.md · loss.svg · ringsmith.json")
    line(console, "Try", f'ringsmith translate {as_typed(str(folder))} "A text."')


def line(console: Console, label: str, text: str) -> None:
    """Print a line under a label."""
    console.print(f"[bold]{label:<10}[/]{_shell.escape(text)}", soft_wrap=True)
