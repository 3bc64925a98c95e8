"""What must hold for every table and every file: nothing lost, nothing but our own errors."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ringsmith.data.checks import check
from ringsmith.data.dialect import sniff
from ringsmith.data.lists import read_list
from ringsmith.data.predictions import read_texts
from ringsmith.data.read import read_source, read_table
from ringsmith.data.scan import Dialect, parse, scan
from ringsmith.data.source import unpack
from ringsmith.data.split import plan_splits
from ringsmith.errors import RingsmithError
from ringsmith.records import TextSet

FAST = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
SOME_TABLES = settings(FAST, max_examples=200)
DIALECTS = st.builds(Dialect, st.sampled_from([",", "\t", ";", "|", ""]), st.sampled_from(['"', "'", None]))
MESSY = st.text(alphabet=st.sampled_from(list("ab ,;|\t\"'\n\ré\x85\u2028😀")), max_size=40)
CELLS = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\r\x00"), max_size=30)
WORDS = st.text(alphabet=st.sampled_from(list("abcdefgh éü가나,;|\"'\n")), min_size=1, max_size=40)


def read_or_refused(content: bytes) -> None:
    """Read a file of these bytes; a refusal is an error of ours that names the file, in one line."""
    try:
        found = read_source(unpack("file", content)).frame
    except RingsmithError as error:
        found = str(error)
    assert isinstance(found, pl.DataFrame) or ("file" in found and "\n" not in found)


@FAST
@given(MESSY, DIALECTS)
def test_scan_counts_what_parse_builds_wherever_quotes_are_well_formed(text: str, dialect: Dialect) -> None:
    """The vectorised count and the slow parser agree on records and cells."""
    found, records = scan(text.encode(), dialect), list(parse(text, dialect))
    if found.well_formed:
        assert found.cells.tolist() == [len(cells) for _, cells in records]
        assert found.starts.tolist() == [len(text[:begin].encode()) for begin, _ in records]


@FAST
@given(MESSY, DIALECTS)
def test_parse_leaves_no_character_out(text: str, dialect: Dialect) -> None:
    """Letters are never lost: whatever the quotes, each comes out exactly once."""
    out = "".join(cell for _, cells in parse(text, dialect) for cell in cells)
    for letter in "abé😀":
        assert out.count(letter) == text.count(letter)


@FAST
@given(st.lists(st.lists(CELLS, min_size=2, max_size=4), min_size=1, max_size=6), st.sampled_from(",;|\t"), st.sampled_from("\"'"), st.sampled_from(["\n", "\r\n"]))
def test_parse_reads_what_pythons_csv_module_writes(rows: list[list[str]], delimiter: str, quote: str, end: str) -> None:
    """An independent writer, every dialect."""
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, quotechar=quote, lineterminator=end).writerows(rows)
    assert [cells for _, cells in parse(out.getvalue(), Dialect(delimiter, quote))] == rows


@FAST
@given(
    st.lists(st.tuples(WORDS, st.sampled_from(["good", "bad"])), min_size=3, max_size=25),
    st.sampled_from(",;|\t"),
    st.sampled_from("\"'"),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL, csv.QUOTE_NONNUMERIC]),
)
def test_a_table_with_a_header_comes_back_cell_for_cell(rows: list[tuple[str, str]], delimiter: str, quote: str, end: str, encoding: str, quoting: int) -> None:
    """Random dialect, encoding and line end: every cell is read as it was written."""
    # Cells that are ambiguous by nature are left out: quotes of the other kind may be quotes, and single quotes around a line end may be two.
    rows = [(text.replace("'" if quote == '"' else '"', "").replace("\n", " " if quote == "'" else "\n") or "x", label) for text, label in rows]
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, quotechar=quote, lineterminator=end, quoting=quoting)  # type: ignore[arg-type]
    writer.writerow(["text", "label"])
    writer.writerows(rows)
    table = read_source(unpack("t.csv", out.getvalue().encode(encoding)))
    assert table.frame.columns == ["text", "label"]
    assert [((text or ""), label) for text, label in table.frame.iter_rows()] == [(text, label) for text, label in rows]


@FAST
@given(st.binary(max_size=200))
def test_any_bytes_are_a_table_or_an_error_of_ours(content: bytes) -> None:
    """No other exception escapes, whatever the file holds."""
    read_or_refused(content)


@FAST
@given(st.text(alphabet=st.sampled_from(list("ab1 ,;|\t\"'\n\r{}[]:é")), max_size=120))
def test_any_text_file_is_read_or_refused_with_every_row_accounted_for(tmp_path: Path, text: str) -> None:
    """Rows read are rows used plus rows dropped; a refusal is an error of ours."""
    path = tmp_path / "t.txt"
    path.write_bytes(text.encode())
    for reader in (read_table, read_texts):
        try:
            found = reader(path).findings
        except RingsmithError:
            continue
        assert found.rows_read == found.rows_used + sum(found.dropped.values())


@FAST
@given(
    st.sampled_from(
        [
            b"PAR1",
            b"ARROW1",
            b"\xff\xff\xff\xff",
            b"PK\x03\x04xl/",
            b"\x1f\x8b",
            b"\x28\xb5\x2f\xfd",
            b"\xfd7zXZ\x00",
            b"BZh",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
            b"{",
            b"[",
            b"\xff\xfe",
        ]
    ),
    st.binary(max_size=150),
)
def test_files_that_only_begin_well_are_refused_in_a_sentence(magic: bytes, rest: bytes) -> None:
    """Damaged files of every binary format."""
    read_or_refused(magic + rest)


@pytest.mark.parametrize("sample", ["", "\n", "a", "a,b", '"', "''", "a\tb\n"])
def test_sniffing_the_smallest_samples_never_fails(sample: str) -> None:
    """There is always a dialect."""
    assert isinstance(sniff(sample), Dialect)


@SOME_TABLES
@given(st.data())
def test_checked_splits_choose_by_rows_wherever_planned_ones_did_and_share_no_text(data: st.DataObject) -> None:
    """Small tables full of duplicates, divided in every way: both sides of the choice have rows, none says what a row of another part says."""
    size = data.draw(st.integers(10, 60))
    words = st.lists(st.sampled_from([f"text {number}" for number in range(data.draw(st.integers(2, 20)))]), min_size=size, max_size=size)
    labels = st.lists(st.sampled_from("ab"), min_size=size, max_size=size)
    groups = st.one_of(st.none(), st.lists(st.sampled_from("ghijk"), min_size=size, max_size=size))
    ways = {
        "test": st.builds(TextSet, words, labels),
        "split_names": st.lists(st.sampled_from(["train", "train", "valid", "test"]), min_size=size, max_size=size),
        "times": st.lists(st.integers(0, 9), min_size=size, max_size=size).map(np.array),
    }
    way = data.draw(st.sampled_from([*ways, "chance"]))
    texts = TextSet(data.draw(words), data.draw(labels), groups=data.draw(groups))
    try:
        plan = plan_splits(texts, folds=data.draw(st.sampled_from([None, 1, 2, 3])), min_rows=2, **({} if way == "chance" else {way: data.draw(ways[way])}))
        splits, _ = check(plan.texts, plan.splits, turns=plan.turns)
    except RingsmithError:
        return
    for planned, split in zip([*plan.splits, *plan.turns], splits, strict=False):
        train, valid, test = ({plan.texts.texts[at] for at in part} for part in (split.train, split.valid, split.test))
        assert train
        assert valid or not len(planned.valid)
        assert not train & valid
        assert not (train | valid) & test


@FAST
@given(st.lists(st.text(max_size=12), max_size=5))
def test_lists_written_by_others_are_read(names: list[str]) -> None:
    """JSON, Python and NumPy write, whatever the names hold."""
    listed = "[]" if not names else str(np.array(names, dtype=object))
    for written in (json.dumps(names), json.dumps(names, ensure_ascii=False), repr(names), repr(tuple(names)), listed):
        assert read_list(written) == names
    assert sorted(read_list(repr(set(names))) or []) == sorted(set(names))


@FAST
@given(st.text(alphabet=st.sampled_from(list("ab, '\"\\[](){}:")), max_size=30))
def test_no_cell_breaks_the_reader_of_lists(cell: str) -> None:
    """A list of its parts, or nothing."""
    assert read_list(cell) is None or isinstance(read_list(cell), list)
