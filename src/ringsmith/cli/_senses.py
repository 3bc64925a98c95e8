"""What `ringsmith inspect MODEL --word WORD SENTENCES` shows: the senses of a word, in the terminal and on a page."""

from __future__ import annotations

from pathlib import Path

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

import ringsmith.cli._shell as _shell
from ringsmith._wording import plural
from ringsmith.cli._look import bar
from ringsmith.cli._progress import progress_bar
from ringsmith.inspection import Occurrence, Senses

EXAMPLES, LETTERS = 4, 44
"""Uses of a group that are shown, and cells on either side of the word."""
COLOURS = ("blue", "yellow", "green", "magenta", "red", "cyan")
ROWS, COLUMNS = 14, 56
NO_NEIGHBOURS = "no word of the vocabulary is a single token"


def show_word(
    console: Console,
    model: str,
    word: str,
    given: str,
    *,
    layers: str | None,
    column: str | None,
    encoding: str | None,
    delimiter: str | None,
    vectors: Path | None,
    out: Path | None,
    threads: int | None,
    offline: bool,
    as_json: bool,
) -> None:
    """Look, print, and write the page."""
    from ringsmith.data import read_texts
    from ringsmith.visible.face import inspect_word

    inputs = read_texts(given, text=column, encoding=encoding, delimiter=delimiter)
    if column is None and len(inputs.table.columns) > 1:
        console.print(f"Read      the column {_shell.escape(repr(inputs.findings.text_column))} of {_shell.escape(inputs.findings.source)} (--text names another)", soft_wrap=True)
    with progress_bar(console) as report:
        senses = inspect_word(model, word, inputs.by_line(), layers=layers, vectors=vectors, threads=threads, offline=offline, report=report)
    if out is not None:  # before anything is printed: who reads may stop reading
        from ringsmith._version import version
        from ringsmith.report.sensepage import write_senses

        write_senses(out, senses, version=version())
    if as_json:
        _shell.print_json(senses.to_json())
    else:
        show_senses(console, senses)
    if out is not None:
        console.print(f"\nWritten   {_shell.escape(str(out))}", soft_wrap=True)


def show_senses(console: Console, senses: Senses) -> None:
    """Print how much is context, the groups with examples, the static vector, and the map."""
    forms = ", ".join(f"{form} {count:,}" for form, count in senses.forms.items())
    where = f"{_shell.escape(senses.model)}, {senses.layers}"
    console.print(f"[bold]{_shell.escape(senses.word)}[/]  {senses.seen} ({_shell.escape(forms)}) · {where}", soft_wrap=True)
    console.print(f"\nAlike        {bar(max(0.0, senses.self_similarity), 20)} {senses.self_similarity:6.3f}  mean cosine of two uses; 1 for a static vector", soft_wrap=True)
    console.print(f"Other words  {bar(max(0.0, senses.baseline), 20)} {senses.baseline:6.3f}  mean cosine of two different words here", soft_wrap=True)
    console.print(f"Context      {bar(senses.context_share, 20)} {senses.context_share:6.1%}  of the vector is not common to all uses", soft_wrap=True)
    show_groups(console, senses)
    show_map(console, senses)
    near = "nearest " + ", ".join(f"{word} {cosine:.2f}" for word, cosine in senses.static_neighbours) if senses.static_neighbours else NO_NEIGHBOURS
    console.print(f"\n[bold]The one static vector[/]  from {_shell.escape(senses.static_from)}: {_shell.escape(near)}", soft_wrap=True)


def show_groups(console: Console, senses: Senses) -> None:
    """Print each group with its most typical uses."""
    if senses.silhouette is None:
        console.print("\n[bold]One group[/]  the uses do not fall apart into groups that are told apart plainly", soft_wrap=True)
    else:
        between = f"{senses.between_share:.0%} of the spread lies between them"
        console.print(f"\n[bold]{senses.clusters} groups[/]  of use, which need not be senses: silhouette {senses.silhouette:.2f}; {between}", soft_wrap=True)
    for number, central in enumerate(senses.central):
        members = [one for one in senses.occurrences if one.cluster == number]
        typical = [senses.occurrences[central], *(one for one in members if one is not senses.occurrences[central])]
        console.print(Text.assemble(("● ", COLOURS[number % len(COLOURS)]), (plural(len(members), "use"), "bold")), soft_wrap=True)
        for one in typical[:EXAMPLES]:
            console.print(in_context(one, COLOURS[number % len(COLOURS)]), soft_wrap=True)


def in_context(one: Occurrence, colour: str) -> Text:
    """A use between what stands before and after it, the word in one column."""
    before, after = one.sentence[: one.start].replace("\n", " "), one.sentence[one.end :].replace("\n", " ")
    left = before if cell_len(before) <= LETTERS else "…" + set_cell_size(before[::-1], LETTERS - 1)[::-1]
    right = after if cell_len(after) <= LETTERS else set_cell_size(after, LETTERS - 1) + "…"
    return Text.assemble("  " + " " * (LETTERS - cell_len(left)), left, (one.form, f"bold {colour}"), right)


def show_map(console: Console, senses: Senses) -> None:
    """Print the uses at their places, coloured by group."""
    cells: dict[tuple[int, int], int] = {}
    for one in senses.occurrences:
        cells[round((1 - one.y) * (ROWS - 1)), round(one.x * (COLUMNS - 1))] = one.cluster
    console.print(f"\n[bold]Map[/]  the two main directions, {senses.explained:.0%} of the spread", soft_wrap=True)
    used = [row for row, _ in cells]
    for row in range(min(used), max(used) + 1):
        line = Text("  ")
        for column in range(COLUMNS):
            line.append("●" if (row, column) in cells else " ", style=COLOURS[cells[row, column] % len(COLOURS)] if (row, column) in cells else "")
        console.print(line, soft_wrap=True)
