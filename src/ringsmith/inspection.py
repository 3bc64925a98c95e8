"""The records of `ringsmith inspect`: what a model made of a text, and of a word in many sentences. They travel from `inspect/` to the page and the terminal.

Versioned JSON like the other records; the attention itself is an array in memory and rows of numbers, four decimals each, in JSON.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

from ringsmith._wording import plural
from ringsmith.records import SCHEMA, Record

Pattern = Literal["previous", "next", "self", "first", "separator", "broad", "mixed"]
PATTERNS: dict[Pattern, str] = {
    "previous": "looks at the token before",
    "next": "looks at the token after",
    "self": "looks at the token itself",
    "first": "looks at the first token",
    "separator": "looks at separators and other special tokens",
    "broad": "spreads over all tokens",
    "mixed": "looks at no place in particular, and not at all of them alike",
}
"""What a head does most, and in words."""
Floats = npt.NDArray[np.float32]
DECIMALS = 4
PRINTED = (*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100))
"""Bytes that a vocabulary of bytes writes as the letters of these numbers; the others follow from 256 on (Radford et al., 2019)."""
BYTE_OF = {chr(byte): byte for byte in PRINTED} | {chr(256 + place): byte for place, byte in enumerate(byte for byte in range(256) if byte not in PRINTED)}
SIGNS = str.maketrans({" ": "␣", "\n": "↵", "\t": "⇥", "\r": "␍"})
"""Blanks as people can see them."""
HALF = re.compile("[\udc80-\udcff]")


def readable(piece: str) -> str:
    """A piece of a vocabulary of bytes as the letters it stands for; bytes that are a part of a letter in angle brackets.

    Examples:
        >>> readable("Ġof"), readable("Ã©"), readable("Ċ"), readable("æĹ"), readable("<|endoftext|>")
        ('␣of', 'é', '↵', '<E6><97>', '<|endoftext|>')
    """
    if not all(sign in BYTE_OF for sign in piece):
        return piece
    text = bytes(BYTE_OF[sign] for sign in piece).decode("utf-8", "surrogateescape")
    return HALF.sub(lambda half: f"<{ord(half.group()) - 0xDC00:02X}>", text.translate(SIGNS))


def is_part(piece: str) -> bool:
    """Whether a piece of a vocabulary of bytes holds bytes that are a part of a letter."""
    try:
        bytes(BYTE_OF.get(sign, 0) for sign in piece).decode("utf-8")
    except UnicodeDecodeError:
        return True
    return False


@dataclass(frozen=True)
class Token(Record):
    """One piece that the model reads.

    Attributes:
        piece: as the tokenizer writes it: ``"##ing"``, ``"Ġcat"``, ``"▁cat"``.
        id: its number.
        special: whether the tokenizer put it there ([CLS], [SEP] ...).
        start: first character in its text; None for special ones.
        end: character after its last.
        second: whether it belongs to the second text.
        begins_word: whether a word begins here.
    """

    piece: str
    id: int
    special: bool
    start: int | None
    end: int | None
    second: bool
    begins_word: bool


@dataclass(frozen=True)
class Place(Record):
    """Parameters of one part of the model, by what they do; tied weights count where they come first.

    Attributes:
        name: ``"embeddings"``, ``"layer 3"``, ``"head"`` ...
        attention: in attention.
        feed_forward: in the feed-forward network.
        norms: in normalisation.
        other: tables of embeddings, and whatever is none of these.
    """

    name: str
    attention: int = 0
    feed_forward: int = 0
    norms: int = 0
    other: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.attention + self.feed_forward + self.norms + self.other


@dataclass(frozen=True)
class Shape(Record):
    """The shape of an output: what it is, its sizes, and what each of them counts."""

    name: str
    sizes: tuple[int, ...]
    axes: tuple[str, ...]


@dataclass(frozen=True)
class Guess(Record):
    """What a language model expects at one position.

    Attributes:
        position: of the token that is predicted; one past the last for what would follow the text.
        options: the likeliest pieces with their probabilities.
        actual: the piece that stands there; None for a mask and behind the end.
        probability: what the model gave to it.
        rank: its place among all pieces, from 1.
    """

    position: int
    options: tuple[tuple[str, float], ...]
    actual: str | None = None
    probability: float | None = None
    rank: int | None = None


@dataclass(frozen=True)
class Head(Record):
    """What one attention head does with this text, as means over the tokens that look.

    Attributes:
        layer: from 1.
        head: from 1.
        pattern: its name: the place that gets more than half of the attention, else ``"broad"`` or ``"mixed"``.
        previous: attention on the token before.
        next: on the token after.
        self_: on the token itself.
        first: on the first token.
        separator: on special tokens other than the first.
        entropy: how broadly it looks, 0 (one token) to 1 (all alike).
    """

    layer: int
    head: int
    pattern: Pattern
    previous: float
    next: float
    self_: float
    first: float
    separator: float
    entropy: float

    @property
    def share(self) -> float:
        """Attention on the place it is named for; how broadly it looks for the two patterns without a place."""
        return self.entropy if self.pattern in ("broad", "mixed") else float(getattr(self, "self_" if self.pattern == "self" else self.pattern))


@dataclass(frozen=True, eq=False)
class Inspection(Record):
    """What a model made of a text.

    Attributes:
        model: its name.
        architecture: its class in transformers.
        text: what it was given.
        pair: the second text, or None.
        tokens: T pieces, special ones included.
        cut: characters of the text and of the second that did not fit.
        max_tokens: most tokens it reads, None without a limit.
        causal: whether tokens see only themselves and what stands before them.
        reader: position of the token that the whole text is read from: the last of a causal model, else the class token (XLNet's is the last), else the first.
        places: its parameters, part by part; they sum up to all of them.
        tied: weights that are the same as others and counted once: ``"lm_head.weight = transformer.wte.weight"``.
        shapes: of its outputs.
        heads: one for each layer and head.
        attention: float32 (layers, heads, T, T): row looks at column.
        rollout: float32 (T, T): attention carried through all layers (Abnar and Zuidema, 2020).
        guesses: what a masked or causal language model expects; empty for others.
        guessed: how, as a sentence.
        labels: label and probability, likeliest first, where the model has labels.
        replaced: probability that a token was put there by a generator (ELECTRA), one for each.
        notes: what a reader should know.
        of_bytes: whether pieces are bytes, each written as a letter ("Ġ" for a blank): GPT-2's kind.
    """

    model: str
    architecture: str
    text: str
    pair: str | None
    tokens: tuple[Token, ...]
    cut: tuple[int, int]
    max_tokens: int | None
    causal: bool
    reader: int
    places: tuple[Place, ...]
    tied: tuple[str, ...]
    shapes: tuple[Shape, ...]
    heads: tuple[Head, ...]
    attention: Floats
    rollout: Floats
    guesses: tuple[Guess, ...] = ()
    guessed: str = ""
    labels: tuple[tuple[str, float], ...] = ()
    replaced: tuple[float, ...] = ()
    notes: tuple[str, ...] = ()
    of_bytes: bool = False

    def shown(self, piece: str) -> str:
        """A piece as people read it; as the tokenizer writes it where that is readable."""
        return readable(piece) if self.of_bytes else piece

    @property
    def layers(self) -> int:
        """How many layers have attention."""
        return len(self.attention)

    @property
    def parameters(self) -> int:
        """All parameters, tied ones once."""
        return sum(place.total for place in self.places)

    @property
    def perplexity(self) -> float | None:
        """Of the tokens that it expected or not: e to their mean surprise (of a masked model the pseudo-perplexity: Salazar et al., 2020); None where it predicts none."""
        known = [max(guess.probability, 1e-38) for guess in self.guesses if guess.probability is not None]
        return math.exp(-sum(map(math.log, known)) / len(known)) if known else None

    @property
    def perplexity_of(self) -> str:
        """What `perplexity` is of: this text, or as much of it as was read and predicted."""
        last = max((guess.position for guess in self.guesses if guess.probability is not None), default=0)
        own = [place for place, token in enumerate(self.tokens) if not token.special]
        predicted = sum(place <= last for place in own)
        return "this text" if predicted == len(own) and not any(self.cut) else f"the first {predicted:,} tokens"

    @property
    def reader_place(self) -> str:
        """Which token the whole text is read from, in words."""
        return {0: "the first token", len(self.tokens) - 1: "the last token"}.get(self.reader, f"token {self.reader + 1}")

    def head(self, layer: int, head: int) -> Head:
        """A head by its numbers, both from 1."""
        return next(one for one in self.heads if (one.layer, one.head) == (layer, head))

    def to_json(self) -> dict[str, Any]:
        """All of it as plain JSON types."""
        content = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("attention", "rollout")}
        return {**_plain(content), "attention": rounded(self.attention), "rollout": rounded(self.rollout)}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """The record that `to_json` wrote."""
        found = super().from_json(content)
        kinds = {"tokens": Token, "places": Place, "shapes": Shape, "guesses": Guess, "heads": Head}
        for name, kind in kinds.items():
            object.__setattr__(found, name, tuple(kind(**{key: _tuples(value) for key, value in one.items()}) for one in getattr(found, name)))
        for name in ("attention", "rollout"):
            object.__setattr__(found, name, np.array(getattr(found, name), dtype=np.float32))
        for name in ("cut", "tied", "labels", "replaced", "notes"):
            object.__setattr__(found, name, _tuples(getattr(found, name)))
        return found


@dataclass(frozen=True)
class Occurrence(Record):
    """The word in one sentence.

    Attributes:
        sentence: the sentence.
        start: first character of the word in it.
        end: character after its last.
        line: number of the sentence, from 1: of a file the line at which it begins, or the row where the format has no lines.
        cluster: number of its group, from 0.
        x: place on the map, 0 to 1.
        y: place on the map, 0 to 1.
    """

    sentence: str
    start: int
    end: int
    line: int
    cluster: int
    x: float
    y: float

    @property
    def form(self) -> str:
        """The word as it is written here."""
        return self.sentence[self.start : self.end]


@dataclass(frozen=True)
class Senses(Record):
    """One word in many sentences.

    Attributes:
        model: name of the model.
        word: the word.
        layers: which layers the vectors are from, in words.
        occurrences: where it stands; the places on the map are the two main directions (PCA).
        total: how many uses there are; more than `occurrences` where these were drawn from them by chance.
        clusters: how many groups of uses were found; 1 where they cannot be told apart.
        silhouette: how well the groups are told apart, -1 to 1 (Rousseeuw, 1987); None with one group.
        self_similarity: mean cosine of two uses (Ethayarajh, 2019); 1 for a static vector.
        baseline: mean cosine of two different words of these sentences: what a narrow space makes alike anyhow.
        context_share: share of the vectors' length (squared) that is not common to all uses.
        between_share: share of the spread of the uses that lies between the groups.
        explained: share of the spread that the map shows.
        static_neighbours: words nearest to the one static vector, with cosines.
        static_from: where that vector is from.
        central: one number of an occurrence for each group: the most typical use.
    """

    model: str
    word: str
    layers: str
    occurrences: tuple[Occurrence, ...]
    total: int
    clusters: int
    silhouette: float | None
    self_similarity: float
    baseline: float
    context_share: float
    between_share: float
    explained: float
    static_neighbours: tuple[tuple[str, float], ...]
    static_from: str
    central: tuple[int, ...]

    @property
    def forms(self) -> dict[str, int]:
        """The word as it is written, and how often, most frequent first."""
        counts = Counter(one.form for one in self.occurrences)
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))

    @property
    def seen(self) -> str:
        """How many uses were looked at, and of how many."""
        return plural(self.total, "use") if self.total == len(self.occurrences) else f"{len(self.occurrences):,} of {self.total:,} uses, drawn by chance"

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """The record that `to_json` wrote."""
        found = super().from_json(content)
        read: Any = found.occurrences
        object.__setattr__(found, "occurrences", tuple(Occurrence(**one) for one in read))
        for name in ("static_neighbours", "central"):
            object.__setattr__(found, name, _tuples(getattr(found, name)))
        return found


def rounded(numbers: Floats) -> Any:
    """An array as nested lists with four decimals."""
    return np.round(numbers.astype(np.float64), DECIMALS).tolist()


def _plain(content: Mapping[str, Any]) -> dict[str, Any]:
    return {"schema": SCHEMA} | {key: [asdict(one) if isinstance(one, Record) else one for one in value] if isinstance(value, tuple) else value for key, value in content.items()}


def _tuples(value: Any) -> Any:
    return tuple(_tuples(one) for one in value) if isinstance(value, list | tuple) else value
