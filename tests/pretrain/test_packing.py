"""Sequences without padding: every piece in its place, documents kept apart where they must be, epochs that visit all and can be entered anywhere."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringsmith.errors import InputError
from ringsmith.pretrain.packing import LONG_ENOUGH, divide, note_of_judge, pack, shuffled, within_documents
from ringsmith.pretrain.pieces import Pieces
from ringsmith.pretrain.tokenfile import Counts, MadeFrom, Stretch, TokenFile

END = 3
PIECES = Pieces(100, 0, 2, END, 4, (0, 1, 2, 3, 4), np.ones(100, bool), before=(2,), after=(3,))


def stretch(sizes: list[int]) -> Stretch:
    """Documents of so many pieces each, numbered on from 10, and each one's end."""
    tokens, starts, number = list[int](), [0], 10
    for size in sizes:
        tokens += [*range(number, number + size), END]
        number += size
        starts.append(len(tokens))
    return Stretch(np.array(tokens, np.int32), np.array(starts, np.int64))


def as_file(train: Stretch, held_out: Stretch) -> TokenFile:
    """A token file that was never written."""
    tokens = len(train.tokens) + len(held_out.tokens)
    return TokenFile(Path("nowhere"), MadeFrom(None, "", END, 0.1), Counts(len(train.documents) + len(held_out.documents) - 2, tokens, 4 * tokens, 0, 0, ""), train, held_out)


def test_the_stream_is_cut_from_front_to_back() -> None:
    """By hand: documents of 4 and 5 pieces, 4 to a sequence between its special pieces; the last 3 of 11 are left over."""
    rows = pack(stretch([4, 5]), PIECES, 6, crosses_documents=True).rows(np.array([0, 1]))
    assert rows.tolist() == [[2, 10, 11, 12, 13, 3], [2, END, 14, 15, 16, 3]]


def test_sequences_stay_within_their_documents() -> None:
    """By hand: 9 pieces give two sequences of 4 (a rest of one is dropped), 6 give one and, of the rest of two, one more that begins earlier; 3 give none."""
    packed = pack(stretch([9, 6, 3]), PIECES, 6, crosses_documents=False)
    assert packed.rows(np.arange(len(packed)))[:, 1:-1].tolist() == [[10, 11, 12, 13], [14, 15, 16, 17], [19, 20, 21, 22], [21, 22, 23, 24]]


@given(st.lists(st.integers(1, 60), max_size=20), st.integers(2, 12))
def test_no_sequence_leaves_its_document_and_what_is_long_enough_is_covered(sizes: list[int], width: int) -> None:
    """Slowly, piece by piece."""
    made = stretch(sizes)
    starts = within_documents(made.documents, width)
    covered = {place for start in starts.tolist() for place in range(start, start + width)}
    for begin, size in zip(made.documents[:-1].tolist(), sizes, strict=True):
        inside = [place for place in range(begin, begin + size) if place in covered]
        rest = size % width
        expected = 0 if size < width else size if rest >= LONG_ENOUGH * width else size - rest
        assert len(inside) == expected
        assert begin + size not in covered, "the end piece of a document is no part of a sequence"
    assert sorted(starts.tolist()) == starts.tolist()


def test_rows_are_left_alone_and_are_wide_enough() -> None:
    """Numbers of 16 bits come back as int64, fresh every time."""
    made = stretch([40])
    packed = pack(Stretch(made.tokens.astype(np.uint16), made.documents), PIECES, 10, crosses_documents=True)
    rows = packed.rows(np.array([1, 0]))
    assert rows.dtype == np.int64
    rows[:] = 0
    assert packed.rows(np.array([1, 0]))[0, 1] == 18


@given(st.integers(1, 30), st.integers(1, 12), st.integers(0, 3))
def test_every_epoch_visits_every_sequence_once(count: int, at_once: int, seed: int) -> None:
    """All batches have the same size, also across the end of an epoch."""
    batches = list(islice(shuffled(count, at_once, seed, 0), count))
    assert {len(batch) for batch in batches} == {at_once}
    stream = np.concatenate(batches)
    for epoch in range(len(stream) // count):
        assert sorted(stream[epoch * count : (epoch + 1) * count].tolist()) == list(range(count))


@given(st.integers(1, 30), st.integers(1, 40), st.integers(0, 50))
def test_batches_can_be_entered_anywhere(count: int, at_once: int, start: int) -> None:
    """Batch number k is the same whether those before it were made or not."""

    def taken(first: int, number: int) -> list[npt.NDArray[np.int64]]:
        return list(islice(shuffled(count, at_once, 7, first), number))

    for one, other in zip(taken(0, start + 3)[start:], taken(start, 3), strict=True):
        np.testing.assert_array_equal(one, other)


def test_epochs_and_seeds_differ() -> None:
    """Another order in the next epoch, and by another seed."""
    one, two = (np.concatenate(list(islice(shuffled(50, 50, seed, 0), 2))) for seed in (0, 1))
    assert one[:50].tolist() != one[50:].tolist()
    assert one[:50].tolist() != two[:50].tolist()


def test_without_long_documents_to_judge_by_the_last_sequences_judge() -> None:
    """A corpus of one document is divided all the same, and no sequence is on both sides."""
    train, judge = divide(as_file(stretch([400]), stretch([])), PIECES, 10, crosses_documents=True, share=0.1)
    assert (len(train), len(judge)) == (45, 5)
    assert set(train.starts) & set(judge.starts) == set()
    train, judge = divide(as_file(stretch([400]), stretch([30])), PIECES, 10, crosses_documents=True, share=0.1)
    assert (len(train), len(judge)) == (50, 3)


@pytest.mark.parametrize(
    ("sizes", "crosses", "sentence"),
    [
        ([12], True, r"A corpus must hold two sequences of 10 pieces, one to learn from and one to judge by; it holds 13 pieces in 1 document\. Give it more text"),
        ([5] * 30, False, r"two sequences of 10 pieces \(this objective keeps each within one document\); it holds 180 pieces in 30 documents, none of them long enough"),
    ],
)
def test_too_little_text_is_refused(sizes: list[int], crosses: bool, sentence: str) -> None:
    """What it holds and what to do is said."""
    with pytest.raises(InputError, match=sentence):
        divide(as_file(stretch(sizes), stretch([])), PIECES, 10, crosses_documents=crosses, share=0.1)


def test_what_judges_shares_no_piece_with_what_is_learnt() -> None:
    """The last sequence of a document may begin within the one before it, which is left out then."""
    file = as_file(stretch([107]), stretch([]))
    train, judge = divide(file, PIECES, 31, crosses_documents=False, share=0.01)
    assert (train.starts.tolist(), judge.starts.tolist()) == ([0, 29], [78])
    assert note_of_judge(file, judge) == ("No document that is held out is as long as a sequence: 1 sequence at the end of the text judge it.",)
