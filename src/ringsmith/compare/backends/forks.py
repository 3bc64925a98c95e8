"""Runs as forks of a process that has imported everything already (`compare.forkserver`), where the system can do that safely."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, TypeVar

T = TypeVar("T")
START_SECONDS = 60.0
"""A server that has not answered by then is given up."""
ASK_WITHOUT_CUDA = {"PYTORCH_NVML_BASED_CUDA_CHECK": "1"}
"""No fork survives CUDA that runs already: should a library ask torch for GPUs when it is imported, torch asks the driver's own tool."""
POSSIBLE = sys.platform == "linux"
"""Elsewhere system libraries do not survive a fork (macOS), or there is none (Windows)."""


class Forks:
    """Forks of one server, which is started when it is first needed, and anew for another environment.

    Args:
        mixed: whether it serves several recipes, so that a run also holds what the others import; else it is started anew for another recipe.

    Attributes:
        possible: whether this system can fork safely, and no server has failed.
    """

    def __init__(self, *, mixed: bool) -> None:
        self._server: ForkServer | None = None
        self._mixed = mixed
        self.possible = POSSIBLE

    @property
    def environment(self) -> Mapping[str, str] | None:
        """That of the server; None where there is none yet."""
        return self._server.environment if self._server else None

    def know(self, recipe: str) -> bool:
        """Whether a server has imported this recipe."""
        return self._server is not None and recipe in self._server.recipes

    def prepare(self, recipe: str, environment: Mapping[str, str]) -> None:
        """Let a server import this recipe."""
        self._served(recipe, environment, lambda server: server.load(recipe))

    def start(self, folder: Path, recipe: str, environment: Mapping[str, str], stderr: IO[bytes], *, until: float) -> Fork | None:
        """Begin the job of `folder` in a fork; None where that is not possible here, and a process has to be started."""
        return self._served(recipe, environment, lambda server: server.fork(folder, recipe, stderr, seconds=min(START_SECONDS, until - time.monotonic())))

    def _served(self, recipe: str, environment: Mapping[str, str], ask: Callable[[ForkServer], T]) -> T | None:
        """What a server of this environment answers; None where there is none to be had."""
        if not self.possible:
            return None
        if self._server is not None and (self._server.environment != environment or not (self._mixed or self.know(recipe))):
            self.close()
        try:
            self._server = self._server or ForkServer(environment)
            return ask(self._server)
        except OSError:  # the process that is started instead says what is wrong, if it is more than this
            self.close()
            self.possible = False
            return None
        except BaseException:  # Ctrl-C: it would answer for a run that nobody waits for
            self.close()
            raise

    def close(self) -> None:
        """End the server, if there is one."""
        if self._server is not None:
            self._server.close()
            self._server = None


class ForkServer:
    """The parent's end of a server.

    Attributes:
        environment: what it was started with; of a library that reads it when it starts (OpenMP), all forks have the same.
        recipes: those it was asked to import, as ``"module:Class"``.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment
        self.recipes: set[str] = set()
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            command = [sys.executable, "-m", "ringsmith.compare.forkserver", str(theirs.fileno())]
            silent, asked = subprocess.DEVNULL, {**environment, **ASK_WITHOUT_CUDA}
            self._process = subprocess.Popen(command, stdin=silent, stdout=silent, stderr=silent, env=asked, pass_fds=[theirs.fileno()], start_new_session=True)

    def load(self, recipe: str) -> None:
        """Import a recipe, and what its fits import.

        Raises:
            OSError: the server is gone: it could not, or it did not answer in time.
        """
        self.recipes.add(recipe)
        self._control.send(json.dumps({"recipe": recipe}).encode())
        self._answer(START_SECONDS)

    def fork(self, folder: Path, recipe: str, stderr: IO[bytes], *, seconds: float = START_SECONDS) -> Fork:
        """Begin the job of `folder`.

        Args:
            folder: holds ``job.json``.
            recipe: its recipe, which the server imports first unless it has already.
            stderr: where the run's standard error goes.
            seconds: how long to wait for the server.

        Raises:
            OSError: the server is gone, or did not answer in time.
        """
        self.recipes.add(recipe)
        ours, theirs = os.pipe(), os.pipe()
        stdin, stdout = os.fdopen(ours[1], "wb"), os.fdopen(theirs[0], "rb")
        try:
            request = json.dumps({"recipe": recipe, "folder": str(folder)}).encode()
            socket.send_fds(self._control, [request], [ours[0], theirs[1], stderr.fileno()])
            return Fork(self._control, int(self._answer(seconds)), stdin, stdout)
        except BaseException:  # without this end of its standard input a run that began all the same ends itself
            stdin.close()
            stdout.close()
            raise
        finally:
            os.close(ours[0])
            os.close(theirs[1])

    def _answer(self, seconds: float) -> bytes:
        self._control.settimeout(max(seconds, 0.0))
        if answer := self._control.recv(32):
            return answer
        raise ConnectionError("the server is gone")

    def close(self) -> None:
        """End the server."""
        self._control.close()
        self._process.kill()
        self._process.wait()


class Fork:
    """A run's process, with what `subprocess.Popen` has of it.

    Attributes:
        pid: its number, and that of its group.
        stdin: the parent's end of its standard input.
        stdout: the parent's end of its standard output.
        returncode: how it ended, negative for a signal; None until `wait` knows.
    """

    def __init__(self, control: socket.socket, pid: int, stdin: IO[bytes], stdout: IO[bytes]) -> None:
        self._control = control
        self.pid = pid
        self.stdin, self.stdout = stdin, stdout
        self.returncode: int | None = None

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end.

        Raises:
            subprocess.TimeoutExpired: it goes on.
        """
        if self.returncode is None:
            self._control.settimeout(timeout)
            try:
                code = self._control.recv(32)
            except (TimeoutError, BlockingIOError):
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0.0) from None
            except OSError:
                code = b""
            self.returncode = int(code) if code else -signal.SIGKILL  # the server was killed, and cannot say
        return self.returncode
