"""Words with a tag each, which are no texts with labels: told by how they look, and refused.

Read as a table they would be texts of one word, and a model of them a model of single words. That is sequence labelling (CoNLL-2003, CoNLL-U, columns
or lists of ``B-``, ``I-`` and ``O``), which is no task yet.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ringsmith._wording import first_of
from ringsmith.data.names import shorten
from ringsmith.data.source import Source
from ringsmith.errors import LabelError, ReadError
from ringsmith.records import Label

SUFFIXES = (".conll", ".conllu", ".conllx", ".iob", ".iob2", ".bio")
"""Files that are called so hold words, whatever their columns are."""
TAG = re.compile(r"O|[BIESLUM]-\S+")
UNIVERSAL = re.compile(r"\d+([-.]\d+)?\t[^\t]+\t[^\t]+\t([A-Z]+|_)\t[^\t]+\t[^\t]+\t(\d+|_)\t[^\t]+\t[^\t]+\t[^\t]+")
"""A line of CoNLL-U: number, word, lemma, class of the word, ..., number of the word it hangs on, ..."""
SAMPLE = 1 << 16
NEARLY_ALL = 0.98
WAY_OUT = "Sequence labelling is no task yet: write one row for each text, with one label for the whole of it"


def refuse_words(source: Source, content: bytes) -> None:
    """Raise where each line of `content` (UTF-8) is a word with its tags.

    Raises:
        ReadError: the file's name says so, or nearly all of its first lines do.
    """
    lines = content[:SAMPLE].decode("utf-8", errors="ignore").split("\n")[: None if len(content) <= SAMPLE else -1]
    rows = [(number, _cells(line)) for number, line in enumerate(lines, start=1) if line.strip() and not line.startswith("# ")]
    if rows and (source.suffix in SUFFIXES or are_words([cells for _, cells in rows])):
        number, cells = rows[0]
        raise ReadError(f"{source.name}:{number}: a row must be a whole text; each line here is one word with its tags ({first_of(map(repr, map(shorten, cells)), 4)}). {WAY_OUT}.")


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in (line.split("\t") if "\t" in line else line.split())]


def are_words(rows: Sequence[Sequence[str]]) -> bool:
    """Whether nearly all of these rows are words with a tag at one end, or lines of CoNLL-U.

    Examples:
        >>> are_words([["Rome", "B-place"], ["is", "O"]]), are_words([["Rome is old", "place"], ["O", "letter"]])
        (True, False)
    """
    most = NEARLY_ALL * len(rows)
    tags = [[row[end] for row in rows if len(row) > 1 and TAG.fullmatch(row[end])] for end in (-1, 0)]
    return any(len(found) >= most and are_tags(found) for found in tags) or sum(UNIVERSAL.fullmatch("\t".join(row)) is not None for row in rows) >= most


def are_tags(found: Iterable[str]) -> bool:
    """Whether these are tags of words: ``O`` for those outside, others for those at the beginning or within.

    Examples:
        >>> are_tags(["O", "B-place", "I-place"]), are_tags(["O", "A", "B"]), are_tags(["B-flat", "E-flat"])
        (True, False, False)
    """
    different = set(found)
    return "O" in different and len(different) > 1 and all(map(TAG.fullmatch, different))


def refuse_tags(place: str, column: str, labels: Sequence[Label]) -> None:
    """Raise where the labels of a column, or those in its lists, are tags of words.

    Raises:
        LabelError: they are.
    """
    names = {name for label in set(labels) for name in ((label,) if isinstance(label, str) else label)} - {""}
    if are_tags(names):
        shown = first_of(map(repr, sorted(names, key=lambda name: (name != "O", name))), 3)
        raise LabelError(f"{place}: a label must be one of a whole text; the column {column!r} holds tags of words ({shown}). {WAY_OUT}, or name another column with --label.")
