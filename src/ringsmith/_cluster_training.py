"""Processes of a Ray cluster that train one model together: Ray Train starts them, joins them to one group of torch, and ends all when one is lost.

    with cluster() as workers:
        train_together(work, workers, group_of(workers.machines, None), listen=print)

Decisions:
- Ray Train, not actors of our own: it holds the places of all workers at once, gives each its GPU, sets up gloo or NCCL over the machines, and notices a
  worker that is gone while the others wait for it. `work` finds what `torchrun` would have set: a group of torch, and ``RANK`` and its kin.
- What is kept on disk is the work's own affair: Ray Train's reports (each of them a barrier) and checkpoints are not used. Where a worker is lost, all
  are started again, and the work goes on from what it kept.
- What a worker tells goes through a mailbox of its own, so that it never waits; an error that Ringsmith raises on purpose is raised here as it is, and
  not tried again.
"""

from __future__ import annotations

import os
import tempfile
import threading
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from ringsmith._cluster import PURPOSE, Hired, Machine, Workers
from ringsmith._optional import try_import
from ringsmith.errors import MachineError, MissingExtra, OptionError, RingsmithError

Tell = Callable[[str, Any], None]
"""Says something of a kind."""
LOST = "lost"
"""Told when all workers are started again; what is told is why."""
RESTARTS = 3
LOOK_SECONDS = 0.1
UNANSWERED = 16
"""Messages of a worker that may be under way."""
QUIET = {"RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.5", "RAY_CHDIR_TO_TRIAL_DIR": "0", "RAY_TRAIN_METRICS_ENABLED": "0"}
_FAULT = "fault"


@dataclass(frozen=True)
class Group:
    """The processes that train together.

    Attributes:
        workers: how many.
        cores: of each.
        gpu: whether each has one GPU.
    """

    workers: int
    cores: int
    gpu: bool = False


def group_of(machines: Sequence[Machine], wanted: int | None) -> Group:
    """So many workers as are wanted, or one for each GPU, or one on each machine; each with as many cores as all can have.

    Raises:
        OptionError: more workers than cores.

    Examples:
        >>> group_of([Machine(8), Machine(4)], None), group_of([Machine(8), Machine(4)], 3)
        (Group(workers=2, cores=4, gpu=False), Group(workers=3, cores=4, gpu=False))
    """
    gpus = sum(machine.gpus for machine in machines)
    count = wanted or gpus or len(machines)
    gpu = 0 < count <= gpus
    for cores in range(max(machine.cores for machine in machines), 0, -1):
        if sum(_room(machine, cores, gpu=gpu) for machine in machines) >= count:
            return Group(count, cores, gpu)
    most = sum(machine.cores for machine in machines)
    raise OptionError(f"'workers' must be at most the cores of the cluster, {most:,}; got {count:,}. Ask for fewer, or add a machine (ray start --address=...).")


def _room(machine: Machine, cores: int, *, gpu: bool) -> int:
    """Workers that a machine has room for."""
    room = machine.cores // cores
    return min(room, machine.gpus) if gpu else room


class Mailbox:
    """What workers have told and nobody has heard yet; tells them when they shall stop."""

    def __init__(self) -> None:
        self._held: list[tuple[str, Any]] = []
        self._stopped = False

    def put(self, kind: str, content: Any) -> bool:
        """Leave a message; whether the worker shall stop."""
        self._held.append((kind, content))
        return self._stopped

    def take(self) -> list[tuple[str, Any]]:
        """All messages, in their order, each once."""
        held, self._held = self._held, []
        return held

    def stop(self) -> None:
        """Let the next worker that tells something know that nobody listens any longer."""
        self._stopped = True


def train_together(work: Callable[[Tell], None], workers: Workers, group: Group, *, listen: Tell) -> None:
    """Have a group of workers do the same work, each in its place, until all are through.

    Args:
        work: can be sent to another machine; is given what it may tell by.
        workers: of the cluster.
        group: how many, with what.
        listen: hears what the workers tell, here.

    Raises:
        MissingExtra: Ray Train, or what it stands on, is not installed.
        MachineError: workers were lost `RESTARTS` times and once more.
        Exception: what the work raised.
    """
    box = workers.hire(Mailbox, cores=0)
    for left in range(RESTARTS, -1, -1):
        why = _once(work, workers, group, box, listen)
        if why is None:
            return
        if left:
            listen(LOST, why)
    raise MachineError(f"Ray lost a worker {RESTARTS + 1} times: {why}. Run the same command again, with fewer workers or on machines with more memory.")


def _once(work: Callable[[Tell], None], workers: Workers, group: Group, box: Hired, listen: Tell) -> str | None:
    """Do it, once; None when it is done, or why a worker was lost.

    Raises:
        RingsmithError: that a worker met.
    """
    outcome, faults = list[BaseException](), list[RingsmithError]()
    with tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder:
        fitting = threading.Thread(target=_fit, args=(_trainer(partial(_in_worker, work, box), group, folder), outcome), daemon=True)
        fitting.start()
        try:
            while fitting.is_alive():
                fitting.join(LOOK_SECONDS)
                faults += _hear(workers, box, listen)
        except BaseException:
            box.ask("stop")
            raise
    if faults := faults + _hear(workers, box, listen):
        raise faults[0]
    return _lost(outcome[0]) if outcome else None


def _hear(workers: Workers, box: Hired, listen: Tell) -> list[RingsmithError]:
    """Pass on what was told, but for the errors that workers met: these are returned."""
    faults = list[RingsmithError]()
    for kind, content in workers.fetch(box.ask("take")):
        if kind == _FAULT:
            faults.append(content)
        else:
            listen(kind, content)
    return faults


def _trainer(work: Callable[[], None], group: Group, folder: str) -> Any:
    """Ray Train's own object for this work; `folder` is for what it wants to keep."""
    train, torch = ray_train()
    resources = {"CPU": group.cores, **({"GPU": 1} if group.gpu else {})}
    return torch.TorchTrainer(
        work,
        scaling_config=train.ScalingConfig(num_workers=group.workers, use_gpu=group.gpu, resources_per_worker=resources, placement_strategy="SPREAD"),
        run_config=train.RunConfig(storage_path=folder, failure_config=train.FailureConfig(max_failures=0)),
    )


def _fit(trainer: Any, outcome: list[BaseException]) -> None:
    """Ray Train's part, in a thread of its own, so that Ctrl-C and what is told are not kept waiting."""
    try:
        trainer.fit()
    except BaseException as error:  # noqa: BLE001 (raised where it is heard; a cluster that ends raises SystemExit here)
        outcome.append(error)


def ray_train() -> tuple[Any, Any]:
    """Ray Train, and its part for torch, set to look after its workers often and to leave their folders alone.

    Raises:
        MissingExtra: it, or what it stands on, is not installed.
    """
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    try:
        with warnings.catch_warnings():  # its parts warn of each other
            warnings.simplefilter("ignore")
            return try_import("ray.train", purpose=PURPOSE), try_import("ray.train.torch", purpose=PURPOSE)
    except ImportError as error:
        raise MissingExtra(f"Training on a cluster needs Ray Train, which lacks a package ({error.__cause__ or error}). Install it: pip install 'ray[train]'.") from error


def _lost(error: BaseException) -> str | None:
    """Why a worker was lost, in half a sentence.

    Raises:
        Exception: that of the work, where none was lost.
    """
    failures = list(getattr(error, "worker_failures", {}).values()) or [error]
    lost = [failure for failure in failures if type(failure).__module__.partition(".")[0] == "ray"]
    if not lost:
        raise failures[0]
    return next((line for line in reversed(str(lost[0]).splitlines()) if line.strip()), type(lost[0]).__name__).strip().rstrip(".")


def _in_worker(work: Callable[[Tell], None], box: Hired) -> None:
    """What each worker runs."""
    ray = try_import("ray", purpose=PURPOSE)
    under_way: list[Any] = []

    def tell(kind: str, content: Any) -> None:
        under_way.append(box.ask("put", kind, content))
        if len(under_way) > UNANSWERED and ray.get(under_way.pop(0)):
            raise KeyboardInterrupt

    try:
        work(tell)
    except RingsmithError as error:
        ray.get(box.ask("put", _FAULT, error))
        raise
    ray.get(under_way)
