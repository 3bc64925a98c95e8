"""Names as rows: only of rare classes, only where the texts speak of them, never by chance."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ringsmith.adapt.labelnames import FEW, in_plain_words, speaking, with_names
from ringsmith.adapt.recipe import Setting
from ringsmith.adapt.registry import create_recipe
from ringsmith.errors import UnknownName
from ringsmith.records import Budget, TextSet
from ringsmith.tasks import Classification, MultiLabel

SUBJECTS = ("lost card", "exchange rate", "top up", "direct debit", "virtual card", "cash withdrawal", "beneficiary", "refund", "age limit", "country support", "pin", "passcode")
TASK = Classification(sorted(subject.replace(" ", "_") for subject in SUBJECTS))
WORDS = in_plain_words(TASK.labels)


def messages(each: int, seed: int = 0) -> TextSet:
    """So many messages of each subject: every third one calls it by its name, between words that say nothing."""
    rng, filler = np.random.default_rng(seed), ["please", "help", "me", "today", "what", "can", "be", "done", "about", "this", "thing", "thanks", "a", "lot"]
    texts, labels = [], []
    for number in range(each):
        for label, words in zip(TASK.labels, WORDS, strict=True):
            said = list(rng.choice(filler, 6))
            texts.append(" ".join([*said[:3], words, *said[3:]] if number % 3 == 0 else said))
            labels.append(label)
    return TextSet(texts, labels)


def test_labels_in_words() -> None:
    """Underscores and lines are blanks; what is described says it otherwise; a label that is not there cannot be described."""
    assert in_plain_words(["lost_or\nstolen__card", "1"], {"1": "a good film"}) == ["lost or stolen card", "a good film"]
    with pytest.raises(UnknownName, match="no label '2'"):
        in_plain_words(["0", "1"], {"2": "x"})


def test_every_rare_class_gets_its_name_once_and_all_else_stays() -> None:
    """Texts, labels, groups and row numbers go on below the rows."""
    rows = replace(messages(6), groups=["g"] * (6 * len(WORDS)))
    more = with_names(rows, TASK, WORDS)
    assert (more.texts[: len(rows)], more.texts[len(rows) :]) == (rows.texts, WORDS)
    assert tuple(more.labels or ())[len(rows) :] == TASK.labels
    assert list(more.groups or ())[len(rows) :] == [""] * len(WORDS)
    assert len(set(more.rows.tolist())) == len(more)


def test_a_class_with_enough_rows_does_without() -> None:
    """One class is as large as allowed, one a row larger."""
    rows = messages(6)
    lost, pin = ([at for at, label in enumerate(rows.labels or ()) if label == name] for name in ("lost_card", "pin"))
    grown = rows.take([*range(len(rows)), *(lost * 2)[: FEW - 6], *(pin * 2)[: FEW - 5]])
    named = [TASK.labels[k] for k in speaking(grown, TASK, WORDS)]
    assert named == [label for label in TASK.labels if label != "pin"]


@pytest.mark.parametrize(
    ("rows", "task", "words"),
    [
        (messages(6), TASK, ()),
        (messages(6), TASK, WORDS[1:] + WORDS[:1]),
        (messages(6), TASK, ["thing", *WORDS[1:-1], "thing"]),
        (messages(40), TASK, WORDS),
        (replace(messages(6), pairs=messages(6).texts), TASK, WORDS),
        (replace(messages(6), labels=[(str(label),) for label in messages(6).labels or ()]), MultiLabel(TASK.labels), WORDS),
        (
            TextSet(["win a prize now", "call to claim", "see you at home", "are you there"] * 4, ["spam", "spam", "ham", "ham"] * 4),
            Classification(["ham", "spam"]),
            ["ham", "spam"],
        ),
    ],
    ids=["not wanted", "names of others", "two of one name", "many rows", "pairs", "several labels", "names that no text speaks of"],
)
def test_the_rows_alone(rows: TextSet, task: Classification, words: list[str]) -> None:
    """Wherever a name is no example of its class, or need not be one."""
    assert with_names(rows, task, words) is rows


def test_names_that_somebody_described_are_meant() -> None:
    """No text speaks of them; many rows, or two classes of one name, need none all the same."""
    rows = TextSet(["dull and long", "never again", "what fun", "we laughed a lot"] * 4, ["0", "0", "1", "1"] * 4)
    task, words = Classification(["0", "1"]), ["a bad film", "a good film"]
    assert with_names(rows, task, words) is rows
    assert with_names(rows, task, words, meant=True).texts[len(rows) :] == words
    assert with_names(rows.take([*range(16)] * 3), task, words, meant=True).texts[-1] == rows.texts[-1]
    assert with_names(rows, task, ["a film", "a film"], meant=True) is rows


def test_names_that_mean_nothing_are_hardly_ever_taken() -> None:
    """Three standard errors: labels drawn by chance over the same texts are believed in at most 2 of 100 draws."""
    taken = 0
    for seed in range(100):
        rows = messages(4, seed)
        mixed = replace(rows, labels=np.random.default_rng(seed).permutation(list(rows.labels or ())).tolist())
        taken += with_names(mixed, TASK, WORDS) is not mixed
    assert taken <= 2


def test_names_teach() -> None:
    """Two rows of each subject, of which one tells it: with the names more of the messages that call it by its name are told right."""
    rows, others = messages(2), messages(30, seed=9)
    asked = others.take([at for at, text in enumerate(others.texts) if any(words in text for words in WORDS)])
    right = []
    for train in (rows, with_names(rows, TASK, WORDS)):
        fitted = create_recipe("tfidf", Setting(TASK)).fit(train, rows.take([]), Budget())
        right.append(np.mean([said == meant for said, meant in zip(fitted.predict(asked.texts), asked.labels or (), strict=True)]))
    assert right[1] > right[0] + 0.05
