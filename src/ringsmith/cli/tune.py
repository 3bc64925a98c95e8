"""``ringsmith tune MODEL DATA``: one model with one recipe, searched in depth."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

import ringsmith.cli._asked as _asked
from ringsmith.cli.compare import listed, process_started, run


def tune(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A name, a folder, a file of word vectors (see ringsmith models); 'none' for a recipe that starts from no model.")],
    data: Annotated[str, typer.Argument(metavar="DATA", help="A table of labelled texts, as for ringsmith compare.")],
    recipe: Annotated[str, typer.Option(help="The way to adapt it; what stands in brackets stays as it is: lora\\[method=dora].", rich_help_panel=_asked.MODELS)] = "full",
    search: Annotated[int, typer.Option(help="So many settings are tried, the defaults first.", rich_help_panel=_asked.MODELS)] = 20,
    text: _asked.Text = None,
    label: _asked.Label = None,
    pair: _asked.Pair = None,
    group: _asked.Group = None,
    time_column: _asked.Times = None,
    split: _asked.SplitColumn = None,
    test: _asked.TestTable = None,
    encoding: _asked.Encoding = None,
    delimiter: _asked.Delimiter = None,
    folds: _asked.Folds = None,
    min_rows: _asked.MinRows = None,
    steps: _asked.Steps = None,
    task: _asked.Task = None,
    budget: Annotated[str | None, typer.Option(help="Wall clock for everything, e.g. 10m, 1h30m: as many trials as fit. Default: no limit.", rich_help_panel=_asked.RACE)] = None,
    metric: Annotated[str | None, typer.Option(help="What judges, as for ringsmith compare.", rich_help_panel=_asked.RACE)] = None,
    seed: Annotated[int, typer.Option(help="Seed of the splits, of training and of the search.", rich_help_panel=_asked.RACE)] = 0,
    names: _asked.Names = True,
    threads: _asked.Threads = None,
    on: _asked.On = "local",
    offline: _asked.Offline = False,
    fetch: _asked.Fetch = "if-missing",
    out: Annotated[
        Path | None, typer.Option(help="Folder to write into. Default: runs/NAME-tune. The same folder again goes on where it stopped.", rich_help_panel=_asked.OUTPUT)
    ] = None,
    as_json: _asked.AsJson = False,
) -> None:
    """Search the hyper-parameters of one model and recipe on your rows: a table of the trials, what mattered, a report and the best model."""
    from ringsmith.compare import CompareOptions, parse_budget, tuned

    options = CompareOptions(
        data=data, text=text, label=label, pair=pair, group=group, time=time_column, split=split, test=test, encoding=encoding,
        delimiter=delimiter, task=task,
        budget=None if budget is None else parse_budget(budget), metric=metric, names=names, seed=seed, folds=folds, min_rows=min_rows, steps=listed(steps) or (),
        threads=threads, on=on, offline=offline, fetch=fetch,  # type: ignore[arg-type]
        out=out, started=process_started(), command=shlex.join(["ringsmith", *sys.argv[1:]]),
    )  # fmt: skip
    run(tuned(options, model, recipe=recipe, search=search), as_json=as_json)
