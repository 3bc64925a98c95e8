"""Tokens: what the tokenizer makes, cut where the model ends, without padding."""

from __future__ import annotations

import dataclasses
import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import transformers
from backbones_tiny import POSITIONS, wordpiece
from hypothesis import given
from hypothesis import strategies as st

from ringsmith.backbones import Backbone, Tokeniser, encode, load_backbone, pad_batch
from ringsmith.catalogue import inspect_folder
from ringsmith.errors import ModelError


def rows(tokeniser: Tokeniser, texts: list[str], pairs: list[str] | None = None) -> list[list[int]]:
    """Token numbers of each row."""
    tokens = tokeniser(texts, pairs)
    return [tokens.ids[a:b].tolist() for a, b in zip(tokens.starts[:-1], tokens.starts[1:], strict=True)]


WORDPIECE = Tokeniser(wordpiece(), max_tokens=12, pad_id=0, empty_id=1, types=True, vocabulary=1_000)


@given(st.lists(st.text(max_size=40), min_size=1, max_size=4))
def test_the_same_as_the_tokenizers_own_call(texts: list[str]) -> None:
    """Whatever the text, the numbers are those of transformers' call with truncation, and `cut` says whether anything was lost."""
    plain = wordpiece()
    assert rows(WORDPIECE, texts) == plain(texts, truncation=True, max_length=12)["input_ids"]
    assert WORDPIECE(texts).cut.tolist() == [len(ids) > 12 for ids in plain(texts)["input_ids"]]


def test_what_the_tokenizer_does_not_know_is_counted() -> None:
    """One piece of two, special ones aside; what ends a text and stands for the unknown as well (GPT-2) says nothing."""
    assert WORDPIECE.unknown_share(WORDPIECE(["the cat", "ร้าน the"])) == 0.25
    assert WORDPIECE.unknown_share(WORDPIECE([])) == 0
    plain = wordpiece()
    plain.unk_token = plain.sep_token
    assert dataclasses.replace(WORDPIECE, hf=plain).unknown_share(WORDPIECE(["the cat"])) == 0


def test_pairs_have_two_types() -> None:
    """[CLS] the cat [SEP] no [SEP]: the second text and its end are of type 1."""
    tokens = WORDPIECE(["the cat"], ["no"])
    assert tokens.types is not None
    assert tokens.types.tolist() == [0, 0, 0, 0, 1, 1]


def test_a_cell_of_ten_megabytes_is_cheap() -> None:
    """A text far beyond the limit is cut before it is tokenised: the same numbers, counted as cut, in a moment."""
    started = time.perf_counter()
    tokens = WORDPIECE(["cat " * 2_500_000])
    assert time.perf_counter() - started < 1
    assert tokens.cut.tolist() == [True]
    assert rows(WORDPIECE, ["cat " * 2_500_000]) == rows(WORDPIECE, ["cat " * 50])


def test_blanks_hide_nothing() -> None:
    """Where the first characters are blanks, the text is read in full."""
    assert rows(WORDPIECE, [" " * 5_000 + "the cat"]) == rows(WORDPIECE, ["the cat"])
    assert WORDPIECE([" " * 5_000 + "the cat"]).cut.tolist() == [False]


def test_padding_on_either_side() -> None:
    """Rows become rectangles; on the right by default, on the left on request."""
    tokens = WORDPIECE(["the cat sat", "no"])
    right, left = pad_batch(tokens, np.array([1, 0]), 0), pad_batch(tokens, np.array([1, 0]), 0, left=True)
    assert right["attention_mask"].tolist() == [[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]
    assert left["attention_mask"].tolist() == [[0, 0, 1, 1, 1], [1, 1, 1, 1, 1]]
    assert right["input_ids"][0, :3].tolist() == left["input_ids"][0, 2:].tolist() == rows(WORDPIECE, ["no"])[0]
    assert right["input_ids"][0, 3:].tolist() == [0, 0]


def test_an_empty_text_is_one_token_where_the_tokenizer_adds_none(loaded: Callable[[str], Backbone]) -> None:
    """GPT-2 makes nothing of an empty text; it stands as one end-of-text token, so that it has a vector."""
    tokeniser = loaded("gpt2").tokeniser
    assert rows(tokeniser, [""]) == [[tokeniser.hf.eos_token_id]]


def test_a_tokenizer_without_padding_gets_one(loaded: Callable[[str], Backbone]) -> None:
    """GPT-2 has no pad token; its end mark fills up, and the mask keeps it out."""
    assert loaded("gpt2").tokeniser.hf.pad_token == "<|endoftext|>"


def test_a_slow_tokenizer_works_alike(tiny: Callable[[str], Path], tmp_path: Path) -> None:
    """ByT5's tokenizer exists in Python only: bytes plus three, an end mark, cut at the limit."""
    folder = shutil.copytree(tiny("t5"), tmp_path / "byt5")
    for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
        (folder / name).unlink(missing_ok=True)
    config = json.loads((folder / "config.json").read_text())
    transformers.T5EncoderModel(transformers.T5Config(**{**config, "vocab_size": 400})).save_pretrained(folder)
    transformers.ByT5Tokenizer().save_pretrained(folder)
    backbone = load_backbone(inspect_folder(folder, name="byt5"), threads=1, precision="float32", max_tokens=6)
    assert not backbone.tokeniser.hf.is_fast
    assert rows(backbone.tokeniser, ["ab", "abcdefgh"]) == [[100, 101, 1], [100, 101, 102, 103, 104, 1]]
    assert backbone.truncated_share(["ab", "abcdefgh"]) == 0.5
    alone, together = encode(backbone, ["ab"], cache=False)[0], encode(backbone, ["abcdefgh", "ab"], cache=False)[1]
    np.testing.assert_allclose(alone, together, atol=2e-5)


def test_a_tokenizer_that_knows_more_than_the_model_is_refused() -> None:
    """Token numbers beyond the embeddings would crash the forward, or worse on a GPU."""
    with pytest.raises(ModelError, match=r"do not belong together: the tokenizer made token \d+, and the model knows 5 tokens"):
        dataclasses.replace(WORDPIECE, vocabulary=5)(["the cat"])


def test_saved_tokenizers_load_again(tmp_path: Path) -> None:
    """What `save` writes, AutoTokenizer reads, and it does not truncate behind the caller's back."""
    WORDPIECE(["cat"])
    WORDPIECE.save(tmp_path)
    again = transformers.AutoTokenizer.from_pretrained(tmp_path)
    assert len(again("cat " * 50)["input_ids"]) == POSITIONS + 12
