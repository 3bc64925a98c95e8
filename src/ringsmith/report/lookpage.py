"""The page of `ringsmith inspect`: what a model made of a text, in pictures. One file, no script, nothing loaded.

Every map is drawn once, small, and shown again large where its link leads (CSS ``:target``), with the labels that all maps share.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ringsmith.inspection import PATTERNS, Guess, Head, Inspection, Pattern, Token, is_part
from ringsmith.report import heatmap, wording
from ringsmith.report.layout import elide
from ringsmith.report.page import templates
from ringsmith.report.write import write_text

DRAWN = 64
"""Tokens of a map: more would be too small to be seen."""
LETTERS = 14
KINDS = (("attention", "Attention"), ("feed_forward", "Feed-forward"), ("norms", "Norms"), ("other", "Tables and other"))
COLOURS: dict[Pattern, int] = {"previous": 0, "next": 5, "self": 3, "first": 1, "separator": 4, "broad": 2, "mixed": 8}
"""Colour of each pattern: one of the page's groups, or (8) the quiet ink."""
TELLING: tuple[Pattern, ...] = ("previous", "next", "self", "separator", "first")


@dataclass(frozen=True)
class Chip:
    """A token as it stands in a line of tokens.

    Attributes:
        text: the letters it stands for.
        token: all of it.
        shade: 0 to 8.
        value: what the shade says, as people read it.
    """

    text: str
    token: Token
    shade: int = 0
    value: str = ""


@dataclass(frozen=True)
class Map:
    """The attention of a head, drawn.

    Attributes:
        head: its summary.
        paths: shade and path of its cells.
    """

    head: Head
    paths: Sequence[tuple[int, str]]

    @property
    def name(self) -> str:
        """Its id on the page."""
        return f"L{self.head.layer}H{self.head.head}"

    @property
    def colour(self) -> int:
        """The group whose colour it has."""
        return COLOURS[self.head.pattern]


def write_look(path: Path, look: Inspection, *, version: str, asked: Sequence[Head] = ()) -> Path:
    """Write the page.

    Args:
        path: where to.
        look: what is shown.
        version: of Ringsmith.
        asked: heads that the reader asked for; they come first.

    Raises:
        MachineError: no permission, or the disk is full.
    """
    return write_text(path, render_look(look, version=version, asked=asked))


def render_look(look: Inspection, *, version: str, asked: Sequence[Head] = ()) -> str:
    """The whole HTML file."""
    environment = templates()
    heads = look.attention.shape[1]
    style = "".join(environment.get_template(name).render() for name in ("style.css", "wordmap.css", "inspect.css"))
    style += f".maps {{ max-width: min(60rem, {2 + 7 * heads}rem); }}"  # few heads are not blown up
    maps = [Map(head, heatmap.paths(look.attention[head.layer - 1, head.head - 1, :DRAWN, :DRAWN])) for head in look.heads]
    chips = chips_of(look)
    labels = [elide(chip.text, LETTERS) for chip in chips[:DRAWN]]
    wanted = [(one.layer, one.head) for one in (asked or telling(look.heads))]
    return environment.get_template("inspect.html").render(
        look=look,
        version=version,
        chips=chips,
        expected=expected(look),
        guesses=[(guess, named(look, guess, chips)) for guess in look.guesses],
        rollout=rolled(look),
        rollout_map=heatmap.paths(look.rollout[:DRAWN, :DRAWN]),
        maps=maps,
        rows=[maps[start : start + heads] for start in range(0, len(maps), heads)],
        telling=[one for one in maps if (one.head.layer, one.head.head) in wanted],
        asked=bool(asked),
        patterns=counted(look.heads),
        patterns_words=PATTERNS,
        colours=COLOURS,
        labels=labels,
        room=heatmap.label_room(labels),
        cell=heatmap.CELL,
        kinds=KINDS,
        widest=max(place.total for place in look.places),
        style=style,
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
    )


def chips_of(look: Inspection) -> list[Chip]:
    """The tokens in order, as the letters they stand for."""
    return [Chip(letters(look, token), token) for token in look.tokens]


def letters(look: Inspection, token: Token) -> str:
    """The letters of a text that a token stands for; the piece itself where it stands for none, or for a part of one."""
    if token.start is None or token.end is None or token.end <= token.start or (look.of_bytes and is_part(token.piece)):
        return look.shown(token.piece)
    return ((look.pair or "") if token.second else look.text)[token.start : token.end].strip() or look.shown(token.piece)


def rolled(look: Inspection) -> list[Chip]:
    """The tokens shaded by how much of each is in the token that the text is read from; the most among the others has the darkest shade."""
    weights = look.rollout[look.reader]
    most = float(np.delete(weights, look.reader).max(initial=1e-9))
    among = heatmap.shades((weights / most) ** 2)
    return [Chip(chip.text, chip.token, int(shade), wording.share(weight)) for chip, shade, weight in zip(chips_of(look), among, weights, strict=True)]


def expected(look: Inspection) -> list[Chip]:
    """The tokens shaded by how unexpected each was to the model, or (ELECTRA) how sure it is that it was put there."""
    if look.replaced:
        shades = heatmap.shades(np.array(look.replaced))
        return [Chip(chip.text, chip.token, int(shade), f"{100 * chance:.0f} %") for chip, shade, chance in zip(chips_of(look), shades, look.replaced, strict=True)]
    chance_of = {guess.position: guess.probability for guess in look.guesses if guess.probability is not None}
    if not chance_of:
        return []
    chips = []
    for place, chip in enumerate(chips_of(look)):
        chance = chance_of.get(place)
        chips.append(chip if chance is None else Chip(chip.text, chip.token, round(heatmap.SHADES * (1 - chance)), wording.share(chance)))
    return chips


def named(look: Inspection, guess: Guess, chips: Sequence[Chip]) -> str:
    """What stands at a guess's place."""
    if guess.position >= len(chips):
        return "what would follow"
    return chips[guess.position].text if guess.actual is not None else look.shown(look.tokens[guess.position].piece)


def telling(heads: Sequence[Head]) -> list[Head]:
    """The clearest head of each pattern that has a place; of a model without any, the least broad one."""
    found = [max((one for one in heads if one.pattern == pattern), key=lambda one: one.share, default=None) for pattern in TELLING]
    clear = [one for one in found if one is not None]
    return clear or [min(heads, key=lambda one: one.entropy)]


def counted(heads: Sequence[Head]) -> list[tuple[Pattern, int]]:
    """Patterns and how many heads have each, in the order of their description."""
    counts = Counter(head.pattern for head in heads)
    return [(pattern, counts[pattern]) for pattern in PATTERNS if counts[pattern]]
