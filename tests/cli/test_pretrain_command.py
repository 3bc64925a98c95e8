"""``ringsmith pretrain`` as a user meets it."""

from __future__ import annotations

import gzip
import importlib
import io
import json
import re
import signal
import sys
from pathlib import Path

import pytest
from command_line import Ringsmith, Write, refused

import ringsmith as rs
from ringsmith.cli import _progress
from ringsmith.pretrain import room, training
from ringsmith.pretrain.learning import Learning
from ringsmith.pretrain.objectives import models
from ringsmith.pretrain.training import Pretrained

WORDS = "the dog sees a ring by the river and the fox follows a king into the forest".split()  # noqa: SIM905
TINY = ("--layers", "1", "--hidden", "16", "--length", "16", "--batch-tokens", "128", "--threads", "1", "--precision", "float32", "--work", "work")


def text(documents: int = 40) -> bytes:
    """Documents of made-up sentences."""
    lines = [" ".join(WORDS[(number * 7 + place * 3) % len(WORDS)] for place in range(12)) for number in range(documents * 4)]
    return "\n\n".join("\n".join(lines[start : start + 4]) for start in range(0, len(lines), 4)).encode()


def test_a_model_is_made_and_everything_is_told(ringsmith: Ringsmith, write: Write, tmp_path: Path) -> None:
    """What was read, the model, the held out loss, where it lies; the folder is one that the catalogue takes."""
    write("corpus.txt", text())
    ended = ringsmith("pretrain", "corpus.txt", "--out", "model", "--steps", "8", *TINY)
    assert (ended.code, ended.err) == (0, "")
    lines = [line.split(" ")[0] for line in ended.out.splitlines()]
    assert [label for label in lines if label] == ["Pieces", "Read", "Start", "Model", "Trained", "Held", "Written", "Try"]
    assert "perplexity" in ended.out
    assert {path.name for path in (tmp_path / "model").iterdir()} >= {"config.json", "model.safetensors", "tokenizer.json", "ringsmith.json", "README.md", "loss.svg"}
    assert ended.out.splitlines()[-1].split() == ["Try", "ringsmith", "compare", "DATA", "--models", "model"]
    again = ringsmith("pretrain", "corpus.txt", "--out", "model", "--steps", "8", *TINY)
    refused(again, "a model is written into an empty or a new folder; this one holds a model already")


def test_a_log_file_is_told_how_far_it_is(ringsmith: Ringsmith, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line from time to time, where there is no terminal for a bar: step, loss, and what is left."""
    monkeypatch.setattr(_progress, "LOG_SECONDS", 0.0)
    write("corpus.txt", text())
    ended = ringsmith("pretrain", "corpus.txt", "--out", "model", "--steps", "8", *TINY)
    lines = [line for line in ended.out.splitlines() if line.startswith("Train ")]
    assert len(lines) == 8
    assert re.fullmatch(r"Train     5 of 8 steps · loss \d\.\d\d · [\d,]+ tokens/s · 0:00:0\d to go", lines[4]), lines[4]


def test_json_is_printed_for_programs(ringsmith: Ringsmith, write: Write) -> None:
    """The facts on standard output, the lines for people on standard error; options of the objective are passed on."""
    write("corpus.txt", text())
    ended = ringsmith("pretrain", "corpus.txt", "--out", "model", "--epochs", "0.5", "--set", "whole_words=true", "--start", "frequencies", "--json", *TINY)
    content = json.loads(ended.out)
    assert content["objective"]["options"]["whole_words"] is True
    assert content["head_start"]["kind"] == "frequencies"
    assert content["epochs"] == pytest.approx(0.5, abs=0.1)
    assert content["held_out"]["perplexity"] > 1
    assert content["held_out"]["bits_per_byte"] is None, "pieces that are not hidden cost no bits here"
    assert "Read" in ended.err


def test_standard_input_is_a_corpus(ringsmith: Ringsmith, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Read for the vocabulary and for the numbers, though it comes but once."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text())))
    ended = ringsmith("pretrain", "-", "--out", "model", "--steps", "2", *TINY)
    assert ended.code == 0, ended
    assert (tmp_path / "model" / "ringsmith.json").exists()


def test_it_goes_on_from_a_folder(ringsmith: Ringsmith, write: Write, tmp_path: Path) -> None:
    """A causal model, further."""
    write("corpus.txt", text())
    first = ringsmith("pretrain", "corpus.txt", "--out", "first", "--objective", "clm", "--steps", "4", *TINY)
    assert first.out.splitlines()[-1].split()[:4] == ["Try", "ringsmith", "generate", "first"]
    ended = ringsmith("pretrain", "corpus.txt", "--out", "second", "--objective", "clm", "--from", "first", "--steps", "2", "--threads", "1", "--work", "work")
    assert (ended.code, ended.err) == (0, "")
    refused(ringsmith("pretrain", "corpus.txt", "--out", "third", "--from", "first", "--threads", "1"), "The objective .mlm. needs a vocabulary with a piece that hides others")


def test_of_several_processes_one_speaks(ringsmith: Ringsmith, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of them does the work; nothing is said twice."""
    write("corpus.txt", text())
    monkeypatch.setenv("RANK", "1")
    for more in ((), ("--json",)):
        ended = ringsmith("pretrain", "corpus.txt", "--out", f"model{len(more)}", "--steps", "2", *TINY, *more)
        assert (ended.code, ended.out, ended.err) == (0, "", "")


def test_python_has_it_too(write: Write, tmp_path: Path) -> None:
    """Strings in memory, each a document."""
    options = rs.PretrainOptions(out=tmp_path / "model", layers=1, hidden=16, length=16, batch_tokens=128, steps=2, threads=1, work=tmp_path / "work", held_out=0.1)
    made = rs.pretrain(text().decode().split("\n\n"), options)
    assert isinstance(made, Pretrained)
    assert (made.folder / "model.safetensors").exists()
    assert made.facts.steps == 2


@pytest.mark.parametrize(
    ("content", "arguments", "sentence"),
    [
        (b"", (), r"corpus\.txt: a corpus must hold text|The corpus must hold some text"),
        (b"one line\n", (), r"A corpus must hold two sequences of 16 pieces, one to learn from and one to judge by; it holds \d+ pieces"),
        (text() + b"\nbro\xffken", (), r"corpus\.txt, line \d+: a corpus must be UTF-8; byte 4 of the line is 0xff\. Mend it, or leave such lines out with --on-bad-text skip"),
        (text(), ("--vocabulary", "9000"), r"'vocabulary' must not be larger than the corpus allows: it gives \d+ pieces; got 9,000"),
        (text(), ("--objective", "mml"), r"There is no objective 'mml'\. Did you mean 'mlm'\? Known: clm, .*, rtd, seq2seq\."),
        (text(), ("--set", "whole_words"), r"--set must be NAME=VALUE, such as whole_words=true; got 'whole_words'"),
        (text(), ("--set", "sharing=0.2"), r"The objective 'mlm' has no option 'sharing'; did you mean 'share'\?"),
        (text(), ("--heads", "3"), r"'heads' must divide 'hidden' \(16\); got 3"),
        (text(), ("--budget", "soon"), r"'budget' must be a time such as 90s, 10m"),
        (text(), ("--on", "rai"), r"There is no place to work on 'rai'\. Did you mean 'ray'\?"),
        (text(), ("--workers", "2"), r"'workers' is for on='ray' \(--on ray\) only; got 2"),
        (text(), ("--from", "nobody"), r"There is no model 'nobody'|'layers' and 'hidden' cannot be chosen"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(ringsmith: Ringsmith, write: Write, tmp_path: Path, content: bytes, arguments: tuple[str, ...], sentence: str) -> None:
    """Exit code 2, and no model."""
    write("corpus.txt", content)
    refused(ringsmith("pretrain", "corpus.txt", "--out", "model", "--steps", "2", *TINY, *arguments), sentence)
    assert not (tmp_path / "model").exists()


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny BERT of sequences of 16, after one step."""
    out = tmp_path_factory.mktemp("bert") / "ringsmith_zoo" / "bert"
    options = rs.PretrainOptions(out=out, layers=1, hidden=16, length=16, batch_tokens=128, steps=1, threads=1, precision="float32", start="random", held_out=0.1)
    return rs.pretrain(text().decode().split("\n\n"), options).folder


CONTRADICTIONS = [
    (("--hidden", "100", "--heads", "3"), r"'heads' must divide 'hidden' \(100\); got 3"),
    (("--objective", "clm", "--from", "BERT"), r"the objective 'clm' trains models that read from left to right; got bert"),
    (("--from", "BERT", "--length", "32"), r"'length' must be at most what the model takes, 16 pieces; got 32"),
    (("--objective", "distil", "--set", "teacher=BERT", "--layers", "2"), r"'layers' must be at most the teacher's, 1; got 2"),
    (("--objective", "distil", "--set", "teacher=BERT", "--start", "random"), r"'start' cannot be chosen with 'distil'"),
    (("--objective", "distil", "--set", "teacher=nobody"), r"There is no model 'nobody'"),
]


@pytest.mark.parametrize(("arguments", "sentence"), CONTRADICTIONS)
def test_contradictions_are_told_before_the_corpus_is_read(
    ringsmith: Ringsmith, write: Write, bert: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], sentence: str
) -> None:
    """However large it is."""
    monkeypatch.setattr(training, "prepare", lambda *_, **__: pytest.fail("the corpus was read"))
    write("corpus.txt", text())
    refused(ringsmith("pretrain", "corpus.txt", "--out", "model", *(one.replace("BERT", str(bert)) for one in arguments)), sentence)


@pytest.mark.parametrize("content", [b"", b"\n\n \n", "the dog sees".encode("utf-16"), b"\x00\x01" * 500])
def test_what_is_no_text_is_told_before_torch_is_loaded(ringsmith: Ringsmith, write: Write, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    """Its first part says so."""
    monkeypatch.setitem(sys.modules, "ringsmith.pretrain.training", None)
    write("corpus.txt", content)
    refused(ringsmith("pretrain", "corpus.txt", "--out", "model"), r"corpus\.txt: a corpus must (hold|be) text|corpus\.txt: a corpus must be in UTF-8")


def test_a_teacher_goes_by_its_short_name(ringsmith: Ringsmith, write: Write, bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a model to go on from does."""
    monkeypatch.syspath_prepend(bert.parent.parent)
    monkeypatch.delitem(sys.modules, "ringsmith_zoo", raising=False)
    (bert.parent / "__init__.py").write_text("")
    importlib.invalidate_caches()
    write("corpus.txt", text())
    ended = ringsmith("pretrain", "corpus.txt", "--out", "model", "--steps", "1", "--objective", "distil", "--set", "teacher=zoo-bert", "--threads", "1", "--work", "work")
    assert (ended.code, ended.err) == (0, ""), ended


def test_a_model_that_memory_does_not_hold_is_told_before_it_is_made(ringsmith: Ringsmith, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """From its shape alone, and where it runs out all the same; with the vocabulary that is learnt, as soon as that is known."""

    def no_more(*_: object, **__: object) -> None:
        raise RuntimeError("[enforce fail at alloc_cpu.cpp:127] . DefaultCPUAllocator: can't allocate memory: you tried to allocate 80 bytes")

    write("corpus.txt", text())
    with monkeypatch.context() as patched:
        patched.setattr(training, "prepare", lambda *_, **__: pytest.fail("the corpus was read"))
        ended = ringsmith("pretrain", "corpus.txt", "--out", "model", "--layers", "2000", "--hidden", "20000", "--heads", "100")
        refused(
            ended,
            r"Memory must hold the model with its gradients: 9,\d{3},\d{3} M parameters need 14\d,\d{3}\.\d GB, and \d+\.\d GB are free\. Take a smaller model: fewer --layers",
        )
    with monkeypatch.context() as patched:
        patched.setattr(room, "free_bytes", lambda place: 16 * 4_500)
        refused(ringsmith("pretrain", "corpus.txt", "--out", "model", *TINY), r"Memory must hold the model with its gradients: 0 M parameters")
    monkeypatch.setattr(models, "create", no_more)
    refused(ringsmith("pretrain", "corpus.txt", "--out", "model", *TINY), r"Memory must hold the model and what it begins with; it does not\. Take a smaller model")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_training_that_is_stopped_says_where_the_same_command_goes_on(ringsmith: Ringsmith, write: Write, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """By Ctrl-C or by a queue: exit code 3, and not a step is lost."""
    write("corpus.txt", text())
    command = ("pretrain", "corpus.txt", "--out", "model", "--steps", "8", *TINY)
    with monkeypatch.context() as patched:
        patched.setattr(Learning, "check", lambda self, losses, planned: signal.raise_signal(number) if len(losses) == 5 else None)
        stopped = ringsmith(*command)
    assert (stopped.code, stopped.err) == (3, "ringsmith: Stopped after step 5. The same command goes on from there.\n")
    ended = ringsmith(*command)
    assert ended.code == 0, ended
    assert "Goes on   after step 5, where this training was stopped" in ended.out


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "utf-16-le", "koi8-r"])
def test_a_corpus_in_another_encoding_is_named(ringsmith: Ringsmith, write: Write, tmp_path: Path, encoding: str) -> None:
    """It is read to the same pieces as in UTF-8, documents and all; packed, too."""
    content = text().decode().replace("fox", "лис" if encoding == "koi8-r" else "café")
    write("plain.txt", content.encode())
    write("other.gz", gzip.compress(content.encode(encoding)))
    made = [ringsmith("pretrain", *corpus, "--out", corpus[0][:2], "--steps", "1", *TINY) for corpus in (("plain.txt",), ("other.gz", "--encoding", encoding))]
    assert [one.code for one in made] == [0, 0], made
    assert "40 documents" in made[1].out
    assert (tmp_path / "pl" / "tokenizer.json").read_bytes() == (tmp_path / "ot" / "tokenizer.json").read_bytes()


@pytest.mark.parametrize("column", [(), ("--column", "review")])
def test_a_table_in_a_named_encoding_is_read(ringsmith: Ringsmith, tmp_path: Path, column: tuple[str, ...]) -> None:
    """Its column found or named."""
    rows = ["id,review", *(f"{number},лис {line}" for number, line in enumerate(text().decode().split("\n")) if line)]
    (tmp_path / "t.csv").write_text("\n".join(rows), encoding="koi8-r")
    ended = ringsmith("pretrain", "t.csv", "--encoding", "koi8-r", *column, "--out", "model", "--steps", "1", *TINY)
    assert ended.code == 0, ended
    assert "лис" in (tmp_path / "model" / "tokenizer.json").read_text(encoding="utf-8")


def test_an_encoding_that_is_not_is_told(ringsmith: Ringsmith, write: Write) -> None:
    """One that Python does not know, and one that the bytes are not in; of UTF-16 it is told what to name."""
    write("corpus.txt", text() + b"\nbro\x98ken")
    refused(ringsmith("pretrain", "corpus.txt", "--out", "model", "--encoding", "koi9"), r"There is no encoding 'koi9'")
    sentence = r"corpus\.txt: the text must be in cp1250, as --encoding says; byte 0x98 is not .*Name another one, or leave it out for UTF-8"
    refused(ringsmith("pretrain", "corpus.txt", "--out", "model", "--encoding", "cp1250"), sentence)
    write("wide.txt", text().decode().encode("utf-16"))
    refused(ringsmith("pretrain", "wide.txt", "--out", "model"), r"must be in UTF-8; this file begins as UTF-16 does\. .* or name its encoding with --encoding utf-16")


def test_lines_that_end_as_on_an_old_mac_are_lines(ringsmith: Ringsmith, write: Write) -> None:
    """And blank ones end documents."""
    write("corpus.txt", text().replace(b"\n", b"\r"))
    assert "40 documents" in ringsmith("pretrain", "corpus.txt", "--out", "model", "--steps", "1", *TINY).out


def test_a_picture_among_texts_is_left_out_and_said(ringsmith: Ringsmith, write: Write) -> None:
    """Nor does an archive pass for a text."""
    write("texts/a.txt", text())
    write("texts/photo.png", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40)
    ended = ringsmith("pretrain", "texts", "--out", "model", "--steps", "1", *TINY)
    assert ended.code == 0, ended
    assert "1 file left out, which is no text: photo.png." in ended.out
    write("a.zip", b"PK\x03\x04" + text())
    refused(ringsmith("pretrain", "a.zip", "--out", "other"), r"a\.zip: a corpus must be text; this file is a zip archive\. Unpack it")


def test_bad_lines_are_skipped_and_counted(ringsmith: Ringsmith, write: Write) -> None:
    """Where that was asked for."""
    write("corpus.txt", text() + b"\nbro\xffken")
    ended = ringsmith("pretrain", "corpus.txt", "--out", "model", "--steps", "2", "--on-bad-text", "skip", *TINY)
    assert ended.code == 0, ended
    assert "1 line left out: not UTF-8" in ended.out


def test_a_disk_without_room_is_told_before(ringsmith: Ringsmith, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """From what the first part took."""
    from ringsmith.pretrain import tokenfile

    monkeypatch.setattr(tokenfile, "AT_ONCE", 1_000)
    monkeypatch.setattr("ringsmith.words.sources.BLOCK", 1_000)
    monkeypatch.setattr(tokenfile, "free_bytes", lambda folder: tokenfile.SPARE_BYTES)
    write("corpus.txt", text())
    refused(ringsmith("pretrain", "corpus.txt", "--out", "model", "--steps", "2", *TINY), r"the disk must hold the corpus in numbers, about 0\.\d\d GB; 0\.\d\d GB are free")


@pytest.mark.parametrize("precision", ["float32", "auto"])
def test_what_memory_does_not_hold_is_told_before_the_first_step(ringsmith: Ringsmith, write: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, precision: str) -> None:
    """Nor is a step made to measure by; nothing is left beside the text in numbers."""
    monkeypatch.setattr("ringsmith.adapt.memory.free_bytes", lambda module: 1 << 10)
    monkeypatch.setattr("ringsmith.backbones.pays.has_bfloat16", lambda: True)
    write("corpus.txt", text())
    ended = ringsmith("pretrain", "corpus.txt", "--out", "model", "--steps", "2", *TINY, "--precision", precision)
    refused(ended, r"Memory must hold a row of 16 tokens with its gradients: training takes about 0\.\d GB, and 0\.0 GB are free\. Take a smaller --length, or a smaller model")
    assert {path.name for path in tmp_path.iterdir()} >= {"corpus.txt", "work"}
    assert not [path for path in tmp_path.iterdir() if "model" in path.name]


DIALECTS = [("t.csv", ",", "utf-8", "utf-8, delimiter ','"), ("t.tsv", "\t", "utf-8", "utf-8"), ("t.csv", ";", "cp1252", "cp1252"), ("t.csv", ",", "cp1252", "cp1252")]


@pytest.mark.parametrize(("name", "separator", "encoding", "told"), DIALECTS)
def test_the_text_column_of_a_table_is_found(ringsmith: Ringsmith, tmp_path: Path, name: str, separator: str, encoding: str, told: str) -> None:
    """One sentence says which; the model has learnt its words and not those of other columns, in any dialect that `compare` reads."""
    lines = [f"café {line}" for line in text().decode().split("\n") if line]
    rows = [separator.join(("id", "review", "shop")), *(separator.join((str(number), line, "zebra")) for number, line in enumerate(lines))]
    (tmp_path / name).write_text("\n".join(rows), encoding=encoding)
    ended = ringsmith("pretrain", name, "--out", "model", "--steps", "2", *TINY)
    assert ended.code == 0, ended
    assert f"Texts: column 'review' (160 rows, {told}" in ended.out
    assert "--encoding" not in ended.out
    pieces = (tmp_path / "model" / "tokenizer.json").read_text(encoding="utf-8")
    assert "café" in pieces
    assert "z" not in json.loads(pieces)["model"]["vocab"]


def test_a_column_that_cannot_be_told_is_asked_for(ringsmith: Ringsmith, write: Write) -> None:
    """And taken as it is named."""
    write("two.csv", ("first,second\n" + "\n".join(f"the dog sees {number} rings,the king finds {number} rivers" for number in range(80))).encode())
    refused(ringsmith("pretrain", "two.csv", "--out", "model", "--steps", "2", *TINY), r"which column is the text; .* Name it with --column; the columns are: 'first'")
    ended = ringsmith("pretrain", "two.csv", "--column", "second", "--out", "model", "--steps", "2", *TINY)
    assert ended.code == 0, ended
    assert "Texts:" not in ended.out
