"""What the page says is what the files say: figures against the files themselves, scikit-learn and slow counts."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import precision_recall_fscore_support
from studies import PLOTS, Plot, label_of, make_study, variant

from ringsmith.errors import InputError
from ringsmith.metrics import calibration, wilson
from ringsmith.records import Candidate
from ringsmith.report import write_report
from ringsmith.report.summarise import summarise
from ringsmith.report.summary import Summary


def studied(folder: Path, name: str, **changes: Any) -> Summary:
    """The summary of a made-up comparison."""
    return summarise(make_study(folder, variant(name, **changes)))


def answers(folder: Path, candidate: str) -> tuple[list[Any], np.ndarray, list[dict[str, Any]]]:
    """Truth, probabilities and lines of the test rows, read by hand."""
    rows = [json.loads(line) for line in (folder / "predictions" / "rows.jsonl").read_text(encoding="utf-8").splitlines()]
    key = json.loads((folder / "study.json").read_text(encoding="utf-8"))["keys"][candidate]
    with np.load(folder / "predictions" / f"{key}.npz") as arrays:
        return [rows[i]["label"] for i in arrays["test_position"]], arrays["test_proba"], rows


def edit(path: Path, **changes: Any) -> None:
    """Change parts of a JSON file."""
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **changes}), encoding="utf-8")


@pytest.mark.parametrize("name", PLOTS)
def test_every_line_of_the_leaderboard_is_taken_over_unchanged(tmp_path: Path, name: str) -> None:
    """All columns of leaderboard.json are in the summary, in the file's order."""
    summary = studied(tmp_path, name)
    lines = json.loads((tmp_path / "leaderboard.json").read_text(encoding="utf-8"))
    assert [{key: getattr(row, key) for key in line} for row, line in zip(summary.board, lines, strict=True)] == lines


def test_the_headline_is_the_recommendation_with_its_reason(tmp_path: Path) -> None:
    """Candidate, reason, its own line of the table, and the floor."""
    headline = studied(tmp_path, "intents").headline
    assert headline.candidate == "minilm+probe"
    assert headline.reason == "Tied with the best (p = 0.21), 8 x cheaper to train."
    assert headline.standing is not None
    assert headline.standing.recommended
    floor = next(row for row in json.loads((tmp_path / "leaderboard.json").read_text(encoding="utf-8")) if row["candidate"] == "majority")
    assert headline.baseline == floor["test"]


def test_without_a_recommendation_there_is_no_diagnosis_and_no_usage(tmp_path: Path) -> None:
    """A comparison in which nothing is worth taking still has a page to say so."""
    summary = studied(tmp_path, "nothing")
    assert (summary.headline.candidate, summary.diagnosis, summary.usage) == (None, None, None)
    assert summary.headline.reason == "No candidate beats the largest class."


@pytest.mark.parametrize("handed", [{"candidate": "tfidf"}, None])
def test_the_model_of_an_earlier_command_is_not_offered(tmp_path: Path, handed: dict[str, Any] | None) -> None:
    """Where there was no time to make the one that is recommended, ``best/`` holds another's, or there is none; the page says so."""
    make_study(tmp_path)
    edit(tmp_path / "study.json", best=handed)
    summary = summarise(tmp_path)
    assert (summary.headline.candidate, summary.usage) == ("minilm+probe", None)
    page = write_report(tmp_path).read_text(encoding="utf-8")
    assert "Its model is not here: the command ended before it was made." in page
    assert "ringsmith predict" not in page


def test_a_recommendation_of_null_is_said_in_words(tmp_path: Path) -> None:
    """`compare` writes null where nothing has finished."""
    make_study(tmp_path, PLOTS["nothing"])
    edit(tmp_path / "study.json", recommended=None)
    assert summarise(tmp_path).headline.reason == "No candidate has finished that is better than always saying the largest class."


@pytest.mark.parametrize("name", ["intents", "binary", "many", "nasty"])
def test_the_confusion_counts_each_row_once_where_it_belongs(tmp_path: Path, name: str) -> None:
    """Counted row by row; a matrix of very many classes nobody could read, its largest cells are there all the same."""
    diagnosis = studied(tmp_path, name).diagnosis
    assert diagnosis is not None
    truth, proba, _ = answers(tmp_path, PLOTS[name].take or "")
    labels = list(PLOTS[name].labels)
    slow = [[0] * len(labels) for _ in labels]
    for label, row in zip(truth, proba, strict=True):
        slow[labels.index(label)][int(np.argmax(row))] += 1
    assert diagnosis.confusion == ([] if name == "many" else slow)
    off = {(labels[i], labels[j]): rows for i, row in enumerate(slow) for j, rows in enumerate(row) if i != j and rows}
    assert [pair.rows for pair in diagnosis.pairs] == sorted(off.values(), reverse=True)[: len(diagnosis.pairs)]
    assert all(off[pair.truth, pair.predicted] == pair.rows for pair in diagnosis.pairs)
    assert diagnosis.wrong == len(truth) - sum(slow[i][i] for i in range(len(labels)))


@pytest.mark.parametrize("name", ["intents", "multilabel"])
def test_the_classes_have_the_figures_of_scikit_learn(tmp_path: Path, name: str) -> None:
    """Precision, recall and F1 of each class."""
    diagnosis = studied(tmp_path, name).diagnosis
    assert diagnosis is not None
    truth, proba, _ = answers(tmp_path, PLOTS[name].take or "")
    labels = list(PLOTS[name].labels)
    y = np.array([[label in row for label in labels] for row in truth]) if name == "multilabel" else np.array([labels.index(label) for label in truth])
    predicted = proba >= 0.5 if name == "multilabel" else proba.argmax(axis=1)
    expected = np.array(precision_recall_fscore_support(y, predicted, labels=range(len(labels)), average=None))
    found = np.array([[c.precision, c.recall, c.f1, c.rows] for c in diagnosis.classes]).T
    np.testing.assert_allclose(found, expected)
    assert [(c.recall_low, c.recall_high) for c in diagnosis.classes] == [wilson(round(recall * rows), rows) for _, recall, _, rows in expected.T]


def test_a_class_of_which_nothing_is_known_has_no_figure(tmp_path: Path) -> None:
    """No precision where it is never predicted, no recall where it never occurs; F1 is 0 then."""
    make_study(tmp_path)
    (path,), (first, second, *_) = (tmp_path / "predictions").glob(f"{json.loads((tmp_path / 'study.json').read_text())['keys']['minilm+probe']}.npz"), PLOTS["intents"].labels
    with np.load(path) as arrays:
        content = dict(arrays)
    content["test_proba"][:, 1] += content["test_proba"][:, 0]
    content["test_proba"][:, 0] = 0
    np.savez(path, **content)
    diagnosis = summarise(tmp_path).diagnosis
    assert diagnosis is not None
    assert (diagnosis.classes[0].precision, diagnosis.classes[0].recall, diagnosis.classes[0].f1) == (None, 0.0, 0.0)
    rows = tmp_path / "predictions" / "rows.jsonl"
    rows.write_text(rows.read_text(encoding="utf-8").replace(f'"label": "{first}"', f'"label": "{second}"'), encoding="utf-8")
    diagnosis = summarise(tmp_path).diagnosis
    assert diagnosis is not None
    one = diagnosis.classes[0]
    assert (one.rows, one.predicted, one.recall, one.recall_low, one.recall_high, one.f1) == (0, 0, None, None, None, 0.0)


def test_the_errors_shown_are_the_surest_wrong_ones_with_their_own_text(tmp_path: Path) -> None:
    """Against a plain sort of all wrong rows."""
    diagnosis = studied(tmp_path, "intents").diagnosis
    assert diagnosis is not None
    truth, proba, rows = answers(tmp_path, "minilm+probe")
    labels = PLOTS["intents"].labels
    wrong = [
        (float(p.max()), rows[i]["row"], rows[i]["text"], label, labels[int(p.argmax())])
        for i, (label, p) in enumerate(zip(truth, proba, strict=True))
        if labels[int(p.argmax())] != label
    ]
    expected = sorted(wrong, reverse=True)[:20]
    assert [(m.probability, m.row, m.text, m.truth, m.predicted) for m in diagnosis.mistakes] == expected


def test_a_row_that_several_seeds_get_wrong_is_shown_once(tmp_path: Path) -> None:
    """Predictions of two seeds point at the same lines."""
    make_study(tmp_path)
    path = next((tmp_path / "predictions").glob(f"{json.loads((tmp_path / 'study.json').read_text())['keys']['minilm+probe']}.npz"))
    with np.load(path) as arrays:
        twice = {name: np.concatenate([array, array]) for name, array in arrays.items()}
    np.savez(path, **twice)
    diagnosis = summarise(tmp_path).diagnosis
    assert diagnosis is not None
    assert len({m.row for m in diagnosis.mistakes}) == len(diagnosis.mistakes)
    assert diagnosis.rows == 2 * PLOTS["intents"].rows
    assert [(b.least, b.most) for b in diagnosis.bins] == [pytest.approx(wilson(round(b.rows * b.accuracy) / 2, b.rows / 2)) for b in diagnosis.bins]


def test_the_calibration_error_is_the_weighted_gap_of_fifteen_bins(tmp_path: Path) -> None:
    """Guo et al. (2017), equation 3, by hand."""
    diagnosis = studied(tmp_path, "intents").diagnosis
    assert diagnosis is not None
    truth, proba, _ = answers(tmp_path, "minilm+probe")
    sure, right = proba.max(axis=1), np.array([PLOTS["intents"].labels[i] for i in proba.argmax(axis=1)]) == np.array(truth)
    gaps = [abs(right[mask].sum() - sure[mask].sum()) for low in range(15) if (mask := (sure > low / 15) & (sure <= (low + 1) / 15)).any()]
    assert diagnosis.ece == pytest.approx(sum(gaps) / len(truth))
    assert diagnosis.ece_by_chance == pytest.approx(calibration(np.zeros(len(truth), int), proba).by_chance)
    assert sum(b.rows for b in diagnosis.bins) == len(truth)
    assert [(b.least, b.most) for b in diagnosis.bins] == [pytest.approx(wilson(round(b.rows * b.accuracy), b.rows)) for b in diagnosis.bins]


def test_a_label_training_never_saw_counts_as_wrong_and_is_said(tmp_path: Path) -> None:
    """The last class is taken from the task: its rows are unknown."""
    make_study(tmp_path)
    edit(tmp_path / "study.json", task={"kind": "classification", "labels": [*PLOTS["intents"].labels[:-1], "never there"]})
    diagnosis = summarise(tmp_path).diagnosis
    assert diagnosis is not None
    truth, _, _ = answers(tmp_path, "minilm+probe")
    assert diagnosis.unknown == truth.count(PLOTS["intents"].labels[-1]) > 0


def test_curves_are_those_of_the_recommended_candidates_runs(tmp_path: Path) -> None:
    """The loss of each fold as the ledger holds it; what is no number is left out."""
    summary = studied(tmp_path, "intents", take="minilm+full", folds=3)
    lines = [json.loads(line) for line in (tmp_path / "ledger.jsonl").read_text(encoding="utf-8").splitlines()]
    full = [line for line in lines if line["candidate"]["recipe"] == "full" and line["candidate"]["model"] == "minilm"]
    assert [list(curve.values) for curve in summary.losses] == [line["curves"]["loss"] for line in full]
    full[0]["curves"]["loss"][3] = None
    (tmp_path / "ledger.jsonl").write_text("".join(json.dumps(line) + "\n" for line in full), encoding="utf-8")
    assert len(summarise(tmp_path).losses[0].values) == len(full[0]["curves"]["loss"]) - 1


def test_only_a_fine_tuned_transformer_is_offered_to_the_pipeline(tmp_path: Path) -> None:
    """A probe's folder is no plain transformer, and one behind steps of preparation wants them."""
    probe, full = studied(tmp_path / "a", "intents"), studied(tmp_path / "b", "intents", take="minilm+full")
    assert probe.usage is not None
    assert full.usage is not None
    assert probe.usage.pipeline is None
    assert f'model="{(tmp_path / "b" / "best").as_posix()}"' in (full.usage.pipeline or "")
    settings = json.loads((tmp_path / "b" / "study.json").read_text(encoding="utf-8"))["settings"]
    edit(tmp_path / "b" / "study.json", settings=settings | {"steps": ["lower"]})  # which transformers would leave out
    assert (summarise(tmp_path / "b").usage or full.usage).pipeline is None


def test_commands_quote_a_folder_with_blanks(tmp_path: Path) -> None:
    """What is copied from the page works in a shell."""
    usage = studied(tmp_path / "my runs", "intents").usage
    assert usage is not None
    assert f'ringsmith predict "{(tmp_path / "my runs" / "best").as_posix()}" "Your text"' in usage.shell


def test_commands_for_pairs_give_second_texts(tmp_path: Path) -> None:
    """A single text would be refused."""
    make_study(tmp_path)
    read = json.loads((tmp_path / "study.json").read_text(encoding="utf-8"))["read"]
    edit(tmp_path / "study.json", read=read | {"pair_column": "second text"})
    usage = summarise(tmp_path).usage
    assert usage is not None
    assert usage.shell.endswith('/best new.csv --pair "second text" --out predicted.csv')
    assert "Your text" not in usage.shell
    assert 'model.predict(["Your text"], ["Its second text"])' in usage.python


def test_the_best_is_not_compared_with_itself(tmp_path: Path) -> None:
    """`metrics.tie_groups` lists the leader against itself; a reader learns nothing from it."""
    make_study(tmp_path)
    ties = json.loads((tmp_path / "study.json").read_text(encoding="utf-8"))["ties"]
    own = {**ties[0], "candidate": ties[0]["against"], "difference": 0.0, "p_value": 1.0, "p_adjusted": 1.0}
    edit(tmp_path / "study.json", ties=[own, *ties])
    found = summarise(tmp_path).ties
    assert [tie.candidate for tie in found] == [tie["candidate"] for tie in ties]
    assert [tie.verdict for tie in found] == ["could be chance", "a real difference", "a real difference"]


def test_dropped_rows_leaks_and_conflicts_are_told(tmp_path: Path) -> None:
    """The findings of reading and checking, in words."""
    findings = studied(tmp_path, "intents").findings
    assert (findings.read, findings.used) == (3009, 3000)
    assert findings.dropped == [("empty text", 6, "line 17, line 204 and line 990"), ("no label", 3, "line 41")]
    about = dict(findings.about)
    assert about["Same text on both sides of a split"] == "holdout: 4 rows left out of training"
    assert about["Texts with more than one label"] == "2 texts in 4 rows"
    assert re.fullmatch(r"English \(likely: [\d.]+ % of the evidence\)", about["Language"])
    assert re.fullmatch(r"\d+ to \d+ words, half of the texts \d+ to \d+", about["Length"])
    assert findings.conflicts[0][1] == "billing (2), cancellation (1)"


def test_texts_without_blanks_are_counted_in_characters(tmp_path: Path) -> None:
    """Each fold's rows that were taken out stand together."""
    make_study(tmp_path)
    data = json.loads((tmp_path / "study.json").read_text(encoding="utf-8"))["data"]
    edit(tmp_path / "study.json", data={**data, "language": "ja", "leaks": {"fold-1": {"train": 4, "valid": 1}, "fold-2": {}, "fold-3": {"train": 0, "valid": 2}}})
    findings = summarise(tmp_path).findings
    assert findings.unit == "character"
    about = dict(findings.about)
    assert about["Length"] == "1 to 71 characters, half of the texts 11 to 27"
    assert about["Same text on both sides of a split"] == "fold-1: 4 rows left out of training and 1 row left out of validation; fold-3: 2 rows left out of validation"


def test_what_no_page_can_hold_is_replaced_everywhere(tmp_path: Path) -> None:
    """Control characters and halves of surrogate pairs, in texts and in class names alike."""
    labels = ("bro\x00ken", "half \ud83d pair")
    summary = studied(tmp_path, "intents", labels=labels, texts=("te\x1bxt",))
    assert summary.diagnosis is not None
    assert list(summary.diagnosis.labels) == ["bro\ufffdken", "half \ufffd pair"]
    assert summary.diagnosis.unknown == 0
    assert {m.text for m in summary.diagnosis.mistakes} == {"te\ufffdxt"}


def test_a_ledger_cut_off_in_its_last_line_is_read_up_to_there(tmp_path: Path) -> None:
    """A kill in the middle of a write leaves half a line."""
    make_study(tmp_path)
    with (tmp_path / "ledger.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"schema": 1, "ru')
    assert summarise(tmp_path).headline.candidate == "minilm+probe"


def test_lost_predictions_cost_the_diagnosis_only(tmp_path: Path) -> None:
    """The rest of the page is still made."""
    make_study(tmp_path)
    for path in (tmp_path / "predictions").iterdir():
        path.unlink()
    summary = summarise(tmp_path)
    assert summary.diagnosis is None
    assert summary.headline.candidate == "minilm+probe"


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("study.json", None, "study.json must be there to make a report; it is not. Name the folder that `ringsmith compare` wrote"),
        ("study.json", "{", "study.json: must be as `ringsmith compare` wrote it"),
        ("study.json", '{"schema": 2}', "schema 1 is read by this version of Ringsmith; got 2"),
        ("study.json", "[]", "schema 1 is read by this version of Ringsmith; got 'list'"),
        ("study.json", '{"schema": 1}', "must hold the files of one comparison; got KeyError"),
        ("leaderboard.json", None, "leaderboard.json must be there"),
        ("leaderboard.json", "7", "must hold the files of one comparison; got TypeError"),
        ("ledger.jsonl", "garbage\n", "ledger.jsonl: must be as `ringsmith compare` wrote it"),
        ("predictions/rows.jsonl", "{]\n", "rows.jsonl: must be as `ringsmith compare` wrote it"),
    ],
)
def test_a_broken_folder_gets_one_sentence(tmp_path: Path, name: str, content: str | None, sentence: str) -> None:
    """What is missing or broken is named, with what to do."""
    make_study(tmp_path)
    (tmp_path / name).unlink()
    if content is not None:
        (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=sentence.replace("(", r"\(").replace(".", r"\.")):
        summarise(tmp_path)


def test_a_broken_array_file_gets_one_sentence(tmp_path: Path) -> None:
    """Predictions cut off by a full disk."""
    make_study(tmp_path)
    for path in (tmp_path / "predictions").glob("*.npz"):
        path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(InputError, match=r"npz: must be as `ringsmith compare` wrote it"):
        summarise(tmp_path)


def test_the_made_up_rows_carry_the_labels_they_claim() -> None:
    """The generator itself: a multi-label row's names are those of its columns."""
    assert label_of(Plot(multilabel=True, labels=("a", "b", "c")), np.array([True, False, True])) == ["a", "c"]


def test_what_a_play_off_said_is_told(tmp_path: Path) -> None:
    """Which were tied, and how many rows judge them; nothing of one that was not held. What the winner chose is that of the model handed over."""
    make_study(tmp_path)
    assert summarise(tmp_path).playoff == ""
    played = {"candidates": ["full", "probe"], "rows": 157, "further": 368, "turns": 2, "all_rows": 892, "budget": 300.0}
    edit(tmp_path / "study.json", playoff=played)
    assert summarise(tmp_path).playoff.startswith("157 validation rows could not tell full and probe apart, so 368 rows of training chose between them as well, in 2 turns, ")
    edit(tmp_path / "study.json", playoff=played | {"turns": 0})
    assert summarise(tmp_path).playoff == ""


def test_what_was_chosen_is_that_of_the_model_handed_over(tmp_path: Path) -> None:
    """Runs of a play-off come after it, and choose for themselves."""
    make_study(tmp_path)
    ledger = tmp_path / "ledger.jsonl"
    lines = [json.loads(line) for line in ledger.read_text(encoding="utf-8").splitlines()]
    best = summarise(tmp_path).headline.candidate
    own = next(line for line in lines if Candidate.from_json(line["candidate"]).name == best)
    turn = {**own, "run": "another", "split": "turn-2", "chosen": {"rate": "of the turn"}}
    ledger.write_text(ledger.read_text(encoding="utf-8") + json.dumps(turn) + "\n", encoding="utf-8")
    assert dict(summarise(tmp_path).method.chosen)["Rate"] == "of the turn"
    edit(tmp_path / "study.json", best={"run": own["run"]})
    assert "of the turn" not in dict(summarise(tmp_path).method.chosen).values()


def test_looks_are_those_of_the_metric_and_losses_have_their_own_sign(tmp_path: Path) -> None:
    """The folder holds a run that was fitted for accuracy and one, of the same candidate and split, for log loss, whose marks are the greater the better."""
    make_study(tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "ledger.jsonl").read_text(encoding="utf-8").splitlines()]
    best = summarise(tmp_path).headline.candidate
    some = next(line for line in lines if Candidate.from_json(line["candidate"]).name == best)
    own = {**some, "chosen": {"metric": "accuracy"}, "curves": {"valid": [0.5, 0.75]}}
    by_loss = {**own, "run": "another", "chosen": {"metric": "log_loss"}, "curves": {"valid": [-0.5, -0.25]}}
    for order in ((own, by_loss), (by_loss, own)):
        (tmp_path / "ledger.jsonl").write_text("".join(json.dumps(line) + "\n" for line in order), encoding="utf-8")
        edit(tmp_path / "study.json", metric={"name": "log_loss", "summary": "a loss", "greater_is_better": False})
        assert [(curve.values, summarise(tmp_path).valid_metric) for curve in summarise(tmp_path).valid] == [((0.5, 0.25), "log_loss")]
        edit(tmp_path / "study.json", metric={"name": "accuracy", "summary": "a share", "greater_is_better": True})
        assert [(curve.values, summarise(tmp_path).valid_metric) for curve in summarise(tmp_path).valid] == [((0.5, 0.75), "accuracy")]


def test_labels_that_are_numbers_stand_by_their_size(tmp_path: Path) -> None:
    """2 before 10, as the model's columns have them not; every cell of the matrix stays with its labels."""
    labels = tuple(sorted(("1", "2", "10", "2.5", "1e3")))
    diagnosis = summarise(make_study(tmp_path, Plot(labels=labels))).diagnosis
    assert diagnosis is not None
    assert diagnosis.labels == ["1", "2", "2.5", "10", "1e3"]
    assert [one.label for one in diagnosis.classes] == diagnosis.labels
    truth, proba, _ = answers(tmp_path, "minilm+probe")
    told = [labels[column] for column in proba.argmax(axis=1)]
    assert diagnosis.confusion == [[sum(pair == (a, b) for pair in zip(truth, told, strict=True)) for b in diagnosis.labels] for a in diagnosis.labels]
