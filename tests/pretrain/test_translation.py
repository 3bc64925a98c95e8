"""A translation that is learnt, from options to what is said of the pairs: what cannot be is one sentence, what is lost of the text is told."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ringsmith.adapt.pause import Pause
from ringsmith.errors import OptionError
from ringsmith.pretrain import translation
from ringsmith.pretrain.parallel import Pairs
from ringsmith.pretrain.translation import train_translation
from ringsmith.pretrain.translation_options import TranslationOptions

TINY = TranslationOptions(layers=1, hidden=32, heads=2, length=16, vocabulary=80, batch_tokens=256, warm_up=5, steps=2, looks=1, threads=1, precision="float32")


def pairs(count: int, words: int, first: int = 0) -> Pairs:
    """Texts of so many words, each word a piece or more."""
    texts = tuple(" ".join(f"{(number + place) % 10}" for place in range(words)) + f" {number}" for number in range(first, first + count))
    return Pairs(texts, texts)


@pytest.mark.parametrize("name", ["hidden", "layers", "warm_up", "held_out", "looks", "averaged"])
def test_what_must_be_a_number_is_not_left_open(name: str) -> None:
    """None is for what has a value of its own, as `steps` has."""
    with pytest.raises(OptionError, match=rf"^'{name}' must be a whole number, at least 1; got None\."):
        replace(TINY, **{name: None})


@pytest.mark.parametrize("epochs", [math.inf, math.nan, 0.0])
def test_passes_are_a_number(epochs: float) -> None:
    """Infinitely many were an overflow in the middle of the work."""
    with pytest.raises(OptionError, match=r"^'epochs' must be a finite number above 0; got "):
        replace(TINY, steps=None, epochs=epochs)


@pytest.mark.parametrize(
    ("train", "valid", "sentence"),
    [
        (pairs(20, 30), pairs(5, 2), r"^'length' must hold some of the pairs to learn from; got 16, and the shortest of these 20 needs \d+ pieces\. Take \d+, which holds nine"),
        (pairs(20, 2), pairs(5, 30), r"^'length' must hold some of the pairs to judge by; got 16, and the shortest of these 5 needs \d+ pieces\."),
    ],
)
def test_pairs_that_are_all_too_long_are_refused(tmp_path: Path, train: Pairs, valid: Pairs, sentence: str) -> None:
    """Before anything is trained; the length that is named does."""
    with pytest.raises(OptionError, match=sentence) as refused:
        train_translation(train, valid, tmp_path / "out", TINY)
    assert not list(tmp_path.iterdir())
    enough = int(str(refused.value).split("Take ")[1].split(",")[0])
    assert train_translation(train, valid, tmp_path / "out", replace(TINY, length=enough)).facts["longer"] <= 3


def test_what_is_lost_of_the_pairs_is_said_before_the_training_and_stands_in_the_card(tmp_path: Path) -> None:
    """Longer pairs of both parts, and pieces that stand for characters which the vocabulary has no room for."""
    rare = tuple(f"{number} {chr(0x4E00 + number)}" for number in range(60))
    short, long = pairs(20, 2), pairs(7, 30, 100)
    train = Pairs((*short.sources, *long.sources, *rare), (*short.targets, *long.targets, *rare))
    told: list[str] = []
    made = train_translation(train, replace(pairs(5, 2, 50)), tmp_path / "out", TINY, say=lambda label, text: told.append(f"{label}: {text}"))
    assert told[0] == ": 7 pairs longer than 16 pieces left out; a larger --length takes them in."
    share = made.facts["unknown"]
    assert told[1].startswith(f": {share:.1%} of the pieces are unknown, characters that are too rare for a vocabulary of 80; a larger")
    assert (made.facts["longer"], made.facts["pairs"]["train"]) == (7, 80)
    card = (made.folder / "README.md").read_text(encoding="utf-8")
    assert f"{share:.2%} of the pairs' pieces are unknown to it" in card
    assert "7 were longer than 16 pieces and left out" in card


def test_a_state_with_another_vocabulary_is_not_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its weights would be read with other pieces."""

    class Killed(Exception):
        pass

    def kill(progress: Any) -> None:
        if progress.done == 3:
            raise Killed

    options = replace(TINY, steps=6)
    monkeypatch.setattr(Pause, "is_due", lambda *_, **__: True)
    with pytest.raises(Killed):
        train_translation(pairs(20, 2), pairs(5, 2, 50), tmp_path / "out", options, report=kill)
    monkeypatch.setattr(translation, "hash_tokeniser", lambda _: "of another release of tokenizers")
    with pytest.raises(OptionError, match=r"^'out' must be another folder than that of a training that was stopped"):
        train_translation(pairs(20, 2), pairs(5, 2, 50), tmp_path / "out", options)
