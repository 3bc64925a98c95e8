"""One word in many sentences: vectors against a plain pass, figures against their definitions, groups that are there and groups that are not."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from ringsmith.backbones import Backbone, load_backbone
from ringsmith.backbones.senses import Use, check_layers, contextual_vectors, static_neighbours, static_vectors
from ringsmith.backbones.senses import _read as read_use
from ringsmith.catalogue import resolve
from ringsmith.errors import InputError, OptionError, UnknownName, UsageError
from ringsmith.inspection import Senses
from ringsmith.visible.contexts import ContextPair, best_threshold, word_in_context
from ringsmith.visible.groups import between_share, context_share, group, places, self_similarity
from ringsmith.visible.senses import inspect_word, other_words
from ringsmith.visible.uses import find_uses

LETTERS = list("abcdefghijklmnopqrstuvwxyz.,")
SENTENCES = ["the bank lent money", "she sat on the bank", "", "no such word", "Bank of the river. A bank, in truth", "the banks and riverbank"]
Array = npt.NDArray[np.float64]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random BERT over letters and a few words; "bank" has two pieces."""
    place = tmp_path_factory.mktemp("bert")
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *LETTERS, *(f"##{letter}" for letter in LETTERS), "the", "river", "ban", "##nk", "money"]
    tokenizer = Tokenizer(models.WordPiece({piece: number for number, piece in enumerate(vocabulary)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    special = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special).save_pretrained(place)
    torch.manual_seed(0)
    shape = {"hidden_size": 16, "num_hidden_layers": 5, "num_attention_heads": 2, "intermediate_size": 32, "max_position_embeddings": 64, "initializer_range": 0.3}
    transformers.BertModel(transformers.BertConfig(vocab_size=len(vocabulary), **shape)).save_pretrained(place)  # type: ignore[arg-type]
    return place


@pytest.fixture(scope="module")
def backbone(folder: Path) -> Backbone:
    """The same, loaded."""
    return load_backbone(resolve(str(folder)), threads=1, precision="float32", device="cpu")


def test_words_are_found_whole_in_any_letters() -> None:
    """Neither "banks" nor "riverbank"; twice in one sentence; with its line."""
    uses, lines = find_uses("bank", SENTENCES)
    assert [(use.form, use.start) for use in uses] == [("bank", 4), ("bank", 15), ("Bank", 0), ("bank", 21)]
    assert lines == [1, 2, 5, 5]
    with pytest.raises(InputError, match=r"The sentences must use the word 'river' at least twice; got 1 in 6 lines\. Bring more sentences, one a line"):
        find_uses("river", SENTENCES)
    with pytest.raises(InputError, match=r"--word must be a word; got an empty text"):
        find_uses(" ", SENTENCES)
    with pytest.raises(InputError, match=r"'sentences' must be several strings; got one, 'sentences\.txt'\. Read a file's lines first\."):
        find_uses("bank", "sentences.txt")


@pytest.mark.parametrize("layers", ["last", "last4", "all", "0", "2"])
def test_a_contextual_vector_is_the_mean_of_the_words_pieces(backbone: Backbone, layers: str) -> None:
    """Sentence by sentence, by the pieces' places counted by hand."""
    uses = [Use("the bank lent money", 4, 8), Use("on the bank", 7, 11), Use("a river bank of the river by the bank", 8, 12)]
    found = contextual_vectors(backbone, uses, layers=(layers,))[layers]
    for use, vector, pieces in zip(uses, found, ([2, 3], [4, 5], [3, 4]), strict=True):
        tokens = backbone.tokeniser.hf(use.sentence, return_tensors="pt")
        kept = backbone.tokeniser.hf.convert_ids_to_tokens(tokens["input_ids"][0, pieces].tolist())
        assert kept == ["ban", "##k"]
        with torch.inference_mode():
            states = backbone.module(**tokens, output_hidden_states=True).hidden_states
        some = {"last": states[-1:], "last4": states[2:], "all": states[1:], "0": states[:1], "2": states[2:3]}[layers]
        np.testing.assert_allclose(vector, torch.stack(list(some)).mean(0)[0, pieces].mean(0).numpy(), atol=2e-6)


def test_a_word_far_from_the_beginning_is_read_where_it_stands(backbone: Backbone) -> None:
    """Behind more tokens than the model reads."""
    sentence = "the river " * 200 + "bank " + "the river " * 200
    start = sentence.index("bank")
    row = read_use(backbone, Use(sentence, start, start + 4))
    assert len(row["ids"]) == backbone.max_tokens
    assert backbone.tokeniser.hf.convert_ids_to_tokens([row["ids"][at] for at in row["pieces"]]) == ["ban", "##k"]
    assert 20 < row["pieces"][0] < 44
    assert np.isfinite(contextual_vectors(backbone, [Use(sentence, start, start + 4), Use("bank", 0, 4)])["last"]).all()


def test_the_static_vector_is_the_mean_of_the_pieces_embeddings(backbone: Backbone) -> None:
    """The same in every sentence; its neighbours are by cosine, without the word itself."""
    table = backbone.module.get_input_embeddings().weight.numpy()  # type: ignore[operator]
    ids = [backbone.tokeniser.hf.convert_tokens_to_ids(piece) for piece in ("ban", "##k")]
    (vector,) = static_vectors(backbone, ["bank"])
    np.testing.assert_allclose(vector, table[ids].mean(axis=0), atol=1e-7)
    neighbours = static_neighbours(backbone, vector, exclude=("bank",), n=3)
    assert len(neighbours) == 3
    assert neighbours[0][1] >= neighbours[1][1] >= neighbours[2][1]


def drawn(count: int = 30, *, apart: float = 0.0) -> Array:
    """Rows around one mean, or around two."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(count, 6)) * 0.3 + 1
    rows[: count // 3, 0] += apart
    rows[: count // 3, 1] -= apart
    return rows


def test_figures_are_their_definitions() -> None:
    """Self-similarity pair by pair, the share of context against the variance, the spread between groups against the analysis of variance."""
    rows = drawn(apart=2.0)
    cosines = [rows[i] @ rows[j] / np.linalg.norm(rows[i]) / np.linalg.norm(rows[j]) for i in range(30) for j in range(30) if i != j]
    assert self_similarity(rows) == pytest.approx(np.mean(cosines))
    assert context_share(rows) == pytest.approx(rows.var(axis=0).sum() / np.square(rows).sum(axis=1).mean())
    assert context_share(np.ones((4, 3))) == pytest.approx(0)
    numbers = np.array([0] * 10 + [1] * 20)
    means = np.stack([rows[:10].mean(0)] * 10 + [rows[10:].mean(0)] * 20)
    assert between_share(rows, numbers) == pytest.approx(means.var(axis=0).sum() / rows.var(axis=0).sum())
    assert between_share(rows, np.zeros(30, dtype=np.int64)) == 0


def test_groups_are_found_where_they_are() -> None:
    """Two apart, one where there is one; the largest first; the central one is of its group."""
    two = group(drawn(apart=2.0))
    assert (two.count, two.numbers.tolist()) == (2, [1] * 10 + [0] * 20)
    assert two.silhouette is not None
    assert [two.numbers[at] for at in two.central] == [0, 1]
    rng = np.random.default_rng(1)
    one = group(rng.normal(size=(60, 40)))
    assert (one.count, one.silhouette, set(one.numbers.tolist())) == (1, None, {0})
    assert group(np.ones((3, 4))).count == 1
    assert group(np.eye(2)).count == 1


def test_the_map_keeps_distances_that_two_directions_show() -> None:
    """Points in a plane come back as they were, but for scale; all within 0 and 1."""
    angles = np.linspace(0, 1, 9)
    rows = np.stack([np.cos(angles), np.sin(angles), 0 * angles], axis=1)
    points, explained = places(rows)
    assert explained == pytest.approx(1)
    before, after = (np.linalg.norm(some[:, None] - some[None], axis=-1) for some in (rows, points))
    np.testing.assert_allclose(after / after.max(), before / before.max(), atol=1e-9)
    assert points.min() >= 0
    assert points.max() <= 1


def test_a_words_record_has_every_use_and_comes_back_from_json(folder: Path) -> None:
    """With places, groups, typical uses, the static vector's neighbours."""
    senses = inspect_word(resolve(str(folder)), "bank", SENTENCES, threads=1)
    assert senses.forms == {"bank": 3, "Bank": 1}
    assert [one.line for one in senses.occurrences] == [1, 2, 5, 5]
    assert senses.layers == "the last layer"
    assert inspect_word(resolve(str(folder)), "bank", SENTENCES, layers="last4", threads=1).layers == "the mean of the last four layers"
    assert len(senses.central) == senses.clusters
    assert -1 <= senses.self_similarity <= 1
    assert Senses.from_json(json.loads(json.dumps(senses.to_json()))) == senses


def test_the_static_vector_may_come_from_a_file(folder: Path, tmp_path: Path) -> None:
    """As the word is written, else in small letters; a word that is not in it is offered its nearest."""
    (tmp_path / "v.txt").write_text("3 2\nbank 1 0\nmoney 0.9 0.1\ntree 0 1\n", encoding="utf-8")
    senses = inspect_word(resolve(str(folder)), "BANK", SENTENCES, vectors=tmp_path / "v.txt", threads=1)
    assert (senses.static_from, senses.static_neighbours[0][0]) == ("v.txt", "money")
    (tmp_path / "w.txt").write_text("2 2\nbanks 1 0\ntree 0 1\n", encoding="utf-8")
    with pytest.raises(UnknownName, match="no vector for the word 'bank'"):
        inspect_word(resolve(str(folder)), "bank", SENTENCES, vectors=tmp_path / "w.txt", threads=1)


def test_other_words_are_other_words() -> None:
    """One of each sentence, none twice, none of them the word."""
    found = other_words([Use("the bank lent money", 4, 8), Use("bank money", 0, 4), Use("an ox", 3, 5)], "bank")
    assert len(found) == len({use.form.lower() for use in found}) == 2
    assert "bank" not in {use.form for use in found}


def test_the_best_threshold_is_the_best_of_all() -> None:
    """Against trying every cut; equal cosines are never cut apart."""
    rng = np.random.default_rng(0)
    for _ in range(50):
        cosines, same = rng.integers(0, 6, 12) / 5, rng.random(12) < 0.5
        threshold, accuracy = best_threshold(cosines, same)
        assert accuracy == pytest.approx(float(((cosines >= threshold) == same).mean()))
        assert accuracy == pytest.approx(max(float(((cosines >= cut) == same).mean()) for cut in np.linspace(-0.1, 1.1, 61)))


def test_words_in_context_are_judged_on_pairs_that_were_not_chosen_on(backbone: Backbone) -> None:
    """A threshold from one part, accuracy with its interval on the other; one static vector for one form tells nothing."""

    def pair(one: str, other: str, same: bool) -> ContextPair:
        return ContextPair(Use(one, one.index("bank"), one.index("bank") + 4), Use(other, other.index("bank"), other.index("bank") + 4), same)

    choose = [pair("the bank", "the bank the", True), pair("the bank", "money bank", False), pair("river bank", "river bank a", True)]
    judge = [pair("bank", "bank river", False), pair("a bank", "a bank b", True), pair("b bank", "bank c", False)]
    scores = word_in_context(backbone, choose, judge, layers=("last", "1"))
    assert [score.vectors for score in scores] == ["last", "1", "static"]
    assert all(score.low <= score.accuracy <= score.high and score.pairs == 3 for score in scores)
    assert (scores[-1].chosen_accuracy, scores[-1].accuracy) == (pytest.approx(2 / 3, abs=1e-6), pytest.approx(1 / 3, abs=1e-6))
    vectors = {"bank": np.array([1.0, 0.0])}
    assert word_in_context(backbone, choose, judge, static=vectors)[-1].accuracy == pytest.approx(1 / 3, abs=1e-6)
    with pytest.raises(InputError, match=r"'judge' must hold other pairs than 'choose'; got 3 in both"):
        word_in_context(backbone, choose, choose)
    with pytest.raises(InputError, match=r"'choose' must hold pairs of both kinds, same and different; got 1 of one kind"):
        word_in_context(backbone, choose[:1], judge)


def test_layers_that_are_not_there_are_refused(folder: Path, tmp_path: Path) -> None:
    """Before anything is loaded; and word vectors have no context."""
    assert [check_layers(name, 5) for name in ("last", "0", "5")] == ["last", "0", "5"]
    with pytest.raises(OptionError, match=r"'layers' must be last, last4, all or a number from 0 to 5; got '6'\. Leave it out for the usual"):
        inspect_word(resolve(str(folder)), "bank", SENTENCES, layers="6")
    with pytest.raises(OptionError, match="got '²'"):
        check_layers("²", 5)
    (tmp_path / "v.txt").write_text("2 2\nthe 1 2\ncat 2 1\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"'inspect --word' needs a transformer; .* Name them with --vectors instead"):
        inspect_word(resolve(str(tmp_path / "v.txt")), "bank", SENTENCES)
