"""Kernels on the threads that torch itself computes with: no second pool of threads, whose waiting would take the cores from the first.

A job is a row of 64-bit numbers, sizes and addresses; its work is cut into chunks, and each thread takes the next one as soon as it is free. How
much is in a chunk does not hang on the number of threads, so that sums over chunks are the same to the last bit on any machine.

torch's own library of OpenMP is called at the entry to which compilers translate a parallel region (``GOMP_parallel``; GCC's, Intel's and LLVM's
have it on Linux). Where there is none, a `Team` works on one thread.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from llvmlite import ir
from numba import cfunc, njit, types

from ringsmith._kernels.simd import COMPILE, _operation

P = ParamSpec("P")
R = TypeVar("R")
_LONG = ir.IntType(64)
_JOB = types.CPointer(types.int64)
_OPTIONS: dict[str, Any] = {name: value for name, value in COMPILE.items() if name != "nogil"}
HEAD = 3
"""Numbers before a job's own: the next chunk, the chunks in all, the kernel."""


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile what kernels call."""
    made: Callable[P, R] = njit(**COMPILE)(function)
    return made


class kernel:  # noqa: N801 (a decorator)
    """A function ``(job, chunk, chunks)`` that does one chunk of a job; compiled when it is first needed, so that what it calls may stand below it."""

    def __init__(self, function: Callable[[Any, Any, Any], None]) -> None:
        self.function = function

    @cached_property
    def _code(self) -> Any:
        return cfunc(types.void(_JOB, types.int64, types.int64), **_OPTIONS)(self.function)

    def compile(self) -> int:
        """Where the compiled code begins."""
        return int(self._code.address)


@_operation
def _take(typing: Any, job: Any) -> Any:
    """The next chunk, which nobody else gets."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.atomic_rmw("add", arguments[0], ir.Constant(_LONG, 1), "monotonic")

    return types.int64(_JOB), build


@_operation
def _do(typing: Any, job: Any, chunk: Any) -> Any:
    """Call the job's kernel."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        job, chunk = arguments
        kind = ir.FunctionType(ir.VoidType(), [_LONG.as_pointer(), _LONG, _LONG])
        chunks, address = (builder.load(builder.gep(job, [ir.Constant(_LONG, place)])) for place in (1, 2))
        builder.call(builder.inttoptr(address, kind.as_pointer()), [builder.gep(job, [ir.Constant(_LONG, HEAD)]), chunk, chunks])
        return context.get_dummy_value()

    return types.void(_JOB, types.int64), build


@cfunc(types.void(_JOB), **_OPTIONS)
def _work(job: Any) -> None:
    """What every thread does: chunk after chunk until none is left."""
    chunk = _take(job)
    while chunk < job[1]:
        _do(job, chunk)
        chunk = _take(job)


@lru_cache
def _parallel(library: Path) -> Any:
    """The entry to a parallel region in what `library` stands on; None where there is none."""
    try:
        entry = ctypes.CDLL(str(library)).GOMP_parallel
    except (OSError, AttributeError):
        return None
    entry.argtypes, entry.restype = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint], None
    return entry


class Team:
    """So many threads that do jobs together.

    Args:
        library: a library whose OpenMP has the threads.
        threads: how many.
    """

    def __init__(self, library: Path, threads: int) -> None:
        self.threads = threads
        self._entry = _parallel(library)

    @property
    def is_whole(self) -> bool:
        """Whether all of them work."""
        return self.threads == 1 or self._entry is not None

    def do(self, task: kernel, chunks: int, *job: int) -> None:
        """Do a job of so many chunks; what its addresses name must live as long."""
        numbers = (ctypes.c_int64 * (HEAD + len(job)))(0, chunks, task.compile(), *job)
        if self.threads == 1 or self._entry is None:
            _work.ctypes(numbers)
        else:
            self._entry(_work.address, ctypes.addressof(numbers), self.threads, 0)
