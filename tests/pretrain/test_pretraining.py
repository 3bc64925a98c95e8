"""Pre-training from a corpus to a folder: plain transformers loads it, a killed run goes on to the same weights, two processes take the steps of one."""

from __future__ import annotations

import json
import math
import os
import socket
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file
from small_corpora import documents, tiny, write_corpus
from torch.nn import functional

from ringsmith.adapt.dropout import ease_dropout
from ringsmith.adapt.pause import Pause
from ringsmith.errors import BudgetError, InputError, ModelError, OptionError, UsageError
from ringsmith.pretrain import output, training
from ringsmith.pretrain.learning import LOOK_SEED, Learning, Span, ahead, flops_of
from ringsmith.pretrain.objective import IGNORED, Batch, find_objective
from ringsmith.pretrain.options import PretrainOptions, objective_options
from ringsmith.pretrain.output import predicted_loss
from ringsmith.pretrain.packing import Sequences, divide
from ringsmith.pretrain.shapes import Shape
from ringsmith.pretrain.tokenfile import open_tokens
from ringsmith.pretrain.training import Pretrained, pretrain
from ringsmith.pretrain.vocabulary import Vocabulary, read_pieces
from ringsmith.records import Progress

Weights = dict[str, torch.Tensor]


class Killed(Exception):
    """Ends a training from its progress report, as a kill would between two steps."""


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small corpus."""
    return write_corpus(tmp_path_factory.mktemp("corpus") / "corpus.txt")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, corpus: Path) -> Pretrained:
    """A model of it that learnt for a while."""
    return pretrain(corpus, tiny(tmp_path_factory.mktemp("trained"), steps=250, rate=2e-2, licence="cc0-1.0"))


def weights_of(folder: Path) -> Weights:
    """The weights that were saved."""
    found: Weights = load_file(folder / "model.safetensors")
    return found


def kept_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """The state is written after every step."""
    monkeypatch.setattr(training, "Pause", partial(Pause, every_seconds=0.0))


def dying_at(step: int) -> Any:
    """A report that kills the training when that step is told."""

    def report(progress: Progress) -> None:
        if progress.stage == "train" and progress.done == step:
            raise Killed

    return report


def test_it_learns_and_says_what_it_did(trained: Pretrained, corpus: Path) -> None:
    """The loss falls far below that of guessing, and everything in the card is told from the same facts."""
    facts = trained.facts
    assert facts.curves["loss"][-1] < 0.75 * facts.curves["loss"][0]
    assert facts.held_out.loss == min(facts.curves["look_loss"])
    assert facts.held_out.perplexity == pytest.approx(math.exp(facts.held_out.loss))
    assert (facts.steps, facts.tokens) == (250, 250 * 128)
    assert facts.corpus["documents"] == 60
    assert facts.flops == pytest.approx(facts.cost.flops_per_token * facts.tokens)
    content = json.loads((trained.folder / "ringsmith.json").read_text(encoding="utf-8"))
    assert content["held_out"] == asdict(facts.held_out)
    assert set(content["files"]) == {path.name for path in trained.folder.iterdir()} - {"ringsmith.json"}
    card = (trained.folder / "README.md").read_text(encoding="utf-8")
    assert 'license: "cc0-1.0"' in card
    assert f"loss {facts.held_out.loss:.4f}" in card
    assert "![Loss over the steps](loss.svg)" in card


def test_bits_per_byte_count_the_bytes_that_a_piece_stands_for(corpus: Path, tmp_path: Path) -> None:
    """By hand: the loss in bits, over the bytes of a piece among the held out documents, their ends included. Where some pieces are hidden it is not the text's."""
    held = pretrain(corpus, tiny(tmp_path, objective="clm", steps=2, work=tmp_path / "work")).facts.held_out
    (path,) = (tmp_path / "work").glob("*.safetensors")
    file = open_tokens(path)
    assert pretrain(corpus, tiny(tmp_path, out=tmp_path / "masked", objective="mlm", steps=2)).facts.held_out.bits_per_byte is None
    assert held.bits_per_byte == pytest.approx(held.loss / math.log(2) * len(file.held_out.tokens) / file.counts.held_out_bytes)


def test_plain_transformers_loads_the_folder_and_gives_the_loss_that_was_told(trained: Pretrained) -> None:
    """The held out loss again, slowly: transformers' own model, scores of all positions, cross entropy where pieces were hidden."""
    tokeniser = transformers.AutoTokenizer.from_pretrained(trained.folder)
    model = transformers.AutoModelForMaskedLM.from_pretrained(trained.folder).eval()
    assert tokeniser.model_max_length == 16
    objective = find_objective("mlm")(read_pieces(tokeniser))
    (path,) = (trained.folder.parent / "work").glob("*.safetensors")
    _, judge = divide(open_tokens(path), objective.pieces, 16, crosses_documents=True, share=0.1)
    generator, losses = np.random.default_rng(LOOK_SEED), list[torch.Tensor]()
    for start in range(0, len(judge), 8):
        batch = objective.batch(judge.rows(np.arange(start, min(start + 8, len(judge)))), generator)
        with torch.no_grad():
            scores = model(input_ids=batch["input_ids"]).logits
        told = batch["labels"] != IGNORED
        rows = torch.arange(len(scores))[:, None].expand_as(told)[told]
        losses.append(functional.cross_entropy(scores[rows, batch["places"][told]], batch["labels"][told], reduction="none"))
    assert float(torch.cat(losses).mean()) == pytest.approx(trained.facts.held_out.loss, abs=1e-4)


def test_the_picture_is_sound_xml(trained: Pretrained) -> None:
    """One dot for each look."""
    picture = ET.fromstring((trained.folder / "loss.svg").read_text(encoding="utf-8"))
    assert len([part for part in picture.iter() if part.tag.endswith("circle")]) == len(trained.facts.curves["look_loss"]) + 1


@pytest.mark.parametrize("objective", ["mlm", "clm"])
def test_killed_it_goes_on_to_the_same_weights(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, objective: str) -> None:
    """To the bit, dropout and all, killed three times."""
    options = {"objective": objective, "dropout": 0.1, "steps": 12}
    straight = pretrain(corpus, tiny(tmp_path / "straight", **options))
    kept_every_step(monkeypatch)
    broken = tiny(tmp_path / "broken", **options)
    for step in (2, 7, 11):
        with pytest.raises(Killed):
            pretrain(corpus, broken, report=dying_at(step))
        assert (tmp_path / "broken" / "model.training").exists()
    resumed = pretrain(corpus, broken)
    for name, tensor in weights_of(straight.folder).items():
        np.testing.assert_array_equal(weights_of(resumed.folder)[name].numpy(), tensor.numpy(), err_msg=name)
    assert resumed.facts.curves == straight.facts.curves
    assert resumed.facts.held_out == straight.facts.held_out
    assert not (tmp_path / "broken" / "model.training").exists()


def test_another_training_does_not_wipe_out_what_it_has_learnt(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another rate is another training: it is refused, and the first goes on and says where."""
    kept_every_step(monkeypatch)
    with pytest.raises(Killed):
        pretrain(corpus, tiny(tmp_path), report=dying_at(5))
    kept = (tmp_path / "model.training" / "pause.safetensors").read_bytes()
    with pytest.raises(
        OptionError, match=r"'out' must be another folder .*model\.training.pause\.safetensors keeps the state of one with other options or another text\. Give its own command"
    ):
        pretrain(corpus, tiny(tmp_path, rate=1e-3))
    assert (tmp_path / "model.training" / "pause.safetensors").read_bytes() == kept
    said = list[tuple[str, str]]()
    pretrain(corpus, tiny(tmp_path), say=lambda label, text: said.append((label, text)))
    assert said[-1] == ("Goes on", "after step 4, where this training was stopped")


def test_the_corpus_is_read_once_for_several_trainings(corpus: Path, tmp_path: Path) -> None:
    """Vocabulary and numbers are found again, and the result is that of the first time."""
    stages, said = list[str](), list[str]()
    one = pretrain(corpus, tiny(tmp_path))
    two = pretrain(corpus, tiny(tmp_path, out=tmp_path / "again"), report=lambda progress: stages.append(progress.stage), say=lambda _, text: said.append(text))
    assert set(stages) == {"train"}
    assert "in numbers from an earlier run" in said[0]
    assert one.facts.curves == two.facts.curves


def test_strings_that_come_once_give_what_a_file_gives(corpus: Path, tmp_path: Path) -> None:
    """An iterator is put aside for its second reading: the same vocabulary, numbers and curve."""
    from_file = pretrain(corpus, tiny(tmp_path / "file"))
    from_memory = pretrain(iter(documents(60)), tiny(tmp_path / "memory"))
    assert from_memory.facts.curves == from_file.facts.curves
    assert from_memory.facts.corpus["sha256"] == from_file.facts.corpus["sha256"]


def test_it_goes_on_from_a_model(trained: Pretrained, corpus: Path, tmp_path: Path) -> None:
    """Domain-adaptive: vocabulary, shape and what it knows are kept; it begins where the other ended."""
    options = PretrainOptions(
        out=tmp_path / "on", from_model=str(trained.folder), steps=3, batch_tokens=128, held_out=0.1, threads=1, precision="float32", work=tmp_path / "work", length=16
    )
    on = pretrain(corpus, options)
    assert on.facts.curves["loss"][0] < trained.facts.curves["loss"][0] - 1
    assert on.facts.start is not None
    assert on.facts.start["name"] == str(trained.folder)
    assert {name: tensor.shape for name, tensor in weights_of(on.folder).items()} == {name: tensor.shape for name, tensor in weights_of(trained.folder).items()}
    before, after = (transformers.AutoTokenizer.from_pretrained(folder)("The fox finds a crown.")["input_ids"] for folder in (trained.folder, on.folder))
    assert before == after
    assert on.facts.notes == ()


def test_a_model_without_a_head_gets_one_and_it_is_said(trained: Pretrained, corpus: Path, tmp_path: Path) -> None:
    """As of a sentence encoder: the body of one that was trained, saved alone, has more to lose than the whole."""
    transformers.AutoModel.from_pretrained(trained.folder).save_pretrained(tmp_path / "body")
    transformers.AutoTokenizer.from_pretrained(trained.folder).save_pretrained(tmp_path / "body")
    options = PretrainOptions(out=tmp_path / "on", from_model=str(tmp_path / "body"), steps=2, batch_tokens=128, held_out=0.1, threads=1, work=tmp_path / "work", length=16)
    assert (
        pretrain(corpus, options)
        .facts.notes[0]
        .endswith("held no head that predicts pieces: one began at random, so that the loss begins high; the layers below it were pre-trained.")
    )


def test_a_checkpoint_of_another_architecture_is_refused(trained: Pretrained, corpus: Path, tmp_path: Path) -> None:
    """A BERT does not learn from left to right; its own length and shape stay."""
    options = PretrainOptions(out=tmp_path / "on", from_model=str(trained.folder), objective="clm", threads=1, work=tmp_path / "work")
    with pytest.raises(ModelError, match=r"the objective 'clm' trains models that read from left to right; got bert"):
        pretrain(corpus, options)
    with pytest.raises(OptionError, match=r"'length' must be at most what the model takes, 16 pieces; got 32"):
        pretrain(corpus, PretrainOptions(out=tmp_path / "on", from_model=str(trained.folder), length=32, threads=1, work=tmp_path / "work"))
    with pytest.raises(OptionError, match=r"'layers' and 'vocabulary' cannot be chosen for a model that is gone on from"):
        PretrainOptions(out=tmp_path / "on", from_model="minilm", layers=3, vocabulary=500)


def test_the_clock_is_kept(corpus: Path, tmp_path: Path) -> None:
    """With a budget alone, as many steps as fit: the rate has fallen to its end and the time is nearly used."""
    pretrain(corpus, tiny(tmp_path / "before", steps=1))  # what is compiled and measured once
    started = time.monotonic()
    made = pretrain(corpus, tiny(tmp_path, steps=None, budget=4.0, work=tmp_path / "before" / "work"))
    took = time.monotonic() - started
    assert took < 5.5
    assert made.facts.steps >= 20


def test_a_budget_that_reading_uses_up_is_refused(corpus: Path, tmp_path: Path) -> None:
    """And it is said that what was read is kept."""
    with pytest.raises(BudgetError, match=r"The budget is over before the first step: reading took all of it\. What was read is kept"):
        pretrain(corpus, tiny(tmp_path, steps=None, budget=1e-6))


def test_what_cannot_be_is_said_before_anything_is_read(tmp_path: Path) -> None:
    """A place that holds something, options of another objective, two ways to say how long."""
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "thesis.tex").write_text("...", encoding="utf-8")
    with pytest.raises(UsageError, match="a model is written into an empty or a new folder; this one holds something else"):
        pretrain(tmp_path / "nothing.txt", tiny(tmp_path))
    with pytest.raises(OptionError, match=r"The objective 'mlm' has no option 'whole_word'; did you mean 'whole_words'\?"):
        pretrain(tmp_path / "nothing.txt", tiny(tmp_path, out=tmp_path / "new", objective_options={"whole_word": True}))
    with pytest.raises(OptionError, match=r"'steps' and 'epochs' both say how long"):
        tiny(tmp_path, epochs=2.0)
    with pytest.raises(OptionError, match=r"'length' must be a whole number, at least 8; got 2\. 'rate' must be above 0, and finite; got 0"):
        tiny(tmp_path, length=2, rate=0)


def test_a_vocabulary_larger_than_the_corpus_allows_is_refused(corpus: Path, tmp_path: Path) -> None:
    """Where it was asked for; otherwise there are as many pieces as there are."""
    with pytest.raises(OptionError, match=r"'vocabulary' must not be larger than the corpus allows: it gives (\d+) pieces; got 5,000\. Use \1, or leave it out"):
        pretrain(corpus, tiny(tmp_path, vocabulary=5_000))


def test_a_rate_that_is_too_high_is_said(corpus: Path, tmp_path: Path) -> None:
    """A loss that is no number, or far above guessing."""
    with pytest.raises(OptionError, match=r"'rate' must be one at which the loss falls; got 1e\+30, and its loss (became|ran away)"):
        pretrain(corpus, tiny(tmp_path, rate=1e30, clip=1e30, steps=64))


def test_a_corpus_of_one_line_is_too_short(tmp_path: Path) -> None:
    """One sentence says what it holds."""
    path = tmp_path / "one.txt"
    path.write_text("The dog sees the ring.\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"A corpus must hold two sequences of 16 pieces, one to learn from and one to judge by; it holds \d+ pieces in 1 document"):
        pretrain(path, tiny(tmp_path))


def test_options_of_an_objective_are_read() -> None:
    """By their own dataclass."""
    kind = find_objective("mlm").options_kind
    assert objective_options(kind, {"whole_words": True}, objective="mlm").whole_words is True


@pytest.fixture
def work(toy_vocabulary: Vocabulary) -> tuple[Learning, Any]:
    """A small masked work, and its model."""
    objective = find_objective("mlm")(toy_vocabulary.pieces)
    tokens = np.random.default_rng(0).integers(5, toy_vocabulary.pieces.size, 14 * 40)
    sequences = Sequences(tokens, np.arange(40) * 14, 16, toy_vocabulary.pieces.before, toy_vocabulary.pieces.after)
    module = objective.create(Shape(1, 16, 2, 32, 16), seed=0)
    for part in module.modules():
        if isinstance(part, torch.nn.Dropout):
            part.p = 0.0
    ease_dropout(module)
    return Learning(objective, *sequences.split(10), Span(8, 10, None, 2, 64)), module


def test_parts_of_a_batch_have_the_gradient_of_the_whole(work: tuple[Learning, Any]) -> None:
    """Weighed by what they predict."""
    learning, module = work
    batch = next(learning.batches(0, 0))

    def gradient(parts: list[Batch]) -> Weights:
        module.zero_grad()
        for part in parts:
            (learning.loss(module, part) * (learning.weight(part) / learning.weight(batch))).backward()
        return {name: weight.grad.clone() for name, weight in module.named_parameters() if weight.grad is not None}

    whole = gradient([batch])
    for name, value in gradient([learning.part(batch, rows) for rows in np.array_split(np.arange(8), 3)]).items():
        torch.testing.assert_close(value, whole[name], rtol=1e-4, atol=1e-6)


def test_batches_can_be_entered_anywhere_with_the_same_masks(work: tuple[Learning, Any]) -> None:
    """Batch number 3 is batch number 3."""
    learning, _ = work
    (direct,), straight = list(islice(learning.batches(4, 3), 1)), list(islice(learning.batches(4, 0), 4))[3]
    assert all(torch.equal(direct[name], straight[name]) for name in straight)


def test_looks_are_alike_and_take_no_random_numbers(work: tuple[Learning, Any]) -> None:
    """The same mark twice, torch's generator as before, and the model still in training."""
    learning, module = work
    before = torch.get_rng_state()
    assert learning.look(module, 0.5) == learning.look(module, 0.6)
    assert torch.equal(before, torch.get_rng_state())
    assert module.training


def test_the_next_batch_is_made_ahead() -> None:
    """In order, none left out."""

    def numbers() -> Iterator[int]:
        yield from range(10)

    assert [number for number, _ in zip(ahead(numbers()), range(8), strict=False)] == list(range(8))


def test_flops_are_six_for_each_weight_of_a_product(work: tuple[Learning, Any]) -> None:
    """By hand for the feed-forward part and its like: the count lies between that of the products alone and twice as much, attention included."""
    learning, module = work
    products = sum(part.weight.numel() for name, part in module.named_modules() if isinstance(part, torch.nn.Linear) and "cls" not in name)
    assert 6 * products <= flops_of(learning, module) <= 12 * products
    assert all(weight.grad is None for weight in module.parameters())


@pytest.mark.filterwarnings("ignore:The .grad attribute:UserWarning")  # what torch looks at while it traces
@pytest.mark.parametrize("way", ["cpu", "gpu", "gpu, compiled"])
@pytest.mark.parametrize(("offset", "smoothing"), [(True, 0.0), (False, 0.0), (True, 0.1), (False, 0.1)])
def test_the_output_layer_in_pieces_is_torchs_own(monkeypatch: pytest.MonkeyPatch, way: str, offset: bool, smoothing: float) -> None:
    """Loss and every gradient of layer, softmax and cross entropy one after the other; places that count nothing, pieces and blocks of all sizes; the CPU's way, and the GPU's."""
    for name, size in (("CACHED", 70), ("SCORES", 150), ("BLOCK", 330), ("BLOCK_OF_GPU", 1_000), ("ALIGNED", 8)):
        monkeypatch.setattr(output, name, size)
    if way != "cpu":
        monkeypatch.setattr(output._Sums, "on_cpu", False)
    torch.manual_seed(0)
    states, layer, labels = torch.randn(50, 8, requires_grad=True), torch.nn.Linear(8, 30, bias=offset), torch.randint(0, 30, (50,))
    labels[::7] = IGNORED
    told = functional.cross_entropy(layer(states), labels, ignore_index=IGNORED, label_smoothing=smoothing)
    (3 * told).backward()
    wanted = [states.grad, *(weight.grad for weight in layer.parameters())]
    states.grad = None
    layer.zero_grad()
    if way == "gpu, compiled":
        traced = partial(torch.compile, backend="eager")
        monkeypatch.setattr(output, "_compiled_to_shares", lambda: traced(output._to_shares))
        layer.compile(backend="eager")
    loss = predicted_loss(states, layer, labels, smoothing)
    torch.testing.assert_close(loss, told)
    (3 * loss).backward()
    for found, value in zip([states.grad, *(weight.grad for weight in layer.parameters())], wanted, strict=True):
        torch.testing.assert_close(found, value, rtol=1e-4, atol=1e-6)
    with torch.no_grad():
        torch.testing.assert_close(predicted_loss(states, layer, labels, smoothing), loss.detach())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_the_output_layer_on_a_gpu_is_torchs_own(precision: torch.dtype, compiled: bool) -> None:
    """A number of pieces that no kernel likes; loss and gradients as torch's layer has them on the CPU, in bfloat16 nearly."""
    torch.manual_seed(0)
    states, layer, labels = torch.randn(300, 64), torch.nn.Linear(64, 1_001), torch.randint(0, 1_001, (300,))
    labels[::7] = IGNORED
    told = functional.cross_entropy(layer(states), labels)
    told.backward()
    wanted = [weight.grad.clone() for weight in layer.parameters() if weight.grad is not None]
    layer.zero_grad()
    if compiled:
        layer.compile()
    with torch.autocast("cuda", dtype=precision, enabled=precision != torch.float32):
        loss = predicted_loss(states.cuda(), layer.cuda(), labels.cuda())
    loss.backward()
    share = 1e-4 if precision == torch.float32 else 0.02
    assert float(loss.detach()) == pytest.approx(float(told.detach()), rel=share)
    for weight, value in zip(layer.parameters(), wanted, strict=True):
        assert weight.grad is not None
        assert float((weight.grad.cpu() - value).norm() / value.norm()) < share


def test_the_output_layer_in_low_precision_is_near(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within autocast the products are in bfloat16; the loss stays float32."""
    torch.manual_seed(0)
    states, layer, labels = torch.randn(40, 16), torch.nn.Linear(16, 100), torch.randint(0, 100, (40,))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = predicted_loss(states, layer, labels)
    assert loss.dtype == torch.float32
    assert float(loss.detach()) == pytest.approx(float(functional.cross_entropy(layer(states), labels).detach()), rel=0.01)


def shared(corpus: str, folder: str) -> None:
    """What each of several processes runs: the same call."""
    made = pretrain(Path(corpus), tiny(Path(folder)))
    if os.environ["RANK"] == "0":
        (Path(folder) / "losses.json").write_text(json.dumps(made.facts.curves["loss"]), encoding="utf-8")


@pytest.mark.skipif(sys.platform == "win32", reason="torch's gloo needs a store that this test starts by POSIX means")
def test_two_processes_take_the_steps_of_one(corpus: Path, tmp_path: Path) -> None:
    """Two gloo processes, each with its share of every batch: the curve and the weights of one process, and one folder."""
    alone = pretrain(corpus, tiny(tmp_path / "one"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    here = Path(__file__).parent
    paths = os.pathsep.join([str(here), str(here.parent), *sys.path])
    common = {"PYTHONPATH": paths, "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "ACCELERATE_USE_CPU": "true"}
    script = "import sys, test_pretraining as t; t.shared(sys.argv[1], sys.argv[2])"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(corpus), str(tmp_path / "two")],
            env={**os.environ, **common, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    for process in processes:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
    np.testing.assert_allclose(json.loads((tmp_path / "two" / "losses.json").read_text(encoding="utf-8")), alone.facts.curves["loss"], atol=2e-4)
    together = weights_of(tmp_path / "two" / "model")
    for name, tensor in weights_of(alone.folder).items():
        if not name.endswith("key.bias"):  # its gradient is 0 but for rounding, which Adam makes large
            np.testing.assert_allclose(together[name].numpy(), tensor.numpy(), atol=5e-3, err_msg=name)


def test_a_corpus_that_is_not_there_is_told_before_torch_is_loaded(tmp_path: Path) -> None:
    """It takes seconds to load, and a slip of the pen should not."""
    script = (
        "import sys; from ringsmith.errors import RingsmithError; from ringsmith.pretrain.face import PretrainOptions, pretrain; from pathlib import Path\n"
        "try: pretrain('nothing.txt', PretrainOptions(out=Path('model')))\n"
        "except RingsmithError as error: print(error, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "nothing.txt: there is no such file" in done.stdout
    assert done.stdout.rstrip().endswith("False")
