"""A process that has imported what runs stand on, and forks for each of them: a run begins at once, and its memory and its time are still its own.

``python -m ringsmith.compare.forkserver DESCRIPTOR``, the descriptor being one end of a socket that keeps messages apart. A request is
``{"recipe": "module:Class", "folder": ...}`` with the run's standard input, output and error; the answers are its process, then its exit code. Without
a folder it imports, and answers 0. The imports of a run on a transformer take longer than many of these runs themselves (LOG.md). The server
computes nothing, so that no thread is at work in it: only such a process may be copied safely. It ends when its parent does.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import socket
import sys
import warnings
from contextlib import suppress

from ringsmith.compare import job
from ringsmith.compare.measure import count_as_mapped, mapped_mb

LONGEST = 1 << 16
"""Bytes of a request."""


def serve(control: socket.socket) -> str | None:
    """Fork for every request, one after the other.

    Returns:
        In a fork the folder of its job; in the server None, when its parent has hung up.
    """
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, LONGEST, 3)
        if not message:
            return None
        request = json.loads(message)
        _load(request["recipe"])
        if "folder" not in request:
            control.send(b"0")
            continue
        mapped = mapped_mb()
        gc.freeze()  # collecting would write to every page that the forks share
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 counts threads, those too that have nothing to do
            process = os.fork()
        if process == 0:
            _become(descriptors)
            count_as_mapped(mapped - mapped_mb())
            return str(request["folder"])
        with suppress(OSError):  # the fork does the same: whoever hears of it may end its group, whichever of the two came first
            os.setpgid(process, process)
        for descriptor in descriptors:
            os.close(descriptor)
        control.send(b"%d" % process)
        _, status = os.waitpid(process, 0)
        control.send(b"%d" % os.waitstatus_to_exitcode(status))


def _load(recipe: str) -> None:
    """Import a recipe, and what its fits import later."""
    module, _, name = recipe.partition(":")
    for later in getattr(importlib.import_module(module), name).imports:
        importlib.import_module(later)


def _become(descriptors: list[int]) -> None:
    """Be a run's process: a group of its own, and the input, output and error that were sent for it."""
    os.setpgid(0, 0)
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)


def main(descriptor: int) -> None:
    """Serve; in each fork do its job."""
    with socket.socket(fileno=descriptor) as control:
        folder = serve(control)
    if folder is not None:
        job.main(folder)


if __name__ == "__main__":
    main(int(sys.argv[1]))
