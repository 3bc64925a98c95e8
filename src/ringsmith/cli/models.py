"""``ringsmith models [list | show NAME]``: what can be chosen, and what lies on this machine."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.table import Table

import ringsmith.cli._shell as _shell

app = typer.Typer(help="List the models that can be chosen by a short name, and which of them are on this machine.", invoke_without_command=True)


@app.callback()
def models(context: typer.Context) -> None:
    """List the models."""
    if context.invoked_subcommand is None:
        list_models()


@app.command("list")
def list_models(
    language: Annotated[str | None, typer.Option(help="Only models that speak it, e.g. ko.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print them as JSON.")] = False,
) -> None:
    """List the models, and which of them are on this machine."""
    from ringsmith.catalogue import find, groups, methods

    found = [(entry, at_hand(entry.name)) for entry in find(language=language)]
    if as_json:
        return _shell.print_json([{**asdict(entry), "at_hand": here} for entry, here in found])
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("name", "on this machine", "parameters", "download", "languages", "licence", "what speaks for it"):
        table.add_column(heading, no_wrap=heading == "name")
    for entry, here in found:
        speaks = "about 100" if "*" in entry.languages else " ".join(entry.languages)
        name = entry.name + (" *" if "default" in entry.groups else "")
        table.add_row(name, "yes" if here else "-", f"{entry.parameters} M", f"{entry.size_mb} MB", speaks, entry.licence, entry.why, style="bold green" if here else None)
    console = _shell.people()
    console.print(table)
    console.print("\n* in the group 'default'. Any folder with a model, any file of word vectors, and any repository of the hub (owner/name), can be named as well.")
    for method in methods().values():
        console.print(f"{method.name}{' *' if 'default' in method.groups else ''}: {method.why}")
    for name, text in groups().items():
        console.print(f"group {name}: {text}")
    return None


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A short name, a folder or a hub name.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Show all that is known about one model; checks its files where it is on this machine, fetches nothing."""
    from ringsmith.catalogue import entries, methods, resolve

    known: dict[str, Any] = {**methods(), **entries()}
    described: dict[str, Any] = asdict(known[name]) if name in known else {}
    here = resolve(name, policy="never") if not described or at_hand(name) else None
    content = described | ({key: value for key, value in asdict(here).items() if value is not None} if here else {"on this machine": "no"})
    if as_json:
        return _shell.print_json(content)
    console = _shell.people()
    for key, value in content.items():
        if value:  # what is not known, or does not apply, is left out: word vectors have no layers
            shown = f"{value:,}" if isinstance(value, int | float) else ", ".join(value) if isinstance(value, list | tuple) else str(value)
            console.print(f"[bold]{key.replace('_', ' '):<16}[/]{_shell.escape(shown)}", soft_wrap=True)
    return None


def at_hand(name: str) -> bool:
    """Whether the model is on this machine and usable."""
    from ringsmith.catalogue import resolve
    from ringsmith.errors import RingsmithError

    try:
        resolve(name, policy="never")
    except RingsmithError:
        return False
    return True
