"""Likelihoods against a slow loop with transformers: no cache, no batch, one label at a time; and prompts that have no room."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from prompt_models import LABELS, knowing_causal, random_causal, saved, words_tokenizer

from contracts.recipes import WORDS, toy
from ringsmith.adapt import Setting, create_recipe
from ringsmith.adapt.prompt import way_of
from ringsmith.adapt.prompt_likelihood import Likelihood
from ringsmith.adapt.prompt_shots import Shot, draw_shots
from ringsmith.backbones.causal import LabelScorer, is_causal, load_causal, pieces
from ringsmith.backbones.tree import LabelTree
from ringsmith.catalogue import LocalModel
from ringsmith.errors import ModelError, OptionError
from ringsmith.records import Budget, TextSet
from ringsmith.tasks import Classification

SMALL: dict[str, Any] = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64, "initializer_range": 0.2, "max_position_embeddings": 64}
FAMILIES: dict[str, tuple[type[transformers.PretrainedConfig], dict[str, Any], bool]] = {
    "gpt2": (transformers.GPT2Config, {"n_positions": 64, "n_embd": 32, "n_layer": 2, "n_head": 2, "initializer_range": 0.2, "bos_token_id": 3, "eos_token_id": 3}, True),
    "llama": (transformers.LlamaConfig, {**SMALL, "num_attention_heads": 4, "num_key_value_heads": 2}, True),
    "mistral": (transformers.MistralConfig, {**SMALL, "num_key_value_heads": 2, "sliding_window": 8}, False),
    "bloom": (transformers.BloomConfig, {"hidden_size": 32, "n_layer": 2, "n_head": 2, "initializer_range": 0.2}, False),
}
"""Family -> config, its settings, and whether it keeps to a mask of ours: ALiBi and windows do not."""


def family_model(family: str, folder: Path) -> LocalModel:
    """A tiny random model with its head."""
    tokenizer = words_tokenizer()
    config, settings, _ = FAMILIES[family]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        return saved(transformers.AutoModelForCausalLM.from_config(config(vocab_size=len(tokenizer), **settings)), tokenizer, folder)


def slow(module: Any, prefix: Sequence[int], row: Sequence[int], label: Sequence[int]) -> float:
    """Mean log-likelihood of a label's tokens: the whole sequence through the model, read off one by one."""
    whole = [*prefix, *row, *label]
    with torch.no_grad():
        logs = torch.log_softmax(module(input_ids=torch.tensor([whole])).logits[0].double(), dim=-1)
    start = len(prefix) + len(row)
    return float(np.mean([logs[start + i - 1, token] for i, token in enumerate(label)]))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("past", [9, 0])
def test_scores_equal_a_slow_loop(family: str, past: int, tmp_path: Path) -> None:
    """Rows of 1 to 12 tokens; labels that share their first tokens, one that begins another, one of a single token; with and without prefix."""
    causal = load_causal(family_model(family, tmp_path / family), threads=1)
    module = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / family).eval()
    draw = np.random.default_rng(3)
    prefix, rows = draw.integers(4, 40, past).tolist(), [draw.integers(4, 40, length).tolist() for length in (3, 7, 12, 1, 7)]
    labels = [[6], [7, 8], [7, 9, 10], [7, 9, 11, 12], [7, 9]]
    expected = [[slow(module, prefix, row, label) for label in labels] for row in rows]
    scorer = LabelScorer(causal, prefix, labels)
    np.testing.assert_allclose(scorer(rows), expected, rtol=0, atol=1e-4)
    np.testing.assert_allclose(scorer(rows), expected, rtol=0, atol=1e-4, err_msg="a second call uses the kept prefix")
    assert causal.packs is FAMILIES[family][2]


def test_one_by_one_and_packed_agree(tmp_path: Path) -> None:
    """The slower way is the same figure."""
    scorer = LabelScorer(load_causal(family_model("gpt2", tmp_path / "m"), threads=1), [5, 6], [[7], [8, 9]])
    with torch.inference_mode():
        np.testing.assert_allclose(scorer._packed([[4, 5], [6]]), scorer._one_by_one([[4, 5], [6]]), atol=1e-5)


def test_labels_that_begin_alike_share_their_beginning() -> None:
    """By hand: card-arrival, card-delivery-time and fee need two inner nodes, 'card' and 'card delivery'."""
    tree = LabelTree.of([[1, 2], [1, 3, 4], [5]])
    assert tree.ids.tolist() == [1, 3]
    assert tree.depths.tolist() == [0, 1]
    assert tree.visible.tolist() == [[True, False], [True, True]]
    assert tree.steps.tolist() == [[0, 1], [1, 2], [0, 1], [1, 3], [2, 4], [0, 5]]
    assert tree.owners.tolist() == [0, 0, 1, 1, 1, 2]
    assert len(LabelTree.of([[1], [2]])) == 0


def test_a_prompt_is_scored_as_its_whole_text(tmp_path: Path) -> None:
    """Instruction, an example, the text and a label, written down by hand and tokenised as one string."""
    model = random_causal(tmp_path / "tiny")
    way = Likelihood(load_causal(model, threads=1), LABELS, "Which label fits the text?", [Shot("I am mad", None, "anger")])
    module = transformers.AutoModelForCausalLM.from_pretrained(model.folder).eval()
    read = words_tokenizer()
    prompt = "Which label fits the text?\n\nText: I am mad\nLabel: anger\n\nText: I am glad at home\nLabel:"
    means = np.array([slow(module, [], read(prompt)["input_ids"], read(label)["input_ids"]) for label in LABELS])
    np.testing.assert_allclose(way.scores(["I am glad at home"], None)[0], means - np.log(np.exp(means).sum()), atol=1e-4)
    paired = prompt.replace("glad at home\n", "glad\nSecond text: at home\n").replace("I am mad\n", "I am mad\nSecond text: in town\n")
    way = Likelihood(load_causal(model, threads=1), LABELS, "Which label fits the text?", [Shot("I am mad", "in town", "anger")])
    means = np.array([slow(module, [], read(paired)["input_ids"], read(label)["input_ids"]) for label in LABELS])
    np.testing.assert_allclose(way.scores(["I am glad"], ["at home"])[0], means - np.log(np.exp(means).sum()), atol=1e-4)


def test_pieces_are_what_a_text_is_made_of_behind_another() -> None:
    """SentencePiece-like tokenizers put a blank before a lone text; behind a colon there is one already."""

    class Blank:
        """Puts ``_`` before every text, as Llama's does."""

        max_tokens, alone = 64, nullcontext()

        def hf(self, texts: list[str], **_: object) -> dict[str, list[list[int]]]:
            return {"input_ids": [[ord(character) for character in ("_" + text).replace(" ", "_")] for text in texts]}

    found = pieces(Blank(), [" yes", ""], behind=":")  # type: ignore[arg-type]
    assert ["".join(map(chr, row)) for row in found] == ["_yes", ""]


def test_a_sequence_limit_below_the_prompt_is_one_sentence(tmp_path: Path) -> None:
    """Before anything is asked."""
    model = random_causal(tmp_path / "short", n_positions=32)
    said = r"Recipe 'prompt': a prompt needs \d+ tokens \(instruction, labels and 16 of a text\), and 'short' takes 32\. Choose a model that takes more, a shorter instruction, or"
    with pytest.raises(OptionError, match=said):
        create_recipe("prompt", Setting(Classification(LABELS), model, {"shots": (0,)}, threads=1)).fit(toy(), toy(4), Budget())


def test_examples_that_have_no_room_are_left_out(tmp_path: Path) -> None:
    """128 tokens hold some of 16 examples; a long text is cut, and it is counted."""
    model = knowing_causal(tmp_path / "tiny")
    fitted = create_recipe("prompt", Setting(Classification(LABELS), model, {"shots": (16,)}, threads=1)).fit(toy(), toy(4), Budget())
    assert 1 <= fitted.facts.chosen["shots"] < 16
    rows = toy()
    long = TextSet([text + " and happy" * 200 if i % 2 else text for i, text in enumerate(rows.texts)], rows.labels)
    assert create_recipe("prompt", Setting(Classification(LABELS), model, {"shots": (0,)}, threads=1)).fit(long, toy(4), Budget()).facts.truncated_share == 0.5


def test_words_that_the_tokenizer_cannot_tell_apart_are_refused(tmp_path: Path) -> None:
    """Both are unknown to it."""
    setting = Setting(Classification(["zig", "zag"]), random_causal(tmp_path / "tiny"), {"shots": (0,)}, threads=1)
    said = r"Recipe 'prompt' tells labels apart by their tokens; the tokenizer of 'tiny' makes the same tokens of 'zag' and 'zig'\. Describe them with words it knows"
    with pytest.raises(OptionError, match=said):
        create_recipe("prompt", setting).fit(TextSet(["a", "b"], ["zig", "zag"]), TextSet([], []), Budget())


def test_a_folder_without_its_head_is_refused(tmp_path: Path) -> None:
    """A Llama's body alone would speak at random."""
    config, settings, _ = FAMILIES["llama"]
    model = saved(transformers.AutoModel.from_config(config(vocab_size=60, **settings)), words_tokenizer(), tmp_path / "body")
    with pytest.raises(ModelError, match=r"the weights do not fit the config: 1 tensors are missing, among them 'lm_head\.weight'"):
        load_causal(model, threads=1)


def test_the_kind_of_model_chooses_the_way(tmp_path: Path, tiny_bert: LocalModel) -> None:
    """Causal, or not."""
    causal = random_causal(tmp_path / "tiny")
    assert is_causal(causal)
    assert way_of(causal) == "likelihood"
    assert not is_causal(tiny_bert)
    assert way_of(tiny_bert) == "similarity"


def test_examples_are_balanced_short_and_drawn_by_the_seed() -> None:
    """Nine of 48: three of each label, none of the longest, the first three of any draw of more."""
    rows = toy()
    known = sorted(WORDS)
    nine = draw_shots(rows, 9, known=known, seed=1)
    assert sorted(str(shot.label) for shot in nine) == sorted(known * 3)
    assert draw_shots(rows, 3, known=known, seed=1) == nine[:3]
    assert draw_shots(rows, 9, known=known, seed=2) != nine
    assert max(len(shot.text) for shot in nine) <= np.percentile([len(text) for text in rows.texts], 60)
    assert draw_shots(TextSet([" ", "x", "x"], ["joy", "joy", "joy"]), 9, known=["joy"], seed=0) == [Shot("x", None, "joy")]
    assert draw_shots(rows, 9, known=[], seed=0) == []
