"""word2vec as a whole: what it learns, how it is shared out, how it stops, what it refuses."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringsmith._machine import cores
from ringsmith.errors import InputError, OptionError, RunRefused
from ringsmith.records import Progress
from ringsmith.words.corpus import Corpus, CorpusOptions, read_corpus
from ringsmith.words.growing import read_more, renumber
from ringsmith.words.model import Word2VecModel, extend, make_model
from ringsmith.words.options import Word2VecOptions
from ringsmith.words.parallel import threads_of
from ringsmith.words.stretches import LARGEST, cut, pieces, work_through
from ringsmith.words.vocabulary import Vocabulary
from ringsmith.words.word2vec import _Training, train_word2vec

ALL = CorpusOptions(min_count=1)
TOPICS = 4
SMALL: dict[str, Any] = {"dim": 16, "epochs": 5, "rate": 0.05, "sample": 0, "buckets": 2_000}
WAYS: dict[str, dict[str, Any]] = {
    "skipgram": {},
    "cbow": {"method": "cbow"},
    "cbow, sum": {"method": "cbow", "mean": False},
    "tree": {"hierarchical": True, "negative": 0},
    "cbow, tree": {"method": "cbow", "hierarchical": True, "negative": 0},
    "tree and negatives": {"hierarchical": True},
    "subwords": {"subwords": (3, 4)},
    "cbow, subwords": {"method": "cbow", "subwords": (3, 4)},
}


def sentences(count: int = 3_000, seed: int = 0) -> list[list[str]]:
    """Each of one topic: 8 words of the topic's 12, whose names do not tell the topic."""
    rng = np.random.default_rng(seed)
    names = [f"w{number:02d}x" for number in np.random.default_rng(1).permutation(12 * TOPICS)]
    return [[names[12 * topic + word] for word in rng.integers(0, 12, 8)] for topic in rng.integers(0, TOPICS, count)]


def topic_of() -> dict[str, int]:
    """The topic of each word."""
    names = np.random.default_rng(1).permutation(12 * TOPICS)
    return {f"w{number:02d}x": place // 12 for place, number in enumerate(names)}


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    """Three thousand sentences, in numbers."""
    return read_corpus(sentences(), ALL)


def purity(model: Word2VecModel) -> float:
    """Share of the five nearest neighbours that are of the word's own topic."""
    topics = topic_of()
    found = model.vectors.nearest(list(model.vocabulary.words), 5)
    return float(np.mean([topics[word] == topics[near.word] for word, nears in zip(model.vocabulary.words, found, strict=True) for near in nears]))


@pytest.mark.parametrize("way", WAYS)
def test_words_of_a_topic_become_neighbours_and_the_loss_falls(way: str, corpus: Corpus) -> None:
    """Training as a whole learns what was planted."""
    model = train_word2vec(corpus, Word2VecOptions(**SMALL, **WAYS[way]), threads=2)
    assert purity(model) > 0.97
    assert model.losses[-1] < 0.95 * model.losses[0]
    if way == "tree":
        assert model.losses[-1] == pytest.approx(np.log(12), rel=0.02), "a neighbour is one of 12 words, each as likely"
    assert len(model.losses) == 5
    assert model.trained_words == 5 * corpus.words
    assert model.seconds > 0


def test_the_loss_total_is_that_of_all_pairs(corpus: Corpus) -> None:
    """The mean of the watched pairs, times all of them: 7 words with a window of 1 have 12 pairs."""
    sevens = read_corpus([line[:7] for line in sentences()], ALL)
    model = train_word2vec(sevens, Word2VecOptions(**{**SMALL, "window": 1, "epochs": 1}), threads=1)
    assert model.loss_total == pytest.approx(model.losses[0] * 12 * sevens.sentences, rel=0.02)


@pytest.mark.parametrize("way", WAYS)
def test_deterministic_gives_the_same_bits_whatever_threads_is(way: str, corpus: Corpus) -> None:
    """And one thread does so without being asked."""
    few = replace(corpus, ids=corpus.ids[:4_000], starts=corpus.starts[:501])
    options = Word2VecOptions(**{**SMALL, "epochs": 2}, **WAYS[way], deterministic=True)
    one, other, plain = train_word2vec(few, options, threads=1), train_word2vec(few, options, threads=3), train_word2vec(few, replace(options, deterministic=False), threads=1)
    for model in (other, plain):
        np.testing.assert_array_equal(one.inputs, model.inputs)
        np.testing.assert_array_equal(one.outputs, model.outputs)
        assert one.losses == model.losses


def test_another_seed_gives_other_vectors(corpus: Corpus) -> None:
    """The seed is of the first vectors and of all that is drawn."""
    one, other = (train_word2vec(corpus, Word2VecOptions(**{**SMALL, "epochs": 1}, seed=seed), threads=1) for seed in (0, 1))
    assert abs(one.inputs - other.inputs).max() > 0.1


def test_a_seed_may_be_as_large_as_one_likes(corpus: Corpus) -> None:
    """Kernels take 63 bits of what is made of it."""
    few = replace(corpus, ids=corpus.ids[:4_000], starts=corpus.starts[:501])
    assert np.isfinite(train_word2vec(few, Word2VecOptions(**{**SMALL, "epochs": 1}, seed=2**70), threads=1).inputs).all()


def test_without_shuffling_the_order_is_the_corpus_and_else_another_in_each_epoch(corpus: Corpus) -> None:
    """Also where nothing is drawn: the stretches stand where they stand."""
    plain = [piece.first for piece in pieces(corpus.starts, 2, shuffle=False, seed=0)]
    assert plain == sorted(plain[: len(plain) // 2]) * 2
    mixed = [piece.first for piece in pieces(corpus.starts, 2, shuffle=True, seed=0)]
    assert mixed[: len(mixed) // 2] != mixed[len(mixed) // 2 :] != plain[: len(plain) // 2]


LENGTHS = st.lists(st.one_of(st.integers(1, 40), st.integers(1, 10_000), st.just(3 * LARGEST)), min_size=1, max_size=60)


@given(LENGTHS, st.integers(1, 3), st.booleans(), st.integers(0, 5))
def test_an_epoch_covers_every_sentence_once(lengths: list[int], epochs: int, shuffle: bool, before: int) -> None:
    """And the shares of the work follow each other from 0 to 1 without a gap."""
    starts = np.concatenate([[0], np.cumsum(lengths)])
    found = list(pieces(starts, epochs, shuffle=shuffle, seed=3, before=before))
    seen = Counter(sentence for piece in found for sentence in range(piece.first, piece.last))
    assert seen == dict.fromkeys(range(len(lengths)), epochs)
    assert [piece.before for piece in found] == np.cumsum([0, *(piece.words for piece in found)])[:-1].tolist()
    assert found[0].from_share == 0.0
    assert found[-1].to_share == 1.0
    assert len({piece.number for piece in found}) == len(found)
    assert cut(starts)[-1] == len(lengths)


@pytest.mark.parametrize("threads", [1, 3])
def test_the_rate_falls_over_all_words_of_all_epochs_to_the_lowest(threads: int, corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever takes a stretch is told its place among all words: gensim's corpus_file fails here."""
    taken: list[Any] = []

    def kernel(text: Any, weights: Any, bags: Any, draws: Any, shape: Any, stretch: Any) -> tuple[float, int]:
        taken.append(stretch)
        return 1.0, 1

    training = _Training(corpus, options := Word2VecOptions(rate=0.5, min_rate=0.1, epochs=3), make_model(corpus.vocabulary, options), lambda _: None, None, threads)
    training.kernel = kernel
    training.run()
    rates = sorted(((stretch.rate_from, stretch.rate_to) for stretch in taken), reverse=True)
    assert rates[0][0] == 0.5
    assert rates[-1][1] == pytest.approx(0.1)
    assert [end for _, end in rates[:-1]] == pytest.approx([begin for begin, _ in rates[1:]])


class _Stop(BaseException):
    """As Ctrl-C, which is no Exception either."""


@pytest.mark.parametrize("error", [KeyboardInterrupt, _Stop, ValueError])
def test_an_exception_in_the_listener_stops_all_threads_and_leaves_a_model(error: type[BaseException], corpus: Corpus) -> None:
    """What was learnt until then stays; no thread does."""
    before, model = threading.active_count(), make_model(corpus.vocabulary, Word2VecOptions(**{**SMALL, "epochs": 10_000}))

    def report(progress: Progress) -> None:
        if progress.done:
            raise error

    with pytest.raises(error):
        train_word2vec(corpus, model=model, threads=2, report=report)
    assert threading.active_count() == before
    assert 0 < model.trained_words < 10_000 * corpus.words
    assert np.isfinite(model.inputs).all()


def test_a_fault_in_a_worker_comes_out_and_stops_the_others() -> None:
    """No piece is begun after it, but for those that are under way."""
    done: list[int] = []

    def work(piece: Any) -> None:
        done.append(piece.number)
        if piece.number == 3:
            raise ZeroDivisionError
        time.sleep(0.0005)  # work that takes no time is all done before the other thread is heard

    before = threading.active_count()
    with pytest.raises(ZeroDivisionError):
        work_through(pieces(np.arange(0, 1_000_001, 10), 50, shuffle=False, seed=0), 2, work, lambda: None)
    assert threading.active_count() == before
    assert len(done) < 50 * 200


def test_the_listener_and_the_callback_are_told(corpus: Corpus) -> None:
    """Progress in words with pace and loss; the model after every epoch."""
    heard: list[Progress] = []
    epochs: list[int] = []
    train_word2vec(corpus, Word2VecOptions(**SMALL), threads=2, report=heard.append, after_epoch=lambda model: epochs.append(len(model.losses)))
    assert epochs == [1, 2, 3, 4, 5]
    assert heard[-1].done == heard[-1].total == 5 * corpus.words
    assert heard[-1].stage, heard[-1].unit == ("train", "words")
    assert "M words/s, loss " in heard[-1].note


ODD = {
    "one-word sentences": [["a"], ["b"], ["a"]] * 5,
    "one sentence": [["a", "b", "c"]],
    "one word": [["a"]],
    "one word in the vocabulary": [["a"] * 30],
    "a sentence longer than anything": [["a", "b", "c", "d"] * 30_000, ["a", "b"]],
    "sentences that begin and end empty": [[], ["a", "b"], [], []],
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ODD)
def test_odd_corpora_are_trained_on(name: str, way: str) -> None:
    """With more threads than stretches."""
    corpus = read_corpus(ODD[name], ALL)
    model = train_word2vec(corpus, Word2VecOptions(dim=3, epochs=2, window=8, buckets=50, **WAYS[way]), threads=7)
    assert np.isfinite(model.inputs).all()
    assert np.isfinite(model.outputs).all()
    assert np.isfinite(model.losses).all()
    assert model.vectors.matrix.shape == (len(corpus.vocabulary), 3)
    assert model.trained_words == 2 * corpus.words


def test_a_corpus_without_words_is_refused() -> None:
    """Made by hand: reading refuses it too."""
    empty = Corpus(Vocabulary((), np.zeros(0, np.int64)), np.zeros(0, np.int32), np.zeros(1, np.int64), 0)
    with pytest.raises(InputError, match=r"^The corpus must hold words; it is empty\. Check the source\.$"):
        train_word2vec(empty)


def test_vectors_that_left_the_numbers_are_refused_rather_than_saved(corpus: Corpus) -> None:
    """However they came there."""
    model = make_model(corpus.vocabulary, Word2VecOptions(**SMALL, method="cbow", mean=False))
    model.inputs[0, 0] = np.inf
    with pytest.raises(RunRefused, match=r"infinite in epoch 1; the learning rate is too high for this corpus\. Train anew with a 'rate' below 0\.05\."):
        train_word2vec(corpus, model=model, threads=1)


BAD = [
    ({"dim": 0}, r"^'dim' must be a whole number, at least 1; got 0\. Use 100, the usual value, or leave it out\.$"),
    ({"dim": 2.5}, r"^'dim' must be a whole number, at least 1; got 2\.5\. Use 100, the usual value, or leave it out\.$"),
    ({"window": 0}, r"^'window' must be a whole number, at least 1; got 0\. Use 5, the usual value, or leave it out\.$"),
    ({"epochs": 0}, r"^'epochs' must be a whole number, at least 1; got 0\. Use 5, the usual value"),
    ({"buckets": 0}, r"^'buckets' must be a whole number, at least 1; got 0\. Use 2,000,000, the usual value"),
    ({"negative": -1}, r"^'negative' must be a whole number, at least 0; got -1\. Use 5, the usual value"),
    ({"seed": -3}, r"^'seed' must be a whole number, at least 0; got -3\. Use 0, the usual value"),
    ({"negative": 0}, r"^'negative' is 0 and 'hierarchical' is off; one of them must tell right from wrong\. Use negative=5, or hierarchical=True\.$"),
    ({"method": "glove"}, r"^'method' must be 'skipgram' or 'cbow'; got 'glove'\. Use skipgram, the usual value"),
    ({"sample": 1}, r"^'sample' must be from 0 to below 1; got 1\. Use 0\.001, the usual value"),
    ({"noise_power": float("nan")}, r"^'noise_power' must be a finite number; got nan\. Use 0\.75, the usual value"),
    ({"rate": 0}, r"^'rate' must be above 0 and at most 1; got 0\. Use 0\.025, the usual value"),
    ({"rate": 0.01, "min_rate": 0.02}, r"^'min_rate' must be from 0 to 'rate' \(0\.01\); got 0\.02\."),
    ({"negative": 2_000_000}, r"^'negative' must be at most 1,000; got 2000000\. Use 5, the usual value"),
    ({"rate": float("nan")}, r"^'rate' must be above 0 and at most 1; got nan\."),
    ({"min_rate": 0.5}, r"^'min_rate' must be from 0 to 'rate' \(0\.025\); got 0\.5\. Use 0\.0001, the usual value"),
    ({"subwords": (5, 3)}, r"^'subwords' must be two lengths, the shorter first, from 1 up; got \(5, 3\)\. Use \(3, 6\), the usual value"),
    ({"subwords": (3,)}, r"^'subwords' must be two lengths, .*; got \(3,\)\."),
]


@pytest.mark.parametrize(("wrong", "sentence"), BAD, ids=[" ".join(map(str, wrong.items())) for wrong, _ in BAD])
def test_a_wrong_option_is_refused_in_one_sentence(wrong: dict[str, Any], sentence: str) -> None:
    """What, rule, what was got, what to do."""
    with pytest.raises(OptionError, match=sentence):
        Word2VecOptions(**wrong)


@pytest.mark.parametrize(("way", "usual"), [("skipgram", 0.025), ("cbow, sum", 0.025), ("cbow", 0.05)])
def test_the_usual_rate_is_that_of_the_way_and_a_given_one_stays(way: str, usual: float) -> None:
    """As in word2vec.c."""
    assert Word2VecOptions(**WAYS[way]).first_rate == usual
    assert replace(Word2VecOptions(**WAYS[way]), rate=0.03).first_rate == 0.03
    with pytest.raises(OptionError, match=rf"^'rate' must be above 0 and at most 1; got 2\. Use {usual}, the usual value"):
        Word2VecOptions(rate=2, **WAYS[way])


def test_all_wrong_options_are_told_at_once() -> None:
    """A line each."""
    with pytest.raises(OptionError) as caught:
        Word2VecOptions(dim=0, window=-1, negative=0, sample=3)
    assert [line.split()[0] for line in str(caught.value).splitlines()] == ["'dim'", "'window'", "'negative'", "'sample'"]


def test_wrong_threads_and_a_model_that_does_not_fit_are_refused(corpus: Corpus) -> None:
    """The matrices keep their shape; the vocabulary is the corpus's."""
    model = make_model(corpus.vocabulary, Word2VecOptions(dim=8))
    with pytest.raises(OptionError, match=r"^'threads' must be at least 1; got 0\. Leave it out for all cores\.$"):
        train_word2vec(corpus, threads=0)
    with pytest.raises(OptionError, match=r"^'dim' must stay 8, as the model was made; got 9\. Leave it .*\n'hierarchical' must stay False, as the model was made; got True\."):
        train_word2vec(corpus, Word2VecOptions(dim=9, hierarchical=True), model=model)
    with pytest.raises(InputError, match=r"must have the vocabulary of the model \(48 words\); it has another one \(2 words\)\. Read it with read_more\("):
        train_word2vec(read_corpus([["a", "b"]], ALL), model=model)


def test_training_on_with_new_words_keeps_what_was_learnt(corpus: Corpus) -> None:
    """Known words keep number and vector, counts add up, a new word is placed among its topic."""
    model = train_word2vec(corpus, Word2VecOptions(**SMALL), threads=1)
    topic = topic_of()[corpus.vocabulary.words[0]]
    more = read_more([[*line[:7], "novel"] for line in sentences(2_000, seed=5) if topic_of()[line[0]] == topic], corpus.vocabulary, CorpusOptions(min_count=2))
    larger = extend(model, more.vocabulary)
    assert more.vocabulary.words == (*corpus.vocabulary.words, "novel")
    assert more.vocabulary.total == corpus.vocabulary.total + more.words
    np.testing.assert_array_equal(larger.inputs[:-1], model.inputs)
    np.testing.assert_array_equal(larger.outputs[:-2], model.outputs[:-1])
    assert not larger.outputs[-2:].any()
    train_word2vec(more, model=larger, threads=1)
    assert {topic_of()[near.word] for near in larger.vectors.nearest("novel", 5)} == {topic}
    assert purity(replace_words(larger, corpus.vocabulary)) > 0.95
    assert larger.losses[:5] == model.losses
    assert larger.trained_words == model.trained_words + 5 * more.words


def replace_words(model: Word2VecModel, vocabulary: Vocabulary) -> Word2VecModel:
    """The model of a smaller vocabulary."""
    return extend(model, vocabulary)


@pytest.mark.parametrize(("way", "start"), [("skipgram", 0.5), ("cbow, sum", 0.5), ("cbow", 3.0)])
def test_vectors_begin_evenly_around_nothing_those_of_means_farther_out(way: str, start: float) -> None:
    """Means, spread and ends of an even distribution; targets begin at 0."""
    model = make_model(Vocabulary.of([str(number) for number in range(2_000)]), Word2VecOptions(dim=50, **WAYS[way]))
    numbers = model.inputs.ravel() * 50 / start
    assert numbers.mean() == pytest.approx(0, abs=0.01)
    assert numbers.std() == pytest.approx(1 / np.sqrt(3), abs=0.01)
    assert 0.99 < np.abs(numbers).max() <= 1
    assert not model.outputs.any()


def test_extending_keeps_ngrams_and_lets_a_tree_begin_anew() -> None:
    """Rows of buckets follow the words, wherever these end."""
    old = Vocabulary.of(["a", "a", "rose", "is"])
    model = make_model(old, Word2VecOptions(dim=4, subwords=(2, 3), buckets=10, hierarchical=True))
    model.outputs[:-1] = 7
    larger = extend(model, Vocabulary.of(["is", "is", "tulip", "no", "a", "a", "a"]))
    np.testing.assert_array_equal(larger.inputs[4:], model.inputs[3:])
    np.testing.assert_array_equal(larger.inputs[[0, 1]], model.inputs[[0, 2]])
    assert larger.outputs[:, 0].tolist() == [7, 7, 0, 0, 0, 0, 0, 0]


def test_nothing_of_the_first_epochs_is_drawn_again_when_training_goes_on(corpus: Corpus) -> None:
    """Else ten epochs in two halves would see the same negatives twice."""
    first, second = (list(pieces(corpus.starts, 2, shuffle=True, seed=0, before=before)) for before in (0, 2))
    assert not {piece.number for piece in first} & {piece.number for piece in second}
    assert [piece.first for piece in first] != [piece.first for piece in second]


@given(st.lists(st.lists(st.sampled_from("abcde"), max_size=6), max_size=12), st.sets(st.sampled_from("abcde"), min_size=1))
def test_renumbering_is_reading_what_is_left(lines: list[list[str]], kept: set[str]) -> None:
    """Words that are not wanted are gone, empty sentences too."""
    wanted = Vocabulary(tuple(sorted(kept)), np.ones(len(kept), np.int64))
    expected = [left for line in lines if (left := [word for word in line if word in kept])]
    if not any(lines):
        return
    if not expected:
        with pytest.raises(InputError, match=r"^The corpus must hold words of the vocabulary; none of its "):
            renumber(read_corpus(lines, ALL), wanted)
        return
    found = renumber(read_corpus(lines, ALL), wanted)
    assert [[wanted.words[number] for number in found.ids[a:b]] for a, b in zip(found.starts, found.starts[1:], strict=False)] == expected


def test_renumbering_goes_on_over_its_own_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """However small they are."""
    lines = sentences(200)
    corpus = read_corpus(lines, ALL)
    wanted = Vocabulary(corpus.vocabulary.words[10:30], corpus.vocabulary.counts[10:30])
    whole = renumber(corpus, wanted)
    monkeypatch.setattr("ringsmith.words.growing.AT_ONCE", 7)
    parts = renumber(corpus, wanted)
    np.testing.assert_array_equal(whole.ids, parts.ids)
    np.testing.assert_array_equal(whole.starts, parts.starts)


def test_the_rate_at_the_end_is_never_above_that_at_the_start() -> None:
    """Unless one is named, it is the usual one or, below that, the rate itself."""
    assert [Word2VecOptions(rate=rate).last_rate for rate in (None, 0.5, 5e-5)] == [1e-4, 1e-4, 5e-5]
    assert Word2VecOptions(rate=0.5, min_rate=0.2).last_rate == 0.2


def test_more_threads_than_can_work_are_not_started() -> None:
    """Each would have copies of its own of the rows of frequent words."""
    corpus, options = read_corpus(["a rose is a rose"] * 500, CorpusOptions(min_count=1)), Word2VecOptions(dim=8, epochs=1)
    assert threads_of(3) == 3
    assert threads_of(None) == cores()
    assert threads_of(100_000) == 4 * cores()
    assert train_word2vec(corpus, options, threads=100_000).trained_words == corpus.words
