"""``ringsmith translate`` as a user meets it."""

from __future__ import annotations

import gzip
import io
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from command_line import Ringsmith, refused

import ringsmith as rs
from ringsmith.errors import InputError
from ringsmith.pretrain.translation import Translation
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
    for name in ("--beams", "--beam"):
        assert rs.translate(folder, TEXTS[:3], beam=1)[0] == ringsmith("translate", folder, TEXTS[0], name, "1").out.rstrip("\n")


def test_lines_of_a_file_keep_their_numbers_on_the_way_into_another(ringsmith: Ringsmith, folder: Path, tmp_path: Path) -> None:
    """Empty ones stay empty; line ends of Windows make no difference."""
    (tmp_path / "in.txt").write_bytes(f"{TEXTS[0]}\r\n\r\n{TEXTS[1]}\r\n".encode())
    ended = ringsmith("translate", folder, "in.txt", "--out", "out.txt")
    assert ended.code == 0
    assert "Written   out.txt · 3 lines" in ended.out
    assert "in the place of" not in ended.out
    assert "in the place of the file that was there" in ringsmith("translate", folder, "in.txt", "--out", "out.txt").out
    lines = (tmp_path / "out.txt").read_text(encoding="utf-8").split("\n")
    assert lines == [rs.translate(folder, TEXTS[0])[0], "", rs.translate(folder, TEXTS[1])[0], ""]


def test_empty_lines_at_the_end_are_lines_too(ringsmith: Ringsmith, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many lines come out as went in, whatever ends them, from a file, a packed one or standard input; the last line end begins no line."""
    for lines in (f"{TEXTS[0]}\n\n\n\n", f"{TEXTS[0]}\r\n\r\n\r\n\r\n", f"{TEXTS[0]}\r\r\r\r", f"{TEXTS[0]}\n\n\n "):
        (tmp_path / "in.txt").write_bytes(lines.encode())
        (tmp_path / "in.gz").write_bytes(gzip.compress(lines.encode()))
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines.encode())))
        for source in ("in.txt", "in.gz", "-"):
            assert "4 lines" in ringsmith("translate", folder, source, "--out", "out.txt").out
            assert (tmp_path / "out.txt").read_text(encoding="utf-8") == f"{rs.translate(folder, TEXTS[0])[0]}\n\n\n\n"


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
        (("cat", "--beam", "0"), r"'beam' must be a whole number, at least 1; got 0"),
        (("x" * 300,), r"Line 1: .* reads at most 24 pieces at once; this line has \d+"),
        (("cat", "--out", "nowhere/out.txt"), r"there is no folder 'nowhere' to write into"),
    ],
)
def test_wrong_use_is_one_sentence(ringsmith: Ringsmith, folder: Path, arguments: tuple[str, ...], sentence: str) -> None:
    """Exit code 2."""
    refused(ringsmith("translate", folder, *arguments), sentence)


TRAIN = ("--objective", "seq2seq", "--steps", "4", "--layers", "1", "--hidden", "32", "--vocabulary", "80", "--length", "24", "--threads", "1", "--precision", "float32")


def pairs(tmp_path: Path) -> None:
    """Two files of lines, each the other's letters the other way round."""
    lines = [f"{chr(97 + number % 7)} {chr(97 + number % 5)} {chr(97 + number // 9)}" for number in range(90)]
    (tmp_path / "a.txt").write_text("\n".join(lines) + "\n")
    (tmp_path / "b.txt").write_text("\n".join(line[::-1] for line in lines) + "\n")


def test_a_model_is_learnt_from_two_files_and_translates(ringsmith: Ringsmith, tmp_path: Path) -> None:
    """What was read and what came of it is told; the folder translates; options of the objective are passed on."""
    pairs(tmp_path)
    ended = ringsmith("pretrain", "a.txt", "--target", "b.txt", "--out", "model", *TRAIN, "--set", "warm_up=10", "--set", "held_out=8")
    assert (ended.code, ended.err) == (0, "")
    assert [line.split(" ")[0] for line in ended.out.splitlines() if line[0] != " "] == ["Read", "Model", "Trained", "Held", "Written", "Try"]
    assert ringsmith("translate", "model", "a b c").code == 0
    content = json.loads(ringsmith("pretrain", "a.txt", "--target", "b.txt", "--out", "again", *TRAIN, "--set", "warm_up=10", "--json").out)
    assert (content["options"]["warm_up"], content["steps"], content["out"]) == (10, 4, "again")


def test_python_learns_from_pairs_too(tmp_path: Path) -> None:
    """In memory or from files, to the same model; options of a translation stand beside those of a pre-training."""
    pairs(tmp_path)
    sides = [(tmp_path / name).read_text().splitlines() for name in ("a.txt", "b.txt")]
    options = rs.PretrainOptions(
        out=tmp_path / "memory", objective="seq2seq", steps=4, layers=1, hidden=32, vocabulary=80, length=24, threads=1, precision="float32",
        objective_options={"warm_up": 10, "held_out": 8},
    )  # fmt: skip
    told: list[str] = []
    made = rs.pretrain(zip(*sides, strict=True), options, say=lambda label, text: told.append(f"{label} {text}"))
    again = rs.pretrain(tmp_path / "a.txt", replace(options, out=tmp_path / "files"), target=tmp_path / "b.txt")
    assert isinstance(made, Translation)
    assert isinstance(again, Translation)
    assert (made.facts["options"]["warm_up"], made.facts["steps"], made.facts["loss"]) == (10, 4, again.facts["loss"])
    assert told[0].startswith("Read ")
    assert rs.translate(made.folder, "a b c") == rs.translate(again.folder, "a b c")


def test_what_is_no_pair_is_told_by_its_number(tmp_path: Path) -> None:
    """A text alone, three of them, something else; and nothing at all."""
    options = rs.PretrainOptions(out=tmp_path / "m", objective="seq2seq", steps=4)
    for wrong in ("ab", ("a", "b", "c"), ("a", None)):
        with pytest.raises(InputError, match=r"^Pairs must be of two texts each, a text and its translation; number 2 is "):
            rs.pretrain([("a", "b"), wrong], options)  # type: ignore[list-item]
    with pytest.raises(InputError, match=r"^The pairs: there must be at least one text with its translation; got 0 lines"):
        rs.pretrain([], options)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("a.txt", "--target", "b.txt", "--out", "m"), r"'target' is for the objective seq2seq, which learns from pairs of texts; got mlm"),
        (
            ("a.txt", "--target", "b.txt", "--out", "m", *TRAIN, "--rate", "1", "--lowercase"),
            r"'lowercase' and 'rate' must be left out: the objective seq2seq knows nothing of the kind\. It has options of its own, by --set NAME=VALUE: .*held_out",
        ),
        (("a.txt", "--target", "b.txt", "--out", "m", *TRAIN, "--set", "warmup=9"), r"The objective 'seq2seq' has no option 'warmup'; did you mean 'warm_up'"),
        (("a.txt", "--out", "m", *TRAIN), r"a\.txt: every line must hold a text and its translation; line 1 has 1 column"),
        (("a.txt", "--target", "short.txt", "--out", "m", *TRAIN), r"they have 1 and 90 lines\. The first without a partner is line 2 of a\.txt"),
    ],
)
def test_pairs_and_options_that_cannot_be_are_one_sentence(ringsmith: Ringsmith, tmp_path: Path, arguments: tuple[str, ...], sentence: str) -> None:
    """Exit code 2, and no folder."""
    pairs(tmp_path)
    (tmp_path / "short.txt").write_text("x\n")
    refused(ringsmith("pretrain", *arguments), sentence)
    assert not (tmp_path / "m").exists()


def test_a_file_that_is_not_utf8_is_told_where(ringsmith: Ringsmith, folder: Path, tmp_path: Path) -> None:
    """The byte."""
    (tmp_path / "latin.txt").write_bytes("là".encode("latin-1"))
    refused(ringsmith("translate", folder, "latin.txt"), r"latin\.txt: the text must be UTF-8; byte 1 is not")


def test_a_fitted_model_does_not_translate(ringsmith: Ringsmith, model: Path) -> None:
    """A classifier of words has no transformer in it."""
    refused(ringsmith("translate", model, "cat"), r"config\.json|translate")
