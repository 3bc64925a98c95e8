"""Where compiled kernels are kept: in the package's own ``__pycache__`` or, where that may not be written, in Ringsmith's cache folder.

Numba's own rule looks at one source file only, so that a kernel which calls those of another file would stay as it was when these change. Here
a kernel is compiled anew when its file or one that it imports from changes. ``NUMBA_CACHE_DIR`` is respected.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from types import FunctionType
from typing import Any, Self

from numba.core import caching, config, event

from ringsmith._paths import cache_folder

HERE = Path(__file__).resolve().parents[1]
"""The package: only its own functions are looked after."""
IMPORTS = re.compile(r"^from ringsmith\.([\w.]+) import", re.MULTILINE)


class KernelLocator:
    """Tells Numba where to keep the compiled code of a function and when it is out of date; see `numba.core.caching`."""

    def __init__(self, function: FunctionType, source: Path) -> None:
        self._line, self._source = function.__code__.co_firstlineno, source

    @classmethod
    def from_function(cls, py_func: FunctionType, py_file: str) -> Self | None:
        """A locator for a kernel; None for the functions of others, and where nothing may be written."""
        source = Path(py_file).resolve()
        if HERE not in source.parents or not source.is_file() or kernel_folder() is None:
            return None
        return cls(py_func, source)

    def ensure_cache_path(self) -> None:
        """The folder is there: `kernel_folder` saw to it."""

    def get_cache_path(self) -> str:
        """The folder of the compiled code."""
        return str(kernel_folder())

    def get_source_stamp(self) -> str:
        """What changes with the source."""
        return stamp(self._source)

    def get_disambiguator(self) -> str:
        """What tells functions of one name apart."""
        return str(self._line)


@lru_cache
def kernel_folder() -> Path | None:
    """The first folder that may be written."""
    named = str(vars(config).get("CACHE_DIR") or "")
    for folder in [Path(named) / "ringsmith-kernels"] if named else [HERE / "__pycache__", cache_folder() / "kernels"]:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                return folder
        except OSError:
            continue
    return None


@lru_cache
def stamp(source: Path) -> str:
    """SHA-256 of a file of kernels and of all those it imports from."""
    digest = hashlib.sha256()
    for path in closure(source):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def closure(source: Path) -> list[Path]:
    """The file and those of the package that it imports from, however far."""
    found, waiting = set[Path](), [source]
    while waiting:
        path = waiting.pop()
        if path not in found and path.is_file():
            found.add(path)
            waiting += [HERE / f"{name.replace('.', '/')}.py" for name in IMPORTS.findall(path.read_text(encoding="utf-8"))]
    return sorted(found)


@contextmanager
def told_of_compiling(tell: Callable[[], None]) -> Iterator[None]:
    """Within the block `tell` is called once when the first kernel is compiled; not where all that are needed lie compiled on disk."""
    with event.install_listener("numba:compile", _First(tell)):
        yield


class _First(event.Listener):
    """Hears of the first kernel that is compiled."""

    def __init__(self, tell: Callable[[], None]) -> None:
        self._tell: Callable[[], None] | None = tell

    def on_start(self, _: event.Event) -> None:
        """A kernel begins to be compiled."""
        tell, self._tell = self._tell, None
        if tell is not None:
            tell()

    def on_end(self, _: event.Event) -> None:
        """It is there."""


def install() -> None:
    """Have Numba ask `KernelLocator` first; where its inside has changed, its own rule stays."""
    classes = getattr(getattr(caching, "CacheImpl", None) or getattr(caching, "_CacheImpl", None), "_locator_classes", None)
    if isinstance(classes, list) and KernelLocator not in classes:
        classes.insert(0, KernelLocator)
        vars(caching)["FunctionCache"].save_overload = _kept_if_it_can(caching.FunctionCache.save_overload)


def _kept_if_it_can(save: Callable[[Any, Any, Any], None]) -> Callable[[Any, Any, Any], None]:
    """`save` of Numba's cache, which leaves a kernel uncached where the disk is full: it works, and is compiled again the next time."""

    def save_or_not(cache: Any, signature: Any, result: Any) -> None:
        with suppress(OSError):
            save(cache, signature, result)

    return save_or_not
