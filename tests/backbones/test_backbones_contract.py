"""One contract, every architecture: the same call gives vectors that depend on the text and on nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
import transformers
from backbones_tiny import POSITIONS

from ringsmith.backbones import Backbone, encode, load_classifier, pad_batch
from ringsmith.catalogue import LocalModel

TEXTS = ["the cat sat on the mat.", "yes", "they ran home, the dog slept well!", "", "no cat, no rain", "so long"]
UNLIMITED = {"xlnet", "t5"}


def slow_vectors(folder: str, text: str, pair: str | None = None) -> npt.NDArray[np.float32]:
    """All layers' means of one text, by transformers' own call: no batch, no padding, no shortcut."""
    auto: Any = transformers.T5EncoderModel if folder.endswith("t5") else transformers.AutoModel
    model = auto.from_pretrained(folder)
    model = model.get_encoder() if model.config.is_encoder_decoder and not folder.endswith("t5") else model
    inputs = transformers.AutoTokenizer.from_pretrained(folder)(text, pair, return_tensors="pt")
    with torch.no_grad():
        states = model.eval()(**inputs, output_hidden_states=True).hidden_states
    return np.stack([state[0].mean(dim=0).numpy() for state in states])


def test_vectors_are_those_of_the_plain_forward(backbone: Backbone) -> None:
    """Batched, sorted and padded, a text's vectors are those of transformers' own forward of that text alone."""
    texts = [TEXTS[2], TEXTS[0], TEXTS[1]]
    vectors = encode(backbone, texts, cache=False)
    for text, vector in zip(texts, vectors, strict=True):
        np.testing.assert_allclose(vector, slow_vectors(backbone.model.folder, text), atol=2e-5)


def test_pairs_are_read_as_the_tokenizer_joins_them(backbone: Backbone) -> None:
    """A pair's vectors are those of the plain forward of the pair."""
    vectors = encode(backbone, ["the cat", "yes"], pairs=["sat on a mat", "no"], cache=False)
    np.testing.assert_allclose(vectors[0], slow_vectors(backbone.model.folder, "the cat", "sat on a mat"), atol=2e-5)


def test_a_vector_does_not_depend_on_its_batch(backbone: Backbone) -> None:
    """Alone or among longer and shorter ones, in any order: the same vector, for every pooling."""
    for pooling in ("mean", "cls", "last"):
        together = encode(backbone, TEXTS, pooling=pooling, cache=False)  # type: ignore[arg-type]
        alone = np.concatenate([encode(backbone, [text], pooling=pooling, cache=False) for text in TEXTS])  # type: ignore[arg-type]
        turned = encode(backbone, TEXTS[::-1], pooling=pooling, cache=False)[::-1]  # type: ignore[arg-type]
        np.testing.assert_allclose(together, alone, atol=2e-5)
        np.testing.assert_allclose(together, turned, atol=2e-5)


def test_shapes_and_layers(backbone: Backbone) -> None:
    """All layers and the embeddings, float32; the last one alone is the last of all; different texts differ."""
    every, last = encode(backbone, TEXTS, cache=False), encode(backbone, TEXTS, layers="last", cache=False)
    assert every.shape == (6, 3, 32)
    assert every.dtype == np.float32
    assert np.isfinite(every).all()
    np.testing.assert_allclose(every[:, -1:], last, atol=2e-5)
    assert np.abs(last[0] - last[2]).max() > 1e-3


def test_long_texts_are_cut_where_the_model_ends(backbone: Backbone, family: str) -> None:
    """A text beyond the limit is cut there, and counted; without a limit nothing is."""
    short, long = "the cat sat.", "cat " * 300
    if family in UNLIMITED:
        assert backbone.model.max_tokens is None
        assert backbone.truncated_share([short, long]) == 0.0
        return
    assert backbone.max_tokens == POSITIONS
    assert backbone.truncated_share([short, long, long, long]) == 0.75
    assert backbone.tokeniser([long]).lengths.tolist() == [POSITIONS]
    assert np.isfinite(encode(backbone, [long, short], cache=False)).all()


def test_a_classifier_with_named_labels(local: LocalModel) -> None:
    """The head carries the label names, starts from the seed, and leaves the global generator alone."""
    before = torch.random.get_rng_state()
    tokeniser, module = load_classifier(local, ["no", "perhaps", "yes"], seed=3)
    _, again = load_classifier(local, ["no", "perhaps", "yes"], seed=3)
    _, other = load_classifier(local, ["no", "perhaps", "yes"], seed=4)
    assert torch.equal(before, torch.random.get_rng_state())
    assert module.config.id2label == {0: "no", 1: "perhaps", 2: "yes"}
    assert module.config.pad_token_id == tokeniser.pad_id
    batch = pad_batch(tokeniser(["the cat", "they ran home"]), np.array([0, 1]), tokeniser.pad_id)
    with torch.no_grad():
        logits, same, different = (m.eval()(**batch).logits for m in (module, again, other))
    assert logits.shape == (2, 3)
    assert torch.equal(logits, same)
    assert not torch.allclose(logits, different)


def test_several_labels_a_row(bert: Backbone) -> None:
    """Multi-label heads say so in the config."""
    _, module = load_classifier(bert.model, ["a", "b"], multilabel=True)
    assert module.config.problem_type == "multi_label_classification"


def test_the_folder_is_all_it_needs(backbone: Backbone, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of a model's folder is written to by loading."""
    before = {path.name: path.stat().st_mtime_ns for path in Path(backbone.model.folder).iterdir()}
    encode(backbone, ["cat"], cache=False)
    assert before == {path.name: path.stat().st_mtime_ns for path in Path(backbone.model.folder).iterdir()}
