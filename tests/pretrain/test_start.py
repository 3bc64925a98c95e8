"""What a model begins with: frequencies in its offsets, word2vec's vectors for its pieces, and what that costs."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small_corpora import tiny, write_corpus

from ringsmith.errors import OptionError
from ringsmith.pretrain.flops import count_skipgram
from ringsmith.pretrain.objective import ENTRIES, Objective, find_objective
from ringsmith.pretrain.pieces import Pieces
from ringsmith.pretrain.shapes import Shape
from ringsmith.pretrain.start import MOST_WORDS, excerpt, give, plan_vectors
from ringsmith.pretrain.tokenfile import Stretch
from ringsmith.pretrain.training import pretrain
from ringsmith.records import Progress, silent
from ringsmith.words.word2vec import train_word2vec

SHAPE = Shape(layers=1, hidden=32, heads=2, feed_forward=64, length=16)
PIECES = Pieces(60, 1, 0, 2, 4, (0, 1, 2, 3, 4), np.ones(60, dtype=np.bool_))
OWN = sorted(set(ENTRIES) - {"distil"})


def text(documents: int = 300, seed: int = 0) -> Stretch:
    """Documents of pairs: behind an even piece stands the next one; small numbers are frequent, the last ten never occur, each document ends with 2."""
    draw = np.random.default_rng(seed)
    shares = 1 / np.arange(1, 21)
    firsts = 10 + 2 * draw.choice(20, size=(documents, 20), p=shares / shares.sum())
    rows = np.concatenate([np.stack([firsts, firsts + 1], 2).reshape(documents, 40), np.full((documents, 1), 2)], 1)
    return Stretch(rows.reshape(-1).astype(np.uint16), np.arange(documents + 1, dtype=np.int64) * 41)


def made(name: str, kind: str) -> tuple[Objective, Any]:
    """An objective and its model after such a start."""
    objective = find_objective(name)(PIECES)
    module = objective.create(SHAPE, seed=0)
    give(module, text(), PIECES, kind, report=silent)
    return objective, module


@pytest.mark.parametrize("name", OWN)
def test_pieces_that_occur_get_vectors_of_length_one_and_others_keep_theirs(name: str) -> None:
    """Whatever the architecture; the special pieces, the end of documents included, are left alone."""
    _, plain = made(name, "random")
    _, given = made(name, "vectors")
    before, after = (module.get_input_embeddings().weight.detach() for module in (plain, given))
    occur = np.unique(text().tokens)
    learnt = torch.from_numpy(occur[occur > 4].astype(np.int64))
    torch.testing.assert_close(after[learnt].norm(dim=1), torch.ones(len(learnt)))
    rest = np.setdiff1d(np.arange(60), learnt.numpy())
    torch.testing.assert_close(after[rest], before[rest], rtol=0, atol=0)


def test_word2vec_reads_the_documents_and_each_piece_gets_its_own_vector() -> None:
    """Without special pieces, sentence by sentence as they stand there; trained again by hand, a row is the vector of its piece."""
    plan, stretch = plan_vectors(text(), PIECES, SHAPE.hidden), text()
    for number in (0, 17, 299):
        ids = plan.corpus.ids[plan.corpus.starts[number] : plan.corpus.starts[number + 1]]
        assert plan.rows[ids].tolist() == stretch.tokens[number * 41 : number * 41 + 40].tolist()
    vectors = train_word2vec(plan.corpus, plan.options).vectors
    table = made("mlm", "vectors")[1].get_input_embeddings().weight.detach().numpy()
    mean = vectors.matrix.mean(0)
    for piece in (10, 17, 49):
        own = vectors.matrix[vectors.index[str(piece)]] - mean
        np.testing.assert_allclose(table[piece], own / np.sqrt((own**2).sum()), rtol=1e-4)


@pytest.mark.parametrize(("name", "first"), [("mlm", 0), ("mlm-dynamic", 2), ("clm", 0), ("rtd", 0)])
def test_places_that_are_learnt_begin_as_waves(name: str, first: int) -> None:
    """The paper's formula, number by number, every vector made 1 long; RoBERTa's first two rows are no places."""
    module = made(name, "vectors")[1]
    table = next(weight for key, weight in module.named_parameters() if key.endswith(("position_embeddings.weight", "wpe.weight"))).detach()
    for place in (0, 1, 7):
        wanted = [math.sin(place / 10_000 ** (2 * k / 32)) if odd == 0 else math.cos(place / 10_000 ** (2 * k / 32)) for k in range(16) for odd in (0, 1)]
        np.testing.assert_allclose(table[first + place], np.array(wanted) / 4, atol=1e-6)
    assert float(table[:first].norm()) < 0.5


@pytest.mark.parametrize("name", ["mlm", "mlm-dynamic", "modern", "plm", "rtd"])
def test_offsets_alone_say_how_frequent_pieces_are(name: str) -> None:
    """Their softmax is the share of every piece, counted by hand; what never occurs counts as once."""
    _, module = made(name, "frequencies")
    counts = np.maximum(1, [int((text().tokens == piece).sum()) for piece in range(60)])
    shares = torch.softmax(module.get_output_embeddings().bias.detach(), 0)
    np.testing.assert_allclose(shares, counts / counts.sum(), rtol=1e-4)


def test_the_first_loss_is_the_entropy_of_the_frequencies() -> None:
    """Before the first step a BERT predicts hidden pieces as well as whoever knows how frequent they are, not worse by more than a tenth of a nat."""
    rows = np.random.default_rng(1).permutation(text().tokens[text().tokens > 4].astype(np.int64))[: 200 * 16].reshape(200, 16)
    losses = {}
    for kind in ("random", "frequencies"):
        objective, module = made("mlm", kind)
        with torch.no_grad():
            losses[kind] = float(objective.loss(module.eval(), objective.batch(rows, np.random.default_rng(0))))
    shares = np.bincount(rows.reshape(-1), minlength=60) / rows.size
    entropy = -float((shares[shares > 0] * np.log(shares[shares > 0])).sum())
    assert losses["frequencies"] == pytest.approx(entropy, abs=0.1)
    assert losses["random"] > math.log(60) - 0.1


def test_an_output_layer_without_offsets_is_left_as_it_is() -> None:
    """GPT-2 has none: frequencies alone change nothing."""
    (_, plain), (_, given) = made("clm", "random"), made("clm", "frequencies")
    for one, other in zip(plain.parameters(), given.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


def test_the_same_seed_gives_the_same_bits() -> None:
    """And the global generator of random numbers is left as it was."""
    before = torch.get_rng_state()
    one, other = (made("mlm", "vectors")[1].get_input_embeddings().weight.detach() for _ in range(2))
    assert torch.equal(one, other)
    assert torch.equal(before, torch.get_rng_state())


def test_the_cost_is_that_of_every_product() -> None:
    """By hand: words kept, times six neighbours in the mean, times six targets, each three products of 2 x 8; in five passes over a short text."""
    plan = plan_vectors(text(), PIECES, 8)
    counts = plan.corpus.vocabulary.counts
    share = counts / counts.sum()
    kept = (counts * np.minimum(1, np.sqrt(1e-3 / share) + 1e-3 / share)).sum()
    assert plan.flops == pytest.approx(5 * kept * 6 * 6 * 3 * 2 * 8)
    assert plan.words == 5 * 300 * 40
    assert count_skipgram(10, 8, 1, 1) == 10 * 2 * 2 * 3 * 2 * 8


def test_a_short_budget_has_fewer_words_read() -> None:
    """At most a share of the seconds that are left; of a long text every so many documents."""
    assert plan_vectors(text(), PIECES, 100, seconds=0.1).words <= 0.1 * 0.05 * 1e8 / 100
    long = Stretch(np.arange(1_000), np.arange(0, 1_001, 10))
    some = excerpt(long, 105)
    assert len(some.tokens) == some.documents[-1] == 100
    assert some.tokens[:20].tolist() == [*range(10), *range(100, 110)]
    assert excerpt(Stretch(np.arange(50), np.array([0, 50])), 20).documents.tolist() == [0, 20]
    assert excerpt(long, MOST_WORDS) is long


def test_a_text_of_special_pieces_alone_has_frequencies_only() -> None:
    """There is nothing that word2vec could read."""
    objective = find_objective("mlm")(PIECES)
    stretch = Stretch(np.full(40, 2, np.uint16), np.arange(0, 41, 10))
    assert give(objective.create(SHAPE, seed=0), stretch, PIECES, "vectors", report=silent).kind == "frequencies"


def test_it_is_what_pretraining_does_and_says(tmp_path: Path) -> None:
    """Where nothing is said; the facts, the card and the count of operations tell it, and the first loss is lower."""
    corpus, told = write_corpus(tmp_path / "corpus.txt"), list[Progress]()
    plain = pretrain(corpus, tiny(tmp_path, out=tmp_path / "plain"))
    given = pretrain(corpus, tiny(tmp_path, out=tmp_path / "given", start=None), report=told.append)
    start = given.facts.head_start
    assert start is not None
    assert (start.kind, plain.facts.head_start is not None and plain.facts.head_start.kind) == ("vectors", "random")
    assert given.facts.curves["look_loss"][0] < plain.facts.curves["look_loss"][0] - 0.3
    assert given.facts.flops == pytest.approx(plain.facts.flops + start.flops)
    assert json.loads((given.folder / "ringsmith.json").read_text(encoding="utf-8"))["head_start"]["words"] == start.words > 0
    assert f"| before the first step | how frequent the pieces are, and their vectors from word2vec ({start.words:,} pieces read) |" in (given.folder / "README.md").read_text(
        "utf-8"
    )
    assert "words" in {progress.stage for progress in told}


def test_what_knows_already_takes_no_start(tmp_path: Path) -> None:
    """A model that is gone on from, and a student; and what is no start at all."""
    corpus = write_corpus(tmp_path / "corpus.txt")
    with pytest.raises(OptionError, match=r"'start' cannot be chosen for a model that is gone on from \(minilm\)"):
        tiny(tmp_path, from_model="minilm", layers=None, hidden=None, heads=None)
    with pytest.raises(OptionError, match=r"'start' must be vectors, frequencies or random; got 'zeros'"):
        tiny(tmp_path, start="zeros")
    teacher = pretrain(corpus, tiny(tmp_path, out=tmp_path / "teacher", steps=1)).folder
    student = {"objective": "distil", "objective_options": {"teacher": str(teacher)}, "layers": None, "hidden": None, "heads": None, "steps": 1}
    with pytest.raises(OptionError, match=r"'start' cannot be chosen with 'distil', where a student begins with its teacher's weights; got 'random'"):
        pretrain(corpus, tiny(tmp_path, **student))
    assert pretrain(corpus, tiny(tmp_path, **student, start=None)).facts.head_start is None
