"""What is shown of a model, held against the formulas: attention from the layer's own weights, parameters against their sum, predictions against a plain pass."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
import transformers
from backbones_tiny import FAMILIES, byte_pairs, unigram, wordpiece
from causal_tiny import make_causal

from ringsmith.backbones.attention import Visible, load_visible, look
from ringsmith.backbones.guesses import expect, labels, replaced
from ringsmith.backbones.parameters import count_places, tied_weights
from ringsmith.catalogue import resolve
from ringsmith.errors import UsageError

TEXT = "The cat sat under the tree."
Array = npt.NDArray[np.float64]


def seen_by(module: Any, tokenizer: Any, folder: Path) -> Visible:
    """Saved and loaded again."""
    for weights in module.parameters():
        torch.nn.init.normal_(weights, std=0.3)
    module.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return load_visible(resolve(str(folder)), threads=1)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_gives_its_attention_and_its_parameters(tmp_path: Path, family: str) -> None:
    """Weights over all tokens that sum to one; parameters that sum to all of them; tokens where they stand in the text."""
    module, tokenizer = FAMILIES[family]()
    visible = seen_by(module, tokenizer, tmp_path)
    texts = ("The cat sat.", "They ran")
    seen = look(visible, *texts)
    width = len(seen.tokens)
    assert seen.attention.shape == (visible.model.layers, 2, width, width)
    np.testing.assert_allclose(seen.attention.sum(-1), 1, atol=1e-5)
    assert seen.hidden == (1, width, 32)
    places = count_places(visible.module)
    assert sum(place.total for place in places) == sum(weights.numel() for weights in visible.module.parameters())
    assert {place.name for place in places} >= {"embeddings", "layer 1"}
    assert all(place.attention and place.feed_forward for place in places if place.name.startswith("layer"))
    assert not any(place.attention or place.feed_forward for place in places if not place.name.startswith("layer"))
    spelt = [texts[token.second][token.start : token.end].strip() for token in seen.tokens if token.start is not None]
    assert "".join(spelt) == "Thecatsat.Theyran"
    assert seen.cut == (0, 0)


def softmax(scores: Array) -> Array:
    """Rows that sum to one."""
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def slow_attention(x: Array, query: tuple[Array, Array], key: tuple[Array, Array], heads: int, *, causal: bool) -> Array:
    """softmax(Q K^T / sqrt(d_k)), a head and a row at a time (Vaswani et al., 2017, equation 1)."""
    q, k = x @ query[0] + query[1], x @ key[0] + key[1]
    width, size = len(x), q.shape[1] // heads
    weights = np.zeros((heads, width, width))
    for head in range(heads):
        part = slice(head * size, (head + 1) * size)
        for row in range(width):
            last = row + 1 if causal else width
            weights[head, row, :last] = softmax(np.array([q[row, part] @ k[column, part] / np.sqrt(size) for column in range(last)]))
    return weights


def double(weights: torch.Tensor) -> Array:
    """As a float64 array."""
    return np.asarray(weights.detach().double().numpy())


def test_what_is_shown_of_bert_is_the_formula(tmp_path: Path) -> None:
    """From each layer's weights and what it was given."""
    visible = seen_by(*FAMILIES["bert"](), tmp_path)
    seen = look(visible, TEXT)
    with torch.inference_mode():
        states = visible.module(**seen.inputs, output_hidden_states=True).hidden_states
    for number, layer in enumerate(visible.module.encoder.layer):
        mine = layer.attention.self
        query, key = ((double(part.weight).T, double(part.bias)) for part in (mine.query, mine.key))
        np.testing.assert_allclose(seen.attention[number], slow_attention(double(states[number][0]), query, key, 2, causal=False), atol=2e-6)


def test_what_is_shown_of_gpt2_is_the_formula(tmp_path: Path) -> None:
    """With the norm before it, and nothing seen of what follows."""
    visible = seen_by(*FAMILIES["gpt2"](), tmp_path)
    seen = look(visible, TEXT)
    with torch.inference_mode():
        states = visible.module(**seen.inputs, output_hidden_states=True).hidden_states
        normed = [block.ln_1(state)[0] for block, state in zip(visible.module.h, states, strict=False)]
    for number, block in enumerate(visible.module.h):
        weight, bias = double(block.attn.c_attn.weight), double(block.attn.c_attn.bias)
        query, key = (weight[:, :32], bias[:32]), (weight[:, 32:64], bias[32:64])
        np.testing.assert_allclose(seen.attention[number], slow_attention(double(normed[number]), query, key, 2, causal=True), atol=2e-6)


def test_what_a_causal_model_expects_is_its_next_token(tmp_path: Path) -> None:
    """Each from those before it alone, the last what would follow; the tied head counts once."""
    visible = load_visible(make_causal("gpt2", tmp_path), threads=1)
    seen = look(visible, "the cat")
    guesses, _ = expect(visible, seen)
    assert [guess.position for guess in guesses] == list(range(1, 8))
    for guess in guesses:
        with torch.inference_mode():
            chances = visible.module(input_ids=seen.inputs["input_ids"][:, : guess.position]).logits[0, -1].double().softmax(-1)
        best = chances.argsort(descending=True)
        assert guess.options[0] == (visible.tokeniser.hf.convert_ids_to_tokens(int(best[0])), pytest.approx(float(chances[best[0]]), abs=2e-6))
        if guess.position < 7:
            actual = seen.tokens[guess.position].id
            assert (guess.probability, guess.rank) == (pytest.approx(float(chances[actual]), abs=2e-6), int((best == actual).nonzero()) + 1)
    assert guesses[-1].actual is None
    assert tied_weights(visible.module) == ("lm_head.weight = transformer.wte.weight",)
    assert "head" not in {place.name for place in count_places(visible.module)}


@pytest.mark.parametrize("text", [TEXT, "the [MASK] sat"])
def test_what_a_masked_model_expects_is_a_pass_with_the_token_hidden(tmp_path: Path, text: str) -> None:
    """One pass for each token, or the masks of the text."""
    tokenizer = wordpiece()
    shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64, "max_position_embeddings": 40}
    visible = seen_by(transformers.BertForMaskedLM(transformers.BertConfig(vocab_size=len(tokenizer), **shape)), tokenizer, tmp_path)  # type: ignore[arg-type]
    seen = look(visible, text)
    assert seen.logits is not None
    assert seen.logits.shape == (1, len(seen.tokens), len(tokenizer))
    guesses, _ = expect(visible, seen)
    marked = "[MASK]" in text
    assert [guess.position for guess in guesses] == ([2] if marked else list(range(1, len(seen.tokens) - 1)))
    for guess in guesses:
        ids = seen.inputs["input_ids"].clone()
        ids[0, guess.position] = tokenizer.mask_token_id
        with torch.inference_mode():
            chances = visible.module(**{**seen.inputs, "input_ids": ids}).logits[0, guess.position].softmax(-1)
        assert guess.options[0][1] == pytest.approx(float(chances.max()), abs=2e-6)
        assert guess.probability == (None if marked else pytest.approx(float(chances[seen.tokens[guess.position].id]), abs=2e-6))


def test_xlnet_predicts_a_token_it_does_not_see(tmp_path: Path) -> None:
    """Another token in its place changes nothing of what is expected there."""
    torch.manual_seed(0)
    tokenizer = unigram("$A <sep> <cls>:2", "$A <sep> $B:1 <sep>:1 <cls>:2", side="left")
    config = transformers.XLNetConfig(vocab_size=len(tokenizer), d_model=32, n_layer=2, n_head=2, d_inner=64, initializer_range=0.3)
    visible = seen_by(transformers.XLNetLMHeadModel(config), tokenizer, tmp_path)
    one, other = (expect(visible, look(visible, text))[0] for text in ("the cat sat on the mat", "the dog sat on the mat"))
    assert [name for name, _ in one[1].options] == [name for name, _ in other[1].options]
    assert [chance for _, chance in one[1].options] == pytest.approx([chance for _, chance in other[1].options], abs=2e-6)
    assert (one[1].actual, other[1].actual) == ("▁cat", "▁dog")
    assert one[0].options != other[0].options


def test_labels_and_replaced_tokens_have_their_probabilities(tmp_path: Path) -> None:
    """A classifier's softmax with its names, several labels' sigmoids, ELECTRA's discriminator, labels of tokens."""
    tokenizer = wordpiece()
    shape: dict[str, Any] = {"vocab_size": len(tokenizer), "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
    names = {"id2label": {0: "bad", 1: "good", 2: "so"}, "label2id": {"bad": 0, "good": 1, "so": 2}}
    visible = seen_by(transformers.BertForSequenceClassification(transformers.BertConfig(**shape, **names)), tokenizer, tmp_path / "labels")
    found = labels(visible, look(visible, TEXT))
    assert sum(chance for _, chance in found) == pytest.approx(1, abs=1e-5)
    assert {name for name, _ in found} == {"bad", "good", "so"}
    assert found[0][1] >= found[1][1] >= found[2][1]
    several = transformers.BertConfig(**shape, **names, problem_type="multi_label_classification")
    visible = seen_by(transformers.BertForSequenceClassification(several), tokenizer, tmp_path / "several")
    seen = look(visible, TEXT)
    assert seen.logits is not None
    assert dict(labels(visible, seen))["so"] == pytest.approx(1 / (1 + np.exp(-seen.logits[0, 2])), abs=1e-5)
    visible = seen_by(transformers.ElectraForPreTraining(transformers.ElectraConfig(**shape, embedding_size=16)), tokenizer, tmp_path / "electra")
    seen = look(visible, TEXT)
    assert len(replaced(visible, seen)) == len(seen.tokens)
    assert expect(visible, seen) == ((), "")
    visible = seen_by(transformers.BertForTokenClassification(transformers.BertConfig(**shape, **names)), tokenizer, tmp_path / "tokens")
    guesses, how = expect(visible, look(visible, TEXT))
    assert "label of each token" in how
    assert {name for name, _ in guesses[0].options} == {"bad", "good", "so"}


def test_what_does_not_fit_is_counted(tmp_path: Path) -> None:
    """In characters, of each text."""
    visible = seen_by(*FAMILIES["bert"](), tmp_path)
    text = "the cat sat on the mat " * 10
    seen = look(visible, text, "they ran")
    assert len(seen.tokens) == 40
    assert seen.cut == (len(text.rstrip()) - max(token.end or 0 for token in seen.tokens if not token.second), 0)
    assert seen.cut[0] > 90


def test_a_text_without_tokens_is_looked_at_all_the_same(tmp_path: Path) -> None:
    """GPT-2 puts no token of its own around nothing."""
    tokenizer = byte_pairs(template=False)
    visible = seen_by(FAMILIES["gpt2"]()[0], tokenizer, tmp_path)
    assert len(look(visible, "").tokens) == 1


def test_word_vectors_are_told_their_command(tmp_path: Path) -> None:
    """They have no attention."""
    (tmp_path / "v.txt").write_text("2 2\nthe 1 2\ncat 2 1\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"'inspect' needs a transformer; this is a file of word vectors\. For word vectors: ringsmith vectors nearest FILE WORD"):
        load_visible(resolve(str(tmp_path / "v.txt")))
