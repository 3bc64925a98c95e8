"""The contestants of the bake-off, and how they are trained: one text, as many parameters, as much compute, another objective each.

Compute is counted in floating-point operations of the products (`ringsmith.pretrain.flops`); every transformer takes as many steps as its share of
them allows, so that one whose step costs more reads less text. A student has half of its teacher's layers by its nature, hence fewer parameters, and
its own share of compute; what its teacher took comes on top. Word vectors have as many parameters, and no use for as much compute: they take their
usual number of passes. The vectors that a transformer begins with (`ringsmith.pretrain.start`) are paid for out of its share.
"""

from __future__ import annotations

import json
import lzma
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
import transformers

from ringsmith.pretrain.documents import Corpus
from ringsmith.pretrain.flops import count_flops
from ringsmith.pretrain.objective import find_objective
from ringsmith.pretrain.options import PretrainOptions, objective_options
from ringsmith.pretrain.prepare import prepare
from ringsmith.pretrain.shapes import Shape, count_parameters, find_shape
from ringsmith.pretrain.start import give, plan_vectors
from ringsmith.pretrain.training import START, pretrain, quiet
from ringsmith.pretrain.vocabulary import read_pieces
from ringsmith.records import Progress, silent
from ringsmith.text import TextSteps
from ringsmith.words.corpus import CorpusOptions
from ringsmith.words.glove import GloveOptions
from ringsmith.words.options import Word2VecOptions
from ringsmith.words.training import VectorsJob, make_vectors

LICENCE = "cc-by-sa-4.0"
VECTORS = "vectors.safetensors"
FACTS = "facts.json"
HELD_OUT_BYTES = 1e6


@dataclass(frozen=True)
class Contestant:
    """One way of pre-training.

    Attributes:
        name: what it is called.
        objective: of `ringsmith.pretrain`; ``"words"`` for word vectors, ``"nothing"`` for random weights, ``"start"`` for the head start without a step.
        architecture: as `ringsmith.pretrain.shapes` calls it; None for word vectors.
        teacher: name of the contestant it learns from, or whose vocabulary and shape it takes; None for the others.
    """

    name: str
    objective: str
    architecture: str | None = None
    teacher: str | None = None


LINEUP = {
    one.name: one
    for one in (
        Contestant("bert", "mlm", "bert"),
        Contestant("roberta", "mlm-dynamic", "roberta"),
        Contestant("gpt2", "clm", "gpt2"),
        Contestant("xlnet", "plm", "xlnet"),
        Contestant("electra", "rtd", "electra"),
        Contestant("modernbert", "modern", "modernbert"),
        Contestant("distilbert", "distil", "distilbert", teacher="bert"),
        Contestant("distilgpt2", "distil", "distilgpt2", teacher="gpt2"),
        Contestant("word2vec", "words"),
        Contestant("glove", "words"),
        Contestant("begun", "start", "bert", teacher="bert"),
        Contestant("random", "nothing", "bert", teacher="bert"),
    )
}
"""Teachers stand before their students."""


@dataclass(frozen=True)
class Plan:
    """What is the same for all.

    Attributes:
        corpus: the text to learn from.
        work: everything that is made lies here.
        flops: of every transformer's training.
        vocabulary: pieces.
        layers: blocks.
        hidden: width of a BERT; the others' follows from its number of parameters.
        length: pieces of a sequence.
        batch_tokens: pieces of a batch.
        rate: highest learning rate.
        start: what a transformer knows before its first step; None for what `ringsmith pretrain` does.
        precision: as in `PretrainOptions`.
        dim: numbers of a word vector; as many words as make the same number of parameters.
        threads: of the CPU.
    """

    corpus: Path
    work: Path
    flops: float = 8e12
    vocabulary: int = 7_168
    layers: int = 2
    hidden: int = 128
    length: int = 128
    batch_tokens: int = 1_024
    rate: float = 2e-3
    start: str | None = None
    precision: str = "auto"
    dim: int = 90
    threads: int | None = None

    @cached_property
    def parameters(self) -> int:
        """Of every model but students."""
        return count_parameters("bert", Shape(self.layers, self.hidden, max(2, self.hidden // 64), 4 * self.hidden, self.length), self.vocabulary).total

    @property
    def words(self) -> int:
        """Word vectors of one file."""
        return self.parameters // self.dim

    @property
    def rows(self) -> int:
        """Sequences of a batch."""
        return max(1, self.batch_tokens // self.length)

    def place(self, name: str, seed: int) -> Path:
        """Folder of one trained model."""
        return self.work / "models" / f"seed{seed}" / name

    def shape(self, architecture: str) -> Shape:
        """As many layers as all, and as wide as makes the same number of parameters."""
        return find_shape(architecture, self.parameters, self.vocabulary, layers=self.layers, length=self.length)


def cut_corpus(source: Path, work: Path, megabytes: float) -> tuple[Path, Path]:
    """The first documents of a text (blank lines end them), about so many megabytes, to learn from; and those behind them, held out from all."""
    learnt, held_out = work / "corpus.txt", work / "held_out.txt"
    if not held_out.exists():
        work.mkdir(parents=True, exist_ok=True)
        with lzma.open(source, "rt", encoding="utf-8", newline="\n") if source.suffix == ".xz" else source.open(encoding="utf-8", newline="\n") as lines:
            for path, size in ((learnt, megabytes * 1e6), (held_out, HELD_OUT_BYTES)):
                scratch = path.with_suffix(".part")
                scratch.write_text(_documents(lines, size), encoding="utf-8", newline="\n")
                scratch.replace(path)
        if not held_out.stat().st_size:
            held_out.unlink()
            raise SystemExit(f"{source}: --megabytes must leave text to hold out; it holds no more than {megabytes:g} MB. Ask for fewer.")
    return learnt, held_out


def _documents(lines: Iterator[str], size: float) -> str:
    """Whole documents of about so many bytes."""
    kept: list[str] = []
    for line in lines:
        kept.append(line)
        size -= len(line.encode())
        if size <= 0 and not line.strip():
            break
    return "".join(kept)


def train(contestant: Contestant, plan: Plan, seed: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Train one contestant, unless that was done before; what is known of it, as written beside the model."""
    place = plan.place(contestant.name, seed)
    if not (place / FACTS).exists():
        if contestant.objective == "start":
            found = _begun(plan.place(contestant.teacher or "", seed), plan, seed, place)
        elif contestant.objective == "nothing":
            found = _untrained(plan.place(contestant.teacher or "", seed), seed, place)
        elif contestant.architecture is None:
            found = _words(contestant, plan, seed, place)
        else:
            found = _transformer(contestant, contestant.architecture, plan, seed, place, say)
        (place / FACTS).write_text(json.dumps({"contestant": asdict(contestant), "seed": seed, **found}, indent=1, default=str), encoding="utf-8")
    return dict(json.loads((place / FACTS).read_text(encoding="utf-8")))


def _untrained(like: Path, seed: int, place: Path) -> dict[str, Any]:
    """Random weights in the shape of another model, with its vocabulary: what there is before any pre-training."""
    torch.manual_seed(seed + 1_000)
    module = transformers.AutoModelForMaskedLM.from_config(transformers.AutoConfig.from_pretrained(like))
    module.save_pretrained(place)
    transformers.AutoTokenizer.from_pretrained(like).save_pretrained(place)
    return {"flops": 0.0, "steps": 0}


def _begun(like: Path, plan: Plan, seed: int, place: Path) -> dict[str, Any]:
    """Another model's head start alone: what there is before its first step."""
    kind, options = find_objective("mlm"), PretrainOptions(out=place, vocabulary=plan.vocabulary, work=plan.work / "tokens")
    read = prepare(Corpus(plan.corpus, options.reading), kind, None, options, threads=plan.threads or 1, report=silent, say=quiet)
    pieces = read_pieces(read.tokeniser)
    module = kind(pieces).create(plan.shape("bert"), seed=seed)
    given = give(module, read.file.train, pieces, START, seed=seed, report=silent)
    module.save_pretrained(place)
    transformers.AutoTokenizer.from_pretrained(like).save_pretrained(place)
    return {"flops": given.flops, "steps": 0}


def _transformer(contestant: Contestant, architecture: str, plan: Plan, seed: int, place: Path, say: Callable[[str], None]) -> dict[str, Any]:
    teacher = plan.place(contestant.teacher, seed) if contestant.teacher else None
    shape = plan.shape((contestant.teacher and LINEUP[contestant.teacher].architecture) or architecture)
    chosen = {"teacher": str(teacher)} if teacher else {}
    sizes = {} if teacher else {"layers": shape.layers, "hidden": shape.hidden, "heads": shape.heads, "feed_forward": shape.feed_forward, "vocabulary": plan.vocabulary}
    options = PretrainOptions(
        out=place, objective=contestant.objective, objective_options=chosen, length=plan.length, batch_tokens=plan.batch_tokens, rate=plan.rate, seed=seed,
        threads=plan.threads, licence=LICENCE, work=plan.work / "tokens", looks=20, start=None if teacher else plan.start, precision=plan.precision, **sizes,
    )  # fmt: skip
    own = shape.half() if teacher else shape
    each, begun = _cost(options, architecture, own, plan, shape if teacher else None)
    steps = max(1, round((plan.flops - begun) / (each * plan.rows)))
    say(f"{contestant.name}: {steps:,} steps of {each * plan.rows / 1e9:,.1f} GFLOP after {begun / 1e9:,.0f} GFLOP of word2vec, {own}")
    if not (place / "ringsmith.json").exists():
        pretrain(plan.corpus, replace(options, steps=steps), report=_Told(say), say=lambda label, text: say(f"{label:<12} {text}"))
    return {"flops": begun + each * plan.rows * steps, "flops_of_start": begun, "flops_a_piece": each / plan.length, "steps": steps, "shape": asdict(own)}


def _cost(options: PretrainOptions, architecture: str, shape: Shape, plan: Plan, teacher: Shape | None) -> tuple[float, float]:
    """Operations of a step for each sequence, and of the vectors it begins with, by formula; learns the vocabulary where that was not done."""
    kind = find_objective(options.objective)
    chosen = objective_options(kind.options_kind, options.objective_options, objective=options.objective)
    known = kind.vocabulary_folder(chosen)
    read = prepare(Corpus(plan.corpus, options.reading), kind, known and Path(known), options, threads=plan.threads or 1, report=silent, say=quiet)
    pieces = read_pieces(read.tokeniser)
    begun = plan_vectors(read.file.train, pieces, shape.hidden).flops if (options.start or START) == "vectors" and not kind.inherits else 0.0
    return count_flops(architecture, shape, plan.vocabulary, kind(pieces, chosen).predicted(plan.length), teacher=teacher), begun


class _Told:
    """Progress of a training, a line every so many steps."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.say, self.last = say, 0.0

    def __call__(self, progress: Progress) -> None:
        if progress.stage == "train" and progress.total and progress.done - self.last >= progress.total / 20:
            self.last = progress.done
            self.say(f"  step {progress.done:,.0f} of {progress.total:,.0f}: {progress.note}")


def _words(contestant: Contestant, plan: Plan, seed: int, place: Path) -> dict[str, Any]:
    """Word vectors of small letters, cut at punctuation, as the recipe `static` cuts texts."""
    place.mkdir(parents=True, exist_ok=True)
    word2vec = Word2VecOptions(dim=plan.dim, seed=seed) if contestant.name == "word2vec" else None
    glove = GloveOptions(dim=plan.dim, x_max=10.0, seed=seed + 1) if word2vec is None else None
    reading = CorpusOptions(max_vocab=plan.words, steps=TextSteps(("lower", "tokenise")))
    made = make_vectors(VectorsJob(source=plan.corpus, out=place / VECTORS, corpus=reading, word2vec=word2vec, glove=glove, threads=plan.threads))
    kept = {name: getattr(made, name) for name in ("words", "vocabulary", "epochs", "seconds", "losses", "notes")}
    return {**kept, "options": asdict(word2vec or glove), "shape": {"words": made.vocabulary, "dim": plan.dim}}
