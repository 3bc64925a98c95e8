"""``ringsmith pretrain CORPUS --objective mlm --out DIR``: a small transformer of your own text, or one that goes on learning from it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import ringsmith.cli._shell as _shell
import ringsmith.cli._translation as _translation
from ringsmith._files import as_typed
from ringsmith.cli._corpus import Texts, documents_of
from ringsmith.cli._progress import progress_bar
from ringsmith.errors import OptionError

if TYPE_CHECKING:
    from rich.console import Console

    from ringsmith.pretrain.facts import Facts
    from ringsmith.pretrain.training import Pretrained
    from ringsmith.pretrain.translation import Translation

TEXT, MODEL, TRAINING, RUN = "The text", "The model", "The training", "The run"
OBJECTIVES = (
    "What is learnt: mlm (BERT), mlm-dynamic (RoBERTa), clm (GPT-2), plm (XLNet), rtd (ELECTRA), distil (DistilBERT, DistilGPT-2), modern (ModernBERT), "
    "seq2seq (the Transformer of 2017, which translates)."
)
TARGET = "With seq2seq: the translations of CORPUS, line by line. Without it CORPUS is a table of two columns."
SET = "An option of the objective as NAME=VALUE, such as whole_words=true, next_sentence=true or teacher=MODEL; may be given several times."

ON = "local, or ray: on the Ray cluster at $RAY_ADDRESS, or on this machine; CORPUS and --out then lie on a disk that all machines see."
START = (
    "What it knows before its first step: vectors (word2vec's for its pieces, made in seconds, how frequent these are, and waves for its places), frequencies, or "
    "random (nothing). Default: vectors; with distil what its teacher knows."
)


def pretrain(
    corpus: Annotated[str, typer.Argument(metavar="CORPUS", help="A text file (also .gz, .xz, .zst, .bz2), a folder of them, a table, or - for standard input.")],
    out: Annotated[Path, typer.Option(help="Folder to write the model into.", rich_help_panel=RUN)],
    objective: Annotated[str, typer.Option(help=OBJECTIVES, rich_help_panel=TRAINING)] = "mlm",
    target: Annotated[str | None, typer.Option(metavar="FILE", help=TARGET, rich_help_panel=TEXT)] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help=SET, rich_help_panel=TRAINING)] = None,
    from_model: Annotated[str | None, typer.Option("--from", metavar="MODEL", help="Go on from this model: a short name or a folder.", rich_help_panel=MODEL)] = None,
    start: Annotated[str | None, typer.Option(help=START, rich_help_panel=MODEL)] = None,
    layers: Annotated[int | None, typer.Option(help="Blocks. Default: 2.", rich_help_panel=MODEL)] = None,
    hidden: Annotated[int | None, typer.Option(help="Width of a piece's vector. Default: 128.", rich_help_panel=MODEL)] = None,
    heads: Annotated[int | None, typer.Option(help="Heads of the attention. Default: one for every 64 of the width, at least 2.", rich_help_panel=MODEL)] = None,
    feed_forward: Annotated[int | None, typer.Option(help="Width of the feed-forward part. Default: four times --hidden.", rich_help_panel=MODEL)] = None,
    length: Annotated[int | None, typer.Option(help="Pieces of a sequence. Default: 128.", rich_help_panel=MODEL)] = None,
    vocabulary: Annotated[int | None, typer.Option(help="Pieces of the vocabulary. Default: 16384, or fewer where the text holds no more.", rich_help_panel=MODEL)] = None,
    lowercase: Annotated[bool, typer.Option("--lowercase", help="Small letters only.", rich_help_panel=MODEL)] = False,
    budget: Annotated[str | None, typer.Option(help="Time for everything: 90s, 10m, 1h30m.", rich_help_panel=TRAINING)] = None,
    steps: Annotated[int | None, typer.Option(help="Steps.", rich_help_panel=TRAINING)] = None,
    epochs: Annotated[float | None, typer.Option(help="Passes over the text. Default: 1, where neither --steps nor --budget is given.", rich_help_panel=TRAINING)] = None,
    batch_tokens: Annotated[int | None, typer.Option(help="Pieces of a batch. Default: 4096.", rich_help_panel=TRAINING)] = None,
    rate: Annotated[float | None, typer.Option(help="Highest learning rate. Default: by the width; lower with --from.", rich_help_panel=TRAINING)] = None,
    dropout: Annotated[float | None, typer.Option(help="Share of numbers left out at random. Default: 0; with seq2seq 0.1.", rich_help_panel=TRAINING)] = None,
    seed: Annotated[int, typer.Option(help="Seed of all that is drawn.", rich_help_panel=TRAINING)] = 0,
    documents: Annotated[str, typer.Option(help="What ends a document in plain text: blank (a blank line) or line.", rich_help_panel=TEXT)] = "blank",
    column: Annotated[str | None, typer.Option(help="Column with the text, where CORPUS is a table. Default: found.", rich_help_panel=TEXT)] = None,
    encoding: Annotated[str | None, typer.Option(help="Encoding of a text that is not UTF-8: cp1250, koi8-r ...", rich_help_panel=TEXT)] = None,
    on_bad_text: Annotated[str, typer.Option(help="Lines that are not UTF-8: refuse or skip.", rich_help_panel=TEXT)] = "refuse",
    held_out: Annotated[float, typer.Option(help="Share of the documents to judge by; with seq2seq say --set held_out=PAIRS.", rich_help_panel=TEXT)] = 0.01,
    licence: Annotated[str | None, typer.Option(help="Licence of the text, for the model's card: cc-by-sa-3.0.", rich_help_panel=TEXT)] = None,
    precision: Annotated[str, typer.Option(help="auto, bfloat16 or float32.", rich_help_panel=RUN)] = "auto",
    compiled: Annotated[bool, typer.Option("--compile", help="Compile the layers before the first step: for a GPU and a long training.", rich_help_panel=RUN)] = False,
    threads: Annotated[int | None, typer.Option(help="CPU threads, of each worker. Default: all cores.", rich_help_panel=RUN)] = None,
    on: Annotated[str, typer.Option(help=ON, rich_help_panel=RUN)] = "local",
    workers: Annotated[
        int | None, typer.Option(help="With --on ray: so many take the steps together. Default: one for each GPU, or one on each machine.", rich_help_panel=RUN)
    ] = None,
    work: Annotated[Path | None, typer.Option(help="Folder for the text in numbers, which later runs use again. Default: the cache.", rich_help_panel=RUN)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.", rich_help_panel=RUN)] = False,
) -> None:
    """Pre-train a transformer on plain text, from random weights or going on from a model.

    A run that was stopped goes on when the same command is given again. Several processes: torchrun --nproc-per-node 2 -m ringsmith pretrain ..., or --on ray.
    """
    _shell.wait_awake()
    from ringsmith.pretrain.documents import Reading
    from ringsmith.pretrain.face import PretrainOptions
    from ringsmith.pretrain.face import pretrain as run
    from ringsmith.pretrain.options import TRANSLATES

    console = speaker(as_json=as_json)
    texts = Texts(corpus, column, encoding=encoding) if objective == TRANSLATES else documents_of(corpus, column, encoding)
    for note in texts.notes:
        line(console, "", note)
    wanted = {"batch_tokens": batch_tokens, "rate": rate, "dropout": dropout}
    options = PretrainOptions(
        out=out, objective=objective, objective_options=settings_of(settings or []), from_model=from_model, start=start, layers=layers, hidden=hidden, heads=heads,
        feed_forward=feed_forward, length=length, vocabulary=vocabulary, lowercase=lowercase, steps=steps, epochs=epochs, budget=None if budget is None else seconds_of(budget),
        held_out=held_out, seed=seed, threads=threads, precision=precision, compiled=compiled, licence=licence, work=work,
        reading=Reading(documents, texts.column, on_bad_text, texts.encoding),  # type: ignore[arg-type]
        **{name: value for name, value in wanted.items() if value is not None},  # type: ignore[arg-type]
    )  # fmt: skip
    with _ended_by_ctrl_c(), progress_bar(console, logs=True) as report:
        result = run(texts.source, options, target=target, on=on, workers=workers, report=report, say=lambda label, text: line(console, label, text))  # type: ignore[arg-type]
    told(console, result, as_json=as_json)


@contextmanager
def _ended_by_ctrl_c() -> Iterator[None]:
    """Within the block Ctrl-C (and SIGTERM) ends a training that was put aside with the sentence that says so."""
    try:
        with _shell.ended_as_by_ctrl_c():
            yield
    except KeyboardInterrupt as stopped:
        if not (steps := getattr(stopped, "steps", 0)):
            raise
        _shell.fail(f"Stopped after step {steps:,}. The same command goes on from there.", code=_shell.STOPPED)


def speaker(*, as_json: bool) -> Console:
    """The console that people read; of several processes (`torchrun`) the first one alone speaks."""
    console = _shell.people(as_json=as_json)
    console.quiet = os.environ.get("RANK", "0") != "0"
    return console


def told(console: Console, result: Pretrained | Translation, *, as_json: bool) -> None:
    """Say what came of it, to people or to programs."""
    from ringsmith.pretrain.training import Pretrained

    if console.quiet:
        return None
    if isinstance(result, Pretrained):
        return _shell.print_json(as_content(result.facts) | {"out": str(result.folder)}) if as_json else show(console, result.folder, result.facts)
    return _shell.print_json(_translation.as_content(result)) if as_json else _translation.show(console, result)


def settings_of(pairs: list[str]) -> dict[str, Any]:
    """``NAME=VALUE`` as a mapping; numbers and true or false are read as such.

    Examples:
        >>> settings_of(["whole_words=true", "share=0.2", "copies=4", "teacher=runs/bert"])
        {'whole_words': True, 'share': 0.2, 'copies': 4, 'teacher': 'runs/bert'}
    """
    from ringsmith.compare.naming import read_value

    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name or not value:
            raise OptionError(f"--set must be NAME=VALUE, such as whole_words=true; got {pair!r}.")
        found[name.replace("-", "_")] = read_value(value)
    return found


def seconds_of(budget: str) -> float:
    """Seconds of ``10m``."""
    from ringsmith.compare import parse_budget

    return parse_budget(budget)


def as_content(facts: Facts) -> dict[str, Any]:
    """What ``--json`` prints: the facts, the curves left out (they stand in the model's folder)."""
    content = asdict(facts)
    del content["curves"]
    return content | {"tokens_per_second": round(facts.tokens_per_second)}


def show(console: Console, folder: Path, facts: Facts) -> None:
    """Say what came of it."""
    held = facts.held_out
    likely = "" if held.perplexity is None else f" · perplexity {held.perplexity:,.1f}" + (" of the hidden pieces" if held.bits_per_byte is None else "")
    likely += "" if held.bits_per_byte is None else f" · {held.bits_per_byte:.3f} bits per byte"
    line(console, "Trained", f"{facts.steps:,} steps, {facts.tokens / 1e6:,.2f} M pieces · {facts.seconds:,.1f} s, {facts.tokens_per_second:,.0f} pieces/s")
    line(console, "Held out", f"loss {held.loss:.3f}{likely}")
    for note in facts.notes:
        line(console, "", note)
    line(console, "Written", f"{folder} · README.md · loss.svg · ringsmith.json")
    name = as_typed(str(folder))
    line(console, "Try", f'ringsmith generate {name} "How a text begins"' if facts.objective["name"] == "clm" else f"ringsmith compare DATA --models {name}")


def line(console: Console, label: str, text: str) -> None:
    """Print a line under a label."""
    console.print(f"[bold]{label:<10}[/]{_shell.escape(text)}", soft_wrap=True)
