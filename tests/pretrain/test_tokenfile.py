"""A corpus in numbers: every text form gives the same documents, the file is what safetensors reads, and what cannot be read is said in a sentence."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from small_corpora import documents

from ringsmith.errors import InputError, MachineError, OptionError, ReadError
from ringsmith.pretrain import documents as reading
from ringsmith.pretrain import tokenfile
from ringsmith.pretrain.documents import Corpus, Reading, spool, unspool
from ringsmith.pretrain.tokenfile import MadeFrom, TokenFile, find_tokens, hash_tokeniser, is_held_out, open_tokens, write_tokens
from ringsmith.pretrain.vocabulary import train_vocabulary
from ringsmith.records import Progress, silent

DOCUMENTS = documents(40)
PACKERS = {"txt": bytes, "gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zst": zstandard.ZstdCompressor().compress}


def read(source: Any, **changes: Any) -> list[str]:
    """The documents of a source."""
    return list(Corpus(source, Reading(**changes)).read())


@pytest.fixture(scope="module")
def tokeniser() -> Any:
    """A small vocabulary of the documents."""
    return train_vocabulary(DOCUMENTS, "bert", 120).tokeniser


def tokens_of(path: Path, source: Any, tokeniser: Any, *, held_out: float = 0.2, report: Any = silent, **changes: Any) -> TokenFile:
    """The token file of a source."""
    corpus = Corpus(source, Reading(**changes))
    made_from = MadeFrom(corpus.stamp, hash_tokeniser(tokeniser), tokeniser.sep_token_id, held_out)
    return write_tokens(path, corpus.read(), tokeniser, made_from, threads=1, total=corpus.size, report=report)


@pytest.mark.parametrize("ending", PACKERS)
def test_every_packing_gives_the_same_documents(tmp_path: Path, ending: str) -> None:
    """A blank line ends a document, in whatever way the file is packed; line ends of Windows are no part of the text."""
    path = tmp_path / f"corpus.{ending}"
    path.write_bytes(PACKERS[ending]("\r\n\r\n".join(text.replace("\n", "\r\n") for text in DOCUMENTS).encode()))
    assert read(path) == DOCUMENTS


def test_folders_tables_and_strings_give_documents_too(tmp_path: Path) -> None:
    """A folder's files in the order of their names, each beginning a document; rows of a table and strings are documents, blank lines in them or not."""
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "b.txt").write_text("three", encoding="utf-8")
    (folder / "a.txt").write_text("one\ntwo", encoding="utf-8")
    assert read(folder) == ["one\ntwo", "three"]
    table = tmp_path / "table.csv"
    table.write_text('text,n\n"one\n\ntwo",1\nthree,2\n', encoding="utf-8")
    assert read(table, column="text") == ["one\n\ntwo", "three"]
    pl.read_csv(table).write_parquet(tmp_path / "table.parquet")
    assert read(tmp_path / "table.parquet", column="text") == ["one\n\ntwo", "three"]
    with pytest.raises(OptionError, match=r"a \.csv file is a table; 'column' must say which column holds the text"):
        read(table)
    assert read(iter(["one", " ", "three"])) == ["one", "three"]


def test_cells_that_are_not_utf_8_are_refused_or_left_out(tmp_path: Path) -> None:
    """As lines of a text file are: a table in another encoding is not learnt with its letters lost."""
    table = tmp_path / "table.csv"
    table.write_bytes("text,n\nschön,1\n".encode("cp1252") + "größer,2\n".encode())
    with pytest.raises(ReadError, match=r"table\.csv: text 1: a corpus must be UTF-8; it holds other bytes, .* or leave such texts out with --on-bad-text skip\."):
        read(table, column="text")
    assert read(table, column="text", on_bad_text="skip") == ["größer"]
    table.write_bytes("größe,n\nx,1\n".encode("cp1252"))
    with pytest.raises(ReadError, match=r"table\.csv: a table of texts must be UTF-8; the names of its columns are not\. Save it as UTF-8"):
        read(table, column="größe")


def test_standard_input_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """It gives documents as a file does, and knows that it cannot be read again."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"one\n\ntwo")))
    corpus = Corpus("-", Reading())
    assert not corpus.can_be_read_again
    assert list(corpus.read()) == ["one", "two"]


def test_every_line_may_be_a_document(tmp_path: Path) -> None:
    """With documents="line"."""
    path = tmp_path / "lines.txt"
    path.write_text("one\ntwo\n\nthree\n", encoding="utf-8")
    assert read(path, documents="line") == ["one", "two", "three"]


@settings(max_examples=60)
@given(st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=30), max_size=30), st.integers(1, 40))
def test_where_a_file_is_cut_into_parts_makes_no_difference(tmp_path_factory: pytest.TempPathFactory, lines: list[str], part: int) -> None:
    """Read a few bytes at a time: the lines of the file, grouped by hand."""
    path = tmp_path_factory.mktemp("corpus") / "corpus.txt"
    path.write_bytes(b"x" * 6 + "\n".join(["", *lines]).encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ringsmith.words.sources.BLOCK", part)
        found = read(path)
    assert "\n\n".join(found).replace("\n\n", "\n").split("\n") == ["x" * 6, *(line for line in lines if line.strip())]


def test_a_document_without_an_end_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the end of a line where there is one, else at a blank, else between two characters; nothing is lost but the blanks at the cuts."""
    monkeypatch.setattr(reading, "LONGEST", 100)
    monkeypatch.setattr(reading, "LONGEST_LINE", 200)
    monkeypatch.setattr("ringsmith.words.sources.BLOCK", 64)
    path = tmp_path / "book.txt"
    path.write_text("\n".join(["ten words"] * 40), encoding="utf-8")
    found = read(path)
    assert "\n".join(found).split("\n") == ["ten words"] * 40
    assert max(map(len, found)) <= 110
    path.write_text("ten words " * 100, encoding="utf-8")
    assert " ".join(read(path)).split() == ["ten", "words"] * 100
    path.write_text("é" * 1000, encoding="utf-8")
    assert "".join(read(path)) == "é" * 1000


def test_broken_utf8_is_refused_with_its_place_or_left_out(tmp_path: Path) -> None:
    """Line and byte are told; the rest of the file is read when such lines are skipped."""
    path = tmp_path / "corpus.txt"
    path.write_bytes(b"one\ntwo\nthr\xffee\nfour\n")
    with pytest.raises(ReadError, match=r"corpus\.txt, line 3: a corpus must be UTF-8; byte 4 of the line is 0xff\. Mend it, or leave such lines out with --on-bad-text skip\."):
        read(path)
    passing = Corpus(path, Reading(on_bad_text="skip")).read()
    assert list(passing) == ["one\ntwo\nfour"]
    assert passing.skipped == 1


def test_strings_with_half_characters_are_refused_or_left_out() -> None:
    """A lone surrogate is no text."""
    with pytest.raises(ReadError, match=r"memory: text 2: a corpus must be UTF-8; character 2 of it is half a character \(U\+D800\)"):
        read(["good", "b\ud800d"])
    assert read(["good", "b\ud800d"], on_bad_text="skip") == ["good"]
    with pytest.raises(InputError, match="must give strings; got lists of tokens"):
        read([["a", "b"]])
    with pytest.raises(InputError, match="Text 2: every text of a corpus must be a string; got int"):
        read(["a", 3])


def test_options_of_reading_are_checked() -> None:
    """All faults at once."""
    with pytest.raises(OptionError, match=r"'documents' must be blank or line; got 'page'\. 'on_bad_text' must be refuse or skip; got 'mend'"):
        Reading(documents="page", on_bad_text="mend")  # type: ignore[arg-type]


def test_the_file_holds_every_document_and_safetensors_reads_it(tmp_path: Path, tokeniser: Any) -> None:
    """Against the tokenizer document by document, and against the library of the format; a document is held out by its own text."""
    made = tokens_of(tmp_path / "tokens.safetensors", DOCUMENTS, tokeniser)
    sides = {name: [text for text in DOCUMENTS if is_held_out(text, 0.2) == (name == "held_out")] for name in ("train", "held_out")}
    assert all(sides.values())
    with safe_open(made.path, framework="numpy") as file:
        assert set(file.keys()) == {"train", "train_documents", "held_out", "held_out_documents"}
        for name, texts in sides.items():
            starts, tokens = file.get_tensor(f"{name}_documents"), file.get_tensor(name)
            found = [tokens[begin:end].tolist() for begin, end in pairwise(starts)]
            assert found == [[*tokeniser(text, add_special_tokens=False)["input_ids"], tokeniser.sep_token_id] for text in texts]
    assert made.train.tokens.dtype == np.uint16
    assert made.counts.documents == len(DOCUMENTS)
    assert made.counts.tokens == len(made.train.tokens) + len(made.held_out.tokens)
    assert made.counts.text_bytes == sum(map(len, DOCUMENTS))


def test_unknown_pieces_are_counted(tmp_path: Path, tokeniser: Any) -> None:
    """Words with letters that no document had; byte pairs know them all, whatever their end is called."""
    made = tokens_of(tmp_path / "tokens.safetensors", ["The dog ζήτα sees.", "ᚠ ring", "The cat"], tokeniser)
    assert made.counts.unknown == 2
    bytes_ = train_vocabulary(DOCUMENTS, "gpt2", 300).tokeniser
    made_from = MadeFrom(None, "", bytes_.eos_token_id, 0.2)
    assert write_tokens(tmp_path / "bytes.safetensors", Corpus(["ζήτα"], Reading()).read(), bytes_, made_from, threads=1, total=None, report=silent).counts.unknown == 0


def test_large_vocabularies_have_wider_numbers(tmp_path: Path, tokeniser: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above the limit of 16 bits the same numbers are kept in 32."""
    narrow = tokens_of(tmp_path / "narrow.safetensors", DOCUMENTS, tokeniser)
    monkeypatch.setattr(tokenfile, "NARROW", 100)
    wide = tokens_of(tmp_path / "wide.safetensors", DOCUMENTS, tokeniser)
    assert wide.train.tokens.dtype == np.int32
    np.testing.assert_array_equal(wide.train.tokens, narrow.train.tokens)


def test_how_the_text_is_dealt_out_makes_no_difference(tmp_path: Path, tokeniser: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few bytes at a time give the same file."""
    whole = tokens_of(tmp_path / "whole.safetensors", DOCUMENTS, tokeniser)
    monkeypatch.setattr(tokenfile, "AT_ONCE", 50)
    assert tokens_of(tmp_path / "parts.safetensors", DOCUMENTS, tokeniser).path.read_bytes() == whole.path.read_bytes()


def test_the_file_is_used_again_only_for_the_same(tmp_path: Path, tokeniser: Any) -> None:
    """Another file, another share, a file cut short: none of them fits."""
    source = tmp_path / "corpus.txt"
    source.write_text("\n\n".join(DOCUMENTS), encoding="utf-8")
    made = tokens_of(tmp_path / "tokens.safetensors", source, tokeniser)
    assert find_tokens(made.path, made.made_from) is not None
    source.write_text("\n\n".join(DOCUMENTS[:-1]), encoding="utf-8")
    changed = MadeFrom(Corpus(source, Reading()).stamp, made.made_from.tokeniser, made.made_from.end, 0.2)
    assert find_tokens(made.path, changed) is None
    made.path.write_bytes(made.path.read_bytes()[:-8])
    assert find_tokens(made.path, made.made_from) is None
    assert find_tokens(tmp_path / "nothing", made.made_from) is None


def test_progress_tells_bytes_and_pace(tmp_path: Path, tokeniser: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a packed file the bytes on disk, so that the end is known."""
    monkeypatch.setattr(tokenfile, "AT_ONCE", 500)
    source, told = tmp_path / "corpus.gz", list[Progress]()
    source.write_bytes(gzip.compress("\n\n".join(DOCUMENTS).encode()))
    tokens_of(tmp_path / "tokens.safetensors", source, tokeniser, report=told.append)
    assert told[-1].done == told[-1].total == source.stat().st_size
    assert "MB/s" in told[-1].note


def test_a_full_disk_is_told_before_it_is_full(tmp_path: Path, tokeniser: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """From what the first part took, and nothing is left behind."""
    monkeypatch.setattr(tokenfile, "AT_ONCE", 500)
    monkeypatch.setattr(tokenfile, "free_bytes", lambda folder: tokenfile.SPARE_BYTES + 100)
    source, work = tmp_path / "corpus.txt", tmp_path / "work"
    source.write_text("\n\n".join(DOCUMENTS), encoding="utf-8")
    monkeypatch.setattr("ringsmith.words.sources.BLOCK", 500)
    with pytest.raises(MachineError, match=r"the disk must hold the corpus in numbers, about 0\.\d\d GB; 0\.07 GB are free\. Free some space, or name another place with --work"):
        tokens_of(work / "tokens.safetensors", source, tokeniser)
    assert list(work.iterdir()) == []


def test_a_corpus_without_text_is_refused(tmp_path: Path, tokeniser: Any) -> None:
    """Blank lines are no text."""
    path = tmp_path / "empty.txt"
    path.write_text("\n \n\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"empty\.txt: a corpus must hold text; this one holds none"):
        tokens_of(tmp_path / "tokens.safetensors", path, tokeniser)


def test_what_is_read_once_can_be_put_aside(tmp_path: Path) -> None:
    """Blank lines within a document and characters of all kinds come back."""
    given_texts = ["one\n\ntwo", 'say "é"', "tab\tand \\ back"]
    spool(given_texts, tmp_path / "spool.jsonl")
    assert list(unspool(tmp_path / "spool.jsonl")) == given_texts


def test_opening_something_else_is_an_error(tmp_path: Path) -> None:
    """No header, no file."""
    path = tmp_path / "other"
    path.write_bytes(b"\x00" * 100)
    with pytest.raises(ValueError, match="Expecting value"):
        open_tokens(path)
