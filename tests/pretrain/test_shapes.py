"""Shapes: configs, parameters counted, a shape found for a size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import transformers

from ringsmith.errors import OptionError, UnknownName
from ringsmith.pretrain.pieces import Pieces
from ringsmith.pretrain.shapes import ARCHITECTURES, Shape, count_parameters, find_shape, make_config

MODELS = {
    "bert": transformers.BertForMaskedLM,
    "distilbert": transformers.DistilBertForMaskedLM,
    "distilgpt2": transformers.GPT2LMHeadModel,
    "electra": transformers.ElectraForPreTraining,
    "gpt2": transformers.GPT2LMHeadModel,
    "modernbert": transformers.ModernBertForMaskedLM,
    "roberta": transformers.RobertaForMaskedLM,
    "xlnet": transformers.XLNetLMHeadModel,
}
BASE = Shape(12, 768, 12, 3072, 512)
HUB = {
    "bert": (BASE, 30_522, 109_514_298),
    "distilbert": (BASE.half(), 30_522, 66_985_530),
    "distilgpt2": (Shape(6, 768, 12, 3072, 1024), 50_257, 81_912_576),
    "gpt2": (Shape(12, 768, 12, 3072, 1024), 50_257, 124_439_808),
    "modernbert": (Shape(22, 768, 12, 1152, 8192), 50_368, 149_655_232),
    "roberta": (BASE, 50_265, 124_697_433),
}
"""What the hub's models of these names have, their heads included."""


def pieces_of(size: int) -> Pieces:
    """A vocabulary of nothing but numbers."""
    return Pieces(size, 1, 0, 2, 4, (0, 1, 2, 3, 4), np.ones(size, dtype=np.bool_))


def build(architecture: str, shape: Shape, size: int) -> Any:
    """The model without memory for its numbers."""
    with torch.device("meta"):
        return MODELS[architecture](make_config(architecture, shape, pieces_of(size)))


def test_every_architecture_is_tested() -> None:
    """A new one gets a model here."""
    assert ARCHITECTURES.keys() == MODELS.keys()


@pytest.mark.parametrize("architecture", sorted(MODELS))
@pytest.mark.parametrize("shape", [Shape(1, 32, 2, 48, 24), Shape(3, 48, 3, 80, 40)], ids=["one layer", "three layers"])
def test_the_formula_counts_what_the_model_has(architecture: str, shape: Shape) -> None:
    """Parameters, and those of the embeddings."""
    module = build(architecture, shape, 300)
    counted = count_parameters(architecture, shape, 300)
    assert counted.total == sum(parameter.numel() for parameter in module.parameters())
    tables = [part.weight for part in module.modules() if isinstance(part, torch.nn.Embedding)]
    assert counted.embeddings == sum(table.numel() for table in tables)
    assert counted.body == counted.total - counted.embeddings


@pytest.mark.parametrize("architecture", sorted(HUB))
def test_the_well_known_models_have_their_well_known_sizes(architecture: str) -> None:
    """BERT-base 110 M, RoBERTa-base 125 M, GPT-2 124 M ..."""
    shape, vocabulary, parameters = HUB[architecture]
    assert count_parameters(architecture, shape, vocabulary).total == parameters


@pytest.mark.parametrize("architecture", sorted(MODELS))
def test_a_config_takes_sequences_of_the_length(architecture: str) -> None:
    """And keeps the vocabulary's size and padding."""
    config = make_config(architecture, Shape(1, 32, 2, 64, 24), pieces_of(60))
    assert config.vocab_size == 60
    assert config.pad_token_id in (1, None)
    module = MODELS[architecture](config).eval()
    with torch.no_grad():
        assert torch.isfinite(module(input_ids=torch.full((2, 24), 7))[0]).all()


@pytest.mark.parametrize("architecture", sorted(MODELS))
@pytest.mark.parametrize(("parameters", "layers", "vocabulary"), [(1_500_000, 2, 8_000), (4_400_000, 4, 8_000), (110_000_000, 12, 30_000)])
def test_a_shape_is_found_within_five_per_cent(architecture: str, parameters: int, layers: int, vocabulary: int) -> None:
    """Of the layers asked for, and one that a model can have."""
    shape = find_shape(architecture, parameters, vocabulary, layers=layers)
    assert shape.layers == layers
    assert count_parameters(architecture, shape, vocabulary).total == pytest.approx(parameters, rel=0.05)


def test_a_size_out_of_reach_is_said() -> None:
    """The vocabulary alone is larger."""
    with pytest.raises(OptionError, match=r"'parameters' must be within reach of 2 layers and 30000 pieces; got 1000, the nearest is \d+\. Use a smaller vocabulary\."):
        find_shape("bert", 1_000, 30_000, layers=2)


def test_impossible_shapes_are_refused() -> None:
    """Each with its rule."""
    with pytest.raises(OptionError, match=r"'heads' must divide 'hidden' \(100\); got 3\. Use 2\."):
        Shape(hidden=100, heads=3)
    with pytest.raises(OptionError, match=r"'layers' must be a whole number, at least 1; got 0\. 'length' must be a whole number, at least 8; got 4"):
        Shape(layers=0, length=4)
    with pytest.raises(UnknownName, match=r"There is no architecture 'bart'\. Did you mean 'bert'"):
        make_config("bart", Shape(), pieces_of(20))


def test_halves_and_generators() -> None:
    """A student has every second layer; a generator is a quarter as wide, its heads as wide as before."""
    shape = Shape(12, 768, 12, 3072, 512)
    assert shape.half() == Shape(6, 768, 12, 3072, 512)
    assert shape.generator() == Shape(12, 192, 3, 768, 512)
    assert Shape(1, 32, 2, 64, 16).half().layers == 1
    assert Shape(1, 32, 2, 64, 16).generator() == Shape(1, 8, 1, 16, 16)
