"""A quicker start of Numba: the linear algebra of scipy is not loaded, because no kernel calls it.

When Numba compiles (or loads) its first function it looks whether scipy's BLAS is there, which imports all of `scipy.linalg`: a third of the
time from the start of a process to its first trained word. Whoever does call a function of linear algebra gets the real one: Numba imports it then.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType

LOOKED_FOR, LOOKS = "scipy.linalg.cython_blas", "numba.np.arraymath"


def spare_linear_algebra() -> None:
    """Let Numba find what it looks for without importing it; nothing is left in its place."""
    if LOOKED_FOR in sys.modules or LOOKS in sys.modules:
        return
    sys.modules[LOOKED_FOR] = ModuleType(LOOKED_FOR)
    try:
        import_module(LOOKS)
    finally:
        del sys.modules[LOOKED_FOR]
