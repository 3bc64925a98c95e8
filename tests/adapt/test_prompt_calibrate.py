"""Calibration by hand, and labels in words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import transformers
from prompt_models import LABELS, knowing_nli

from contracts.recipes import toy
from ringsmith.adapt import Setting, create_recipe
from ringsmith.adapt.prompt import score_rows, way_of
from ringsmith.adapt.prompt_calibrate import Calibration, Evidence, calibrations, inclination, temperature
from ringsmith.adapt.prompt_entailment import Entailment
from ringsmith.adapt.prompt_way import PromptOptions, Way, label_words
from ringsmith.backbones.entailment import entailment_columns, load_entailment
from ringsmith.catalogue import LocalModel
from ringsmith.errors import BudgetError, OptionError, UnknownName
from ringsmith.records import Budget, TextSet
from ringsmith.tasks import Classification
from ringsmith.text import TextSteps


def test_an_inclination_is_divided_out() -> None:
    """Zhao et al. 2021 by hand: 0.8 and 0.2 by 0.9 and 0.1 are 0.889 and 2; normalised 0.308 and 0.692: the answer turns."""
    taken = inclination(np.log([[0.95, 0.05], [0.85, 0.15]]))
    np.testing.assert_allclose(np.exp(taken), [0.9, 0.1])
    proba = Calibration(np.ones(2, np.float32), np.asarray(taken, np.float32))(np.log(np.array([[0.8, 0.2]])), "softmax")
    np.testing.assert_allclose(proba, [[0.8 / 0.9 / (0.8 / 0.9 + 2), 2 / (0.8 / 0.9 + 2)]], atol=1e-6)


EVEN = np.array([0.5, 0.5])


def test_a_temperature_fits_how_often_the_answer_is_right() -> None:
    """One-hot answers of which 3 in 4 are right: the probability of an answer is about that (a prior worth one row pulls a little)."""
    scores, targets = np.eye(2)[np.array([0, 1] * 200)].astype(np.float32), np.array([0, 1, 0, 0] * 100)
    found = dict(calibrations(Evidence(scores, targets, None, EVEN), "softmax"))
    assert found.keys() == {"none"}
    np.testing.assert_allclose(found["none"](scores, "softmax").max(axis=1), 0.75, atol=0.01)


def test_a_batch_is_calibrated_by_its_own_mean_and_the_shares() -> None:
    """Scores of 3 and 0 for the one label, 2 and 1 for the other: what lies between is in doubt, and with shares of 0.9 and 0.1 it is the first's."""
    targets = np.array([0, 1] * 200)
    scores = np.array([[3, 0], [2, 1]] * 200, np.float32) + np.random.default_rng(0).normal(0, 0.3, (400, 2)).astype(np.float32)
    found = dict(calibrations(Evidence(scores, targets, np.array([[2.5, 0.5]]), np.array([0.9, 0.1])), "softmax"))
    assert found.keys() == {"none", "contextual", "contextual, shares of the classes", "batch", "batch, shares of the classes"}
    right = {name: np.mean(calibration(scores, "softmax").argmax(axis=1) == targets) for name, calibration in found.items()}
    assert right["none"] < 0.75
    assert min(right["batch"], right["contextual"]) > 0.95
    doubtful = {name: float(calibration(np.array([[2.5, 0.5]], np.float32), "softmax")[0, 0]) for name, calibration in found.items()}
    assert doubtful["contextual"] == pytest.approx(0.5)
    assert doubtful["contextual, shares of the classes"] == pytest.approx(0.9, abs=1e-4)


def test_a_temperature_is_the_least_loss() -> None:
    """No factor of a fine grid is better, the prior counted in."""
    draw = np.random.default_rng(1)
    scores, targets, offset = draw.normal(size=(50, 3)), draw.integers(0, 3, 50), np.array([0.5, 0.0, -1.0])

    def loss(factor: float) -> float:
        proba = np.exp(scores * factor + offset)
        return float(-np.log(proba[np.arange(50), targets] / proba.sum(axis=1)).sum() + np.log(factor) ** 2 / 2)

    assert loss(temperature(scores, targets, offset)) <= min(loss(factor) for factor in np.geomspace(1e-2, 1e2, 2_000)) + 1e-6


def test_without_rows_nothing_is_learnt() -> None:
    """The scores stay as they are."""
    found = dict(calibrations(Evidence(np.zeros((0, 2)), np.zeros(0, np.int64), np.array([[1.0, 2.0]]), EVEN), "softmax"))
    assert [(name, calibration.scale.tolist(), calibration.shift.tolist()) for name, calibration in found.items()] == [("none", [1, 1], [0, 0])]


def test_several_labels_have_a_scale_and_a_shift_each() -> None:
    """Two labels whose scores part at 5 and at -5."""
    scores = np.array([[4, -6], [6, -4], [4.5, -4.5], [5.5, -5.5]] * 10, np.float32)
    targets = scores > [5, -5]
    found = dict(calibrations(Evidence(scores, targets, None, EVEN), "sigmoid"))
    np.testing.assert_array_equal(found["platt"](scores, "sigmoid") > 0.5, targets)


def test_labels_in_words() -> None:
    """Underscores are blanks; what has no letter, or the same words as another, is refused with the way out."""
    assert label_words(Classification(["lost_or_stolen_card", "Refund"]), {}) == ["lost or stolen card", "Refund"]
    with pytest.raises(OptionError, match=r"must hold a letter or a digit; got ''\. Describe it: --describe ''=WORDS"):
        label_words(Classification(["", "b"]), {})
    with pytest.raises(OptionError, match=r"'a b' and 'a_b' are all called 'a b'\. Describe them: --describe LABEL=WORDS"):
        label_words(Classification(["a b", "a_b", "c"]), {})
    with pytest.raises(UnknownName, match=r"There is no label 'postive'\. Did you mean 'positive'\?"):
        label_words(Classification(["negative", "positive"]), {"postive": "good"})


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"shots": ()}, "'shots' must be one or more whole numbers from 0 on"),
        ({"shots": (-1,)}, "'shots' must be one or more whole numbers"),
        ({"hypothesis": "It is so."}, r"'hypothesis' must be a sentence with one \{\} for the label"),
    ],
)
def test_options_that_cannot_be(wrong: dict[str, object], said: str) -> None:
    """Each is named with its rule."""
    with pytest.raises(OptionError, match=said):
        PromptOptions(**wrong)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def nli(tmp_path_factory: pytest.TempPathFactory) -> LocalModel:
    """A model that knows what follows."""
    return knowing_nli(tmp_path_factory.mktemp("models") / "tiny-nli")


@pytest.mark.parametrize("alone", [False, True])
def test_entailment_equals_the_pipeline_of_transformers(nli: LocalModel, alone: bool) -> None:
    """Zero-shot classification, one label a text and several."""
    pipeline = transformers.pipeline("zero-shot-classification", model=nli.folder, device="cpu")
    texts = ["I am happy at home and I laugh", "I am timid", "at work"]
    theirs = pipeline(texts, LABELS, hypothesis_template="This text is about {}.", multi_label=alone)
    expected = [[dict(zip(row["labels"], row["scores"], strict=True))[label] for label in LABELS] for row in theirs]
    scores = Entailment(load_entailment(nli, threads=1), LABELS, "This text is about {}.", alone=alone).scores(texts, None)
    found = 1 / (1 + np.exp(-scores)) if alone else np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_which_column_says_that_it_follows(tmp_path: Path, nli: LocalModel, tiny_bert: LocalModel) -> None:
    """By its name in the config, wherever it stands; 'not_entailment' is its opposite."""
    assert entailment_columns(nli) == (2, 0)
    assert entailment_columns(knowing_nli(tmp_path / "two", names=("ENTAILMENT", "not_entailment"))) == (0, 1)
    assert entailment_columns(tiny_bert) is None
    assert way_of(nli) == "entailment"


def test_equal_rows_are_asked_once() -> None:
    """In the order of the rows, pairs counted in."""

    class Counting(Way):
        """Scores texts by their length, and remembers them."""

        name = "counting"
        asked: tuple[list[str], list[str] | None]

        @classmethod
        def candidates(cls, given):  # type: ignore[no-untyped-def]
            yield cls()

        def scores(self, texts, pairs, report=None):  # type: ignore[no-untyped-def]
            self.asked = (list(texts), pairs)
            return np.array([[len(text), 0] for text in texts], np.float32).reshape(-1, 2)

        def save(self, folder):  # type: ignore[no-untyped-def]
            return {}

        @classmethod
        def load(cls, saved):  # type: ignore[no-untyped-def]
            return cls()

    way = Counting()
    scores = score_rows(way, TextSteps(("lower",)), TextSet(["AB", "c", "ab", "abc", "c"]))
    assert scores[:, 0].tolist() == [2, 1, 2, 3, 1]
    assert way.asked == (["ab", "c", "abc"], None)
    score_rows(way, TextSteps(), TextSet(["a", "a", "a"], pairs=["x", "y", "x"]))
    assert way.asked == (["a", "a"], ["x", "y"])


def test_numbers_as_labels_are_pointed_out(nli: LocalModel) -> None:
    """They mean nothing to a model; described, there is no such note."""
    rows = TextSet(toy().texts, [str(LABELS.index(str(label))) for label in toy().labels or []])
    fitted = create_recipe("prompt", Setting(Classification(["0", "1", "2"]), nli, threads=1)).fit(rows, rows, Budget())
    assert fitted.facts.notes == ("The labels are called 0, 1, 2: numbers say nothing to a model; describe them (--describe 0=WORDS).",)
    told = {"describe": {str(number): label for number, label in enumerate(LABELS)}}
    described = create_recipe("prompt", Setting(Classification(["0", "1", "2"]), nli, told, threads=1)).fit(rows, rows, Budget())
    assert described.facts.notes == ()
    assert described.predict(["I am happy at home and I laugh"]) == ["2"]


def test_a_budget_leaves_validation_rows_out_or_ends_the_fit(nli: LocalModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """At 0.05 s an answer a budget of 4 s has time for about 40 rows, drawn from all of a sorted table; one of 0.5 s for hardly any."""
    real = Entailment.scores
    asked: list[set[int]] = []

    def slow(self, texts, pairs, report=None):  # type: ignore[no-untyped-def]
        clock["now"] += 0.05 * len(texts)
        asked.append({int(text.removeprefix("I am happy ")) for text in texts if text.startswith("I am happy ")})
        return real(self, texts, pairs, report)

    clock = {"now": 0.0}
    monkeypatch.setattr(Entailment, "scores", slow)
    monkeypatch.setattr("ringsmith.records.time.monotonic", lambda: clock["now"])
    rows = TextSet([f"I am happy {i}" for i in range(100)], ["joy"] * 50 + ["fear"] * 50)
    recipe = create_recipe("prompt", Setting(Classification(LABELS), nli, threads=1))
    fitted = recipe.fit(rows, rows, Budget(4.0, started=0.0))
    assert fitted.facts.notes == ("38 of 100 validation rows were asked: the budget allows no more.",)
    assert fitted.facts.hurried
    judged = next(numbers for numbers in asked if len(numbers) == 38)
    assert 8 < sum(number < 50 for number in judged) < 30
    clock["now"] = 0.0
    with pytest.raises(BudgetError, match=r"Prompting 'tiny-nli' does not fit into .*: an answer takes 0\.05 s, and 0\.7 s are left"):
        recipe.fit(rows, rows, Budget(1.5, started=0.0))
