"""What is said of a training: of its text, its options and its model, on the screen, in the facts and in the card."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from small_corpora import documents, tiny, write_corpus

from ringsmith.errors import InputError, OptionError
from ringsmith.pretrain.objective import find_objective
from ringsmith.pretrain.options import PretrainOptions, objective_options
from ringsmith.pretrain.training import pretrain


def test_text_that_the_vocabulary_does_not_know_is_said(tmp_path: Path) -> None:
    """While it is read, and in the card: what is unknown is never predicted, so that the loss looks better than it is."""
    said: list[str] = []
    known = pretrain(documents(60), tiny(tmp_path / "known"), say=lambda _, text: said.append(text))
    assert known.facts.corpus["unknown"] == 0
    assert not any("unknown" in text for text in said)
    strange = [*documents(60), *[f"The ring of {chr(0x16A0 + number % 70)}{chr(0x1680 + number % 25)} ends." for number in range(90)]]
    options = tiny(tmp_path / "strange", vocabulary=90, length=8)
    made = pretrain(strange, options, say=lambda _, text: said.append(text))
    (note,) = [text for text in said if "unknown" in text]
    assert note.endswith(
        "are unknown to the vocabulary, and what stands there is neither read nor learnt. The objectives clm, mlm-dynamic and modern learn pieces of bytes, which know every text."
    )
    assert note in made.facts.notes
    card = (made.folder / "README.md").read_text(encoding="utf-8")
    assert f", {made.facts.corpus['unknown']:,} unknown pieces" in card
    assert f"- {note}" in card


def test_a_text_that_ends_as_its_own_judge_is_said(tmp_path: Path) -> None:
    """Where no document is held out that is long enough; else nothing is."""
    whole = pretrain(["\n".join(documents(60))], tiny(tmp_path / "one", held_out=0.001))
    assert whole.facts.notes == (f"No document that is held out is as long as a sequence: {whole.facts.held_out.sequences} sequence at the end of the text judge it.",)
    assert pretrain(documents(60), tiny(tmp_path / "many")).facts.notes == ()


def test_the_parameters_are_those_of_the_model_that_is_kept(tmp_path: Path) -> None:
    """What an ELECTRA's generator takes is told beside them."""
    import transformers

    made = pretrain(documents(60), tiny(tmp_path, objective="rtd", steps=2))
    kept = transformers.AutoModelForPreTraining.from_pretrained(made.folder)
    cost = made.facts.cost
    assert cost.parameters == sum(weight.numel() for weight in kept.parameters())
    assert cost.aside > 0
    card = (made.folder / "README.md").read_text(encoding="utf-8")
    assert f"| parameters | {cost.parameters:,}, and {cost.aside:,} of a generator that is thrown away |" in card
    assert pretrain(documents(60), tiny(tmp_path / "mlm", steps=2)).facts.cost.aside == 0


def test_a_card_holds_whatever_a_licence_and_a_file_are_called(tmp_path: Path) -> None:
    """Its front matter is YAML, and its table keeps its two columns."""
    made = pretrain(write_corpus(tmp_path / "a|b.txt"), tiny(tmp_path, steps=2, licence='CC BY: 4.0 # "mine" | yours'))
    _, front, card = (made.folder / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    assert yaml.safe_load(front)["license"] == 'CC BY: 4.0 # "mine" | yours'
    rows = [row for row in card.splitlines() if row.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {3}
    assert r"a\|b.txt" in card


@pytest.mark.parametrize(
    ("objective", "given", "sentence"),
    [
        ("mlm", {"next_sentence": "no"}, r"'next_sentence' must be true or false; got 'no'\. Leave it out"),
        ("mlm-dynamic", {"whole_words": 0.5}, r"'whole_words' must be true or false; got 0\.5"),
        ("mlm", {"copies": 2.5}, r"'copies' must be a whole number, or none; got 2\.5"),
        ("plm", {"window": 2.5, "longest_span": 2.5}, r"'window' must be a whole number; got 2\.5\. 'longest_span' must be a whole number; got 2\.5"),
        ("rtd", {"weight": math.inf}, r"'weight' must be a number; got inf"),
        ("distil", {"teacher": 5}, r"'teacher' must be a BERT or a GPT-2 .* got 5\. Name it"),
    ],
)
def test_options_hold_what_their_fields_say(objective: str, given: dict[str, Any], sentence: str) -> None:
    """A word that is no yes or no does not turn anything on."""
    with pytest.raises(OptionError, match=sentence):
        objective_options(find_objective(objective).options_kind, given, objective=objective)


def test_numbers_have_an_end(tmp_path: Path) -> None:
    """Passes without end are a slip; a budget says how long."""
    with pytest.raises(OptionError, match=r"'epochs' must be above 0, and finite; got inf"):
        PretrainOptions(out=tmp_path, epochs=math.inf)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"objective": "plm", "hidden": 33, "heads": 3}, r"'hidden' must be a multiple of 2 for xlnet with 3 heads; got 33\. Use 36"),
        ({"objective": "modern", "hidden": 30, "heads": 2}, r"'hidden' must be a multiple of 4 for modernbert with 2 heads; got 30\. Use 32"),
    ],
)
def test_widths_that_cannot_be_built_are_refused_before_anything_is_read(tmp_path: Path, changes: dict[str, Any], sentence: str) -> None:
    """Their places are told by pairs of numbers."""
    with pytest.raises(OptionError, match=sentence):
        pretrain(documents(60), tiny(tmp_path, **changes))
    assert not (tmp_path / "work").exists()


def test_text_of_which_nothing_is_known_is_no_fault_of_a_division(tmp_path: Path) -> None:
    """A batch that predicts nothing moves nothing; where all that judges is unknown, a sentence says so."""
    known = pretrain(documents(60), tiny(tmp_path, steps=2))
    strange = [chr(0x16A0 + number % 70) + " " for number in range(400)]
    texts = ["".join(strange[start : start + 40]) for start in range(0, 400, 40)]
    on = PretrainOptions(
        out=tmp_path / "on", from_model=str(known.folder), steps=2, batch_tokens=16, held_out=0.1, threads=1, precision="float32", work=tmp_path / "work", length=16
    )
    with pytest.raises(InputError, match=r"The text to judge by must hold a piece that can be predicted; all that are held out are unknown"):
        pretrain(texts, on)


def test_short_sequences_one_at_a_time_have_something_to_predict(tmp_path: Path) -> None:
    """As XLNet chooses its targets by chance."""
    assert pretrain(documents(60), tiny(tmp_path, objective="plm", length=8, batch_tokens=8, steps=40)).facts.steps == 40
