"""The cache: the same vectors, found again by content, safe when several write, bounded, and never a reason to fail."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringsmith._paths import cache_folder
from ringsmith.backbones import Backbone, encode, encode_with_facts, load_backbone
from ringsmith.backbones import encoding as encoding_module
from ringsmith.backbones.cache import FEWEST_ROWS, VectorCache, make_keys
from ringsmith.catalogue import inspect_folder

WRITE = """
import numpy as np, sys
from pathlib import Path
from ringsmith.backbones.cache import VectorCache, make_keys
start = int(sys.argv[2])
for part in range(6):
    names = [str(n) for n in range(start + 20 * part, start + 20 * part + 20)]
    VectorCache(Path(sys.argv[1]), (2, 3)).store(make_keys(names), np.array([[[float(n)] * 3] * 2 for n in names], dtype=np.float32))
"""


def sentences(count: int) -> list[str]:
    """Different texts of different lengths."""
    return [f"the cat {n} sat " + "on a mat " * (n % 4) for n in range(count)]


def values_of(names: list[str]) -> npt.NDArray[np.float32]:
    """Vectors (n, 2, 3) that say which row they belong to."""
    return np.array([[[float(name)] * 3] * 2 for name in names], dtype=np.float32)


def test_warm_is_cold(bert: Backbone) -> None:
    """A second call takes everything from the cache and gives the same numbers, to the bit."""
    cold, warm = encode_with_facts(bert, sentences(40)), encode_with_facts(bert, sentences(40)[::-1])
    assert (cold.cached, cold.hit_rate) == (0, 0.0)
    assert (warm.cached, warm.hit_rate) == (40, 1.0)
    assert np.array_equal(cold.vectors, warm.vectors[::-1])


def test_folds_share_their_rows(bert: Backbone) -> None:
    """In five folds, train, validation and test are encoded anew in each: over 95 % of the rows after the first come from the cache."""
    texts, facts = np.array(sentences(200)), []
    for fold in range(5):
        order = np.random.default_rng(fold).permutation(200)
        facts += [encode_with_facts(bert, texts[part].tolist()) for part in (order[:120], order[120:160], order[160:])]
    later = facts[3:]
    assert sum(f.cached for f in later) / sum(f.unique for f in later) > 0.95


def test_equal_rows_are_computed_once(bert: Backbone, monkeypatch: pytest.MonkeyPatch) -> None:
    """Repeated texts cost nothing and get the same vector."""
    counted: list[int] = []
    forward = encoding_module.forward
    monkeypatch.setattr(encoding_module, "forward", lambda b, t, rows, w: counted.append(len(rows)) or forward(b, t, rows, w))
    vectors = encode(bert, ["cat", "dog", "cat", "cat"], cache=False)
    assert sum(counted) == 2
    assert np.array_equal(vectors[0], vectors[2])
    assert not np.allclose(vectors[0], vectors[1])


def test_what_makes_a_vector_makes_the_space(bert: Backbone) -> None:
    """Another pooling or choice of layers, or a pair, is never answered with the wrong vector."""
    texts = sentences(30)
    encode(bert, texts)
    assert encode_with_facts(bert, texts, pooling="cls").cached == 0
    assert encode_with_facts(bert, texts, layers="last").cached == 0
    assert encode_with_facts(bert, texts, pairs=texts).cached == 0
    assert encode_with_facts(bert, texts).cached == 30


def test_a_config_makes_a_model_too(bert: Backbone, tmp_path: Path) -> None:
    """Fewer layers of the same weights are another model: with vectors of its own, and what is measured to be fastest for it."""
    folder = shutil.copytree(bert.model.folder, tmp_path / "bert")
    path, texts = folder / "config.json", sentences(30)
    path.write_text(json.dumps({**json.loads(path.read_text()), "num_hidden_layers": 1, "hidden_act": "relu"}))
    other = load_backbone(inspect_folder(folder, name="other"), threads=1, precision="float32")
    assert other.model.weights_sha256 == bert.model.weights_sha256
    assert other.identity != bert.identity
    encode(bert, texts, layers="last")
    found = encode_with_facts(other, texts, layers="last")
    assert found.cached == 0
    np.testing.assert_array_equal(found.vectors, encode(other, texts, layers="last", cache=False))


def test_nothing_is_written_when_not_wanted(bert: Backbone) -> None:
    """`cache=False` leaves no trace."""
    encode(bert, sentences(40), cache=False)
    assert not (cache_folder() / "vectors").exists()


def test_a_broken_file_is_ignored_and_removed(bert: Backbone) -> None:
    """A file that was cut off is not read, not fatal, and gone afterwards."""
    first = encode(bert, sentences(40))
    (shard,) = (cache_folder() / "vectors").glob("*/*.safetensors")
    shard.write_bytes(shard.read_bytes()[:-5])
    stranger = shard.with_name("stranger.safetensors")
    stranger.write_bytes(b"hello, I am no safetensors file")
    again = encode_with_facts(bert, sentences(40))
    assert again.cached == 0
    np.testing.assert_array_equal(first, again.vectors)
    assert not stranger.exists()
    assert encode_with_facts(bert, sentences(40)).hit_rate == 1.0


def test_several_processes_may_write(tmp_path: Path) -> None:
    """Two processes that write overlapping rows at once: every row is there, and right."""
    run = [subprocess.Popen([sys.executable, "-c", WRITE, str(tmp_path / "space"), start]) for start in ("0", "60")]
    assert [process.wait(60) for process in run] == [0, 0]
    names = [str(n) for n in range(180)]
    out = np.zeros((180, 2, 3), dtype=np.float32)
    assert VectorCache(tmp_path / "space", (2, 3)).fill(make_keys(names), out).all()
    np.testing.assert_array_equal(out, values_of(names))
    assert not list((tmp_path / "space").glob("*.tmp"))


def test_the_oldest_files_go_first(tmp_path: Path) -> None:
    """Over the limit, what was not used for longest is removed; what was just read stays."""
    cache = VectorCache(tmp_path / "space", (2, 3), limit_bytes=3_300)
    groups = [[str(n) for n in range(start, start + 20)] for start in (0, 100, 200)]
    for age, names in enumerate(groups[:2]):
        cache.store(make_keys(names), values_of(names))
        newest = max((tmp_path / "space").iterdir(), key=lambda path: path.stat().st_mtime_ns)
        os.utime(newest, (1_000 + age, 1_000 + age))
    assert cache.fill(make_keys(groups[0]), np.empty((20, 2, 3), dtype=np.float32)).all()
    for path in (tmp_path / "space").iterdir():
        if path.stat().st_mtime > 2_000 and path.stat().st_size > 3_300:
            raise AssertionError("the limit of this test is too small")
    cache.store(make_keys(groups[2]), values_of(groups[2]))
    assert sum(path.stat().st_size for path in (tmp_path / "space").iterdir()) <= 3_300
    assert cache.fill(make_keys(groups[2]), np.empty((20, 2, 3), dtype=np.float32)).all()


def test_a_cache_that_cannot_be_written_is_no_fault(bert: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the cache's folder is a file, encoding goes on without it."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RINGSMITH_CACHE", str(tmp_path / "file"))
    assert encode_with_facts(bert, sentences(40)).cached == 0


@pytest.mark.skipif(sys.platform == "win32", reason="limits of a process are not there")
def test_a_full_disk_is_no_fault_either(tmp_path: Path) -> None:
    """The library that writes the file tells it in an error of its own; nothing half-written is left."""
    import resource

    names, (soft, hard) = [str(n) for n in range(FEWEST_ROWS)], resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, hard))
    try:
        VectorCache(tmp_path / "space", (2, 3)).store(make_keys(names), values_of(names))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list((tmp_path / "space").iterdir()) == []


def test_only_a_file_that_may_be_written_is_flushed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows flushes no other: nothing would ever be kept there."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: os.write(descriptor, b""))
    cache, names = VectorCache(tmp_path / "space", (2, 3)), [str(n) for n in range(FEWEST_ROWS)]
    cache.store(make_keys(names), values_of(names))
    assert cache.fill(make_keys(names), np.empty((len(names), 2, 3), dtype=np.float32)).all()


def test_a_cache_that_may_only_be_read_serves_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a file was used last cannot be noted there."""
    cache, names = VectorCache(tmp_path / "space", (2, 3)), [str(n) for n in range(FEWEST_ROWS)]
    cache.store(make_keys(names), values_of(names))

    def refuse(_: Path) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "utime", refuse)
    assert cache.fill(make_keys(names), np.empty((len(names), 2, 3), dtype=np.float32)).all()


def test_few_rows_are_not_worth_a_file(tmp_path: Path) -> None:
    """One file for every handful of rows would make the cache slower than the model."""
    names = [str(n) for n in range(FEWEST_ROWS - 1)]
    VectorCache(tmp_path / "space", (2, 3)).store(make_keys(names), values_of(names))
    assert not (tmp_path / "space").exists()


@given(st.lists(st.tuples(st.text(max_size=6), st.none() | st.text(max_size=6)), unique=True, max_size=20))
def test_different_rows_have_different_keys(rows: list[tuple[str, str | None]]) -> None:
    """Text alone, text with an empty pair, texts that run into each other: none share a key."""
    keys = [tuple(make_keys([text], None if pair is None else [pair])[0].tolist()) for text, pair in rows]
    assert len(set(keys)) == len(rows)


@settings(max_examples=40)
@given(stored=st.sets(st.integers(0, 60), min_size=FEWEST_ROWS), asked=st.sets(st.integers(0, 60)))
def test_exactly_what_was_stored_is_found(stored: set[int], asked: set[int], tmp_path_factory: pytest.TempPathFactory) -> None:
    """Of the rows asked for, those that were stored are found, with their own vectors."""
    cache = VectorCache(tmp_path_factory.mktemp("cache"), (2, 3))
    names, wanted = [str(n) for n in stored], [str(n) for n in asked]
    cache.store(make_keys(names), values_of(names))
    out = np.full((len(wanted), 2, 3), -1.0, dtype=np.float32)
    found = cache.fill(make_keys(wanted), out)
    assert found.tolist() == [n in stored for n in asked]
    np.testing.assert_array_equal(out[found], values_of(wanted)[found] if wanted else out)
