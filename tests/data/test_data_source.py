"""Files, compression, standard input."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from pathlib import Path

import pytest
import zstandard
from data_tables import Write

from ringsmith.data.predictions import read_texts
from ringsmith.data.read import read_table
from ringsmith.data.source import open_source
from ringsmith.errors import ReadError

TABLE = b"text,label\n" + b"a good one,1\na bad one,0\n" * 200


def zipped(**files: bytes) -> bytes:
    """A zip archive in memory."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


PACKED = {
    "gz": gzip.compress(TABLE),
    "zst": zstandard.compress(TABLE),
    "xz": lzma.compress(TABLE),
    "bz2": bz2.compress(TABLE),
    "zip": zipped(table=TABLE),
}


@pytest.mark.parametrize("kind", PACKED)
def test_each_compression_is_recognised_by_content(write: Write, kind: str) -> None:
    """Whatever the file is called."""
    found = read_table(write("misnamed.csv", PACKED[kind])).findings
    assert (found.compression, found.rows_used) == (kind, 400)


@pytest.mark.parametrize("suffix", [".parquet", ".xlsx", ".csv.gz", ".feather"])
def test_text_that_is_called_otherwise_is_told(write: Write, suffix: str) -> None:
    """A table is read all the same; the page of an error in the place of a download is no table, nor are lines of text, for whichever command."""
    found = read_table(write(f"t{suffix}", TABLE)).findings
    assert found.rows_used == 400
    assert found.notes[0] == f"The name ends in {Path(f't{suffix}').suffix}, but the file is text and was read as that (delimited)."
    for content in ("nope", "nope\nnot here\n", "<!doctype html>\n<p>Sorry, no, not found\n<p>Ask, or go, home"):
        path = write(f"t{suffix}", content)
        for reader in (read_table, read_texts):
            with pytest.raises(
                ReadError, match=rf"t{suffix}: the name ends in {Path(f't{suffix}').suffix}, but the file is text that begins with '.{{4}}.*'\. Fetch it again, or name it for what"
            ):
                reader(path)


def test_what_an_archive_holds_makes_no_workbook_of_it(write: Write) -> None:
    """Its contents stand in it as they are where it was stored without packing; only the names of files count."""
    table = b"text,label\nthe shirt in xl/xxl fits,1\n"
    found = open_source(write("t.zip", zipped(table=table)))
    assert (found.content, found.compression) == (table, "zip")


@pytest.mark.parametrize("kind", ["gz", "zst", "xz", "bz2", "zip"])
def test_a_cut_off_stream_is_refused(write: Write, kind: str) -> None:
    """Half a table is no table; zstandard's own reader would have said nothing."""
    with pytest.raises(ReadError, match=rf"t\.csv\.{kind}: the {kind} stream is cut off or damaged .* Copy or download the file again"):
        open_source(write(f"t.csv.{kind}", PACKED[kind][:-20]))


def test_several_streams_in_one_file_are_all_read(write: Write) -> None:
    """Appended gzip members and zstandard frames are legal."""
    for kind in ("gz", "zst", "xz"):
        assert open_source(write(f"t.{kind}", PACKED[kind] * 2)).content == TABLE * 2


def test_an_archive_of_several_files_is_refused(write: Write) -> None:
    """Which one?"""
    with pytest.raises(ReadError, match=r"t\.zip: a zip file must hold exactly one table; this one holds 2 files: 'a', 'b'\. Unpack it and name one\."):
        open_source(write("t.zip", zipped(a=TABLE, b=TABLE)))


def test_an_archive_with_a_password_is_told(write: Write) -> None:
    """It is not damaged: the flag of its only file says that it is encrypted, in both places where a zip archive keeps it."""
    content = bytearray(zipped(a=TABLE))
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(ReadError, match=r"t\.zip: a zip file must open without a password; this one needs one\. Unpack it first\."):
        open_source(write("t.zip", bytes(content)))


def test_no_such_file_offers_the_nearest_names(write: Write) -> None:
    """A typing error is found at once."""
    path = write("reviews.csv", TABLE)
    with pytest.raises(ReadError, match=r"reviws\.csv: there is no such file\. Did you mean '.*reviews\.csv'\?"):
        open_source(path.with_name("reviws.csv"))
    for name in ("zzz", "a.csv"):  # an ending in common is no likeness
        with pytest.raises(ReadError, match=r"there is no such file\. In '.*' there is nothing of a similar name; check the path"):
            open_source(path.with_name(name))


def test_where_a_folder_is_missing_no_file_is_offered_for_it(write: Write) -> None:
    """What lies beside the place of the folder is no folder to look into; folders of similar names are."""
    path = write("review", TABLE)
    with pytest.raises(ReadError, match=r"x\.csv: there is no such file, for there is no folder '.*reviews'\. In '.*' there is nothing of a similar name"):
        open_source(path.with_name("reviews") / "x.csv")
    path.with_name("revues").mkdir()
    with pytest.raises(ReadError, match=r"no folder '.*reviews'\. Did you mean '.*revues'\?$"):
        open_source(path.with_name("reviews") / "x.csv")


def test_no_such_folder_offers_the_nearest_folder(write: Write) -> None:
    """The part of the path that is wrong is the one corrected."""
    path = write("reviews/train.csv", TABLE)
    with pytest.raises(ReadError, match=r"Did you mean '.*reviews'\?"):
        open_source(path.parents[1] / "revews" / "train.csv")


@pytest.mark.parametrize(("content", "sentence"), [(b"", "the file is empty"), (gzip.compress(b"", mtime=0), "the gz file holds nothing"), (b" \n\n", "holds blanks only")])
def test_empty_files_are_refused(write: Write, content: bytes, sentence: str) -> None:
    """Empty, empty inside, blank."""
    with pytest.raises(ReadError, match=sentence):
        read_table(write("t.csv", content))


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """``-`` reads what is piped in, compressed or not."""
    for content in (TABLE, PACKED["gz"]):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
        found = read_table("-").findings
        assert (found.source, found.rows_used) == ("standard input", 400)


def test_a_file_without_permission(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence says how to mend it (root reads everything, so the refusal is played)."""

    def refuse(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(ReadError, match=r"may not be read by you \(Permission denied\)\. Change its permissions: chmod u\+r"):
        open_source("t.csv")
