"""Which column is what: found where it is plain, asked for where it is not."""

from __future__ import annotations

import re
from typing import Any

import polars as pl
import pytest
from data_tables import Write

from ringsmith.data.cells import as_strings
from ringsmith.data.columns import Asked, Columns, find_columns
from ringsmith.data.formats.memory import read_memory
from ringsmith.data.read import read_table
from ringsmith.errors import ColumnError

PROSE = ["the battery is really awful", "I love this phone a lot", "screen broke after a week", "works as it should do", "never again, I tell you", "quite good for the price"]
FEW = ["good", "bad"] * 3


def columns_of(asked: Asked | None = None, /, *, need_labels: bool = True, **columns: list[Any]) -> Columns:
    """The roles found in a table with these columns."""
    return find_columns(read_memory(columns), asked or Asked(), need_labels=need_labels)


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("text", "label"),
        ("reviews", "sentiment"),
        ("document", "label"),
        ("Texto", "Categoría"),
        ("utterance", "intent"),
        ("Review Text", "class"),
        ("문장", "감정"),
        ("v2", "v1"),
        ("column_2", "column_1"),
    ],
)
def test_telling_names_and_telling_contents(text: str, label: str) -> None:
    """In any language, in any case; without telling names by content."""
    found = columns_of(**{"id": [str(i) for i in range(6)], label: FEW, text: PROSE})
    assert (found.text, found.label) == (text, label)


def test_rows_may_be_grouped_by_their_own_text() -> None:
    """Where no other column reads like a text; else the groups are what they always were."""
    texts = ["the phone is good", "the phone is bad", "never again"] * 4
    by_text = columns_of(Asked(group="text"), text=texts, label=[1, 0, 0] * 4)
    assert (by_text.text, by_text.group, by_text.label) == ("text", "text", "label")
    emoji = columns_of(Asked(group="text"), text=["+1", ":)", ":("] * 4, label=[1, 1, 0] * 4)
    assert emoji.text == "text"
    by_document = columns_of(Asked(group="document"), document=texts, sentence=[f"{text} {number}" for number, text in enumerate(texts)], label=[1, 0, 0] * 4)
    assert (by_document.text, by_document.group) == ("sentence", "document")


def test_the_label_may_be_numbers_and_the_id_is_never_the_label() -> None:
    """An id is neither."""
    found = columns_of(id=list(range(6)), document=PROSE, label=[1, 0, 1, 0, 1, 0])
    assert (found.text, found.label) == ("document", "label")


def test_a_label_by_a_weak_name_is_told_where_others_could_be_it() -> None:
    """A column that is called 'label' needs no word; neither does one that is alone."""
    others = {"region": FEW, "channel": FEW[::-1]}
    found = columns_of(comment=PROSE, priority=["high", "low"] * 3, **others)
    assert found.label == "priority"
    assert found.notes == ("Of the columns that could be the label, 'priority' has a usual name and was taken (not 'region', 'channel'); --label names another.",)
    assert columns_of(comment=PROSE, label=["high", "low"] * 3, **others).notes == columns_of(comment=PROSE, priority=FEW).notes == ()


def test_of_several_texts_the_longest_is_taken_and_it_is_said() -> None:
    """A title beside a body."""
    found = columns_of(content=[text[:9] for text in PROSE], body=PROSE, label=FEW)
    assert found.text == "body"
    assert found.notes == ("Of the columns that could be the text, 'body' has the longest texts and was taken (not 'content'); --text names another.",)


def test_two_texts_alike_are_asked_for_with_examples() -> None:
    """Neither name nor content decides."""
    with pytest.raises(
        ColumnError,
        match=r"it must be clear which column is the text; 'a', 'b' could both be it\. Name it with --text; the columns are: 'a' \('the battery is really awful', 'I love",
    ):
        columns_of(a=PROSE, b=PROSE[::-1], label=FEW)


def test_two_possible_labels_are_asked_for() -> None:
    """Two strong names; two contents."""
    with pytest.raises(ColumnError, match="which column is the label; 'sentiment', 'intent' could both be it"):
        columns_of(text=PROSE, sentiment=FEW, intent=["buy", "buy", "sell"] * 2)
    with pytest.raises(ColumnError, match="which column is the label; 'p', 'q' could both be it"):
        columns_of(text=PROSE, p=FEW, q=["buy", "buy", "sell"] * 2)


def test_a_strong_name_beats_a_weak_one() -> None:
    """Category before topic."""
    assert columns_of(text=PROSE, topic=["x", "y", "x"] * 2, category=FEW).label == "category"


def test_the_subject_of_a_letter_is_no_label() -> None:
    """Beside the body of an e-mail it is a headline; beside any other text it may be the label."""
    with pytest.raises(ColumnError, match="which column is the label; 'agent', 'queue' could both be it"):
        columns_of(subject=["Help", "Help", "Refund"] * 2, body=PROSE, agent=FEW, queue=["it", "it", "sales"] * 2)
    assert columns_of(Subject=["Help", "Help", "Refund"] * 2, Message=PROSE, queue=FEW).label == "queue"
    assert columns_of(subject=["maths", "maths", "arts"] * 2, text=PROSE, other=FEW).label == "subject"


def test_an_answer_in_prose_is_no_label_where_another_column_has_a_weak_name() -> None:
    """The table of a help desk: what was answered reads like a text."""
    assert columns_of(text=PROSE, answer=PROSE[::-1], type=FEW).label == "type"


def test_telling_words_inside_names() -> None:
    """airline_sentiment and reviewText; a name as a whole goes first."""
    found = columns_of(airline_sentiment=FEW, reviewText=PROSE, summary=PROSE[::-1])
    assert (found.text, found.label) == ("reviewText", "airline_sentiment")
    assert columns_of(airline_sentiment=FEW, text=PROSE, label=["x", "x", "y"] * 2).label == "label"


def test_long_tables_are_listed_in_part() -> None:
    """A sentence, not a page."""
    with pytest.raises(ColumnError, match=r"; and 6 more\.$"):
        columns_of(**{f"c{i}": PROSE for i in range(26)})


def test_of_very_many_columns_the_likeliest_are_shown_first() -> None:
    """Those that are filled throughout and have the fewest values: not the noise before them, whose order says nothing."""
    noise: dict[str, list[Any]] = {f"field {number}": [None, "x", "y", None, "x", "y"] for number in range(55)}
    said = r"; 'queue', 'field 0', 'field 1', 'field 2' and 52 more could all be it\. .* the columns are: 'queue' \('good', 'bad'\); 'field 0' .*; and 37 more"
    with pytest.raises(ColumnError, match=said):
        columns_of(text=PROSE, **noise, queue=FEW)
    with pytest.raises(ColumnError, match=r"there is none called 'tetx'\. Did you mean 'text'\? The columns are: 'text', 'field 0', .*'field 18' and 37 more\.$"):
        columns_of(Asked(text="tetx"), text=PROSE, **noise, queue=FEW)


def test_a_number_and_its_name_are_one_label() -> None:
    """Label and label_text say the same: the words are taken, and it is said."""
    found = columns_of(text=PROSE, label=[1, 0] * 3, label_text=FEW)
    assert found.label == "label_text"
    assert found.notes == ("The columns 'label', 'label_text' say the same; 'label_text' was taken as the label.",)


def test_named_columns_are_taken_as_named() -> None:
    """By name, by name in another case, by number."""
    for name in ("Summary", "summary", "1"):
        assert columns_of(Asked(text=name, label="tag"), Summary=PROSE, text=PROSE[::-1], tag=FEW, label=FEW).text == "Summary"


def test_an_unknown_name_offers_the_nearest() -> None:
    """And lists all."""
    with pytest.raises(ColumnError, match=r"--label must name a column; there is none called 'sentimnt'\. Did you mean 'sentiment'\? The columns are: 'text', 'sentiment'\."):
        columns_of(Asked(label="sentimnt"), text=PROSE, sentiment=FEW)


def test_pairs_are_found_by_their_names_only() -> None:
    """Premise and hypothesis belong together; two other texts do not."""
    found = columns_of(premise=PROSE, hypothesis=PROSE[::-1], label=FEW)
    assert (found.text, found.pair) == ("premise", "hypothesis")
    assert columns_of(Asked(text="a", pair="b"), a=PROSE, b=PROSE, label=FEW).pair == "b"


def test_a_split_column_is_followed_only_if_all_its_values_name_splits() -> None:
    """``split`` with north and south is a column like any other."""
    assert columns_of(text=PROSE, label=FEW, split=["train", "dev", "test"] * 2).split == "split"
    assert columns_of(text=PROSE, label=FEW, split=["north", "south", "test"] * 2).split is None


def test_a_slip_in_a_split_column_is_told_with_its_place(write: Write) -> None:
    """Named it is refused; found it is passed over, which once turned a given split into a random one without a word; a column of regions is no slip."""
    rows = [f"{text.replace(',', '')} {number},{'ab'[number % 2]},{('train', 'train', 'tset')[number % 3]}" for number, text in enumerate(PROSE)]
    path = write("t.csv", "\n".join(["text,label,split", *rows]) + "\n")
    slip = r"'tset' \(2 rows, first: line 4; did you mean 'test'\?\)"
    with pytest.raises(
        ColumnError, match=rf"t\.csv: a split column must name each row's split \(train, valid or test\); 'split' \(--split\) holds {slip}\. Mend the rows, or leave --split out\."
    ):
        read_table(path, split="split")
    table = read_table(path)
    assert (table.split_names, len(table.findings.notes)) == (None, 1)
    assert re.fullmatch(rf"The column 'split' is not followed as the split, for it holds {slip}\. Mend it if it is meant\.", table.findings.notes[0])
    assert columns_of(text=PROSE, label=FEW, split=["train"] * 6).notes == ("The column 'split' is not followed as the split, for it names 'train' only.",)
    assert columns_of(text=PROSE, label=FEW, split=["north", "south", "south"] * 2).notes == ()


def test_a_column_that_names_no_splits_is_refused_as_the_split() -> None:
    """Before anyone asks which column is the text."""
    with pytest.raises(
        ColumnError, match=r"memory: a split column must name each row's split .*; 'text' \(--split\) holds 'the battery is really awful' \(1 row, first: row 1\), .* and 3 more\."
    ):
        columns_of(Asked(split="text"), text=PROSE, label=FEW)
    with pytest.raises(ColumnError, match=r"'part' \(--split\) holds nothing"):
        columns_of(Asked(split="part"), text=PROSE, label=FEW, part=[""] * 6)


def test_a_text_column_full_of_numbers_is_refused() -> None:
    """Named or found."""
    with pytest.raises(ColumnError, match=r"the text column must hold texts; --text names 'n', which holds numbers \(10, 11\)"):
        columns_of(Asked(text="n"), n=[str(i) for i in range(10, 16)], text=PROSE, label=FEW)
    with pytest.raises(ColumnError, match="the text column must hold texts; the text column would be 'text', which holds numbers"):
        columns_of(text=[i * 1.5 for i in range(6)], label=FEW)


def test_one_column_is_not_enough_for_training_and_enough_for_prediction(write: Write) -> None:
    """In a file the delimiter may be wrong, says the sentence."""
    with pytest.raises(ColumnError, match=r"a text column and a label column are needed; the table has one column, 'text' \(.*Add the labels\.$"):
        columns_of(text=PROSE)
    with pytest.raises(ColumnError, match=r"Add the labels, or check the delimiter \(--delimiter\)\.$"):
        read_table(write("t.csv", "".join(f"{text}\n" for text in ("text", *PROSE))))
    assert columns_of(need_labels=False, text=PROSE).text == "text"


def test_one_column_has_one_role() -> None:
    """The text cannot be the label."""
    with pytest.raises(ColumnError, match="a column can have one role; 'text' would be --text and --label"):
        columns_of(Asked(text="text", label="text"), text=PROSE, other=FEW)


def test_whole_numbers_beyond_64_bits_stay_values() -> None:
    """They became empty cells; those that fit lose their point, as before."""
    assert as_strings(pl.Series([1.0, None, float("nan"), 2.0])).to_list() == ["1", None, None, "2"]
    large = as_strings(pl.Series([1e19, None, 1.0])).to_list()
    assert [cell and float(cell) for cell in large] == [1e19, None, 1.0]
    assert as_strings(pl.Series([float("inf"), 1.5])).to_list() == ["inf", "1.5"]
