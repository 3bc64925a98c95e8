"""The inner loops, compiled by Numba: arrays in, arrays out; each has a slow readable twin."""

from pathlib import Path

from ringsmith._kernels import cache


def are_compiled() -> bool:
    """Whether the kernels of word2vec were compiled since their source last changed; others are as good as always there with them."""
    return cache.are_compiled(Path(__file__).resolve().with_name("word2vec.py"))
