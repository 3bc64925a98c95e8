"""WHERE RUNS HAPPEN: each way is one file that keeps the contract of `base.Backend`."""

from __future__ import annotations

from ringsmith.compare.backends.base import Backend
from ringsmith.compare.backends.inline import InlineBackend
from ringsmith.compare.backends.process import ProcessBackend
from ringsmith.errors import UnknownName

BACKENDS: dict[str, type[Backend]] = {"local": ProcessBackend, "inline": InlineBackend}
"""Name, as in ``--on`` -> backend. A new one is one file, one test and one line here."""

__all__ = ["BACKENDS", "Backend", "InlineBackend", "ProcessBackend", "create_backend"]


def create_backend(name: str, *, threads: int, memory_mb: float) -> Backend:
    """The backend `name`.

    Args:
        name: as in `BACKENDS`.
        threads: CPU threads of a run.
        memory_mb: memory a run may take.

    Raises:
        UnknownName: there is no such backend.
    """
    if name not in BACKENDS:
        raise UnknownName.of("backend", name, BACKENDS)
    return BACKENDS[name](threads=threads, memory_mb=memory_mb)
