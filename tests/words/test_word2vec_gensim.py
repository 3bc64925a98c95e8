"""gensim's face: names, defaults and answers side by side with gensim itself, what is refused, and the snippet everybody copies."""

from __future__ import annotations

import gzip
import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ringsmith.errors import InputError, OptionError, ReadError
from ringsmith.words.corpus import CorpusOptions, read_corpus
from ringsmith.words.gensim import FastText, Word2Vec
from ringsmith.words.gensim_terms import NO_EFFECT
from ringsmith.words.modelfile import save_model
from ringsmith.words.options import Word2VecOptions
from ringsmith.words.word2vec import train_word2vec

LINES = [line.split() for line in ("the cat sat on the mat", "the dog sat on the cat", "a cat and a dog", "on the mat sat a dog")] * 20
SMALL: dict[str, Any] = {"vector_size": 8, "min_count": 1, "workers": 1}
FACES = {"Word2Vec": Word2Vec, "FastText": FastText}


def topics(count: int = 3_000, seed: int = 0) -> list[list[str]]:
    """Sentences of one of four topics of 12 words: "a0" ... "d11"."""
    rng = np.random.default_rng(seed)
    return [[f"{'abcd'[topic]}{word}" for word in rng.integers(0, 12, 8)] for topic in rng.integers(0, 4, count)]


def purity(wv: Any) -> float:
    """Share of the five most similar words that are of the word's own topic; the same for both libraries."""
    return float(np.mean([near[0] == word[0] for word in wv.index_to_key for near, _ in wv.most_similar(word, topn=5)]))


@pytest.fixture(scope="module")
def gensim() -> Any:
    """The library, or a reason."""
    return pytest.importorskip("gensim.models", reason="gensim is not installed (extra 'bench')", exc_type=ImportError)


def test_the_snippet_everybody_copies_runs_with_only_the_import_changed() -> None:
    """As in articles about Word2Vec in Python."""
    sentences = [["the", "quick", "brown", "fox"], ["the", "lazy", "dog"], ["the", "word", "of", "the", "fox"]]
    from ringsmith import Word2Vec

    model = Word2Vec(sentences, vector_size=100, window=5, min_count=1, workers=4)
    assert model.wv["word"].shape == (100,)
    assert model.wv.key_to_index["the"] == 0
    similar = model.wv.most_similar("word")
    assert len(similar) == 7
    assert all(isinstance(word, str) and isinstance(score, float) for word, score in similar)


def test_the_tutorial_in_steps_runs() -> None:
    """build_vocab, train with the cached counts, ask."""
    model = Word2Vec(min_count=1, window=2, vector_size=30, sample=6e-5, alpha=0.03, min_alpha=0.0007, negative=20, workers=1)
    model.build_vocab(LINES)
    assert model.train(LINES, total_examples=model.corpus_count, epochs=3, report_delay=1) == (3 * 460, 3 * 460)
    assert model.wv.similarity("cat", "dog") <= 1
    assert model.wv.doesnt_match(["cat", "dog", "on"]) in {"cat", "dog", "on"}
    assert str(model) == "Word2Vec<vocab=8, vector_size=30, alpha=0.03>"


@pytest.mark.parametrize("name", FACES)
def test_arguments_and_defaults_are_those_of_gensim(name: str, gensim: Any) -> None:
    """In the same order, so that positional calls mean the same."""
    for method in ("__init__", "train", "build_vocab", "build_vocab_from_freq", "predict_output_word", "get_latest_training_loss"):
        ours, theirs = (inspect.signature(getattr(face, method)).parameters for face in (FACES[name], getattr(gensim, name)))
        theirs = {key: value for key, value in theirs.items() if value.kind is not inspect.Parameter.VAR_KEYWORD}
        assert {key: value.default for key, value in ours.items()} == {key: value.default for key, value in theirs.items()}, method
        assert list(ours) == list(theirs), method


@pytest.mark.parametrize("name", FACES)
def test_attributes_of_a_trained_model_are_those_of_gensim(name: str, gensim: Any) -> None:
    """Names, types and, where nothing is random, values."""
    ours, theirs = (face(LINES, **SMALL, **({"bucket": 100} if name == "FastText" else {})) for face in (FACES[name], getattr(gensim, name)))
    names = "vector_size alpha min_alpha window min_count sample seed workers sg hs negative ns_exponent cbow_mean epochs corpus_count corpus_total_words train_count layer1_size"
    for attribute in names.split():
        assert getattr(ours, attribute) == getattr(theirs, attribute), attribute
    assert str(ours).startswith(str(theirs).split("<")[0])
    assert set(ours.wv.key_to_index) == set(theirs.wv.key_to_index)
    assert {word: ours.wv.get_vecattr(word, "count") for word in ours.wv.key_to_index} == {word: theirs.wv.get_vecattr(word, "count") for word in ours.wv.key_to_index}
    assert ours.syn1neg.shape == theirs.syn1neg.shape
    assert ours.wv.vectors.dtype == theirs.wv.vectors.dtype


@pytest.mark.parametrize("way", [{"sg": 1}, {"sg": 0}, {"sg": 1, "hs": 1, "negative": 0}, {"sg": 0, "hs": 1, "negative": 0}, {"sg": 0, "cbow_mean": 0}])
def test_what_was_planted_is_learnt_as_by_gensim(way: dict[str, int], gensim: Any) -> None:
    """The same neighbours, and a loss of the same size."""
    options: dict[str, Any] = {"vector_size": 16, "min_count": 1, "workers": 1, "epochs": 5, "alpha": 0.05, "sample": 0, "compute_loss": True, **way}
    sentences = [line[: 3 + number * 7 % 6] for number, line in enumerate(topics())]
    ours, theirs = Word2Vec(sentences, **options), gensim.Word2Vec(sentences, **options)
    assert purity(ours.wv) >= min(0.97, purity(theirs.wv))
    assert ours.get_latest_training_loss() == pytest.approx(theirs.get_latest_training_loss(), rel=0.1)


def test_fasttext_learns_and_knows_words_it_never_saw(gensim: Any) -> None:
    """The n-grams of gensim: a new word's vector is the mean of its n-grams' in both."""
    options: dict[str, Any] = {"vector_size": 16, "min_count": 1, "workers": 1, "alpha": 0.05, "sample": 0, "bucket": 5_000, "sg": 1}
    prefixed = [[{"a": "app", "b": "blu", "c": "cor", "d": "dam"}[word[0]] + word[1:] for word in line] for line in topics()]
    ours, theirs = FastText(prefixed, **options), gensim.FastText(prefixed, **options)
    for model in (ours, theirs):
        assert purity(model.wv) > 0.95
        assert {word[:3] for word, _ in model.wv.most_similar("blu99", topn=5)} == {"blu"}
    assert "blu99" not in ours.wv.key_to_index


def test_words_added_later_keep_their_places_and_counts_add_up(gensim: Any) -> None:
    """build_vocab(update=True), side by side."""
    more = [["the", "fox", "and", "a", "hen"], ["fox"]] * 6
    models = [face(LINES, vector_size=8, min_count=5, workers=1) for face in (Word2Vec, gensim.Word2Vec)]
    before = [model.wv.index_to_key.copy() for model in models]
    vector = models[0].wv["cat"].copy()
    for model in models:
        model.build_vocab(more, update=True)
        assert model.corpus_count == 12
    assert [model.wv.index_to_key[:8] for model in models] == before
    assert [set(model.wv.index_to_key[8:]) for model in models] == [{"fox", "hen"}] * 2
    np.testing.assert_array_equal(models[0].wv["cat"], vector)
    for model in models:
        model.train(more, total_examples=model.corpus_count, epochs=2)
    # gensim sets the count of a known word anew in one place and adds it up in another; here counts add up.
    assert models[0].wv.get_vecattr("the", "count") == 5 * 20 + 6 == 106
    assert models[0].wv.get_vecattr("fox", "count") == 12


@pytest.mark.parametrize("most", [1, 2, 3, 5, 7, 8, 100])
def test_max_final_vocab_leaves_out_what_ties_with_the_first_one_too_many(most: int, gensim: Any) -> None:
    """As gensim does, which raises its min_count."""
    lines = [["a"] * 9 + ["b"] * 7 + ["c"] * 7 + ["d"] * 3 + ["e"] * 2 + ["f"] * 2 + ["g", "h"]]
    theirs = gensim.Word2Vec(vector_size=8, min_count=1, max_final_vocab=most)
    theirs.build_vocab(lines)
    ours = Word2Vec(vector_size=8, min_count=1, max_final_vocab=most)
    ours.build_vocab(lines)
    assert set(ours.wv.key_to_index) == set(theirs.wv.key_to_index)


def test_predicted_words_are_those_of_gensim_for_the_same_matrices(gensim: Any) -> None:
    """And their probabilities."""
    ours, theirs = Word2Vec(LINES, **SMALL, epochs=30), gensim.Word2Vec(LINES, **SMALL)
    order = [ours.wv.key_to_index[word] for word in theirs.wv.index_to_key]
    theirs.wv.vectors[:], theirs.syn1neg[:] = ours.wv.vectors[order], ours.syn1neg[order]
    one, other = ours.predict_output_word(["cat", "never", "sat"], topn=4), theirs.predict_output_word(["cat", "never", "sat"], topn=4)
    assert one is not None
    assert [word for word, _ in one] == [word for word, _ in other]
    np.testing.assert_allclose([share for _, share in one], [share for _, share in other], rtol=1e-4)
    assert ours.predict_output_word(["never"]) is None is theirs.predict_output_word(["never"])


class Listener:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.losses: list[float] = []

    def on_train_begin(self, model: Any) -> None:
        """Before everything."""
        self.heard.append("train begins")

    def on_epoch_begin(self, model: Any) -> None:
        """Before an epoch."""
        self.heard.append("epoch begins")

    def on_epoch_end(self, model: Any) -> None:
        """After an epoch."""
        self.heard.append("epoch ends")
        self.losses.append(model.get_latest_training_loss())
        assert len(model.wv) == 8

    def on_train_end(self, model: Any) -> None:
        """After everything."""
        self.heard.append("train ends")


def test_callbacks_are_called_in_the_order_of_gensim(gensim: Any) -> None:
    """With the model, whose loss adds up from epoch to epoch and begins anew with each training."""
    told = []
    for face in (Word2Vec, gensim.Word2Vec):
        listener = Listener()
        model = face(LINES, **SMALL, epochs=2, compute_loss=True, callbacks=[listener])
        model.train(LINES, total_examples=model.corpus_count, epochs=1, compute_loss=True, callbacks=[listener])
        told.append(listener.heard)
        assert 0 < listener.losses[0] < listener.losses[1] > listener.losses[2]
    assert told[0] == told[1]
    assert Word2Vec(LINES, **SMALL).get_latest_training_loss() == 0.0


def test_one_worker_gives_the_same_bits_and_the_face_those_of_train_word2vec() -> None:
    """The face adds nothing but gensim's learning rate."""
    one, other = Word2Vec(LINES, **SMALL, seed=3), Word2Vec(LINES, **SMALL, seed=3)
    model = train_word2vec(read_corpus(LINES, CorpusOptions(min_count=1)), Word2VecOptions(method="cbow", dim=8, rate=0.025, seed=3), threads=1)
    np.testing.assert_array_equal(one.wv.vectors, other.wv.vectors)
    np.testing.assert_array_equal(one.wv.vectors, model.inputs)


def test_sentences_come_from_anywhere(tmp_path: Path) -> None:
    """Lists, tuples, strings, an iterator that can be gone through once, a file, a packed one: the same vectors."""
    text = "\n".join(" ".join(line) for line in LINES)
    (tmp_path / "text.txt").write_text(text, encoding="utf-8")
    (tmp_path / "text.gz").write_bytes(gzip.compress(text.encode()))
    found = [
        Word2Vec(LINES, **SMALL),
        Word2Vec(map(tuple, LINES), **SMALL),
        Word2Vec(text.split("\n"), **SMALL),
        Word2Vec((line for line in LINES), **SMALL),
        Word2Vec(corpus_file=tmp_path / "text.txt", **SMALL),
        Word2Vec(corpus_file=str(tmp_path / "text.gz"), **SMALL),
    ]
    for model in found:
        np.testing.assert_array_equal(model.wv.vectors, found[0].wv.vectors)
        assert (model.corpus_count, model.corpus_total_words) == (80, 460)


@pytest.mark.parametrize("name", FACES)
def test_a_saved_model_is_trained_on_as_if_it_had_not_been_saved(name: str, tmp_path: Path) -> None:
    """With all its settings."""
    model = FACES[name](LINES, **SMALL, window=3, **({"bucket": 50, "min_n": 2} if name == "FastText" else {}))
    model.save(tmp_path / "my.model")
    loaded = FACES[name].load(tmp_path / "my.model")
    assert {key: getattr(loaded, key) for key in model.saved} == {key: getattr(model, key) for key in model.saved}
    assert (loaded.corpus_count, loaded.train_count) == (80, 1)
    for each in (model, loaded):
        each.train(LINES, epochs=1)
    np.testing.assert_array_equal(loaded.wv.vectors, model.wv.vectors)
    assert loaded.wv.most_similar("cat") == model.wv.most_similar("cat")


def test_gensims_own_save_is_refused_with_the_way_out(gensim: Any, tmp_path: Path) -> None:
    """A pickle can run code."""
    gensim.Word2Vec(LINES, **SMALL).save(str(tmp_path / "theirs.model"))
    with pytest.raises(ReadError, match=r"pickles \(gensim's own save\) are not opened, because they can run code\. .*save_word2vec_format"):
        Word2Vec.load(tmp_path / "theirs.model")


def test_a_model_of_another_class_is_refused(tmp_path: Path) -> None:
    """Also one of `save_model`."""
    Word2Vec(LINES, **SMALL).save(tmp_path / "one")
    with pytest.raises(ReadError, match=r"one: FastText\.load opens what FastText\.save wrote; this is of Word2Vec\. Open it there\."):
        FastText.load(tmp_path / "one")
    save_model(train_word2vec(read_corpus(LINES), Word2VecOptions(dim=4, epochs=1)), tmp_path / "two")
    with pytest.raises(ReadError, match=r"two: Word2Vec\.load opens what Word2Vec\.save wrote; this is of train_word2vec\."):
        Word2Vec.load(tmp_path / "two")


def test_a_vocabulary_from_counts() -> None:
    """Then trained on sentences; more counts add words."""
    model = Word2Vec(min_count=2, vector_size=8, workers=1)
    model.build_vocab_from_freq({"cat": 20, "dog": 30, "once": 1}, corpus_count=80)
    assert (model.wv.index_to_key, model.corpus_count, model.corpus_total_words) == (["dog", "cat"], 80, 51)
    model.build_vocab_from_freq({"mat": 5, "dog": 1, "twice": 1}, update=True)
    assert (model.wv.index_to_key, model.wv.get_vecattr("dog", "count")) == (["dog", "cat", "mat"], 31)
    assert model.train(LINES, epochs=1)[0] > 0
    with pytest.raises(InputError, match=r"^'min_count' is 2, and no word of 'word_freq' occurs so often\."):
        model.build_vocab_from_freq({"a": 1})


def test_fasttext_without_ngrams_is_word2vec() -> None:
    """``max_n=0``, as in gensim."""
    plain = FastText(LINES, **SMALL, max_n=0)
    np.testing.assert_array_equal(plain.wv.vectors, Word2Vec(LINES, **SMALL).wv.vectors)
    with pytest.raises(KeyError):
        plain.wv["never"]


REFUSED = [
    ({"max_vocab_size": 10}, r"^'max_vocab_size' is not taken: words are not dropped while they are counted; got 10\. Leave it out; 'max_final_vocab' bounds the vocabulary\.$"),
    ({"hashfxn": len}, r"^'hashfxn' is not taken: vectors begin from 'seed' .*; got <built-in function len>\. Leave it out\.$"),
    ({"null_word": 1}, r"^'null_word' is not taken: there is no word that stands for nothing; got 1\. Leave it out\.$"),
    ({"trim_rule": max}, r"^'trim_rule' is not taken: words are kept by 'min_count' and 'max_final_vocab'; got <.*>\. Leave it out, and drop other words"),
    ({"sorted_vocab": 0}, r"^'sorted_vocab' must be 1: words are numbered from the most frequent one on; got 0\. Leave it out\.$"),
    ({"sorted_vocab": 0, "null_word": 1}, r"^'null_word' .*\n'sorted_vocab' "),
    ({"vector_size": 0, "alpha": 7}, r"^'vector_size' must be a whole number, at least 1; got 0\. Use 100, .*\n'alpha' must be above 0 and at most 1; got 7\."),
    ({"min_alpha": 1}, r"^'min_alpha' must be from 0 to 'alpha' \(0\.025\); got 1\."),
    ({"negative": 0}, r"^'negative' is 0 and 'hs' is off; one of them must tell right from wrong\. Use negative=5, or hs=1\.$"),
    ({"window": 0}, r"^'window' must be a whole number, at least 1; got 0\."),
    ({"workers": 0}, r"^'threads' must be at least 1; got 0\."),
]


@pytest.mark.parametrize(("wrong", "sentence"), REFUSED, ids=[" ".join(wrong) for wrong, _ in REFUSED])
def test_what_is_not_taken_is_refused_in_one_sentence(wrong: dict[str, Any], sentence: str) -> None:
    """In gensim's own names; all faults at once."""
    with pytest.raises(OptionError, match=sentence):
        Word2Vec(LINES, **{**SMALL, **wrong})


def test_what_has_no_effect_is_warned_about() -> None:
    """Queues and logs of gensim."""
    with pytest.warns(UserWarning, match=r"^'batch_words' has no effect: words are not sent to workers in batches here\. Leave it out\.$"):
        model = Word2Vec(LINES, **SMALL, batch_words=3)
    with pytest.warns(UserWarning, match="'progress_per' has no effect"):
        model.build_vocab(LINES, progress_per=1)
    with pytest.warns(UserWarning, match="'queue_factor' has no effect"):
        model.train(LINES, queue_factor=9)
    assert set(NO_EFFECT) == {"batch_words", "queue_factor", "progress_per", "report_delay"}


def test_wrong_use_is_refused_in_one_sentence(tmp_path: Path) -> None:
    """No vocabulary, no sentences, both, a path in the place of sentences."""
    model = Word2Vec(vector_size=8)
    assert len(model.wv) == 0
    for call in (lambda: model.train(LINES), lambda: model.build_vocab(LINES, update=True), lambda: model.save(tmp_path / "x"), lambda: model.syn1neg):
        with pytest.raises(OptionError, match=r"^There must be a vocabulary( to [a-z ]+)?; there is none yet\. Call build_vocab\(sentences\) first\.$"):
            call()
    with pytest.raises(OptionError, match=r"^Sentences must come either as an iterable or from 'corpus_file'; got neither\. Pass one of them\.$"):
        model.build_vocab()
    with pytest.raises(OptionError, match=r"got both\."):
        Word2Vec(LINES, corpus_file="x")
    with pytest.raises(OptionError, match=r"^'sentences' must be an iterable of lists of words; got 'text8'\. To read a file, pass it as corpus_file=\.\.\.$"):
        Word2Vec("text8")
    with pytest.raises(InputError, match="it is empty"):
        Word2Vec([])
    with pytest.raises(InputError, match=r"^'min_count' is 5, and no word occurs so often"):
        Word2Vec([["a", "b"]])
    with pytest.raises(AttributeError, match=r"'Word2Vec' object has no attribute 'init_sims': norms are computed when they are needed"):
        model.init_sims(replace=True)
    with pytest.raises(OptionError, match=r"^'negative' must be at least 1 to predict words; got 0\."):
        Word2Vec(LINES, **SMALL, hs=1, negative=0).predict_output_word(["cat"])


def test_training_on_unknown_words_alone_is_refused() -> None:
    """Nothing would be learnt."""
    model = Word2Vec(LINES, **SMALL)
    with pytest.raises(InputError, match=r"^The corpus must hold words of the vocabulary; none of its 1 words is among the 8\."):
        model.train([["unknown"]])
