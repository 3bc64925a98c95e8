"""Nothing that was learnt is lost between the last step and the written model; where the state of a training lies, and who removes it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from small_corpora import tiny, write_corpus
from test_seq2seq import TOY
from translation_toy import turned_pairs

from ringsmith.adapt.folder import state_beside
from ringsmith.errors import MachineError, UsageError
from ringsmith.pretrain import training, translation
from ringsmith.pretrain.training import pretrain
from ringsmith.pretrain.translation import train_translation

MODEL = "model.safetensors"


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A small corpus."""
    return write_corpus(tmp_path / "corpus.txt")


def refused(write: Any, error: Exception) -> Any:
    """A way of saving that breaks on the first call."""
    calls: list[int] = []

    def broken(*given: Any) -> None:
        calls.append(1)
        if len(calls) == 1:
            raise error
        write(*given)

    return broken


def test_what_was_learnt_is_kept_until_the_model_is_written(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However short the training: a disk that refuses the model costs nothing but the second command, which takes no step and writes the same bytes."""
    straight = pretrain(corpus, tiny(tmp_path / "straight"))
    monkeypatch.setattr(training, "save_pretrained", refused(training.save_pretrained, MachineError("No space left.")))
    with pytest.raises(MachineError):
        pretrain(corpus, tiny(tmp_path / "broken"))
    assert state_beside(tmp_path / "broken" / "model").is_dir()
    stages, said = list[str](), list[tuple[str, str]]()
    again = pretrain(corpus, tiny(tmp_path / "broken"), report=lambda progress: stages.append(progress.stage), say=lambda *told: said.append(told))
    assert "train" not in stages
    assert said[-1] == ("Goes on", "after step 12, where this training was stopped")
    assert (again.folder / MODEL).read_bytes() == (straight.folder / MODEL).read_bytes()
    assert again.facts.curves == straight.facts.curves
    assert not state_beside(again.folder).exists()


def test_a_translation_is_kept_until_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As of every other training; the looks whose weights are averaged are there still."""
    parts = turned_pairs(300)
    options = dataclasses.replace(TOY, steps=12, looks=3)
    train_translation(parts.train, parts.valid, tmp_path / "straight", options)
    monkeypatch.setattr(translation, "save_translation", refused(translation.save_translation, MachineError("No space left.")))
    with pytest.raises(MachineError):
        train_translation(parts.train, parts.valid, tmp_path / "model", options)
    steps: list[float] = []
    again = train_translation(parts.train, parts.valid, tmp_path / "model", options, report=lambda progress: steps.append(progress.done))
    assert steps == []
    assert (again.folder / MODEL).read_bytes() == (tmp_path / "straight" / MODEL).read_bytes()
    assert not state_beside(again.folder).exists()


def test_a_folder_that_somebody_wrote_into_meanwhile_costs_nothing(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said where the training is kept and what to do."""
    write = training.save_pretrained

    def late(folder: Path, *rest: Any) -> None:
        folder.mkdir(exist_ok=True)
        (folder / "note.txt").write_text("mine", encoding="utf-8")
        write(folder, *rest)

    monkeypatch.setattr(training, "save_pretrained", late)
    with pytest.raises(UsageError, match=r"this one holds something else\. Empty it and give the same command again: it goes on from .*model\.training\."):
        pretrain(corpus, tiny(tmp_path))
    monkeypatch.undo()
    with pytest.raises(UsageError, match=r"Empty it and give the same command again"):
        pretrain(corpus, tiny(tmp_path))
    (tmp_path / "model" / "note.txt").unlink()
    steps: list[str] = []
    assert (pretrain(corpus, tiny(tmp_path), report=lambda progress: steps.append(progress.stage)).folder / MODEL).exists()
    assert "train" not in steps


@pytest.mark.parametrize("name", [".", "../here"])
def test_the_folder_one_stands_in_takes_a_model(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """It is not put in another's place: who stands in it sees the model, and nothing is left beside it."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    pretrain(corpus, tiny(tmp_path, out=Path(name)))
    assert {MODEL, "ringsmith.json"} <= {path.name for path in Path().iterdir()}
    assert {path.name for path in tmp_path.iterdir()} == {"here", "corpus.txt", "work"}


def test_the_state_lies_beside_the_folder_however_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One place for one folder."""
    (tmp_path / "model").mkdir()
    monkeypatch.chdir(tmp_path / "model")
    assert {state_beside(Path(name)) for name in (".", "../model", str(tmp_path / "model"))} == {tmp_path / "model.training"}
    assert state_beside(Path("/")).name == ".training"
