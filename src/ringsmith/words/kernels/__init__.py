"""The inner loops, compiled by Numba: arrays in, arrays out; each has a slow readable twin."""

from ringsmith.words.kernels._cache import are_compiled as are_compiled
from ringsmith.words.kernels._cache import install
from ringsmith.words.kernels._start import spare_linear_algebra

install()
spare_linear_algebra()
