"""Word vectors on a cluster: the counts are those of one machine to the last bit, whoever adds them up; word2vec is put together as promised."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_words_cooccurrence import zipf_corpus

from ringsmith._cluster import Here, Workers, cluster
from ringsmith.errors import InputError, OptionError, RunRefused
from ringsmith.records import Progress
from ringsmith.words import spread_counts as counting
from ringsmith.words.cooccurrence import CooccurrenceOptions, Cooccurrences, count_cooccurrences
from ringsmith.words.corpus import Corpus, CorpusOptions, read_corpus
from ringsmith.words.files import open_vectors
from ringsmith.words.glove import GloveOptions
from ringsmith.words.model import make_model
from ringsmith.words.options import Word2VecOptions
from ringsmith.words.spread_counts import ranges, spread_counts
from ringsmith.words.spread_steps import Moved, gain, put_together, steps_per_word
from ringsmith.words.spread_training import Shard, SpreadOptions, deal, spread_word2vec
from ringsmith.words.training import VectorsJob, make_vectors
from ringsmith.words.vocabulary import Vocabulary
from ringsmith.words.word2vec import train_word2vec

SMALL = Word2VecOptions(dim=8, epochs=2, deterministic=True)


@pytest.fixture(scope="module")
def two_of_ray() -> Iterator[Workers]:
    """Ray on two cores of this machine."""
    pytest.importorskip("ray", reason="the extra 'ray' is not installed")
    with cluster(cores_here=2) as workers:
        yield workers


def assert_same_bits(found: Cooccurrences, other: Cooccurrences) -> None:
    """Every array."""
    for name in ("starts", "columns", "values"):
        assert getattr(found, name).tobytes() == getattr(other, name).tobytes(), name


@pytest.mark.parametrize("cores", [(1,), (2,), (4, 3)])
@pytest.mark.parametrize("options", [CooccurrenceOptions(), CooccurrenceOptions(window=3, symmetric=False), CooccurrenceOptions(weighted=False)], ids=["usual", "left", "even"])
def test_counts_of_shards_are_those_of_one_machine(cores: tuple[int, ...], options: CooccurrenceOptions) -> None:
    """To the last bit, however many take part."""
    corpus, told = zipf_corpus(20_000), list[Progress]()
    assert_same_bits(spread_counts(corpus, options, Here(cores), report=told.append), count_cooccurrences(corpus, options))
    assert told[-1].done == told[-1].total == corpus.words
    assert len(told) >= 2 * sum(cores)


@settings(max_examples=40)
@given(st.lists(st.lists(st.sampled_from("abcde"), max_size=12), min_size=1), st.integers(1, 15), st.integers(1, 30))
def test_whatever_the_sentences_shards_add_up(lines: list[list[str]], window: int, most: int) -> None:
    """Parts of any size, down to a sentence."""
    if any(len(line) > 1 for line in lines):
        corpus, options = read_corpus(lines, CorpusOptions(min_count=1)), CooccurrenceOptions(window=window)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(counting, "LARGEST_PART", most)
            assert_same_bits(spread_counts(corpus, options, Here((3,))), count_cooccurrences(corpus, options))


def test_the_order_in_which_parts_are_added_does_not_matter() -> None:
    """Sums are exact: backwards, and of sums."""
    corpus, options = zipf_corpus(20_000), CooccurrenceOptions()
    counter = counting.counter_for(corpus, options, threads=1)
    edges = [0, len(corpus.vocabulary)]
    parts = [counting.count_part(counter, *counting.sentences(corpus, part), edges) for part in counting.stretches(corpus.starts, 3_000)]
    assert len(parts) > 5
    forth, back = (np.concatenate([rows.values for rows in counting.add_up_range(counter, *order)]) for order in (parts, parts[::-1]))
    assert forth.tobytes() == back.tobytes()


def test_ranges_cover_every_row_once() -> None:
    """For one word or many."""
    for counts in (np.array([5]), np.array([9, 1]), np.sort(np.random.default_rng(0).zipf(1.5, 1000))[::-1]):
        edges = ranges(counts, 4)
        assert edges[0] == 0
        assert edges[-1] == len(counts)
        assert edges == sorted(set(edges))


def test_a_corpus_that_gives_no_counts_is_refused_as_ever() -> None:
    """Before anything is handed out."""
    with pytest.raises(InputError, match="Words must stand near others"):
        spread_counts(read_corpus(["a", "b"], CorpusOptions(min_count=1)), CooccurrenceOptions(), Here())


def test_ray_counts_the_matrix_of_one_machine(two_of_ray: Workers, tmp_path: Path) -> None:
    """Two workers; also put together on disk."""
    corpus = zipf_corpus(20_000)
    here = count_cooccurrences(corpus)
    assert_same_bits(spread_counts(corpus, CooccurrenceOptions(), two_of_ray), here)
    on_disk = spread_counts(corpus, CooccurrenceOptions(memory_bytes=1 << 20), two_of_ray, folder=tmp_path / "counts")
    assert_same_bits(on_disk, here)
    assert isinstance(on_disk.values, np.memmap)


def test_ray_trains_what_is_trained_here(two_of_ray: Workers) -> None:
    """The same bits as the same shards, one after the other in this process."""
    corpus, spread = zipf_corpus(20_000, kinds=300), SpreadOptions(workers=2, sync_words=5_000)
    here, there = (spread_word2vec(corpus, SMALL, workers, spread=spread) for workers in (Here(), two_of_ray))
    np.testing.assert_array_equal(here.inputs, there.inputs)
    np.testing.assert_array_equal(here.outputs, there.outputs)
    assert here.losses == there.losses


def test_the_whole_way_goes_by_ray(two_of_ray: Workers, tmp_path: Path) -> None:
    """GloVe from there has the bits of GloVe from here."""
    lines = [" ".join(f"w{word}" for word in sentence) for sentence in np.random.default_rng(0).zipf(1.7, (300, 12)) % 50]
    results = [
        make_vectors(VectorsJob(source=lines, out=tmp_path / f"{on}.safetensors", corpus=CorpusOptions(min_count=1), glove=GloveOptions(dim=6, iterations=2), on=on))
        for on in ("local", "ray")
    ]
    assert results[0].losses == results[1].losses
    np.testing.assert_array_equal(open_vectors(results[0].out).matrix, open_vectors(results[1].out).matrix)


def test_one_shard_is_training_on_one_machine() -> None:
    """One worker, whatever the times of putting together: the same pieces at the same rates, the same bits where the random numbers agree."""
    corpus = zipf_corpus(20_000, kinds=300)
    plain = train_word2vec(corpus, SMALL)
    spread = spread_word2vec(corpus, SMALL, Here(), spread=SpreadOptions(workers=1, sync_words=7_000))
    np.testing.assert_allclose(spread.inputs, plain.inputs, atol=1e-6)
    np.testing.assert_allclose(spread.outputs, plain.outputs, atol=1e-6)
    assert spread.losses == pytest.approx(plain.losses)
    assert spread.trained_words == plain.trained_words == 2 * corpus.words


def test_shards_hold_every_sentence_once() -> None:
    """In about equal shares."""
    corpus = zipf_corpus(20_000)
    shards = list(deal(corpus, 3, seed=0))
    cut = [tuple(ids[first:last].tolist()) for ids, starts in shards for first, last in pairwise(starts)]
    whole = [tuple(corpus.ids[first:last].tolist()) for first, last in zip(corpus.starts[:-1], corpus.starts[1:], strict=True)]
    assert sorted(cut) == sorted(whole)
    sizes = [len(ids) for ids, _ in shards]
    assert max(sizes) < 1.3 * min(sizes)


def test_rows_move_by_the_mean_step_times_their_gain() -> None:
    """By the slow twin, row by row."""
    rng = np.random.default_rng(0)
    before, gains = rng.normal(size=(20, 3)).astype(np.float32), rng.uniform(1, 3, 20)
    steps = [Moved(rows, rng.normal(size=(len(rows), 3)).astype(np.float32)) for rows in (np.array([0, 3, 7]), np.array([3, 7, 9, 19]), np.array([7]))]
    matrix = before.copy()
    moved = put_together(matrix, steps, gains)
    for row in range(20):
        total = sum(step.values[step.rows.tolist().index(row)] for step in steps if row in step.rows)
        np.testing.assert_allclose(matrix[row], before[row] + gains[row] * total / 3, rtol=1e-4)
    assert moved.rows.tolist() == [0, 3, 7, 9, 19]
    np.testing.assert_array_equal(moved.values, matrix[moved.rows])


@given(st.floats(0, 60), st.integers(1, 20))
def test_the_gain_is_what_more_steps_would_have_come_to(x: float, workers: int) -> None:
    """One row drawn to one place: the mean step of all, times the gain, is the way of one who took the steps of all."""
    apart, together = 1 - math.exp(-x), 1 - math.exp(-workers * x)
    assert float(gain(np.array([x]), workers)[0]) * apart == pytest.approx(together, rel=1e-4, abs=1e-9)
    assert 1 <= float(gain(np.array([x]), workers)[0]) <= workers


@pytest.mark.parametrize("way", [{}, {"shrink": False}, {"method": "cbow"}, {"subwords": (2, 3), "buckets": 50}, {"hierarchical": True, "negative": 2}], ids=str)
def test_steps_are_as_many_as_a_count_by_hand_expects(way: dict[str, object]) -> None:
    """From the options' own meaning: pairs of a word with its window, a negative for each, a node for each turn of a path."""
    vocabulary = Vocabulary.of(["ab"] * 60 + ["bc"] * 30 + ["cd"] * 10)
    options = Word2VecOptions(dim=2, window=3, sample=0, **{"negative": 5, **way})  # type: ignore[arg-type]
    bags = make_model(vocabulary, options).bags
    inputs, outputs = steps_per_word(vocabulary, options, bags)
    shares, pairs = [0.6, 0.3, 0.1], 6 if way.get("shrink") is False else 4
    expected = np.zeros(3 + (50 if options.subwords else 0))
    for word, share in enumerate(shares):
        for row in bags.rows[bags.starts[word] : bags.starts[word + 1]]:
            expected[row] += share * pairs
    np.testing.assert_allclose(inputs, expected[: len(inputs)])
    told = 1 if options.method == "cbow" else pairs
    noise = np.array([60, 30, 10]) ** 0.75
    np.testing.assert_allclose(outputs[:3], told * (np.array(shares) + options.negative * noise / noise.sum()))
    if options.hierarchical:
        assert sorted(outputs[3:5].tolist()) == pytest.approx([told * 0.4, told * 1.0])
    assert outputs[-1] == 0


@pytest.mark.parametrize("way", [{}, {"method": "cbow"}, {"subwords": (2, 3), "buckets": 500}, {"hierarchical": True, "negative": 0}], ids=str)
def test_every_way_of_training_learns_on_shards(way: dict[str, object]) -> None:
    """Words of one topic come to lie near each other; the account adds up."""
    draw = np.random.default_rng(0)
    lines = [[f"{topic}{number}" for number in draw.integers(0, 8, 12)] for topic in ("x", "y") * 1500]
    corpus = read_corpus(lines, CorpusOptions(min_count=1))
    told: list[Progress] = []
    options = Word2VecOptions(dim=10, epochs=3, sample=0, rate=0.1, deterministic=True, **way)  # type: ignore[arg-type]
    model = spread_word2vec(corpus, options, Here((2, 2, 2)), spread=SpreadOptions(sync_words=9_000), report=told.append)
    vectors = model.vectors
    for word in ("x0", "y3"):
        assert [near.word[0] for near in vectors.nearest(word, 5)] == [word[0]] * 5
    assert len(model.losses) == 3
    assert model.losses[-1] < model.losses[0]
    assert model.trained_words == told[-1].done == told[-1].total == 3 * corpus.words
    assert len(told) == 3 * 4


def test_the_rate_falls_over_all_words_whoever_reads_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every shard goes from the first rate to the last, and all are at the same place whenever they meet."""
    rates: list[list[tuple[float, float]]] = []

    def watched(self: Shard, share: float, news: object = None, real: object = Shard.train) -> object:
        seen: list[tuple[float, float]] = []
        work = self.training.work
        self.training.work = lambda piece: (seen.append((piece.from_share, piece.to_share)), work(piece))[1]  # type: ignore[method-assign]
        learnt = real(self, share, news)  # type: ignore[operator]
        self.training.work = work  # type: ignore[method-assign]
        rates.append(seen)
        return learnt

    monkeypatch.setattr(Shard, "train", watched)
    spread_word2vec(zipf_corpus(40_000), SMALL, Here((1, 1)), spread=SpreadOptions(sync_words=10_000))
    assert rates[:2] == [[], []]
    first, second = rates[2::2], rates[3::2]
    for shard in (first, second):
        flat = [share for turn in shard for share in turn]
        assert flat[0][0] == 0
        assert flat[-1][1] == 1
        assert all(before[1] == pytest.approx(after[0]) for before, after in pairwise(flat))
    for one, other in zip(first, second, strict=True):
        assert abs(one[-1][1] - other[-1][1]) < 0.06


def test_ctrl_c_leaves_what_was_put_together() -> None:
    """The model is that of the last time."""

    def stop(progress: Progress) -> None:
        raise KeyboardInterrupt

    corpus = zipf_corpus(20_000)
    model = make_model(corpus.vocabulary, SMALL)
    with pytest.raises(KeyboardInterrupt):
        spread_word2vec(corpus, SMALL, Here(), model=model, spread=SpreadOptions(workers=2, sync_words=5_000), report=stop)
    assert 0 < model.trained_words < corpus.words
    assert model.outputs.any()


def small_corpus() -> Corpus:
    """Two stretches of text."""
    return read_corpus(["a rose is a rose"] * 300, CorpusOptions(min_count=1))


def test_what_cannot_be_spread_out_is_refused() -> None:
    """More workers than cores or text; a rate that runs away; options outside their range."""
    with pytest.raises(OptionError, match=r"^'workers' must be at most the cores of the cluster, 3; got 4\. Leave it out for one on each machine\.$"):
        spread_word2vec(small_corpus(), SMALL, Here((2, 1)), spread=SpreadOptions(workers=4))
    with pytest.raises(InputError, match=r"^A text for 4 workers must have at least 4 stretches of some 1,000 words; this one has 2\. Use fewer workers\.$"):
        spread_word2vec(small_corpus(), SMALL, Here((4,)), spread=SpreadOptions(workers=4))
    with pytest.raises(OptionError, match=r"^'workers' must be at least 1; got 0"):
        SpreadOptions(workers=0)
    with pytest.raises(OptionError, match=r"^'sync_words' must be at least 1; got 0\. Use 200,000"):
        SpreadOptions(sync_words=0)
    model = make_model(small_corpus().vocabulary, SMALL)
    model.inputs[:] = np.inf
    with pytest.raises(RunRefused, match=r"^The vectors became infinite in epoch 1; the learning rate is too high\. Train anew with a 'rate' below 0\.025\.$"):
        spread_word2vec(small_corpus(), SMALL, Here(), model=model)
