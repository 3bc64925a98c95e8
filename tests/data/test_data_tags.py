"""Words with a tag each are no texts with labels."""

from __future__ import annotations

from typing import Any

import pytest
from data_tables import Write

from ringsmith.data.predictions import read_texts
from ringsmith.data.read import read_table
from ringsmith.errors import LabelError, ReadError

WORDS = [("Rome", "B-place"), ("is", "O"), ("old", "O"), (".", "O"), ("", ""), ("New", "B-place"), ("York", "I-place"), ("is", "O"), ("not", "O"), (".", "O")] * 10
UNIVERSAL = "# text = Rome is old\n1\tRome\tRome\tPROPN\tNNP\t_\t3\tnsubj\t_\t_\n2\tis\tbe\tAUX\tVBZ\t_\t3\tcop\t_\t_\n3\told\told\tADJ\tJJ\t_\t0\troot\t_\t_\n\n"


@pytest.mark.parametrize(
    ("name", "content", "first"),
    [
        ("train.txt", "".join(f"{word}\t{tag}\n" for word, tag in WORDS), r"train\.txt:1: .* \('Rome', 'B-place'\)"),
        (
            "blanks.txt",
            "-DOCSTART- -X- -X- O\n" + "".join(f"{word} NN I-NP {tag}\n" if word else "\n" for word, tag in WORDS),
            r"blanks\.txt:1: .* \('-DOCSTART-', '-X-', '-X-', 'O'\)",
        ),
        ("first.tsv", "".join(f"{tag}\t{word}\n" for word, tag in WORDS), r"first\.tsv:1: .* \('B-place', 'Rome'\)"),
        ("universal.txt", UNIVERSAL * 3, r"universal\.txt:2: .* \('1', 'Rome', 'Rome', 'PROPN' and 6 more\)"),
        ("classes.conll", "Rome PROPN\nis AUX\n\nParis PROPN\nsleeps VERB\n", r"classes\.conll:1: .* \('Rome', 'PROPN'\)"),
    ],
)
def test_files_of_words_are_told_by_their_lines_or_their_name(write: Write, name: str, content: str, first: str) -> None:
    """CoNLL-2003, its tags first, CoNLL-U; to learn from and to predict. A table of one-word texts was learnt from."""
    path = write(name, content)
    sentence = first.replace(".*", "a row must be a whole text; each line here is one word with its tags") + r"\. Sequence labelling is no task yet: write one row for each text"
    with pytest.raises(ReadError, match=sentence):
        read_table(path)
    with pytest.raises(ReadError, match=sentence):
        read_texts(path)


@pytest.mark.parametrize(
    "rows",
    [
        {"word": [word for word, _ in WORDS], "tag": [tag for _, tag in WORDS]},
        {"sentence": ["Rome is old", "York is not", "so it is"], "ner_tags": [["B-place", "O", "O"], ["B-place", "O", "O"], ["O", "O", "O"]]},
    ],
)
def test_a_column_of_tags_holds_no_labels(rows: dict[str, Any]) -> None:
    """Whatever the format: a tag a row, or the tags of a sentence as a list, which looks like several labels."""
    with pytest.raises(LabelError, match=r"a label must be one of a whole text; the column '.*tags?' holds tags of words \('O', 'B-place'.*or name another column with --label\."):
        read_table(rows, text=next(iter(rows)), label=list(rows)[1])


@pytest.mark.parametrize("labels", [("O", "A", "B"), ("B-flat", "E-flat", "B-flat"), ("O-pos", "B-neg", "O-neg")])
def test_classes_that_look_a_little_like_tags_are_classes(write: Write, labels: tuple[str, ...]) -> None:
    """Groups of blood, keys; and a table of ten columns that begins with numbers."""
    assert read_table([(f"text number {number}", label) for number, label in enumerate(labels * 3)]).texts.labels == list(labels * 3)
    numbered = "".join(f"{number}\tthe text of row {number}\t{'yn'[number % 2]}\t" + "\t".join("abcdefg") + "\n" for number in range(20))
    assert len(read_table(write("numbered.tsv", numbered), text="2", label="3").texts) == 20
