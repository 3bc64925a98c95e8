"""Approximate nearest neighbours by a graph (HNSW, Malkov and Yashunin 2018), through usearch: for millions of words asked one at a time.

The exact search of `WordVectors.nearest` reads the whole matrix for every question, some 20 ms for 400,000 x 300; the graph reads a few
hundred rows and misses a few neighbours. How many it misses is measured on the vectors themselves when the graph is built.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ringsmith._files import disk_faults, no_such_file, path_of, written
from ringsmith._optional import try_import
from ringsmith.errors import OptionError, ReadError
from ringsmith.records import Progress, Report, silent
from ringsmith.words.neighbours import Floats, Ints, unit
from ringsmith.words.vectors import Neighbour, WordVectors

PURPOSE = "an approximate index of neighbours"
PART = 1 << 14
PROBED, KEPT = 200, 10
CLOSE = 0.01
"""Most that a number of a vector in length 1 changes in float16, in the graph or in a file of the same vectors."""


@dataclass(frozen=True, kw_only=True)
class IndexOptions:
    """How the graph is built and searched (M, efConstruction and efSearch of the paper).

    Attributes:
        links: edges of a node; more cost memory, 16 to 64 are usual.
        breadth: candidates looked at while building; more cost time.
        search_breadth: candidates looked at in a search; more find more.
        half: keep float16 in the graph, half the memory.

    Raises:
        OptionError: a number below 1 (below 2 for `links`).
    """

    links: int = 32
    breadth: int = 128
    search_breadth: int = 128
    half: bool = True

    def __post_init__(self) -> None:
        for name, value, least in (("links", self.links, 2), ("breadth", self.breadth, 1), ("search_breadth", self.search_breadth, 1)):
            if value < least:
                raise OptionError(f"'{name}' must be at least {least}; got {value}. Leave it out for the usual value.")


@dataclass(frozen=True, eq=False)
class ApproximateIndex:
    """Neighbours by a graph.

    Attributes:
        vectors: the space that the graph was built from.
        graph: usearch's index; keys are the numbers of rows.
        recall: share of the true 10 nearest that were found for 200 words drawn at random; None for a graph opened from a file.
    """

    vectors: WordVectors
    graph: Any
    recall: float | None = None

    def nearest(self, query: str | Floats, n: int = 10) -> list[Neighbour]:
        """About the nearest words, nearest first, with their cosines; a word never finds itself.

        Raises:
            UnknownName: the word is not there. OptionError: `n` below 1.
        """
        if n < 1:
            raise OptionError(f"'n' must be at least 1; got {n}. Use 10, the usual value, or leave it out.")
        own = self.vectors.index.get(query) if isinstance(query, str) else None
        vector = self.vectors.vector(query) if isinstance(query, str) else np.asarray(query, dtype=np.float32)
        rows = [row for row in _search(self.graph, vector[None], n + (own is not None))[0].tolist() if row != own][:n]
        # The graph's own cosines are of its own precision: the exact ones cost n rows.
        scores = unit(self.vectors.decoded(np.array(rows, dtype=np.int64))) @ unit(vector[None])[0]
        found = sorted(zip(rows, scores.tolist(), strict=True), key=lambda pair: (-pair[1], pair[0]))
        return [Neighbour(self.vectors.words[row], score) for row, score in found]

    def save(self, path: str | Path) -> Path:
        """Write the graph (not the words: keep their file); whole or not at all."""
        place = path_of(path)
        with disk_faults(place), written(place) as scratch:
            self.graph.save(str(scratch))
        return place


def build_index(vectors: WordVectors, options: IndexOptions = IndexOptions(), *, threads: int = 0, report: Report = silent) -> ApproximateIndex:
    """Build the graph and measure how many neighbours it finds.

    Args:
        vectors: the space; an empty one is refused.
        options: see `IndexOptions`.
        threads: of the building; 0 for all cores.
        report: is told how many words are in.

    Raises:
        MissingExtra: usearch is not installed. OptionError: no words.
    """
    if not len(vectors):
        raise OptionError("'vectors' must hold at least one word; got none. Open a file of vectors first.")
    graph = _graph(vectors.dimensions, options)
    for first in range(0, len(vectors), PART):
        block = unit(vectors.decoded(slice(first, first + PART)))
        graph.add(np.arange(first, first + len(block), dtype=np.uint64), block, threads=threads)
        report(Progress("index", first + len(block), len(vectors), "words"))
    rows = _probed(vectors)
    queries, k = vectors.decoded(rows), min(KEPT, len(vectors))
    true, found = vectors.nearest_rows(queries, k).ids, _search(graph, queries, k)
    recall = float(np.mean([len(set(a.tolist()) & set(b.tolist())) / k for a, b in zip(true, found, strict=True)]))
    return ApproximateIndex(vectors, graph, recall)


def open_index(vectors: WordVectors, path: str | Path) -> ApproximateIndex:
    """A graph that `ApproximateIndex.save` wrote, mapped, beside the vectors it was built from.

    Raises:
        ReadError: no such file, no such graph, or one of other vectors. MissingExtra: usearch is not installed.
    """
    place, usearch = path_of(path), try_import("usearch.index", purpose=PURPOSE)
    if not place.exists():
        raise no_such_file(place)
    try:
        graph = usearch.Index.restore(str(place), view=True)
    except (RuntimeError, ValueError, OSError, KeyError) as error:
        raise ReadError(f"{place}: this is no graph of neighbours ({error}). Build it again.") from error
    if graph is None or not _is_of(graph, vectors):
        raise ReadError(f"{place}: the graph must be of these {len(vectors):,} words of {vectors.dimensions} numbers; it is of others. Build it again.")
    return ApproximateIndex(vectors, graph)


def _graph(width: int, options: IndexOptions) -> Any:
    usearch = try_import("usearch.index", purpose=PURPOSE)
    return usearch.Index(
        ndim=width,
        metric="cos",
        dtype="f16" if options.half else "f32",
        connectivity=options.links,
        expansion_add=options.breadth,
        expansion_search=options.search_breadth,
    )


def _probed(vectors: WordVectors) -> Ints:
    """Rows drawn at random, the same each time."""
    return np.random.default_rng(0).permutation(len(vectors))[:PROBED]


def _is_of(graph: Any, vectors: WordVectors) -> bool:
    """Whether the graph has as many vectors, and keeps those of the probed rows."""
    if graph.ndim != vectors.dimensions or len(graph) != len(vectors):
        return False
    rows = _probed(vectors)
    kept = graph.get(rows, np.float32)
    return all(vector is not None for vector in kept) and np.allclose(kept, unit(vectors.decoded(rows)), rtol=0, atol=CLOSE)


def _search(graph: Any, queries: Floats, n: int) -> Ints:
    keys = np.asarray(graph.search(unit(queries), n, threads=1).keys, dtype=np.int64)
    return np.asarray(keys.reshape(len(queries), -1))
