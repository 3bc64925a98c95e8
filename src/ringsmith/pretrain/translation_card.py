"""A translation model on disk: a plain folder of transformers with `ringsmith.json` (all facts, every file's hash), a card and a picture of its curve.

Every figure of the card is read from the facts; nothing is typed in.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
import transformers

from ringsmith._version import version
from ringsmith.adapt.folder import MANIFEST, hash_files, new_folder, write_json
from ringsmith.backbones.load import save_module
from ringsmith.pretrain.card import CARD, PICTURE
from ringsmith.pretrain.picture import loss_picture

FORMAT, SCHEMA = "ringsmith-translation", 1


def save_translation(out: Path, module: Any, tokeniser: Any, facts: dict[str, Any]) -> None:
    """Write the model into the empty or missing folder `out`; it appears whole or not at all.

    Raises:
        UsageError: the folder holds something. MachineError: the disk refuses.
    """
    versions = {"ringsmith": version(), "torch": torch.__version__, "transformers": transformers.__version__}
    with new_folder(out.expanduser()) as scratch:
        save_module(module, scratch)
        tokeniser.save_pretrained(scratch)
        (scratch / PICTURE).write_text(loss_picture(facts["curves"]), encoding="utf-8")
        (scratch / CARD).write_text(card_of(facts, versions), encoding="utf-8")
        write_json(scratch / MANIFEST, {"schema": SCHEMA, "format": FORMAT, "versions": versions, **facts, "files": hash_files(scratch)})


def card_of(facts: dict[str, Any], versions: dict[str, str]) -> str:
    """The card as Markdown."""
    lines = [
        "---",
        "library_name: transformers",
        "pipeline_tag: translation",
        "tags: [ringsmith, pretrained, translation]",
        "---",
        "",
        f"# Translation, learnt from {facts['pairs']['train']:,} pairs",
        "",
        f"An encoder-decoder Transformer as in 2017 (Vaswani et al.), trained from random weights by [Ringsmith](https://pypi.org/project/ringsmith/) {versions['ringsmith']}.",
        "It translates in plain transformers, and as `ringsmith translate`:",
        "",
        "```python",
        "import transformers",
        "",
        "tokenizer = transformers.AutoTokenizer.from_pretrained(folder)",
        "model = transformers.AutoModelForSeq2SeqLM.from_pretrained(folder)",
        'made = model.generate(**tokenizer(["A text."], return_tensors="pt"))',
        "tokenizer.batch_decode(made, skip_special_tokens=True)",
        "```",
        "",
        "| | |",
        "|---|---|",
        *(f"| {label} | {value} |" for label, value in _rows(facts, versions)),
        "",
        f"![Loss over the steps]({PICTURE})",
        "",
        f"The figures of the curve and the hash of every file stand in `{MANIFEST}`.",
        *([""] + [f"- {note}" for note in facts["notes"]] if facts["notes"] else []),
        "",
        "It has read no more than these pairs: what they do not speak of it translates badly, and what stands wrong in them it repeats.",
        "",
    ]
    return "\n".join(lines)


def _rows(facts: dict[str, Any], versions: dict[str, str]) -> list[tuple[str, str]]:
    """The table: label and value."""
    options, pairs = facts["options"], facts["pairs"]
    shape = f"{options['layers']} + {options['layers']} blocks, {options['hidden']} wide, {facts['parameters']:,} parameters"
    unknown = f"; {facts['unknown']:.2%} of the pairs' pieces are unknown to it" if facts["unknown"] else ""
    longer = f"; {facts['longer']:,} were longer than {options['length']} pieces and left out" if facts["longer"] else ""
    mean = f", mean of the weights at the last {facts['averaged']} looks" if facts["averaged"] > 1 else ""
    chosen = {key: value for key, value in options.items() if value is not None and key not in ("layers", "hidden", "threads", "budget")}
    return [
        ("model", shape),
        ("vocabulary", f"{facts['vocabulary']:,} pieces of both languages{unknown}"),
        ("pairs", f"{pairs['train']:,} to learn from, {pairs['valid']:,} to judge by, no source text in both{longer}"),
        ("loss of a piece", f"{facts['loss']:.4f} nats, perplexity {math.exp(facts['loss']):,.2f} (pairs to judge by{mean})"),
        ("training", f"{facts['steps']:,} steps, {facts['epochs']:.2f} epochs, {facts['tokens']:,} pieces of both sides, {facts['padding']:.1%} of the batches padding"),
        ("speed", f"{facts['tokens_per_second']:,.0f} pieces/s for {facts['seconds']:,.0f} s, {facts['threads']} threads; {facts['precision']}"),
        ("options", ", ".join(f"{key} {value}" for key, value in chosen.items())),
        ("versions", ", ".join(f"{key} {value}" for key, value in versions.items())),
    ]
