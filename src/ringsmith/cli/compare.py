"""``ringsmith compare DATA``: which model, adapted how, and is the cheap one good enough?"""

from __future__ import annotations

import shlex
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

import ringsmith.cli._shell as _shell

ROWS, MODELS, RACE, OUTPUT = "Which rows", "Which candidates", "How", "Output"


def compare(
    data: Annotated[str, typer.Argument(help="A table of labelled texts, a folder with one folder of text files a class, an hf:// address, or '-'.")],
    text: Annotated[str | None, typer.Option(help="Column of the texts. Found by itself where it is plain.", rich_help_panel=ROWS)] = None,
    label: Annotated[str | None, typer.Option(help="Column of the labels. Found by itself where it is plain.", rich_help_panel=ROWS)] = None,
    pair: Annotated[str | None, typer.Option(help="Column of second texts, for labels of pairs.", rich_help_panel=ROWS)] = None,
    group: Annotated[str | None, typer.Option(help="Column that says which rows belong together (author, document): no split cuts a group apart.", rich_help_panel=ROWS)] = None,
    time_column: Annotated[str | None, typer.Option("--time", help="Column of times: train on the past, test on the newest rows.", rich_help_panel=ROWS)] = None,
    split: Annotated[str | None, typer.Option(help="Column that says train, valid or test.", rich_help_panel=ROWS)] = None,
    test: Annotated[str | None, typer.Option(help="A second table to report on. Without it a part of DATA is held out.", rich_help_panel=ROWS)] = None,
    folds: Annotated[int | None, typer.Option(help="Cross-validate in so many parts; 0: one split. Default: 5 below 1,000 rows.", rich_help_panel=ROWS)] = None,
    min_rows: Annotated[int | None, typer.Option(help="Leave out classes with fewer rows.", rich_help_panel=ROWS)] = None,
    steps: Annotated[str | None, typer.Option(help="Prepare every text first: names of steps, comma separated (see ringsmith text).", rich_help_panel=ROWS)] = None,
    models: Annotated[
        str | None,
        typer.Option(
            help="Names, folders, files of word vectors, groups, comma separated (see ringsmith models). Default: 'default', as far as it is here.",
            rich_help_panel=MODELS,
        ),
    ] = None,
    recipes: Annotated[str | None, typer.Option(help="Ways to adapt, comma separated: majority, tfidf, static, probe, full. Default: all.", rich_help_panel=MODELS)] = None,
    task: Annotated[str | None, typer.Option(help="classification or multilabel. Default: told from the labels.", rich_help_panel=RACE)] = None,
    budget: Annotated[str | None, typer.Option(help="Wall clock for everything, e.g. 90s, 10m, 1h30m. Default: no limit.", rich_help_panel=RACE)] = None,
    metric: Annotated[
        str | None, typer.Option(help="accuracy, macro_f1, f1:LABEL, mcc, log_loss, auroc ... Default: accuracy, or macro_f1 where one class is large.", rich_help_panel=RACE)
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the splits and of training.", rich_help_panel=RACE)] = 0,
    seeds: Annotated[int, typer.Option(help="Train every candidate so many times with different seeds.", rich_help_panel=RACE)] = 1,
    search: Annotated[int, typer.Option(help="Try so many settings of the best candidates in the time that is left, the defaults first.", rich_help_panel=RACE)] = 0,
    threads: Annotated[int | None, typer.Option(help="CPU threads. Default: all cores.", rich_help_panel=RACE)] = None,
    on: Annotated[str, typer.Option(help="Where the runs happen: local (a process each).", rich_help_panel=RACE)] = "local",
    offline: Annotated[bool, typer.Option("--offline", help="Never touch the network, whatever is named.", rich_help_panel=RACE)] = False,
    fetch: Annotated[str, typer.Option(help="When to fetch a named model: never, if-missing or always.", rich_help_panel=RACE)] = "if-missing",
    out: Annotated[Path | None, typer.Option(help="Folder to write into. Default: runs/NAME. The same folder again goes on where it stopped.", rich_help_panel=OUTPUT)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.", rich_help_panel=OUTPUT)] = False,
) -> None:
    """Compare models and ways to adapt them on your rows: a leaderboard with error bars, a report and a model to deploy."""
    from ringsmith.compare import CompareOptions, parse_budget

    options = CompareOptions(
        data=data, text=text, label=label, pair=pair, group=group, time=time_column, split=split, test=test, task=task,
        models=listed(models), recipes=listed(recipes), budget=None if budget is None else parse_budget(budget), metric=metric, seed=seed, seeds=seeds, search=search,
        folds=folds, min_rows=min_rows, steps=listed(steps) or (), threads=threads, on=on, offline=offline, fetch=fetch,  # type: ignore[arg-type]
        out=out, started=process_started(), command=shlex.join(["ringsmith", *sys.argv[1:]]),
    )  # fmt: skip
    run(options, as_json=as_json)


def run(options: object, *, as_json: bool) -> None:
    """Compare, draw, and end with exit code 3 where it was stopped early, with 1 where no candidate came to its end."""
    from ringsmith.api import finish
    from ringsmith.cli._watch import Watch
    from ringsmith.cli._watch import as_json as content_of
    from ringsmith.compare import CompareOptions, run_comparison

    assert isinstance(options, CompareOptions)
    with Watch(_shell.people(as_json=as_json)) as watch:
        found = run_comparison(options, watch, finish=finish)
        watch.conclude(found)
    if as_json:
        _shell.print_json(content_of(found))
    if found.stopped:
        raise typer.Exit(_shell.STOPPED)
    if not any(row.status == "done" for row in found.rows):
        raise typer.Exit(_shell.FAULT)


def listed(text: str | None) -> tuple[str, ...] | None:
    """The comma-separated names, or None.

    Examples:
        >>> listed("tfidf, probe")
        ('tfidf', 'probe')
    """
    return None if text is None else tuple(name for part in text.split(",") if (name := part.strip()))


def process_started() -> float:
    """When this process began, seconds since the epoch: the clock of a budget starts with the command, imports included."""
    from ringsmith.compare.machine import process_started as began

    return min(began(), time.time())
