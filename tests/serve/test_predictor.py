"""A loaded model answers: one text or many, in the caller's order, cut into chunks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ringsmith.adapt import Fitted
from ringsmith.errors import ModelError, UsageError
from ringsmith.records import Floats
from ringsmith.serve import Prediction, Predictor, load
from ringsmith.serve import predictor as module
from ringsmith.tasks import Classification, MultiLabel, Task
from ringsmith.text import TextSteps


class Shouting(Fitted):
    """A model with behaviour: the share of capital letters decides, and it keeps the sizes of the batches it saw."""

    recipe = "shouting"

    def __init__(self, task: Task) -> None:
        super().__init__(task, TextSteps())
        self.batches: list[int] = []

    def predict_proba(self, texts: Sequence[str], pairs: Sequence[str] | None = None) -> Floats:
        self.batches.append(len(texts))
        loud = np.array([sum(c.isupper() for c in text) / max(len(text), 1) for text in texts], dtype=np.float32)
        return np.stack([1 - loud, loud], axis=1)

    def embed(self, texts: Sequence[str], pairs: Sequence[str] | None = None) -> Floats:
        return np.array([[len(text)] for text in texts], dtype=np.float32)

    def save(self, folder: Path) -> None:
        raise NotImplementedError

    @classmethod
    def load(cls, folder: Path, manifest: Any, *, threads: int | None = None) -> Fitted:
        raise NotImplementedError


@pytest.fixture
def model() -> Predictor:
    """A predictor over the fake model."""
    return Predictor(Shouting(Classification(["calm", "loud"])), Path("somewhere"))


def test_one_text_gives_one_answer_and_many_give_a_list(model: Predictor) -> None:
    """The shape of the answer follows the shape of the question."""
    assert model.predict("HELP") == "loud"
    assert model.predict(["HELP", "please"]) == ["loud", "calm"]
    assert model.predict_proba("HELP").tolist() == [0.0, 1.0]
    assert model.predict_proba(["HELP", "please"]).shape == (2, 2)
    assert model.embed("abc").tolist() == [3.0]


def test_a_text_of_blanks_has_no_answer_but_its_place(model: Predictor) -> None:
    """As on the command line: no label, and no number that could be taken for one; the others stand beside their texts."""
    assert model.predict(["HELP", "", "HELP"]) == ["loud", None, "loud"]
    assert model.predict(" \n") is None
    assert model.predict(["", " "]) == [None, None]
    assert np.isnan(model.predict_proba(["HELP", " "])).tolist() == [[False, False], [True, True]]
    assert np.isnan(model.predict_proba("")).tolist() == [True, True]
    assert np.isnan(model.embed(["abc", ""])).tolist() == [[False], [True]]
    assert (model.embed("").shape, model.embed(["", " "]).shape, model.embed([]).shape) == ((1,), (2, 1), (0, 1))
    assert np.isnan(model.embed(["", " "])).all()
    assert model.answers([" ", "HELP"])[0].label is None


def test_a_pair_without_its_second_text_has_no_answer(model: Predictor) -> None:
    """Both texts are needed."""
    assert model.predict(["HELP", "HELP"], ["", "me"]) == [None, "loud"]


def test_nothing_asked_gives_nothing(model: Predictor) -> None:
    """An empty list is no error."""
    assert model.predict([]) == []
    assert model.predict_proba([]).shape == (0, 2)


@pytest.mark.parametrize(
    ("trained_on", "pairs", "sentence"), [(True, None, "trained on pairs of texts; got no second texts"), (False, ["b"], "trained on single texts; got second")]
)
def test_single_texts_and_pairs_are_not_mixed_up(trained_on: bool, pairs: list[str] | None, sentence: str) -> None:
    """A model says what it was trained on; one that does not say takes both."""
    fitted = Shouting(Classification(["calm", "loud"]))
    assert Predictor(fitted, Path()).predict(["A"], pairs) == ["loud"]
    fitted.pairs = trained_on
    for ask in (Predictor(fitted, Path()).predict, Predictor(fitted, Path()).predict_proba, Predictor(fitted, Path()).embed):
        with pytest.raises(UsageError, match=sentence):
            ask(["A"], pairs)
    assert Predictor(fitted, Path()).predict(["A"], None if pairs else ["b"]) == ["loud"]


def test_a_long_list_is_cut_into_chunks_and_progress_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Order is kept over the chunks, and the report sees every chunk."""
    monkeypatch.setattr(module, "CHUNK", 3)
    fitted = Shouting(Classification(["calm", "loud"]))
    seen: list[int] = []
    answers = Predictor(fitted, Path()).answers(["A", "b", "C", "d", "E", "f", "G"], report=seen.append)
    assert [answer.label for answer in answers] == ["loud", "calm", "loud", "calm", "loud", "calm", "loud"]
    assert fitted.batches == [3, 3, 1]
    assert seen == [3, 6, 7]


def test_the_score_of_several_labels_is_the_lowest_of_them() -> None:
    """Multi-label: the least certain of the predicted labels; with none, how sure it is that there is none."""
    model = Predictor(Shouting(MultiLabel(["calm", "loud"])), Path())
    assert model.answers(["AAbb"]) == [Prediction(("calm", "loud"), 0.5)]


def test_a_text_that_is_no_string_is_named(model: Predictor) -> None:
    """The fault names the position and the type."""
    with pytest.raises(UsageError, match=r"texts\[1\] must be a string; got float"):
        model.predict(["fine", float("nan")])  # type: ignore[list-item]
    with pytest.raises(UsageError, match=r"pairs\[0\] must be a string; got NoneType"):
        model.predict(["fine"], [None])  # type: ignore[list-item]
    with pytest.raises(UsageError, match=r"texts must be a string or several; got a dict, a table\. Give one column of it\."):
        model.predict({"text": ["a"]})  # type: ignore[call-overload]
    with pytest.raises(UsageError, match=r"texts must be a string or several; got int"):
        model.predict(5)  # type: ignore[call-overload]
    with pytest.raises(UsageError, match=r"texts must be a string or several; got bytes"):
        model.predict(b"great")  # type: ignore[call-overload]
    assert model.predict(iter(["AA", "bb"])) == model.predict(["AA", "bb"])  # type: ignore[call-overload]


def test_pairs_of_another_length_are_refused(model: Predictor) -> None:
    """Texts and pairs belong together row by row."""
    with pytest.raises(UsageError, match=r"pairs must be as long as texts \(2\); got 1"):
        model.predict(["a", "b"], ["c"])


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    """The sentence says which file is looked for."""
    with pytest.raises(ModelError, match=r"ringsmith\.json"):
        load(tmp_path)
