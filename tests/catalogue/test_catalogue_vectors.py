"""Files of word vectors, looked at by their first bytes; truth: the files that `ringsmith.words` writes."""

from __future__ import annotations

import gzip
import pickle
from pathlib import Path

import numpy as np
import pytest
from catalogue_folders import make_folder
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ringsmith.catalogue import expand, inspect_vectors, methods, resolve
from ringsmith.catalogue.vectors import short_name
from ringsmith.errors import ModelError, UnknownName
from ringsmith.words.files import save_vectors
from ringsmith.words.vectors import WordVectors

VECTORS = WordVectors([f"word{i}" for i in range(40)], np.random.default_rng(0).standard_normal((40, 6)).astype(np.float32))


@pytest.mark.parametrize("name", ["v.txt", "v.vec", "v.bin", "v.safetensors", "v.npy", "v.glove", "folder"])
def test_rows_and_width_are_those_that_were_written(name: str, tmp_path: Path) -> None:
    """Counted where the file says them; of GloVe's text the rows are estimated from a line."""
    model = inspect_vectors(save_vectors(VECTORS, tmp_path / name), name="mine")
    assert (model.name, model.kind, model.hidden, model.layers, model.max_tokens) == ("mine", "vectors", 6, 0, None)
    rows = 41 if name == "folder" else 40  # the folder has a row for unknown words
    assert model.parameters == pytest.approx(6 * rows, abs=12 if name == "v.glove" else 0)
    assert len(model.weights_sha256) == 64


def test_packed_files_are_estimated_by_their_size(tmp_path: Path) -> None:
    """Three bytes a number, three hundred a word."""
    path = tmp_path / "v.txt.gz"
    path.write_bytes(gzip.compress(np.random.default_rng(0).bytes(90_000)))
    assert inspect_vectors(path, name="v").parameters == pytest.approx(30_000, rel=0.05)


@pytest.mark.shared_data
def test_the_header_of_a_real_fasttext_model(shared: Path) -> None:
    """lid.176 is quantised: it begins as all of them do."""
    found = list((shared / "weights").rglob("*.ftz")) + list((shared / "weights").rglob("*.bin"))
    for path in found:
        assert inspect_vectors(path, name=path.stem).parameters >= 0


@pytest.mark.parametrize("length", [640, 896, 1152, 1408])
def test_a_header_of_the_length_that_a_pickle_begins_with_is_none(length: int, tmp_path: Path) -> None:
    """Blanks may follow a header."""
    path = save_vectors(VECTORS, tmp_path / "v.safetensors")
    content = path.read_bytes()
    ends = 8 + int.from_bytes(content[:8], "little")
    path.write_bytes(length.to_bytes(8, "little") + content[8:ends].ljust(length) + content[ends:])
    assert inspect_vectors(path, name="mine").parameters == 240


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", r"got an empty file\. Save them in one of these forms\."),
        (pickle.dumps({"a": 1}), r"got a pickle, which could run code\. Save them"),
        (b"hello, world\n", r"or a file of word vectors; this begins with 'hello, world"),
        (b"\x00\x01\x02 3", r"or a file of word vectors; this begins with"),
    ],
)
def test_what_is_no_file_of_vectors_is_refused(content: bytes, sentence: str, tmp_path: Path) -> None:
    """With what was got instead."""
    path = tmp_path / "x.bin"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=sentence):
        resolve(str(path))


@given(
    content=st.one_of(
        st.binary(max_size=300),
        st.builds(lambda head, rest: head + rest, st.sampled_from([b"\x93NUMPY", b"2 3\n", b"\xba\x16O/", b"\x10" + bytes(7) + b"{"]), st.binary(max_size=300)),
    )
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_garbage_is_refused_in_a_sentence_or_measured(content: bytes, tmp_path: Path) -> None:
    """Nothing else escapes."""
    path = tmp_path / "garbage"
    path.write_bytes(content)
    try:
        assert inspect_vectors(path, name="g").parameters >= 0
    except ModelError as error:
        assert "garbage" in str(error)  # noqa: PT017


def test_a_file_is_called_by_its_name(tmp_path: Path) -> None:
    """Without folder and ending; two of one name, or one of a model's name, by the path."""
    first, second = (save_vectors(VECTORS, tmp_path / name / "glove.6B.txt") for name in ("a", "b") if not (tmp_path / name).mkdir())
    assert [choice.name for choice in expand([str(first)])] == ["glove.6B"]
    assert [choice.name for choice in expand([str(first), str(second), str(first)])] == ["glove.6B", str(second)]
    save_vectors(VECTORS, tmp_path / "word2vec.txt")
    assert [choice.name for choice in expand(["word2vec", str(tmp_path / "word2vec.txt")])] == ["word2vec", str(tmp_path / "word2vec.txt")]
    assert short_name(Path("x/.txt")) == ".txt"


def test_methods_are_names_of_the_group_static() -> None:
    """Nothing lies on this machine for them."""
    assert {choice.name for choice in expand(["static"])} == set(methods()) == {"word2vec", "glove"}
    model = resolve("glove")
    assert (model.kind, model.folder, model.weights_sha256, model.parameters) == ("method", "", "", 0)


def test_a_missing_file_is_not_looked_for_on_the_hub() -> None:
    """One slash would make it a repository's name."""
    with pytest.raises(UnknownName, match=r"There is no model folder or file of word vectors 'data/glove\.txt'\. Check the path"):
        resolve("data/glove.txt")


def test_a_transformers_folder_is_none_of_vectors(tmp_path: Path) -> None:
    """Its config names another kind."""
    folder = make_folder(tmp_path / "m")
    (folder / "tokenizer.json").write_text("{}")
    assert resolve(str(folder)).kind == "transformer"
