"""What is worth knowing of a pre-training: written beside the model as `ringsmith.json`, told in its card, returned to the caller."""

from __future__ import annotations

import math
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from itertools import pairwise
from typing import Any, Self

from ringsmith._version import version as own_version
from ringsmith.adapt.pacing import Course
from ringsmith.catalogue import LocalModel
from ringsmith.pretrain.documents import Corpus
from ringsmith.pretrain.learning import Learning
from ringsmith.pretrain.objective import Objective
from ringsmith.pretrain.options import PretrainOptions
from ringsmith.pretrain.start import HeadStart
from ringsmith.pretrain.tokenfile import TokenFile

POINTS = 500
"""Points of the curve of the training loss that are kept: means of neighbouring steps."""
LIBRARIES = ("torch", "transformers", "tokenizers", "accelerate")


@dataclass(frozen=True)
class Cost:
    """What a step costs, and on what it ran.

    Attributes:
        parameters: numbers that are trained of the model that is kept.
        flops_per_token: floating point operations of a step for each piece, forward and backward.
        precision: in words.
        device: ``"cpu"``, ``"cuda"``.
        threads: of the CPU.
        processes: that trained together.
        aside: numbers that are trained beside it, and thrown away: an ELECTRA's generator.
    """

    parameters: int
    flops_per_token: float
    precision: str
    device: str
    threads: int
    processes: int
    aside: int = 0

    @classmethod
    def of(cls, module: Any, kept: Any, flops_per_token: float, precision: str, *, threads: int, processes: int) -> Self:
        """Of the model that is trained, of which this is kept."""
        whole, parameters = (sum(weight.numel() for weight in one.parameters() if weight.requires_grad) for one in (module, kept))
        return cls(parameters, flops_per_token, precision, module.device.type, threads, processes, whole - parameters)


@dataclass(frozen=True)
class HeldOut:
    """How good the model is on the text that was held out, at its best look.

    Attributes:
        loss: mean over what is predicted, in nats where it is a likelihood.
        perplexity: of the pieces that are predicted, e to the loss; None where the loss is no likelihood.
        bits_per_byte: loss in bits for each byte of text, which may be compared across vocabularies; None where not every piece is predicted.
        step: of that look.
        sequences: that were judged.
        tokens: in these.
    """

    loss: float
    perplexity: float | None
    bits_per_byte: float | None
    step: int
    sequences: int
    tokens: int


@dataclass(frozen=True)
class Facts:
    """What was done, from what, and what came of it.

    Attributes:
        objective: name, and what was chosen of it.
        architecture: of the model, as transformers calls it.
        start: what it went on from (name, hash of the weights); None for random weights.
        corpus: name, documents, pieces, bytes, hash, licence, lines left out.
        vocabulary: number of pieces.
        length: pieces of a sequence.
        options: of the training.
        steps: done.
        epochs: passes over the corpus.
        tokens: trained on.
        seconds: of training steps.
        cost: what a step costs.
        flops: of all steps, and of the head start.
        held_out: how good it is.
        curves: ``"step"`` and ``"loss"`` of training (means of neighbouring steps), ``"look_step"`` and ``"look_loss"`` of the held out text.
        versions: of what it was made with.
        notes: what the reader should know, a sentence each.
        head_start: what random weights were given before the first step; None for a model that had learnt already.
    """

    objective: Mapping[str, Any]
    architecture: str
    start: Mapping[str, Any] | None
    corpus: Mapping[str, Any]
    vocabulary: int
    length: int
    options: Mapping[str, Any]
    steps: int
    epochs: float
    tokens: int
    seconds: float
    cost: Cost
    flops: float
    held_out: HeldOut
    curves: Mapping[str, Sequence[float]]
    versions: Mapping[str, str]
    notes: tuple[str, ...]
    head_start: HeadStart | None = None

    @property
    def tokens_per_second(self) -> float:
        """Of training steps."""
        return self.tokens / max(1e-9, self.seconds)

    def after(self, head_start: HeadStart | None, notes: tuple[str, ...] = ()) -> Self:
        """The same of a training that began with a head start, which is counted with it, and of which this is to be known, too."""
        flops = self.flops if head_start is None else self.flops + head_start.flops
        return replace(self, head_start=head_start, flops=flops, notes=self.notes + notes)


def facts_of(options: PretrainOptions, corpus: Corpus, model: LocalModel | None, objective: Objective, file: TokenFile, work: Learning, course: Course, cost: Cost) -> Facts:
    """Put together what is known at the end of a training."""
    chosen = asdict(options)
    return Facts(
        objective={"name": options.objective, "options": asdict(objective.options)},
        architecture=objective.architecture if model is None else model.architecture,
        start=None if model is None else {"name": model.name, "revision": model.revision, "weights_sha256": model.weights_sha256, "licence": model.licence},
        corpus={"name": corpus.name, "licence": options.licence, **asdict(file.counts)},
        vocabulary=objective.pieces.size,
        length=work.length,
        options={name: chosen[name] for name in ("batch_tokens", "rate", "decay", "warm_up", "dropout", "clip", "seed", "held_out")},
        steps=course.steps,
        epochs=round(course.steps * work.span.rows / len(work.train), 3),
        tokens=course.tokens,
        seconds=course.seconds,
        cost=cost,
        flops=cost.flops_per_token * course.tokens,
        held_out=_held_out(objective, file, work, course),
        curves=curves_of(course),
        versions={"ringsmith": own_version(), "python": platform.python_version(), **{name: version(name) for name in LIBRARIES}},
        notes=_notes(work, course),
    )


def _held_out(objective: Objective, file: TokenFile, work: Learning, course: Course) -> HeldOut:
    looks = course.curves["valid_log_loss"]
    best = min(range(len(looks)), key=looks.__getitem__)
    loss = looks[best]
    tokens = len(file.held_out.tokens)
    bytes_per_token = file.counts.held_out_bytes / tokens if tokens else file.bytes_per_token
    told = objective.tells_likelihood
    bits = loss / math.log(2) / bytes_per_token
    return HeldOut(loss, math.exp(loss) if told else None, bits if objective.predicts_all else None, int(course.curves["valid_step"][best]), len(work.judged), work.look_tokens)


def curves_of(course: Course) -> dict[str, list[float]]:
    """Losses of training, in at most `POINTS` means, and of the looks."""
    losses, count = course.curves["loss"], course.steps
    cuts = [round(part * count / min(count, POINTS)) for part in range(min(count, POINTS) + 1)]
    means = [sum(losses[begin:end]) / (end - begin) for begin, end in pairwise(cuts)]
    return {"step": list(map(float, cuts[1:])), "loss": means, "look_step": list(course.curves["valid_step"]), "look_loss": list(course.curves["valid_log_loss"])}


def _notes(work: Learning, course: Course) -> tuple[str, ...]:
    told = work.span.steps is not None or work.span.epochs is not None
    return (f"{course.planned:,} steps instead of {work.asked:,}: the budget allows no more.",) if told and course.planned != work.asked else ()
