"""Runs as forks of a process that has imported everything already (`compare.forkserver`), where the system can do that safely."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, TypeVar

T = TypeVar("T")
START_SECONDS = 60.0
"""A server that has not answered by then is given up."""
POSSIBLE = sys.platform == "linux"
"""Elsewhere system libraries do not survive a fork (macOS), or there is none (Windows)."""


class Forks:
    """Forks of one server, which is started when it is first needed, and anew for another environment.

    Attributes:
        possible: whether this system can fork safely, and no server has failed.
    """

    def __init__(self) -> None:
        self._server: ForkServer | None = None
        self.possible = POSSIBLE

    @property
    def environment(self) -> Mapping[str, str] | None:
        """That of the server; None where there is none yet."""
        return self._server.environment if self._server else None

    def have(self, modules: Sequence[str]) -> bool:
        """Whether a server has imported these modules."""
        return self._server is not None and self._server.imported.issuperset(modules)

    def prepare(self, modules: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start a server that has imported these modules."""
        self._served(environment, lambda server: server.load(modules))

    def start(self, folder: Path, modules: Sequence[str], environment: Mapping[str, str], stderr: IO[bytes], *, until: float) -> Fork | None:
        """Begin the job of `folder` in a fork; None where that is not possible here, and a process has to be started."""
        return self._served(environment, lambda server: server.fork(folder, modules, stderr, seconds=min(START_SECONDS, until - time.time())))

    def _served(self, environment: Mapping[str, str], ask: Callable[[ForkServer], T]) -> T | None:
        """What a server of this environment answers; None where there is none to be had."""
        if not self.possible:
            return None
        if self._server is not None and self._server.environment != environment:
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
        imported: modules that it was asked to import.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment
        self.imported: set[str] = set()
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            command = [sys.executable, "-m", "ringsmith.compare.forkserver", str(theirs.fileno())]
            silent = subprocess.DEVNULL
            self._process = subprocess.Popen(command, stdin=silent, stdout=silent, stderr=silent, env=dict(environment), pass_fds=[theirs.fileno()], start_new_session=True)

    def load(self, modules: Sequence[str]) -> None:
        """Import these modules.

        Raises:
            OSError: the server is gone: it could not, or it did not answer in time.
        """
        self.imported.update(modules)
        self._control.send(json.dumps({"modules": list(modules)}).encode())
        self._answer(START_SECONDS)

    def fork(self, folder: Path, modules: Sequence[str], stderr: IO[bytes], *, seconds: float = START_SECONDS) -> Fork:
        """Begin the job of `folder`.

        Args:
            folder: holds ``job.json``.
            modules: what the server imports first, unless it has already.
            stderr: where the run's standard error goes.
            seconds: how long to wait for the server.

        Raises:
            OSError: the server is gone, or did not answer in time.
        """
        self.imported.update(modules)
        ours, theirs = os.pipe(), os.pipe()
        stdin, stdout = os.fdopen(ours[1], "wb"), os.fdopen(theirs[0], "rb")
        try:
            request = json.dumps({"folder": str(folder), "modules": list(modules)}).encode()
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
        pid: its number, and that of its session.
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

    def kill(self) -> None:
        """End it at once."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
