"""Which pieces are hidden and by what: the statistics of the masks."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from ringsmith.errors import OptionError
from ringsmith.pretrain.objective import IGNORED
from ringsmith.pretrain.objectives.masks import Hidden, MaskRules, draw_anew, draw_by_copy, hide
from ringsmith.pretrain.pieces import Pieces

PIECES = Pieces(200, 0, 1, 2, 3, (0, 1, 2, 3), np.arange(200) % 3 == 0, (1,), (2,))
N, LENGTH = 500, 64


def some_rows(seed: int = 0) -> np.ndarray:
    """Sequences that begin with 1 and end with 2, some with another 2 within; every third piece begins a word."""
    rows = np.random.default_rng(seed).integers(4, 200, size=(N, LENGTH))
    rows[:, 0], rows[:, -1] = 1, 2
    rows[::2, 20] = 2
    return rows


def hidden_by(rules: MaskRules, seed: int = 0) -> tuple[np.ndarray, Hidden]:
    """The rows, and the same with pieces hidden."""
    rows = some_rows(seed)
    return rows, hide(rows, PIECES, rules, draw_anew(rows, np.random.default_rng(seed)))


def within(seen: float, share: float, trials: int) -> bool:
    """Whether a share is within four standard errors of a binomial."""
    return bool(abs(seen - share) < 4 * np.sqrt(share * (1 - share) / trials))


def test_a_sequence_predicts_its_share_of_the_text() -> None:
    """Exactly, rounded; and what is predicted is what stood there."""
    rows, hidden = hidden_by(MaskRules())
    text = (rows > 3).sum(1)
    assert ((hidden.labels != IGNORED).sum(1) == np.rint(0.15 * text)).all()
    there = hidden.labels != IGNORED
    assert (np.take_along_axis(rows, hidden.places, 1) == hidden.labels)[there].all()
    assert all(len(set(places[seen])) == seen.sum() for places, seen in zip(hidden.places, there, strict=True))


def test_special_pieces_are_never_predicted_and_never_put_in() -> None:
    """Nor touched."""
    rows, hidden = hidden_by(MaskRules(share=0.5, masked=0.2, replaced=0.8))
    assert (hidden.labels[hidden.labels != IGNORED] > 3).all()
    assert (hidden.inputs == rows)[rows <= 3].all()
    assert set(hidden.inputs[(hidden.inputs != rows) & (hidden.inputs <= 3)]) == {3}


def test_eighty_ten_ten() -> None:
    """Within what chance allows; a piece drawn at random may be the same one, one time in 196."""
    rows, hidden = hidden_by(MaskRules())
    there = hidden.labels != IGNORED
    seen = np.take_along_axis(hidden.inputs, hidden.places, 1)[there]
    stood = hidden.labels[there]
    n = len(seen)
    assert within(float((seen == 3).mean()), 0.8, n)
    assert within(float(((seen != 3) & (seen != stood)).mean()), 0.1 * 195 / 196, n)
    assert within(float((seen == stood).mean()), 0.1 + 0.1 / 196, n)
    changed = hidden.inputs != rows
    assert (changed.sum(1) <= there.sum(1)).all()


def test_what_replaces_is_any_piece_of_text_alike() -> None:
    """A chi-square over the 196 of them, four standard deviations wide."""
    hidden = hidden_by(MaskRules(share=0.9, masked=0.0, replaced=1.0))[1]
    there = hidden.labels != IGNORED
    counts = np.bincount(np.take_along_axis(hidden.inputs, hidden.places, 1)[there], minlength=200)[4:]
    expected = counts.sum() / 196
    assert abs(((counts - expected) ** 2 / expected).sum() - 195) < 4 * np.sqrt(2 * 195)


def test_every_place_is_predicted_alike() -> None:
    """Of the 62 that hold text."""
    rows = np.full((4_000, LENGTH), 9)
    rows[:, 0], rows[:, -1] = 1, 2
    hidden = hide(rows, PIECES, MaskRules(), draw_anew(rows, np.random.default_rng(0)))
    counts = np.bincount(hidden.places.ravel(), minlength=LENGTH)
    share = counts[1:-1] / 4_000
    assert counts[0] == counts[-1] == 0
    assert (np.abs(share - 9 / 62) < 4.5 * np.sqrt(9 / 62 * 53 / 62 / 4_000)).all()


def words_of(row: np.ndarray) -> list[list[int]]:
    """Places of each word, slowly: a word ends where the next begins, and at special pieces."""
    words: list[list[int]] = []
    for place, piece in enumerate(row):
        if piece <= 3:
            words.append([])
        elif PIECES.begins_word[piece] or not words or not words[-1]:
            words.append([place])
        else:
            words[-1].append(place)
    return [word for word in words if word]


def test_words_are_hidden_whole() -> None:
    """All pieces or none; as many as the share, and no more than the last word's beyond it."""
    rows, hidden = hidden_by(MaskRules(whole_words=True))
    excess = []
    for row, places, labels in zip(rows, hidden.places, hidden.labels, strict=True):
        chosen = {int(place) for place in places[labels != IGNORED]}
        words = words_of(row)
        whole = [word for word in words if set(word) <= chosen]
        assert sum(map(len, whole)) == len(chosen)
        excess.append(len(chosen) - np.rint(0.15 * (row > 3).sum()))
        assert 0 <= excess[-1] < max(map(len, whole))
    assert np.mean(excess) < 3


def test_a_row_without_text_predicts_nothing() -> None:
    """And one with a single piece predicts that one."""
    rows = np.full((2, 8), 2)
    rows[1, 3] = 50
    for whole_words in (False, True):
        hidden = hide(rows, PIECES, MaskRules(whole_words=whole_words), draw_anew(rows, np.random.default_rng(0)))
        assert hidden.labels.tolist() == [[IGNORED], [50]]
        assert hidden.places.tolist() == [[0], [3]]


def test_copies_are_drawn_alike_and_hang_on_the_row_alone() -> None:
    """Where a row stands in a batch, and what stands beside it, plays no part."""
    rows = some_rows()
    draws = draw_by_copy(rows, np.random.default_rng(0), 1)
    assert draws.shape == (3, N, LENGTH)
    assert np.array_equal(draws[:, 7:9], draw_by_copy(rows[7:9], np.random.default_rng(5), 1))
    many = draw_by_copy(np.repeat(rows[:1], 5_000, axis=0), np.random.default_rng(0), 5)
    counts = Counter(many[0, :, 0].tolist())
    assert len(counts) == 5
    assert all(within(count / 5_000, 0.2, 5_000) for count in counts.values())


def test_numbers_of_copies_have_no_pattern() -> None:
    """Even, and without correlation from place to place, from stream to stream, and between rows that differ in one piece."""
    rows = some_rows()
    rows[1::2] = rows[::2]
    rows[1::2, 33] += 1
    draws = draw_by_copy(rows, np.random.default_rng(0), 10)
    assert 0 <= draws.min() < draws.max() < 1
    histogram = np.histogram(draws, bins=50)[0]
    expected = draws.size / 50
    assert ((histogram - expected) ** 2 / expected).sum() < 49 + 4 * np.sqrt(98)
    bound = 4 / np.sqrt(N * LENGTH)
    for one, other in ((draws[0, :, :-1], draws[0, :, 1:]), (draws[0], draws[1]), (draws[1], draws[2])):
        assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < bound
    assert abs(np.corrcoef(draws[0, ::2].ravel(), draws[0, 1::2].ravel())[0, 1]) < 0.15  # one pair in ten draws the same copy of another row


def test_rules_out_of_bounds_are_refused() -> None:
    """Shares are shares, and no more than all can be hidden or replaced."""
    with pytest.raises(OptionError, match=r"'share' must be above 0 and below 1; got 0\."):
        MaskRules(share=0.0)
    with pytest.raises(OptionError, match=r"'replaced' must be at least 0, and with 'masked' at most 1; got 0\.4\."):
        MaskRules(masked=0.8, replaced=0.4)
