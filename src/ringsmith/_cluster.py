"""Work on a Ray cluster: the home of `ray` (with `_cluster_training.py`), for every part that outgrows one machine.

    with cluster() as workers:
        text = workers.share(numbers)
        tickets = [workers.start(count, text, part) for part in parts]
        found = [workers.fetch(ticket) for ticket in tickets]

Decisions:
- ``$RAY_ADDRESS`` names a cluster that runs; without it Ray is started on this machine for as long as the block lasts: offline, no dashboard, no
  usage statistics, no logs on the screen. A Ray that the caller has started is used and left running.
- `Here` keeps the same contract in this process, one thing after the other: what is computed can be tested without Ray.
- A task that is lost with its machine is done again by Ray; a worker with a state of its own (`hire`) is not.
"""

from __future__ import annotations

import logging
import os
import shutil
import socket
import tempfile
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ringsmith._machine import cores
from ringsmith._optional import try_import
from ringsmith.errors import MachineError, UnknownName

Ticket = Any
"""Stands for an answer that may still be under way; as an argument of another task it is that answer."""
PLACES = ("local", "ray")
"""Where work can be done: on this machine, or on a cluster."""
PURPOSE = "working on a cluster"
QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
PATIENCE_SECONDS = 5
LONGEST_FOLDER = 40
"""Ray's sockets lie in its folder, and a socket's path has at most 107 characters."""


def check_place(on: str) -> None:
    """Refuse to work anywhere but here and on a cluster.

    Raises:
        UnknownName: another place.
    """
    if on not in PLACES:
        raise UnknownName.of("place to work on", on, PLACES)


@dataclass(frozen=True)
class Machine:
    """What one machine of a cluster has."""

    cores: int
    gpus: int = 0


class Hired(ABC):
    """A worker that keeps an object of its own."""

    @abstractmethod
    def ask(self, method: str, *arguments: Any) -> Ticket:
        """Have its object call a method; calls are answered in their order."""


class Workers(ABC):
    """Whoever does the work.

    Attributes:
        machines: where.
    """

    machines: tuple[Machine, ...]

    @property
    def cores_of(self) -> tuple[int, ...]:
        """CPU cores of each machine."""
        return tuple(machine.cores for machine in self.machines)

    @abstractmethod
    def share(self, value: Any) -> Ticket:
        """Hand something out once, to be an argument of many tasks. Arrays are not to be written to."""

    @abstractmethod
    def start(self, work: Callable[..., Any], *arguments: Any, answers: int = 1) -> Ticket:
        """Begin a task of one core; with several `answers` it returns so many, and a list of tickets is returned here."""

    @abstractmethod
    def settle(self, ticket: Ticket) -> None:
        """Wait until an answer is there, without fetching it."""

    @abstractmethod
    def fetch(self, ticket: Ticket) -> Any:
        """The answer; an error of the task is raised here.

        Raises:
            MachineError: a worker was lost.
        """

    @abstractmethod
    def hire(self, kind: Callable[..., Any], *arguments: Any, cores: int = 1) -> Hired:
        """A worker that keeps ``kind(*arguments)``, with so many cores of one machine."""


class _HiredHere(Hired):
    def __init__(self, state: Any) -> None:
        self._state = state

    def ask(self, method: str, *arguments: Any) -> Ticket:
        return getattr(self._state, method)(*arguments)


class Here(Workers):
    """Everything at once in this process; an error is raised where the task begins.

    Examples:
        >>> workers = Here()
        >>> workers.fetch(workers.start(divmod, workers.share(7), 2))
        (3, 1)
    """

    def __init__(self, cores_of: tuple[int, ...] = (2,)) -> None:
        self.machines = tuple(map(Machine, cores_of))

    def share(self, value: Any) -> Ticket:
        return value

    def start(self, work: Callable[..., Any], *arguments: Any, answers: int = 1) -> Ticket:
        return list(work(*arguments)) if answers > 1 else work(*arguments)

    def settle(self, ticket: Ticket) -> None:
        """Nothing is ever under way."""

    def fetch(self, ticket: Ticket) -> Any:
        return ticket

    def hire(self, kind: Callable[..., Any], *arguments: Any, cores: int = 1) -> Hired:
        return _HiredHere(kind(*arguments))


def _do(work: Callable[..., Any], *arguments: Any) -> Any:
    """What Ray runs: it takes functions written in Python only."""
    return work(*arguments)


class _Keeper:
    """What Ray keeps for whoever is hired."""

    def __init__(self, kind: Callable[..., Any], *arguments: Any) -> None:
        self._state = kind(*arguments)

    def call(self, method: str, *arguments: Any) -> Any:
        return getattr(self._state, method)(*arguments)


class _HiredByRay(Hired):
    def __init__(self, actor: Any) -> None:
        self._actor = actor

    def ask(self, method: str, *arguments: Any) -> Ticket:
        return self._actor.call.remote(method, *arguments)


class _OnRay(Workers):
    def __init__(self, ray: Any) -> None:
        self._ray = ray
        alive = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        self.machines = tuple(Machine(cores, int(has.get("GPU", 0))) for has in alive if (cores := int(has.get("CPU", 0))))
        if not self.machines:
            raise MachineError("A Ray cluster must have CPU cores; this one offers none. Add a machine (ray start --address=...), or work on this one: --on local.")

    def share(self, value: Any) -> Ticket:
        with _faults(self._ray):
            return self._ray.put(value)

    def start(self, work: Callable[..., Any], *arguments: Any, answers: int = 1) -> Ticket:
        return self._ray.remote(_do).options(num_cpus=1, num_returns=answers, scheduling_strategy="SPREAD").remote(work, *arguments)

    def settle(self, ticket: Ticket) -> None:
        self._ray.wait([ticket], fetch_local=False)

    def fetch(self, ticket: Ticket) -> Any:
        with _faults(self._ray):
            return self._ray.get(ticket)

    def hire(self, kind: Callable[..., Any], *arguments: Any, cores: int = 1) -> Hired:
        return _HiredByRay(self._ray.remote(_Keeper).options(num_cpus=cores, scheduling_strategy="SPREAD").remote(kind, *arguments))


@contextmanager
def cluster(*, cores_here: int | None = None) -> Iterator[Workers]:
    """The workers of a Ray cluster, for the block.

    Args:
        cores_here: CPU cores where Ray is started on this machine; None for all. A cluster that runs already has its own.

    Raises:
        MissingExtra: Ray is not installed.
        MachineError: the cluster does not answer, or has no cores.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ray = try_import("ray", purpose=PURPOSE)
    if ray.is_initialized():
        yield _OnRay(ray)
        return
    address = os.environ.get("RAY_ADDRESS")
    folder = None if address else _folder()
    try:
        _begin(ray, address, folder, cores_here or cores())
        yield _OnRay(ray)
    finally:
        ray.shutdown()
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def _folder() -> str | None:
    """A folder for Ray's sockets and logs that goes with it; None, Ray's own choice, where its path would be too long."""
    folder = tempfile.mkdtemp(prefix="ray-")
    if len(folder) <= LONGEST_FOLDER:
        return folder
    shutil.rmtree(folder)
    return None


def _begin(ray: Any, address: str | None, folder: str | None, cores_here: int) -> None:
    """Start Ray on this machine, or join the cluster at `address`."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    alone = {"num_cpus": cores_here, "include_dashboard": False, "_temp_dir": folder}
    try:
        if address is not None:
            _knock(address)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ray.init(address=address or "local", log_to_driver=False, logging_level=logging.ERROR, **({} if address else alone))
    except (OSError, RuntimeError) as error:
        if address is None:
            raise MachineError(f"Ray could not be started on this machine: {error}. Work without it (--on local), or start it by hand: ray start --head.") from error
        raise MachineError(f"$RAY_ADDRESS: a Ray cluster must answer there; none does at {address!r}. Start it (ray start --head), or unset RAY_ADDRESS.") from error


def _knock(address: str) -> None:
    """See whether anybody is at ``host:port`` at all: Ray itself waits for minutes.

    Raises:
        OSError: nobody is.
    """
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), timeout=PATIENCE_SECONDS).close()


@contextmanager
def _faults(ray: Any) -> Iterator[None]:
    """The errors of tasks as they were raised there, those of Ray in one sentence."""
    try:
        yield
    except ray.exceptions.RayError as error:
        cause: Any = error
        while isinstance(cause, ray.exceptions.RayTaskError) and cause.cause is not cause:
            cause = cause.cause
        if not isinstance(cause, ray.exceptions.RayError):
            raise cause from error
        why = next(iter(str(cause).splitlines()), "").rstrip(". ") or type(cause).__name__
        if "No module named" in why:
            raise MachineError(f"Ray: every machine must have the same Python packages; one said: {why}. Install the same version of Ringsmith there.") from error
        raise MachineError(f"Ray lost a worker or its memory: {why}. Run the same command again, with fewer workers or on machines with more memory.") from error
