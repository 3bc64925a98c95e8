"""Rollout against a slow twin, patterns of heads against made-up heads, and the record there and back."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from ringsmith.catalogue import LocalModel, resolve
from ringsmith.errors import InputError
from ringsmith.inspection import Inspection
from ringsmith.visible.asked import check_text
from ringsmith.visible.look import inspect_text
from ringsmith.visible.patterns import describe_head, describe_heads, is_causal
from ringsmith.visible.rollout import roll_out

Array = npt.NDArray[np.float32]
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "cat", "sat", "on", "mat", "##s"]


def drawn(*shape: int, causal: bool = False) -> Array:
    """Random attention: rows that sum to one."""
    weights = np.random.default_rng(0).random(shape)
    weights = np.tril(weights) if causal else weights
    return np.asarray(weights / weights.sum(-1, keepdims=True), dtype=np.float32)


@pytest.mark.parametrize("causal", [False, True])
def test_rollout_is_the_sum_over_all_paths(causal: bool) -> None:
    """Token by token through every layer: the flow along each path is the product of its edges (Abnar and Zuidema, 2020)."""
    attention = drawn(3, 4, 5, 5, causal=causal)
    edges = [[[0.5 * float(np.mean([head[i][j] for head in layer])) + 0.5 * (i == j) for j in range(5)] for i in range(5)] for layer in attention]

    def flow(layer: int, top: int, bottom: int) -> float:
        if layer == 0:
            return float(top == bottom)
        return sum(edges[layer - 1][top][middle] * flow(layer - 1, middle, bottom) for middle in range(5))

    expected = [[flow(3, top, bottom) for bottom in range(5)] for top in range(5)]
    np.testing.assert_allclose(roll_out(attention), expected, atol=1e-6)
    np.testing.assert_allclose(roll_out(attention).sum(axis=1), 1, atol=1e-6)


def shifted(width: int, by: int) -> Array:
    """A head that looks at the token `by` places on; rows without one look at themselves."""
    weights = np.zeros((width, width), dtype=np.float32)
    for row in range(width):
        weights[row, row + by if 0 <= row + by < width else row] = 1
    return weights


def test_heads_are_named_by_what_they_look_at() -> None:
    """Made-up heads of each kind."""
    width, special = 8, [True, False, False, False, True, False, False, True]
    to_first, to_separators = np.zeros((width, width), dtype=np.float32), np.zeros((width, width), dtype=np.float32)
    to_first[:, 0] = 1
    to_separators[:, [4, 7]] = 0.5
    mixed = np.zeros((width, width), dtype=np.float32)
    mixed[:, [1, 2, 5]] = 1 / 3
    made = {"previous": shifted(width, -1), "next": shifted(width, 1), "self": shifted(width, 0), "first": to_first, "separator": to_separators, "mixed": mixed}
    made["broad"] = np.full((width, width), 1 / width, dtype=np.float32)
    found = {name: describe_head(weights, special=special) for name, weights in made.items()}
    assert {name: head.pattern for name, head in found.items()} == {name: name for name in made}
    assert [found[name].share for name in ("previous", "next", "self", "first", "separator", "broad")] == pytest.approx([1] * 6)
    assert found["mixed"].entropy == pytest.approx(np.log(3) / np.log(8))


def test_a_causal_head_is_judged_by_what_it_may_see() -> None:
    """Even attention over what stands before is broad; the first row, which has no choice, does not count."""
    even = np.tril(np.ones((6, 6)))
    even = np.asarray(even / even.sum(-1, keepdims=True), dtype=np.float32)
    assert is_causal(even[None, None])
    head = describe_heads(even[None, None], special=[False] * 6)[0]
    assert (head.pattern, head.entropy) == ("broad", pytest.approx(1))
    assert head.first == pytest.approx(np.mean([1 / n for n in range(2, 7)]), abs=1e-5)
    assert describe_head(np.ones((1, 1), dtype=np.float32), special=[False]).pattern == "self"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny masked BERT."""
    place = tmp_path_factory.mktemp("bert")
    tokenizer = Tokenizer(models.WordPiece({piece: number for number, piece in enumerate(VOCABULARY)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    special = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special).save_pretrained(place)
    torch.manual_seed(0)
    shape = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32, "max_position_embeddings": 12}
    transformers.BertForMaskedLM(transformers.BertConfig(vocab_size=len(VOCABULARY), **shape)).save_pretrained(place)  # type: ignore[arg-type]
    return place


def test_everything_is_in_the_record_and_comes_back_from_json(folder: Path) -> None:
    """Tokens with their words, shapes, heads, predictions; four decimals of each weight."""
    found = inspect_text(resolve(str(folder)), "the cats sat", "on the mat", threads=1)
    assert [token.piece for token in found.tokens] == ["[CLS]", "the", "cat", "##s", "sat", "[SEP]", "on", "the", "mat", "[SEP]"]
    assert [token.begins_word for token in found.tokens] == [True, True, True, False, True, True, True, True, True, True]
    assert [token.second for token in found.tokens if not token.special] == [False] * 4 + [True] * 3
    assert [(shape.name.split(",")[0], shape.sizes) for shape in found.shapes] == [
        ("token numbers", (1, 10)),
        ("hidden states", (1, 10, 16)),
        ("attention", (1, 2, 10, 10)),
        ("logits", (1, 10, 11)),
    ]
    assert found.shapes[-1].axes == ("batch", "sequence", "vocabulary")
    assert (found.layers, len(found.heads), len(found.guesses), found.causal, found.reader) == (2, 4, 7, False, 0)
    back = Inspection.from_json(json.loads(json.dumps(found.to_json())))
    assert all(getattr(back, name) == getattr(found, name) for name in ("tokens", "places", "shapes", "heads", "guesses", "cut", "tied", "notes", "labels"))
    np.testing.assert_allclose(back.attention, found.attention, atol=6e-5)
    np.testing.assert_allclose(back.rollout, found.rollout, atol=6e-5)


def test_perplexity_is_that_of_plain_transformers(folder: Path, tmp_path: Path) -> None:
    """Of a causal model e to the loss that transformers gives."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    tokenizer.save_pretrained(tmp_path)
    torch.manual_seed(0)
    plain = transformers.GPT2LMHeadModel(transformers.GPT2Config(vocab_size=len(VOCABULARY), n_embd=16, n_layer=2, n_head=2, n_positions=12, bos_token_id=2, eos_token_id=3)).eval()
    plain.save_pretrained(tmp_path)
    ids = tokenizer("the cat sat on the mat", return_tensors="pt")["input_ids"]
    with torch.no_grad():
        loss = plain(input_ids=ids, labels=ids).loss.item()
    assert inspect_text(resolve(str(tmp_path)), "the cat sat on the mat", threads=1).perplexity == pytest.approx(math.exp(loss), rel=1e-4)


def test_pseudo_perplexity_is_of_each_token_hidden_in_turn(folder: Path) -> None:
    """Salazar et al. (2020), written out."""
    found = inspect_text(resolve(str(folder)), "the cat sat", threads=1)
    plain, ids = transformers.AutoModelForMaskedLM.from_pretrained(folder).eval(), torch.tensor([[2, 5, 6, 7, 3]])
    chances = []
    for place in (1, 2, 3):
        with torch.no_grad():
            hidden = ids.clone()
            hidden[0, place] = 4
            chances.append(plain(input_ids=hidden).logits[0, place].softmax(-1)[ids[0, place]].item())
    assert found.perplexity == pytest.approx(math.prod(chances) ** (-1 / 3), rel=1e-4)


def saved(module: transformers.PreTrainedModel, folder: Path, template: str = "$A") -> LocalModel:
    """A model with a tokenizer that puts this around a text."""
    tokenizer = Tokenizer(models.WordPiece({piece: number for number, piece in enumerate(VOCABULARY)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(single=template, special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]", mask_token="[MASK]").save_pretrained(folder)
    module.save_pretrained(folder)
    return resolve(str(folder))


def test_a_text_is_read_from_the_class_token_wherever_it_stands(folder: Path, tmp_path: Path) -> None:
    """XLNet's stands last, BERT's first; a causal model reads its last token, whatever stands first."""
    torch.manual_seed(0)
    xlnet = transformers.XLNetLMHeadModel(transformers.XLNetConfig(vocab_size=len(VOCABULARY), d_model=16, n_layer=1, n_head=2, d_inner=32))
    gpt2 = transformers.GPT2Model(transformers.GPT2Config(vocab_size=len(VOCABULARY), n_embd=16, n_layer=1, n_head=2, n_positions=12))
    looks = [
        inspect_text(resolve(str(folder)), "the cat", threads=1),
        inspect_text(saved(xlnet, tmp_path / "xlnet", "$A [SEP] [CLS]"), "the cat", threads=1),
        inspect_text(saved(gpt2, tmp_path / "gpt2", "[CLS] $A"), "the cat", threads=1),
    ]
    assert [(look.tokens[look.reader].piece, look.reader_place, look.causal) for look in looks] == [
        ("[CLS]", "the first token", False),
        ("[CLS]", "the last token", False),
        ("cat", "the last token", True),
    ]


def test_a_causal_model_is_known_by_one_token(tmp_path: Path) -> None:
    """Whose attention on itself tells nothing; a model that sees both ways is not taken for one."""
    gpt2 = transformers.GPT2Model(transformers.GPT2Config(vocab_size=len(VOCABULARY), n_embd=16, n_layer=1, n_head=2, n_positions=12))
    bert = transformers.BertModel(transformers.BertConfig(vocab_size=len(VOCABULARY), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32))
    looks = [inspect_text(saved(module, tmp_path / name), "cat", threads=1) for name, module in (("gpt2", gpt2), ("bert", bert))]
    assert [(len(look.tokens), look.causal) for look in looks] == [(1, True), (1, False)]


def test_what_a_perplexity_is_of_is_said(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the whole text, of as many tokens as were hidden in turn, or of as many as were read."""
    assert inspect_text(resolve(str(folder)), "the cat sat", threads=1).perplexity_of == "this text"
    assert inspect_text(resolve(str(folder)), "the cat sat on the mat the cat sat on the mat", threads=1).perplexity_of == "the first 10 tokens"
    gpt2 = saved(transformers.GPT2LMHeadModel(transformers.GPT2Config(vocab_size=len(VOCABULARY), n_embd=16, n_layer=1, n_head=2, n_positions=12)), tmp_path)
    assert inspect_text(gpt2, "the cat sat on", threads=1).perplexity_of == "this text"
    monkeypatch.setattr("ringsmith.backbones.guesses.MOST_HIDDEN", 2)
    assert inspect_text(resolve(str(folder)), "the cat sat", threads=1).perplexity_of == "the first 2 tokens"


def test_what_was_cut_is_said(folder: Path) -> None:
    """Twelve tokens are read."""
    found = inspect_text(resolve(str(folder)), "the cat sat on the mat the cat sat on the mat", threads=1)
    assert found.notes == ("8 of 45 characters of the text were cut off: 12 tokens are read here.",)
    assert found.cut == (8, 0)


@pytest.mark.parametrize(("text", "pair", "name"), [(" ", None, "TEXT"), ("the", "", "--pair")])
def test_an_empty_text_is_refused(folder: Path, text: str, pair: str | None, name: str) -> None:
    """Before the model is loaded."""
    with pytest.raises(InputError, match=rf"^{name} must hold at least one word; got an empty text\. Write what the model should read\.$"):
        inspect_text(resolve(str(folder)), text, pair)


def test_several_texts_are_refused() -> None:
    """One at a time."""
    with pytest.raises(InputError, match=r"^TEXT must be a string; got list\. Look at one text at a time\.$"):
        check_text(["the bank", "a bank"], None)  # type: ignore[arg-type]
