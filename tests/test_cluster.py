"""Work on a cluster: the contract of whoever does it, kept here and by Ray; and what is said when Ray is missing, silent or loses a worker."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import numpy as np
import pytest

from ringsmith import _cluster, _optional
from ringsmith._cluster import Here, Workers, cluster
from ringsmith._files import path_of
from ringsmith.errors import MachineError, MissingExtra, ReadError


class WorkersContract:
    """What every kind of workers keeps."""

    def test_answers_come_and_may_be_arguments(self, workers: Workers) -> None:
        """Shared values and tickets stand for what they are."""
        seven = workers.share(7)
        pair = workers.start(divmod, seven, 2, answers=2)
        workers.settle(pair[0])
        assert [workers.fetch(ticket) for ticket in pair] == [3, 1]
        assert workers.fetch(workers.start(max, *pair, seven)) == 7

    def test_an_error_is_the_one_that_was_raised(self, workers: Workers) -> None:
        """With its own sentence, and through tasks that wait for it."""
        with pytest.raises(ReadError, match=r"^A file or a folder must be named; got an empty name\. Check the command \(an unset variable\?\)\.$"):
            workers.fetch(workers.start(str, workers.start(path_of, "")))

    def test_a_hired_worker_keeps_its_state(self, workers: Workers) -> None:
        """Calls are answered in their order."""
        one, other = workers.hire(list, [1]), workers.hire(list)
        for number in (5, 6):
            one.ask("append", number)
        assert [workers.fetch(each.ask("copy")) for each in (one, other)] == [[1, 5, 6], []]

    def test_the_cores_are_known(self, workers: Workers) -> None:
        """Of each machine."""
        assert workers.cores_of == (2,)


class TestHere(WorkersContract):
    """In this process."""

    @pytest.fixture
    def workers(self) -> Workers:
        return Here()


@pytest.fixture(scope="module")
def two_of_ray() -> Iterator[Workers]:
    """Ray on two cores of this machine."""
    pytest.importorskip("ray", reason="the extra 'ray' is not installed")
    with cluster(cores_here=2) as found:
        yield found


class TestRay(WorkersContract):
    """Two workers of Ray on this machine."""

    @pytest.fixture
    def workers(self, two_of_ray: Workers) -> Workers:
        return two_of_ray

    def test_a_ray_that_runs_is_used_and_left_running(self, workers: Workers) -> None:
        """Whoever started it ends it."""
        with cluster() as others:
            assert others.cores_of == (2,)
        assert workers.fetch(workers.start(abs, -1)) == 1

    def test_a_worker_that_dies_is_one_sentence(self, workers: Workers) -> None:
        """Not a traceback of Ray's."""
        with pytest.raises(MachineError, match=r"^Ray lost a worker or its memory: .*\. Run the same command again, with fewer workers or on machines with more memory\.$"):
            workers.fetch(workers.hire(import_module, "os").ask("_exit", 1))

    def test_a_package_that_a_machine_lacks_is_one_sentence(self, workers: Workers) -> None:
        """Such as this very module, which Ray's workers do not find."""
        with pytest.raises(MachineError, match=r"^Ray: every machine must have the same Python packages; one said: .*No module named 'test_cluster'\. Install the same version"):
            workers.fetch(workers.start(_nowhere))

    def test_arrays_arrive_as_they_are(self, workers: Workers) -> None:
        """Shared, not to be written to."""
        array = np.arange(1000)
        assert workers.fetch(workers.start(np.sum, workers.share(array))) == 499_500


def _nowhere() -> None:
    """A function of this module."""


def test_missing_ray_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """In one sentence."""

    def missing(name: str) -> Any:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(_optional.importlib, "import_module", missing)
    with pytest.raises(MissingExtra, match=r"^Working on a cluster needs the package 'ray', which is not installed\. Install it: pip install 'ringsmith\[ray\]'\.$"), cluster():
        pass


class FakeRay:
    """As much of Ray as beginning and ending takes."""

    def __init__(self, nodes: list[dict[str, Any]]) -> None:
        self._nodes, self.ended, self.began = nodes, 0, dict[str, Any]()

    def is_initialized(self) -> bool:
        return False

    def init(self, **how: Any) -> None:
        self.began = how
        if how["address"] == "ray://nobody":
            raise ConnectionError("no answer")

    def shutdown(self) -> None:
        self.ended += 1

    def nodes(self) -> list[dict[str, Any]]:
        return self._nodes


@pytest.mark.parametrize(
    ("address", "nodes", "sentence"),
    [
        ("127.0.0.1:1", [], r"^\$RAY_ADDRESS: a Ray cluster must answer there; none does at '127\.0\.0\.1:1'\. Start it"),
        ("ray://nobody", [], r"^\$RAY_ADDRESS: a Ray cluster must answer there; none does at 'ray://nobody'\. Start it \(ray start --head\), or unset RAY_ADDRESS\.$"),
        ("ray://empty", [{"Alive": True, "Resources": {}}, {"Alive": False, "Resources": {"CPU": 4.0}}], r"^A Ray cluster must have CPU cores; this one offers none\."),
    ],
)
def test_a_cluster_that_is_of_no_use_is_said(address: str, nodes: list[dict[str, Any]], sentence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """And left."""
    ray = FakeRay(nodes)
    monkeypatch.setattr(_cluster, "try_import", lambda *_, **__: ray)
    monkeypatch.setenv("RAY_ADDRESS", address)
    with pytest.raises(MachineError, match=sentence), cluster():
        pass
    assert ray.ended == 1


def test_a_cluster_that_runs_is_joined_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """With its own cores, of every machine that lives."""
    ray = FakeRay([{"Alive": True, "Resources": {"CPU": 4.0}}, {"Alive": True, "Resources": {"CPU": 2.0, "GPU": 1.0}}])
    monkeypatch.setattr(_cluster, "try_import", lambda *_, **__: ray)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        monkeypatch.setenv("RAY_ADDRESS", address)
        with cluster(cores_here=3) as workers:
            assert workers.cores_of == (4, 2)
    assert (ray.began["address"], "num_cpus" in ray.began, ray.ended) == (address, False, 1)


def test_a_ray_that_does_not_start_here_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """With its own reason."""
    ray = FakeRay([])
    monkeypatch.setattr(_cluster, "try_import", lambda *_, **__: ray)
    monkeypatch.setattr(FakeRay, "init", lambda self, **_: (_ for _ in ()).throw(RuntimeError("no ports")))
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with (
        pytest.raises(MachineError, match=r"^Ray could not be started on this machine: no ports\. Work without it \(--on local\)"),
        cluster(),
    ):
        pass


def test_ray_is_started_quietly_and_ended() -> None:
    """Offline, nothing on the screen, no process and no folder of it left; an error in the block ends it, too."""
    pytest.importorskip("ray", reason="the extra 'ray' is not installed")
    program = """
import glob, tempfile
from ringsmith._cluster import cluster
before = set(glob.glob(tempfile.gettempdir() + "/ray-*"))
try:
    with cluster(cores_here=1) as workers:
        assert workers.fetch(workers.start(abs, -3)) == 3
        raise ValueError("stop")
except ValueError:
    import ray
    import psutil
    print(ray.is_initialized(), sorted(set(glob.glob(tempfile.gettempdir() + "/ray-*")) - before), [child.name() for child in psutil.Process().children(recursive=True)])
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "False [] []\n", "")
