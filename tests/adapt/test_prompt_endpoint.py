"""The recipe 'prompt' through an endpoint: the contract against a model that knows the toy, and answers that are not as they should be."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from contracts.endpoint import KEY, Script, fake_endpoint
from contracts.recipes import WORDS, RecipeContract, toy
from ringsmith.adapt import Fitted, Setting, create_recipe, load_fitted
from ringsmith.adapt.endpoint_settings import EndpointSettings
from ringsmith.adapt.prompt_endpoint import read_label, read_labels
from ringsmith.catalogue import LocalModel
from ringsmith.compare.space import endpoint_choice
from ringsmith.errors import BudgetError, NotAtHand
from ringsmith.records import Budget, TextSet
from ringsmith.tasks import Classification


def knowing(text: str) -> str:
    """The labels whose words a text holds."""
    return ", ".join(label for label, (words, verb) in sorted(WORDS.items()) if any(word in text.split() for word in [*words.split(), verb])) or "none"


def behind(url: str, account: Path, **settings: Any) -> LocalModel:
    """The model that an endpoint's address stands for."""
    model = endpoint_choice(EndpointSettings(url=url, model="tiny-chat", **settings), account).model
    assert model is not None
    return model


@pytest.fixture(scope="class")
def knowing_url() -> Iterator[str]:
    """A server that knows the toy."""
    with fake_endpoint(Script(knowing)) as address:
        yield address


class TestEndpoint(RecipeContract):
    """The whole contract; answers come from the cache when they are known."""

    recipe = "prompt"
    embeds = False
    options: ClassVar[dict[str, Any]] = {"shots": (0, 3)}

    @pytest.fixture(scope="class")
    @classmethod
    def model(cls, knowing_url: str, tmp_path_factory: pytest.TempPathFactory) -> LocalModel:
        """Whom to ask."""
        return behind(knowing_url, tmp_path_factory.mktemp("account") / "spent.jsonl", price_in=2.0, price_out=8.0)


Ask = Callable[..., tuple[Fitted, Script]]


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ask]:
    """Fit on the toy through a server that follows a script."""
    monkeypatch.setenv("RINGSMITH_CACHE", str(tmp_path / "cache"))
    servers = []

    def fit(script: Script, *, rows: TextSet | None = None, budget: Budget | None = None, **settings: Any) -> tuple[Fitted, Script]:
        server = fake_endpoint(script)
        servers.append(server)
        model = behind(server.__enter__(), tmp_path / "spent.jsonl", **settings)
        rows, index = rows or toy(), np.arange(len(rows or toy()))
        setting = Setting(Classification(sorted(WORDS)), model, {"shots": (0,)})
        return create_recipe("prompt", setting).fit(rows.take(index[index % 4 != 0]), rows.take(index[index % 4 == 0]), budget or Budget()), script

    yield fit
    for server in servers:
        server.__exit__(None, None, None)


def test_what_is_asked(ask: Ask) -> None:
    """The labels are told to the system, the text to the user; nothing else goes out."""
    _, script = ask(Script(knowing))
    system, user = script.seen[0]["messages"]
    assert system == {"role": "system", "content": "You label texts. Answer with exactly one of the labels and nothing else, spelt as here. Labels: anger; fear; joy."}
    assert user["role"] == "user"
    assert {body["messages"][1]["content"] for body in script.seen} == {f"Text: {text}" for text in toy().texts[::4]}


def test_cost_is_told_for_a_thousand_rows(ask: Ask) -> None:
    """By hand: 20 words of the system's, 9 or so of the text, one of the answer, at 10 and 100 dollars a million."""
    fitted, script = ask(Script(knowing), price_in=10.0, price_out=100.0)
    words = [sum(len(message["content"].split()) for message in body["messages"]) for body in script.seen]
    dollars = 1000 * (np.mean(words) * 10 + 1 * 100) / 1e6
    assert fitted.facts.notes == (f"${dollars:.3g} per 1,000 rows: {np.mean(words):,.0f} tokens in and 1.0 out a row.",)
    unpriced, _ = ask(Script(knowing))
    assert unpriced.facts.notes[0].startswith("Cost per 1,000 rows unknown (give --price-in and --price-out):")
    silent, _ = ask(Script(knowing, usage=False))
    assert silent.facts.notes == ("The endpoint does not tell its tokens: its cost per 1,000 rows is not known.",)


def test_nonsense_counts_as_wrong_and_is_counted(ask: Ask) -> None:
    """Answers without a label go to the rarest one, with next to equal probabilities."""
    rows = toy()
    keep = [i for i, label in enumerate(rows.labels or []) if label != "fear" or i % 2]
    fitted, script = ask(Script(lambda text: "I cannot tell." if "happy" in text else knowing(text)), rows=rows.take(keep))
    assert fitted.predict(["I am happy at home"]) == ["fear"]
    assert fitted.predict_proba(["I am happy at home"]).max() < 0.35
    assert fitted.predict(["I am glad at home"]) == ["joy"]
    unread = sum("happy" in body["messages"][-1]["content"] for body in script.seen[:-2])
    assert f"{unread} of {len(script.seen) - 2} answers named no label and count as wrong; one was 'I cannot tell.'." in fitted.facts.notes


def test_half_an_answer_is_no_label_and_that_is_said(ask: Ask) -> None:
    """With the option that mends it; a label that was said before the cut counts."""
    fitted, script = ask(Script(lambda text: "It may be joy, but" if "happy" in text else f"{knowing(text)}. I chose it because", finish="length"))
    assert fitted.predict(["I am glad at home", "I am furious"]) == ["joy", "anger"]
    assert sum("happy" in body["messages"][-1]["content"] for body in script.seen[:-2]) == 1
    assert "1 of these was cut off: allow longer answers (--answer-tokens)." in fitted.facts.notes


def test_nothing_but_nonsense_is_one_sentence(ask: Ask) -> None:
    """No figure is made of it."""
    with pytest.raises(NotAtHand, match=r"--endpoint: an answer must name a label; 'tiny-chat' named none in all of its \d+ answers, the first of them '42'\. Ask another model"):
        ask(Script(lambda _: "42"))


def test_examples_are_shown_as_a_conversation(ask: Ask, tmp_path: Path) -> None:
    """User and assistant in turn; they are saved, the key and the account are not."""
    with fake_endpoint(Script(knowing)) as url, pytest.MonkeyPatch.context() as patch:
        patch.setenv("RINGSMITH_ENDPOINT_KEY", KEY)
        setting = Setting(Classification(sorted(WORDS)), behind(url, tmp_path / "spent.jsonl"), {"shots": (3,)})
        fitted = create_recipe("prompt", setting).fit(toy(), toy(4), Budget())
        fitted.save(tmp_path / "model")
        content = json.loads((tmp_path / "model" / "prompt.json").read_text())["content"]
        assert sorted(shot["label"] for shot in content["shots"]) == ["anger", "fear", "joy"]
        assert content["settings"]["account"] is None
        assert not any(KEY.encode() in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
        assert load_fitted(tmp_path / "model").predict(["glad and merry"]) == ["joy"]


def test_the_budget_and_the_ceiling_end_a_fit(ask: Ask) -> None:
    """As a run that is dropped, with the reason."""
    with pytest.raises(BudgetError, match=r"--spend-at-most: \$"):
        ask(Script(knowing), price_in=1e6, price_out=1e6, spend_at_most=500.0)
    with pytest.raises(BudgetError, match=r"budget"):
        ask(Script(knowing, pause=0.2), budget=Budget(0.5))


def test_pace_is_that_of_real_answers(ask: Ask) -> None:
    """Not of the cache: each took the server's pause at least."""
    fitted, _ = ask(Script(knowing, pause=0.05))
    again, _ = ask(Script(knowing, pause=0.05))
    pace = again.pace()
    assert pace is not None
    assert min(pace.seconds) >= 0.05
    assert pace.at_once == 8
    assert fitted.pace() is not None


@pytest.mark.parametrize(
    ("answer", "label"),
    [
        ("refund", 0), (" Refund. ", 0), ("**refund**", 0), ("Label: card_lost", 1), ("The text is about a refund", 0), ("card lost in mail", 2),
        ("It is: card lost in mail.", 2), ("refnd", 0), ("<think>refund or card lost?</think>\ncard lost", 1), ("refund or card lost", None),
        ("refunds", 0), ("", None), ("no label fits", None), ("<think>refund", None),
    ],
)  # fmt: skip
def test_an_answer_is_read_as_people_would(answer: str, label: int | None) -> None:
    """Exactly, without ornament, as the one label named within, or misspelt; never guessed."""
    from ringsmith.adapt.prompt_endpoint import THOUGHTS

    assert read_label(THOUGHTS.sub("", answer), ["refund", "card lost", "card lost in mail"]) == label


def test_several_labels_in_one_answer() -> None:
    """Commas, lines, ``none``; a preamble does not spoil it, nonsense does."""
    words = ["bug", "docs", "idea"]
    assert read_labels("Labels: bug, idea", words) == [0, 2]
    assert read_labels("bug\ndocs", words) == [0, 1]
    assert read_labels("None.", words) == []
    assert read_labels("I do not know, sorry, bug", words) is None
    assert read_labels("", words) is None
