"""Safetensors headers: read exactly, and nothing but a sentence for what is broken."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from catalogue_folders import make_folder
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from ringsmith.catalogue.weights import count_parameters, hash_weights, read_header
from ringsmith.errors import ModelError

SHAPES = st.dictionaries(st.text(min_size=1, max_size=5), st.lists(st.integers(0, 4), max_size=3), min_size=1, max_size=5)


@given(SHAPES)
def test_headers_say_where_the_numbers_lie(tmp_path_factory: pytest.TempPathFactory, shapes: dict[str, list[int]]) -> None:
    """Whatever the reference library wrote, name, shape and bytes of each tensor are found."""
    path = tmp_path_factory.mktemp("w") / "model.safetensors"
    tensors = {name: np.random.default_rng(i).normal(size=shape).astype(np.float32) for i, (name, shape) in enumerate(shapes.items())}
    save_file(tensors, path)
    content, reference = path.read_bytes(), load_file(path)
    header = read_header(path)
    assert {tensor.name for tensor in header} == set(reference)
    for tensor in header:
        assert tensor.shape == reference[tensor.name].shape
        assert content[tensor.begin : tensor.end] == reference[tensor.name].tobytes()
    assert count_parameters([path]) == sum(array.size for array in tensors.values())


@given(st.binary(max_size=60), st.integers(0, 60))
def test_nonsense_is_refused_in_words(tmp_path_factory: pytest.TempPathFactory, noise: bytes, at: int) -> None:
    """Random bytes, alone or in the middle of a sound file, give a tensor list or a ModelError, never anything else."""
    path = tmp_path_factory.mktemp("w") / "model.safetensors"
    save_file({"a": np.ones((2, 3), dtype=np.float32)}, path)
    sound = path.read_bytes()
    for content in (noise, sound[:at] + noise + sound[at + len(noise) :]):
        path.write_bytes(content)
        with suppress(ModelError):
            assert all(0 < tensor.begin <= tensor.end <= len(content) for tensor in read_header(path))


@pytest.mark.parametrize("missing", [1, 40, 130])
def test_a_file_that_was_cut_off(tmp_path: Path, missing: int) -> None:
    """Wherever it was cut off, it is said; so is a file with something after its end."""
    path = make_folder(tmp_path) / "model.safetensors"
    content = path.read_bytes()
    path.write_bytes(content[:-missing])
    with pytest.raises(ModelError, match=r"the safetensors file is cut off: its header asks for [\d,]+ bytes; got [\d,]+\. Fetch or copy it again"):
        read_header(path)
    path.write_bytes(content + b"x")
    with pytest.raises(ModelError, match="longer than its header says"):
        read_header(path)


def test_another_kind_of_file(tmp_path: Path) -> None:
    """A pickle or a page of HTML under the name of a safetensors file."""
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"<html>404 Not Found</html>")
    with pytest.raises(ModelError, match="not a safetensors file: its header must have 2 to 100,000,000 bytes"):
        read_header(path)


def test_tensors_must_not_overlap(tmp_path: Path) -> None:
    """Offsets that contradict shapes would read another tensor's numbers."""
    header = json.dumps({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}, "b": {"dtype": "F32", "shape": [2], "data_offsets": [4, 12]}}).encode()
    path = tmp_path / "model.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(12))
    with pytest.raises(ModelError, match="contradicts itself"):
        read_header(path)


def test_the_hash_is_the_files_and_is_remembered(tmp_path: Path) -> None:
    """It is what sha256sum prints; a file of the same size and time is not read again; a changed one is."""
    path = make_folder(tmp_path) / "model.safetensors"
    state, truth = path.stat(), hashlib.sha256(path.read_bytes()).hexdigest()
    assert hash_weights([path]) == truth
    changed = path.read_bytes()[:-1] + b"?"
    path.write_bytes(changed)
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert hash_weights([path]) == truth
    os.utime(path, ns=(1, 1))
    assert hash_weights([path]) == hashlib.sha256(changed).hexdigest() != truth
