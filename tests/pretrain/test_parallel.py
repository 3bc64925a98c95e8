"""Pairs of texts read from every form, what is wrong with them told by line, and parts that share no source text."""

from __future__ import annotations

import gzip
import io
import lzma
import sys
import zipfile
from pathlib import Path

import pytest

from ringsmith.errors import InputError, OptionError, ReadError
from ringsmith.pretrain.parallel import Pairs, read_parallel, split_pairs

LEFT, RIGHT = ("Go.", "I see."), ("Va !", "Je vois.")
TABLE = "Go.\tVa !\nI see.\tJe vois.\n"


def write(path: Path, content: str | bytes) -> Path:
    """A file with this content."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def zipped(members: dict[str, str]) -> bytes:
    """A zip file of these members, the same at every time: tests are named by it, and pytest's workers must name them alike."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return held.getvalue()


FORMS: dict[str, bytes] = {
    "pairs.tsv": TABLE.encode(),
    "pairs.txt": b"\xef\xbb\xbf" + TABLE.replace("\n", "\r\n").encode(),
    "more.tsv": TABLE.replace("\n", "\tCC-BY 2.0\n").encode(),
    "headed.tsv": f"en\tpt-BR\n{TABLE}".encode(),
    "pairs.csv": b'source,target\nGo.,Va !\n"I see.","Je vois."\n',
    "named.csv": b'id,English,French\n1,Go.,Va !\n2,"I see.","Je vois."\n',
    "turned.csv": b'fr,note,en\nGo.,,Va !\n"I see.",,"Je vois."\n',
    "pairs.tsv.gz": gzip.compress(TABLE.encode()),
    "pairs.tsv.xz": lzma.compress(TABLE.encode()),
    "pairs.zip": zipped({"pairs.txt": TABLE}),
    "licensed.zip": zipped({"_about.txt": "A licence\nin two lines.", "pairs.txt": TABLE}),
    "mac.tsv": TABLE.replace("\n", "\r").encode(),
}
NAMED = {"headed.tsv": "en, pt-BR", "pairs.csv": "source, target", "named.csv": "English, French", "turned.csv": "fr, en"}


@pytest.mark.parametrize("name", FORMS)
def test_a_table_is_read_in_every_form(tmp_path: Path, name: str) -> None:
    """Packed or not, with or without names of its columns, which are told, and with the line ends of every system."""
    found = read_parallel(write(tmp_path / name, FORMS[name]))
    told = (f"The first line was taken for the names of the columns: {NAMED[name]}.",) if name in NAMED else ()
    assert (found.sources, found.targets, found.notes) == (LEFT, RIGHT, told)


@pytest.mark.parametrize("first", [("yes", "oui"), ("go", "va"), ("dog", "hon"), ("no", "no"), ("what", "que")])
def test_a_first_pair_of_short_words_is_a_pair(tmp_path: Path, first: tuple[str, str]) -> None:
    """What names no two languages is learnt from."""
    found = read_parallel(write(tmp_path / "a.tsv", "\t".join(first) + "\ngood day\tbonjour\n"))
    assert (found.sources, found.targets, found.notes) == ((first[0], "good day"), (first[1], "bonjour"), ())


def test_two_files_are_read_line_by_line_one_of_them_from_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where one is packed and has no line end behind its last line."""
    left, right = write(tmp_path / "a.en.gz", gzip.compress(b"Go.\nI see.")), write(tmp_path / "a.fr", "Va !\nJe vois.\n")
    assert read_parallel(left, right) == Pairs(LEFT, RIGHT)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"Go.\nI see.\n")))
    assert read_parallel("-", right) == Pairs(LEFT, RIGHT)


def test_signs_that_only_look_like_line_ends_cut_no_text(tmp_path: Path) -> None:
    """U+2028 and a form feed stand within a text; the pairs stay together."""
    found = read_parallel(write(tmp_path / "a", "x\u2028y\nz\x0cw\n"), write(tmp_path / "b", "1\n2\n"))
    assert found.sources == ("x\u2028y", "z\x0cw")


@pytest.mark.parametrize(
    ("left", "right", "sentence"),
    [
        ("a\nb\nlonely\n", "x\ny\n", r"they have 2 and 3 lines\. The first without a partner is line 3 of .*left: 'lonely'"),
        ("a\n", "x\n\ny\n", r"they have 3 and 1 lines\. The first without a partner is line 2 of .*right: ''"),
    ],
)
def test_files_of_unequal_length_are_refused_with_the_first_line_alone(tmp_path: Path, left: str, right: str, sentence: str) -> None:
    """Whichever is the longer."""
    with pytest.raises(InputError, match=sentence):
        read_parallel(write(tmp_path / "left", left), write(tmp_path / "right", right))


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.tsv", "one\tun\nno partner\n", r"line 2 has 1 column: 'no partner'\. Put a tab"),
        ("a.csv", "one,un\nno partner\n", r"line 2 has 1 column"),
        ("a.csv", "nr,text,texte\n1,Go.,Va !\n", r"this one has 3 columns \('nr', 'text', 'texte'\)\. Name the two columns after their languages in its first row"),
        ("a.tsv", b"one\tun\ntwo\td\xe9ux\n", r"a\.tsv:2: the text must be UTF-8; byte 0xe9 in this line is not \(byte 12 of the text\)"),
        ("a.tsv", "", r"the file holds none"),
        ("a.tsv", "\t\n\tun\n", r"got 2 lines and no pair with words on both sides"),
        ("a.zip", zipped({"a.txt": TABLE, "b.txt": TABLE}), r"exactly one table of pairs; 2 of its 2 files are such: 'a\.txt', 'b\.txt'"),
        ("a.zip", zipped({"a.txt": TABLE})[:-8], r"a\.zip"),
        ("a.csv", 'one,un\n"two,deux\n' + "three,trois\n" * 20_000, r"in the row that begins in line 2 one does not \(field larger than field limit \(131072\)\)\. Mend this row"),
        ("a.csv", 'one,un\n"two,deux\nthree,trois\n', r"in the row that begins in line 2 one does not \(unexpected end of data\)"),
        ("a.csv", 'one,un\n"two\n2",deux\n"three,trois\n"four, 4",quatre\n', r"cells must end where a comma or a line does, .*; in the row that begins in line 4 one does not"),
        ("a.tsv.gz", gzip.compress(TABLE.encode(), mtime=0)[:-9], r"cut off or damaged"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(tmp_path: Path, name: str, content: str | bytes, sentence: str) -> None:
    """What, where and what to do."""
    with pytest.raises(InputError, match=sentence):
        read_parallel(write(tmp_path / name, content))


def test_a_file_that_is_not_there_is_told_with_the_nearest_name(tmp_path: Path) -> None:
    """As everywhere."""
    write(tmp_path / "pairs.tsv", TABLE)
    with pytest.raises(ReadError, match=r"there is no such file\. Did you mean .*pairs\.tsv"):
        read_parallel(tmp_path / "pair.tsv")


def test_empty_sides_and_repeated_pairs_are_left_out_and_said(tmp_path: Path) -> None:
    """The line is the file's own, its row of names counted; several translations of one text stay."""
    found = read_parallel(write(tmp_path / "a.tsv", "en\tfr\nGo.\tVa !\nGo.\tAllez !\n\tx\nGo. \tVa !\n\n"))
    assert (found.sources, found.targets) == (("Go.", "Go."), ("Va !", "Allez !"))
    assert found.notes[1:] == ("2 pairs with an empty side were left out, the first in line 4.", "1 pair that was there before was left out.")


def test_no_source_text_stands_in_two_parts() -> None:
    """Not even with other punctuation or case; every pair is in one part, and the same one each time."""
    sources = [f"{word} {number}{end}" for number in range(200) for word, end in (("Run", "!"), ("run", "."), ("Walk", "."))]
    pairs = Pairs(tuple(sources), tuple(f"t{number}" for number in range(len(sources))))
    parts = split_pairs(pairs, valid=60, test=90)
    letters = [{"".join(filter(str.isalnum, text)).lower() for text in part.sources} for part in (parts.train, parts.valid, parts.test)]
    assert not letters[0] & letters[1]
    assert not letters[0] & letters[2]
    assert not letters[1] & letters[2]
    assert sorted(parts.train.targets + parts.valid.targets + parts.test.targets) == sorted(pairs.targets)
    assert 60 <= len(parts.valid) <= 62
    assert 90 <= len(parts.test) <= 92
    assert split_pairs(pairs, valid=60, test=90) == parts


def test_a_pair_stays_in_its_part_whatever_stands_before_it() -> None:
    """Parts hang on the texts, not on their order."""
    pairs = Pairs(tuple(f"text {number}" for number in range(100)), tuple(map(str, range(100))))
    turned = Pairs(pairs.sources[::-1], pairs.targets[::-1])
    assert set(split_pairs(pairs, valid=10, test=10).test.sources) == set(split_pairs(turned, valid=10, test=10).test.sources)


def test_more_than_half_held_out_is_refused() -> None:
    """Something must be left to learn from."""
    with pytest.raises(OptionError, match=r"'valid' and 'test' may take at most half of the 10 pairs; got 3 and 3"):
        split_pairs(Pairs(tuple("abcdefghij"), tuple("abcdefghij")), valid=3, test=3)


@pytest.mark.parametrize("texts", [("Go.",), ("Go.", "go", "GO!")])
def test_one_source_text_is_too_few(texts: tuple[str, ...]) -> None:
    """There must be one to learn from and one to choose by."""
    with pytest.raises(InputError, match=r"Two different source texts are needed at least, .*; the text has a single one"):
        split_pairs(Pairs(texts, texts), valid=1, test=0)


@pytest.mark.parametrize("alone", [f"text {number}" for number in range(8)])
def test_a_source_text_with_most_of_the_pairs_is_learnt_from(alone: str) -> None:
    """Wherever it stands in the order that is cut: held out, it left nothing to learn from."""
    pairs = Pairs(("Go.",) * 10 + (alone,), tuple(map(str, range(11))))
    parts = split_pairs(pairs, valid=2, test=0)
    assert (parts.train.sources, parts.valid.sources) == (("Go.",) * 10, (alone,))
