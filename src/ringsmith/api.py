"""The Python face: what `import ringsmith` offers, put together from the parts. The command line calls the same functions.

compare     from a table of labelled texts to a `Result`: the table, the ties, the model to take
tune        the same for one model and recipe, whose hyper-parameters are searched
load        a model folder as an object that predicts
generate    what a causal model writes after a prompt
translate   texts in the other language, by an encoder-decoder
read_table  what `compare` reads, to look at it first
report      make the HTML page of a comparison again
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import monotonic as now
from typing import TYPE_CHECKING, Any

from ringsmith._files import open_standard_input, path_of
from ringsmith._rules import check_kind
from ringsmith.backbones import require_transformers
from ringsmith.backbones.decoding import DecodingOptions, Generation
from ringsmith.compare import CompareOptions, Listener, parse_budget, run_comparison, tuned
from ringsmith.compare.events import silent
from ringsmith.data import read_table
from ringsmith.errors import OptionError, ReadError, RingsmithError
from ringsmith.result import Result
from ringsmith.serve import Predictor, load
from ringsmith.text import TextSteps

if TYPE_CHECKING:
    from ringsmith.adapt.endpoint_settings import EndpointSettings
    from ringsmith.compare.options import FetchPolicy

__all__ = ["DecodingOptions", "Predictor", "Result", "RingsmithError", "TextSteps", "compare", "finish", "generate", "load", "read_table", "report", "translate", "tune"]


def compare(
    data: Any,
    *,
    text: str | None = None,
    label: str | None = None,
    pair: str | None = None,
    group: str | None = None,
    time: str | None = None,
    split: str | None = None,
    test: Any = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    task: str | None = None,
    models: Sequence[str] | None = None,
    recipes: Sequence[str] | None = None,
    endpoint: EndpointSettings | None = None,
    describe: Mapping[str, str] | None = None,
    budget: str | float | None = None,
    metric: str | None = None,
    seed: int = 0,
    seeds: int = 1,
    search: int = 0,
    names: bool = True,
    curve: bool = True,
    folds: int | None = None,
    min_rows: int | None = None,
    steps: Sequence[str] = (),
    threads: int | None = None,
    out: str | Path | None = None,
    offline: bool = False,
    fetch: FetchPolicy = "if-missing",
    listener: Listener = silent,
) -> Result:
    """Compare models and ways to adapt them on your own rows.

    Args:
        data: a table of labelled texts: a file, a folder with a folder for each class, an ``hf://`` address; a polars or pandas data frame, or rows like
            ``[(text, label), ...]``.
        text: column of the texts, or several joined by commas (``"title,body"``), None to find it.
        label: column of the labels, None to find it.
        pair: column of second texts.
        group: column that says which rows belong together; no split cuts a group apart.
        time: column of times; the newest rows test.
        split: column that says train, valid or test.
        test: a second table to report on, as `data`.
        encoding: of these files, where they are not UTF-8 and it is not found, or found wrongly: ``"cp1250"``; None to find it.
        delimiter: what stands between the cells of CSV files and their like, where it is none of comma, semicolon, tab and bar, or found wrongly; None to find it.
        task: ``"classification"`` or ``"multilabel"``, None to tell it from the labels.
        models: short names, hub names, folders, files of word vectors or groups; None for the group ``default`` as far as it is on this machine.
        recipes: ways to adapt, with options in brackets where they have any: ``["probe", "lora[method=dora,rank=16]"]``; None for those that compete by default.
        endpoint: a chat model behind an address that the recipe ``prompt`` asks (`ringsmith.adapt.endpoint_settings.EndpointSettings`).
        describe: label -> the words that stand for it when the recipe ``prompt`` asks, or when `names` are learnt from.
        budget: wall clock for everything: ``"10m"`` or seconds; None for no limit.
        metric: what judges; None for the task's own.
        seed: seed of the splits and of training.
        seeds: how often every candidate is trained.
        search: how many settings of the best candidates are tried in the time that is left, the defaults included; 0 for the defaults alone.
        names: whether a class with few rows learns from its name, too, where the texts speak of the names or `describe` gives all of them.
        curve: whether candidates are fitted on fewer rows, too, in the time that is left, to see what more would bring: `Result.learning`.
        folds: parts of a cross-validation, 0 for one split and no play-off, None to let the number of rows decide.
        min_rows: classes with fewer rows are left out.
        steps: names of text steps that every text goes through.
        threads: CPU threads, None for all cores.
        out: folder to write into, None for ``runs/`` and the data's name (``memory`` for rows in memory). The same folder again goes on where it stopped.
        offline: never touch the network.
        fetch: when a named model is fetched: ``"never"``, ``"if-missing"`` or ``"always"``.
        listener: is told what happens, see `ringsmith.compare.events`.

    Returns:
        The table, the ties, the recommended model; `Result.folder` holds all of it as files.

    Raises:
        RingsmithError: the data, the options, a model or the machine: one sentence says what and what to do.

    Examples:
        >>> from tempfile import TemporaryDirectory
        >>> rows = [(f"{word} phone, {number} of it", label) for number in range(100) for word, label in (("great", "good"), ("awful", "bad"))]
        >>> with TemporaryDirectory() as folder:
        ...     result = compare(rows, recipes=["majority", "tfidf"], folds=0, curve=False, out=folder)
        ...     result.recommended, result.ties, result.best.predict(["an awful phone", "so great"]), load(result.folder / "best").labels
        ('tfidf', {'A': ['tfidf'], 'B': ['majority']}, ['bad', 'good'], ('bad', 'good'))
    """
    rows, test_rows = (None if isinstance(table, str | Path) else table for table in (data, test))
    options = CompareOptions(
        data=_name(data), text=text, label=label, pair=pair, group=group, time=time, split=split, test=None if test is None else _name(test), encoding=encoding,
        delimiter=delimiter, task=task,
        models=None if models is None else _names("models", models), recipes=None if recipes is None else _names("recipes", recipes),
        endpoint=endpoint, describe=describe or {},
        budget=parse_budget(budget) if isinstance(budget, str) else budget, metric=metric, seed=seed, seeds=seeds, search=search, names=names, curve=curve, folds=folds,
        min_rows=min_rows, steps=_names("steps", steps), threads=threads, out=None if out is None else Path(out), offline=offline, fetch=fetch,
        started=now(), command="ringsmith.compare(...)",
    )  # fmt: skip
    return Result(run_comparison(options, listener, finish=finish, rows=rows, test_rows=test_rows))


def tune(
    model: str | None,
    data: Any,
    *,
    recipe: str = "full",
    search: int = 20,
    text: str | None = None,
    label: str | None = None,
    pair: str | None = None,
    group: str | None = None,
    time: str | None = None,
    split: str | None = None,
    test: Any = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    task: str | None = None,
    budget: str | float | None = None,
    metric: str | None = None,
    seed: int = 0,
    names: bool = True,
    folds: int | None = None,
    min_rows: int | None = None,
    steps: Sequence[str] = (),
    threads: int | None = None,
    out: str | Path | None = None,
    offline: bool = False,
    fetch: FetchPolicy = "if-missing",
    listener: Listener = silent,
) -> Result:
    """Search the hyper-parameters of one recipe on one model; what `compare` does, for many settings of one candidate.

    Args:
        model: a short name, a hub name, a folder or a file of word vectors; None for a recipe that starts from no model.
        data: a table of labelled texts, as for `compare`.
        recipe: the way to adapt it.
        search: how many settings are tried; the first are the recipe's defaults, which stay in the table to be compared with.
        text: column of the texts; this and all that is not told here is as for `compare`.
        label: column of the labels.
        pair: column of second texts.
        group: column that says which rows belong together.
        time: column of times.
        split: column that says train, valid or test.
        test: a second table to report on.
        encoding: of these files.
        delimiter: of these files.
        task: ``"classification"`` or ``"multilabel"``.
        budget: wall clock for everything: as many trials as fit, and the finals; None for no limit.
        metric: what judges.
        seed: seed of the splits, of training and of the search.
        names: whether a class with few rows learns from its name, too.
        folds: parts of a cross-validation; a trial that is behind after some of them is not tried on the others.
        min_rows: classes with fewer rows are left out.
        steps: names of text steps.
        threads: CPU threads.
        out: folder to write into, None for ``runs/`` and the data's name with ``-tune``. The same folder again goes on where it stopped.
        offline: never touch the network.
        fetch: when a named model is fetched.
        listener: is told what happens.

    Returns:
        As `compare`; `Result.trials` holds every trial, `Result.importance` what mattered.

    Raises:
        RingsmithError: the data, the options, a model or the machine: one sentence says what and what to do.

    Examples:
        >>> from tempfile import TemporaryDirectory
        >>> rows = [(f"{word} phone, {number} of it", label) for number in range(100) for word, label in (("great", "good"), ("awful", "bad"))]
        >>> with TemporaryDirectory() as folder:
        ...     result = tune(None, rows, recipe="tfidf", search=2, folds=0, out=folder)
        ...     result.trials["status"].to_list(), result.recommended
        (['done', 'done'], 'tfidf')
    """
    rows, test_rows = (None if isinstance(table, str | Path) else table for table in (data, test))
    options = CompareOptions(
        data=_name(data), text=text, label=label, pair=pair, group=group, time=time, split=split, test=None if test is None else _name(test), encoding=encoding,
        delimiter=delimiter, task=task,
        budget=parse_budget(budget) if isinstance(budget, str) else budget, metric=metric, seed=seed, names=names, folds=folds, min_rows=min_rows,
        steps=_names("steps", steps), threads=threads, out=None if out is None else Path(out), offline=offline, fetch=fetch, started=now(), command="ringsmith.tune(...)",
    )  # fmt: skip
    asked = tuned(options, model or "none", recipe=recipe, search=search)
    return Result(run_comparison(asked, listener, finish=finish, rows=rows, test_rows=test_rows))


def _names(option: str, names: Sequence[str]) -> tuple[str, ...]:
    """Several names.

    Raises:
        OptionError: a string, which would be taken for the names of its letters; or what is no name among them.
    """
    if isinstance(names, str):
        raise OptionError(f"{option!r} must be a list of names; got {names!r}. Write {[name.strip() for name in names.split(',')]}.")
    if other := next((f"{name!r:.60}, a {type(name).__name__}" for name in names if not isinstance(name, str)), None):
        raise OptionError(f"{option!r} must be a list of names; got {other}. Write the names as strings.")
    return tuple(names)


def _name(table: Any) -> str:
    """Where a table lies, or ``"memory"``.

    Raises:
        ReadError: there is none.
    """
    if table is None:
        raise ReadError(
            "data: a path, a data frame or rows like [(text, label), ...] are needed; got None. A method that changes a data frame in place gives None: leave 'inplace' out."
        )
    return str(table) if isinstance(table, str | Path) else "memory"


def generate(
    model: str | Path,
    prompt: str,
    options: DecodingOptions | None = None,
    *,
    threads: int | None = None,
    offline: bool = False,
    listener: Callable[[str], None] | None = None,
) -> Generation:
    """What a causal language model (GPT-2, XLNet, Llama ...) writes after a prompt.

    Args:
        model: a short name, a hub name or a folder.
        prompt: the beginning of the text.
        options: how tokens are chosen and when to end (`ringsmith.DecodingOptions`); None for the likeliest each time, 100 tokens.
        threads: CPU threads, None for all cores.
        offline: never touch the network.
        listener: is told the text piece by piece as it comes.

    Returns:
        A record: `continuations`, each with its text, its tokens and why it ended; and the seconds.

    Raises:
        RingsmithError: the model writes no text, the prompt is empty or too long, or an option: one sentence says what and what to do.
    """
    check_kind(options if options is not None else DecodingOptions(), DecodingOptions)
    require_transformers("writing text")
    from ringsmith.catalogue import resolve

    found = resolve(str(model), offline=offline)
    from ringsmith.backbones.generate import generate as write
    from ringsmith.backbones.generate import load_writer

    return write(load_writer(found, threads=threads), prompt, options, listener=listener)


def translate(
    model: str | Path,
    texts: str | Sequence[str],
    *,
    beam: int = 4,
    length_penalty: float = 0.6,
    threads: int | None = None,
    offline: bool = False,
) -> list[str]:
    """Texts in the other language, by an encoder-decoder that was trained on pairs.

    Args:
        model: a folder, or a hub name.
        texts: one text, or several; an empty one stays empty.
        beam: beginnings that are followed side by side; 1 takes the likeliest piece each time.
        length_penalty: log probabilities are divided by length to this power: above 0 longer translations win more often.
        threads: CPU threads, None for all cores.
        offline: never touch the network.

    Returns:
        A translation for each text, in their order.

    Raises:
        RingsmithError: the model does not translate, a text is too long for it, or an option: one sentence says what and what to do.
    """
    require_transformers("translating")
    from ringsmith.catalogue import resolve

    found = resolve(str(model), offline=offline)
    from ringsmith.backbones.translate import TranslateOptions, load_translator
    from ringsmith.backbones.translate import translate as run

    options = TranslateOptions(beam=beam, length_penalty=length_penalty)
    return run(load_translator(found, threads=threads), [texts] if isinstance(texts, str) else list(texts), options)


def report(folder: str | Path) -> Path:
    """Make the HTML page of a comparison again, from its files alone; returns its path."""
    open_standard_input()
    from ringsmith.report import write_report

    return write_report(path_of(folder))


def finish(folder: Path) -> list[Path]:
    """What follows a comparison: the report, and the card of the model; returns what was written."""
    from ringsmith.export import write_card

    card = write_card(folder)
    return [report(folder), *([card] if card else [])]
