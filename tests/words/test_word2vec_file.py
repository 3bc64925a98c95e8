"""A model on disk: all of it comes back, in another process too; damaged files are refused."""

from __future__ import annotations

import errno
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from ringsmith.errors import MachineError, ReadError
from ringsmith.words.corpus import Corpus, CorpusOptions, read_corpus
from ringsmith.words.model import Word2VecModel
from ringsmith.words.modelfile import load_extra, load_model, save_model
from ringsmith.words.options import Word2VecOptions
from ringsmith.words.word2vec import train_word2vec

LINES = ["the cat sat on the mat", "a naïve 東京 \u00a0 dog sat", "the dog and the cat"] * 40
WAYS: dict[str, dict[str, Any]] = {"plain": {}, "tree": {"hierarchical": True}, "subwords": {"subwords": (2, 4), "buckets": 30}}


def trained(corpus: Corpus, **options: Any) -> Word2VecModel:
    """A small model after an epoch."""
    return train_word2vec(corpus, Word2VecOptions(dim=5, epochs=1, deterministic=True, **options))


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    """A few words in several scripts."""
    return read_corpus(LINES, CorpusOptions(min_count=1))


@pytest.mark.parametrize("way", WAYS)
def test_training_goes_on_as_if_it_had_not_been_saved(way: str, corpus: Corpus, tmp_path: Path) -> None:
    """To the last bit, options and losses included."""
    model = trained(corpus, **WAYS[way])
    loaded = load_model(save_model(model, tmp_path / "model.safetensors", extra={"a": [1]}))
    assert loaded.options == model.options
    assert loaded.vocabulary.words == model.vocabulary.words
    assert (loaded.losses, loaded.loss_total, loaded.trained_words, loaded.seconds) == (model.losses, model.loss_total, model.trained_words, model.seconds)
    assert load_extra(tmp_path / "model.safetensors") == {"a": [1]}
    for each in (model, loaded):
        train_word2vec(corpus, replace(model.options, epochs=2), model=each)
    np.testing.assert_array_equal(loaded.inputs, model.inputs)
    np.testing.assert_array_equal(loaded.outputs, model.outputs)


def test_a_model_is_never_taken_for_a_pickle(corpus: Corpus, tmp_path: Path) -> None:
    """Whatever the length of its header, which is how its file begins: padded here to each that four kilobytes allow."""
    content = save_model(trained(corpus), tmp_path / "model").read_bytes()
    ends = 8 + int.from_bytes(content[:8], "little")
    for length in range(ends, 4097, 8):
        (tmp_path / "padded").write_bytes(length.to_bytes(8, "little") + content[8:ends].ljust(length) + content[ends:])
        assert load_extra(tmp_path / "padded") == {}


def test_another_process_reads_it(corpus: Corpus, tmp_path: Path) -> None:
    """And says the same of it."""
    path = save_model(trained(corpus), tmp_path / "model")
    program = f"from ringsmith.words.modelfile import load_model\nprint(repr(load_model({str(path)!r}).vectors.nearest('cat', 3)))"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, encoding="utf-8", env=None).stdout
    assert said.strip() == repr(load_model(path).vectors.nearest("cat", 3))


def test_any_reader_of_safetensors_can_read_it(corpus: Corpus, tmp_path: Path) -> None:
    """The library's own."""
    model = trained(corpus)
    with safe_open(save_model(model, tmp_path / "model.safetensors"), "np") as file:
        np.testing.assert_array_equal(file.get_tensor("inputs"), model.inputs)


def test_a_full_disk_leaves_the_old_file(corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing beside it."""
    path = save_model(trained(corpus), tmp_path / "model.safetensors")
    before = path.read_bytes()

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("safetensors.numpy.save_file", full)
    with pytest.raises(MachineError, match=r"model\.safetensors: the disk is full"):
        save_model(trained(corpus), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_no_model_is_refused(corpus: Corpus, tmp_path: Path) -> None:
    """Each with its own sentence."""
    (tmp_path / "gensim.model").write_bytes(pickle.dumps({"a": 1}, 4))
    with pytest.raises(ReadError, match=r"gensim\.model: pickles \(gensim's own save\) are not opened, because they can run code\. .*save_word2vec_format"):
        load_model(tmp_path / "gensim.model")
    with pytest.raises(ReadError, match=r"there is no such file"):
        load_model(tmp_path / "nothing")
    save_file({"x": np.zeros(3)}, tmp_path / "other.safetensors")
    with pytest.raises(ReadError, match=r"a saved word2vec model says format 'ringsmith-word2vec'; got None\. Files of vectors alone are opened by open_vectors\."):
        load_model(tmp_path / "other.safetensors")
    save_file({"x": np.zeros(3)}, tmp_path / "new.safetensors", metadata={"format": "ringsmith-word2vec", "schema": "9"})
    with pytest.raises(ReadError, match=r"schema 1 is read by this version of Ringsmith; got '9'\."):
        load_model(tmp_path / "new.safetensors")


CHANGES: list[tuple[Any, str]] = [
    (lambda arrays, data: arrays.pop("counts"), "'counts' is missing or of another kind"),
    (lambda arrays, data: arrays.update(inputs=arrays["inputs"][:-1]), r"a matrix of \d+ x 5 has the shape \(\d+, 5\)"),
    (lambda arrays, data: arrays.update(word_ends=arrays["word_ends"][:-1]), "'words', 'word_ends' and 'counts' do not fit together"),
    (lambda arrays, data: data.update(state="{"), "its metadata are no JSON"),
    (lambda arrays, data: data.update(state="[]"), "its options are missing"),
    (lambda arrays, data: data.update(state='{"options": {"dim": 0}}'), "its options are none of this version"),
    (lambda arrays, data: data.update(state=data["state"].replace('"dim": 5', '"dim": 0')), "its options are none of this version"),
]


@pytest.mark.parametrize(("change", "sentence"), CHANGES, ids=[sentence for _, sentence in CHANGES])
def test_a_model_that_lies_is_refused(change: Any, sentence: str, corpus: Corpus, tmp_path: Path) -> None:
    """Whatever does not fit together is said."""
    path = save_model(trained(corpus), tmp_path / "model.safetensors")
    arrays = load_file(path)
    with safe_open(path, "np") as file:
        metadata = file.metadata()
    change(arrays, metadata)
    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, path, metadata=metadata)
    with pytest.raises(ReadError, match=rf"a saved word2vec model must be whole; {sentence}\. Copy it again, or train it anew\."):
        load_model(path)


@given(data=st.data())
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_file_is_refused_or_read_but_never_a_crash(data: st.DataObject, corpus: Corpus, tmp_path: Path) -> None:
    """Cut off anywhere, or with bytes of the header changed."""
    path = tmp_path / "model.safetensors"
    if not path.exists():
        save_model(trained(corpus), path)
    content = bytearray(path.read_bytes())
    if data.draw(st.booleans()):
        content = content[: data.draw(st.integers(0, len(content) - 1))]
    else:
        for at in data.draw(st.lists(st.integers(0, 1_200), min_size=1, max_size=4)):
            content[at] = data.draw(st.integers(0, 255))
    other = tmp_path / "damaged.safetensors"
    other.write_bytes(bytes(content))
    try:
        load_model(other)
    except ReadError as error:
        assert str(other) in str(error)  # noqa: PT017 (a damaged file may also be readable)
