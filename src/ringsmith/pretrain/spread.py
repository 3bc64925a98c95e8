"""Pre-training on a Ray cluster: its workers are the processes of one training, as those of `torchrun` are (`training.py`).

    pretrain_on_ray("wiki.txt", PretrainOptions(out=Path("/shared/wiki-bert")), workers=4)

Every worker reads the corpus and the first one writes the model where the caller asked for it, so both must lie on a disk that all machines see; on one
machine any disk is such. A worker that is lost costs what was learnt since the training was last put aside (a minute at most): all start again, and go on.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from ringsmith._cluster import cluster
from ringsmith._cluster_training import LOST, Group, Tell, group_of, ray_train, train_together
from ringsmith._files import disk_faults
from ringsmith.adapt.folder import check_place
from ringsmith.errors import MachineError
from ringsmith.pretrain.documents import Corpus, Source
from ringsmith.pretrain.facts import Facts
from ringsmith.pretrain.options import PretrainOptions
from ringsmith.pretrain.training import Pretrained, Say, pretrain, quiet, refuse_what_comes_once
from ringsmith.records import Budget, Progress, Report, silent

EVERY_SECONDS = 0.2
"""So often a worker tells how far it is."""


@dataclass(frozen=True)
class Asked:
    """What every worker is asked for.

    Attributes:
        source: the corpus.
        options: with places that mean the same on every machine.
        until: when the budget is over, by the clock on the wall; None for no end.
        gpu: whether each has one.
    """

    source: Source
    options: PretrainOptions
    until: float | None
    gpu: bool


def pretrain_on_ray(source: Source, options: PretrainOptions, *, workers: int | None = None, report: Report = silent, say: Say = quiet) -> Pretrained:
    """As `training.pretrain`, by the workers of a Ray cluster together.

    Args:
        source: as there; not what gives its text only once.
        options: as there; `threads` of each worker, None for as many as it has cores.
        workers: how many; None for one for each GPU, or one on each machine.
        report: is told how far they are.
        say: is told what was found.

    Raises:
        RingsmithError: the corpus, the options, a model, a machine or the cluster: one sentence says what and what to do.
    """
    ray_train()
    budget = Budget(options.budget)
    check_place(options.out)
    refuse_what_comes_once(Corpus(source, options.reading))
    facts: list[Facts] = []
    hears: Mapping[str, Callable[[Any], None]] = {
        "progress": report,
        "line": lambda told: say(*told),
        "facts": facts.append,
        LOST: lambda why: say("Cluster", f"a worker was lost ({why}); all of them start again where they were"),
    }
    with cluster() as found, _seen_by_all(options.out):
        group = group_of(found.machines, workers)
        say("Cluster", told_of(group))
        asked = Asked(_from_everywhere(source), _everywhere(options, group), None if options.budget is None else time.time() + budget.remaining(), group.gpu)
        train_together(partial(_take_part, asked), found, group, listen=lambda kind, content: hears[kind](content))
    return Pretrained(options.out, facts[-1])


def told_of(group: Group) -> str:
    """Who trains, in words.

    Examples:
        >>> told_of(Group(1, 4)), told_of(Group(2, 1, gpu=True))
        ('1 worker with 4 cores', '2 workers with 1 core and 1 GPU each')
    """
    many = group.workers > 1
    return f"{group.workers:,} worker{'s' * many} with {group.cores:,} core{'s' * (group.cores > 1)}{' and 1 GPU' * group.gpu}{' each' * many}"


@contextmanager
def _seen_by_all(out: Path) -> Iterator[None]:
    """The folder of the model, made here, so that every worker can see whether it sees it; gone again where nothing was written."""
    out = out.expanduser()
    new = not out.exists()
    with disk_faults(out):
        out.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        if new:
            with suppress(OSError):
                out.rmdir()  # refuses where it holds something


def _from_everywhere(source: Source) -> Source:
    return Path(source).expanduser().absolute() if isinstance(source, str | Path) else source


def _everywhere(options: PretrainOptions, group: Group) -> PretrainOptions:
    """The options with paths that hang on no working folder, and with the threads of a worker."""
    work = None if options.work is None else options.work.expanduser().absolute()
    chosen = {name: _if_folder(value) for name, value in options.objective_options.items()}
    return replace(
        options, out=options.out.expanduser().absolute(), work=work, from_model=_if_folder(options.from_model), objective_options=chosen, threads=options.threads or group.cores
    )


def _if_folder(value: Any) -> Any:
    """A folder's path from the root on; all else, such as a model's short name, as it is."""
    return str(Path(value).expanduser().absolute()) if isinstance(value, str | Path) and Path(value).expanduser().is_dir() else value


def _take_part(asked: Asked, tell: Tell) -> None:
    """What each worker does; the first one tells about it.

    Raises:
        MachineError: this machine does not see the folder of the model.
    """
    options = asked.options
    if not options.out.is_dir():
        raise MachineError(
            f"{options.out}: the model's folder must lie on a disk that all machines of the cluster see; {socket.gethostname()} has no such folder. "
            "Name one on a shared disk, and the corpus, too."
        )
    if not asked.gpu:
        os.environ["ACCELERATE_USE_CPU"] = "true"
    if asked.until is not None:
        options = replace(options, budget=max(0.001, asked.until - time.time()))
    first = os.environ["RANK"] == "0"
    made = pretrain(asked.source, options, report=_Teller(tell) if first else silent, say=(lambda *line: tell("line", line)) if first else quiet)
    if first:
        tell("facts", made.facts)


class _Teller:
    """Tells how far it is, not more often than people see."""

    def __init__(self, tell: Tell) -> None:
        self._tell, self._last, self._stage = tell, 0.0, ""

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        if progress.stage != self._stage or progress.done == progress.total or now - self._last >= EVERY_SECONDS:
            self._last, self._stage = now, progress.stage
            self._tell("progress", progress)
