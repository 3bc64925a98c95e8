"""Distillation: DistilBERT's and DistilGPT-2's."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
import transformers
from torch.nn import functional

from contracts.objectives import LENGTH, SHAPE, ObjectiveContract, negative_log_likelihood, train
from ringsmith.catalogue.inspect import inspect_folder
from ringsmith.errors import ModelError, OptionError
from ringsmith.pretrain.objective import IGNORED, Batch, Objective, find_objective
from ringsmith.pretrain.objectives import taught
from ringsmith.pretrain.objectives.distil import Distil, DistilOptions
from ringsmith.pretrain.objectives.students import spread_layers, student_of
from ringsmith.pretrain.shapes import Shape
from ringsmith.pretrain.vocabulary import Vocabulary, save_vocabulary

DEEP = Shape(layers=2, hidden=32, heads=2, feed_forward=64, length=LENGTH)


def slow_loss_at(student: torch.Tensor, teacher: torch.Tensor, piece: int) -> tuple[float, float]:
    """4 KL(teacher / 2 || student / 2) and -log p(piece), by their sums."""
    ours, theirs = (torch.softmax(scores.double() / 2, -1) for scores in (student, teacher))
    kl = sum(float(t * torch.log(t / s)) for t, s in zip(theirs, ours, strict=True))
    return 4 * kl, negative_log_likelihood(student, piece)


class DistilContract(ObjectiveContract):
    """Both students; a teacher that was trained a little."""

    name = "distil"
    teaches: ClassVar[str]
    drop = 0.03
    part_tolerance = 1e-2  # the cosine is a mean over all pieces

    @pytest.fixture(scope="class")
    @classmethod
    def folder(cls, vocabulary: Vocabulary, tmp_path_factory: pytest.TempPathFactory) -> Path:
        """The teacher's."""
        folder = tmp_path_factory.mktemp("teacher")
        lessons = find_objective(cls.teaches)(vocabulary.pieces)
        teacher = lessons.create(DEEP, seed=3)
        train(lessons, teacher, vocabulary, steps=60)
        teacher.save_pretrained(folder)
        save_vocabulary(vocabulary.tokeniser, folder)
        return folder

    @pytest.fixture(scope="class")
    @classmethod
    def objective(cls, vocabulary: Vocabulary, folder: Path) -> Objective:
        """With that teacher."""
        return Distil(vocabulary.pieces, DistilOptions(teacher=str(folder)))

    def targets(self, batch: Batch) -> list[tuple[int, int, int]]:
        """Row, place and piece of all that is predicted."""
        raise NotImplementedError

    def slow_loss(self, module: Any, batch: Batch) -> float:
        out, theirs = (model(input_ids=batch["input_ids"], output_hidden_states=True) for model in (module, self.teacher))
        soft, own = zip(*(slow_loss_at(out.logits[row, place], theirs.logits[row, place], piece) for row, place, piece in self.targets(batch)), strict=True)
        ours, wanted = (result.hidden_states[-1].double().flatten(0, 1) for result in (out, theirs))
        cosines = [float(a @ b / (a.norm() * b.norm())) for a, b in zip(ours, wanted, strict=True)]
        return 5 * float(np.mean(soft)) + 2 * float(np.mean(own)) + (1 - float(np.mean(cosines)))

    teacher: ClassVar[Any]

    def test_the_loss_is_the_papers(self, objective: Objective, module: Any, batch: Batch) -> None:
        """On three rows."""
        assert isinstance(objective, Distil)
        type(self).teacher = objective.teacher
        super().test_the_loss_is_the_papers(objective, module, {key: tensor[:3] for key, tensor in batch.items()})

    def test_creating_is_repeatable_and_leaves_the_global_generator_alone(self, objective: Objective) -> None:
        """Nothing of a student is random."""
        before = torch.random.get_rng_state()
        one, two = (objective.create(self.shape, seed=seed).state_dict() for seed in (1, 2))
        assert torch.equal(torch.random.get_rng_state(), before)
        assert all(torch.equal(one[key], two[key]) for key in one)

    def test_a_student_of_all_layers_is_its_teacher(self, objective: Objective, batch: Batch) -> None:
        """Every weight stands in its place: the same scores, nothing left to learn from soft targets and cosine."""
        assert isinstance(objective, Distil)
        whole = objective.create(DEEP, seed=0).eval()
        with torch.no_grad():
            assert torch.allclose(whole(batch["input_ids"]).logits, objective.teacher(batch["input_ids"]).logits, atol=1e-5)
            rest = Distil(objective.pieces, DistilOptions(teacher=objective.options.teacher, objective=0.0)).loss(whole, batch)
        assert float(rest) == pytest.approx(0.0, abs=1e-5)

    def test_a_student_begins_nearer_to_its_teacher_than_chance(self, objective: Objective, module: Any, batch: Batch) -> None:
        """What was taken over is worth something."""
        assert isinstance(objective, Distil)
        chance = type(module)(module.config).eval()
        with torch.no_grad():
            assert objective.loss(module.eval(), batch) < objective.loss(chance, batch)

    def test_the_teacher_does_not_learn(self, objective: Objective, module: Any, batch: Batch) -> None:
        """Nor is it among what is trained and saved."""
        assert isinstance(objective, Distil)
        objective.loss(module, batch).backward()  # type: ignore[no-untyped-call]
        assert all(parameter.grad is None for parameter in objective.teacher.parameters())
        assert not objective.teacher.training
        assert objective.vocabulary_folder(objective.options) == objective.options.teacher

    def test_the_natural_shape_is_the_teachers_halved(self, objective: Objective) -> None:
        """And others are refused unless they differ in depth alone."""
        natural = objective.natural_shape()
        assert natural == DEEP.half() == self.shape
        with pytest.raises(OptionError, match=r"'hidden' must be the teacher's, 32; got 64\. Leave it out\."):
            objective.create(Shape(1, 64, 2, 64, LENGTH), seed=0)
        with pytest.raises(OptionError, match=r"'layers' must be at most the teacher's, 2; got 3\. Use 1, or leave it out\."):
            objective.create(Shape(3, 32, 2, 64, LENGTH), seed=0)
        with pytest.raises(OptionError, match=r"'length' must be at most the teacher's, 32; got 64\. Use 32\."):
            objective.create(Shape(1, 32, 2, 64, 64), seed=0)


class TestDistilBert(DistilContract):
    """A BERT teaches a DistilBERT."""

    architecture = "distilbert"
    teaches = "mlm"
    shape = SHAPE

    def targets(self, batch: Batch) -> list[tuple[int, int, int]]:
        return [
            (row, int(place), int(piece))
            for row in range(len(batch["labels"]))
            for place, piece in zip(batch["places"][row], batch["labels"][row], strict=True)
            if piece != IGNORED
        ]

    def test_another_width_than_the_teachers_is_refused(self, objective: Objective, tmp_path: Path) -> None:
        """The cosine could not be taken."""
        config = transformers.DistilBertConfig(vocab_size=400, dim=16, n_layers=1, n_heads=1, hidden_dim=16, max_position_embeddings=32)
        transformers.DistilBertForMaskedLM(config).save_pretrained(tmp_path)
        with pytest.raises(ModelError, match=r"a student must have its teacher's hidden_size \(32\); got 16\."):
            objective.adopt(inspect_folder(tmp_path, name="narrow"))


class TestDistilGpt2(DistilContract):
    """A GPT-2 teaches a smaller one."""

    architecture = "distilgpt2"
    teaches = "clm"
    shape = SHAPE
    auto = transformers.AutoModelForCausalLM
    stranger = transformers.BertConfig(vocab_size=400, hidden_size=16, num_hidden_layers=1, num_attention_heads=1, intermediate_size=16)

    def targets(self, batch: Batch) -> list[tuple[int, int, int]]:
        return [(row, place, int(piece)) for row in range(len(batch["labels"])) for place, piece in enumerate(batch["labels"][row])]


def test_layers_are_those_of_the_released_model() -> None:
    """Of twelve six, as in its script; any other number evenly."""
    assert spread_layers(12, 6) == [0, 2, 4, 7, 9, 11]
    assert spread_layers(6, 6) == list(range(6))
    assert spread_layers(4, 2) == [0, 3]
    assert spread_layers(2, 1) == [0]


@pytest.mark.parametrize("offset", [True, False], ids=["offset", "no offset"])
@pytest.mark.parametrize("at_once", [1, 1 << 21], ids=["place by place", "at once"])
def test_loss_and_gradients_are_torchs_own(offset: bool, at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against kl_div with its batch mean, times the square of the temperature, and cross_entropy, by autograd."""
    monkeypatch.setattr(taught, "SCORES", at_once)
    generator = torch.Generator().manual_seed(0)
    states, table, their_states, their_table = (torch.randn(size, generator=generator) for size in ((6, 4), (9, 4), (6, 4), (9, 4)))
    bias = torch.randn(9, generator=generator) if offset else None
    labels = torch.tensor([3, 8, IGNORED, 0, IGNORED, 3])
    there = labels != IGNORED
    inputs = [tensor.requires_grad_() for tensor in (states, table, bias) if tensor is not None]
    student, teacher = functional.linear(states, table, bias)[there], functional.linear(their_states, their_table)[there]
    soft = functional.kl_div(torch.log_softmax(student / 3, -1), torch.softmax(teacher / 3, -1), reduction="batchmean") * 9
    expected = 5 * soft + 2 * functional.cross_entropy(student, labels[there])
    fast = taught.taught_loss(taught.Seen(states, table, bias), taught.Seen(their_states, their_table, None), labels, temperature=3.0, soft=5.0, own=2.0)
    assert torch.allclose(fast, expected)
    for one, other in zip(torch.autograd.grad(fast * 0.7, inputs), torch.autograd.grad(expected * 0.7, inputs), strict=True):
        assert torch.allclose(one, other, atol=1e-6)


def test_low_precision_is_near() -> None:
    """Within autocast the products are taken in its precision, all else in full."""
    generator = torch.Generator().manual_seed(0)
    seen = [taught.Seen(torch.randn(20, 16, generator=generator), torch.randn(30, 16, generator=generator), torch.zeros(30)) for _ in range(2)]
    labels = torch.arange(20)
    full = taught.taught_loss(*seen, labels, temperature=2.0, soft=5.0, own=2.0)
    with torch.autocast("cpu", torch.bfloat16):
        low = taught.taught_loss(*seen, labels, temperature=2.0, soft=5.0, own=2.0)
    assert low.dtype == torch.float32
    assert float(low) == pytest.approx(float(full), rel=2e-2)
    assert float(low) != float(full)


def test_a_student_has_no_weight_of_its_own() -> None:
    """The second layer is the teacher's last."""
    config = transformers.BertConfig(vocab_size=50, hidden_size=16, num_hidden_layers=4, num_attention_heads=2, intermediate_size=24, max_position_embeddings=16)
    teacher = transformers.BertForMaskedLM(config)
    student = student_of(teacher, 2)
    assert torch.equal(student.distilbert.transformer.layer[1].ffn.lin1.weight, teacher.bert.encoder.layer[3].intermediate.dense.weight)
    assert student.vocab_projector.weight is student.distilbert.embeddings.word_embeddings.weight


def test_strange_teachers_are_refused(toy_vocabulary: Vocabulary, tmp_path: Path) -> None:
    """None at all, another architecture, another vocabulary."""
    with pytest.raises(OptionError, match=r"'teacher' must be a BERT or a GPT-2 \(a short name or a folder\), whose student is made; none is named\. Name it: --set teacher=MODEL"):
        Distil(toy_vocabulary.pieces)
    transformers.AutoModel.from_config(transformers.XLNetConfig(vocab_size=90, d_model=16, n_layer=1, n_head=1, d_inner=16)).save_pretrained(tmp_path)
    with pytest.raises(ModelError, match=r"the teacher must be one of bert, gpt2; got xlnet\. Choose another teacher\."):
        Distil(toy_vocabulary.pieces, DistilOptions(teacher=str(tmp_path)))
    small = tmp_path / "small"
    config = transformers.BertConfig(vocab_size=20, hidden_size=16, num_hidden_layers=1, num_attention_heads=1, intermediate_size=16)
    transformers.BertForMaskedLM(config).save_pretrained(small)
    with pytest.raises(ModelError, match=r"the teacher must know the vocabulary's \d+ pieces; got 20\. Use the teacher's own vocabulary\."):
        Distil(toy_vocabulary.pieces, DistilOptions(teacher=str(small)))
