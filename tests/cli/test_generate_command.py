"""``ringsmith generate`` as a user meets it."""

from __future__ import annotations

import gzip
import io
import json
import sys
from pathlib import Path

import pytest
from command_line import Ringsmith, refused

import ringsmith as rs


def test_the_text_is_all_that_is_printed(ringsmith: Ringsmith, gpt2: Path) -> None:
    """Streamed or at once, by command or from Python: the same; nothing on standard error."""
    text = rs.generate(gpt2, "the cat", rs.DecodingOptions(max_new_tokens=12)).continuations[0].text
    for way in ((), ("--no-stream",), ("--stream",), ("--greedy",)):
        ended = ringsmith("generate", gpt2, "the cat", "-n", "12", *way)
        assert (ended.code, ended.out, ended.err) == (0, text + "\n", "")


def test_a_prompt_comes_from_a_file_or_standard_input(ringsmith: Ringsmith, gpt2: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the line end behind it, and without a byte order mark before it."""
    expected = ringsmith("generate", gpt2, "der Bär", "-n", "5").out
    (tmp_path / "prompt.txt").write_bytes("\ufeffder Bär\r\n".encode())
    assert ringsmith("generate", gpt2, "prompt.txt", "-n", "5").out == expected
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("der Bär\n".encode())))
    assert ringsmith("generate", gpt2, "-", "-n", "5").out == expected
    assert ringsmith("generate", gpt2, "See nowhere.txt", "-n", "5").code == 0
    (tmp_path / "latin.txt").write_bytes("der Bär".encode("latin-1"))
    refused(ringsmith("generate", gpt2, "latin.txt"), r"latin\.txt: the text must be UTF-8; byte 5 is not")


def test_json_tells_how_it_ended(ringsmith: Ringsmith, gpt2: Path) -> None:
    """Each continuation with its tokens and the reason; the prompt's tokens, the seconds."""
    content = json.loads(ringsmith("generate", gpt2, "the cat", "-n", "6", "--count", "3", "--temperature", "0.9", "--top-k", "50", "--seed", "4", "--json").out)
    assert (content["prompt"], content["prompt_tokens"], len(content["continuations"])) == ("the cat", 7, 3)
    assert all((one["tokens"], one["ended"]) == (6, "length") for one in content["continuations"])
    assert content["tokens_per_second"] > 0
    several = ringsmith("generate", gpt2, "the cat", "-n", "6", "--count", "3", "--temperature", "0.9", "--top-k", "50", "--seed", "4")
    assert all(one["text"] in several.out for one in content["continuations"])
    assert several.out.count("--max-new-tokens reached") == 3


@pytest.mark.parametrize("way", ["--stream", "--no-stream"])
def test_where_the_model_reads_no_further_it_is_said(ringsmith: Ringsmith, gpt2: Path, way: str) -> None:
    """On standard error, so that the output stays the text."""
    ended = ringsmith("generate", gpt2, "the cat", "-n", "5000", way)
    assert ended.out == rs.generate(gpt2, "the cat", rs.DecodingOptions(max_new_tokens=5_000)).continuations[0].text + "\n"
    assert ended.err == f"Ended after 57 tokens: {gpt2} reads 64 tokens, the prompt's 7 included.\n"


@pytest.mark.parametrize("command", ["generate", "translate", "inspect", "pretrain"])
def test_names_of_options_are_whole_on_a_narrow_terminal(ringsmith: Ringsmith, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    """Eighty columns are what a terminal has at least."""
    monkeypatch.setenv("COLUMNS", "80")
    shown = ringsmith(command, "--help").out
    assert "…" not in shown
    assert "<int range>" not in shown


def test_threads_are_at_least_one(ringsmith: Ringsmith, gpt2: Path) -> None:
    """Wherever a model is loaded."""
    for command in ("generate", "inspect"):
        refused(ringsmith(command, gpt2, "the cat", "--threads", "0"), r"'threads' must be at least 1; got 0\. Leave it out for all cores")


def test_a_packed_prompt_is_unpacked(ringsmith: Ringsmith, gpt2: Path, tmp_path: Path) -> None:
    """It is no text that is not UTF-8."""
    (tmp_path / "prompt.txt.gz").write_bytes(gzip.compress(b"the cat\n"))
    assert ringsmith("generate", gpt2, "prompt.txt.gz", "-n", "5").out == ringsmith("generate", gpt2, "the cat", "-n", "5").out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("cat", "--temperature", "0"), r"'temperature' must be above 0 .*; got 0\.0"),
        (("cat", "--top-p", "1.2"), r"'top_p' must be above 0 and at most 1; got 1\.2"),
        (("cat", "--beams", "3", "--stream"), r"--stream must follow one continuation as it is written; got --beams 3 as well\. Leave one of the two out"),
        (("cat", "--json", "--stream"), r"--stream must go without --json"),
        (("",), r"The prompt must hold at least one word; got an empty text"),
        (("nowhere.txt",), r"nowhere\.txt: there is no such file"),
        (("x" * 70,), r"The prompt must leave room for at least one token: .* reads 64; got 70"),
    ],
)  # fmt: skip
def test_wrong_use_is_one_sentence(ringsmith: Ringsmith, gpt2: Path, arguments: tuple[str, ...], sentence: str) -> None:
    """Exit code 2, and nothing else."""
    refused(ringsmith("generate", gpt2, *arguments), sentence)


@pytest.mark.parametrize(("command", "place"), [("generate", "ringsmith.cli.generate"), ("inspect", "ringsmith.visible.face")])
def test_an_empty_text_is_told_before_anything_is_loaded(ringsmith: Ringsmith, gpt2: Path, monkeypatch: pytest.MonkeyPatch, command: str, place: str) -> None:
    """An unset variable in the shell; what would read the text takes seconds to import."""
    monkeypatch.setattr(f"{place}.require_transformers", lambda purpose: pytest.fail(f"{purpose}: torch was asked for"))
    refused(ringsmith(command, gpt2, ""), r"must hold at least one word; got an empty text")


def test_a_fitted_model_is_sent_to_predict(ringsmith: Ringsmith, model: Path) -> None:
    """The folder of a classifier of words has no transformer in it."""
    refused(ringsmith("generate", model, "the cat"), r"a model folder holds a config\.json")


@pytest.mark.minilm
def test_minilm_writes_nothing_and_says_who_does(ringsmith: Ringsmith) -> None:
    """It reads in both directions."""
    refused(ringsmith("generate", "minilm", "the cat", "--offline"), r"minilm: 'generate' needs a causal language model .* reads in both directions \(BertModel\)")


@pytest.mark.parametrize("way", ["--stream", "--no-stream"])
def test_a_terminal_shows_the_prompt_too(ringsmith: Ringsmith, gpt2: Path, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    """The model goes on in the middle of a word, and both read as one text; where the output is piped, what follows the prompt is all."""
    piped = ringsmith("generate", gpt2, "the cat", "-n", "5", way)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert ringsmith("generate", gpt2, "the cat", "-n", "5", way).out.endswith(f"the cat{piped.out}")
