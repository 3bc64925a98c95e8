"""``ringsmith demo``: the main job on data that come with Ringsmith."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

import ringsmith.cli._shell as _shell
from ringsmith.cli.compare import process_started, run

MODELS = ("default", "zoo")
"""What pays most often, and one small model of every family."""


def demo(
    budget: Annotated[str, typer.Option(help="Wall clock for everything.")] = "3m",
    out: Annotated[Path, typer.Option(help="Folder to write into.")] = Path("runs/demo"),
    seed: Annotated[int, typer.Option(help="Seed of the splits and of training.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Compare models on 1,050 support messages that come with Ringsmith: no data, no network, no GPU needed."""
    from ringsmith.compare import CompareOptions, parse_budget
    from ringsmith.demo import messages

    console = _shell.people(as_json=as_json)
    with messages() as path:
        command = f"ringsmith compare {path.name} --models {','.join(MODELS)} --budget {budget} --seed {seed} --out {out}"
        console.print(f"[bold]{'Demo':<10}[/]what a customer wants, in 8 intents ({path}); the same as: {_shell.escape(command)}", soft_wrap=True)
        options = CompareOptions(
            data=str(path),
            models=MODELS,
            budget=parse_budget(budget),
            out=out,
            seed=seed,
            offline=True,
            started=process_started(),
            command=shlex.join(["ringsmith", *sys.argv[1:]]),
        )
        run(options, as_json=as_json)
