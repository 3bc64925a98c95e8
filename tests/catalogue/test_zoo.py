"""The package ringsmith-zoo: every model loads in plain transformers, is what its card says, and answers the same here and there."""

from __future__ import annotations

import json
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ringsmith.adapt.folder import hash_files
from ringsmith.catalogue import expand, find, resolve

pytestmark = pytest.mark.skipif(find_spec("ringsmith_zoo") is None, reason="the package ringsmith-zoo is not installed (pip install ./zoo)")

STATIC = ("zoo-word2vec", "zoo-glove")
NAMES = [entry.name for entry in find(["zoo"])]
TRANSFORMERS = [name for name in NAMES if name not in STATIC]
TEXTS = ["The old bridge crosses the river.", "A short one"]
MOST_BYTES = 30_000_000


def place_of(name: str) -> Path:
    """The model's folder."""
    place = Path(resolve(name, offline=True).folder)
    return place if place.is_dir() else place.parent


def manifest_of(name: str) -> dict[str, Any]:
    """What is known of it."""
    return dict(json.loads((place_of(name) / "ringsmith.json").read_text(encoding="utf-8")))


def test_all_of_them_are_there_and_small() -> None:
    """The group of the catalogue is complete, and what is installed is no larger than 30 MB."""
    assert [choice.name for choice in expand(["zoo"], language="en") if choice.model is not None] == NAMES
    package = place_of("zoo-bert").parent
    assert sum(path.stat().st_size for path in package.rglob("*") if path.is_file() and path.suffix != ".pyc") <= MOST_BYTES


@pytest.mark.parametrize("name", STATIC)
def test_vectors_keep_their_short_name(name: str) -> None:
    """Though the file is called vectors.safetensors in every folder."""
    assert [choice.name for choice in expand([name])] == [name]
    assert [choice.model.name for choice in expand([*STATIC]) if choice.model] == [*STATIC]


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_it_answers_the_same_in_plain_transformers(name: str) -> None:
    """The mean of the last layer, by transformers alone and by ours; as many numbers as the card says, stored as float16."""
    import torch
    import transformers
    from safetensors import safe_open

    from ringsmith.backbones import encode, load_backbone

    place = place_of(name)
    tokeniser, module = transformers.AutoTokenizer.from_pretrained(place), transformers.AutoModel.from_pretrained(place, dtype=torch.float32).eval()
    plain = []
    with torch.inference_mode():
        for text in TEXTS:
            read = tokeniser(text, return_tensors="pt")
            plain.append(module(**read)[0][0].mean(0).numpy())
    ours = encode(load_backbone(resolve(name, offline=True), precision="float32", threads=1), TEXTS, pooling="mean", cache=False)
    np.testing.assert_allclose(ours[:, -1], np.stack(plain), rtol=1e-4, atol=1e-5)
    with safe_open(place / "model.safetensors", "pt") as file:
        assert {file.get_tensor(key).dtype for key in file.keys()} == {torch.float16}  # noqa: SIM118 - it is no mapping


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_its_head_is_the_one_it_was_trained_with(name: str) -> None:
    """The class that the card names loads every weight of the file, and its parameters are those that the facts tell (ELECTRA's generator is not kept)."""
    import torch
    import transformers

    facts = manifest_of(name)
    module, info = getattr(transformers, facts["class"]).from_pretrained(place_of(name), dtype=torch.float32, output_loading_info=True)
    assert not info["missing_keys"]
    assert not info["unexpected_keys"]
    count = sum(weight.numel() for weight in module.parameters())
    told = facts["cost"]["parameters"]
    assert count < told if name == "zoo-electra" else count == told


@pytest.mark.parametrize("name", STATIC)
def test_word_vectors_are_whole(name: str) -> None:
    """Finite float16 rows, one for each word, as many as the card says; a word's neighbours are other words."""
    from ringsmith.words.files import open_vectors

    facts, vectors = manifest_of(name), open_vectors(place_of(name) / "vectors.safetensors")
    assert (len(vectors), vectors.dimensions) == (facts["vocabulary"], facts["options"]["dim"])
    assert vectors.matrix.dtype == np.float16
    assert np.isfinite(vectors.decoded(slice(None))).all()
    assert "river" not in {neighbour.word for neighbour in vectors.nearest("river", 3)}


@pytest.mark.parametrize("name", NAMES)
def test_its_card_is_complete(name: str) -> None:
    """Corpus, licence, steps, compute, loss curve and scores with intervals; the hash of every other file is that in the facts."""
    place, facts = place_of(name), manifest_of(name)
    card = (place / "README.md").read_text(encoding="utf-8")
    for row in ("| corpus |", "| licence | CC-BY-SA-4.0", "| compute |", "| loss curve |", "| parameters |", "CC BY-SA 3.0"):
        assert row in card
    assert re.search(r"\| (training|steps) \| [\d,]+ (steps|passes)", card)
    assert len(re.findall(r"\| -?\d*\.\d+ \[-?\d*\.\d+-\d*\.\d+\]", card)) >= 6
    assert facts["licence"] == "cc-by-sa-4.0"
    assert hash_files(place) == facts["files"]
