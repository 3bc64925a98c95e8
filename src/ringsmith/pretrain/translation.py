"""From pairs of texts to a folder that translates.

read     pairs, some held out to judge by (`parallel.py`)
pieces   one vocabulary for both languages (`joint.py`)
model    the Transformer of 2017 with random weights (`transformer.py`)
train    the one training loop (`adapt/loop.py`) with `seq2seq.Translating`; a killed run goes on where it was
save     a plain folder of transformers: `AutoModelForSeq2SeqLM`, `AutoTokenizer` and `generate` give what `ringsmith translate` gives
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from ringsmith._wording import plural
from ringsmith.adapt.folder import check_place, state_beside
from ringsmith.adapt.guard import Broken
from ringsmith.adapt.loop import Loop
from ringsmith.adapt.memory import notes_of
from ringsmith.adapt.pacing import Course, Pacing
from ringsmith.adapt.pause import Pause
from ringsmith.adapt.recompute import is_recomputed, keep_all
from ringsmith.backbones.load import set_threads
from ringsmith.backbones.pays import training_precision
from ringsmith.errors import OptionError
from ringsmith.pretrain.facts import curves_of
from ringsmith.pretrain.joint import train_joint_vocabulary
from ringsmith.pretrain.looks import Looks
from ringsmith.pretrain.parallel import Pairs, pairs_of, read_parallel, split_pairs
from ringsmith.pretrain.room import check_room, memory_faults
from ringsmith.pretrain.seq2seq import Encoded, Rate, Translating, encode_pairs, padding_share
from ringsmith.pretrain.tokenfile import hash_tokeniser
from ringsmith.pretrain.training import STATE, Say, quiet, steps_before
from ringsmith.pretrain.transformer import count_parameters, create_transformer, eased
from ringsmith.pretrain.translation_card import save_translation
from ringsmith.pretrain.translation_options import TranslationOptions
from ringsmith.records import Budget, Report, silent

BETAS = (0.9, 0.98)
"""Adam's, as in the paper (5.3)."""
CLIP = 1.0
EPOCHS = 10
"""Where neither steps nor epochs nor a budget are told."""
UNLIMITED = 10**9
LITTLE = 0.0005
"""A smaller share of unknown pieces is not worth a line."""
UNESSENTIAL = ("budget", "threads", "precision")
"""Options that do not change what is learnt but by rounding: a training goes on whatever they are."""


@dataclass(frozen=True, eq=False)
class Translation:
    """What came of it.

    Attributes:
        folder: the model.
        facts: what is worth knowing: pairs, steps, loss, speed, the curve.
    """

    folder: Path
    facts: dict[str, Any]


def pretrain_translation(
    source: str | Path | Iterable[Sequence[str]], target: str | Path | None, out: Path, options: TranslationOptions, *, report: Report = silent, say: Say = quiet
) -> Translation:
    """Train a Transformer on parallel text and write it to `out`.

    Args:
        source: a table of two columns, a file of lines with `target` beside it, or pairs of texts.
        target: the translations of these lines; None for a table.
        out: an empty or missing folder.
        options: how large, how long.
        report: is told how far it is.
        say: is told what was found.

    Raises:
        RingsmithError: the files, the options, the machine: one sentence says what and what to do.
    """
    budget = Budget(options.budget)
    check_place(out)
    check_room(count_parameters(options.shape, 0))
    pairs = read_parallel(source, target) if isinstance(source, str | Path) else pairs_of(source)
    parts = split_pairs(pairs, valid=min(options.held_out, max(1, len(pairs) // 4)), test=0)
    say("Read", f"{len(pairs):,} pairs: {len(parts.train):,} to learn from, {len(parts.valid):,} to judge by; no source text stands in both")
    for note in pairs.notes:
        say("", note)
    return train_translation(parts.train, parts.valid, out, options, budget=budget, report=report, say=say, notes=pairs.notes)


def train_translation(
    train: Pairs,
    valid: Pairs,
    out: Path,
    options: TranslationOptions,
    *,
    budget: Budget | None = None,
    report: Report = silent,
    say: Say = quiet,
    notes: Sequence[str] = (),
) -> Translation:
    """As `pretrain_translation`, for pairs that were read and divided before.

    Args:
        train: to learn from.
        valid: to judge by.
        out: an empty or missing folder.
        options: how large, how long.
        budget: when to end; None for `options.budget` from now on.
        report: is told how far it is.
        say: is told what was found.
        notes: what was left out, for the card.
    """
    check_place(out)
    budget, threads = budget or Budget(options.budget), set_threads(options.threads)
    tokeniser = train_joint_vocabulary([*train.sources, *train.targets], options.vocabulary, length=options.length)
    identity = _identity(train, valid, options, hash_tokeniser(tokeniser))
    learnt, judged = (encode_pairs(tokeniser, pairs, options.length, use=use) for pairs, use in ((train, "to learn from"), (valid, "to judge by")))
    longer = len(train) + len(valid) - len(learnt) - len(judged)
    _tell_losses(longer, learnt.unknown, options, say)
    check_room(count_parameters(options.shape, len(tokeniser)))
    with memory_faults():
        module = create_transformer(options.shape, len(tokeniser), dropout=options.dropout, seed=options.seed)
    precision = training_precision(options.precision, options.hidden)
    state = state_beside(out)
    done = steps_before(pause := Pause(state / STATE, identity, to_the_end=True))
    looks = Looks(state, identity, options.averaged)
    work = _work(learnt, judged, options, looks)
    low = precision.precision == "bfloat16"
    loop = Loop(module, _pacing(options, low=low), report, pause=pause)
    size = sum(weight.numel() for weight in module.parameters() if weight.requires_grad)
    say("Model", f"{size / 1e6:,.1f} M parameters, {len(tokeniser):,} pieces; {padding_share(learnt, options.batch_tokens):.1%} of the batches are padding; {precision.note}")
    if done:
        say("Goes on", f"after step {done:,}, where this training was stopped")
    with eased(loop.module, low_precision=low), _mendable(options.warm_up):
        with loop.accelerator.autocast():
            loop.parts = work.parts = work.parts_that_fit(loop.module)
        course = loop.run(work, seed=options.seed, budget=budget)
    told = notes_of(loop.parts, twice=is_recomputed(loop.module))
    keep_all(loop.module)
    loss, averaged = loop.together.agree(lambda: _finish(loop, work, looks))  # the looks lie where the first process wrote them
    facts = _facts(options, work, course, module)
    facts |= {"vocabulary": len(tokeniser), "loss": loss, "averaged": averaged, "precision": precision.note, "threads": threads, "notes": [*notes, *told]}
    facts |= {"longer": longer, "unknown": round(learnt.unknown, 6)}
    if loop.together.first:
        save_translation(out, loop.module, tokeniser, facts)
        shutil.rmtree(state, ignore_errors=True)
    return Translation(out, facts)


def _tell_losses(longer: int, unknown: float, options: TranslationOptions, say: Say) -> None:
    """Say before the training what it will not see of the pairs."""
    if longer:
        say("", f"{plural(longer, 'pair')} longer than {options.length:,} pieces left out; a larger --length takes them in.")
    if unknown >= LITTLE:
        say("", f"{unknown:.1%} of the pieces are unknown, characters that are too rare for a vocabulary of {options.vocabulary:,}; a larger --vocabulary knows more of them.")


@contextmanager
def _mendable(warm_up: int) -> Iterator[None]:
    """A training that breaks, as a sentence that says what to do."""
    try:
        yield
    except Broken as error:
        raise OptionError(f"'warm_up' must be so long that the loss falls; got {warm_up:,}, and {error}. Take a longer one, such as {4 * warm_up:,}.") from error


def _work(train: Encoded, valid: Encoded, options: TranslationOptions, looks: Looks) -> Translating:
    """What the loop is given; the steps follow from what was asked for."""
    work = Translating(train, valid, max_tokens=options.batch_tokens, rate=Rate(options.hidden, options.warm_up), smoothing=options.smoothing, looks=options.looks, keep=looks.keep)
    by_the_clock = options.budget is not None and options.steps is None and options.epochs is None
    work.asked = options.steps or (UNLIMITED if by_the_clock else max(1, round((options.epochs or EPOCHS) * work.per_epoch)))
    return work


def _pacing(options: TranslationOptions, *, low: bool) -> Pacing:
    """How the loop walks; the rate itself is the work's (equation 3)."""
    by_the_clock = options.budget is not None and options.steps is None and options.epochs is None
    return Pacing(
        epochs=options.epochs or EPOCHS,
        rate=1.0,
        head_rate=1.0,
        decay=0.0,
        warm_up=0.0,
        max_rows=UNLIMITED,
        max_tokens=options.batch_tokens,
        clip=CLIP,
        patience=options.patience,
        low_precision=low,
        betas=BETAS,
        by_the_clock=by_the_clock,
    )


def _finish(loop: Loop, work: Translating, looks: Looks) -> tuple[float, int]:
    """Give the model the mean of the last looks' weights where that is better than the best look; the loss, and how many were averaged."""
    module, mean = loop.module, looks.mean()
    best = {name: weight.detach().clone() for name, weight in module.named_parameters()}
    before = work.judge(module)
    if len(looks.paths()) < 2:
        return before, 1
    _put(module, mean)
    after = work.judge(module)
    if after < before:
        return after, len(looks.paths())
    _put(module, best)
    return before, 1


def _put(module: Any, weights: dict[str, torch.Tensor]) -> None:
    with torch.no_grad():
        for name, weight in module.named_parameters():
            weight.copy_(weights.get(name, weight))


def _identity(train: Pairs, valid: Pairs, options: TranslationOptions, tokeniser: str) -> str:
    """Tells this training from every other."""
    kept = {name: value for name, value in asdict(options).items() if name not in UNESSENTIAL}
    found = hashlib.blake2b(json.dumps([kept, torch.__version__, tokeniser]).encode(), digest_size=16)
    for pairs in (train, valid):
        for text in (*pairs.sources, *pairs.targets):
            found.update(text.encode() + b"\n")
    return found.hexdigest()


def _facts(options: TranslationOptions, work: Translating, course: Course, module: Any) -> dict[str, Any]:
    """What is worth knowing, but for the outcome."""
    return {
        "options": asdict(options),
        "pairs": {"train": len(work.train), "valid": len(work.valid)},
        "parameters": sum(weight.numel() for weight in module.parameters() if weight.requires_grad),
        "steps": course.steps,
        "epochs": round(course.epochs(course.steps), 3),
        "tokens": course.tokens,
        "seconds": round(course.seconds, 1),
        "tokens_per_second": round(course.tokens / max(course.seconds, 1e-9), 1),
        "padding": round(padding_share(work.train, work.max_tokens), 4),
        "curves": curves_of(course),
    }
