"""Approximate neighbours, held against the exact ones; skipped where usearch is not installed."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from vector_spaces import random_space

from ringsmith.errors import MissingExtra, OptionError, ReadError
from ringsmith.words.approximate import IndexOptions, build_index, open_index

needs_usearch = pytest.mark.skipif(find_spec("usearch") is None, reason="usearch (extra 'index') is not installed")


@needs_usearch
def test_it_finds_most_of_the_true_neighbours(tmp_path: Path) -> None:
    """The recall it measured is high on a small space, cosines are exact, and a saved graph finds the same."""
    space = random_space(2000, width=16)
    index = build_index(space, threads=1)
    assert index.recall is not None
    assert index.recall > 0.95
    exact = dict(space.nearest("w7", 50))
    found = index.nearest("w7")
    assert len(found) == 10
    assert "w7" not in dict(found)
    assert sum(word in dict(space.nearest("w7")) for word, _ in found) >= 8
    np.testing.assert_allclose([score for _, score in found], [exact[word] for word, _ in found], atol=1e-5)
    again = open_index(space, index.save(tmp_path / "graph"))
    assert again.nearest("w7") == found
    assert [word for word, _ in again.nearest(space.vector("w7"), 1)] == ["w7"]
    with pytest.raises(ReadError, match=r"the graph must be of these 10 words of 16 numbers; it is of others"):
        open_index(random_space(10, width=16), tmp_path / "graph")


@needs_usearch
@pytest.mark.parametrize("half", [True, False])
def test_a_graph_of_other_vectors_is_refused(tmp_path: Path, half: bool) -> None:
    """As many words and numbers are not enough, nor the same vectors in another order; the same ones in float16 are."""
    space = random_space(300, width=16)
    graph = build_index(space, IndexOptions(half=half), threads=1).save(tmp_path / "graph")
    for other in (random_space(300, width=16, seed=1), space.take(range(299, -1, -1))):
        with pytest.raises(ReadError, match=r"the graph must be of these 300 words of 16 numbers; it is of others\. Build it again\."):
            open_index(other, graph)
    assert len(open_index(replace(space, matrix=space.matrix.astype(np.float16)), graph).nearest("w7")) == 10


@needs_usearch
def test_what_is_no_graph_is_refused(tmp_path: Path) -> None:
    """Garbage, and nothing at all."""
    (tmp_path / "garbage").write_bytes(b"x" * 1000)
    with pytest.raises(ReadError, match=r"this is no graph of neighbours|it is of others"):
        open_index(random_space(10), tmp_path / "garbage")
    with pytest.raises(ReadError, match="there is no such file"):
        open_index(random_space(10), tmp_path / "nothing")


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """In one sentence; wrong options are refused before."""
    monkeypatch.setitem(__import__("sys").modules, "usearch.index", None)
    monkeypatch.setitem(__import__("sys").modules, "usearch", None)
    with pytest.raises(
        MissingExtra, match=r"An approximate index of neighbours needs the package 'usearch', which is not installed\. Install it: pip install 'ringsmith\[index\]'"
    ):
        build_index(random_space(10))
    with pytest.raises(OptionError, match="'links' must be at least 2; got 1"):
        IndexOptions(links=1)
    with pytest.raises(OptionError, match="'vectors' must hold at least one word"):
        build_index(random_space(10).take([]))
