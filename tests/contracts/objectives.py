"""What every objective must keep, whatever it teaches. An objective's test file inherits `ObjectiveContract`, names the objective and writes its loss slowly."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pytest
import torch
import transformers

from ringsmith.catalogue.inspect import inspect_folder
from ringsmith.errors import ModelError
from ringsmith.pretrain.objective import Batch, Objective, find_objective
from ringsmith.pretrain.pieces import Pieces
from ringsmith.pretrain.shapes import Shape, count_parameters
from ringsmith.pretrain.vocabulary import Vocabulary, save_vocabulary, train_vocabulary

WHO = ("The baker", "A sailor", "My sister", "The old teacher")
DOES = ("sells", "paints", "remembers", "carries")
WHAT = ("bread by the river.", "boats in the harbour!", "stories at the market, every day.", "letters; some are late.")
TEXTS = [f"{who} {does} {what}" for who in WHO for does in DOES for what in WHAT]
LENGTH = 32
SHAPE = Shape(layers=1, hidden=32, heads=2, feed_forward=64, length=LENGTH)
STEPS = 40


def toy_rows(tokeniser: Any, pieces: Pieces, n: int, seed: int = 0) -> npt.NDArray[np.int64]:
    """Whole sequences of the toy's sentences in any order, framed as the vocabulary has it."""
    order = np.random.default_rng(seed).integers(len(TEXTS), size=n * LENGTH)
    ids = [number for place in order[: n * LENGTH // 4] for number in (*tokeniser(TEXTS[place], add_special_tokens=False)["input_ids"], pieces.end)]
    width = LENGTH - len(pieces.before) - len(pieces.after)
    texts = np.array(ids[: n * width], dtype=np.int64).reshape(n, width)
    return np.concatenate([np.tile(pieces.before, (n, 1)), texts, np.tile(pieces.after, (n, 1))], axis=1).astype(np.int64)


def negative_log_likelihood(scores: torch.Tensor, piece: int) -> float:
    """-log softmax(scores)[piece], in double precision, as it is written on paper."""
    exact = scores.double()
    return float(torch.log(torch.exp(exact - exact.max()).sum()) + exact.max() - exact[piece])


class ObjectiveContract:
    """Inherit it, set `name`, and write `slow_loss` from the paper's formula.

    Attributes:
        name: in `ENTRIES`.
        options: of the objective; None for its defaults.
        architecture: of the model, where the objective's class does not tell it.
        shape: of the model.
        auto: the class of transformers that loads what was saved.
        stranger: a config of an architecture that the objective must refuse.
        drop: by how much of itself the loss falls in `STEPS` steps, at least.
        part_tolerance: how exactly the losses of parts, weighed, make the loss of the whole.
    """

    name: ClassVar[str]
    options: ClassVar[Any] = None
    architecture: ClassVar[str | None] = None
    shape: ClassVar[Shape] = SHAPE
    auto: ClassVar[Any] = transformers.AutoModelForMaskedLM
    stranger: ClassVar[Any] = transformers.GPT2Config(vocab_size=400, n_embd=16, n_layer=1, n_head=1, n_positions=32)
    drop: ClassVar[float] = 0.25
    part_tolerance: ClassVar[float] = 1e-5

    def slow_loss(self, module: Any, batch: Batch) -> float:
        """The loss of a batch, one position after the other."""
        raise NotImplementedError

    @pytest.fixture(scope="class")
    @classmethod
    def vocabulary(cls) -> Vocabulary:
        """A vocabulary learnt from the toy."""
        return train_vocabulary(TEXTS * 3, cls.architecture or find_objective(cls.name).architecture, 320, length=LENGTH)

    @pytest.fixture(scope="class")
    @classmethod
    def objective(cls, vocabulary: Vocabulary) -> Objective:
        """The objective over that vocabulary."""
        return find_objective(cls.name)(vocabulary.pieces, cls.options)

    @pytest.fixture
    def module(self, objective: Objective) -> Any:
        """The tiny model."""
        return objective.create(self.shape, seed=1)

    @pytest.fixture(scope="class")
    @classmethod
    def rows(cls, vocabulary: Vocabulary) -> npt.NDArray[np.int64]:
        """Sixteen sequences."""
        return toy_rows(vocabulary.tokeniser, vocabulary.pieces, 16)

    @pytest.fixture
    def batch(self, objective: Objective, rows: npt.NDArray[np.int64]) -> Batch:
        """One batch of them."""
        return objective.batch(rows, np.random.default_rng(5))

    def test_every_tensor_of_a_batch_begins_with_the_rows(self, batch: Batch, rows: npt.NDArray[np.int64]) -> None:
        """So that the loop can cut a batch into parts."""
        assert "input_ids" in batch
        for tensor in batch.values():
            assert len(tensor) == len(rows)
            assert tensor.device.type == "cpu"
            assert tensor.dtype in (torch.int64, torch.float32)
        assert batch["input_ids"].dtype == torch.int64

    def test_a_batch_leaves_the_rows_as_they_were(self, objective: Objective, rows: npt.NDArray[np.int64]) -> None:
        """They may lie in a file that is mapped read-only."""
        mine = rows.copy()
        mine.flags.writeable = False
        batch = objective.batch(mine, np.random.default_rng(0))
        batch["input_ids"].zero_()
        assert (mine == rows).all()

    def test_the_same_generator_gives_the_same_batch(self, objective: Objective, rows: npt.NDArray[np.int64]) -> None:
        """All chance comes from the generator."""
        one, two = (objective.batch(rows, np.random.default_rng(3)) for _ in range(2))
        assert one.keys() == two.keys()
        assert all(torch.equal(one[key], two[key]) for key in one)

    def test_creating_is_repeatable_and_leaves_the_global_generator_alone(self, objective: Objective) -> None:
        """The seed decides, nothing else."""
        torch.manual_seed(7)
        before = torch.random.get_rng_state()
        one, two, other = (objective.create(self.shape, seed=seed).state_dict() for seed in (1, 1, 2))
        assert torch.equal(torch.random.get_rng_state(), before)
        assert all(torch.equal(one[key], two[key]) for key in one)
        assert any(not torch.equal(one[key], other[key]) for key in one)

    def test_parameters_are_counted_as_the_model_has_them(self, objective: Objective, module: Any, vocabulary: Vocabulary) -> None:
        """The formula against the model itself."""
        real = sum(parameter.numel() for parameter in objective.finish(module).parameters())
        assert count_parameters(objective.architecture, self.shape, vocabulary.pieces.size).total == real

    def test_the_loss_is_the_papers(self, objective: Objective, module: Any, batch: Batch) -> None:
        """To a hundred-thousandth, against a loop over positions."""
        with torch.no_grad():
            assert float(objective.loss(module.eval(), batch)) == pytest.approx(self.slow_loss(module, batch), rel=1e-5)

    def test_parts_weighed_by_what_they_predict_make_the_whole(self, objective: Objective, module: Any, batch: Batch) -> None:
        """So that the loop may cut a batch."""
        module.eval()
        parts = [{key: tensor[place] for key, tensor in batch.items()} for place in (slice(0, 5), slice(5, None))]
        weights = [objective.weight(part) for part in parts]
        with torch.no_grad():
            mean = sum(weight * float(objective.loss(module, part)) for weight, part in zip(weights, parts, strict=True)) / sum(weights)
            assert mean == pytest.approx(float(objective.loss(module, batch)), rel=self.part_tolerance)

    def test_predicted_positions_are_foretold(self, objective: Objective, rows: npt.NDArray[np.int64]) -> None:
        """What a step costs is counted before it is made."""
        real = objective.weight(objective.batch(rows, np.random.default_rng(1))) / len(rows)
        assert objective.predicted(LENGTH) == pytest.approx(real, rel=0.3)

    def test_the_loss_falls(self, objective: Objective, module: Any, vocabulary: Vocabulary) -> None:
        """The toy is learnt, by the weights that are kept."""
        losses = train(objective, module, vocabulary)
        assert all(np.isfinite(losses))
        assert np.mean(losses[-5:]) < (1 - self.drop) * np.mean(losses[:3])

    def test_what_is_saved_is_a_plain_model_of_transformers(self, objective: Objective, module: Any, vocabulary: Vocabulary, tmp_path: Path) -> None:
        """Same scores, and the tokenizer beside it."""
        kept = objective.finish(module).eval()
        save_vocabulary(vocabulary.tokeniser, tmp_path)
        kept.save_pretrained(tmp_path)
        loaded, info = self.auto.from_pretrained(tmp_path, output_loading_info=True)
        assert not info["missing_keys"]
        assert not info["unexpected_keys"]
        inputs = transformers.AutoTokenizer.from_pretrained(tmp_path)(TEXTS[0], return_tensors="pt")
        with torch.no_grad():
            assert torch.equal(self.scores(loaded.eval(), inputs), self.scores(kept, inputs))
            body = transformers.AutoModel.from_pretrained(tmp_path).eval()(**inputs)[0]
            assert torch.allclose(body, kept.base_model(**inputs)[0], atol=1e-6)

    def scores(self, module: Any, inputs: Any) -> torch.Tensor:
        """What the head says."""
        return module(**inputs).logits  # type: ignore[no-any-return]

    def test_a_saved_model_is_adopted_and_goes_on(self, objective: Objective, module: Any, batch: Batch, tmp_path: Path) -> None:
        """Domain-adaptive training begins where the first one ended."""
        objective.finish(module.eval()).save_pretrained(tmp_path)
        adopted = objective.adopt(inspect_folder(tmp_path, name="mine"))
        assert adopted.training
        self.compare(objective, module, adopted.eval(), batch)

    def compare(self, objective: Objective, module: Any, adopted: Any, batch: Batch) -> None:
        """The adopted model says what the saved one said."""
        with torch.no_grad():
            assert float(objective.loss(adopted, batch)) == pytest.approx(float(objective.loss(module, batch)), rel=1e-6)

    def test_another_architecture_is_refused(self, objective: Objective, tmp_path: Path) -> None:
        """In one sentence that says what would do."""
        transformers.AutoModel.from_config(self.stranger).save_pretrained(tmp_path)
        with pytest.raises(ModelError, match=rf"the objective '{self.name}.*' trains .*; got {self.stranger.model_type}\. Choose another objective, or another model\."):
            objective.adopt(inspect_folder(tmp_path, name="stranger"))


def train(objective: Objective, module: Any, vocabulary: Vocabulary, steps: int = STEPS, rate: float = 1e-2) -> list[float]:
    """The losses of some steps on the toy."""
    generator = np.random.default_rng(0)
    rows = toy_rows(vocabulary.tokeniser, vocabulary.pieces, 64)
    optimiser = torch.optim.AdamW(module.parameters(), lr=rate)
    losses = []
    torch.manual_seed(0)
    module.train()
    for _ in range(steps):
        loss = objective.loss(module, objective.batch(rows[generator.integers(len(rows), size=16)], generator))
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        optimiser.zero_grad()
        losses.append(float(loss.detach()))
    return losses
