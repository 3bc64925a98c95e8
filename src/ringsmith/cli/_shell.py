"""What every command shares: where it prints, and how it ends when something is wrong."""

from __future__ import annotations

import io
import json
import math
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from rich.console import Console

from ringsmith._files import FORBIDDEN, FULL, no_room, system_error
from ringsmith._machine import cores, waiting
from ringsmith.errors import MachineError, OptionError, RingsmithError

DONE, FAULT, WRONG_USE, STOPPED = 0, 1, 2, 3
"""Exit codes: done; a fault of ours; wrong use or bad input; stopped early but a valid leaderboard was written."""
CTRL_C = 130
"""Exit code of what was interrupted before there was anything to show: what shells give it (128 + SIGINT)."""
NO_READER = 141
"""Exit code where nobody reads standard output any more (``| head``): what shells give other tools then (128 + SIGPIPE)."""
PAGES = (".html", ".htm")
INTERRUPTED = "Stopped; nothing half-written is left. The same command can be given again."
ENCODING = "Encoding of a file that is not UTF-8: cp1250, koi8-r ... Found by itself where it is plain."
DELIMITER = "What stands between the cells of a CSV file or its like: ';', tab, '^' ... Found by itself where it is plain."
"""Help of ``--encoding`` and ``--delimiter``, wherever a table is read."""


def people(*, as_json: bool = False) -> Console:
    """The console that people read: standard output, or standard error where a program reads the output."""
    return Console(stderr=as_json, highlight=False, soft_wrap=False, emoji=False)  # else the metric f1:a:b has a picture in the place of its a


def while_waiting(console: Console, what: str) -> AbstractContextManager[Any]:
    """Within the block a terminal shows that something is under way."""
    return console.status(what) if console.is_interactive else nullcontext()


def open_what_is_closed() -> None:
    """Let the standard streams that the caller has closed (``<&-``) hold nothing and swallow everything.

    Else the next files that are opened take their numbers, which libraries do not expect: no chart could be drawn.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):  # in the order of their numbers: a file takes the lowest that is free
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - until the process ends


def take_every_letter() -> None:
    """Let standard output and standard error take any text whatever the system's encoding: a redirected stream on Windows has no Korean, and no bullet either.

    Files and programs are given UTF-8, unless PYTHONIOENCODING asks for something else; a terminal keeps its own encoding, and what it
    lacks is written as an escape.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            kept = stream.isatty() or "PYTHONIOENCODING" in os.environ
            stream.reconfigure(encoding=None if kept else "utf-8", errors="backslashreplace")


def wait_awake() -> None:
    """Let OpenMP's threads wait awake where the cores are free; before torch is imported, and only where the environment has not decided otherwise."""
    if os.environ.get("OMP_WAIT_POLICY") == "PASSIVE" and "GOMP_SPINCOUNT" not in os.environ:
        os.environ.update(waiting(cores()))


def print_json(content: Any) -> None:
    """Write `content` to standard output as JSON, for programs; figures that are no number become null, for JSON has no NaN."""
    sys.stdout.write(json.dumps(_finite(content), ensure_ascii=False, indent=2, allow_nan=False) + "\n")


def _finite(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: _finite(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_finite(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content


@contextmanager
def ended_as_by_ctrl_c() -> Iterator[None]:
    """Within the block SIGTERM, by which `timeout`, queues and containers end a program, is what Ctrl-C is: time to write down what is finished.

    Who ignores it, or has a use for it of his own, keeps that.
    """
    mine = threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    if mine:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        if mine:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextmanager
def ended_with_its_reader() -> Iterator[None]:
    """Within the block a standard output that nobody reads any more ends the process without a word, as it ends other tools; what was finished is kept.

    Not by the signal itself, which would end it at the pipes of workers and at sockets, too. Rich and Typer make an exit with 1 of the error.
    """
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except (BrokenPipeError, SystemExit) as ended:
        if not isinstance(ended, BrokenPipeError) and not isinstance(ended.__context__, BrokenPipeError):
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.__stdout__.fileno())  # type: ignore[union-attr] # for what Python still has to write at its end
        sys.exit(NO_READER)


def run_guarded(program: Callable[[], None]) -> None:
    """Run the command line; end with one clear sentence and the right exit code when something is wrong."""
    with ended_with_its_reader():
        _run_guarded(program)


def _run_guarded(program: Callable[[], None]) -> None:
    try:
        program()
    except RingsmithError as error:
        fail(str(error))
    except KeyboardInterrupt:
        fail(INTERRUPTED, code=CTRL_C)
    except SystemExit as ended:  # Typer makes this of Ctrl-C, without a word
        if ended.code != CTRL_C:
            raise
        fail(INTERRUPTED, code=CTRL_C)
    except Exception as error:
        if (translated := of_the_machine(error)) is None:
            raise
        fail(str(translated))


def of_the_machine(error: Exception) -> MachineError | None:
    """The sentence for what the operating system refused; None where it is not the user's to mend."""
    if isinstance(error, MemoryError):
        return MachineError(f"This needs more memory than there is ({error or 'no more can be had'}). Choose something smaller, or a machine with more.")
    number, _ = system_error(error)
    place = f" {error.filename!r}" if isinstance(error, OSError) and error.filename else ""
    if number in FORBIDDEN:
        return MachineError(f"No permission to write or read{place}. Choose another folder with --out, or change its permissions.")
    if number in FULL:
        return MachineError(
            f"{no_room(number, 'The disk')}{place}. What was finished before is kept; free some space, or choose another disk with --out, and run the same command again."
        )
    return None


def fail(sentence: str, *, code: int = WRONG_USE) -> None:
    """Print the sentence to standard error and end the process with `code`."""
    Console(stderr=True, highlight=False, soft_wrap=True, emoji=False).print(f"[bold red]ringsmith:[/] {escape(sentence)}")
    sys.stdout.flush()
    sys.exit(code)


def escape(text: str) -> str:
    """`text` with its square brackets kept from being read as colours, and without the control characters that a terminal would obey."""
    from rich.markup import escape as escape_markup

    from ringsmith.report.wording import clean

    return escape_markup(str(clean(text)))


def check_page(out: Path | None) -> None:
    """Refuse a page that is no page, before anything is loaded."""
    if out is not None and out.suffix.lower() not in PAGES:
        raise OptionError(f"--out must be an HTML page; got {str(out)!r}. Name it look.html, say; for numbers there is --json.")
