"""What `import ringsmith` offers to look into a model: `inspect` a text as a transformer reads it, `inspect_word` in many sentences."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ringsmith._files import path_of
from ringsmith.backbones import require_transformers
from ringsmith.errors import UsageError
from ringsmith.inspection import Inspection, Senses
from ringsmith.records import Report, silent
from ringsmith.visible.asked import check_text


def inspect(model: str | Path, text: str, pair: str | None = None, *, threads: int | None = None, offline: bool = False) -> Inspection:
    """What a transformer makes of a text: its tokens, attention, predictions and parameters, as one record.

    Args:
        model: a short name, a hub name, a folder, or the folder of a fitted model (``runs/reviews/best``), whose labels are shown as well.
        text: what it reads.
        pair: a second text, read with the first.
        threads: CPU threads, None for all cores.
        offline: never touch the network.

    Returns:
        The record; `Inspection.to_json` writes it.

    Raises:
        RingsmithError: no transformer, an empty text, or weights that do not fit: one sentence says what and what to do.
    """
    check_text(text, pair)  # first: what looks takes seconds to import
    require_transformers("looking into a model")
    from ringsmith.catalogue import resolve

    place = path_of(model)
    found = None if _is_fitted(place) else resolve(str(model), offline=offline)
    from ringsmith.visible.look import inspect_text

    return _inspect_fitted(place, text, pair, threads) if found is None else inspect_text(found, text, pair, threads=threads)


def inspect_word(
    model: str | Path,
    word: str,
    sentences: Sequence[str],
    *,
    layers: str | None = None,
    vectors: Path | None = None,
    threads: int | None = None,
    offline: bool = False,
    report: Report = silent,
) -> Senses:
    """One word in many sentences: how much its vector depends on the context, and which senses its uses fall into.

    Args:
        model: a short name, a hub name or a folder.
        word: the word, in capital or small letters.
        sentences: where it is used.
        layers: where the vectors are from: ``"last"``, ``"last4"``, ``"all"`` or a number; None for the last.
        vectors: a file of word vectors to take the one static vector from; None for the model's input embedding.
        threads: CPU threads, None for all cores.
        offline: never touch the network.
        report: is told the sentences read.

    Raises:
        RingsmithError: no transformer, fewer than two uses, no such layers: one sentence says what and what to do.
    """
    require_transformers("looking into a model")
    from ringsmith.catalogue import resolve

    found = resolve(str(model), offline=offline)
    from ringsmith.visible.senses import inspect_word as look_up

    return look_up(found, word, sentences, layers=layers, vectors=vectors, threads=threads, report=report)


def _is_fitted(folder: Path) -> bool:
    """Whether it is the folder of a fitted model; pre-trained ones have a manifest of another format."""
    try:
        content = json.loads((folder / "ringsmith.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and content.get("format") == "ringsmith-model"


def _inspect_fitted(folder: Path, text: str, pair: str | None, threads: int | None) -> Inspection:
    """The transformer of a fitted model, on the text as it was prepared for training, with the labels of the whole model."""
    from ringsmith.adapt.folder import read_manifest
    from ringsmith.catalogue import resolve
    from ringsmith.serve import load
    from ringsmith.text import TextSteps
    from ringsmith.visible.look import inspect_text

    manifest = read_manifest(folder)
    if not (folder / "config.json").is_file():
        recipe = manifest["recipe"]
        raise UsageError(f"{folder}: 'inspect' needs a transformer; this model was fitted by the recipe {recipe}, which has none. For its labels: ringsmith predict {folder} TEXT.")
    fitted, steps = load(folder, threads=threads), TextSteps.from_json(manifest["steps"])
    chances = fitted.predict_proba(text, pair)
    look = inspect_text(resolve(str(folder)), steps.apply(text), None if pair is None else steps.apply(pair), threads=threads)
    labels = sorted(((label, round(float(chance), 6)) for label, chance in zip(fitted.labels, chances, strict=True)), key=lambda one: -one[1])
    notes = [note for note in look.notes if not note.startswith("This folder holds no head")]
    return replace(look, labels=tuple(labels), notes=(f"Fitted by the recipe {manifest['recipe']}.", *notes))
