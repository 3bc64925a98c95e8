"""The model card says what the comparison found, and nothing else."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ringsmith.export import write_card

ROW: dict[str, Any] = {
    "candidate": "minilm+full", "model": "minilm", "recipe": "full", "status": "done", "metric": "accuracy", "valid": 0.91, "test": 0.905, "test_low": 0.88, "test_high": 0.93,
    "tie_group": "A", "recommended": True, "train_seconds": 61.2, "latency_ms_p50": 6.21, "latency_ms_p95": 7.0, "rows_per_second": 540.4, "peak_memory_mb": 1100.0,
    "size_mb": 91.0, "truncated_share": 0.021, "parameters": 22_713_216, "why": "",
}  # fmt: skip
STUDY: dict[str, Any] = {
    "title": "reviews.csv", "created": "2026-11-22 10:00:00", "ringsmith": "0.1.0", "settings": {"out": None, "seed": 3}, "machine": {"cores": 2},
    "metric": {"name": "accuracy"}, "read": {"rows_used": 2990, "rows_read": 3000, "text_column": "review"}, "identity": {"data": "abc123"},
    "data": {"language": "en", "rare_classes": {"odd": 4}, "conflicts": 2}, "splits": [{"name": "holdout", "train": 2100, "valid": 450, "test": 440}],
    "recommended": {"candidate": "minilm+full", "reason": "better on 450 validation rows than all others"}, "best": {"candidate": "minilm+full", "trained_on": "the training rows"},
    "backbones": [{"name": "minilm"}],
}  # fmt: skip
MANIFEST: dict[str, Any] = {
    "recipe": "full", "task": {"kind": "classification", "labels": ["bad", "go|od"]}, "steps": [], "options": {"rate": 0.0001},
    "backbone": {"name": "minilm", "revision": None, "weights_sha256": "53aa", "licence": "Apache-2.0"},
}  # fmt: skip


def folder_of(place: Path, *, manifest: dict[str, Any] = MANIFEST, study: dict[str, Any] = STUDY) -> Path:
    """A comparison's folder with the files the card is made from."""
    (place / "best").mkdir()
    (place / "study.json").write_text(json.dumps(study), encoding="utf-8")
    other = ROW | {"candidate": "tfidf", "recommended": False, "tie_group": "B", "test": 0.8, "test_low": None, "test_high": None}
    (place / "leaderboard.json").write_text(json.dumps([ROW, other]), encoding="utf-8")
    (place / "best" / "ringsmith.json").write_text(json.dumps(manifest), encoding="utf-8")
    return place


def test_the_card_holds_scores_data_licence_and_limits(tmp_path: Path) -> None:
    """Every figure stands where a reader looks for it."""
    path = write_card(folder_of(tmp_path))
    assert path == tmp_path / "best" / "README.md"
    text = path.read_text(encoding="utf-8")
    for part in (
        'license: "apache-2.0"',
        "| on test rows, used once | 0.905 | 0.880 - 0.930 |",
        "2,990 of 3,000 rows",
        "on 2026-11-22 10:00:00. Better on 450 validation rows than all others.\n",
        "`abc123`",
        "2100 train / 450 valid / 440 test, seed 3",
        'pipeline("text-classification", model="best")',
        "2.1 % of the texts are longer than it reads",
        "these classes: odd (4)",
        "2 texts of the data carry more than one label",
        "| tfidf | B | 0.800 | - |",
        "Classes (2): `bad`, `go|od`\n",
        "| its texts | column `review` |",
        "| size | 91 MB, 22,713,216 parameters |",
        "| speed | 6.21 ms for one row (median), 540 rows/s on 2 cores |",
        "a text that belongs to none of them still gets one of them.",
    ):
        assert part in text


def test_a_small_model_of_several_labels(tmp_path: Path) -> None:
    """Its size is not 0.0 MB, one core is not '1 cores', joined columns are named, and a text may get no label."""
    study = STUDY | {"machine": {"cores": 1}, "read": STUDY["read"] | {"text_column": "title,body"}}
    place = folder_of(tmp_path, study=study, manifest=MANIFEST | {"task": {"kind": "multilabel", "labels": ["bug", "docs"]}})
    rows = json.loads((place / "leaderboard.json").read_text(encoding="utf-8"))
    (place / "leaderboard.json").write_text(json.dumps([rows[0] | {"size_mb": 0.05, "rows_per_second": 23403.2}, *rows[1:]]), encoding="utf-8")
    path = write_card(place)
    assert path is not None
    text = path.read_text(encoding="utf-8")
    for part in ("| size | 51 kB,", ", 23,403 rows/s on 1 core |", "| its texts | columns `title,body` |", "a text may get none of them, or several, but no other.\n"):
        assert part in text


def test_a_model_of_several_labels_gives_them_all_in_transformers_too(tmp_path: Path) -> None:
    """A pipeline alone would give the likeliest label, and one to a text that has none."""
    path = write_card(folder_of(tmp_path, manifest=MANIFEST | {"task": {"kind": "multilabel", "labels": ["bug", "docs"]}}))
    assert path is not None
    assert '\npipeline("text-classification", model="best")("a text", top_k=None)  # its labels are those with a score of at least 0.5\n' in path.read_text(encoding="utf-8")


def test_names_within_code_are_as_they_are(tmp_path: Path) -> None:
    """Nothing is escaped there but the bar of a table, and a backtick is no end of it."""
    study = STUDY | {"read": STUDY["read"] | {"text_column": "a|b"}}
    path = write_card(folder_of(tmp_path, study=study, manifest=MANIFEST | {"task": {"kind": "classification", "labels": ["<b>x", "tick`ed"]}}))
    assert path is not None
    text = path.read_text(encoding="utf-8")
    assert "Classes (2): `<b>x`, ``tick`ed``\n" in text
    assert "| its texts | column `a\\|b` |" in text


@pytest.mark.skipif(os.name != "posix", reason="how a shell of Unix reads a line")
@pytest.mark.parametrize("name", ["plain", "run 1", "x$HOME", 'say "x"'])
def test_its_command_can_be_typed(name: str, tmp_path: Path) -> None:
    """With the folder that was written, whatever it is called."""
    (tmp_path / name).mkdir()
    path = write_card(folder_of(tmp_path / name))
    assert path is not None
    line = next(line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("ringsmith predict"))
    words = subprocess.run(["sh", "-c", f"printf '%s\\n' {line}"], capture_output=True, text=True, check=True).stdout.splitlines()
    assert words == ["ringsmith", "predict", str(tmp_path / name / "best"), "a text"]


def test_a_metric_keeps_to_its_cell(tmp_path: Path) -> None:
    """A class may have a line break or a bar in its name; one conflicting text is one."""
    path = write_card(folder_of(tmp_path, study=STUDY | {"metric": {"name": "f1:a\nb|c"}, "data": STUDY["data"] | {"conflicts": 1}}))
    assert path is not None
    text = path.read_text(encoding="utf-8")
    assert "| f1:a b\\|c | value | 95 % interval |" in text
    assert "1 text of the data carries more than one label" in text


def test_a_model_of_pairs_is_given_second_texts(tmp_path: Path) -> None:
    """By every way to call it."""
    path = write_card(folder_of(tmp_path, study=STUDY | {"read": STUDY["read"] | {"pair_column": "hypothesis"}}))
    assert path is not None
    text = path.read_text(encoding="utf-8")
    for part in (
        '/best "a text" --pair "its second text"',
        "| its texts | column `review` with `hypothesis` |",
        'model.predict_proba(["a text"], ["its second text"])',
        '("text-classification", model="best")({"text": "a text", "text_pair": "its second text"})',
    ):
        assert part in text


def test_a_model_that_transformers_cannot_load_alone_is_not_said_to(tmp_path: Path) -> None:
    """A probe, or a model with text steps, is loaded with Ringsmith."""
    text = write_card(folder_of(tmp_path, manifest=MANIFEST | {"recipe": "probe"}))
    assert text is not None
    content = text.read_text(encoding="utf-8")
    assert "library_name: ringsmith" in content
    assert "from transformers import" not in content


def test_a_model_without_a_backbone_has_no_licence_of_one(tmp_path: Path) -> None:
    """TF-IDF inherits from nobody."""
    path = write_card(folder_of(tmp_path, manifest=MANIFEST | {"recipe": "tfidf", "backbone": None}))
    assert path is not None
    assert "license:" not in path.read_text(encoding="utf-8")


def test_no_recommended_model_no_card(tmp_path: Path) -> None:
    """Nothing is written where there is nothing to describe."""
    assert write_card(tmp_path) is None


@pytest.mark.parametrize("handed", [{"candidate": "tfidf"}, {"candidate": "gone+probe"}, None])
def test_the_model_of_an_earlier_command_gets_no_new_card(tmp_path: Path, handed: dict[str, Any] | None) -> None:
    """The figures and reasons of this comparison are another's; it need not even stand in the table."""
    place = folder_of(tmp_path, study=STUDY | {"best": handed})
    assert write_card(place) is None
    assert not (place / "best" / "README.md").exists()


@pytest.mark.parametrize(("tests", "sentence"), [
    ([62, 62, 61], "| 246 train / 62 valid / 62 test in each of 3 folds, seed 3 |"),
    ([770, 0, 0], "| 246 train / 62 valid in each of 3 folds, which choose; 770 test, which judge the model of the first fold, seed 3 |"),
])  # fmt: skip
def test_the_card_says_which_folds_test(tests: list[int], sentence: str, tmp_path: Path) -> None:
    """Each in turn, or the first alone where the user's rows test."""
    splits = [{"name": f"fold-{number}", "train": 246, "valid": 62, "test": rows} for number, rows in enumerate(tests, 1)]
    path = write_card(folder_of(tmp_path, study=STUDY | {"splits": splits}))
    assert path is not None
    assert sentence.removeprefix("| ") in path.read_text(encoding="utf-8")
