"""SetFit's training step by step, where its trainer would take hours: its pairs in its order, its loss, its schedule, its optimizer, its head.

What its trainer does with its defaults stays: all pairs, the fewer kind repeated (or, as in its paper, so many of each kind for every row); 16 pairs a
step; the squared error of cosines; AdamW with a rate of 2e-5 that rises for a tenth of the steps and then falls to nothing; gradients no longer than 1;
scikit-learn's logistic regression on the vectors. Pairs and their order are asked of SetFit itself. What is different makes a step quicker:

    layers       multiply in bfloat16, as those of our recipes do (`ringsmith.adapt.fused`); `low=False` leaves them to transformers, in float32
    dropout      as SetFit's, but for the weights of attention, which the fused layers leave alone; masks of embeddings are cut out of a pool
    both texts   of all pairs pass in one batch, instead of all first and then all second ones
    words        that no text has get no gradient, and AdamW moves them by their decay alone: one factor, multiplied at the end

In float32 without dropout its losses are those of SetFit's trainer to a millionth (`python benchmarks/setfit_steps.py --data ../shared/data`).
"""

from __future__ import annotations

import argparse
import math
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional

RATE, DECAY, WARM_UP, CLIP = 2e-5, 0.01, 0.1, 1.0
Numbers = npt.NDArray[Any]
Pairs = tuple[Numbers, Numbers, Numbers]
"""Rows of the first texts, rows of the second, and 1 for a pair of a class, else 0."""


def trainer_of(texts: list[str], labels: list[int], seed: int, iterations: int | None) -> Any:
    """SetFit's trainer for MiniLM; checkpoints and reports are off."""
    from datasets import Dataset
    from setfit import SetFitModel, Trainer, TrainingArguments

    from ringsmith.catalogue import resolve

    model = SetFitModel.from_pretrained(str(resolve("minilm", policy="never", offline=True).folder))
    with tempfile.TemporaryDirectory() as scratch:
        arguments = TrainingArguments(output_dir=scratch, seed=seed, num_iterations=iterations, save_strategy="no", report_to="none", show_progress_bar=False)
        return Trainer(model=model, args=arguments, train_dataset=Dataset.from_dict({"text": texts, "label": labels}))


def batches_of(trainer: Any) -> list[Pairs]:
    """The batches of pairs that the trainer would train on, in its order: its own sampler, its own loader."""
    from datasets import Dataset
    from setfit.sampler import ContrastiveDataset

    labels = list(trainer.train_dataset["label"])
    told = list(ContrastiveDataset(list(range(len(labels))), labels, False, trainer.args.num_iterations))  # type: ignore[arg-type]  # rows in place of texts
    first, second, alike = (np.array([pair[name] for pair in told]) for name in ("sentence_1", "sentence_2", "label"))
    inner = trainer.st_trainer
    inner.train_dataset = Dataset.from_dict({"sentence_1": [""] * len(told), "sentence_2": [""] * len(told), "label": alike})
    return [(first[rows], second[rows], alike[rows]) for rows in inner.get_train_dataloader().batch_sampler]


class Steps:
    """A body of BERT's kind, and what moves it.

    Args:
        body: a `SentenceTransformer`.
        texts: of all rows.
        steps: in all; the schedule ends there.
        low: whether layers multiply in bfloat16.
        dropout: whether there is any.
    """

    def __init__(self, body: Any, texts: list[str], steps: int, *, low: bool = True, dropout: bool = True) -> None:
        from ringsmith.adapt.dropout import ease_dropout, set_dropout

        self.module, self.low, self.steps, self.done, self.faded = body[0].model, low, steps, 0, 1.0
        self.normalises = any(type(part).__name__ == "Normalize" for part in body)
        told = body.tokenizer(texts, truncation=True, max_length=body.max_seq_length)["input_ids"]
        self.used, places = np.unique(np.concatenate([[self.module.config.pad_token_id], *told]), return_inverse=True)
        self.ids = [torch.from_numpy(ids) for ids in np.split(places[1:], np.cumsum([*map(len, told)])[:-1])]
        if dropout:
            ease_dropout(self.module)
        else:
            set_dropout(self.module, 0.0)

    @contextmanager
    def training(self) -> Iterator[None]:
        """Within the block only words of these texts are there, everything on the way to the vectors moves, and the layers are fused."""
        from ringsmith.adapt.fused import fused_layers

        whole = self.module.get_input_embeddings()
        self.words = nn.Embedding.from_pretrained(whole.weight.detach()[self.used], freeze=False)
        self.module.set_input_embeddings(self.words)
        self.module.train().requires_grad_(True)
        if self.module.pooler is not None:
            self.module.pooler.requires_grad_(False)
        self.optimiser = optimiser_of(self.module)
        try:
            with fused_layers(self.module, low=self.low):
                yield
        finally:
            self.module.set_input_embeddings(whole)
            self.module.eval().requires_grad_(False)
            whole.weight.mul_(self.faded)[self.used] = self.words.weight.detach()

    def vectors(self, rows: Numbers) -> torch.Tensor:
        """Vectors of rows, with gradients."""
        ids = nn.utils.rnn.pad_sequence([self.ids[row] for row in rows], batch_first=True)
        there = nn.utils.rnn.pad_sequence([torch.ones_like(self.ids[row]) for row in rows], batch_first=True)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.low):
            states = self.module(input_ids=ids, attention_mask=there).last_hidden_state
        pooled = (states * there[..., None]).sum(dim=1) / there.sum(dim=1, keepdim=True)
        return functional.normalize(pooled, dim=1) if self.normalises else pooled

    def step(self, pairs: Pairs) -> float:
        """One batch: forward, backward, clip, move; the loss."""
        first, second, alike = pairs
        one, other = self.vectors(np.concatenate([first, second])).chunk(2)
        loss = functional.mse_loss(torch.cosine_similarity(one, other), torch.from_numpy(alike).float())
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_([weight for group in self.optimiser.param_groups for weight in group["params"]], CLIP)
        rate = RATE * self.share()
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        self.faded *= 1 - rate * DECAY
        self.done += 1
        return loss.item()

    def share(self) -> float:
        """Share of the rate in the next step: from nothing up, then down to nothing."""
        rise = math.ceil(WARM_UP * self.steps)
        return self.done / rise if self.done < rise else (self.steps - self.done) / (self.steps - rise)


def optimiser_of(module: Any) -> torch.optim.Optimizer:
    """AdamW as in the trainer: biases and norms do not decay."""
    named = [(name, weight) for name, weight in module.named_parameters() if weight.requires_grad]
    spared = {name for name, _ in named if "bias" in name or "LayerNorm" in name}
    decaying, others = ([weight for name, weight in named if (name in spared) == wanted] for wanted in (False, True))
    return torch.optim.AdamW([{"params": decaying, "weight_decay": DECAY}, {"params": others, "weight_decay": 0.0}], lr=RATE, fused=True)


class Enough(Exception):
    """So many losses are enough."""


def losses_of_the_trainer(trainer: Any, steps: int) -> list[float]:
    """The first losses of SetFit's own trainer, without dropout."""
    from sentence_transformers.sentence_transformer.losses import CosineSimilarityLoss

    from ringsmith.adapt.dropout import set_dropout

    losses: list[float] = []

    class Noted(CosineSimilarityLoss):  # type: ignore[misc]
        def forward(self, *given: Any) -> torch.Tensor:
            if len(losses) == steps:
                raise Enough
            loss: torch.Tensor = super().forward(*given)
            losses.append(loss.item())
            return loss

    set_dropout(trainer.model.model_body[0].model, 0.0)
    trainer.args.loss = Noted
    with suppress(Enough):
        trainer.train()
    return losses


def main() -> None:
    """Losses of the trainer beside those of the steps, on 5 classes of banking77."""
    from fewshot import draw

    parser = argparse.ArgumentParser(description="SetFit's trainer and its training step by step: how far their losses are apart.")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=30)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    (texts, labels), _ = draw(chosen.data, "banking77", 0, each=8, tests=1, classes=5)
    numbers = [sorted(set(labels)).index(label) for label in labels]
    expected = losses_of_the_trainer(trainer_of(texts, numbers, 0, None), chosen.steps)
    for low in (False, True):
        trainer = trainer_of(texts, numbers, 0, None)
        batches = batches_of(trainer)
        steps = Steps(trainer.model.model_body, texts, len(batches), low=low, dropout=False)
        with steps.training():
            found = [steps.step(pairs) for pairs in batches[: chosen.steps]]
        print(f"{'bfloat16' if low else 'float32'}: {chosen.steps} losses, at most {np.abs(np.subtract(found, expected)).max():.1e} apart")


if __name__ == "__main__":
    main()
