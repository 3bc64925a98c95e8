"""Write the generated parts of docs/: the reference of the command line (cli.md). `make docs` runs it, a test compares."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parent / "cli.md"
HEAD = """# The command line

Generated from the program by `make docs`; a test holds it against the program.
Exit codes: 0 done, 2 wrong use or bad input, 3 stopped early but a valid leaderboard was written, 1 a fault of ours.
"""


def cell(text: str | None) -> str:
    """A text that fits into a cell of a table."""
    return " ".join((text or "").split()).replace("|", "\\|")


def rows_of(command: Any) -> Iterator[str]:
    """One row for each argument and option."""
    for parameter in command.params:
        if parameter.name == "help":
            continue
        is_option = parameter.param_type_name == "option"
        spelled = ", ".join(f"`{name}`" for name in parameter.opts) if is_option else f"`{parameter.metavar or parameter.name.upper()}`"
        default = parameter.default
        shown = f" Default: `{default}`." if is_option and default not in (None, False) and not callable(default) and "Default:" not in (parameter.help or "") else ""
        yield f"| {spelled} | {cell(parameter.help)}{shown} |"


def sections_of(command: Any, path: str) -> Iterator[str]:
    """The section of a command, and those of the commands below it."""
    below = getattr(command, "commands", {})
    yield f"## {path}\n\n{cell(command.help)}\n"
    if rows := list(rows_of(command)):
        yield "| | |\n|---|---|\n" + "\n".join(rows) + "\n"
    for name, child in below.items():
        yield from sections_of(child, f"{path} {name}")


def page() -> str:
    """The whole page."""
    from typer.main import get_command

    from ringsmith.cli import app

    return "\n".join([HEAD, *sections_of(get_command(app), "ringsmith")])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
