"""The commands as they are meant to be used: compare, predict, models, on a small table."""

from __future__ import annotations

import csv
import json
import re
import shlex
import shutil
from pathlib import Path

import pytest
from command_line import Ringsmith, Write, as_csv, refused, reviews
from rich.cells import cell_len
from rich.console import Console

from ringsmith.adapt.folder import PAIR, mark_pairs, read_manifest
from ringsmith.cli.predict import show
from ringsmith.serve import Prediction

ROWS = reviews(120)
COMPARE = ("compare", "data.csv", "--recipes", "majority,tfidf", "--folds", "0", "--on", "inline", "--out", "out")


def test_compare_writes_a_table_a_report_and_a_model_that_predicts(ringsmith: Ringsmith, write: Write, tmp_path: Path) -> None:
    """The main job; then the model answers, and the same command again trains nothing."""
    write("data.csv", ROWS)
    ended = ringsmith(*COMPARE)
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert lines[0].startswith("Read      120 rows · text: 'text' (English")
    assert any(line.startswith("Take      tfidf: ") for line in lines)
    assert any(line.startswith('Try       ringsmith predict out/best "') for line in lines)
    rows = json.loads((tmp_path / "out" / "leaderboard.json").read_text(encoding="utf-8"))
    assert [(row["candidate"], row["status"], row["recommended"]) for row in rows] == [("tfidf", "done", True), ("majority", "done", False)]
    assert rows[1]["test"] == pytest.approx(0.5, abs=0.1)
    with (tmp_path / "out" / "leaderboard.csv").open(encoding="utf-8") as file:
        assert [row["candidate"] for row in csv.DictReader(file)] == ["tfidf", "majority"]
    assert (tmp_path / "out" / "report.html").read_text(encoding="utf-8").startswith("<!")
    assert {path.suffix for path in (tmp_path / "out" / "best").iterdir()} <= {".json", ".safetensors", ".md"}
    answer = ringsmith("predict", "out/best", "great lovely phone, super happy")
    assert (answer.code, answer.out.split()[0]) == (0, "good")
    before = (tmp_path / "out" / "ledger.jsonl").read_bytes()
    assert ringsmith(*COMPARE).code == 0
    assert (tmp_path / "out" / "ledger.jsonl").read_bytes() == before


def test_the_encoding_is_named_where_tables_are_read(ringsmith: Ringsmith, write: Write) -> None:
    """`compare` and its test table, `predict`, `text`: what the bytes do not say the user says."""
    for name, rows, encoding in (("data.csv", ROWS[:90], "koi8-r"), ("test.csv", ROWS[90:], "utf-8")):
        write(name, "".join(["text,label\n", *(f"{text} очень,{label}\n" for text, label in rows)]).encode(encoding))
    asked = ("--encoding", "koi8-r")
    assert ringsmith("compare", "data.csv", "--test", "test.csv", "--recipes", "tfidf", "--folds", "0", "--on", "inline", "--out", "out", *asked).code == 0
    assert json.loads(Path("out/study.json").read_text(encoding="utf-8"))["read"]["encoding"] == "koi8-r"
    assert "очень" in json.loads(ringsmith("predict", "out/best", "data.csv", "--json", *asked).out)[0]["text"]
    assert json.loads(ringsmith("text", "lower", "data.csv", "--text", "text", "--json", *asked).out)["texts"] == 90
    for command in (("predict", "out/best", "data.csv"), ("text", "lower", "data.csv", "--text", "text")):
        refused(ringsmith(*command), r"It may be koi8-r")


def test_the_delimiter_is_named_where_tables_are_read(ringsmith: Ringsmith, write: Write) -> None:
    """`compare` and its test table, `predict`, `text`."""
    for name, rows in (("data.csv", ROWS[:90]), ("test.csv", ROWS[90:])):
        write(name, "".join(["text^label\n", *(f"{text}^{label}\n" for text, label in rows)]).encode())
    asked = ("--delimiter", "^")
    assert ringsmith("compare", "data.csv", "--test", "test.csv", "--recipes", "tfidf", "--folds", "0", "--on", "inline", "--out", "out", *asked).code == 0
    assert json.loads(Path("out/study.json").read_text(encoding="utf-8"))["read_test"]["delimiter"] == "^"
    assert json.loads(ringsmith("predict", "out/best", "data.csv", "--json", *asked).out)[0]["text"] == ROWS[0][0]
    assert json.loads(ringsmith("text", "lower", "data.csv", "--text", "text", "--json", *asked).out)["texts"] == 90
    refused(ringsmith("compare", "data.csv", "--recipes", "tfidf"), r"the table has one column, .* check the delimiter \(--delimiter\)")
    refused(ringsmith("tune", "none", "data.csv", "--recipe", "tfidf", "--delimiter", "||"), r"'delimiter' must be one character .* got '\|\|'\. Name one of them")


def test_a_model_reads_other_tables_with_the_columns_it_was_trained_on(ringsmith: Ringsmith, write: Write) -> None:
    """Also where others look more like texts there; a table without them is read as ever, and who names a column gets that one."""
    rows = [(text, label) for text, label in ROWS]
    write("data.csv", "".join(["title,body,label\n", *(f"{text},a much longer body that says nothing at all,{label}\n" for text, label in rows)]).encode())
    assert ringsmith("compare", "data.csv", "--text", "title,body", "--recipes", "tfidf", "--folds", "0", "--on", "inline", "--out", "out").code == 0
    answers = {more: json.loads(ringsmith("predict", "out/best", "data.csv", "--json", *more).out) for more in ((), ("--text", "title,body"), ("--text", "body"))}
    assert answers[()] == answers["--text", "title,body"]
    assert answers[()][0]["text"] == f"{rows[0][0]}\na much longer body that says nothing at all"
    assert answers["--text", "body"][0]["text"] == "a much longer body that says nothing at all"
    write("other.csv", [("great lovely phone", "x")])
    assert json.loads(ringsmith("predict", "out/best", "other.csv", "--json").out)[0]["text"] == "great lovely phone"


def test_what_was_left_out_of_the_test_table_is_told(ringsmith: Ringsmith, write: Write) -> None:
    """In the terminal and on the page, with the name of the table."""
    write("data.csv", ROWS[:90])
    write("test.csv", [*ROWS[90:], ("", "good")])
    ended = ringsmith("compare", "data.csv", "--test", "test.csv", "--recipes", "majority", "--folds", "0", "--on", "inline", "--out", "out")
    lines = [" ".join(line.split()) for line in ended.out.splitlines()]
    at = lines.index("test.csv: 30 rows to test")
    assert lines[at + 1] == "1 row left out: empty text (e.g. line 32)"
    assert "test.csv: 1 row left out: empty text (line 32)." in Path("out/report.html").read_text(encoding="utf-8")


def test_compare_as_json_leaves_standard_output_to_programs(ringsmith: Ringsmith, write: Write) -> None:
    """One document on standard output; what people read is on standard error."""
    write("data.csv", ROWS)
    ended = ringsmith(*COMPARE, "--json")
    content = json.loads(ended.out)
    assert content["recommended"] == "tfidf"
    assert [row["candidate"] for row in content["leaderboard"]] == ["tfidf", "majority"]
    assert Path(content["best"]).name == "best"
    assert not content["stopped"]
    assert "Read      120 rows" in ended.err


def test_compare_runs_each_candidate_in_a_process_of_its_own(ringsmith: Ringsmith, write: Write) -> None:
    """The usual way, without --on."""
    write("data.csv", ROWS)
    ended = ringsmith("compare", "data.csv", "--recipes", "majority", "--folds", "0", "--threads", "1", "--json")
    (row,) = json.loads(ended.out)["leaderboard"]
    assert (ended.code, row["status"]) == (0, "done")
    assert row["peak_memory_mb"] > 20
    assert json.loads(ended.out)["folder"] == str(Path("runs") / "data")


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_predict_writes_the_table_with_two_more_columns(suffix: str, ringsmith: Ringsmith, write: Write, model: Path, tmp_path: Path) -> None:
    """Every row of the input, in its order, in folders that are made; an older file is replaced."""
    write("data.csv", as_csv([*ROWS, ("", "bad")]))
    write(f"made/here/out{suffix}", b"old")
    ended = ringsmith("predict", model, "data.csv", "--out", f"made/here/out{suffix}")
    assert ended.code == 0
    assert "121 rows · columns added: prediction, score" in ended.out
    assert "1 row has no text and no prediction." in ended.out
    content = (tmp_path / "made" / "here" / f"out{suffix}").read_text(encoding="utf-8")
    rows = list(csv.DictReader(content.splitlines())) if suffix == ".csv" else [json.loads(line) for line in content.splitlines()]
    assert list(rows[0]) == ["text", "label", "prediction", "score"]
    assert [row["text"] or "" for row in rows] == [text for text, _ in ROWS] + [""]
    assert sum(row["prediction"] == row["label"] for row in rows) >= 108
    assert not rows[-1]["prediction"]
    assert "1 row has no text and no prediction." in ringsmith("predict", model, "data.csv").out
    write("gaps.csv", b"text,label\n,bad\ngreat lovely phone,good\n")
    assert [(answer["row"], answer["text"]) for answer in json.loads(ringsmith("predict", model, "gaps.csv", "--json").out)] == [(1, "great lovely phone")]
    assert [path.name for path in (tmp_path / "made" / "here").iterdir()] == [f"out{suffix}"]


def test_a_model_knows_whether_it_was_trained_on_pairs(ringsmith: Ringsmith, write: Write, model: Path) -> None:
    """Trained on pairs it refuses single texts; trained on single texts it refuses pairs that are named, and does not mind columns that only look like them."""
    pairs = "premise,hypothesis,label\n" + "".join(f"{text},{text if label == 'good' else 'something else'} {number},{label}\n" for number, (text, label) in enumerate(ROWS))
    write("pairs.csv", pairs.encode())
    ended = ringsmith("compare", "pairs.csv", "--recipes", "tfidf", "--folds", "0", "--on", "inline", "--out", "out")
    assert ended.code == 0
    assert next(line for line in ended.out.splitlines() if line.startswith("Try")).endswith("new.csv --pair hypothesis")
    answers = json.loads(ringsmith("predict", "out/best", "pairs.csv", "--pair", "hypothesis", "--json").out)
    assert [*answers[1]] == ["row", "text", "pair", "prediction", "score"]
    assert (answers[1]["row"], answers[1]["text"]) == (1, ROWS[1][0])
    assert ringsmith("predict", "out/best", "pairs.csv").code == 0
    assert read_manifest(Path("out/best"))[PAIR] == "hypothesis"
    refused(ringsmith("predict", "out/best", "one text"), r"This model was trained on pairs of texts; got no second texts\. .* --pair: a column, or the second text\.")
    [answer] = json.loads(ringsmith("predict", "out/best", "one text", "--pair", "something else", "--json").out)
    assert (answer["text"], answer["pair"]) == ("one text", "something else")
    shutil.copytree(model, "single")
    mark_pairs(Path("single"), pairs=False)
    refused(ringsmith("predict", "single", "pairs.csv", "--pair", "hypothesis"), r"This model was trained on single texts; got second texts \('pairs', --pair\)\. Leave them out\.")
    assert ringsmith("predict", "single", "pairs.csv").code == 0


def test_predict_as_json(ringsmith: Ringsmith, write: Write, model: Path) -> None:
    """Each text with its label and a probability."""
    write("new.txt", b"great lovely phone\nawful broken battery\n")
    ended = ringsmith("predict", model, "new.txt", "--json")
    answers = json.loads(ended.out)
    assert [(answer["text"], answer["prediction"]) for answer in answers] == [("great lovely phone", "good"), ("awful broken battery", "bad")]
    assert all(0.5 <= answer["score"] <= 1 for answer in answers)


def test_one_text_is_answered_in_one_line(ringsmith: Ringsmith, model: Path) -> None:
    """Nothing before it, so that a script can read it."""
    assert re.fullmatch(r"good  0\.\d{3}\n", ringsmith("predict", model, "great lovely phone").out)


def test_predict_shows_fifty_answers_and_says_how_many_more(ringsmith: Ringsmith, write: Write, model: Path) -> None:
    """A table that fits the terminal."""
    write("data.csv", ROWS)
    ended = ringsmith("predict", model, "data.csv")
    assert ended.code == 0
    assert len(ended.out.strip().splitlines()) == 1 + 50 + 1
    assert ended.out.splitlines()[-1] == "... and 70 more: write all of them with --out FILE.csv"


@pytest.mark.parametrize(("columns", "below"), [(80, True), (160, False)])
def test_the_list_of_models_fits_the_terminal(ringsmith: Ringsmith, monkeypatch: pytest.MonkeyPatch, columns: int, *, below: bool) -> None:
    """A line for each model; what speaks for it has lines of its own where there is no room beside it."""
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = ringsmith("models").out.splitlines()
    assert max(map(len, lines)) <= columns
    (at,) = (number for number, line in enumerate(lines) if line.startswith("minilm *"))
    assert ("6 layers trained" in lines[at]) is not below
    assert lines[at + 1].startswith("    6 layers trained") is below


def test_models_are_listed_and_shown(ringsmith: Ringsmith) -> None:
    """For people, for programs, by language, and one alone."""
    assert "group default:" in " ".join(ringsmith("models").out.split())
    listed = json.loads(ringsmith("models", "list", "--json").out)
    assert {"minilm", "bert"} <= {entry["name"] for entry in listed}
    assert json.loads(ringsmith("models", "--json").out) == listed
    korean = json.loads(ringsmith("models", "list", "--language", "ko", "--json").out)
    assert 0 < len(korean) < len(listed)
    assert json.loads(ringsmith("models", "--language", "Korean", "--json").out) == korean
    refused(ringsmith("models", "--language", "Koreanish"), r"There is no language 'Koreanish'\. Did you mean 'korean' or ")
    shown = json.loads(ringsmith("models", "show", "bert", "--json").out)
    assert (shown["name"], shown["licence"]) == ("bert", "Apache-2.0")
    assert shown["parameters"] == next(entry["parameters"] for entry in listed if entry["name"] == "bert") == 110_000_000
    assert json.loads(ringsmith("models", "show", "google-bert/bert-base-uncased", "--json").out)["licence"] == "Apache-2.0"
    refused(ringsmith("models", "show", ""), r"There is no model ''")
    assert "licence" in ringsmith("models", "show", "bert").out
    made = ringsmith("models", "show", "word2vec").out
    assert "of your own training texts" in made
    assert "layers" not in made


def test_version_and_help(ringsmith: Ringsmith) -> None:
    """What anybody tries first."""
    from ringsmith import __version__

    assert ringsmith("--version").out.strip() == f"ringsmith {__version__}"
    assert all(command in ringsmith("--help").out for command in ("compare", "predict", "text", "models", "demo"))


def test_the_help_shows_what_stands_in_brackets(ringsmith: Ringsmith) -> None:
    """They are no markup."""
    assert "lora[method=dora,rank=16]" in "".join(ringsmith("compare", "--help").out.replace("│", "").split())


def test_help_names_the_recipes_there_are() -> None:
    """All of them, and those that compete where none is named."""
    from ringsmith.adapt import RECIPES as ALL
    from ringsmith.adapt.registry import default_recipes
    from ringsmith.cli.compare import RECIPES, USUAL

    assert RECIPES.split(", ") == list(ALL)
    assert USUAL.split(", ") == default_recipes()


def test_a_model_that_no_recipe_uses_is_said_to_be_left_out(ringsmith: Ringsmith, write: Write, tmp_path: Path) -> None:
    """`--models minilm` beside recipes that start from no model does nothing: said before the race, and in the table."""
    write("data.csv", ROWS)
    ended = ringsmith("compare", "data.csv", "--recipes", "majority", "--models", "minilm,static", "--folds", "0", "--on", "inline", "--out", "out")
    assert ended.code == 0
    said = " ".join(ended.out.split())
    assert "minilm left out: none of the recipes starts from a model (add probe, full or static)" in said
    assert "static left out: none of the recipes starts from a model" in said


def test_what_to_try_next_can_be_copied_whatever_the_folder_is_called(ringsmith: Ringsmith, write: Write) -> None:
    """Blanks and letters beyond ASCII are put in quotes."""
    write("data.csv", ROWS)
    ended = ringsmith("compare", "data.csv", "--recipes", "majority", "--folds", "0", "--on", "inline", "--out", "mein Läufe")
    line = next(line for line in ended.out.splitlines() if line.startswith("Try"))
    assert shlex.split(line)[1:] == ["ringsmith", "predict", str(Path("mein Läufe") / "best"), "a text of yours"]


def test_what_reading_found_is_said_in_one_place(ringsmith: Ringsmith, write: Write) -> None:
    """Duplicates and what they cost, texts with two labels, and the folds: once each, in whole sentences; the language by its name."""
    rows = [*reviews(60), *reviews(60)[:4], (reviews(60)[5][0], "bad")]
    write("data.csv", rows)
    said = " ".join(ringsmith("compare", "data.csv", "--recipes", "majority", "--folds", "2", "--on", "inline", "--out", "out").out.split())
    assert "5 exact duplicates" in said
    assert re.search(r": in all folds together \d+ rows? left out of training( and \d rows? left out of validation)?, because rows that judge them say the same", said)
    assert "1 text with more than one label, in 2 rows" in said
    assert said.count("2 folds") == 1
    assert "Split 2 folds of about" in said
    write("arabic.csv", [(f"منتج رائع جدا {number} " + "جيد " * (number % 3), ("جيد", "سيئ")[number % 2]) for number in range(20)])
    write("few.csv", [("one", "good"), *rows[1:40]])
    write("test.csv", reviews(90)[60:])
    said = " ".join(ringsmith("compare", "few.csv", "--test", "test.csv", "--recipes", "majority", "--on", "inline", "--out", "few").out.split())
    assert re.search(r"Read 40 rows .* largest \d+% of all 70 rows\)", said)
    assert "Split 5 folds of about 32 train / 8 valid; 30 test, your test set; the folds choose, stratified, seed 0" in said
    assert "(Arabic, " in ringsmith("compare", "arabic.csv", "--recipes", "majority", "--folds", "0", "--on", "inline", "--out", "arabic").out


def test_predictions_are_shown_whole_and_texts_cut(capsys: pytest.CaptureFixture[str]) -> None:
    """On a terminal of 80 columns the label and the score stay readable, whatever is written in the table."""
    long = "card_payment_fee_charged"
    answers = [Prediction(long, 0.912), Prediction("[bold]", 0.5)]
    show(Console(width=80), ["a text that goes on and on and on " * 10, "短い" * 60], answers)
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines[0].split() == ["prediction", "score", "text"]
    assert re.fullmatch(rf"{long}  0\.912  a text that .*…", lines[1])
    assert re.fullmatch(r"\[bold\] +0\.500  短い.*…", lines[2])
    assert max(cell_len(line) for line in lines) <= 80
    show(Console(width=60), ["short", "long"], [Prediction("a" * 90, 0.9), Prediction("b", 0.1)])
    assert capsys.readouterr().out.count("a") == 90
    show(Console(width=30), ["first " * 20, "long"], [Prediction("a long name of a class", 0.9), Prediction("b", 0.1)])
    assert capsys.readouterr().out.splitlines()[0].split() == ["prediction", "score", "text"]
    show(Console(width=80), ["first " * 20, "a"], [Prediction("x", 0.9)] * 2, ["second " * 20, "b"])
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines[0].split() == ["prediction", "score", "text", "pair"]
    assert re.fullmatch(r"x +0\.900  first .*…  second .*…", lines[1])
    assert max(map(len, lines)) <= 80
