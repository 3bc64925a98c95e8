"""A toy to learn to translate: letters in the opposite order."""

from __future__ import annotations

import random

from ringsmith.pretrain.parallel import Pairs, Parts, split_pairs


def turned_pairs(count: int = 900, seed: int = 0) -> Parts:
    """Texts of two to five letters, each beside the same letters from the last to the first."""
    draw = random.Random(seed)
    texts = sorted({" ".join(draw.choices("abcdefgh", k=draw.randint(2, 5))) for _ in range(count)})
    return split_pairs(Pairs(tuple(texts), tuple(" ".join(reversed(text.split())) for text in texts)), valid=60, test=60)
