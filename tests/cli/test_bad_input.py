"""Bad input, from the outside: one clear sentence on standard error, exit code 2, no traceback, nothing written, nothing lost."""

from __future__ import annotations

import errno
import gzip
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import Ended, Ringsmith, Write, as_csv, refused, reviews

from ringsmith.compare import race
from ringsmith.data.predictions import WRITERS

ROWS = reviews(60)
BINARY = bytes(range(256)) * 16
posix = pytest.mark.skipif(sys.platform == "win32", reason="permissions and signals of POSIX")


def relabelled(label: Callable[[int, str], str]) -> bytes:
    """The rows as CSV with other labels."""
    return as_csv([(text, label(number, old)) for number, (text, old) in enumerate(ROWS)])


TABLES: dict[str, tuple[bytes, tuple[str, ...], str]] = {
    "empty file": (b"", (), r"data\.csv: the file is empty\. A table needs a header"),
    "blanks only": (b" \n\n \t\n", (), r"data\.csv: the file holds blanks only"),
    "header only": (b"text,label\n", (), r"data\.csv: a table needs rows; the file has a header \(text, label\) and no rows under it"),
    "one column": (as_csv(ROWS).replace(b",bad", b"").replace(b",good", b"").replace(b"text,label", b"text"), (), r"the table has one column, 'text' .* Add the labels"),
    "one class only": (relabelled(lambda *_: "x"), (), r"data\.csv, labels in 'label': two classes or more are needed; got only 'x' in 60 rows"),
    "a class too small": (as_csv([*ROWS, ("a lonely row of words", "rare")]), (), r"'rare' has 1\. Add rows, or leave such classes out with --min-rows 5"),
    "all texts empty": (as_csv([("", label) for _, label in ROWS]), (), r"of 60 rows 60 have empty text \(text column: 'text'\)"),
    "binary": (BINARY, (), r"data\.csv: a table of texts is needed; this is a binary file"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + BINARY, (), r"this is a PNG picture"),
    "a pickle": (b"\x80\x04\x95" + BINARY, (), r"a Python pickle, which can run code and is never opened"),
    "NUL bytes": (as_csv(ROWS).replace(b"a", b"\0"), (), r"this is a binary file"),
    "wrong encoding": (b"text,label\n" + "".join(f"Это очень {text} ящик,{label}\n" for text, label in ROWS).encode("koi8-r"), (), r"none of UTF-8, .* \(--encoding koi8-r\)"),
    "unknown encoding": (as_csv(ROWS), ("--encoding", "koi9"), r"There is no encoding 'koi9'\. .*Known: big5, "),
    "another encoding named": (as_csv(ROWS) + b"ni\x98,bad\n", ("--encoding", "cp1250"), r"data\.csv:\d+: the file must be in cp1250, as --encoding says; byte 0x98"),
    "a broken byte": (as_csv(ROWS).replace(b"text,label\n", "text,label\n한국어 ".encode()[:-2] + b"\xff ", 1), (), r"data\.csv:2: the file is UTF-8 but for byte"),
    "NaN labels only": (relabelled(lambda *_: "NaN"), ("--label", "label"), r"labels are needed; the column 'label' is empty in all 60 rows"),
    "numbers as text": (as_csv([(str(number * 1.5), label) for number, (_, label) in enumerate(ROWS)]), (), r"the text column would be 'text', which holds numbers \(0\.0, 1\.5\)"),
    "numbers named as text": (as_csv([(str(number), label) for number, (_, label) in enumerate(ROWS)]), ("--text", "text"), r"--text names 'text', which holds numbers"),
    "twice the same name": (as_csv([("a,b", label) for _, label in ROWS], "text,text,label"), (), r":1: every column needs a name of its own; 'text' is the name of columns 1 and"),
    "a cell of 10 MB": (as_csv([("x " * 5_000_000, "good"), *ROWS]), (), r"data\.csv: line 2: a text may have at most 5 MB; got 10\.0 MB in 'text'"),
    "gzip cut off": (gzip.compress(as_csv(ROWS))[:-12], (), r"data\.csv: the gz stream is cut off or damaged"),
    "a false workbook": (b"PK\x03\x04[Content_Types].xml" + b"x" * 100, (), r"the workbook is damaged"),
    "a false Parquet file": (b"PAR1" + b"x" * 100 + b"PAR1", (), r"the Parquet file is cut off or damaged"),
    "broken JSON": (b'[{"text": "a b", "label": 1},', (), r"data\.csv"),
    "deep JSON": (b"[" * 100_000 + b"]" * 100_000, (), r"data\.csv: "),
    "no such column": (as_csv(ROWS), ("--text", "review"), r"--text must name a column; there is none called 'review'\. The columns are: 'text', 'label'"),
    "one column, two roles": (as_csv(ROWS), ("--text", "text", "--label", "text"), r"a column can have one role; 'text' would be --text and --label"),
    "min-rows too high": (as_csv(ROWS), ("--min-rows", "1000"), r"--min-rows must leave two classes or more; 1,000 leaves 0 of 2: the largest, 'bad', has 30 rows"),
    "min-rows leaves one": (as_csv(ROWS[:41:2] + ROWS[1:12:2]), ("--min-rows", "20"), r"20 leaves 1 of 2: the largest, 'bad', has 21 rows"),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_a_table_that_cannot_be_used_is_refused(name: str, ringsmith: Ringsmith, write: Write, tmp_path: Path) -> None:
    """Each says what is wrong with it; nothing is written."""
    content, options, sentence = TABLES[name]
    write("data.csv", content)
    refused(ringsmith("compare", "data.csv", "--recipes", "majority", "--out", "out", *options), sentence)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"\n".join(b'{"text": "a b c", "label": %s}' % (b"9" * 5000) for _ in range(9)), r"data\.jsonl:1: valid JSON is needed here; a whole number has more than 4,300 digits"),
        (b"[" * 100_000 + b"]" * 100_000, r"data\.jsonl(:1)?: the brackets are nested too deeply"),
    ],
)
def test_json_beyond_reason_is_refused(content: bytes, sentence: str, ringsmith: Ringsmith, write: Write) -> None:
    """In our words, not in those of Python's parser."""
    write("data.jsonl", content)
    refused(ringsmith("compare", "data.jsonl", "--recipes", "majority"), sentence)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ("dota.csv", r"dota\.csv: there is no such file\. Did you mean 'data\.csv'\?"),
        ("folder", r"folder: a folder must hold one sub-folder of text files for each class.* this one has no text files"),
        ("", r"must be named; got an empty name"),
        ("~nobodyhere/x.csv", r"~nobodyhere/x\.csv: there is no such home folder"),
        ("https://example.org/x.csv", r"https://example\.org/x\.csv: addresses that begin with https:// are not read here .* Download the file first"),
        ("hf://nosuch", r"an address must look like hf://datasets/"),
    ],
)
def test_a_place_without_a_table_is_refused(data: str, sentence: str, ringsmith: Ringsmith, write: Write) -> None:
    """The nearest name is offered where there is one."""
    write("data.csv", ROWS)
    write("folder/pictures/cat.png", BINARY)
    refused(ringsmith("compare", data, "--recipes", "majority", "--offline"), sentence)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (as_csv([(text, "new") for text, _ in ROWS[:20]]), r"they share none: training has 'bad', 'good', the test rows have 'new'"),
        (as_csv(ROWS), r"all \d+ training rows are duplicates of those"),
        (as_csv(ROWS, "text,kind"), r"test\.csv: the second table must have the columns of the first, data\.csv; there is none called 'label'\. Its columns are: 'text', 'kind'"),
        (b"", r"test\.csv: the file is empty"),
    ],
)
def test_test_rows_that_cannot_be_used_are_refused(content: bytes, sentence: str, ringsmith: Ringsmith, write: Write) -> None:
    """Labels that training lacks altogether, the training file itself, other columns, nothing."""
    write("data.csv", ROWS)
    write("test.csv", content)
    refused(ringsmith("compare", "data.csv", "--test", "test.csv", "--recipes", "majority"), sentence)


def test_a_few_new_labels_among_the_test_rows_are_said_and_count_as_wrong(ringsmith: Ringsmith, write: Write, tmp_path: Path) -> None:
    """It goes on; of six test rows two can never be right."""
    test = [(f"{number} never seen words {'q' * number}", label) for number, label in enumerate(("good", "bad", "good", "bad", "new", "new"), start=3)]
    write("data.csv", ROWS)
    write("test.csv", test)
    ended = ringsmith("compare", "data.csv", "--test", "test.csv", "--recipes", "majority", "--on", "inline", "--out", "out")
    assert ended.code == 0
    assert "The test rows have labels that training never has ('new'): 2 of them cannot be right and count as wrong." in " ".join(ended.out.split())
    (row,) = json.loads((tmp_path / "out" / "leaderboard.json").read_text(encoding="utf-8"))
    assert row["test"] == pytest.approx(2 / 6)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--folds", "1000"), r"'folds' must be at most the number of rows \(60\); got 1000"),
        (("--folds", "1"), r"'folds' must be 0 \(one split\) or at least 2; got 1"),
        (("--seed", "-1"), r"'seed' must be from 0 to 2,147,483,647; got -1"),
        (("--seed", "99999999999"), r"'seed' must be from 0 to 2,147,483,647"),
        (("--seeds", "0"), r"'seeds' must be at least 1; got 0"),
        (("--threads", "9999999"), r"'threads' must be from 1 to 1,024; got 9999999"),
        (("--budget", "0"), r"'budget' must be more than 0 seconds; got '0'\. Leave it out for no limit"),
        (("--budget", "abc"), r"'budget' must be a time such as 90s, 10m, 2m30s or 1h30m; got 'abc'"),
        (("--budget", "30"), r"got '30'\. Write 30s or 30m"),
        (("--metric", "nonsense"), r"There is no metric 'nonsense'\. Known: accuracy"),
        (("--metric", "f1:nosuch"), r"There is no class 'nosuch'\. Known: bad, good"),
        (("--models", "minlm"), r"There is no model 'minlm'\. Did you mean 'minilm'\?"),
        (("--models", "tfidf"), r"--models takes names of models; 'tfidf' is a recipe\. Write: --recipes tfidf"),
        (("--models", "minilm+probe"), r"--models takes names of models; 'minilm\+probe' is a candidate\. Write: --models minilm --recipes probe"),
        (("--models", "~nobodyhere/x"), r"There is no model folder or file of word vectors '~nobodyhere/x'"),
        (("--steps", "lowr"), r"There is no text step 'lowr'\. Did you mean 'lower'"),
        (("--steps", "stem:klingon"), r"There is no language 'klingon'"),
        (("--recipes", "tfdif"), r"There is no recipe 'tfdif'\. Did you mean 'tfidf'"),
        (("--task", "nosuch"), r"There is no task 'nosuch'\. Known: classification, multilabel"),
        (("--on", "mars"), r"There is no place to run \(--on\) 'mars'"),
        (("--group", "author"), r"--group must name a column; there is none called 'author'"),
        (("--recipes", ","), r"'recipes' must be at least one name"),
    ],
)
def test_an_option_that_cannot_be_is_refused(options: tuple[str, ...], sentence: str, ringsmith: Ringsmith, write: Write, tmp_path: Path) -> None:
    """Before anything is trained, and with nothing left behind, whatever the recipes need."""
    write("data.csv", ROWS)
    refused(ringsmith("compare", "data.csv", "--recipes", "majority", "--out", "out", *options), sentence)
    assert not (tmp_path / "out").exists()


def test_a_budget_too_short_for_anything_says_what_fits(ringsmith: Ringsmith, write: Write) -> None:
    """One second is gone with the imports."""
    write("data.csv", ROWS)
    refused(ringsmith("compare", "data.csv", "--recipes", "majority", "--budget", "1s"), r"'budget' must leave time for one candidate; got 0:01, .* give --budget \d+s or more")


HEADER = json.dumps({"w": {"dtype": "F32", "shape": [100], "data_offsets": [0, 400]}}).encode()
WEIGHTS = struct.pack("<Q", len(HEADER)) + HEADER + bytes(400)
CONFIG = b'{"model_type": "bert", "hidden_size": 8, "num_hidden_layers": 1, "architectures": ["BertModel"]}'
MODELS: dict[str, tuple[dict[str, bytes], str]] = {
    "no weights": ({"config.json": CONFIG}, r"there are no weights; a model folder holds model\.safetensors; got only config\.json"),
    "pickle weights": ({"config.json": CONFIG, "pytorch_model.bin": b"x"}, r"got only pickle \(pytorch_model\.bin\), and opening a pickle can run code\. .*convert it once"),
    "cut off": ({"config.json": CONFIG, "model.safetensors": WEIGHTS[:-100]}, r"model\.safetensors: the safetensors file is cut off: its header asks for \d+ bytes; got \d+"),
    "code of its own": ({"config.json": b'{"model_type": "x", "auto_map": {"AutoModel": "x.Y"}}', "model.safetensors": WEIGHTS}, r"a model must run without code of its own"),
    "broken config": ({"config.json": b"{", "model.safetensors": WEIGHTS}, r"config\.json: the config cannot be read as JSON"),
    "nothing": ({}, r"a model folder holds a config\.json; got an empty folder"),
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("command", [("models", "show", "./model"), ("compare", "data.csv", "--models", "./model", "--recipes", "majority")])
def test_a_model_folder_that_cannot_be_used_is_refused(name: str, command: tuple[str, ...], ringsmith: Ringsmith, write: Write, tmp_path: Path) -> None:
    """Where it is shown and where it is named for a comparison, before a row is read."""
    files, sentence = MODELS[name]
    write("data.csv", ROWS)
    (tmp_path / "model").mkdir()
    for file, content in files.items():
        write(f"model/{file}", content)
    refused(ringsmith(*command), sentence)


@pytest.mark.parametrize(
    ("out", "sentence"),
    [
        ("taken", r"--out: taken must be a folder; taken is a file"),
        ("taken/in/it", r"--out: taken/in/it must be a folder; taken is"),
        ("x" * 300, r"no folder can have this name, or stand there"),
    ],
)
def test_a_place_that_cannot_be_a_folder_is_refused(out: str, sentence: str, ringsmith: Ringsmith, write: Write) -> None:
    """And the file that is in the way stays as it is."""
    write("data.csv", ROWS)
    taken = write("taken", b"mine")
    refused(ringsmith("compare", "data.csv", "--recipes", "majority", "--out", out), sentence)
    assert taken.read_bytes() == b"mine"


def test_the_folder_of_somebody_else_is_left_alone(ringsmith: Ringsmith, write: Write, tmp_path: Path) -> None:
    """Other files, and a comparison of other rows."""
    write("data.csv", ROWS)
    write("other.csv", [(f"{text} twice", label) for text, label in ROWS])
    write("out/thesis.txt", b"mine")
    refused(ringsmith("compare", "data.csv", "--recipes", "majority", "--out", "out"), r"--out: out must be a new folder, .* it holds other files \(thesis\.txt\)")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["thesis.txt"]
    assert ringsmith("compare", "data.csv", "--recipes", "majority", "--on", "inline", "--folds", "0", "--out", "mine").code == 0
    before = (tmp_path / "mine" / "leaderboard.json").read_bytes()
    refused(ringsmith("compare", "other.csv", "--recipes", "majority", "--folds", "0", "--out", "mine"), r"--out: mine holds a comparison with other data")
    assert (tmp_path / "mine" / "leaderboard.json").read_bytes() == before


def test_a_folder_in_which_nothing_was_finished_is_free(ringsmith: Ringsmith, write: Write, tmp_path: Path) -> None:
    """After a budget that was too short other rows may go into the same folder; what the first try had written is gone, other files are not."""
    write("data.csv", ROWS)
    write("other.csv", [(f"{text} twice", label) for text, label in ROWS])
    refused(ringsmith("compare", "data.csv", "--recipes", "tfidf", "--budget", "1s", "--out", "out"), r"'budget' must leave time for one candidate")
    notes = write("out/notes.txt", b"mine")
    assert (tmp_path / "out" / "splits" / "fold-5.json").exists()
    assert ringsmith("compare", "other.csv", "--recipes", "majority", "--on", "inline", "--folds", "0", "--out", "out").code == 0
    assert [path.name for path in (tmp_path / "out" / "splits").iterdir()] == ["holdout.json"]
    assert notes.read_bytes() == b"mine"


def as_nobody_special() -> list[str]:
    """What to put before a command so that permissions hold: nothing, or (for root) a tool that gives its rights away."""
    if os.geteuid() != 0:
        return []
    tool = shutil.which("setpriv")
    rights = "-dac_override,-dac_read_search"
    if tool is None or subprocess.run([tool, f"--bounding-set={rights}", f"--inh-caps={rights}", "true"], capture_output=True, check=False).returncode:
        pytest.skip("root may write everywhere, and setpriv cannot take that away here")
    return [tool, f"--bounding-set={rights}", f"--inh-caps={rights}"]


def outside(place: Path, *arguments: str) -> Ended:
    """Run the command line in a process of its own."""
    command = [*as_nobody_special(), sys.executable, "-m", "ringsmith", *arguments]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=120, check=False)
    return Ended(done.returncode, done.stdout, done.stderr)


@posix
def test_without_permission_to_write_nothing_is_begun(write: Write, model: Path, tmp_path: Path) -> None:
    """Neither a comparison nor predictions."""
    write("data.csv", ROWS)
    (tmp_path / "closed").mkdir(mode=0o555)
    refused(outside(tmp_path, "compare", "data.csv", "--recipes", "majority", "--out", "closed/out"), r"--out: closed/out may not be written \(Permission denied\)")
    refused(outside(tmp_path, "predict", str(model), "data.csv", "--out", "closed/out.csv"), r"closed/out\.csv: the predictions cannot be written \(no permission to write into")


@posix
def test_without_permission_to_read_no_class_goes_missing(write: Write, tmp_path: Path) -> None:
    """A folder of texts that may not be entered is a fault; it is not --out's."""
    for number, (text, label) in enumerate(ROWS[:20]):
        write(f"texts/{label}/{number}.txt", text.encode())
        write(f"texts/closed/{number}.txt", text.encode())
    (tmp_path / "texts" / "closed").chmod(0)
    try:
        refused(outside(tmp_path, "compare", "texts", "--recipes", "majority"), r"texts/closed: the folder cannot be read \(Permission denied\)")
    finally:
        (tmp_path / "texts" / "closed").chmod(0o755)


def test_a_full_disk_stops_a_comparison_with_a_sentence(ringsmith: Ringsmith, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was there before stays readable, and the same command goes on when there is room."""
    write("data.csv", ROWS)
    command = ("compare", "data.csv", "--recipes", "majority", "--on", "inline", "--folds", "0", "--out", "out")
    with monkeypatch.context() as patch:
        patch.setattr(race, "write_leaderboard", full_disk)
        refused(ringsmith(*command), r"the disk of out is full\. What is finished is kept: free some space and run the same command again")
    assert json.loads((tmp_path / "out" / "study.json").read_text(encoding="utf-8"))["schema"] == 1
    assert ringsmith(*command).code == 0
    assert json.loads((tmp_path / "out" / "leaderboard.json").read_text(encoding="utf-8"))[0]["status"] == "done"


@posix
def test_a_file_that_may_not_grow_gets_a_sentence(model: Path, tmp_path: Path) -> None:
    """As on a disk for which 4 GB are the most, or under `ulimit -f`: no traceback, and nothing half-written."""
    limited = "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000)); from ringsmith.cli import main; main()"
    (tmp_path / "words.txt").write_text("500 2\n" + "".join(f"word{number} 0.25 -0.5\n" for number in range(500)), encoding="utf-8")
    command = [sys.executable, "-c", limited, "vectors", "convert", "words.txt", "more.vec"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    refused(Ended(done.returncode, done.stdout, done.stderr), r"takes no file as large as this")
    assert [path.name for path in tmp_path.iterdir()] == ["words.txt"]


def full_disk(*_: object) -> None:
    """What the system says when nothing more fits."""
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_leaves_the_older_predictions(ringsmith: Ringsmith, write: Write, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The half that was written is gone, the older file is whole."""

    def half(frame: object, path: Path) -> None:
        path.write_text("half")
        full_disk()

    monkeypatch.setitem(WRITERS, ".csv", half)
    write("data.csv", ROWS)
    (tmp_path / "to").mkdir()
    old = write("to/out.csv", b"old")
    refused(ringsmith("predict", model, "data.csv", "--out", "to/out.csv"), r"to/out\.csv: the predictions cannot be written \(No space left on device\)")
    assert old.read_bytes() == b"old"
    assert [path.name for path in (tmp_path / "to").iterdir()] == ["out.csv"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("nowhere.csv",), r"nowhere\.csv: there is no such file"),
        (("data.csv", "--text", "review"), r"--text must name a column; there is none called 'review'"),
        (("data.csv", "--pair", "other"), r"--pair must name a column; there is none called 'other'"),
        (("data.csv", "--out", "./data.csv"), r"'out' must be another file than the one that is read; got 'data\.csv' twice\. Name a new file, such as 'data-new\.csv'"),
        (("data.csv", "--out", "out.doc"), r"'out' must end in \.csv, .*; got 'out\.doc'"),
        (("data.csv", "--out", "folder.csv"), r"'out' must be a file; folder\.csv is a folder"),
        (("data.csv", "--out", "data.csv/out.csv"), r"'out' must be a file in a folder; got 'data\.csv/out\.csv', where 'data\.csv' is a file"),
        (("empty.csv",), r"empty\.csv: rows with a text are needed; of 60 rows 60 have empty text .* Name another column with --text"),
        (("numbers.csv",), r"the text column would be 'text', which holds numbers"),
        (("",), r"A text, a file or '-' must be given; got nothing but blanks"),
        (("  ",), r"A text, a file or '-' must be given; got nothing but blanks"),
    ],
)
def test_texts_that_cannot_be_predicted_are_refused(arguments: tuple[str, ...], sentence: str, ringsmith: Ringsmith, write: Write, model: Path, tmp_path: Path) -> None:
    """And no file is overwritten."""
    data = write("data.csv", ROWS)
    write("empty.csv", [("", label) for _, label in ROWS])
    write("numbers.csv", [(str(number), label) for number, (_, label) in enumerate(ROWS)])
    (tmp_path / "folder.csv").mkdir()
    refused(ringsmith("predict", model, *arguments), sentence)
    assert data.read_bytes() == as_csv(ROWS)


def test_a_wrong_place_for_predictions_is_told_before_the_model_is_read(ringsmith: Ringsmith, write: Write) -> None:
    """Two faults: the cheap one is told first, so nobody waits for predictions that cannot be written."""
    write("data.csv", ROWS)
    refused(ringsmith("predict", "nowhere", "data.csv", "--out", "out.doc"), r"'out' must end in")


def test_a_comparison_in_which_nothing_finishes_does_not_end_well(ringsmith: Ringsmith, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """A script that goes on to `best/` must notice: exit code 1, the reason in the table."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError("broken on purpose")

    monkeypatch.setattr("ringsmith.adapt.majority.Majority.fit", broken)
    write("data.csv", ROWS)
    ended = ringsmith("compare", "data.csv", "--recipes", "majority", "--on", "inline", "--folds", "0", "--out", "out")
    assert ended.code == 1
    assert "majority: failed: ZeroDivisionError: broken on purpose" in " ".join(ended.out.split())


def test_ctrl_c_before_there_is_anything_to_show_is_said(ringsmith: Ringsmith, write: Write, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence and the exit code that shells know, not silence."""

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    write("data.csv", ROWS)
    monkeypatch.setattr("ringsmith.serve.predictor.Predictor.answers", stop)
    ended = ringsmith("predict", model, "data.csv", "--out", "out.csv")
    assert ended.code == 130
    assert ended.err.strip() == "ringsmith: Stopped; nothing half-written is left. The same command can be given again."


@posix
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_with_exit_code_3_and_a_valid_table(write: Write, tmp_path: Path, sent: signal.Signals) -> None:
    """Stopped after the first run that ended; nothing half-finished lies under its own name. The same where `timeout` or a queue asks it to end."""
    write("data.csv", reviews(100))
    command = [sys.executable, "-m", "ringsmith", "compare", "data.csv", "--recipes", "majority", "--folds", "10", "--threads", "1", "--out", "out"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert any("majority (fold-1)" in line for line in process.stdout)
    process.send_signal(sent)
    shown, said = process.communicate(timeout=60)
    assert process.returncode == 3, said
    assert "Stopped   before its end; the same command goes on from here" in shown
    assert "Traceback" not in said
    (row,) = json.loads((tmp_path / "out" / "leaderboard.json").read_text(encoding="utf-8"))
    assert (row["candidate"], row["status"]) == ("majority", "skipped")
    assert [path for path in (tmp_path / "out").iterdir() if path.name.startswith(".")] == []
    assert (tmp_path / "out" / "ledger.jsonl").read_text(encoding="utf-8").endswith("}\n")
