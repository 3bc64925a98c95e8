"""``ringsmith predict MODEL_DIR INPUT``: label new texts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

import ringsmith.cli._shell as _shell
from ringsmith._wording import plural

if TYPE_CHECKING:
    from ringsmith.records import Label, TextSet
    from ringsmith.serve import Prediction

SHOWN = 50
"""Answers shown in the terminal; ``--out`` and ``--json`` give all of them."""
SHOWN_TEXT = 500
"""Letters of a text that a very wide terminal shows."""
LEAST_TEXT = 20
"""The text has this much room at least; names of classes that are longer than the rest of a line are folded, never cut."""


def predict(
    model_dir: Annotated[Path, typer.Argument(metavar="MODEL_DIR", help="Folder of a fitted model, e.g. runs/reviews/best.")],
    given: Annotated[str, typer.Argument(metavar="INPUT", help="A table of texts, a file with one text a line, '-' for standard input, or a text in quotes.")],
    out: Annotated[Path | None, typer.Option(help="Write INPUT's columns plus 'prediction' and 'score' to this file: .csv, .tsv, .jsonl, .json, .parquet, .arrow.")] = None,
    text: Annotated[str | None, typer.Option(help="Column of the texts, or several, joined: title,body. Default: as in training, or found where it is plain.")] = None,
    pair: Annotated[
        str | None, typer.Option(help="For a model of pairs: column of the second texts (default: as in training); where INPUT is a text in quotes, the second text.")
    ] = None,
    encoding: Annotated[str | None, typer.Option(help=_shell.ENCODING)] = None,
    delimiter: Annotated[str | None, typer.Option(help=_shell.DELIMITER)] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads. Default: all cores.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answers as JSON.")] = False,
) -> None:
    """Label new texts with a fitted model; rows whose text is empty are left without a label."""
    _shell.wait_awake()
    from ringsmith.adapt.folder import PAIR, TEXT, read_manifest
    from ringsmith.cli._progress import progress_bar
    from ringsmith.data import check_out, read_texts, write_predictions
    from ringsmith.data.predictions import remarks
    from ringsmith.records import Progress
    from ringsmith.serve import load

    console = _shell.people(as_json=as_json)
    if out is not None:
        check_out(out, given)
    model = load(model_dir, threads=threads)
    known = read_manifest(model_dir)
    learnt = [known[TEXT]] if TEXT in known else []
    inputs = read_texts(given, text=text, pair=pair, known=learnt, known_pair=known.get(PAIR), encoding=encoding, delimiter=delimiter)
    # Second texts that only the names of columns speak of are none to a model that was trained on single texts.
    pairs = inputs.texts.pairs if pair is not None or model.pairs is not False else None
    with progress_bar(console) as report:
        answers = model.answers(inputs.texts.texts, pairs, report=lambda done: report(Progress("predict", done, len(inputs.texts), "texts")))
    if out is not None:
        notes = write_predictions(out, inputs, [answer.label for answer in answers], [answer.score for answer in answers])
        console.print(f"Written   {_shell.escape(str(out))} · {plural(len(inputs.table), 'row')} · columns added: prediction, score", soft_wrap=True)
        for note in notes:
            console.print(f"          {_shell.escape(note)}", soft_wrap=True)
    else:
        for note in remarks(inputs):
            console.print(_shell.escape(note), soft_wrap=True)
    if as_json:
        _shell.print_json(as_content(inputs.texts, pairs, answers))
    elif out is None:
        show(console, inputs.texts.texts, answers, pairs)


def as_content(texts: TextSet, pairs: Sequence[str] | None, answers: Sequence[Prediction]) -> list[dict[str, object]]:
    """The answers as plain JSON types; ``row`` is the number of the row in the input, from 0: rows without a text have no answer."""
    read = [{"row": row, "text": text} for row, text in zip(texts.rows.tolist(), texts.texts, strict=True)]
    if pairs is not None:
        read = [{**one, "pair": pair} for one, pair in zip(read, pairs, strict=True)]
    return [{**one, "prediction": answer.label, "score": round(answer.score, 6)} for one, answer in zip(read, answers, strict=True)]


def show(console: Console, texts: Sequence[str], answers: Sequence[Prediction], pairs: Sequence[str] | None = None) -> None:
    """Print the first answers as a table, or a single one as a line; of a pair both texts share the room."""
    if len(answers) == 1:
        return console.print(f"[bold]{_shell.escape(in_words(answers[0].label))}[/]  {answers[0].score:.3f}")
    labels = [Text(in_words(answer.label)) for answer in answers[:SHOWN]]
    room = max(LEAST_TEXT, console.width - max(label.cell_len for label in [Text("prediction"), *labels]) - len("  0.000  "))
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("prediction", overflow="fold", min_width=len("prediction"))
    table.add_column("score", justify="right", no_wrap=True)
    columns = [("text", texts)] if pairs is None else [("text", texts), ("pair", pairs)]
    for heading, _ in columns:
        table.add_column(heading, no_wrap=True)
    each = (room - 2 * (len(columns) - 1)) // len(columns)
    for row, (label, answer) in enumerate(zip(labels, answers, strict=False)):
        table.add_row(label, f"{answer.score:.3f}", *(_begin(column[row], each) for _, column in columns))
    console.print(table)
    if len(answers) > SHOWN:
        console.print(f"... and {len(answers) - SHOWN:,} more: write all of them with --out FILE.csv")
    return None


def _begin(text: str, room: int) -> Text:
    """The beginning of a text, in one line of so many letters."""
    begin = Text(" ".join(text[: 4 * SHOWN_TEXT].split())[:SHOWN_TEXT])
    begin.truncate(room, overflow="ellipsis")
    return begin


def in_words(label: Label | None) -> str:
    """A label, or several joined by commas.

    Examples:
        >>> in_words("spam"), in_words(("bug", "docs")), in_words(()), in_words(None)
        ('spam', 'bug, docs', '(none)', '')
    """
    return "" if label is None else label if isinstance(label, str) else ", ".join(label) or "(none)"
