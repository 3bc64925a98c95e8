"""The inner loops, compiled by Numba: arrays in, arrays out; each has a slow readable twin."""

import ringsmith._kernels  # noqa: F401 - it tells Numba where compiled code is kept
