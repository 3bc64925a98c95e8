"""``ringsmith models [list | show NAME]``: what can be chosen, and what lies on this machine."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.padding import Padding
from rich.table import Table

import ringsmith.cli._shell as _shell

if TYPE_CHECKING:
    from ringsmith.catalogue import Entry

HEADINGS = ("name", "here", "parameters", "download", "languages", "licence")
LEAST_BESIDE = 60
"""Letters that a column of sentences needs."""
GAP, HERE = "  ", "bold green"
app = typer.Typer(help="List the models that can be chosen by a short name, and which of them are on this machine.", invoke_without_command=True)


Language = Annotated[str | None, typer.Option("--language", help="Only models that speak it: its code or its English name, e.g. ko.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print them as JSON.")]


@app.callback()
def models(context: typer.Context, language: Language = None, as_json: AsJson = False) -> None:
    """List the models."""
    if context.invoked_subcommand is None:
        list_models(language, as_json)


@app.command("list")
def list_models(language: Language = None, as_json: AsJson = False) -> None:
    """List the models, and which of them are on this machine."""
    from ringsmith.catalogue import find, groups, methods

    found = [(entry, at_hand(entry.name)) for entry in find(language=code_of(language))]
    if as_json:
        return _shell.print_json([{**entry.facts(), "at_hand": here} for entry, here in found])
    console = _shell.people()
    print_models(console, [(cells_of(entry, here=here), entry.why, here) for entry, here in found])
    console.print("\n* in the group 'default'. Any folder with a model, any file of word vectors, and any repository of the hub (owner/name), can be named as well.")
    for method in methods().values():
        console.print(f"{method.name}{' *' if 'default' in method.groups else ''}: {method.why}")
    for name, text in groups().items():
        console.print(f"group {name}: {text}")
    return None


def code_of(language: str | None) -> str | None:
    """The code of a language given by its code (with or without a country) or its English name.

    Raises:
        UnknownName: it is neither.

    Examples:
        >>> code_of("ko"), code_of("Korean"), code_of("KO-kr"), code_of("sw"), code_of(None)
        ('ko', 'ko', 'ko', 'sw', None)
    """
    from ringsmith.text.languages import find_language

    if language is None:
        return None
    code = re.fullmatch(r"([a-z]{2})([-_]\w+)?", language.strip().lower())
    return code[1] if code else find_language(language).code


def cells_of(entry: Entry, *, here: bool) -> tuple[str, ...]:
    """What the list says of a model in a word each, see `HEADINGS`."""
    speaks = "about 100" if "*" in entry.languages else " ".join(entry.languages)
    return entry.name + (" *" if "default" in entry.groups else ""), "yes" if here else "-", f"{entry.parameters:,} M", f"{entry.size_mb:,} MB", speaks, entry.licence


def print_models(console: Console, found: Sequence[tuple[tuple[str, ...], str, bool]]) -> None:
    """Print the cells of each model, what speaks for it and, by colour, whether it is here.

    What speaks for it stands below where a column beside the others would be narrow.
    """
    widths = [max(map(len, column)) for column in zip(HEADINGS, *(cells for cells, _, _ in found), strict=True)]
    if console.width >= sum(widths) + len(GAP) * len(widths) + LEAST_BESIDE:
        table = Table(*HEADINGS, "what speaks for it", box=None, pad_edge=False, header_style="bold")
        for cells, why, here in found:
            table.add_row(*cells, why, style=HERE if here else None)
        return console.print(table)

    def line(cells: Sequence[str]) -> str:
        return GAP.join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()

    console.print(line(HEADINGS), style="bold", soft_wrap=True)
    for cells, why, here in found:
        console.print(line(cells), style=HERE if here else None, soft_wrap=True)
        console.print(Padding(why, (0, 0, 0, 4)), style="dim")
    return None


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A short name, a folder or a hub name.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Show all that is known about one model; checks its files where it is on this machine, fetches nothing."""
    from ringsmith.catalogue import entry_of, methods, resolve

    entry, method = entry_of(name), methods().get(name)
    described: dict[str, Any] = asdict(method) if method else entry.facts() if entry else {}
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
