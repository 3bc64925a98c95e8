"""The inner loops, compiled by Numba: arrays in, arrays out; each has a slow readable twin."""
