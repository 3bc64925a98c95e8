"""``ringsmith text STEPS INPUT``: what each step did to a text, or to the vocabulary of a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

import ringsmith.cli._shell as _shell
from ringsmith._wording import plural
from ringsmith.errors import OptionError

if TYPE_CHECKING:
    from ringsmith.text.effects import CaseEffect, Effects, StepEffect

SHOWN = 12
"""Changes, merges and case pairs that are shown; JSON holds `MOST_IN_JSON` of each."""
MOST_IN_JSON = 1000
HOW = "For example: ringsmith text lower,stem \"Running runs ran\". 'ringsmith text --list' shows all steps."


def text(
    steps: Annotated[str | None, typer.Argument(metavar="STEPS", help="Names of steps, separated by commas: lower,stem")] = None,
    source: Annotated[str | None, typer.Argument(metavar="INPUT", help="A quoted text, a file, or - for standard input.")] = None,
    language: Annotated[str | None, typer.Option(help="Language of the text (de, german ...), for steps that take one. English without it.")] = None,
    column: Annotated[str | None, typer.Option("--text", help="Column with the text, where INPUT is a table.")] = None,
    encoding: Annotated[str | None, typer.Option(help=_shell.ENCODING)] = None,
    delimiter: Annotated[str | None, typer.Option(help=_shell.DELIMITER)] = None,
    list_steps: Annotated[bool, typer.Option("--list", help="List the steps.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Show what each step of preparation does to a text: lower, stem, lemmatise ..."""
    if list_steps:
        return _list_steps(as_json=as_json)
    if not (steps or "").strip(" ,"):
        raise OptionError(f"'STEPS' must name at least one step; got none. {HOW}")
    if not (source or "").strip():
        raise OptionError(f"'INPUT' must be a quoted text, a file or '-'; got nothing. {HOW}")
    from ringsmith.text import parse_steps
    from ringsmith.text.effects import measure_steps

    wanted = parse_steps(str(steps), language=language)
    texts, is_single, notes = _read(str(source), column, encoding, delimiter)
    effects = measure_steps(texts, wanted)
    if as_json:
        return _shell.print_json(_as_json(effects, is_single=is_single))
    console = _shell.people()
    for note in notes:
        console.print(_shell.escape(note), soft_wrap=True)
    _show(console, effects, is_single=is_single)
    return None


def _read(source: str, column: str | None, encoding: str | None, delimiter: str | None) -> tuple[Sequence[str], bool, Sequence[str]]:
    """The texts, whether it is one text rather than a file of them, and of a table what was read, in sentences."""
    path = None if "\n" in source or len(source) > 1000 else Path(source).expanduser()
    if source != "-" and (path is None or not path.exists()) and (" " in source.strip() or "\n" in source or _is_tagged(source)):
        return [source], True, []
    from ringsmith.data import read_texts

    found = read_texts(source, text=column, encoding=encoding, delimiter=delimiter)
    facts, texts = found.findings, found.texts.texts
    notes = [] if facts.format in ("lines", "memory") else [f"Texts: column {facts.text_column!r} ({plural(facts.rows_used, 'row')}).", *facts.notes]
    return texts, len(texts) == 1, notes


def _is_tagged(word: str) -> bool:
    """Whether it is a word with its part of speech ("better/ADJ") rather than a path."""
    from ringsmith.text.lemmatise import TAGS

    return word.rpartition("/")[2].upper() in TAGS


def _list_steps(*, as_json: bool) -> None:
    from ringsmith.text import STEPS

    if as_json:
        return _shell.print_json([{"name": step.name, "summary": step.summary, "takes_language": step.takes_language} for step in STEPS.values()])
    table = _table("step", "what it does")
    for step in STEPS.values():
        table.add_row(step.name + (" *" if step.takes_language else ""), step.summary)
    console = _shell.people()
    console.print(table)
    console.print("\n* takes a language: stem:german, stopwords:fr. Steps work from left to right: ringsmith text normalise,lower,stem INPUT")
    return None


def _as_json(effects: Effects, *, is_single: bool) -> dict[str, Any]:
    content: dict[str, Any] = {"result": effects.results[0]} if is_single else {"texts": len(effects.results)}
    content["steps"] = [
        {
            **{key: value for key, value in vars(step).items() if key not in ("changes", "merges")},
            "changes": [change._asdict() for change in step.changes[:MOST_IN_JSON]],
            "merges": [asdict(merge) for merge in step.merges[:MOST_IN_JSON]],
        }
        for step in effects.steps
    ]
    if effects.case is not None:
        content["case"] = {"merges": [asdict(merge) for merge in effects.case.merges[:MOST_IN_JSON]], "taken_for": [c._asdict() for c in effects.case.taken_for[:MOST_IN_JSON]]}
    content["coverage"] = [{"words": size, "before": round(before, 4), "after": round(after, 4)} for size, (before, after) in effects.coverage.items()]
    return content


def _show(console: Console, effects: Effects, *, is_single: bool) -> None:
    """Print the table of steps, then what small letters mix up, then the result or the vocabulary."""
    table = _table("step", "changed", "words", "vocabulary", "what changed")
    for step in effects.steps:
        table.add_row(_shell.escape(step.name), f"{step.changed:,}", f"{step.words:,}", f"{step.vocabulary_before:,} -> {step.vocabulary_after:,}", _changes(step))
    console.print(table)
    if effects.case is not None:
        _show_case(console, effects.case, next(step.name for step in effects.steps if step.name.startswith(("lower", "casefold"))))
    if is_single:
        console.print()
        typer.echo(effects.results[0])
    else:
        _show_vocabulary(console, effects)


def _show_case(console: Console, case: CaseEffect, name: str) -> None:
    if case.merges:
        pairs = "; ".join(f"{', '.join(merge.forms)} -> {merge.word}" for merge in case.merges[:SHOWN])
        console.print(f"[bold]{name} merges:[/] {_shell.escape(pairs)}{_more(len(case.merges))}")
    if case.taken_for:
        pairs = ", ".join(f"{change.before} -> {change.after}" for change in case.taken_for[:SHOWN])
        console.print(f"[bold]{name} makes other words of:[/] {_shell.escape(pairs)}{_more(len(case.taken_for))}")


def _show_vocabulary(console: Console, effects: Effects) -> None:
    """Print, for many texts, the words that became one and how much of the texts the most frequent words make up."""
    for step in effects.steps:
        if step.merges:
            console.print(f"\n[bold]{step.name}[/] made one word of {sum(len(merge.forms) for merge in step.merges):,} in {plural(len(step.merges), 'place')}; the most frequent:")
            for merge in step.merges[:SHOWN]:
                console.print(f"  {_shell.escape(', '.join(merge.forms[:8]))} -> {_shell.escape(merge.word)}  ({merge.count:,})")
    if effects.coverage:
        table = _table("most frequent words", "share of the texts before", "after")
        for size, (before, after) in effects.coverage.items():
            table.add_row(f"{size:,}", f"{before:.1%}", f"{after:.1%}")
        console.print()
        console.print(table)


def _changes(step: StepEffect) -> str:
    shown = [f"{change.before or 'new:'} -> {change.after}" if change.after else f"{change.before} dropped" for change in step.changes[:SHOWN]]
    counts = [f" x{change.times}" if change.times > 1 else "" for change in step.changes[:SHOWN]]
    return _shell.escape(", ".join(map("".join, zip(shown, counts, strict=True)))) + _more(len(step.changes)) if shown else "nothing"


def _more(number: int) -> str:
    return f" ... and {number - SHOWN:,} more" if number > SHOWN else ""


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        numeric = heading in ("changed", "words", "most frequent words", "after")
        table.add_column(heading, justify="right" if numeric else "left", no_wrap=heading in ("step", "vocabulary") or numeric)
    return table
