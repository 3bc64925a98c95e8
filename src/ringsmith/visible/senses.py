"""One word in many sentences -> a `Senses` record: its contextual vectors beside the one static vector it would have."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ringsmith.backbones.backbone import Backbone
from ringsmith.backbones.load import load_backbone
from ringsmith.backbones.senses import Use, check_layers, contextual_vectors, static_neighbours, static_vectors
from ringsmith.catalogue import LocalModel
from ringsmith.errors import UsageError
from ringsmith.inspection import Occurrence, Senses
from ringsmith.records import Report, silent
from ringsmith.text.scripts import UNSPACED
from ringsmith.text.tokenise import token_pattern
from ringsmith.visible.groups import between_share, context_share, group, places, self_similarity
from ringsmith.visible.uses import Found, find_uses

LAYERS = "last"
"""The simplest: on the rows to choose by, no mixture told meanings apart better by more than chance (MiniLM, SemCor and WiC-TSV, benchmarks/senses.py)."""
IN_WORDS = {"last": "the last layer", "last4": "the mean of the last four layers", "all": "the mean of all layers"}
OTHERS = 200
NEIGHBOURS = 8
SHORTEST = 3
"""Letters of another word, where a script has blanks between words."""


def inspect_word(
    model: LocalModel,
    word: str,
    sentences: Sequence[str],
    *,
    layers: str | None = None,
    vectors: Path | None = None,
    threads: int | None = None,
    report: Report = silent,
) -> Senses:
    """The uses of `word` in `sentences` as `model` sees them.

    Args:
        model: a transformer.
        word: the word, in capital or small letters.
        sentences: where it is used, one each; those without it are passed over.
        layers: the mixture of layers; None for the last.
        vectors: a file of word vectors to take the static vector from; None for the model's own input embedding.
        threads: CPU threads.
        report: is told the sentences read.

    Raises:
        InputError: fewer than two uses.
        OptionError: no such layers.
        UsageError: no transformer.
        UnknownName: the word has no vector in the file.
    """
    name = check_layers(layers or LAYERS, model.layers)
    if model.kind != "transformer":
        raise UsageError(f"{model.name}: 'inspect --word' needs a transformer; word vectors have one vector for every use. Name them with --vectors instead.")
    found = find_uses(word, sentences)
    neighbours = None if vectors is None else _from_file(vectors, word.strip())
    backbone = load_backbone(model, threads=threads, precision="float32")
    return describe(backbone, word.strip(), found, layers=name, neighbours=neighbours, source="" if vectors is None else vectors.name, report=report)


def describe(
    backbone: Backbone,
    word: str,
    found: Found,
    *,
    layers: str,
    neighbours: Sequence[tuple[str, float]] | None = None,
    source: str = "",
    report: Report = silent,
) -> Senses:
    """As `inspect_word`, with a model that is loaded and uses that are found."""
    uses = found.uses
    vectors = contextual_vectors(backbone, [*uses, *other_words(uses, word)], layers=(layers,), report=report)[layers]
    own, rest = vectors[: len(uses)], vectors[len(uses) :]
    grouping = group(own)
    points, explained = places(own)
    if neighbours is None:
        neighbours = static_neighbours(backbone, static_vectors(backbone, [word])[0], exclude=(word.lower(),), n=NEIGHBOURS)
        source = f"the input embedding of {backbone.model.name}"
    rows = zip(uses, found.lines, grouping.numbers, points, strict=True)
    return Senses(
        model=backbone.model.name,
        word=word,
        layers=IN_WORDS.get(layers, f"layer {layers}"),
        occurrences=tuple(Occurrence(use.sentence, use.start, use.end, line, int(number), round(float(x), 4), round(float(y), 4)) for use, line, number, (x, y) in rows),
        total=found.total,
        clusters=grouping.count,
        silhouette=None if grouping.silhouette is None else round(grouping.silhouette, 4),
        self_similarity=round(self_similarity(own), 4),
        baseline=round(self_similarity(rest), 4) if len(rest) > 1 else 0.0,
        context_share=round(context_share(own), 4),
        between_share=round(between_share(own, grouping.numbers), 4),
        explained=round(explained, 4),
        static_neighbours=tuple((name, round(cosine, 4)) for name, cosine in neighbours),
        static_from=source,
        central=grouping.central,
    )


def other_words(uses: Sequence[Use], word: str) -> list[Use]:
    """One other word of each sentence, no two of the same letters: what any two words have in common in this space."""
    draw, seen, found = random.Random(0), {word.lower()}, list[Use]()
    for use in uses:
        words = [other for other in words_of(use.sentence) if other.form.lower() not in seen and (other.end <= use.start or other.start >= use.end)]
        if words and len(found) < OTHERS:
            found.append(draw.choice(words))
            seen.add(found[-1].form.lower())
    return found


def words_of(sentence: str) -> list[Use]:
    """The words of a sentence that are long enough to say something; in scripts without blanks whatever `tokenise` makes of them.

    Examples:
        >>> [one.form for one in words_of("In 2024 the river rose: 河水上涨")]
        ['the', 'river', 'rose', '河', '水', '上', '涨']
    """
    found = [Use(sentence, match.start(), match.end()) for match in token_pattern(sentence).finditer(sentence) if match.lastgroup == "word"]
    return [one for one in found if sum(map(str.isalpha, one.form)) >= SHORTEST or re.match(f"[{UNSPACED}]", one.form)]


def _from_file(path: Path, word: str) -> list[tuple[str, float]]:
    """The nearest words of a word in a file of word vectors; as it is written, else in small letters."""
    from ringsmith.words.files import open_vectors

    vectors = open_vectors(path)
    known = word if word in vectors else word.lower()
    return [(name, float(np.clip(cosine, -1, 1))) for name, cosine in vectors.nearest(known, NEIGHBOURS)]
