"""Padding: a text's vector is its own, also where a model does not honour the mask."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
import transformers
from backbones_tiny import FAMILIES

from ringsmith.adapt.classifier import Feed, scores_of
from ringsmith.backbones import Backbone, encode, encode_with_facts, load_backbone, load_classifier
from ringsmith.backbones.padding import HONOURS_MASK
from ringsmith.backbones.senses import Use, contextual_vectors
from ringsmith.catalogue import inspect_folder

MIXING = ["convbert", "fnet", "nystromformer", "yoso"]
TEXTS = ["the cat sat on the mat.", "yes", "they ran home, the dog slept well!", "", "no cat, no rain", "so long", "the cat " * 40]
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")


def load(folder: Path) -> Backbone:
    """In float32 on one thread."""
    return load_backbone(inspect_folder(folder, name="m"), threads=1, precision="float32")


@pytest.mark.parametrize("kind", [*MIXING, "bigbird", "squeezebert"])
def test_a_vector_does_not_depend_on_its_batch(tiny: Callable[[str], Path], kind: str) -> None:
    """Alone or beside longer ones, in any order; and it is that of the plain forward of the text."""
    backbone = load(tiny(kind))
    assert backbone.tokeniser.one_length == (kind in MIXING)
    together, turned = encode(backbone, TEXTS, cache=False), encode(backbone, TEXTS[::-1], cache=False)[::-1]
    alone = np.concatenate([encode(backbone, [text], cache=False) for text in TEXTS])
    np.testing.assert_allclose(together, alone, atol=2e-5)
    np.testing.assert_allclose(together, turned, atol=2e-5)
    ids = torch.from_numpy(backbone.tokeniser([TEXTS[0]]).ids)[None]
    with torch.no_grad():
        plain = transformers.AutoModel.from_pretrained(tiny(kind)).eval()(input_ids=ids, output_hidden_states=True).hidden_states
    np.testing.assert_allclose(together[0], np.stack([state[0].mean(dim=0).numpy() for state in plain]), atol=2e-5)


@pytest.mark.parametrize("kind", MIXING)
def test_the_cache_holds_what_a_text_alone_would_give(tiny: Callable[[str], Path], kind: str) -> None:
    """Kept beside long texts, found again beside none."""
    backbone, texts = load(tiny(kind)), [f"the cat {'sat ' * (number % 7)}{number}" for number in range(24)]
    encode(backbone, texts)
    found = encode_with_facts(backbone, texts[3:4])
    assert found.cached == 1
    np.testing.assert_allclose(found.vectors, encode(backbone, texts[3:4], cache=False), atol=2e-5)


@pytest.mark.parametrize("kind", [*MIXING, "bigbird"])
def test_scores_do_not_depend_on_the_batch(tiny: Callable[[str], Path], kind: str) -> None:
    """A classifier's, as `predict` asks for them."""
    tokeniser, module = load_classifier(inspect_folder(tiny(kind), name="m"), ["a", "b"])
    assert module.training

    def scores(texts: list[str]) -> npt.NDArray[np.float32]:
        return scores_of(module, Feed(tokeniser(texts), tokeniser.pad_id))

    np.testing.assert_allclose(scores(TEXTS), np.concatenate([scores([text]) for text in TEXTS]), atol=2e-5)


def test_the_vector_of_a_word_does_not_depend_on_the_other_sentences(tiny: Callable[[str], Path]) -> None:
    """In ConvBERT, at the end of a short sentence."""
    backbone = load(tiny("convbert"))
    uses = [Use("the cat sat", 8, 11), Use("they sat on the mat and the dog ran home", 5, 8)]
    together = contextual_vectors(backbone, uses)["last"]
    np.testing.assert_allclose(together[:1], contextual_vectors(backbone, uses[:1])["last"], atol=2e-5)


@pytest.mark.parametrize("kind", sorted(HONOURS_MASK - FAMILIES.keys()))  # the others stand in the contract
def test_families_that_are_not_tried(kind: str) -> None:
    """Each of them honours the mask: a short row beside a longer one has the states that it has alone."""
    small = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "pad_token_id": 0, "vocab_size": 99}
    names: dict[str, Any] = {"gpt_neo": {"attention_types": [[["global", "local"], 1]]}, "gemma3_text": {"layer_types": ["sliding_attention", "full_attention"]}}
    more = {"head_dim": 16, "num_key_value_heads": 1, "sliding_window": 4, "num_decoder_layers": 2}
    default = transformers.AutoConfig.for_model(kind)
    config = transformers.AutoConfig.for_model(kind, **small, **{name: value for name, value in more.items() if hasattr(default, name)}, **names.get(kind, {}))
    torch.manual_seed(7)
    module: Any = transformers.AutoModel.from_config(config).eval()
    module = module.get_encoder() if config.is_encoder_decoder else module
    ids = torch.tensor([[5, 6, 7, 0, 0, 0, 0, 0, 0], [8, 9, 5, 6, 11, 12, 13, 14, 15]])
    with torch.no_grad():
        alone, padded = module(input_ids=ids[:1, :3])[0][0], module(input_ids=ids, attention_mask=(ids > 0).long())[0][0, :3]
    torch.testing.assert_close(padded, alone, atol=1e-4 * float(alone.abs().max()), rtol=0)
