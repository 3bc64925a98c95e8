"""The command line: one file per command, no logic. Commands import what they need when they run, so that ``--help`` is quick."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from ringsmith.cli import _shell, compare, demo, generate, inspect, models, predict, pretrain, text, translate, tune, vectors

FORMER = {"beam": "beams", "lower": "lowercase"}
"""Options by the names that one command had for what all others call differently; they are heard still."""

app = typer.Typer(
    name="ringsmith",
    help="Choose, adapt and ship the pre-trained text model that fits your data and your budget.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"], "token_normalize_func": lambda name: FORMER.get(name, name)},
)
app.command()(compare.compare)
app.command()(tune.tune)
app.command()(predict.predict)
app.command()(generate.generate)
app.command()(inspect.inspect)
app.command()(translate.translate)
app.command()(pretrain.pretrain)
app.command()(text.text)
app.add_typer(models.app, name="models")
app.add_typer(vectors.app, name="vectors")
app.command()(demo.demo)


def _show_version(wanted: bool) -> None:
    if wanted:
        from ringsmith._version import version

        typer.echo(f"ringsmith {version()}")
        raise typer.Exit


@app.callback()
def ringsmith(version: Annotated[bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")] = False) -> None:
    """Options of ringsmith itself."""


def main() -> None:
    """Run the command line and end the process with its exit code."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # waiting threads sleep, unless a command finds the cores free: see _shell.wait_awake
    _shell.open_what_is_closed()
    _shell.take_every_letter()
    _shell.run_guarded(app)
