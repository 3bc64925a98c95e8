"""Pre-training from a corpus to a model folder.

    model        random weights of the asked shape, or a model to go on from: before anything is read where its vocabulary is known, else as soon as that is learnt
    read         corpus -> vocabulary (learnt, or the model's own) and one file of numbers (`prepare.py`)
    sequences    cut out of it without padding, some held out to judge by (`packing.py`)
    start        what random weights begin with (`start.py`)
    train        the one training loop (`adapt/loop.py`) with `learning.Learning`; a killed run goes on where it was
    save         a plain folder of transformers, with `ringsmith.json` and a card (`card.py`)

Several processes (`torchrun`, or a Ray cluster: `spread.py`) take the steps of one: each reads the same token file and takes its rows of every
batch; the first one prepares, judges and writes.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ringsmith.adapt.dropout import ease_dropout, set_dropout
from ringsmith.adapt.folder import check_place, state_beside
from ringsmith.adapt.guard import Broken
from ringsmith.adapt.loop import Loop, first_process_first
from ringsmith.adapt.memory import notes_of
from ringsmith.adapt.pacing import Pacing
from ringsmith.adapt.pause import Pause
from ringsmith.adapt.recompute import is_recomputed, keep_all
from ringsmith.backbones.attention import head_of
from ringsmith.backbones.load import read_plain_tokeniser, set_threads
from ringsmith.catalogue import LocalModel, resolve
from ringsmith.errors import BudgetError, InputError, OptionError
from ringsmith.pretrain.card import save_pretrained
from ringsmith.pretrain.compiled import compile_layers
from ringsmith.pretrain.documents import Corpus, Source
from ringsmith.pretrain.facts import Cost, Facts, facts_of
from ringsmith.pretrain.learning import Learning, Span, flops_of, precision_of, rows_at_once
from ringsmith.pretrain.objective import Objective, find_objective
from ringsmith.pretrain.options import SHAPE, PretrainOptions, objective_options
from ringsmith.pretrain.packing import divide, note_of_judge
from ringsmith.pretrain.prepare import Prepared, prepare
from ringsmith.pretrain.prepare import Say as Say
from ringsmith.pretrain.room import check_room, memory_faults
from ringsmith.pretrain.shapes import Shape, check_shape, count_parameters
from ringsmith.pretrain.start import HeadStart, give
from ringsmith.pretrain.tokenfile import TokenFile
from ringsmith.pretrain.vocabulary import read_pieces
from ringsmith.records import Budget, Report, silent

BETAS = (0.9, 0.98)
"""Adam's; RoBERTa's second one (Liu et al., 2019, section 3.1), steadier than 0.999 where batches are few."""
LENGTH = 128
RATE, RATE_ON = 1e-3, 1e-4
"""Highest learning rates: of 128 numbers a piece from random weights (LOG.md), and of a model that is gone on from (Gururangan et al., 2020)."""
LAYERS, HIDDEN, HEAD = 2, 128, 64
"""What a model with random weights is like where nothing else is said: BERT-Tiny of Turc et al. (2019); each head gets 64 numbers."""
START = "vectors"
"""What a model with random weights begins with where nothing else is said (LOG.md)."""
UNESSENTIAL = ("out", "budget", "threads", "compiled", "work", "licence")
"""Options that do not change what is learnt: a training goes on whatever they are."""
STATE = "pause.safetensors"
"""In the folder beside the model's."""
PATIENT = 1_000_000
"""Looks without progress before it stops: it does not."""


@dataclass(frozen=True, eq=False)
class Pretrained:
    """What came of it.

    Attributes:
        folder: the model.
        facts: what is worth knowing, as in its card.
    """

    folder: Path
    facts: Facts


def quiet(label: str, text: str) -> None:
    """The listener that hears nothing."""
    del label, text


def pretrain(source: Source, options: PretrainOptions, *, report: Report = silent, say: Say = quiet) -> Pretrained:
    """Pre-train a model on plain text.

    Args:
        source: a text file (also packed), a folder of them, a table, ``"-"`` for standard input, or an iterable of strings, each a document.
        options: what, how large, how long.
        report: is told how far it is.
        say: is told what was found.

    Raises:
        RingsmithError: the corpus, the options, a model or the machine: one sentence says what and what to do.
    """
    budget = Budget(options.budget)
    check_place(options.out)
    threads = set_threads(options.threads)
    kind = find_objective(options.objective)
    chosen = objective_options(kind.options_kind, options.objective_options, objective=options.objective)
    model = resolve(options.from_model) if options.from_model else None
    corpus = Corpus(source, options.reading)
    run = Run(options, corpus, model, budget, threads)
    known = Path(model.folder) if model else _teacher(kind, chosen)
    begun = None if known is None else _begun(run, kind(read_pieces(read_plain_tokeniser(known)), chosen))
    if begun is None:
        _foresee(run, kind)
    with first_process_first() as alone:
        if not alone:
            refuse_what_comes_once(corpus)
        prepared = prepare(corpus, kind, known, options, threads=threads, report=report, say=say)
    return _learn(run, begun or _begun(run, kind(read_pieces(prepared.tokeniser), chosen)), prepared, report, say)


@dataclass(frozen=True, eq=False)
class Run:
    """One call of `pretrain`: what was asked for.

    Attributes:
        options: as they were given.
        corpus: what is learnt from.
        model: what is gone on from, None for random weights.
        budget: wall clock.
        threads: CPU threads.
    """

    options: PretrainOptions
    corpus: Corpus
    model: LocalModel | None
    budget: Budget
    threads: int

    @property
    def length(self) -> int:
        """Pieces of a sequence.

        Raises:
            OptionError: the model takes no sequence of this length.
        """
        most = None if self.model is None else self.model.max_tokens
        length = self.options.length or min(LENGTH, most or LENGTH)
        if most is not None and length > most:
            raise OptionError(f"'length' must be at most what the model takes, {most} pieces; got {length}. Leave it out for {min(LENGTH, most)}.")
        return length

    def shape(self, natural: Shape | None) -> Shape:
        """Of a model with random weights; what was not asked for is as in `natural`, where there is one."""
        options = self.options
        if natural is not None:
            asked = {name: value for name in (*SHAPE, "length") if (value := getattr(options, name)) is not None}
            return replace(natural, **asked)
        hidden = options.hidden or HIDDEN
        heads = options.heads or next(count for count in range(max(2, hidden // HEAD), 0, -1) if hidden % count == 0)
        return Shape(options.layers or LAYERS, hidden, heads, options.feed_forward or 4 * hidden, self.length)

    @property
    def epochs(self) -> float | None:
        """Passes over the corpus: one where nothing says how long."""
        options = self.options
        return options.epochs if options.by_the_clock or options.steps is not None or options.epochs is not None else 1.0

    def rate(self, hidden: int) -> float:
        """Highest learning rate, for a body so wide."""
        if self.options.rate is not None:
            return self.options.rate
        return RATE_ON if self.model is not None else RATE * min(1.0, HIDDEN / hidden) ** 0.5

    def pacing(self, length: int, rate: float, *, low: bool) -> Pacing:
        """How the loop walks."""
        options = self.options
        return Pacing(
            epochs=self.epochs or 0.0, rate=rate, head_rate=rate, decay=options.decay, warm_up=options.warm_up, max_rows=max(1, options.batch_tokens // length),
            max_tokens=options.batch_tokens, clip=options.clip, patience=PATIENT, low_precision=low, betas=BETAS, by_the_clock=options.by_the_clock,
        )  # fmt: skip

    def pause(self, file: TokenFile) -> Pause:
        """Where the training is kept until its model is written."""
        options = self.options
        asked = {name: value for name, value in asdict(options).items() if name not in UNESSENTIAL}
        start = None if self.model is None else self.model.weights_sha256
        identity = json.dumps([asked, start, file.counts.sha256, file.made_from.tokeniser], sort_keys=True, default=str)
        return Pause(state_beside(options.out) / STATE, identity, to_the_end=True)


def steps_before(pause: Pause) -> int:
    """The steps after which this training goes on; 0 for its beginning.

    Raises:
        OptionError: another one was stopped here: what that has learnt would be gone.
    """
    if (steps := pause.steps()) is None:
        raise OptionError(
            f"'out' must be another folder than that of a training that was stopped: {pause.path} keeps the state of one with other options or another text. "
            "Give its own command again, which goes on from there; or name another folder; or remove that file."
        )
    return steps


def refuse_what_comes_once(corpus: Corpus) -> None:
    """Refuse a corpus that one process alone could read.

    Raises:
        InputError: it is standard input, or an iterator.
    """
    if not corpus.can_be_read_again:
        raise InputError("Several processes need a corpus that each of them can read; got one that gives its text only once. Write it to a file.")


def _teacher(kind: type[Objective], chosen: Any) -> Path | None:
    """The folder whose vocabulary an objective insists on."""
    folder = kind.vocabulary_folder(chosen)
    return None if folder is None else Path(resolve(folder).folder)


@dataclass(frozen=True, eq=False)
class Begun:
    """What will learn.

    Attributes:
        objective: with its vocabulary.
        module: its model.
        length: pieces of a sequence.
    """

    objective: Objective
    module: Any
    length: int


def _foresee(run: Run, kind: type[Objective]) -> None:
    """Refuse a shape that cannot be, or that memory does not hold, as far as it can be told without the vocabulary."""
    shape = run.shape(None)
    check_shape(kind.architecture, shape)
    check_room(count_parameters(kind.architecture, shape, run.options.vocabulary or 0).total)


def _begun(run: Run, objective: Objective) -> Begun:
    """The model before its first step.

    Raises:
        OptionError: a shape, a length or a start that this objective does not have.
        ModelError: a model to go on from that does not learn this way.
        MachineError: memory does not hold it.
    """
    options = run.options
    if objective.inherits and options.start is not None:
        raise OptionError(f"'start' cannot be chosen with {objective.name!r}, where a student begins with its teacher's weights; got {options.start!r}. Leave it out.")
    with memory_faults():
        if run.model is not None:
            length = run.length
            return Begun(objective, objective.adopt(run.model), length)
        shape = run.shape(objective.natural_shape())
        check_room(count_parameters(objective.architecture, shape, objective.pieces.size).total)
        return Begun(objective, objective.create(shape, seed=options.seed), shape.length)


def _learn(run: Run, begun: Begun, prepared: Prepared, report: Report, say: Say) -> Pretrained:
    """From sequences to the saved model."""
    options, objective, module, length = run.options, begun.objective, begun.module, begun.length
    train, judge = divide(prepared.file, objective.pieces, length, crosses_documents=objective.crosses_documents, share=options.held_out)
    done = steps_before(pause := run.pause(prepared.file))
    head_start = _head_start(run, objective, module, prepared, report, say)
    if run.budget.remaining() <= 0:
        raise BudgetError("The budget is over before the first step: reading took all of it. What was read is kept: run the same command again, or give it more time.")
    work = Learning(objective, train, judge, Span(max(1, options.batch_tokens // length), options.steps, run.epochs, options.looks, options.look_tokens))
    set_dropout(module, 0.0)  # what is left out within attention keeps a CPU from its fused kernel: not before it is eased
    choice = precision_of(options.precision, work, module)
    rate = run.rate(module.get_input_embeddings().weight.shape[1])
    loop = Loop(module, run.pacing(length, rate, low=choice.precision == "bfloat16"), report, pause=pause)
    set_dropout(loop.module, options.dropout or 0.0)
    ease_dropout(loop.module)
    with loop.accelerator.autocast():
        work.at_once = rows_at_once(work, loop.module)
        flops = flops_of(work, loop.module)
    loop.parts = math.ceil(work.span.rows / loop.together.count / work.at_once)
    cost = Cost.of(loop.module, objective.finish(loop.module), flops, choice.note, threads=run.threads, processes=loop.together.count)
    compiled = "; its layers are compiled first" if options.compiled and compile_layers(loop.module) else ""
    say("Model", f"{module.config.model_type}, {cost.parameters / 1e6:,.1f} M parameters, {cost.flops_per_token / 1e6:,.1f} MFLOP a piece and step; {choice.note}{compiled}")
    if done:
        say("Goes on", f"after step {done:,}, where this training was stopped")
    with _mendable(rate):
        course = loop.run(work, seed=options.seed, budget=run.budget)
    notes = (*prepared.notes, *note_of_judge(prepared.file, judge), *headless(run.model), *notes_of(loop.parts, twice=is_recomputed(loop.module)))
    keep_all(loop.module)
    facts = facts_of(replace(options, rate=rate, dropout=options.dropout or 0.0), run.corpus, run.model, objective, prepared.file, work, course, cost).after(head_start, notes)
    if loop.together.first:
        save_pretrained(options.out, objective.finish(loop.module), _dressed(prepared.tokeniser, length, run.model), facts)
        shutil.rmtree(state_beside(options.out), ignore_errors=True)
    return Pretrained(options.out, facts)


def _head_start(run: Run, objective: Objective, module: Any, prepared: Prepared, report: Report, say: Say) -> HeadStart | None:
    """What a model with random weights begins with; None for one that has learnt already."""
    if objective.inherits or run.model is not None:
        return None
    seconds = None if run.options.budget is None else run.budget.remaining()
    with memory_faults():
        given = give(module, prepared.file.train, objective.pieces, run.options.start or START, seed=run.options.seed, seconds=seconds, report=report)
    if given.words:
        say("Start", f"the pieces' vectors from word2vec: {given.words:,} pieces in {given.seconds:,.1f} s, {given.flops:.2g} floating point operations")
    return given


def headless(model: LocalModel | None) -> tuple[str, ...]:
    """A sentence about a model to go on from that predicts no pieces yet: its loss begins as high as that of random weights."""
    if model is None or head_of(model.architecture) in ("causal", "permuted", "masked", "replaced"):
        return ()
    return (f"{model.name} held no head that predicts pieces: one began at random, so that the loss begins high; the layers below it were pre-trained.",)


def _dressed(tokeniser: Any, length: int, model: LocalModel | None) -> Any:
    """The tokenizer as it is saved: one that was learnt here cuts where the model's positions end."""
    if model is None:
        tokeniser.model_max_length = length
    return tokeniser


@contextmanager
def _mendable(rate: float) -> Iterator[None]:
    """A training that breaks, as a sentence that says what to do."""
    try:
        yield
    except Broken as error:
        raise OptionError(f"'rate' must be one at which the loss falls; got {rate:g}, and {error}. Take a lower one, such as {rate / 4:g}.") from error
