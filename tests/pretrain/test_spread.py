"""Pre-training on Ray: two workers take the steps of one, also where one of them dies on the way; and what is said when something cannot be."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.torch import load_file
from small_corpora import documents, tiny, write_corpus

import ringsmith as rs
from ringsmith import _cluster_training
from ringsmith._cluster import Here, Machine, Workers, cluster
from ringsmith._cluster_training import LOST, RESTARTS, Group, Mailbox, group_of, train_together
from ringsmith.errors import InputError, MachineError, MissingExtra, OptionError, UnknownName
from ringsmith.pretrain import spread
from ringsmith.pretrain.training import Pretrained, pretrain
from ringsmith.records import Progress

OF_RAY_ITSELF = pytest.mark.filterwarnings("ignore::DeprecationWarning:ray")
"""Ray Train creates a context of Ray Data, which warns of its own fields."""


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small corpus."""
    return write_corpus(tmp_path_factory.mktemp("corpus") / "corpus.txt")


@pytest.fixture(scope="module")
def ray() -> Iterator[Workers]:
    """Ray on two cores of this machine; its workers take the functions of this file as they are."""
    module = pytest.importorskip("ray", reason="the extra 'ray' is not installed")
    pytest.importorskip("ray.train", reason="Ray Train is not installed (ray[train])", exc_type=ImportError)
    module.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    _cluster_training.ray_train()
    with cluster(cores_here=2) as workers:
        yield workers
    module.cloudpickle.unregister_pickle_by_value(sys.modules[__name__])


def killed_once(asked: spread.Asked, tell: Any) -> None:
    """As `spread._take_part`, put aside after every step; the second worker dies in its sixth step, the first time."""
    from ringsmith.adapt.pause import Pause
    from ringsmith.pretrain import spread, training
    from ringsmith.pretrain.learning import Learning

    class Dying(Learning):
        def check(self, losses: Any, planned: int) -> None:
            mark = asked.options.out.with_name("died")
            if os.environ["RANK"] == "1" and len(losses) == 6 and not mark.exists():
                mark.touch()
                os._exit(1)

    training.Learning = Dying  # type: ignore[misc]
    training.Pause = partial(Pause, every_seconds=0.0)  # type: ignore[assignment, misc]
    spread._take_part(asked, tell)


@OF_RAY_ITSELF
@pytest.mark.usefixtures("ray")
def test_two_workers_take_the_steps_of_one_also_where_one_dies(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The curve and the weights of one process; after the death it goes on where it was put aside; the caller hears everything; one folder."""
    alone = pretrain(corpus, tiny(tmp_path / "one"))
    monkeypatch.setattr(spread, "_take_part", killed_once)
    monkeypatch.chdir(tmp_path)
    told, steps = list[str](), list[float]()

    def report(progress: Progress) -> None:
        if progress.stage == "train":
            steps.append(progress.done)

    options = tiny(Path("two"), work=tmp_path / "two" / "work")
    made = rs.pretrain(corpus, options, on="ray", workers=2, report=report, say=lambda label, text: told.append(f"{label} {text}"))
    assert isinstance(made, Pretrained)
    np.testing.assert_allclose(made.facts.curves["loss"], alone.facts.curves["loss"], atol=2e-4)
    together = load_file(made.folder / "model.safetensors")
    for name, tensor in load_file(alone.folder / "model.safetensors").items():
        if not name.endswith("key.bias"):  # its gradient is 0 but for rounding, which Adam makes large
            np.testing.assert_allclose(together[name].numpy(), tensor.numpy(), atol=5e-3, err_msg=name)
    assert told[0] == "Cluster 2 workers with 1 core each"
    assert sum(line.startswith("Cluster a worker was lost (") for line in told) == 1
    assert sum(line.startswith("Model ") for line in told) == 2
    assert made.facts.cost.processes == 2
    assert steps[0] == 1
    assert steps[-1] == 12
    assert min(step for before, step in pairwise(steps) if step <= before or step - before > 1) > 1
    assert sorted(path.name for path in (tmp_path / "two").iterdir()) == ["died", "model", "work"]


class FakeTrainer:
    """Ends as it is told to; what a worker told lies in the mailbox."""

    def __init__(self, ends: list[BaseException | None]) -> None:
        self.ends = ends

    def fit(self) -> None:
        if (error := self.ends.pop(0)) is not None:
            raise error


class GroupError(Exception):
    """As much of Ray Train's WorkerGroupError as is looked at."""

    def __init__(self, *failures: Exception) -> None:
        super().__init__("Training failed due to worker errors")
        self.worker_failures = dict(enumerate(failures))


class DeadError(Exception):
    """A worker is gone."""

    __module__ = "ray.exceptions"


def together(monkeypatch: pytest.MonkeyPatch, ends: list[BaseException | None], told: list[tuple[str, Any]], heard: list[tuple[str, Any]]) -> None:
    """`train_together` with a group that ends like this, and has told that."""
    here = Here()

    def hire(kind: Any, *arguments: Any, cores: int = 1) -> Any:
        assert (kind, cores) == (Mailbox, 0)
        box = Here.hire(here, kind, *arguments, cores=cores)
        for kind_told, content in told:
            box.ask("put", kind_told, content)
        return box

    monkeypatch.setattr(here, "hire", hire)
    monkeypatch.setattr(_cluster_training, "_trainer", lambda *_: FakeTrainer(ends))
    train_together(lambda _: None, here, Group(2, 1), listen=lambda kind, content: heard.append((kind, content)))


def test_what_a_worker_refuses_is_raised_here_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once, in its own sentence, after what was told before it; the other's broken connection is no news."""
    heard: list[tuple[str, Any]] = []
    ends: list[BaseException | None] = [GroupError(RuntimeError("Connection closed by peer"))]
    with pytest.raises(OptionError, match=r"^'rate' must be lower$"):
        together(monkeypatch, ends, [("line", 1), ("fault", OptionError("'rate' must be lower"))], heard)
    assert (heard, ends) == ([("line", 1)], [])


def test_a_worker_that_is_lost_has_all_start_again_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Told each time; a fault of ours is raised at once."""
    heard: list[tuple[str, Any]] = []
    lost = GroupError(RuntimeError("Connection closed by peer"), DeadError("worker 1\nran out of memory."))
    together(monkeypatch, [lost, lost, None], [], heard)
    assert heard == [(LOST, "ran out of memory")] * 2
    with pytest.raises(MachineError, match=rf"^Ray lost a worker {RESTARTS + 1} times: ran out of memory\. Run the same command again, with fewer workers"):
        together(monkeypatch, [lost] * (RESTARTS + 1), [], heard)
    with pytest.raises(ZeroDivisionError):
        together(monkeypatch, [GroupError(ZeroDivisionError("ours"))], [], heard)


def test_a_listener_that_stops_has_the_workers_stop() -> None:
    """The next thing they tell is answered by it."""
    box = Mailbox()
    assert not box.put("line", 1)
    box.stop()
    assert box.put("line", 2)
    assert box.take() == [("line", 1), ("line", 2)]
    assert box.take() == []


@pytest.mark.parametrize(
    ("machines", "wanted", "group"),
    [
        ([Machine(2)], None, Group(1, 2)),
        ([Machine(2)], 2, Group(2, 1)),
        ([Machine(8), Machine(4)], None, Group(2, 4)),
        ([Machine(8), Machine(4)], 3, Group(3, 4)),
        ([Machine(64), Machine(8, 2)], None, Group(2, 4, gpu=True)),
        ([Machine(64), Machine(8, 2)], 3, Group(3, 21)),
    ],
)
def test_workers_are_as_many_as_asked_or_one_a_gpu_or_a_machine(machines: list[Machine], wanted: int | None, group: Group) -> None:
    """With as many cores as every one of them can have; a GPU each, or none has one."""
    assert group_of(machines, wanted) == group


def test_more_workers_than_cores_are_refused() -> None:
    """Ray would wait for ever."""
    with pytest.raises(OptionError, match=r"^'workers' must be at most the cores of the cluster, 3; got 4\. Ask for fewer"):
        group_of([Machine(2), Machine(1)], 4)


def test_a_machine_that_does_not_see_the_folder_says_so(corpus: Path, tmp_path: Path) -> None:
    """Before anything is read."""
    with pytest.raises(MachineError, match=r"nowhere: the model's folder must lie on a disk that all machines of the cluster see; .* has no such folder\."):
        spread._take_part(spread.Asked(corpus, tiny(tmp_path, out=tmp_path / "nowhere"), None, gpu=False), lambda *_: None)


def test_ray_train_that_lacks_a_package_is_one_sentence(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the package; nothing is begun."""

    def lacking(name: str, **_: Any) -> Any:
        raise ImportError("Can't import ray.train") from ModuleNotFoundError("No module named 'pandas'")

    monkeypatch.setattr(_cluster_training, "try_import", lacking)
    with pytest.raises(MissingExtra, match=r"^Training on a cluster needs Ray Train, which lacks a package \(No module named 'pandas'\)\. Install it: pip install"):
        rs.pretrain(corpus, tiny(tmp_path), on="ray")


@pytest.mark.parametrize(
    ("changes", "asked", "kind", "sentence"),
    [
        ({}, {"on": "rai"}, UnknownName, r"^There is no place to work on 'rai'\. Did you mean 'ray'\?"),
        ({}, {"workers": 2}, OptionError, r"^'workers' is for on='ray' \(--on ray\) only; got 2\. Leave it out, or start several processes: torchrun --nproc-per-node 2\.$"),
        ({}, {"on": "ray", "workers": 0}, OptionError, r"^'workers' must be at least 1; got 0\."),
        ({"objective": "seq2seq"}, {"on": "ray"}, OptionError, r"^'on' must be local with the objective seq2seq; got ray\."),
        ({}, {"target": "b.txt"}, OptionError, r"^'target' is for the objective seq2seq, which learns from pairs of texts; got mlm\."),
    ],
)
def test_what_has_no_meaning_together_is_said(corpus: Path, tmp_path: Path, changes: dict[str, Any], asked: dict[str, Any], kind: type[Exception], sentence: str) -> None:
    """Before anything is read or begun."""
    with pytest.raises(kind, match=sentence):
        rs.pretrain(corpus, tiny(tmp_path, **changes), **asked)


def test_text_that_comes_only_once_is_refused(tmp_path: Path) -> None:
    """Every worker must be able to read it."""
    pytest.importorskip("ray.train", reason="Ray Train is not installed (ray[train])", exc_type=ImportError)
    for source in ("-", iter(documents(3))):
        with pytest.raises(InputError, match=r"^Several processes need a corpus that each of them can read"):
            rs.pretrain(source, tiny(tmp_path), on="ray")
