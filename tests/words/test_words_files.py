"""Vector files: what one form writes, it reads again, and what cannot be read is said in a sentence."""

from __future__ import annotations

import errno
import gzip
import json
import shutil
import struct
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from vector_spaces import WORDS, random_space, small

from ringsmith.errors import MachineError, OptionError, ReadError, RingsmithError, UnknownName
from ringsmith.words.files import FORMATS, ReadOptions, open_vectors, save_vectors
from ringsmith.words.files.formats import tell
from ringsmith.words.files.mapped import header_of
from ringsmith.words.kernels.decimals import decimal
from ringsmith.words.ngrams import Ngrams, pieces
from ringsmith.words.quantise import quantise
from ringsmith.words.vectors import WordVectors

NAMES = {"word2vec-text": "v.txt", "word2vec-binary": "v.bin", "glove": "v.glove", "safetensors": "v.safetensors", "npy": "v.npy", "static": "v"}
"""Form -> a name that chooses it."""
PACKED = ["v.txt.gz", "v.vec.xz", "v.bin.bz2", "v.glove.zst"]
KEEPS_COUNTS = {"safetensors", "npy"}


class VectorFormat:
    """The contract of every form that is written: what comes back is what went in."""

    name: str

    def test_what_was_written_is_read_again_to_the_last_bit(self, tmp_path: Path) -> None:
        """Words, numbers, and counts where the form has them."""
        vectors = small()
        again = open_vectors(save_vectors(vectors, tmp_path / NAMES[self.name]))
        assert list(again.words) == WORDS
        np.testing.assert_array_equal(again.matrix, vectors.matrix)
        assert again.notes == ()
        if self.name in KEEPS_COUNTS:
            assert again.counts is not None
            assert again.counts.tolist() == list(range(10, 0, -1))

    @pytest.mark.parametrize("other", sorted(NAMES))
    def test_it_can_be_turned_into_every_other_form(self, tmp_path: Path, other: str) -> None:
        """Numbers and words survive the way there."""
        first = open_vectors(save_vectors(small(), tmp_path / NAMES[self.name]))
        second = open_vectors(save_vectors(first, tmp_path / f"other-{NAMES[other]}"))
        assert list(second.words) == WORDS
        np.testing.assert_array_equal(second.matrix, small().matrix)

    def test_its_form_is_told_by_content(self, tmp_path: Path) -> None:
        """Whatever the file is called."""
        path = save_vectors(small(), tmp_path / "strange.data", self.name)
        assert tell(path).name == self.name

    def test_only_the_first_words_can_be_read(self, tmp_path: Path) -> None:
        """`most` cuts; more than there are is no fault."""
        path = save_vectors(small(), tmp_path / NAMES[self.name])
        assert list(open_vectors(path, options=ReadOptions(most=3)).words) == WORDS[:3]
        assert len(open_vectors(path, options=ReadOptions(most=300))) == len(WORDS)

    def test_one_word_with_one_number_survives(self, tmp_path: Path) -> None:
        """The smallest space."""
        vectors = WordVectors(["a"], np.array([[0.25]], dtype=np.float32))
        again = open_vectors(save_vectors(vectors, tmp_path / NAMES[self.name]))
        assert (list(again.words), again.matrix.tolist()) == (["a"], [[0.25]])

    def test_a_file_cut_off_anywhere_is_refused_or_read_whole(self, tmp_path: Path) -> None:
        """Never another fault, never other numbers than were written."""
        (tmp_path / "whole").mkdir()
        whole = save_vectors(small(counts=False), tmp_path / "whole" / NAMES[self.name])
        content = (whole / "model.safetensors" if whole.is_dir() else whole).read_bytes()
        for size in [*range(0, len(content), max(1, len(content) // 60)), len(content) - 1]:
            path = Path(shutil.copytree(tmp_path / "whole", tmp_path / f"cut{size}", dirs_exist_ok=True)) / NAMES[self.name]
            (path / "model.safetensors" if path.is_dir() else path).write_bytes(content[:size])
            try:
                again = open_vectors(path, self.name)
            except RingsmithError:
                continue
            # A line of text that ends within a number is a whole line with another number: nobody can see that, but for the last.
            assert list(again.words) == WORDS[: len(again)]
            # ... and without a header a single line says itself how long it is.
            np.testing.assert_array_equal(again.matrix[:-1], small().matrix[: len(again) - 1, : again.dimensions])

    def test_the_old_file_stays_when_the_disk_is_full(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """And nothing half-written lies beside it."""
        if FORMATS[self.name].is_folder:
            pytest.skip("a folder is only written where nothing was")
        path = save_vectors(small(), tmp_path / NAMES[self.name])
        before = sorted(tmp_path.iterdir()), path.read_bytes()

        def full(*_: Any) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(Path, "replace", full)
        with pytest.raises(MachineError, match="the disk is full"):
            save_vectors(small(seed=1), path)
        assert (sorted(tmp_path.iterdir()), path.read_bytes()) == before

    def test_an_old_file_stays_when_a_library_meets_the_full_disk(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Those written in Rust tell it in the text of an error of their own."""
        from safetensors import SafetensorError

        if self.name not in ("safetensors", "static"):
            pytest.skip("this form is written without a library")

        def full(*_: Any, **__: Any) -> None:
            raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

        monkeypatch.setattr("safetensors.numpy.save_file", full)
        with pytest.raises(MachineError, match=r"the disk is full \(No space left on device\); nothing half-written is left there"):
            save_vectors(small(), tmp_path / NAMES[self.name])
        assert not list(tmp_path.iterdir())

    def test_a_repeated_word_is_kept_once_and_said(self, tmp_path: Path) -> None:
        """The first counts."""
        if self.name in ("safetensors", "static"):
            pytest.skip("this form is only written by us, or names each word once")
        doubled = WordVectors(["a", "b", "a"], np.array([[1, 1], [2, 2], [3, 3]], dtype=np.float32))
        again = open_vectors(save_vectors(doubled, tmp_path / NAMES[self.name]))
        assert (list(again.words), again.matrix.tolist()) == (["a", "b"], [[1, 1], [2, 2]])
        assert "1 word stands there more than once (such as 'a'); the first of each is kept" in again.notes[0]


class TestWord2vecText(VectorFormat):
    """word2vec text."""

    name = "word2vec-text"


class TestWord2vecBinary(VectorFormat):
    """word2vec binary."""

    name = "word2vec-binary"


class TestGlove(VectorFormat):
    """GloVe text."""

    name = "glove"


class TestSafetensors(VectorFormat):
    """Our own."""

    name = "safetensors"


class TestNpy(VectorFormat):
    """A matrix with words beside it."""

    name = "npy"


class TestStatic(VectorFormat):
    """A folder for sentence-transformers and Model2Vec."""

    name = "static"


@pytest.mark.parametrize("name", PACKED)
def test_packed_files_are_written_by_name_and_read_by_content(tmp_path: Path, name: str) -> None:
    """.gz, .xz, .bz2 and .zst; the packing cut off is said."""
    path = save_vectors(small(), tmp_path / name)
    np.testing.assert_array_equal(open_vectors(path).matrix, small().matrix)
    moved = path.rename(tmp_path / "moved")
    assert list(open_vectors(moved).words) == WORDS
    moved.write_bytes(moved.read_bytes()[:-30])
    with pytest.raises(ReadError, match=r"cut off or damaged"):
        open_vectors(moved)


@pytest.mark.parametrize("precision", ["float16", "int8"])
def test_small_precisions_are_kept_in_safetensors(tmp_path: Path, precision: Any) -> None:
    """Bit for bit, with the scales; text gets the same numbers as float32."""
    vectors, _ = quantise(WordVectors(WORDS, random_space(len(WORDS)).matrix), precision)
    again = open_vectors(save_vectors(vectors, tmp_path / "v.safetensors"))
    assert str(again.matrix.dtype) == precision
    np.testing.assert_array_equal(again.matrix, vectors.matrix)
    np.testing.assert_array_equal(again.vectors(WORDS), vectors.vectors(WORDS))
    as_text = open_vectors(save_vectors(again, tmp_path / "v.txt"))
    np.testing.assert_array_equal(as_text.matrix, vectors.vectors(WORDS))


def test_safetensors_are_mapped_not_read(tmp_path: Path) -> None:
    """The matrix is a memory map; words are decoded when they are asked for, by number, slice and in order."""
    vectors = open_vectors(save_vectors(small(), tmp_path / "v.safetensors"))
    assert isinstance(vectors.matrix, np.memmap)
    assert "index" not in vars(vectors)
    assert [vectors.words[3], vectors.words[-1], vectors.words[2:4], vectors.words[::4]] == [WORDS[3], WORDS[-1], WORDS[2:4], WORDS[::4]]
    assert list(vectors.words) == WORDS
    assert vectors.index["Москва"] == 3
    with pytest.raises(IndexError):
        _ = vectors.words[10]


def spelt(whole: bool) -> WordVectors:
    """A space with n-grams: a row for each of 50 values of the hash, or for those of two words."""
    rng = np.random.default_rng(3)
    ngrams = Ngrams(rng.normal(size=(50, small().dimensions)).astype(np.float32), 2, 3)
    return replace(small(), ngrams=ngrams if whole else ngrams.kept(np.concatenate([ngrams.rows("Moskva"), ngrams.rows("them")])))


@pytest.mark.parametrize("whole", [True, False])
def test_safetensors_keep_ngrams_for_unknown_words(tmp_path: Path, whole: bool) -> None:
    """Mapped; unknown words have the vectors they had, neighbours and analogies too; a space without them stays in the old schema."""
    vectors = spelt(whole)
    again = open_vectors(save_vectors(vectors, tmp_path / "v.safetensors"))
    assert again.ngrams is not None
    assert isinstance(again.ngrams.buckets, np.memmap)
    np.testing.assert_array_equal(again.vector("Moskau"), vectors.vector("Moskau"))
    assert again.nearest("Moskau", 3) == vectors.nearest("Moskau", 3)
    assert again.analogy(["Moskau"], ["the"], 2) == vectors.analogy(["Moskau"], ["the"], 2)
    for path, schema in ((tmp_path / "v.safetensors", "2"), (save_vectors(small(), tmp_path / "plain.safetensors"), "1")):
        assert header_of(path)[1]["schema"] == schema
    with pytest.raises(UnknownName, match="There is no vector for the word 'qqq'"):
        open_vectors(tmp_path / "plain.safetensors").vector("qqq")


def test_ngrams_that_were_left_out_say_nothing() -> None:
    """The mean is over those that are known, by the slow twin; a word that has none of them is unknown."""
    vectors, everything = spelt(False), spelt(True)
    assert vectors.ngrams is not None
    assert everything.ngrams is not None
    known = {fnv(piece) % 50 for word in ("Moskva", "them") for piece in pieces(word, 2, 3)}
    rows = [row for piece in pieces("Moskau", 2, 3) if (row := fnv(piece) % 50) in known]
    np.testing.assert_allclose(vectors.vector("Moskau"), everything.ngrams.buckets[rows].mean(axis=0), rtol=1e-6)
    np.testing.assert_array_equal(vectors.vector("Moskva"), everything.vector("Moskva"))
    only = replace(vectors, ngrams=everything.ngrams.kept(everything.ngrams.rows("zz")))
    assert len(everything.ngrams.rows("qq")) > 0
    assert only.ngrams is not None
    assert not len(only.ngrams.rows("qq"))
    with pytest.raises(UnknownName, match="There is no vector for the word 'qq'"):
        only.vector("qq")


@pytest.mark.parametrize("precision", ["float16", "int8"])
def test_small_precisions_halve_ngrams(tmp_path: Path, precision: Any) -> None:
    """And count them."""
    before = replace(spelt(False), matrix=random_space(len(WORDS)).matrix[:, : small().dimensions])
    vectors, loss = quantise(before, precision)
    again = open_vectors(save_vectors(vectors, tmp_path / "v.safetensors"))
    assert again.ngrams is not None
    assert again.ngrams.buckets.dtype == np.float16
    np.testing.assert_allclose(again.vector("Moskau"), before.vector("Moskau"), atol=2e-3)
    assert before.ngrams is not None
    assert loss.bytes_before == before.matrix.nbytes + before.ngrams.buckets.nbytes


NGRAMS_THAT_LIE: list[tuple[dict[str, Any], str]] = [
    ({"ngram_lengths": np.array([3, 2])}, "its n-grams do not fit together"),
    ({"ngram_lengths": np.array([3])}, "'ngrams' and 'ngram_lengths' are missing, or of another width"),
    ({"ngrams": np.zeros((3, 1), dtype=np.float32)}, "of another width than the vectors"),
    ({"ngram_hashes": np.array([5, 4])}, "its n-grams do not fit together"),
    ({"ngram_modulus": np.array([1])}, "its n-grams do not fit together"),
    ({"ngram_modulus": np.zeros(0, dtype=np.int64)}, "its n-grams do not fit together"),
    ({"ngram_hashes": np.array([0.5])}, "'ngram_hashes' has the type"),
]


@pytest.mark.parametrize(("change", "sentence"), NGRAMS_THAT_LIE, ids=[f"{'-'.join(change)}-{at}" for at, (change, _) in enumerate(NGRAMS_THAT_LIE)])
def test_ngrams_that_lie_are_refused(tmp_path: Path, change: dict[str, Any], sentence: str) -> None:
    """Whatever does not fit together is said."""
    from safetensors.numpy import load_file, save_file

    arrays = load_file(save_vectors(spelt(False), tmp_path / "v.safetensors"))
    save_file(arrays | change, tmp_path / "v.safetensors", metadata={"format": "ringsmith-word-vectors", "schema": "2"})
    with pytest.raises(ReadError, match=rf"a safetensors file must describe what it holds; .*{sentence}"):
        open_vectors(tmp_path / "v.safetensors")


def test_safetensors_are_readable_by_their_own_library(tmp_path: Path) -> None:
    """The format's own reader gives the same arrays."""
    from safetensors.numpy import load_file

    arrays = load_file(save_vectors(small(), tmp_path / "v.safetensors"))
    np.testing.assert_array_equal(arrays["vectors"], small().matrix)
    assert arrays["words"].tobytes().decode() == "".join(WORDS)


def test_words_with_spaces_are_read_from_text(tmp_path: Path) -> None:
    """As GloVe 840B has them; the last fields are the numbers."""
    path = tmp_path / "v.glove"
    path.write_text("of 1 2 3\n. . . 4 5 6\nat name@domain.com 7 8 9\n", encoding="utf-8")
    vectors = open_vectors(path)
    assert list(vectors.words) == ["of", ". . .", "at name@domain.com"]
    assert vectors.vector(". . .").tolist() == [4, 5, 6]


def test_tabs_carriage_returns_and_trailing_blanks_do_not_matter(tmp_path: Path) -> None:
    """Lines as Windows and word2vec.c write them."""
    path = tmp_path / "v.vec"
    path.write_bytes(b"2 2\r\na\t1.5 -2e-3 \r\nb 3\t4\r\n\n")
    assert open_vectors(path).matrix.tolist() == [[1.5, np.float32(-2e-3)], [3, 4]]


NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.floats(width=32, allow_nan=False, allow_infinity=False).map(lambda number: repr(np.float32(number).item())),
    st.floats(-10, 10).map(lambda number: f"{number:.6f}"),
    st.floats(-1e5, 1e5).map(lambda number: f"{number:.18e}"),
    st.from_regex(r"[+-]?[0-9]{0,25}\.?[0-9]{0,25}([eE][+-]?[0-9]{1,3})?", fullmatch=True),
)


@settings(max_examples=1500)
@example("0.1")
@example("-0")
@example("1e39")
@example("16777217")
@example("16777216.9999999999999999")
@example("1.00000005960464477539062500000000001")
@example("1.40129846432481707e-45")
@example("00000000000000000000001")
@example(".5")
@example("5.")
@example("1e")
@given(NUMBERS)
def test_a_number_of_a_text_is_pythons_own_or_left_to_python(text: str) -> None:
    """The kernel gives ``np.float32(float(text))`` to the last bit, or says that it is not certain."""
    value, certain, end = decimal(np.frombuffer(text.encode() or b" ", dtype=np.uint8), 0, len(text))
    if certain:
        assert end == len(text)
        assert np.float32(value).tobytes() == np.float32(float(text)).tobytes()


def test_ordinary_numbers_are_certain() -> None:
    """The slow way is for the unusual ones only."""
    rng = np.random.default_rng(0)
    for text in [f"{number:.6f}" for number in rng.normal(size=300)] + [repr(float(np.float32(number))) for number in rng.normal(size=300)]:
        assert decimal(np.frombuffer(text.encode(), dtype=np.uint8), 0, len(text))[1]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), form=st.sampled_from(sorted(FORMATS)))
def test_garbage_is_refused_in_a_sentence(tmp_path: Path, data: st.DataObject, form: str) -> None:
    """Random bytes, and good files with bytes changed, cut or doubled: vectors or one of our errors, whatever the form says."""
    place = Path(tempfile.mkdtemp(dir=tmp_path)) / "garbage.bin"  # Windows replaces no file that is mapped
    name = data.draw(st.sampled_from([name for name in NAMES if name != "static"]))
    good = save_vectors(data.draw(st.sampled_from([small(3), spelt(False)])), tmp_path / f"good-{NAMES[name]}").read_bytes()
    content = bytearray(data.draw(st.one_of(st.just(good), st.binary(max_size=200), st.just(fasttext_bytes()))))
    for _ in range(data.draw(st.integers(0, 4))):
        at, value = data.draw(st.integers(0, len(content))), data.draw(st.binary(max_size=8))
        content[at : at + data.draw(st.integers(0, 8))] = value
    place.write_bytes(content)
    for chosen in (form, None):
        try:
            vectors = open_vectors(place, chosen)
        except RingsmithError:
            continue
        try:
            list(vectors.words)  # mapped words are decoded, and norms looked at, only now
            assert np.isfinite(vectors.norms).all()
            assert vectors.vector("Moskau").shape == (vectors.dimensions,)
        except RingsmithError:
            continue


BAD_TEXT = [
    (b"", "the file is empty. Vectors need a line for each word"),
    (b"\n", "this is no form of word vectors that is known|the file is empty"),
    (b"2 2\na 1 2\n", r":1: the header must say how many words follow; it says 2, got 1\. Mend the header"),
    (b"1 2\na 1 2\nb 3 4\n", "it says 1, got 2"),
    (b"2 3\na 1 2\nb 3 4\n", r":2: a line must hold a word and 3 numbers; got 2: 'a 1 2'\. The file may be cut off"),
    (b"2 2\na 1 2\nb 3\n", r":3: a line must hold a word and 2 numbers; got 1: 'b 3'"),
    (b"2 2\na 1 2\n\nb 3 4\n", r":3: a line must hold a word and 2 numbers; got an empty line\. Remove it"),
    (b"2 2\na 1 2\n 3 4\n", r":3: a line must begin with a word; got ' 3 4'"),
    (b"2 2\na 1 nan\nb 3 4\n", r":2: vectors must hold finite numbers; got nan for the word 'a'"),
    (b"2 2\na 1 2\nb 3 -inf\n", r":3: vectors must hold finite numbers; got -inf for the word 'b'"),
    (b"2 2\na 1 2\nb 3 1e99\n", r":3: vectors must hold finite numbers; got inf for the word 'b'"),
    (b"2 2\na 1 2\nb 3 x4\n", r":3: the last 2 fields must be numbers; got 'x4'"),
    (b"2 2\na 1 2\n\xff\xfe 3 4\n", r":3: words must be UTF-8; got the bytes b'\\xff\\xfe'\. Write the file in UTF-8, or read it with errors='replace'"),
    (b"2 0\na\nb\n", "the header must promise words of 1 to 1,048,576 numbers; got 2 words of 0"),
    (b"0 5\n", "got 0 words of 5"),
    (b"99999999999 5\na 1 2 3 4 5\n", "it says 99,999,999,999, got 1"),
]


@pytest.mark.parametrize(("content", "sentence"), BAD_TEXT, ids=lambda value: repr(value)[:30])
def test_text_that_lies_is_refused_with_its_line(tmp_path: Path, content: bytes, sentence: str) -> None:
    """One sentence with file and line."""
    path = tmp_path / "v.txt"
    path.write_bytes(content)
    with pytest.raises(ReadError, match=sentence):
        open_vectors(path, "word2vec-text" if content.strip() else None)


def record(word: bytes, *numbers: float) -> bytes:
    """One word of word2vec binary."""
    return word + b" " + struct.pack(f"<{len(numbers)}f", *numbers) + b"\n"


BAD_BINARY = [
    (b"2 2\n" + record(b"a", 1, 2), r"the header promises 2 words of 2 numbers; (got|the file ends after) 1"),
    (b"1 2\n" + record(b"a", 1, 2) + record(b"b", 3, 4), "the header promises 1 words of 2 numbers; more follows"),
    (b"2 2\n" + record(b"a", 1, 2) + record(b"", 3, 4), "word 2: a record must begin with a word; got none"),
    (b"2 2\n" + record(b"a", 1, 2) + record(b"b", float("nan"), 4), "word 2: vectors must hold finite numbers; got nan for the word 'b'"),
    (b"2 2\n" + record(b"a", 1, 2) + record(b"\xff", 3, 4), r"word 2: words must be UTF-8; got the bytes b'\\xff'"),
    (b"2 2\n" + record(b"a", 1, 2) + b"x" * 70_000, "word 2: a word must be shorter than 65,536 bytes"),
    (b"9" * 100, "the first line must say how many words and how many numbers each; got '99999"),
]


@pytest.mark.parametrize(("content", "sentence"), BAD_BINARY, ids=lambda value: repr(value)[:30])
def test_binary_that_lies_is_refused_with_its_word(tmp_path: Path, content: bytes, sentence: str) -> None:
    """One sentence with file and number of the word."""
    path = tmp_path / "v.bin"
    path.write_bytes(content)
    with pytest.raises(ReadError, match=sentence):
        open_vectors(path, "word2vec-binary")


def test_binary_from_gensim_has_no_newlines(tmp_path: Path) -> None:
    """Records one after the other are read as well; many cross the border of a piece."""
    path = tmp_path / "v.bin"
    path.write_bytes(b"2 2\n" + record(b"a", 1, 2)[:-1] + record(b"b", 3, 4)[:-1])
    assert open_vectors(path).matrix.tolist() == [[1, 2], [3, 4]]


def test_files_larger_than_a_piece_are_put_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines and records that cross the border of two pieces."""
    monkeypatch.setattr("ringsmith.words.files.packed.CHUNK", 37)
    for name in ("v.txt", "v.bin", "v.glove.gz"):
        np.testing.assert_array_equal(open_vectors(save_vectors(small(), tmp_path / name)).matrix, small().matrix)


def test_broken_utf8_can_be_replaced(tmp_path: Path) -> None:
    """On demand, and said."""
    path = tmp_path / "v.txt"
    path.write_bytes(b"2 1\na 1\nb\xff 2\n")
    vectors = open_vectors(path, options=ReadOptions(errors="replace"))
    assert list(vectors.words) == ["a", "b\ufffd"]
    assert vectors.notes == ("v.txt: 1 word was not UTF-8; the broken bytes are U+FFFD now.",)


def test_safetensors_are_never_taken_for_a_pickle(tmp_path: Path) -> None:
    """A header of 640, 896, 1,152 or 1,408 bytes begins as one does; blanks may follow a header."""
    content = save_vectors(WordVectors(["a", "b"], np.eye(2, dtype=np.float32)), tmp_path / "v.safetensors").read_bytes()
    ends = 8 + int.from_bytes(content[:8], "little")
    for length in range(ends, 4097, 8):
        (tmp_path / "v.safetensors").write_bytes(length.to_bytes(8, "little") + content[8:ends].ljust(length) + content[ends:])
        assert tell(tmp_path / "v.safetensors").name == "safetensors"
    (tmp_path / "v.safetensors").write_bytes((640).to_bytes(8, "little") + content[8:ends].ljust(640) + content[ends:])
    assert list(open_vectors(tmp_path / "v.safetensors").words) == ["a", "b"]


def test_pickles_are_refused_with_the_way_out(tmp_path: Path) -> None:
    """Those of gensim's own save and of torch."""
    import pickle

    path = tmp_path / "model.kv"
    path.write_bytes(pickle.dumps({"vectors": [1]}, protocol=4))
    with pytest.raises(ReadError, match=r"pickles .* are not opened, because they can run code\. Load it where it was made and call wv\.save_word2vec_format"):
        open_vectors(path)


def test_what_is_no_vector_file_is_said(tmp_path: Path) -> None:
    """With what it begins with, and what is known."""
    path = tmp_path / "notes.txt"
    path.write_text("Dear diary\nnothing here\n", encoding="utf-8")
    with pytest.raises(ReadError, match=r"this is no form of word vectors that is known; it begins with 'Dear diary"):
        open_vectors(path)
    with pytest.raises(ReadError, match=r"there is no such file\. Did you mean '.*notes\.txt'"):
        open_vectors(tmp_path / "note.txt")
    with pytest.raises(ReadError, match=r"a folder of static vectors must hold model\.safetensors and tokenizer\.json"):
        open_vectors(tmp_path)
    with pytest.raises(UnknownName, match=r"There is no form of vector files 'glov'\. Did you mean 'glove'"):
        open_vectors(path, "glov")
    with pytest.raises(OptionError, match="'most' must be at least 1; got 0"):
        ReadOptions(most=0)
    with pytest.raises(OptionError, match="'errors' must be 'refuse' or 'replace'; got 'ignore'"):
        ReadOptions(errors="ignore")  # type: ignore[arg-type]


def test_what_a_form_cannot_hold_is_refused_before_writing(tmp_path: Path) -> None:
    """Words with blanks, read-only forms, unknown suffixes, packed maps."""
    spaced = WordVectors(["new york"], np.ones((1, 2), dtype=np.float32))
    for name in ("v.txt", "v.bin"):
        with pytest.raises(OptionError, match=r"holds no word that is empty or has a blank in it; got 'new york'\. Save as \.safetensors"):
            save_vectors(spaced, tmp_path / name)
    assert list(open_vectors(save_vectors(spaced, tmp_path / "v.safetensors")).words) == ["new york"]
    with pytest.raises(OptionError, match=r"the suffix must say the form: \.bin, .*; got '\.csv'"):
        save_vectors(small(), tmp_path / "v.csv")
    with pytest.raises(OptionError, match=r"the form 'fasttext' is only read\. Choose one of glove, npy"):
        save_vectors(small(), tmp_path / "v.bin", "fasttext")
    with pytest.raises(OptionError, match="the form 'safetensors' cannot be packed"):
        save_vectors(small(), tmp_path / "v.safetensors.gz")
    with pytest.raises(OptionError, match="there must be at least one word to write"):
        save_vectors(small().take([]), tmp_path / "v.txt")
    with pytest.raises(OptionError, match=r"words must be of whole characters; got one with half of a pair, '\\ud83d'\. Clean the texts"):
        save_vectors(WordVectors(["cut \ud83d off"], np.ones((1, 2), dtype=np.float32)), tmp_path / "v.safetensors")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("x", encoding="utf-8")
    with pytest.raises(OptionError, match="static vectors are written into a new or an empty folder"):
        save_vectors(small(), tmp_path / "full")
    with pytest.raises(MachineError, match="there is no folder"):
        save_vectors(small(), tmp_path / "nowhere" / "v.txt")


def test_safetensors_of_something_else_are_refused(tmp_path: Path) -> None:
    """A model's weights, a header that lies, other types."""
    from safetensors.numpy import save_file

    path = tmp_path / "v.safetensors"
    save_file({"weight": np.ones((2, 2), dtype=np.float32)}, path)
    with pytest.raises(ReadError, match="a safetensors file of word vectors says format 'ringsmith-word-vectors'; got weight"):
        open_vectors(path)
    header = json.dumps({"vectors": {"dtype": "F32", "shape": [2, 9], "data_offsets": [0, 8]}}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(8))
    with pytest.raises(ReadError, match=r"'vectors' has another size than its shape \[2, 9\]"):
        open_vectors(path)
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    with pytest.raises(ReadError, match="'vectors' lies beyond its end"):
        open_vectors(path)


def test_npy_needs_its_words(tmp_path: Path) -> None:
    """The sentence says how to get them from gensim."""
    np.save(tmp_path / "wv.npy", np.ones((3, 2), dtype=np.float32))
    with pytest.raises(ReadError, match=r"the words must lie beside it in 'wv\.words\.txt', one a line; there is no such file\. In gensim: Path"):
        open_vectors(tmp_path / "wv.npy")
    (tmp_path / "wv.words.txt").write_text("a\nb\n", encoding="utf-8")
    with pytest.raises(ReadError, match=r"one word a line for each of the 3 rows of wv\.npy; got 2"):
        open_vectors(tmp_path / "wv.npy")
    np.save(tmp_path / "wv.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(ReadError, match="this is no whole NumPy file"):
        open_vectors(tmp_path / "wv.npy")


@pytest.mark.skipif(sys.platform == "win32", reason="limits of a process are not there")
def test_npy_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    """Where the counts, the last and largest of the three files, do not fit, matrix and words stay as they were."""
    import resource

    old, new = ([f"{name}{number}" for number in range(1_000)] for name in ("old", "new"))
    counts, (soft, hard) = np.arange(1_000), resource.getrlimit(resource.RLIMIT_FSIZE)
    save_vectors(WordVectors(old, np.ones((1_000, 1), dtype=np.float32), counts), tmp_path / "v.npy")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    resource.setrlimit(resource.RLIMIT_FSIZE, (7_500, hard))
    try:
        with pytest.raises(MachineError, match=r"v\.npy: the disk takes no file as large as this \(File too large\); nothing half-written is left there"):
            save_vectors(WordVectors(new, np.full((1_000, 1), 2, dtype=np.float32), counts), tmp_path / "v.npy")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_npy_is_as_numpy_writes_it(tmp_path: Path) -> None:
    """To the last byte."""
    vectors = small()
    save_vectors(vectors, tmp_path / "v.npy")
    np.save(tmp_path / "matrix.npy", vectors.matrix)
    np.save(tmp_path / "counts.npy", vectors.counts)  # type: ignore[arg-type]
    for ours, theirs in (("v.npy", "matrix.npy"), ("v.counts.npy", "counts.npy")):
        assert (tmp_path / ours).read_bytes() == (tmp_path / theirs).read_bytes()


def fasttext_bytes(words: tuple[bytes, ...] = (b"</s>", "über".encode(), b"go"), buckets: int = 50, *, old: bool = False, quantised: bool = False) -> bytes:
    """A tiny fastText model of width 3 with n-grams of 2 to 3 characters; numbers count up from 0."""
    magic = b"" if old else struct.pack("<2i", 793712314, 12)
    arguments = struct.pack("<12id", 3, 5, 5, 1, 5, 1, 2, 2, buckets, 2, 3, 100, 1e-4)
    dictionary = struct.pack("<3iq", len(words), len(words), 0, 10) + (b"" if old else struct.pack("<q", -1))
    entries = b"".join(word + b"\0" + struct.pack("<qb", 7 - at, 0) for at, word in enumerate(words))
    rows = len(words) + buckets
    matrix = np.arange(rows * 3, dtype="<f4").tobytes()
    return magic + arguments + dictionary + entries + (b"" if old else bytes([quantised])) + struct.pack("<2q", rows, 3) + matrix


def fnv(piece: str) -> int:
    """The hash of fastText, as its paper's code has it: FNV-1a over signed bytes."""
    mark = 2166136261
    for byte in piece.encode():
        mark = ((mark ^ ((byte - 256 if byte > 127 else byte) & 0xFFFFFFFF)) * 16777619) & 0xFFFFFFFF
    return mark


@pytest.mark.parametrize("old", [False, True])
def test_fasttext_words_are_means_of_their_ngrams(tmp_path: Path, old: bool) -> None:
    """By the slow twin: own row and n-grams for known words, n-grams alone for unknown ones; the end of a sentence has none since there are versions."""
    path = tmp_path / "model.bin"
    path.write_bytes(fasttext_bytes(old=old))
    vectors = open_vectors(path)
    assert tell(path).name == "fasttext"
    assert list(vectors.words) == ["</s>", "über", "go"]
    assert vectors.counts is not None
    assert vectors.counts.tolist() == [7, 6, 5]
    table = np.arange(53 * 3).reshape(53, 3)

    def rows(word: str) -> list[int]:
        return [3 + fnv(piece) % 50 for piece in pieces(word, 2, 3)]

    end = table[[0, *rows("</s>")] if old else [0]].mean(axis=0)
    np.testing.assert_allclose(vectors.vector("</s>"), end, rtol=1e-6)
    np.testing.assert_allclose(vectors.vector("über"), table[[1, *rows("über")]].mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(vectors.vector("öde"), table[rows("öde")].mean(axis=0), rtol=1e-6)
    assert "öde" not in vectors
    assert len(vectors.nearest("öde")) == 3
    assert [name for name, _ in vectors.nearest("über")] != ["über"]


def test_fasttext_models_that_cannot_be_read_say_so(tmp_path: Path) -> None:
    """Quantised, of the future, cut off, packed."""
    for number, (content, sentence) in enumerate(
        (
            (fasttext_bytes(quantised=True), r"quantised fastText models \(\.ftz\) are not read: their vectors are only approximate"),
            (struct.pack("<2i", 793712314, 99) + fasttext_bytes()[8:], "fastText models up to version 12 are read; got version 99"),
            (fasttext_bytes()[:-1], "this fastText model is cut off or damaged"),
            (fasttext_bytes()[:70], "this fastText model is cut off or damaged"),
            (gzip.compress(fasttext_bytes(), mtime=0), "cut off or damaged|must not be packed"),
        )
    ):
        path = tmp_path / f"model{number}.bin"
        path.write_bytes(content)
        with pytest.raises(ReadError, match=sentence):
            open_vectors(path, "fasttext")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ('{"vectors": {"a": [1, 2], "b": [3]}}', r"every word must have 2 numbers, as the first has; 'b' has 1 values"),
        ('{"vectors": {"a": [1, "x"]}}', "'a' has 2 values"),
        ('{"vectors": [1]}', "must hold an object of words with lists of numbers; got list"),
        ('{"vectors": {"a": [1, 2]', "this is no whole JSON file"),
        ('{"a": [1e300]}', "word 1: vectors must hold finite numbers; got inf for the word 'a'"),
    ],
)
def test_json_that_is_no_space_is_refused(tmp_path: Path, content: str, sentence: str) -> None:
    """One sentence each."""
    path = tmp_path / "v.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ReadError, match=sentence):
        open_vectors(path, "json")


def test_what_fuzzing_found_is_refused(tmp_path: Path) -> None:
    """Numbers that are none in places where they were not looked for; warnings of others stay theirs."""
    infinite = tmp_path / "v.bin"
    infinite.write_bytes(b"2 2\n" + record(b"a", float("inf"), 2) + record(b"b", float("-inf"), 4))
    with pytest.raises(ReadError, match="word 1: vectors must hold finite numbers; got inf"):
        open_vectors(infinite)
    rate = tmp_path / "rate.bin"
    rate.write_bytes(struct.pack("<12id", *[1] * 12, float("nan")) + bytes(40))
    with pytest.raises(ReadError, match="this fastText model is cut off or damaged"):
        open_vectors(rate, "fasttext")
    folder = save_vectors(small(), tmp_path / "static")
    text = (folder / "tokenizer.json").read_text(encoding="utf-8")
    for number in ("1e999", "null", "1.5"):
        (folder / "tokenizer.json").write_text(text.replace('"the": 0', f'"the": {number}'), encoding="utf-8")
        with pytest.raises(ReadError, match="this is no tokenizer of whole words"):
            open_vectors(folder)
    matrix = save_vectors(small(), tmp_path / "v.npy")
    matrix.write_bytes(matrix.read_bytes().replace(b"{'descr'", b" {'descr'").replace(b" \n", b"\n", 1))
    assert len(open_vectors(matrix)) == len(WORDS)
    matrix.write_bytes(matrix.read_bytes().replace(b"}", b"(", 1))
    with pytest.raises(ReadError, match="this is no whole NumPy file"):
        open_vectors(matrix)
