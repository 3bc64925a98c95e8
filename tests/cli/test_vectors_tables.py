"""``ringsmith vectors train`` on tables: the text column is found or named, in any dialect that `compare` reads; and on which device."""

from __future__ import annotations

import gzip
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from command_line import Ringsmith

import ringsmith.cli._corpus as bridge
from ringsmith.cli._corpus import texts_of
from ringsmith.errors import OptionError
from ringsmith.words.corpus import CorpusOptions, read_corpus
from ringsmith.words.files import open_vectors

TEXTS = [f"the café number {number} serves {dish} and naïve jokes" for number in range(30) for dish in ("soup", "cake")]
FRAME = pl.DataFrame({"id": range(60), "review": TEXTS, "stars": [1, 5] * 30})
KNOWN = {"the", "café", "number", "serves", "soup", "cake", "and", "naïve", "jokes"}
FORMS: dict[str, Callable[[Path], object]] = {
    "comma.csv": lambda path: FRAME.write_csv(path),
    "semicolon.csv": lambda path: FRAME.write_csv(path, separator=";"),
    "bar.csv": lambda path: FRAME.write_csv(path, separator="|"),
    "cp1252.csv": lambda path: path.write_bytes(FRAME.write_csv(separator=";").encode("cp1252")),
    "utf16.csv": lambda path: path.write_bytes(FRAME.write_csv().encode("utf-16")),
    "packed.csv.gz": lambda path: path.write_bytes(gzip.compress(FRAME.write_csv().encode())),
    "tab.tsv": lambda path: FRAME.write_csv(path, separator="\t"),
    "rows.jsonl": lambda path: FRAME.write_ndjson(path),
    "rows.json": lambda path: FRAME.write_json(path),
    "rows.parquet": lambda path: FRAME.write_parquet(path),
}


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("column", [None, "review"])
def test_the_text_column_of_a_table_is_found_or_named(tmp_path: Path, name: str, column: str | None) -> None:
    """In every form; the words of the other columns are not in the corpus, those beyond ASCII are."""
    path = tmp_path / name
    FORMS[name](path)
    found = texts_of(str(path), column)
    assert list(found.source) == TEXTS  # type: ignore[arg-type]
    assert found.notes[0].startswith("Texts: column 'review' (60 rows")
    assert set(read_corpus(found.source, CorpusOptions(min_count=30)).vocabulary.words) == KNOWN


def test_train_reads_a_table_and_says_which_column(ringsmith: Ringsmith, tmp_path: Path) -> None:
    """From a file in cp1252 with semicolons to vectors, in one command."""
    FORMS["cp1252.csv"](tmp_path / "reviews.csv")
    ended = ringsmith("vectors", "train", tmp_path / "reviews.csv", "--out", tmp_path / "v.txt", "--dim", "8", "--epochs", "1", "--json")
    notes = json.loads(ended.out)["notes"]
    assert notes[0] == "Texts: column 'review' (60 rows, cp1252, delimiter ';')."
    assert set(open_vectors(tmp_path / "v.txt").words) == KNOWN


def test_texts_in_a_named_encoding(tmp_path: Path) -> None:
    """A file of lines, too; not a folder, whose files are read a part at a time."""
    path = tmp_path / "lines.txt"
    path.write_text("очень доволен\nужасно\n", encoding="koi8-r")
    assert list(texts_of(str(path), None, "koi8-r").source) == ["очень доволен", "ужасно"]  # type: ignore[arg-type]
    with pytest.raises(OptionError, match=r"--encoding is for one file of at most 256 MB; got a folder\. Convert the texts to UTF-8 first"):
        texts_of(str(tmp_path), None, "koi8-r")


def test_a_named_delimiter_parts_the_cells(ringsmith: Ringsmith, tmp_path: Path) -> None:
    """Of what is not called a table, too; not of a folder."""
    FRAME.write_csv(tmp_path / "table.txt", separator="^")
    ringsmith("vectors", "train", tmp_path / "table.txt", "--delimiter", "^", "--out", tmp_path / "v.txt", "--dim", "4", "--epochs", "1")
    assert set(open_vectors(tmp_path / "v.txt").words) == KNOWN
    with pytest.raises(OptionError, match=r"--delimiter is for one file of at most 256 MB; got a folder\. Write the table with commas first"):
        texts_of(str(tmp_path), None, delimiter="^")


def test_a_table_on_standard_input_and_a_text_file_with_a_column(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A named column makes a table of what is not called so."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(FRAME.write_csv().encode())))
    assert list(texts_of("-", "review").source) == TEXTS  # type: ignore[arg-type]
    FRAME.write_csv(tmp_path / "table.txt")
    assert list(texts_of(str(tmp_path / "table.txt"), "review").source) == TEXTS  # type: ignore[arg-type]


def test_what_is_no_table_goes_on_as_it_is(tmp_path: Path) -> None:
    """Text files, folders and standard input are read by the scanner."""
    (tmp_path / "folder.csv").mkdir()
    for name in ("wiki.txt", "wiki.txt.gz", "-", str(tmp_path / "folder.csv")):
        assert texts_of(name, None).source == name


def test_a_column_that_is_not_clear_is_asked_for(ringsmith: Ringsmith, tmp_path: Path) -> None:
    """One sentence that lists the columns, in this command's own words."""
    pl.DataFrame({"one": [text + " a" for text in TEXTS], "two": [text + " b" for text in TEXTS]}).write_csv(tmp_path / "twins.csv")
    FRAME.write_csv(tmp_path / "reviews.csv")
    for name, given, said in (
        ("twins.csv", (), "--column"),
        ("twins.csv", (), "'one'"),
        ("reviews.csv", ("--column", "reviw"), "Did you mean 'review'? The columns are: 'id', 'review', 'stars'."),
        ("reviews.csv", ("--column", "stars"), "--column names 'stars', which holds numbers"),
    ):
        ended = ringsmith("vectors", "train", tmp_path / name, "--out", tmp_path / "v.txt", *given)
        assert ended.code == 2
        assert said in ended.err
        assert "--text" not in ended.err


def test_a_large_table_is_read_a_part_at_a_time_by_its_column(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a name it is not looked for."""
    monkeypatch.setattr(bridge, "LARGEST_BYTES", 1_000)
    FRAME.write_csv(tmp_path / "large.csv")
    with pytest.raises(OptionError, match=r"large\.csv: a table of more than 0 MB is read a part at a time; this one has 0 MB\. Name its text column with --column"):
        texts_of(str(tmp_path / "large.csv"), None)
    found = texts_of(str(tmp_path / "large.csv"), "review")
    assert (found.source, found.column) == (str(tmp_path / "large.csv"), "review")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--device", "gpu"), "There is no device 'gpu'."),
        (("--device", "cuda", "--method", "glove"), "'device' is for word2vec on this machine; got 'cuda' for glove. Leave it out."),
        (("--device", "mps", "--on", "ray"), "'device' is for word2vec on this machine; got 'mps' for work on ray. Leave it out."),
        (("--device", "cuda", "--subwords", "3-6"), "'subwords': not done on a GPU; got device='cuda'. Leave it out, or train on the CPU."),
    ],
)
def test_a_device_that_does_not_fit_is_refused(ringsmith: Ringsmith, tmp_path: Path, given: tuple[str, ...], said: str) -> None:
    """Before anything is read."""
    (tmp_path / "a.txt").write_text("a rose is a rose\n" * 50, encoding="utf-8")
    ended = ringsmith("vectors", "train", tmp_path / "a.txt", "--out", tmp_path / "v.txt", *given)
    assert ended.code == 2
    assert said in ended.err


def test_auto_takes_what_there_is(ringsmith: Ringsmith, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here no GPU: the compiled kernels; JSON says where it was trained."""
    from ringsmith.words import batches

    monkeypatch.setattr(batches, "gpu_of_this_machine", lambda: None)
    (tmp_path / "a.txt").write_text("a rose is a rose\n" * 50, encoding="utf-8")
    ended = ringsmith("vectors", "train", tmp_path / "a.txt", "--out", tmp_path / "v.txt", "--dim", "4", "--epochs", "1", "--device", "auto", "--json")
    assert json.loads(ended.out)["device"] == "cpu"
