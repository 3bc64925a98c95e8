"""A pre-trained model on disk: a plain folder of transformers, with `ringsmith.json` (all facts, every file's hash), a card and a picture of its curve.

Every figure of the card is read from the facts; nothing is typed in.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ringsmith._wording import as_cell
from ringsmith.adapt.folder import MANIFEST, hash_files, new_folder, write_json
from ringsmith.backbones.load import save_module
from ringsmith.pretrain.facts import Facts
from ringsmith.pretrain.picture import loss_picture
from ringsmith.pretrain.vocabulary import save_vocabulary

CARD, PICTURE = "README.md", "loss.svg"
SCHEMA, FORMAT = 1, "ringsmith-pretrained"
TASKS = {"MaskedLM": "fill-mask", "CausalLM": "text-generation", "LMHeadModel": "text-generation"}
"""How a class of transformers ends -> what the hub calls its task."""

START = {
    "vectors": "how frequent the pieces are, and their vectors from word2vec ({:,} pieces read)",
    "frequencies": "how frequent the pieces are; all else random",
    "random": "random numbers",
}
"""What a head start is called."""


def told_of(kind: str, words: int) -> str:
    """A head start in words."""
    return START[kind].format(words)


def save_pretrained(folder: Path, module: Any, tokeniser: Any, facts: Facts) -> None:
    """Write the model into the empty or missing `folder`; it appears whole or not at all.

    Raises:
        UsageError: the folder holds something. MachineError: the disk refuses.
    """
    with new_folder(folder.expanduser()) as scratch:
        save_module(module, scratch)
        save_vocabulary(tokeniser, scratch)
        (scratch / PICTURE).write_text(loss_picture(facts.curves), encoding="utf-8")
        (scratch / CARD).write_text(card_of(facts, type(module).__name__), encoding="utf-8")
        write_json(scratch / MANIFEST, {"schema": SCHEMA, "format": FORMAT, **asdict(facts), "files": hash_files(scratch)})


def card_of(facts: Facts, cls: str) -> str:
    """The card as Markdown.

    Args:
        facts: all of it.
        cls: the class of transformers that loads the model.
    """
    name, corpus = facts.objective["name"], facts.corpus["name"]
    origin = f"pre-trained further from `{facts.start['name']}`" if facts.start else "pre-trained from random weights"
    lines = [
        *_front(facts, cls),
        f"# {facts.architecture}, objective `{name}`, on {corpus}",
        "",
        f"A small language model, {origin} by [Ringsmith](https://pypi.org/project/ringsmith/) {facts.versions['ringsmith']}. It loads in plain transformers:",
        "",
        "```python",
        "import transformers",
        "",
        "tokenizer = transformers.AutoTokenizer.from_pretrained(folder)",
        f"model = transformers.{cls}.from_pretrained(folder)",
        "```",
        "",
        "| | |",
        "|---|---|",
        *(f"| {label} | {as_cell(value)} |" for label, value in _rows(facts)),
        "",
        f"![Loss over the steps]({PICTURE})",
        "",
        f"The figures of the curve, all options and the hash of every file stand in `{MANIFEST}`.",
        *([""] + [f"- {note}" for note in facts.notes] if facts.notes else []),
        "",
        "It has read no more than this corpus, and says what its text makes likely; it was not taught to be right, fair or safe.",
        "",
    ]
    return "\n".join(lines)


def _front(facts: Facts, cls: str) -> list[str]:
    """What the hub reads."""
    task = next((task for end, task in TASKS.items() if cls.endswith(end)), None)
    licence = facts.corpus["licence"]
    return [
        "---",
        "library_name: transformers",
        *([f"license: {json.dumps(licence, ensure_ascii=False)}"] if licence else []),
        *([f"pipeline_tag: {task}"] if task else []),
        "tags: [ringsmith, pretrained]",
        "---",
        "",
    ]


def _rows(facts: Facts) -> list[tuple[str, str]]:
    """The table: label and value."""
    corpus, held, cost = facts.corpus, facts.held_out, facts.cost
    chosen = ", ".join(f"{key} {value}" for key, value in facts.objective["options"].items())
    likely = "" if held.perplexity is None else f", perplexity {held.perplexity:,.2f}"
    likely += "" if held.bits_per_byte is None else f", {held.bits_per_byte:.3f} bits per byte"
    counted = "counted by torch, word2vec by formula" if facts.head_start and facts.head_start.words else "counted by torch"
    skipped = f", {corpus['skipped']:,} lines left out (not UTF-8)" if corpus["skipped"] else ""
    skipped += f", {corpus['unknown']:,} unknown pieces" if corpus["unknown"] else ""
    return [
        ("objective", f"`{facts.objective['name']}`{f' ({chosen})' if chosen else ''}"),
        *([("before the first step", told_of(facts.head_start.kind, facts.head_start.words))] if facts.head_start else []),
        ("parameters", f"{cost.parameters:,}" + (f", and {cost.aside:,} of a generator that is thrown away" if cost.aside else "")),
        ("vocabulary", f"{facts.vocabulary:,} pieces; sequences of {facts.length}"),
        ("corpus", f"{corpus['name']}: {corpus['documents']:,} documents, {corpus['tokens']:,} pieces, {corpus['text_bytes'] / 1e6:,.1f} MB{skipped}"),
        ("hash of the corpus", f"`{corpus['sha256']}`"),
        ("licence of the text", corpus["licence"] or "not told"),
        ("held out text", f"loss {held.loss:.4f}{likely} ({held.sequences:,} sequences, at step {held.step:,})"),
        ("training", f"{facts.steps:,} steps, {facts.epochs:.2f} epochs, {facts.tokens:,} pieces"),
        ("compute", f"{facts.flops:.3g} floating point operations (products of forward and backward, {counted})"),
        ("speed", f"{facts.tokens_per_second:,.0f} pieces/s for {facts.seconds:,.0f} s on {cost.device} ({cost.threads} threads, {cost.processes} processes), {cost.precision}"),
        ("options", ", ".join(f"{key} {value:g}" for key, value in facts.options.items())),
        ("versions", ", ".join(f"{key} {value}" for key, value in facts.versions.items())),
    ]
