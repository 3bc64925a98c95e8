"""Made-up looks into models, without any model: what the page is tested with."""

from __future__ import annotations

import numpy as np

from ringsmith.inspection import Guess, Head, Inspection, Pattern, Place, Shape, Token

PATTERNS: tuple[Pattern, ...] = ("previous", "next", "self", "first", "separator", "broad", "mixed")
WORDS = ("<b>bank</b>", "שלום", "東京", "river", "a-very-long-word-that-nobody-would-ever-write-down", "&amp;")


def make_look(*, width: int = 14, layers: int = 3, heads: int = 4, kind: str = "masked") -> Inspection:
    """A look with nasty words; `kind` is what its head predicts."""
    rng = np.random.default_rng(0)
    weights = rng.random((layers, heads, width, width)) ** 6
    attention = (weights / weights.sum(-1, keepdims=True)).astype(np.float32)
    words = [WORDS[at % len(WORDS)] for at in range(width - 2)]
    text = " ".join(words)
    tokens, at = [Token("[CLS]", 101, True, None, None, False, True)], 0
    for number, word in enumerate(words):
        tokens.append(Token(f"##{word}" if number % 4 == 3 else word, 1000 + number, False, at, at + len(word), False, number % 4 != 3))
        at += len(word) + 1
    tokens.append(Token("[SEP]", 102, True, None, None, False, True))
    chances = rng.random(width)
    guesses = tuple(Guess(place, tuple((word, 0.2) for word in WORDS[:5]), tokens[place].piece, round(float(chances[place]), 6), 1 + place) for place in range(1, width - 1))
    described = tuple(
        Head(layer + 1, head + 1, PATTERNS[(layer * heads + head) % len(PATTERNS)], 0.6, 0.55, 0.7, 0.8, 0.9, 0.85) for layer in range(layers) for head in range(heads)
    )
    return Inspection(
        model="my <model>",
        architecture="BertForMaskedLM",
        text=text,
        pair=None,
        tokens=tuple(tokens),
        cut=(12, 0),
        max_tokens=512,
        causal=False,
        reader=0,
        places=(Place("embeddings", other=9_000), *(Place(f"layer {n + 1}", 400, 800, 16) for n in range(layers)), Place("head", norms=8, other=70)),
        tied=("cls.predictions.decoder.weight = bert.embeddings.word_embeddings.weight",),
        shapes=(
            Shape("token numbers", (1, width), ("batch", "sequence")),
            Shape("hidden states, 4 times", (1, width, 32), ("batch", "sequence", "hidden")),
            Shape("logits", (1, width, 30522), ("batch", "sequence", "vocabulary")),
        ),
        heads=described,
        attention=attention,
        rollout=attention.mean(axis=(0, 1)),
        guesses=guesses if kind == "masked" else (),
        guessed="each token was hidden in turn" if kind == "masked" else "",
        labels=(("good <one>", 0.9), ("bad", 0.1)) if kind == "labels" else (),
        replaced=tuple(round(float(chance), 6) for chance in chances) if kind == "replaced" else (),
        notes=("12 of 90 characters of the text were cut off.",),
    )
