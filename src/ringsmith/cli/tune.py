"""``ringsmith tune MODEL DATA``: one model with one recipe, searched in depth."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

import ringsmith.cli._shell as _shell
from ringsmith.cli.compare import MODELS, OUTPUT, RACE, ROWS, listed, process_started, run


def tune(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A name, a folder, a file of word vectors (see ringsmith models); 'none' for a recipe that starts from no model.")],
    data: Annotated[str, typer.Argument(metavar="DATA", help="A table of labelled texts, as for ringsmith compare.")],
    recipe: Annotated[str, typer.Option(help="The way to adapt it.", rich_help_panel=MODELS)] = "full",
    search: Annotated[int, typer.Option(help="So many settings are tried, the defaults first.", rich_help_panel=MODELS)] = 20,
    text: Annotated[str | None, typer.Option(help="Column of the texts, or several, joined: title,body. Found by itself where it is plain.", rich_help_panel=ROWS)] = None,
    label: Annotated[str | None, typer.Option(help="Column of the labels. Found by itself where it is plain.", rich_help_panel=ROWS)] = None,
    pair: Annotated[str | None, typer.Option(help="Column of second texts, for labels of pairs.", rich_help_panel=ROWS)] = None,
    group: Annotated[str | None, typer.Option(help="Column that says which rows belong together: no split cuts a group apart.", rich_help_panel=ROWS)] = None,
    time_column: Annotated[str | None, typer.Option("--time", help="Column of times: train on the past, test on the newest rows.", rich_help_panel=ROWS)] = None,
    split: Annotated[str | None, typer.Option(help="Column that says train, valid or test.", rich_help_panel=ROWS)] = None,
    test: Annotated[str | None, typer.Option(help="A second table to report on. Without it a part of DATA is held out.", rich_help_panel=ROWS)] = None,
    encoding: Annotated[str | None, typer.Option(help=_shell.ENCODING, rich_help_panel=ROWS)] = None,
    delimiter: Annotated[str | None, typer.Option(help=_shell.DELIMITER, rich_help_panel=ROWS)] = None,
    folds: Annotated[
        int | None,
        typer.Option(
            help="Cross-validate in so many parts; with --test they take turns at choosing. 0: one split. Default: 5 below 1,000 rows, with --test 2,000.",
            rich_help_panel=ROWS,
        ),
    ] = None,
    min_rows: Annotated[int | None, typer.Option(help="Leave out classes with fewer rows.", rich_help_panel=ROWS)] = None,
    steps: Annotated[str | None, typer.Option(help="Prepare every text first: names of steps, comma separated (see ringsmith text).", rich_help_panel=ROWS)] = None,
    task: Annotated[str | None, typer.Option(help="classification or multilabel. Default: told from the labels.", rich_help_panel=RACE)] = None,
    budget: Annotated[str | None, typer.Option(help="Wall clock for everything, e.g. 10m, 1h30m: as many trials as fit. Default: no limit.", rich_help_panel=RACE)] = None,
    metric: Annotated[str | None, typer.Option(help="What judges, as for ringsmith compare.", rich_help_panel=RACE)] = None,
    seed: Annotated[int, typer.Option(help="Seed of the splits, of training and of the search.", rich_help_panel=RACE)] = 0,
    threads: Annotated[int | None, typer.Option(help="CPU threads. Default: all cores.", rich_help_panel=RACE)] = None,
    on: Annotated[str, typer.Option(help="Where the runs happen: local (a process each).", rich_help_panel=RACE)] = "local",
    offline: Annotated[bool, typer.Option("--offline", help="Never touch the network, whatever is named.", rich_help_panel=RACE)] = False,
    fetch: Annotated[str, typer.Option(help="When to fetch a named model: never, if-missing or always.", rich_help_panel=RACE)] = "if-missing",
    out: Annotated[Path | None, typer.Option(help="Folder to write into. Default: runs/NAME-tune. The same folder again goes on where it stopped.", rich_help_panel=OUTPUT)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.", rich_help_panel=OUTPUT)] = False,
) -> None:
    """Search the hyper-parameters of one model and recipe on your rows: a table of the trials, what mattered, a report and the best model."""
    from ringsmith.compare import CompareOptions, parse_budget, tuned

    options = CompareOptions(
        data=data, text=text, label=label, pair=pair, group=group, time=time_column, split=split, test=test, encoding=encoding,
        delimiter=delimiter, task=task,
        budget=None if budget is None else parse_budget(budget), metric=metric, seed=seed, folds=folds, min_rows=min_rows, steps=listed(steps) or (),
        threads=threads, on=on, offline=offline, fetch=fetch,  # type: ignore[arg-type]
        out=out, started=process_started(), command=shlex.join(["ringsmith", *sys.argv[1:]]),
    )  # fmt: skip
    run(tuned(options, model, recipe=recipe, search=search), as_json=as_json)
