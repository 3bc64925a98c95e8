"""``ringsmith translate MODEL_DIR INPUT``: each line in the other language."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

import ringsmith.cli._shell as _shell
from ringsmith._files import disk_faults, put, refuse_source
from ringsmith._wording import plural
from ringsmith.backbones import require_transformers
from ringsmith.cli._progress import progress_bar
from ringsmith.cli.generate import read_text
from ringsmith.errors import ReadError


def translate(
    model: Annotated[str, typer.Argument(metavar="MODEL_DIR", help="A model that translates: a folder, or a name of the hub.")],
    given: Annotated[str, typer.Argument(metavar="INPUT", help="A file with one text a line, '-' for standard input, or a text in quotes.")],
    beam: Annotated[int, typer.Option("--beams", help="Follow so many beginnings side by side; 1 takes the likeliest piece each time.")] = 4,
    length_penalty: Annotated[float, typer.Option("--length-penalty", help="Above 0 longer translations win more often.")] = 0.6,
    out: Annotated[Path | None, typer.Option(help="Write the translations to this file, line by line.")] = None,
    threads: Annotated[int | None, typer.Option(help="CPU threads. Default: all cores.")] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Never touch the network.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the translations as JSON.")] = False,
) -> None:
    """Translate texts, line by line: line 7 of the output is the translation of line 7 of the input, and an empty line stays empty."""
    _shell.wait_awake()
    require_transformers("translating")
    lines = read_lines(given)
    if out is not None:
        refuse_source(out, given)
    console = _shell.people(as_json=as_json)
    with _shell.while_waiting(console, "Loading the model ..."):
        from ringsmith.catalogue import resolve

        found = resolve(model, offline=offline)  # first: what loads it takes seconds to import
        from ringsmith.backbones.translate import TranslateOptions, load_translator
        from ringsmith.backbones.translate import translate as run

        options = TranslateOptions(beam=beam, length_penalty=length_penalty)
        translator = load_translator(found, threads=threads)
    started = time.perf_counter()
    with progress_bar(_shell.people(as_json=True)) as report:
        made = run(translator, lines, options, report=report)
    seconds = time.perf_counter() - started
    if out is not None:
        content = "".join(f"{line}\n" for line in made)
        there = " · in the place of the file that was there" if out.exists() else ""
        with disk_faults(out):
            lies = put(out, lambda scratch: scratch.write_text(content, encoding="utf-8", newline="\n"))
        console.print(f"Written   {_shell.escape(str(lies))} · {plural(len(made), 'line')} in {seconds:,.1f} s{there}", soft_wrap=True)
    if as_json:
        rows = [{"line": number, "source": line, "translation": text} for number, (line, text) in enumerate(zip(lines, made, strict=True), start=1)]
        _shell.print_json({"model": translator.model.name, "beam": beam, "length_penalty": length_penalty, "seconds": round(seconds, 3), "lines": rows})
    elif out is None:
        sys.stdout.write("".join(f"{line}\n" for line in made))
        sys.stdout.flush()


def read_lines(given: str) -> list[str]:
    """The lines of a text in quotes, of a file or of standard input.

    Raises:
        ReadError: a file that is not there, or without a word in it.
    """
    lines = read_text(given).split("\n")
    if not any(line.strip() for line in lines):
        raise ReadError(f"{given or 'INPUT'}: there must be at least one text to translate; got none. Name a file with one text a line, or put a text in quotes.")
    return lines
