"""Windows: long texts cut between words, whole, and averaged by hand."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from backbones_tiny import byte_pairs, wordpiece
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import models, processors

from ringsmith.backbones import Backbone, Tokeniser, encode
from ringsmith.backbones.windows import MOST_WINDOWS, cut_between_words, encode_windows, split_long

TEN = Tokeniser(wordpiece(), max_tokens=12, pad_id=0, empty_id=1, types=True, vocabulary=1_000)
"""Room for ten tokens and two special ones."""


def with_blanks(room: int, *, trimmed: bool) -> Tokeniser:
    """GPT-2's way, " the" and " cat" being words; or RoBERTa's, which leaves the blank out where it says which characters a token stands for."""
    hf = byte_pairs(template=False)
    pieces = hf.get_vocab()
    merges = [pair for word in ("the", "cat") for pair in ((("Ġ" + word)[:size], word[size - 1]) for size in range(1, len(word) + 1))]
    merged = {token: len(pieces) + number for number, token in enumerate(dict.fromkeys("".join(pair) for pair in merges))}
    hf.backend_tokenizer.model = models.BPE(pieces | merged, merges)
    hf.backend_tokenizer.post_processor = processors.ByteLevel(trim_offsets=trimmed)
    return Tokeniser(hf, max_tokens=room, pad_id=0, empty_id=0, types=False, vocabulary=1_000)


@given(st.lists(st.sampled_from(["the", "cat", "sat", "no", "xyz", "é", "\U0001f600", "\n"]), max_size=120))
def test_windows_hold_every_token_once(words: list[str]) -> None:
    """The tokens of the windows, one after the other, are those of the text; each window fits; weights are shares of the tokens."""
    text = " ".join(words)
    whole = wordpiece()(text, add_special_tokens=False)["input_ids"]
    windows = split_long(TEN, [text])
    parts = [wordpiece()(part, add_special_tokens=False)["input_ids"] for part in windows.parts]
    assert [token for part in parts for token in part] == whole
    assert max(map(len, parts)) <= 10
    assert not windows.cut[0]
    np.testing.assert_allclose(windows.weights, [len(part) / max(1, len(whole)) for part in parts] if len(parts) > 1 else [1.0], rtol=1e-6)


@given(st.lists(st.sampled_from(["the", "cat", "xyz", "é", "\U0001f600", "\n", " "]), max_size=60), st.sampled_from(["", " "]), st.integers(5, 12), st.booleans())
def test_windows_fit_where_blanks_belong_to_words(words: list[str], between: str, room: int, trimmed: bool) -> None:
    """GPT-2 reads " the" as one token and "the" as three, and an emoji as four: every window fits, and what is in none is told."""
    text = between.join(words)
    windows = split_long(with_blanks(room, trimmed=trimmed), [text])
    alone = with_blanks(room, trimmed=trimmed).hf
    assert all(len(alone(part, add_special_tokens=False)["input_ids"]) <= room for part in windows.parts)
    together = "".join(windows.parts)
    assert text.startswith(together)
    assert together != text if windows.cut[0] else together.rstrip() == text.rstrip()


@pytest.mark.parametrize("trimmed", [True, False])
def test_a_blank_stays_with_its_word(trimmed: bool) -> None:
    """So the windows have the tokens of the text: " cat" is one, "cat" would be three."""
    windows = split_long(with_blanks(5, trimmed=trimmed), [" the cat" * 6])
    assert windows.parts == [" the cat the cat", " the cat the cat", " the cat the cat"]
    np.testing.assert_allclose(windows.weights, [1 / 3] * 3)


def test_a_character_over_the_room_is_told() -> None:
    """Of an emoji of four tokens a model of three does not see everything."""
    windows = split_long(with_blanks(3, trimmed=True), ["the cat \U0001f600 the cat"])
    assert windows.cut[0]


@given(st.lists(st.integers(1, 9), min_size=1, max_size=40), st.integers(1, 12))
def test_spans_cover_everything_and_end_between_words(sizes: list[int], room: int) -> None:
    """One after the other, none over the room; a span ends within a word only if that word is longer than the room."""
    words = [number for number, size in enumerate(sizes) for _ in range(size)]
    spans = list(cut_between_words(words, room))
    assert [place for first, last in spans for place in range(first, last)] == list(range(len(words)))
    assert all(0 < last - first <= room for first, last in spans)
    assert all(words[last] != words[last - 1] or sizes[words[last]] > room for _, last in spans[:-1])


def test_a_short_text_stays_as_it_is() -> None:
    """Blanks and all: its vector is the one it always had."""
    windows = split_long(TEN, ["  the cat ", ""])
    assert windows.parts == ["  the cat ", ""]
    assert windows.starts.tolist() == [0, 1, 2]
    assert windows.weights.tolist() == [1, 1]


def test_after_sixteen_windows_a_text_is_cut() -> None:
    """170 words fill 16 windows of 10, and the rest is counted as cut; a cell of 10 MB costs no more."""
    windows = split_long(TEN, ["cat " * 170, "cat " * 160, "cat " * 2_500_000])
    assert np.diff(windows.starts).tolist() == [MOST_WINDOWS] * 3
    assert windows.cut.tolist() == [True, False, True]


@pytest.mark.parametrize("family", ["bert", "gpt2", "xlnet"])
def test_a_texts_vector_is_the_mean_of_its_windows(family: str, loaded: Callable[[str], Backbone]) -> None:
    """Each window encoded alone and averaged by its tokens, as it stands in the docstring; a short text has the vector `encode` gives."""
    backbone = loaded(family)
    room = backbone.max_tokens - backbone.tokeniser.hf.backend_tokenizer.num_special_tokens_to_add(False)
    texts = ["the cat sat " * room, "the cat"]
    windows = split_long(backbone.tokeniser, texts)
    assert len(windows.parts) > len(texts)
    found = encode_windows(backbone, windows, cache=False)
    sizes = [len(backbone.tokeniser.hf(part, add_special_tokens=False)["input_ids"]) for part in windows.parts[:-1]]
    alone = [encode(backbone, [part], cache=False)[0] for part in windows.parts[:-1]]
    np.testing.assert_allclose(found[0], np.average(alone, axis=0, weights=sizes), atol=1e-5)
    np.testing.assert_allclose(found[1], encode(backbone, texts[1:], cache=False)[0], atol=1e-5)


def test_no_texts_give_no_vectors(loaded: Callable[[str], Backbone]) -> None:
    """An empty list is answered by an empty array of the right shape."""
    backbone = loaded("bert")
    assert encode_windows(backbone, split_long(backbone.tokeniser, [])).shape == (0, backbone.layers, backbone.hidden)


def test_threads_do_not_cut_each_others_texts() -> None:
    """The Rust tokenizer remembers one way of truncating for all: whole texts and cut ones are read at a time."""
    texts = ["the cat sat on a mat " * n for n in (1, 4, 9)] * 4
    windows, tokens = split_long(TEN, texts), TEN(texts)

    def ask(number: int) -> bool:
        if number % 2:
            return list(split_long(TEN, texts).parts) == list(windows.parts)
        return bool(np.array_equal(TEN(texts).ids, tokens.ids))

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(ask, range(120)))
