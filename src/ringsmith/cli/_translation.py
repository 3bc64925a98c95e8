"""``ringsmith pretrain PAIRS --objective seq2seq [--target FILE]``: a model that translates, learnt from pairs of texts."""

from __future__ import annotations

import math
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ringsmith.cli._shell as _shell
from ringsmith.cli._progress import progress_bar
from ringsmith.errors import OptionError

if TYPE_CHECKING:
    from rich.console import Console

    from ringsmith.pretrain.options import PretrainOptions
    from ringsmith.pretrain.translation import Translation, TranslationOptions

NAME = "seq2seq"
SHARED = ("layers", "hidden", "heads", "feed_forward", "length", "vocabulary", "batch_tokens", "dropout", "steps", "epochs", "budget", "seed", "threads", "precision")
"""Options of `pretrain` that mean the same here; all others of a translation are told by --set."""
OWN = ("out", "objective", "objective_options", *SHARED)


def train(console: Console, source: str, target: str | None, asked: PretrainOptions, *, as_json: bool) -> None:
    """Train on pairs and say what came of it.

    Raises:
        RingsmithError: the files, the options, the machine.
    """
    from ringsmith.pretrain.translation import pretrain_translation

    options = translation_options(asked)
    with progress_bar(console) as report:
        found = pretrain_translation(source, target, asked.out, options, report=report, say=lambda label, text: line(console, label, text))
    if as_json:
        _shell.print_json({**{name: value for name, value in found.facts.items() if name != "curves"}, "out": str(found.folder)})
    else:
        show(console, found)


def translation_options(asked: PretrainOptions) -> TranslationOptions:
    """What was asked for, in the words of a translation.

    Raises:
        OptionError: an option that has no meaning here, or that it does not know.
    """
    from ringsmith.pretrain.options import objective_options
    from ringsmith.pretrain.translation import TranslationOptions

    plain = type(asked)(out=asked.out)
    changed = {one.name for one in fields(asked) if getattr(asked, one.name) != getattr(plain, one.name)}
    if strange := sorted(changed - set(OWN)):
        names = ", ".join(f"--{'from' if name == 'from_model' else name.replace('_', '-')}" for name in strange)
        raise OptionError(f"{names} must be left out with the objective {NAME}, which begins with random weights. What it knows beside is told by --set.")
    chosen = {name: getattr(asked, name) for name in SHARED if name in changed} | dict(asked.objective_options)
    options: TranslationOptions = objective_options(TranslationOptions, chosen, objective=NAME)
    return options


def check_target(objective: str, target: str | None) -> None:
    """Refuse a file of translations where nothing is translated.

    Raises:
        OptionError: it was given to another objective.
    """
    if target is not None and objective != NAME:
        raise OptionError(f"--target is for the objective {NAME}, which learns from pairs of texts; got {objective}. Leave it out, or ask for --objective {NAME}.")


def show(console: Console, found: Translation) -> None:
    """Say what came of it."""
    facts: dict[str, Any] = found.facts
    folder = Path(found.folder)
    line(console, "Trained", f"{facts['steps']:,} steps, {facts['epochs']:.2f} epochs · {facts['seconds']:,.1f} s, {facts['tokens_per_second']:,.0f} pieces/s of both sides")
    mean = f" · mean of the weights at the last {facts['averaged']} looks" if facts["averaged"] > 1 else ""
    line(console, "Held out", f"loss {facts['loss']:.3f} · perplexity {math.exp(facts['loss']):,.1f}{mean}")
    line(console, "Written", f"{folder} · README.md · loss.svg · ringsmith.json")
    line(console, "Try", f'ringsmith translate {folder} "A text."')


def line(console: Console, label: str, text: str) -> None:
    """Print a line under a label."""
    console.print(f"[bold]{label:<10}[/]{_shell.escape(text)}", soft_wrap=True)
