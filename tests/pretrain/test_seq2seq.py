"""The Transformer of 2017 against its paper: positions, loss, rate, batches; and a toy it learns, saves and translates."""

from __future__ import annotations

import dataclasses
import json
import math
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from translation_toy import turned_pairs

from ringsmith.adapt import memory
from ringsmith.adapt.pause import Pause
from ringsmith.errors import MachineError, OptionError, UsageError
from ringsmith.pretrain import seq2seq
from ringsmith.pretrain.joint import END, PAD, START, train_joint_vocabulary
from ringsmith.pretrain.output import predicted_loss
from ringsmith.pretrain.parallel import Pairs
from ringsmith.pretrain.seq2seq import Encoded, Rate, Side, Translating, forced_inputs, forced_loss, loss_of, noam_rate, padding_share, paired_batches
from ringsmith.pretrain.shapes import Shape
from ringsmith.pretrain.transformer import SHORT, SHORT_IN_LOW, count_parameters, create_transformer, eased
from ringsmith.pretrain.translation import pretrain_translation, train_translation
from ringsmith.pretrain.translation_options import TranslationOptions

SHAPE = Shape(2, 32, 4, 64, 24)
TOY = TranslationOptions(
    layers=1, hidden=64, heads=4, feed_forward=128, length=16, vocabulary=80, dropout=0.0, batch_tokens=1_024, warm_up=80, steps=320, looks=8, averaged=3,
    held_out=60, threads=1, precision="float32",
)  # fmt: skip


def random_pairs(count: int, *, seed: int = 0, longest: int = 12) -> Encoded:
    """Random pieces, each text with its end."""
    draw = np.random.default_rng(seed)
    sides = [[[*draw.integers(4, 50, draw.integers(1, longest)).tolist(), END] for _ in range(count)] for _ in range(2)]
    return Encoded(*map(Side.of, sides))


def module(dropout: float = 0.0) -> Any:
    """A small model with random weights."""
    return create_transformer(SHAPE, 50, dropout=dropout, seed=3)


def test_positions_are_the_sines_and_cosines_of_the_paper() -> None:
    """Section 3.5: PE(pos, 2i) = sin(pos / 10000^(2i/d)), PE(pos, 2i + 1) = cos(the same); here the sines come first."""
    found = module().model.encoder.embed_positions.weight
    for place in (0, 1, 7, 23):
        for i in range(16):
            angle = place / 10_000 ** (2 * i / 32)
            assert found[place, i].item() == pytest.approx(math.sin(angle), abs=1e-6)
            assert found[place, 16 + i].item() == pytest.approx(math.cos(angle), abs=1e-6)


def test_one_table_serves_both_inputs_and_the_output() -> None:
    """Section 3.4: the same weights, times the root of the width at the inputs; sines are not trained, and the padding's vector is zero."""
    made = module()
    table = made.get_input_embeddings().weight
    assert all(other is table for other in (made.model.encoder.embed_tokens.weight, made.model.decoder.embed_tokens.weight, made.lm_head.weight))
    assert made.model.encoder.embed_scale == made.model.decoder.embed_scale == math.sqrt(32)
    assert not made.model.encoder.embed_positions.weight.requires_grad
    assert not table[PAD].any()
    assert table[PAD + 1 :].std().item() == pytest.approx(1 / math.sqrt(32), rel=0.05)


def test_parameters_are_counted_by_formula(tmp_path: Path) -> None:
    """As torch counts them; a model that memory does not hold is told before the pairs are read."""
    assert count_parameters(SHAPE, 50) == sum(weight.numel() for weight in module().parameters() if weight.requires_grad)
    huge = TranslationOptions(layers=2_000, hidden=20_000, heads=100)
    with pytest.raises(MachineError, match=r"^Memory must hold the model with its gradients: 22,\d{3},\d{3} M parameters"):
        pretrain_translation(tmp_path / "nothing.tsv", None, tmp_path / "out", huge)


def test_a_block_is_the_papers() -> None:
    """Sections 3.1 and 3.3 written out: normalisation behind each sum, ReLU between the two products."""
    made = module().eval()
    block, given = made.model.encoder.layers[0], torch.randn(1, 5, 32)
    heads = [part(given).view(5, 4, 8).transpose(0, 1) for part in (block.self_attn.q_proj, block.self_attn.k_proj, block.self_attn.v_proj)]
    attended = torch.softmax(heads[0] @ heads[1].transpose(1, 2) / math.sqrt(8), -1) @ heads[2]
    middle = block.self_attn_layer_norm(given[0] + block.self_attn.out_proj(attended.transpose(0, 1).reshape(5, 32)))
    expected = block.final_layer_norm(middle + block.fc2(torch.relu(block.fc1(middle))))
    assert torch.allclose(block(given, attention_mask=None)[0], expected, atol=1e-5)


def slow_loss(scores: torch.Tensor, wanted: torch.Tensor, smoothing: float) -> torch.Tensor:
    """Szegedy et al. (2016), section 7, label by label."""
    pieces = scores.shape[1]
    total = torch.zeros((), dtype=scores.dtype)
    for row, right in zip(scores, wanted.tolist(), strict=True):
        log_likely = row - row.exp().sum().log()
        for k in range(pieces):
            label = (1 - smoothing) * (k == right) + smoothing / pieces
            total = total - label * log_likely[k]
    return total / len(scores)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_smoothed_loss_is_that_of_the_formula(smoothing: float) -> None:
    """Against labels written out in float64."""
    torch.manual_seed(0)
    layer, hidden, wanted = torch.nn.Linear(8, 13, bias=False), torch.randn(23, 8), torch.randint(13, (23,))
    scores = hidden.double() @ layer.weight.detach().double().T
    assert predicted_loss(hidden, layer, wanted, smoothing).item() == pytest.approx(slow_loss(scores, wanted, smoothing).item(), abs=1e-5)


def test_the_forced_loss_is_that_of_a_slow_reading_of_each_pair_alone() -> None:
    """No padding, no neighbours: the next piece after each beginning of the translation, one forward for each."""
    made, pairs = module().eval(), random_pairs(6)
    losses = []
    for row in range(6):
        source = pairs.sources.take(np.array([row]))
        target = pairs.targets.take(np.array([row]))[0].tolist()
        for place, right in enumerate(target):
            before = torch.tensor([[START, *target[:place]]])
            scores = made(input_ids=source, decoder_input_ids=before, use_cache=False).logits[0, -1]
            losses.append(slow_loss(scores[None].double(), torch.tensor([right]), 0.1).item())
    assert forced_loss(made, forced_inputs(made, pairs, np.arange(6)), 0.1).item() == pytest.approx(np.mean(losses), abs=1e-5)


def test_the_rate_is_equation_3() -> None:
    """By hand for width 4 and 2 steps of warm-up: 0.5 x min(1 / sqrt(step), step / 2 sqrt(2))."""
    by_hand = [0.5 * 1 / (2 * math.sqrt(2)), 0.5 * 2 / (2 * math.sqrt(2)), 0.5 / math.sqrt(3), 0.5 / 2]
    assert [noam_rate(step, 4, 2) for step in (1, 2, 3, 4)] == pytest.approx(by_hand)
    work = Translating(random_pairs(4), random_pairs(2), max_tokens=64, rate=Rate(4, 2), smoothing=0.0, looks=1)
    assert [work.rate_share(step, 100, 0.5) for step in range(4)] == pytest.approx(by_hand)


def test_batches_hold_every_pair_once_within_the_budget_and_almost_no_padding() -> None:
    """Both sides together; another order each epoch, the same from the same seed."""
    pairs = random_pairs(2_000, longest=20)
    left, right = pairs.sources.lengths, pairs.targets.lengths
    batches = paired_batches(left, right, 512, np.random.default_rng(1))
    assert sorted(np.concatenate(batches).tolist()) == list(range(2_000))
    assert all(len(rows) * (left[rows].max() + right[rows].max()) <= 512 for rows in batches)
    in_file_order = [np.arange(start, start + 12) for start in range(0, 1_992, 12)]
    tables = sum(len(rows) * (left[rows].max() + right[rows].max()) for rows in in_file_order)
    assert padding_share(pairs, 512) < 0.15 < 0.4 < 1 - pairs.tokens / tables
    assert len(paired_batches(left, right, 10)[-1]) == 1  # longer than the budget: alone
    work = Translating(pairs, random_pairs(2), max_tokens=512, rate=Rate(4, 2), smoothing=0.0, looks=1)
    first = [rows.tolist() for rows in islice(work.batches(5, 0), 2 * work.per_epoch)]
    assert [rows.tolist() for rows in islice(work.batches(5, 7), work.per_epoch)] == first[7 : 7 + work.per_epoch]
    assert sorted(map(tuple, first[: work.per_epoch])) != sorted(map(tuple, first[work.per_epoch :]))


def test_eased_training_learns_the_same_and_leaves_the_model_as_it_was() -> None:
    """Without dropout the same loss; with it about the share asked for is left out; behind the block nothing is left of it."""
    made, pairs, rows = module().train(), random_pairs(40), np.arange(40)
    plain = forced_loss(made, forced_inputs(made, pairs, rows), 0.1).item()
    with eased(made, low_precision=False):
        assert forced_loss(made, forced_inputs(made, pairs, rows), 0.1).item() == pytest.approx(plain, abs=1e-5)
    with eased(made, low_precision=True), torch.autocast("cpu", torch.bfloat16):
        assert forced_loss(made, forced_inputs(made, pairs, rows), 0.1).item() == pytest.approx(plain, rel=0.01)
    dropping = module(0.5).train()
    with eased(dropping, low_precision=False):
        assert forced_loss(dropping, forced_inputs(dropping, pairs, rows), 0.1).item() != pytest.approx(plain, abs=1e-3)
        assert loss_of(dropping, pairs, 512) == pytest.approx(loss_of(made, pairs, 512), abs=1e-5)
    assert dropping.model.encoder.layers[0].dropout == 0.5
    assert not dropping.model.encoder.layers[0]._forward_pre_hooks
    assert not dropping.model.encoder.layers[0].fc2._forward_hooks
    assert dropping.config._attn_implementation == made.config._attn_implementation


def test_dropout_stands_where_the_paper_has_it() -> None:
    """As many masks as the blocks of transformers draw by themselves: two inputs, two parts of each encoder block, three of each decoder block."""
    made, pairs = module(0.1).train(), random_pairs(3)
    drawn = []
    with eased(made, low_precision=False):
        ours = torch.nn.Dropout.forward
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("ringsmith.adapt.dropout.PooledDropout.forward", lambda self, given: (drawn.append(given.shape), ours(self, given))[1])
            forced_loss(made, forced_inputs(made, pairs, np.arange(3)), 0.0)
    assert len(drawn) == 2 + 2 * 2 + 2 * 3


def test_the_vocabulary_gives_every_text_back_and_ends_it() -> None:
    """Blanks, capitals, narrow blanks and apostrophes included; no piece holds a full stop with letters."""
    texts = ["Tom's here.", "Go!", "Qu'est-ce que c'est\u202f?", "the cat  sat.", "L'âge."] * 5
    tokeniser = train_joint_vocabulary(texts, 200, length=32)
    for text in texts:
        ids = tokeniser(text)["input_ids"]
        assert ids[-1] == END
        assert tokeniser.decode(ids, skip_special_tokens=True) == text
    assert not [piece for piece in tokeniser.get_vocab() if "." in piece and len(piece) > 1]


def test_a_vocabulary_without_room_is_refused() -> None:
    """Fewer pieces than characters and special ones."""
    with pytest.raises(OptionError, match=r"'vocabulary' must have room .*; got 20\. Use at least 68"):
        train_joint_vocabulary(["abcdefghij" * 3], 20, length=8)


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A model that learnt to turn letters round."""
    parts = turned_pairs()
    found = train_translation(parts.train, parts.valid, tmp_path_factory.mktemp("toy") / "model", TOY)
    return found.folder, found.facts


def test_a_toy_is_learnt_and_plain_transformers_translates_it(toy: tuple[Path, dict[str, Any]]) -> None:
    """`AutoModelForSeq2SeqLM` and `AutoTokenizer` alone; by beams as the folder asks for, on texts it never saw."""
    folder, facts = toy
    parts = turned_pairs()
    model, tokeniser = transformers.AutoModelForSeq2SeqLM.from_pretrained(folder), transformers.AutoTokenizer.from_pretrained(folder)
    made = model.generate(**tokeniser(list(parts.test.sources), return_tensors="pt", padding=True))
    right = sum(one == other for one, other in zip(tokeniser.batch_decode(made, skip_special_tokens=True), parts.test.targets, strict=True))
    assert right >= 0.9 * len(parts.test)
    assert facts["loss"] < 0.35
    assert facts["loss"] <= min(facts["curves"]["look_loss"]) + 1e-6


def test_what_was_kept_of_the_looks_is_gone_and_the_manifest_tells_the_rest(toy: tuple[Path, dict[str, Any]]) -> None:
    """One folder, whole."""
    folder, facts = toy
    assert [path.name for path in folder.parent.iterdir()] == ["model"]
    manifest = json.loads((folder / "ringsmith.json").read_text())
    assert (manifest["format"], manifest["steps"], manifest["pairs"]["valid"]) == ("ringsmith-translation", 320, 60)
    assert facts["averaged"] in (1, 3)


def test_decoding_with_kept_keys_and_values_gives_the_same(toy: tuple[Path, dict[str, Any]]) -> None:
    """Scores and pieces, greedily."""
    model, tokeniser = transformers.AutoModelForSeq2SeqLM.from_pretrained(toy[0]), transformers.AutoTokenizer.from_pretrained(toy[0])
    given = tokeniser(["a b c d", "h g f"], return_tensors="pt", padding=True)
    ways = [model.generate(**given, num_beams=1, use_cache=kept, output_scores=True, return_dict_in_generate=True) for kept in (True, False)]
    assert torch.equal(ways[0].sequences, ways[1].sequences)
    assert all(torch.allclose(one, other, atol=1e-4) for one, other in zip(ways[0].scores, ways[1].scores, strict=True))


def test_a_killed_training_goes_on_to_the_same_curve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dropout, looks and their mean included: bit for bit."""
    parts = turned_pairs(300)
    options = dataclasses.replace(TOY, steps=24, looks=6, dropout=0.1, hidden=32)
    whole = train_translation(parts.train, parts.valid, tmp_path / "whole", options)

    class Killed(Exception):
        pass

    def kill(progress: Any) -> None:
        if progress.done == 15:
            raise Killed

    monkeypatch.setattr(Pause, "is_due", lambda *_, **__: True)
    with pytest.raises(Killed):
        train_translation(parts.train, parts.valid, tmp_path / "broken", options, report=kill)
    steps: list[float] = []
    again = train_translation(parts.train, parts.valid, tmp_path / "broken", options, report=lambda progress: steps.append(progress.done))
    assert steps[0] == 15
    assert again.facts["curves"] == whole.facts["curves"]
    assert (tmp_path / "broken" / "model.safetensors").read_bytes() == (tmp_path / "whole" / "model.safetensors").read_bytes()


def test_the_card_is_read_from_the_facts(toy: tuple[Path, dict[str, Any]]) -> None:
    """Loss, pairs and steps as they are in the manifest; the picture stands beside it."""
    folder, facts = toy
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert f"{facts['loss']:.4f} nats, perplexity {math.exp(facts['loss']):,.2f}" in card
    assert f"{facts['pairs']['train']:,} to learn from, 60 to judge by" in card
    assert "320 steps" in card
    assert (folder / "loss.svg").read_text(encoding="utf-8").startswith("<svg")


def test_two_files_become_a_model_and_what_was_found_is_said(tmp_path: Path) -> None:
    """The whole way, as the command line goes it."""
    parts = turned_pairs(300).train
    (tmp_path / "a").write_text("\n".join([*parts.sources, "", parts.sources[0]]))
    (tmp_path / "b").write_text("\n".join([*parts.targets, "x", parts.targets[0]]))
    said: list[str] = []
    options = dataclasses.replace(TOY, steps=3, looks=1, held_out=20)
    found = pretrain_translation(tmp_path / "a", tmp_path / "b", tmp_path / "model", options, say=lambda label, text: said.append(f"{label} {text}".strip()))
    assert said[0].startswith(f"Read {len(parts):,} pairs: ")
    assert said[1:3] == [f"1 pair with an empty side was left out, the first in line {len(parts) + 1}.", "1 pair that was there before was left out."]
    assert "of the batches are padding" in said[3]
    assert said[1] in (found.folder / "README.md").read_text(encoding="utf-8")


def test_a_loss_that_is_no_number_ends_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What to change, and to what."""
    parts = turned_pairs(300)
    monkeypatch.setattr(seq2seq, "forced_loss", lambda module, *_: module.lm_head.weight.sum() * math.nan)
    with pytest.raises(OptionError, match=r"'warm_up' must be so long that the loss falls; got 80, and the loss is no number in step 1\. Take a longer one, such as 320"):
        train_translation(parts.train, parts.valid, tmp_path / "model", TOY)


def test_a_place_that_holds_something_is_refused_before_the_training(tmp_path: Path) -> None:
    """Nothing is trained for nothing."""
    (tmp_path / "note.txt").write_text("mine")
    parts = turned_pairs(300)
    with pytest.raises(UsageError, match="this one holds something else"):
        train_translation(parts.train, parts.valid, tmp_path, TOY)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"steps": 5, "epochs": 1.0}, r"'steps' and 'epochs' both say how long to train; got 5 and 1"),
        ({"dropout": 1.0, "layers": 0}, r"'layers' must be a whole number, at least 1; got 0\. 'dropout' must be from 0 to below 1; got 1\.0"),
        ({"precision": "half"}, r"'precision' must be auto, float32 or bfloat16; got 'half'"),
    ],
)
def test_wrong_options_are_one_sentence(given: dict[str, Any], sentence: str) -> None:
    """All faults at once, before anything is read."""
    with pytest.raises(OptionError, match=sentence):
        TranslationOptions(**given)


def test_pairs_that_are_too_long_are_left_out_and_counted(tmp_path: Path) -> None:
    """The model has no position for them."""
    parts = turned_pairs(300)
    long = Pairs((*parts.train.sources, "a b " * 30), (*parts.train.targets, "b a " * 30))
    found = train_translation(long, parts.valid, tmp_path / "model", dataclasses.replace(TOY, steps=2, looks=1))
    assert (found.facts["longer"], found.facts["pairs"]["train"]) == (1, len(parts.train))


def test_long_texts_are_attended_to_without_tables_of_each_piece_with_each() -> None:
    """By torch's fused kernel; plain products are for short ones."""
    for low, short in ((False, SHORT), (True, SHORT_IN_LOW)):
        for length, attends in ((short, "eager"), (short + 1, "sdpa")):
            made = create_transformer(dataclasses.replace(SHAPE, length=length), 50, dropout=0.0, seed=3)
            with eased(made, low_precision=low):
                assert made.config._attn_implementation == attends


@pytest.mark.parametrize("length", [16, 200])
def test_a_batch_is_cut_into_the_parts_that_memory_holds(monkeypatch: pytest.MonkeyPatch, length: int) -> None:
    """Reckoned on a batch of the longest texts; looks are cut, too."""
    pairs = random_pairs(40, longest=length)
    work = Translating(pairs, pairs, max_tokens=16 * length, rate=Rate(32, 2), smoothing=0.0, looks=1)
    made = create_transformer(dataclasses.replace(SHAPE, length=length), 50, dropout=0.0, seed=3).train()
    assert work.parts_that_fit(made) == 1
    longest = work.longest(np.arange(40))

    def forward(rows: int, tokens: int) -> torch.Tensor:
        texts = torch.full((rows, tokens), 5)
        return work.loss(made, {"sources": texts, "targets": texts})

    once, each = memory.bytes_of_rows(made, forward, longest)
    monkeypatch.setattr(memory, "free_bytes", lambda _: (memory.fixed_bytes(made) + once + 3.5 * each) / memory.SPARE)
    assert work.parts_that_fit(made) == 3
    whole, sizes, plain = work.judge(made), list[int](), seq2seq.forced_loss

    def noted(module: Any, inputs: Any, smoothing: float) -> torch.Tensor:
        sizes.append(sum(side.numel() for side in inputs.values()))
        return plain(module, inputs, smoothing)

    monkeypatch.setattr(seq2seq, "forced_loss", noted)
    work.parts = 3
    assert work.judge(made) == pytest.approx(whole, rel=1e-5)
    assert max(sizes) <= max(16 * length // 3, 2 * longest)
    monkeypatch.setattr(memory, "free_bytes", lambda _: memory.fixed_bytes(made))
    with pytest.raises(MachineError, match=rf"a row of {longest} tokens .* Take a smaller --length, or a smaller model"):
        work.parts_that_fit(made)


def test_parts_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As of every other training."""
    pairs = turned_pairs().train
    monkeypatch.setattr(Translating, "parts_that_fit", lambda self, module: 3)
    ended = pretrain_translation(list(zip(pairs.sources, pairs.targets, strict=True)), None, tmp_path / "model", dataclasses.replace(TOY, steps=4, looks=1, held_out=10))
    assert ended.facts["notes"][-1] == "Each batch went through in 3 parts: memory holds no more."
