"""``ringsmith translate`` as a user meets it."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest
from command_line import Ringsmith, refused

import ringsmith as rs
from translation_tiny import TEXTS, make_translator


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that translates into nonsense."""
    return make_translator(tmp_path_factory.mktemp("translator") / "tiny")


def test_a_quoted_text_is_translated_and_nothing_else_is_printed(ringsmith: Ringsmith, folder: Path) -> None:
    """The same from Python, one text or several."""
    expected = rs.translate(folder, TEXTS[0])
    ended = ringsmith("translate", folder, TEXTS[0])
    assert (ended.code, ended.out, ended.err) == (0, f"{expected[0]}\n", "")
    assert rs.translate(folder, TEXTS[:3], beam=1)[0] == ringsmith("translate", folder, TEXTS[0], "--beam", "1").out.rstrip("\n")


def test_lines_of_a_file_keep_their_numbers_on_the_way_into_another(ringsmith: Ringsmith, folder: Path, tmp_path: Path) -> None:
    """Empty ones stay empty; line ends of Windows make no difference."""
    (tmp_path / "in.txt").write_bytes(f"{TEXTS[0]}\r\n\r\n{TEXTS[1]}\r\n".encode())
    ended = ringsmith("translate", folder, "in.txt", "--out", "out.txt")
    assert ended.code == 0
    assert "Written   out.txt · 3 lines" in ended.out
    lines = (tmp_path / "out.txt").read_text(encoding="utf-8").split("\n")
    assert lines == [rs.translate(folder, TEXTS[0])[0], "", rs.translate(folder, TEXTS[1])[0], ""]


def test_standard_input_is_translated_and_json_tells_lines(ringsmith: Ringsmith, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One object: settings, and each line with its translation."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(f"{TEXTS[0]}\n\n{TEXTS[4]}\n".encode())))
    content = json.loads(ringsmith("translate", folder, "-", "--json", "--beam", "2", "--length-penalty", "1").out)
    assert (content["beam"], content["length_penalty"]) == (2, 1.0)
    assert [(row["line"], row["source"]) for row in content["lines"]] == [(1, TEXTS[0]), (2, ""), (3, TEXTS[4])]
    assert [row["translation"] for row in content["lines"]] == rs.translate(folder, [TEXTS[0], "", TEXTS[4]], beam=2, length_penalty=1.0)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("",), r"there must be at least one text to translate; got none"),
        (("cat", "--beam", "0"), r"'beam' must be at least 1; got 0"),
        (("x" * 300,), r"Line 1: .* reads at most 24 pieces at once; this line has \d+"),
        (("cat", "--out", "nowhere/out.txt"), r"there is no folder 'nowhere' to write into"),
    ],
)
def test_wrong_use_is_one_sentence(ringsmith: Ringsmith, folder: Path, arguments: tuple[str, ...], sentence: str) -> None:
    """Exit code 2."""
    refused(ringsmith("translate", folder, *arguments), sentence)


def test_a_file_that_is_not_utf8_is_told_where(ringsmith: Ringsmith, folder: Path, tmp_path: Path) -> None:
    """The byte."""
    (tmp_path / "latin.txt").write_bytes("là".encode("latin-1"))
    refused(ringsmith("translate", folder, "latin.txt"), r"latin\.txt: the text must be UTF-8; byte 1 is not")


def test_a_fitted_model_does_not_translate(ringsmith: Ringsmith, model: Path) -> None:
    """A classifier of words has no transformer in it."""
    refused(ringsmith("translate", model, "cat"), r"config\.json|translate")
