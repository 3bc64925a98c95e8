"""The mean of the weights of several fitted models, against the mean worked out by hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from contracts.recipes import PLACES, WORDS
from ringsmith.adapt import Setting, create_recipe, load_fitted
from ringsmith.adapt.folder import MANIFEST, hash_files, mark_pairs, write_json
from ringsmith.adapt.linear import Linear
from ringsmith.adapt.ngrams import Block, Ngrams
from ringsmith.adapt.soup import alike, mix, same
from ringsmith.adapt.tfidf import FittedTfidf, TfidfOptions
from ringsmith.catalogue import LocalModel
from ringsmith.errors import ModelError, UsageError
from ringsmith.records import Budget, TextSet
from ringsmith.tasks import infer_task
from ringsmith.text import TextSteps

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


@pytest.mark.parametrize("options", [{}, {"word_weights": [0.0]}, {"most_nonzeros": 1}], ids=["terms", "characters alone", "hashed"])
def test_what_counts_terms_answers_with_the_mean_of_its_scores(tmp_path: Path, options: dict[str, object]) -> None:
    """Each model knows other terms; but for what the length of the rows makes of it, the odds are the mean of theirs."""
    folders = [fitted("tfidf", None, tmp_path, seed, **options) for seed in range(3)]
    models = [load_fitted(folder) for folder in folders]
    assert alike(folders) == folders
    assert options == {"most_nonzeros": 1} or len({model.embed(NEW).shape[1] for model in models}) > 1
    mix(folders, tmp_path / "mean")
    mean = load_fitted(tmp_path / "mean")
    assert mean.pairs is None
    odds = [np.log(proba[:, 0] / proba[:, 1]) for model in (*models, mean) for proba in [model.predict_proba(NEW)]]
    np.testing.assert_allclose(odds[3], np.mean(odds[:3], axis=0), atol=0.1 * float(np.ptp(odds[:3])))
    right = [np.mean(np.array(model.predict(rows(7).texts)) == rows(7).labels) for model in (*models, mean)]
    assert right[3] >= min(right[:3])


def test_terms_are_worked_out_by_hand() -> None:
    """Two vocabularies that share a word, one of pairs: a term that a model does not know has weight 0 in it."""
    task = infer_task(LABELS)
    blocks = lambda words, idf: Ngrams([Block(str.split, words, np.array(idf, np.float32)), Block(list, ["x"], np.ones(1, np.float32))], (1, 1))  # noqa: E731
    first = FittedTfidf(task, TextSteps(), blocks(["a", "b"], [1, 2]), Linear(np.array([[1, 2, 3, 4, 5, 6]], np.float32), np.array([1], np.float32)), TfidfOptions())
    second = FittedTfidf(task, TextSteps(), blocks(["b", "c"], [4, 8]), Linear(np.array([[10, 20, 30, 40, 50, 60]], np.float32), np.array([2], np.float32)), TfidfOptions())
    mean = FittedTfidf.mean([first, second])
    assert isinstance(mean.ngrams, Ngrams)
    assert [list(block.terms) for block in mean.ngrams.blocks] == [["a", "b", "c"], ["x"]]
    assert mean.ngrams.blocks[0].idf.tolist() == [1, 3, 8]
    assert mean.linear.weights.tolist() == [[0.5, 6, 10, 16.5, 2, 22.5, 25, 33]]
    assert mean.linear.bias.tolist() == [1.5]


def test_a_mean_of_pairs_knows_that_it_reads_pairs(tmp_path: Path) -> None:
    """As the models that it is made of; it is asked with pairs, and with none refuses as they do."""
    folders = [tmp_path / str(seed) for seed in range(2)]
    for seed, folder in enumerate(folders):
        one, valid = (TextSet(rows(at).texts, rows(at).labels, pairs=rows(at + 1).texts) for at in (seed, seed + 100))
        create_recipe("tfidf", Setting(infer_task(LABELS), threads=1)).fit(one, valid, Budget()).save(folder)
        mark_pairs(folder, pairs=True)
    mix(folders, tmp_path / "mean")
    mean = load_fitted(tmp_path / "mean")
    assert mean.pairs is True
    models = [load_fitted(folder).predict_proba(NEW, NEW[::-1]) for folder in folders]
    np.testing.assert_allclose(mean.predict_proba(NEW, NEW[::-1]), np.mean(models, axis=0), atol=0.1)


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
