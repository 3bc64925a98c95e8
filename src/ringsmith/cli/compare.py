"""``ringsmith compare DATA``: which model, adapted how, and is the cheap one good enough?"""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import ringsmith.cli._asked as _asked
import ringsmith.cli._shell as _shell

if TYPE_CHECKING:
    from ringsmith.adapt.endpoint_settings import EndpointSettings
    from ringsmith.compare.leaderboard import Row

RECIPES = "majority, tfidf, static, distilled, probe, head, partial, fewshot, lora, full, prompt"
USUAL = "majority, tfidf, static, probe, full"
"""Written here once more, because importing the recipes for ``--help`` would take too long; a test compares."""
Models = Annotated[
    str | None,
    typer.Option(
        help="Names, folders, files of word vectors, groups, comma separated (see ringsmith models). Default: 'default', as far as it is here.",
        rich_help_panel=_asked.MODELS,
    ),
]
Recipes = Annotated[
    str | None,
    typer.Option(help=f"Ways to adapt, comma separated: {RECIPES}; with options lora\\[method=dora,rank=16] (docs/recipes.md). Default: {USUAL}.", rich_help_panel=_asked.MODELS),
]
Endpoint = Annotated[
    str | None, typer.Option(help="Address of a chat model (OpenAI's form) that the recipe prompt asks. Key: RINGSMITH_ENDPOINT_KEY.", rich_help_panel=_asked.ASKED)
]
Described = Annotated[
    list[str] | None, typer.Option(help="LABEL=WORDS that stand for it when the recipe prompt asks, or as its name (--names); once for each label.", rich_help_panel=_asked.ASKED)
]
MetricName = Annotated[
    str | None,
    typer.Option(help="accuracy, macro_f1, f1:LABEL, mcc, log_loss, auroc ... Default: accuracy, or macro_f1 where one class is large.", rich_help_panel=_asked.RACE),
]
Out = Annotated[Path | None, typer.Option(help="Folder to write into. Default: runs/NAME. The same folder again goes on where it stopped.", rich_help_panel=_asked.OUTPUT)]


def compare(
    data: Annotated[str, typer.Argument(metavar="DATA", help="A table of labelled texts, a folder with one folder of text files a class, an hf:// address, or '-'.")],
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
    models: Models = None,
    recipes: Recipes = None,
    endpoint: Endpoint = None,
    endpoint_model: Annotated[str, typer.Option(help="Name of the model there.", rich_help_panel=_asked.ASKED)] = "",
    price_in: Annotated[float | None, typer.Option(help="Dollars for a million tokens of questions.", rich_help_panel=_asked.ASKED)] = None,
    price_out: Annotated[float | None, typer.Option(help="Dollars for a million tokens of answers.", rich_help_panel=_asked.ASKED)] = None,
    spend_at_most: Annotated[float | None, typer.Option(help="Dollars that asking may cost in all; needs both prices.", rich_help_panel=_asked.ASKED)] = None,
    answer_tokens: Annotated[int, typer.Option(help="Most tokens of an answer; a model that thinks aloud needs many.", rich_help_panel=_asked.ASKED)] = 64,
    describe: Described = None,
    task: _asked.Task = None,
    budget: Annotated[
        str | None,
        typer.Option(
            help="Wall clock for everything, e.g. 90s, 10m, 1h30m; what is left lets more rows choose between the tied, and shows what more labels would bring. Default: no limit.",
            rich_help_panel=_asked.RACE,
        ),
    ] = None,
    metric: MetricName = None,
    seed: Annotated[int, typer.Option(help="Seed of the splits and of training.", rich_help_panel=_asked.RACE)] = 0,
    seeds: Annotated[int, typer.Option(help="Train every candidate so many times with different seeds.", rich_help_panel=_asked.RACE)] = 1,
    search: Annotated[int, typer.Option(help="Try so many settings of the best candidates in the time that is left, the defaults first.", rich_help_panel=_asked.RACE)] = 0,
    curve: Annotated[bool, typer.Option(help="Fit on fewer rows in the time that is left, to see what more labels would bring.", rich_help_panel=_asked.RACE)] = True,
    names: _asked.Names = True,
    threads: _asked.Threads = None,
    on: _asked.On = "local",
    offline: _asked.Offline = False,
    fetch: _asked.Fetch = "if-missing",
    out: Out = None,
    as_json: _asked.AsJson = False,
) -> None:
    """Compare models and ways to adapt them on your rows: a leaderboard with error bars, a report and a model to deploy."""
    from ringsmith.compare import CompareOptions, parse_budget
    from ringsmith.compare.options import read_words

    asked = endpoint_of(endpoint, endpoint_model, price_in, price_out, spend_at_most, answer_tokens)
    options = CompareOptions(
        data=data, text=text, label=label, pair=pair, group=group, time=time_column, split=split, test=test, encoding=encoding,
        delimiter=delimiter, task=task,
        models=listed(models), recipes=listed(recipes),
        endpoint=asked, describe=read_words(describe or ()), budget=None if budget is None else parse_budget(budget),
        metric=metric, names=names, seed=seed, seeds=seeds, search=search,
        curve=curve, folds=folds, min_rows=min_rows, steps=listed(steps) or (), threads=threads, on=on, offline=offline, fetch=fetch,  # type: ignore[arg-type]
        out=out, started=process_started(), command=shlex.join(["ringsmith", *sys.argv[1:]]),
    )  # fmt: skip
    run(options, as_json=as_json)


def run(options: object, *, as_json: bool) -> None:
    """Compare, draw, and end with exit code 3 where it was stopped early, with 1 where no candidate came to its end, or the floor alone."""
    from ringsmith.api import finish
    from ringsmith.cli._watch import Watch
    from ringsmith.cli._watch import as_json as content_of
    from ringsmith.compare import CompareOptions, run_comparison

    assert isinstance(options, CompareOptions)
    with _shell.ended_as_by_ctrl_c(), Watch(_shell.people(as_json=as_json)) as watch:
        found = run_comparison(options, watch, finish=finish)
        watch.conclude(found)
    if as_json:
        _shell.print_json(content_of(found))
    if found.stopped:
        raise typer.Exit(_shell.STOPPED)
    if not any_ended(found.rows):
        raise typer.Exit(_shell.FAULT)


def any_ended(rows: Sequence[Row]) -> bool:
    """Whether a candidate came to its end; the floor counts only where nothing else was asked for: with it alone there is nothing to ship.

    Examples:
        >>> from ringsmith.compare.leaderboard import Row
        >>> floor, late, poor = (Row(name, None, name, status, "accuracy") for name, status in (("majority", "done"), ("tfidf", "dropped"), ("probe", "refused")))
        >>> any_ended([floor]), any_ended([floor, late]), any_ended([floor, late, poor]), any_ended([late, poor])
        (True, False, True, False)
    """
    from ringsmith.compare.space import BASELINE

    judged = [row for row in rows if row.recipe != BASELINE and row.status in ("done", "refused")]
    return any(row.status == "done" for row in rows) and bool(judged or all(row.recipe == BASELINE for row in rows))


def endpoint_of(url: str | None, model: str, price_in: float | None, price_out: float | None, spend_at_most: float | None, answer_tokens: int) -> EndpointSettings | None:
    """The endpoint to ask, None where no address is named."""
    from ringsmith.adapt.endpoint_settings import EndpointSettings
    from ringsmith.errors import OptionError

    if url is None:
        told = {"--endpoint-model": model, "--price-in": price_in, "--price-out": price_out, "--spend-at-most": spend_at_most}
        if given := [name for name, value in told.items() if value not in (None, "")]:
            raise OptionError(f"{given[0]} belongs to an endpoint; no --endpoint was named. Add --endpoint URL, or leave it out.")
        return None
    if not model.strip():
        raise OptionError("--endpoint needs the name of a model there; got none. Add --endpoint-model NAME.")
    return EndpointSettings(url=url, model=model, price_in=price_in, price_out=price_out, spend_at_most=spend_at_most, answer_tokens=answer_tokens)


def listed(text: str | None) -> tuple[str, ...] | None:
    """The comma-separated names, or None.

    Examples:
        >>> listed("tfidf, lora[method=dora,rank=16]")
        ('tfidf', 'lora[method=dora,rank=16]')
    """
    from ringsmith.compare.naming import split_names

    return None if text is None else split_names(text)


def process_started() -> float:
    """When this process began, by `time.monotonic`: the clock of a budget starts with the command, imports included."""
    from ringsmith.compare.machine import process_started as began

    return min(began(), time.monotonic())
