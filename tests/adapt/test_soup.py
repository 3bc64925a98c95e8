"""The mean of the weights of several fitted models, against the mean worked out by hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from contracts.recipes import PLACES, WORDS
from ringsmith.adapt import Setting, create_recipe, load_fitted
from ringsmith.adapt.folder import MANIFEST, hash_files, write_json
from ringsmith.adapt.soup import alike, mix, same
from ringsmith.catalogue import LocalModel
from ringsmith.errors import ModelError, UsageError
from ringsmith.records import Budget, TextSet
from ringsmith.tasks import infer_task

LABELS = ("anger", "joy")
NEW = ["I am glad at home", "mad and furious", "happy in town and I shout"]


def rows(seed: int) -> TextSet:
    """Twenty texts of two classes, drawn anew for each seed."""
    rng = np.random.default_rng(seed)
    labels = [*LABELS] * 10
    return TextSet([f"I am {rng.choice(WORDS[label][0].split())} {rng.choice(PLACES)}" for label in labels], labels)


def fitted(recipe: str, model: LocalModel | None, folder: Path, seed: int, **options: object) -> Path:
    """A model in a folder of its own, trained on its own rows."""
    setting = Setting(infer_task(LABELS), model, options=options, threads=1)
    create_recipe(recipe, setting).fit(rows(seed), rows(seed + 100), Budget()).save(folder / str(seed))
    return folder / str(seed)


def test_linear_heads_answer_with_the_mean_of_their_logits(tiny_bert: LocalModel, tmp_path: Path) -> None:
    """Two classes: the log of the odds is linear in the weights; the backbone is copied as it is."""
    folders = [fitted("probe", tiny_bert, tmp_path, seed, mixtures=["last"]) for seed in range(3)]
    assert alike(folders) == folders
    mix(folders, tmp_path / "mean")
    odds = [np.log(proba[:, 0] / proba[:, 1]) for folder in (*folders, tmp_path / "mean") for proba in [load_fitted(folder, threads=1).predict_proba(NEW)]]
    np.testing.assert_allclose(odds[3], np.mean(odds[:3], axis=0), rtol=1e-3, atol=1e-4)
    assert np.ptp(odds[:3], axis=0).min() > 1e-3  # they are not one and the same
    for name in ("model.safetensors", "config.json"):
        assert (tmp_path / "mean" / name).read_bytes() == (folders[0] / name).read_bytes()


def test_every_weight_of_a_fine_tuned_model_is_the_mean(tiny_bert: LocalModel, tmp_path: Path) -> None:
    """Also what transformers needs to know of the file is kept: plain `AutoModel` loads it."""
    import transformers

    folders = [fitted("full", tiny_bert, tmp_path, seed, epochs=1) for seed in range(2)]
    mix(folders, tmp_path / "mean")
    one, other, mean = (load_file(folder / "model.safetensors") for folder in (*folders, tmp_path / "mean"))
    assert one.keys() == other.keys() == mean.keys()
    for name, found in mean.items():
        np.testing.assert_allclose(found, (one[name].astype(np.float64) + other[name]) / 2, rtol=1e-6, atol=1e-8)
        assert found.dtype == one[name].dtype
    assert transformers.AutoModelForSequenceClassification.from_pretrained(tmp_path / "mean").config.num_labels == 2
    assert load_fitted(tmp_path / "mean", threads=1).predict_proba(NEW).shape == (3, 2)


def test_the_largest_group_that_is_alike_is_taken(tiny_bert: LocalModel, tmp_path: Path) -> None:
    """What reads another layer is another model, whatever the shape of its head; and so is another recipe."""
    last = [fitted("probe", tiny_bert, tmp_path, seed, mixtures=["last"]) for seed in range(2)]
    first = fitted("probe", tiny_bert, tmp_path, 2, mixtures=["mean"])
    tfidf = fitted("tfidf", None, tmp_path, 3)
    assert alike([first, last[0], tfidf, last[1]]) == last
    assert alike([first, tfidf]) == alike([first]) == alike([]) == []
    with pytest.raises(ModelError, match="not alike"):
        mix([first, last[0]], tmp_path / "mean")
    assert not (tmp_path / "mean").exists()


def test_models_that_are_one_are_known(tiny_bert: LocalModel, tmp_path: Path) -> None:
    """Twice the same rows, and other ones."""
    one, other = (fitted("probe", tiny_bert, tmp_path / name, 0, mixtures=["last"]) for name in "ab")
    assert same([one, other])
    assert not same([one, other, fitted("probe", tiny_bert, tmp_path, 1, mixtures=["last"])])


def test_whole_numbers_are_not_averaged(tiny_bert: LocalModel, tmp_path: Path) -> None:
    """They stand for pieces, places or codes; where they differ there is no mean."""
    folders = [fitted("probe", tiny_bert, tmp_path, seed, mixtures=["last"]) for seed in range(2)]
    for number, folder in enumerate(folders):
        head = next(path for path in folder.glob("*.safetensors") if path.name != "model.safetensors")
        save_file({**load_file(head), "places": np.array([number, 5])}, head)
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        write_json(folder / MANIFEST, {**manifest, "files": hash_files(folder)})
    with pytest.raises(ModelError, match="I64 numbers of 'places' differ"):
        mix(folders, tmp_path / "mean")
    assert not (tmp_path / "mean").exists()


def test_nothing_is_written_over(tiny_bert: LocalModel, tmp_path: Path) -> None:
    """As everywhere."""
    folders = [fitted("probe", tiny_bert, tmp_path, seed, mixtures=["last"]) for seed in range(2)]
    (tmp_path / "mean").mkdir()
    (tmp_path / "mean" / "mine.txt").write_text("keep me")
    with pytest.raises(UsageError, match="something else"):
        mix(folders, tmp_path / "mean")
    assert (tmp_path / "mean" / "mine.txt").read_text() == "keep me"
