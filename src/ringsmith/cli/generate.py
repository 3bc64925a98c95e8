"""``ringsmith generate MODEL PROMPT``: what a causal language model writes after a prompt."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import ringsmith.cli._shell as _shell
from ringsmith._files import TABLES, no_such_file
from ringsmith._wording import plural
from ringsmith.backbones import require_transformers
from ringsmith.cli._progress import progress_bar
from ringsmith.errors import OptionError, ReadError

if TYPE_CHECKING:
    from rich.console import Console

    from ringsmith.backbones.decoding import Continuation, DecodingOptions, Generation
    from ringsmith.backbones.generate import Writer

LONGEST_NAME = 255
FILES = (*TABLES, ".txt", ".text", ".md")
"""One word with such an ending is the name of a file."""
WHY = {"end": "the model ended it", "stop": "a stop text", "length": "--max-new-tokens reached", "limit": "the model reads no further"}


def generate(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A causal model: a short name, a hub name or a folder.")],
    prompt: Annotated[str, typer.Argument(metavar="PROMPT", help="How the text begins: in quotes, a file, or '-' for standard input.")],
    max_new_tokens: Annotated[int, typer.Option("--max-new-tokens", "-n", metavar="N", help="Tokens to write at most.")] = 100,
    sample: Annotated[
        bool | None, typer.Option("--sample/--greedy", help="Draw tokens by chance, or take the likeliest. By itself: chance where --temperature, --top-k or --top-p is named.")
    ] = None,
    temperature: Annotated[float | None, typer.Option(metavar="X", help="Below 1 plainer, above 1 wilder.")] = None,
    top_k: Annotated[int | None, typer.Option("--top-k", metavar="N", help="Draw among so many of the likeliest tokens.")] = None,
    top_p: Annotated[float | None, typer.Option("--top-p", metavar="P", help="Draw among the likeliest tokens that together have this probability.")] = None,
    beams: Annotated[int, typer.Option(metavar="N", help="Follow so many beginnings side by side and take the likeliest whole.")] = 1,
    repetition_penalty: Annotated[float, typer.Option("--repetition-penalty", metavar="X", help="Lower the scores of tokens that were there already: 1.2, say.")] = 1.0,
    stop: Annotated[list[str] | None, typer.Option(metavar="TEXT", help="End before this text. May be given several times.")] = None,
    count: Annotated[int, typer.Option(metavar="N", help="How many continuations.")] = 1,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of chance.")] = 0,
    stream: Annotated[bool | None, typer.Option("--stream/--no-stream", help="Show the text as it comes. By itself where one continuation is written without beams.")] = None,
    threads: Annotated[int | None, typer.Option(metavar="N", help="CPU threads. Default: all cores.")] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Never touch the network.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Write on from a prompt with a causal language model: GPT-2, XLNet, Llama ...

    A terminal shows the prompt and what follows it, read as one text; a file, another program and --json get what follows alone.
    """
    _shell.wait_awake()
    from ringsmith.backbones.decoding import DecodingOptions, check_prompt

    options = DecodingOptions(
        max_new_tokens=max_new_tokens, sample=sample, temperature=temperature, top_k=top_k, top_p=top_p, beams=beams, repetition_penalty=repetition_penalty,
        count=count, stop=tuple(stop or ()), seed=seed,
    )  # fmt: skip
    streams = _streams(options, asked=stream, as_json=as_json)
    text = read_text(prompt)
    check_prompt(text)
    console = _shell.people(as_json=as_json)
    require_transformers("writing text")
    with _shell.while_waiting(console, "Loading the model ..."):
        from ringsmith.catalogue import resolve

        found = resolve(model, offline=offline)  # first: what loads it takes seconds to import
        from ringsmith.backbones.generate import load_writer

        writer = load_writer(found, threads=threads)
    if streams:
        return _streamed(writer, text, options)
    return _at_once(console, writer, text, options, as_json=as_json)


def _streams(options: DecodingOptions, *, asked: bool | None, as_json: bool) -> bool:
    """Whether to show the text as it comes."""
    if asked and as_json:
        raise OptionError("--stream must go without --json, which prints one object at the end; got both. Leave one of the two out.")
    if asked and (options.beams > 1 or options.count > 1):
        several = f"--beams {options.beams}" if options.beams > 1 else f"--count {options.count}"
        raise OptionError(f"--stream must follow one continuation as it is written; got {several} as well. Leave one of the two out.")
    return not as_json and asked is not False and options.beams == options.count == 1


def read_text(given: str) -> str:
    """A text in quotes, the content of a file, which may be packed, or (``'-'``) standard input; one line end at the end of the latter two is no part of it.

    Raises:
        ReadError: the file or the input is not UTF-8 or cut off, or there is no such file: what ends as a file of texts does is no text.
    """
    is_name = len(given) <= LONGEST_NAME and "\n" not in given and "\0" not in given
    if is_name and Path(given).suffix.lower() in FILES and not any(letter.isspace() for letter in given) and not Path(given).exists():
        raise no_such_file(Path(given))
    if given != "-" and not (is_name and Path(given).is_file()):
        return given
    from ringsmith.data.source import STDIN, read_bytes  # here: the other commands' help does without

    return _decoded(STDIN, sys.stdin.buffer.read()) if given == "-" else _decoded(given, read_bytes(Path(given)))


def _decoded(name: str, content: bytes) -> str:
    """The text in the bytes of a file, its line ends as they are on this side of the disk."""
    from ringsmith.data.source import unpack

    try:
        text = (unpack(name, content).content if content else content).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ReadError(f"{name}: the text must be UTF-8; byte {error.start} is not ({error.reason}). Save it as UTF-8.") from error
    return text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n")


def _streamed(writer: Writer, text: str, options: DecodingOptions) -> None:
    from ringsmith.backbones.generate import generate as write

    def show(piece: str) -> None:
        sys.stdout.write(piece)
        sys.stdout.flush()

    show(_begun(text))
    found = write(writer, text, options, listener=show)
    show("\n")
    if sys.stdout.isatty():
        _shell.people(as_json=True).print(f"[dim]{_facts(found, found.continuations[0])}[/]", soft_wrap=True)
    else:
        _tell_limit(writer, found)


def _at_once(console: Console, writer: Writer, text: str, options: DecodingOptions, *, as_json: bool) -> None:
    from ringsmith.backbones.generate import generate as write

    with progress_bar(console) as report:
        found = write(writer, text, options, report=report)
    if as_json:
        return _shell.print_json({**found.to_json(), "model": writer.model.name, "tokens_per_second": round(found.tokens_per_second, 1)})
    for number, one in enumerate(found.continuations, start=1):
        if len(found.continuations) > 1:
            console.print(f"[bold]{number}[/]  [dim]{_facts(found, one)}[/]", soft_wrap=True)
        sys.stdout.write(_begun(text) + one.text + "\n")
        sys.stdout.flush()
    return _tell_limit(writer, found)


def _begun(prompt: str) -> str:
    """What stands before a continuation: in a terminal the prompt, in the middle of whose last word the model may go on; elsewhere nothing."""
    return prompt if sys.stdout.isatty() else ""


def _tell_limit(writer: Writer, found: Generation) -> None:
    """Say on standard error where the model reads no further: less was written than was asked for."""
    cut = [one for one in found.continuations if one.ended == "limit"]
    if cut:
        limit = f"{writer.model.name} reads {writer.model.max_tokens:,} tokens, the prompt's {found.prompt_tokens:,} included"
        _shell.people(as_json=True).print(_shell.escape(f"Ended after {plural(cut[0].tokens, 'token')}: {limit}."), soft_wrap=True)


def _facts(found: Generation, one: Continuation) -> str:
    return f"{one.tokens:,} tokens · {found.tokens_per_second:,.0f} a second · {WHY[one.ended]}"
