"""word2vec in batches (words/batches.py), on torch's CPU: its steps against a slow twin and autograd, what it learns, what it refuses."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from ringsmith.errors import MachineError, MissingExtra, OptionError, RunRefused, UnknownName
from ringsmith.records import Progress, silent
from ringsmith.words import batches
from ringsmith.words.batches import TILE, Batch, Sentences, Side, added_up, batch_of, groups_of, move, sides_of, train_in_batches
from ringsmith.words.corpus import Corpus, CorpusOptions, read_corpus
from ringsmith.words.devices import find_device
from ringsmith.words.model import Word2VecModel, make_model
from ringsmith.words.options import Word2VecOptions
from ringsmith.words.word2vec import train_word2vec

TOPICS, DIM, WORDS = 4, 7, 30
WAYS: dict[str, dict[str, Any]] = {"skipgram": {}, "cbow": {"method": "cbow"}, "cbow, sum": {"method": "cbow", "mean": False}}


def planted(count: int = 3_000, seed: int = 0) -> list[list[str]]:
    """Sentences of eight words, each of one topic of twelve words; a word's letter is its topic."""
    rng = np.random.default_rng(seed)
    return [["abcd"[topic] + str(word) for word in rng.integers(0, 12, 8)] for topic in rng.integers(0, TOPICS, count)]


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    """Three thousand sentences, in numbers."""
    return read_corpus(planted(), CorpusOptions(min_count=1))


def trained(corpus: Corpus, options: Word2VecOptions, **given: Any) -> Word2VecModel:
    """A model trained on torch's CPU."""
    model = make_model(corpus.vocabulary, options)
    train_in_batches(corpus, options, model, "cpu", given.get("report", silent), given.get("after_epoch"))
    return model


@pytest.mark.parametrize("way", WAYS)
def test_a_window_ends_with_the_longest_sentence(corpus: Corpus, way: str) -> None:
    """No room is made beyond it, and the vectors are the same."""
    options = Word2VecOptions(dim=8, epochs=1, shrink=False, seed=3, **WAYS[way])
    whole, huge = (trained(corpus, replace(options, window=window)).vectors.matrix for window in (7, 10**12))
    np.testing.assert_array_equal(whole, huge)


def purity(model: Word2VecModel) -> float:
    """Share of the five nearest neighbours that are of the word's own topic."""
    words = list(model.vocabulary.words)
    return float(np.mean([word[0] == near.word[0] for word, nears in zip(words, model.vectors.nearest(words, 5), strict=True) for near in nears]))


def text_of(options: Word2VecOptions, seed: int = 0) -> tuple[Sentences, torch.Tensor, list[tuple[int, int, int]]]:
    """Two tiles of words in sentences of 1 to 9 words with the blanks around them, negatives for them, and the (word, sentence, reach) of each word."""
    rng, window = np.random.default_rng(seed), options.window
    numbers = np.repeat(np.arange(40), rng.integers(1, 10, 40))[: 2 * TILE - 5]
    ids, reach = rng.integers(0, WORDS, len(numbers)), rng.integers(1, window + 1, len(numbers))
    blanks = (window, window + 5)
    padded = (np.pad(each, blanks, constant_values=value) for each, value in ((ids, 0), (numbers, -1), (reach, 0)))
    return Sentences(*map(torch.from_numpy, padded)), torch.from_numpy(rng.integers(0, WORDS, (2, 9))), list(zip(ids.tolist(), numbers.tolist(), reach.tolist(), strict=True))


def neighbours(words: list[tuple[int, int, int]], i: int) -> list[int]:
    """Places of the words that word number i looks at: of its sentence, and within its reach."""
    return [j for j in range(len(words)) if j != i and words[j][1] == words[i][1] and abs(i - j) <= words[i][2]]


def sigmoid(x: float) -> float:
    """1 / (1 + exp(-x))."""
    return float(1 / (1 + np.exp(-x)))


def slow_steps(inputs: Any, outputs: Any, words: list[tuple[int, int, int]], negatives: Any, options: Word2VecOptions) -> tuple[Any, Any, float, float]:
    """The steps of all rows, one pair, one target, one formula at a time: those of inputs and outputs, the loss, and the number of pairs."""
    steps_in, steps_out, loss, pairs, each = np.zeros_like(inputs), np.zeros_like(outputs), 0.0, 0, options.negative / negatives.shape[1]
    for i, (centre, _, _) in enumerate(words):
        context = neighbours(words, i)
        parts = [[j] for j in context] if options.method == "skipgram" else [context] if context else []
        for part in parts:
            rows = [words[j][0] for j in part]
            hidden = inputs[rows].sum(axis=0) / (len(rows) if options.averages or len(rows) == 1 else 1)
            tile = (part[0] if options.method == "skipgram" else i) // TILE  # whose negatives: those of the word that tells, or of the word that is told
            targets = [(centre, 1.0, 1.0)] + [(int(other), 0.0, each) for other in negatives[tile] if other != centre]
            error, pairs = np.zeros_like(hidden), pairs + 1
            for row, label, weight in targets:
                p = sigmoid(hidden @ outputs[row])
                loss -= weight * np.log(p if label else 1 - p)
                error += (label - p) * weight * outputs[row]
                steps_out[row] += (label - p) * weight * hidden
            for row in rows:
                steps_in[row] += error / (1 if options.averages or len(rows) == 1 else len(rows))
    return steps_in, steps_out, loss, pairs


def weights(seed: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    """Two matrices in float64."""
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.normal(size=(WORDS, DIM))), torch.from_numpy(rng.normal(size=(WORDS + 1, DIM)))


def doubled(batch: Batch) -> Batch:
    """The same in float64."""
    mix, back = (None if part is None else part.double() for part in (batch.mix, batch.back))
    return batch._replace(weights=batch.weights.double(), mix=mix, back=back)


def summed(side: Side, rows: int) -> Any:
    """(rows, d): the sum of the steps of each row."""
    groups = groups_of(side.rows.flatten())
    out = torch.zeros(rows, side.steps.shape[2], dtype=side.steps.dtype)
    out[groups.rows] = added_up(side.steps.flatten(0, 1), groups)
    return out.numpy()


@pytest.mark.parametrize("way", WAYS)
def test_a_batch_has_the_steps_of_the_slow_twin(way: str) -> None:
    """All pairs at once are what one after the other is, where none moves before the last has looked (weights are float32)."""
    options = Word2VecOptions(window=3, negative=5, **WAYS[way])
    text, negatives, words = text_of(options)
    inputs, outputs = weights()
    told = torch.zeros(2, dtype=torch.float64)
    steps = sides_of(inputs, outputs, doubled(batch_of(text, negatives, 0, options)), told)
    steps_in, steps_out, loss, pairs = slow_steps(inputs.numpy(), outputs.numpy(), words, negatives.numpy(), options)
    np.testing.assert_allclose(summed(steps[0], WORDS), steps_in, atol=3e-6)
    np.testing.assert_allclose(summed(steps[1], WORDS + 1), steps_out, atol=3e-6)
    assert told.tolist() == pytest.approx([loss, pairs], rel=1e-6)


def test_the_steps_of_skipgram_are_the_gradient_of_its_loss() -> None:
    """Autograd of equation 4, with the weights of the targets."""
    options = Word2VecOptions(window=4)
    text, negatives, _ = text_of(options, seed=3)
    batch = doubled(batch_of(text, negatives, 0, options))
    inputs, outputs = (matrix.requires_grad_() for matrix in weights(4))
    signs = torch.ones(batch.weights.shape[2], dtype=torch.float64)
    signs[batch.right :] = -1
    scores = torch.einsum("btd,bmd->btm", inputs[batch.rows], outputs[batch.targets])
    (batch.weights * torch.nn.functional.logsigmoid(signs * scores)).sum().backward()
    with torch.no_grad():
        steps = sides_of(inputs, outputs, batch, torch.zeros(2, dtype=torch.float64))
    for found, matrix in zip(steps, (inputs, outputs), strict=True):
        assert matrix.grad is not None
        np.testing.assert_allclose(summed(found, len(matrix)), matrix.grad.numpy(), atol=1e-10)


def test_tiles_of_a_later_batch_are_the_same_tiles() -> None:
    """Cutting a text into batches changes nothing but when rows move."""
    options = Word2VecOptions(window=3)
    text, negatives, _ = text_of(options)
    both, second = batch_of(text, negatives, 0, options), batch_of(text, negatives[1:], 1, options)
    assert torch.equal(both.targets[1:], second.targets)
    assert torch.equal(both.weights[1:], second.weights)


@pytest.mark.parametrize("sort", [False, True])
def test_lines_of_a_row_are_added_up(sort: bool) -> None:
    """By segments of sorted lines, as on a GPU, or one after the other."""
    groups = groups_of(torch.tensor([5, 1, 5, 0]))
    assert groups.rows.tolist() == [0, 1, 5]
    assert groups.places.tolist() == [2, 1, 2, 0]
    assert added_up(torch.arange(8.0).view(4, 2), groups, sort=sort).tolist() == [[6, 7], [2, 3], [4, 6]]


def one_word(times: int) -> tuple[torch.Tensor, torch.Tensor, Batch]:
    """A word that tells another so many times in one batch: x = (1, 0), o = (0.5, 0)."""
    ids = torch.zeros(1, times, dtype=torch.long)
    weights = torch.eye(times)[None]
    return torch.tensor([[1.0, 0.0]]), torch.tensor([[0.5, 0.0]]), Batch(ids, None, None, ids, times, weights)


def test_a_rare_row_moves_by_the_sum_of_its_steps() -> None:
    """One step of gradient descent, as on the CPU."""
    inputs, outputs, batch = one_word(1)
    side, _ = sides_of(inputs, outputs, batch, torch.zeros(2))
    move(inputs, side, 0.025)
    assert inputs[0, 0].item() == pytest.approx(1 + 0.025 * (1 - sigmoid(0.5)) * 0.5, rel=1e-4)


def test_a_frequent_row_moves_about_as_far_as_one_step_after_the_other() -> None:
    """Four hundred steps at once: the plain sum would be twice as far; along the bound's parabola it is a little less far than the steps themselves."""
    inputs, outputs, batch = one_word(400)
    side, _ = sides_of(inputs, outputs, batch, torch.zeros(2))
    move(inputs, side, 0.05)
    x = 1.0
    for _ in range(400):
        x += 0.05 * (1 - sigmoid(0.5 * x)) * 0.5
    plain = 1 + 400 * 0.05 * (1 - sigmoid(0.5)) * 0.5
    assert 0.7 * (x - 1) < inputs[0, 0].item() - 1 < x - 1 < 0.75 * (plain - 1)


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("way", WAYS)
def test_a_step_however_long_makes_the_loss_of_its_side_smaller(way: str, side: int) -> None:
    """A learning rate of 1,000 goes to the lowest point of the parabola above the loss, row by row."""
    options = Word2VecOptions(window=3, **WAYS[way])
    text, negatives, _ = text_of(options)
    matrices, batch, told = [matrix * 3 for matrix in weights()], doubled(batch_of(text, negatives, 0, options)), torch.zeros(2, dtype=torch.float64)
    # Each row alone: in a batch of its own uses.
    for row in range(0, WORDS, 7):
        moved = [matrix.clone() for matrix in matrices]
        found = sides_of(*matrices, batch, told.zero_())[side]
        before = told[0].item()
        move(moved[side], found, 1_000.0)
        matrices[side][row], kept = moved[side][row].clone(), matrices[side][row].clone()
        sides_of(*matrices, batch, told.zero_())
        assert told[0].item() <= before + 1e-9
        matrices[side][row] = kept


@pytest.mark.parametrize("way", WAYS)
def test_words_of_a_topic_become_neighbours_and_the_loss_falls(way: str, corpus: Corpus) -> None:
    """Training as a whole learns what was planted, and writes down what it did."""
    model = trained(corpus, Word2VecOptions(dim=16, epochs=5, rate=0.05, sample=0, **WAYS[way]))
    assert purity(model) > 0.97
    assert model.losses[-1] < 0.95 * model.losses[0]
    assert (len(model.losses), model.trained_words) == (5, 5 * corpus.words)


def test_a_frequent_word_does_not_run_away() -> None:
    """Thousands of its steps are summed in a batch; added up plainly the vectors become huge."""
    rng = np.random.default_rng(0)
    often = [["the", f"w{word}", "the", f"w{other}", "the"] for word, other in rng.integers(0, 50, (20_000, 2))]
    corpus = read_corpus(often, CorpusOptions(min_count=1))
    model = trained(corpus, Word2VecOptions(dim=16, epochs=3, sample=0))
    assert float(np.abs(model.inputs).max()) < 5
    assert model.losses[-1] < model.losses[0]


def test_a_seed_gives_the_same_numbers_and_another_one_others(corpus: Corpus) -> None:
    """Also when the epochs are trained in two calls or the text has sentences of one word."""
    options = Word2VecOptions(dim=8, epochs=2, seed=3)
    first, again, other = (trained(corpus, each).inputs for each in (options, options, replace(options, seed=4)))
    assert np.array_equal(first, again)
    assert not np.allclose(first, other)


def test_progress_is_told_and_a_stop_keeps_what_was_learnt(corpus: Corpus) -> None:
    """As on the CPU: an exception in the report ends the training, and the model has the vectors so far."""
    seen: list[Progress] = []

    def stop(progress: Progress) -> None:
        seen.append(progress)
        raise KeyboardInterrupt

    options = Word2VecOptions(dim=8, sample=0)
    model = make_model(corpus.vocabulary, options)
    with pytest.raises(KeyboardInterrupt):
        train_in_batches(corpus, options, model, "cpu", stop, None)
    assert seen[0].stage == "train"
    assert seen[0].total == 5 * corpus.words
    assert 0 < model.trained_words < corpus.words
    assert model.outputs.any()


def test_vectors_that_become_infinite_are_refused(corpus: Corpus) -> None:
    """As on the CPU."""
    options = Word2VecOptions(dim=8, epochs=1)
    model = make_model(corpus.vocabulary, options)
    model.inputs[0] = np.inf
    with pytest.raises(RunRefused, match="infinite in epoch 1"):
        train_in_batches(corpus, options, model, "cpu", silent, None)


def test_a_training_on_a_gpu_goes_through_the_batches(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    """`device` decides; torch's CPU stands in for the GPU."""
    used: list[str] = []

    def stand_in(*given: Any) -> None:
        used.append(given[3])
        train_in_batches(*given[:3], "cpu", *given[4:])

    monkeypatch.setattr(batches, "train_in_batches", stand_in)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    options = Word2VecOptions(dim=8, epochs=1)
    for device in ("cuda", "auto"):
        assert train_word2vec(corpus, options, device=device).losses  # type: ignore[arg-type]
    train_word2vec(corpus, options)
    train_word2vec(corpus, replace(options, hierarchical=True), device="auto")
    assert used == ["cuda", "cuda"]


def test_a_device_that_cannot_be_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence each."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert find_device("auto", Word2VecOptions()) == "cpu"
    with pytest.raises(UnknownName, match=r"There is no device 'gpu'\..*Known: auto, cpu, cuda, mps"):
        find_device("gpu", Word2VecOptions())
    with pytest.raises(MachineError, match=r"Training on 'cuda' needs such a GPU and a torch that knows it; torch .* sees none on this machine\. Leave the device out"):
        find_device("cuda", Word2VecOptions())
    with pytest.raises(OptionError, match=r"'hierarchical' and 'subwords': not done on a GPU; got device='cuda'\. Leave them out, or train on the CPU"):
        find_device("cuda", Word2VecOptions(hierarchical=True, subwords=(3, 4)))


def test_without_torch_a_gpu_names_the_extra_and_auto_is_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Torch is imported by nobody else on the way."""
    monkeypatch.delitem(sys.modules, "ringsmith.words.batches")
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtra, match=r"Training on a GPU needs the package 'torch', which is not installed\. Install it: pip install 'ringsmith\[transformers\]'"):
        find_device("cuda", Word2VecOptions())
    assert find_device("auto", Word2VecOptions()) == "cpu"


def test_what_does_not_fit_into_the_memory_of_the_device_is_said(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the size of the two matrices."""
    monkeypatch.setattr(batches, "sides_of", lambda *_: (_ for _ in ()).throw(torch.OutOfMemoryError("no room")))
    options = Word2VecOptions(dim=8, epochs=1)
    with pytest.raises(MachineError, match=r"Two matrices of 0\.0 GB and a batch must fit into the memory of 'cpu'; they do not\. Train on the CPU, or with fewer words"):
        train_in_batches(corpus, options, make_model(corpus.vocabulary, options), "cpu", silent, None)
