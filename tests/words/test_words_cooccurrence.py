"""Co-occurrence counts against a dictionary: the same pairs exactly, with any number of threads, in memory and from parts on disk."""

from __future__ import annotations

import random
from collections import defaultdict
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringsmith.errors import InputError, MachineError, OptionError
from ringsmith.records import Progress
from ringsmith.words import cooccurrence, rowcounts, spill
from ringsmith.words.cooccurrence import CooccurrenceOptions, Cooccurrences, count_cooccurrences
from ringsmith.words.corpus import Corpus, CorpusOptions, read_corpus
from ringsmith.words.vocabulary import Vocabulary


def slow(corpus: Corpus, options: CooccurrenceOptions) -> dict[tuple[int, int], float]:
    """The truth, from the paper's words: a pair d words apart counts 1/d."""
    found: dict[tuple[int, int], float] = defaultdict(float)
    for start, stop in zip(corpus.starts[:-1], corpus.starts[1:], strict=True):
        sentence = corpus.ids[start:stop].tolist()
        for i, word in enumerate(sentence):
            for j in range(max(0, i - options.window), i):
                amount = 1 / (i - j) if options.weighted else 1.0
                found[word, sentence[j]] += amount
                if options.symmetric:
                    found[sentence[j], word] += amount
    return found


def assert_same(found: Cooccurrences, truth: dict[tuple[int, int], float]) -> None:
    """The same pairs in order, and their values."""
    pairs = list(zip(found.rows.tolist(), found.columns.tolist(), strict=True))
    assert pairs == sorted(truth)
    np.testing.assert_allclose(found.values, [truth[pair] for pair in pairs], rtol=1e-5)


def zipf_corpus(words: int, seed: int = 0, kinds: int = 5_000) -> Corpus:
    """A corpus of made-up words, few of them frequent, in sentences of 1 to 40."""
    draw = random.Random(seed)
    lines = [[f"w{min(int(draw.paretovariate(0.7)), kinds)}" for _ in range(draw.randrange(1, 40))] for _ in range(words // 20)]
    return read_corpus(lines, CorpusOptions(min_count=1))


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("window", [1, 3, 60])
def test_counts_are_those_of_the_slow_twin(symmetric: bool, weighted: bool, window: int) -> None:
    """Every option; sentences are boundaries."""
    corpus, options = zipf_corpus(3_000), CooccurrenceOptions(window=window, symmetric=symmetric, weighted=weighted)
    assert_same(count_cooccurrences(corpus, options, threads=2), slow(corpus, options))


@settings(max_examples=50)
@given(st.lists(st.lists(st.sampled_from("abcde"), max_size=12), min_size=1), st.integers(1, 15))
def test_small_corpora_are_counted_as_by_hand(lines: list[list[str]], window: int) -> None:
    """Whatever the sentences, empty ones included."""
    if any(len(line) > 1 for line in lines):
        corpus, options = read_corpus(lines, CorpusOptions(min_count=1)), CooccurrenceOptions(window=window)
        assert_same(count_cooccurrences(corpus, options, threads=1), slow(corpus, options))


@pytest.mark.parametrize("threads", [2, 5])
def test_threads_give_the_same_bits(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are summed up by one thread each."""
    monkeypatch.setattr(cooccurrence, "ENTRIES_AT_ONCE", 500)
    corpus = zipf_corpus(20_000)
    one, many = (count_cooccurrences(corpus, threads=n) for n in (1, threads))
    assert np.array_equal(one.starts, many.starts)
    assert np.array_equal(one.columns, many.columns)
    assert one.values.tobytes() == many.values.tobytes()


def test_parts_on_disk_give_the_same_matrix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounded by memory: runs are written, merged and removed; the matrix is mapped."""
    monkeypatch.setattr(cooccurrence.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(cooccurrence, "ENTRIES_AT_ONCE", 20_000)
    corpus, told = zipf_corpus(100_000), list[Progress]()
    whole = count_cooccurrences(corpus)
    parts = count_cooccurrences(corpus, CooccurrenceOptions(memory_bytes=1 << 20), threads=2, report=told.append)
    assert np.array_equal(whole.rows, parts.rows)
    assert np.array_equal(whole.columns, parts.columns)
    assert whole.values.tobytes() == parts.values.tobytes()
    assert [progress.note for progress in told if progress.note] == [f"part {i} of 4" for i in (1, 2, 3, 4)]
    assert isinstance(parts.values, np.memmap)
    (folder,) = tmp_path.iterdir()
    assert sorted(path.name for path in folder.iterdir()) == ["columns.npy", "starts.npy", "values.npy"]
    del parts
    assert not list(tmp_path.iterdir())


@settings(max_examples=30)
@given(st.integers(1, 60), st.integers(2, 10**10), st.booleans())
def test_what_a_neighbour_counts_is_never_rounded_when_it_is_added(window: int, words: int, weighted: bool) -> None:
    """Multiples of a power of 2 of which doubles hold every multiple up to what all neighbours of all words count; and that is no other weight."""
    options = CooccurrenceOptions(window=window, weighted=weighted)
    weights = options.exact_weights(words)
    step = Fraction(1, 2**53)
    while all(Fraction(weight) % (2 * step) == 0 for weight in weights.tolist()):
        step *= 2
    assert 2 * words * sum(map(Fraction, weights.tolist())) <= step * 2**53
    np.testing.assert_allclose(weights, options.weights, rtol=max(1e-7, words * window * 1e-13))


def test_sums_are_those_of_fractions() -> None:
    """Held against arithmetic that rounds nothing: whatever the order of addition, float32 of the exact sum."""
    corpus, options = zipf_corpus(20_000, kinds=30), CooccurrenceOptions(window=7)
    exact = [Fraction(weight) for weight in options.exact_weights(corpus.words).tolist()]
    truth: dict[tuple[int, int], Fraction] = defaultdict(Fraction)
    for start, stop in zip(corpus.starts[:-1], corpus.starts[1:], strict=True):
        sentence = corpus.ids[start:stop].tolist()
        for i, word in enumerate(sentence):
            for j in range(max(0, i - 7), i):
                truth[word, sentence[j]] += exact[i - j - 1]
                truth[sentence[j], word] += exact[i - j - 1]
    found = count_cooccurrences(corpus, options)
    assert found.values.tolist() == [float(np.float32(float(truth[pair]))) for pair in sorted(truth)]


def test_a_matrix_in_a_folder_is_the_same(tmp_path: Path) -> None:
    """Three files that NumPy opens by itself."""
    corpus = zipf_corpus(2_000)
    whole, mapped = count_cooccurrences(corpus), count_cooccurrences(corpus, folder=tmp_path / "counts")
    assert np.array_equal(whole.values, np.load(tmp_path / "counts" / "values.npy"))
    assert np.array_equal(whole.columns, mapped.columns)
    assert mapped.values.dtype == np.float32


def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither in the folder named nor in temporary ones."""
    corpus = zipf_corpus(2_000)

    def full(self: object, part: object) -> None:
        raise MachineError("the disk is full")

    monkeypatch.setattr(cooccurrence.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(rowcounts.GrowingArray, "append", full)
    with pytest.raises(MachineError, match="the disk is full"):
        count_cooccurrences(corpus, CooccurrenceOptions(memory_bytes=1 << 20))
    assert not list(tmp_path.iterdir())


def test_a_disk_without_room_for_the_counts_is_said_after_the_first_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not after hours; nothing is left."""
    monkeypatch.setattr(cooccurrence.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(spill.shutil, "disk_usage", lambda _: SimpleNamespace(free=100_000))
    told: list[Progress] = []
    with pytest.raises(MachineError, match=r"^/.*: the counts of [\d,]+ words need \d+ KB of disk beyond the 1 MB of memory; 100 KB are free\. Free some space"):
        count_cooccurrences(zipf_corpus(100_000), CooccurrenceOptions(memory_bytes=1 << 20), report=told.append)
    assert told == []
    assert not list(tmp_path.iterdir())


def test_words_that_stand_alone_are_refused() -> None:
    """There would be nothing to learn from."""
    with pytest.raises(InputError, match="Words must stand near others; every sentence of this corpus has one known word only"):
        count_cooccurrences(read_corpus(["a", "a", "b"], CorpusOptions(min_count=1)))


@pytest.mark.parametrize(("change", "sentence"), [({"window": 0}, "'window' must be at least 1; got 0"), ({"memory_bytes": 5}, "'memory_bytes' must be at least 1,048,576")])
def test_options_outside_their_range_are_refused(change: dict[str, int], sentence: str) -> None:
    """Before anything is counted."""
    with pytest.raises(OptionError, match=sentence):
        CooccurrenceOptions(**change)  # type: ignore[arg-type]


def test_arrays_that_do_not_belong_together_are_refused() -> None:
    """Two words, one row."""
    with pytest.raises(InputError, match="2 words need 3 starts and as many columns as values; got 2 starts, 1 columns and 1 values"):
        Cooccurrences(Vocabulary.of("ab"), np.array([0, 1]), np.array([0], dtype=np.int32), np.array([1.0], dtype=np.float32))


@pytest.mark.parametrize("weighted", [True, False])
def test_a_window_ends_with_the_longest_sentence(weighted: bool) -> None:
    """The whole sentence is often asked for by some huge number: no room is made for it."""
    corpus = zipf_corpus(2_000)
    reach = corpus.longest - 1
    assert corpus.longest == max(np.diff(corpus.starts))
    whole, huge = (count_cooccurrences(corpus, CooccurrenceOptions(window=window, weighted=weighted)) for window in (reach, 10**15))
    assert np.array_equal(whole.columns, huge.columns)
    assert whole.values.tobytes() == huge.values.tobytes()
