"""Texts longer than a model takes, read whole: cut into windows between words, encoded each, and pooled to one vector.

Of a news article of 900 tokens a model that takes 256 sees a quarter. Read in windows, frozen MiniLM told false news from true ones in 77 of 100 cases
instead of 71 (LOG.md).

Decisions:
- The windows of a text are of about one length: a last one of three words would count for as much as a whole one.
- They end between words, and never hold more than the model takes.
- A text that fits is encoded as it is: its vector does not change.
- After `MOST_WINDOWS` windows a text is cut, so that a cell of 10 MB costs what sixteen rows cost.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ringsmith._wording import without_halves
from ringsmith.backbones.backbone import Backbone
from ringsmith.backbones.encoding import Floats, Layers, Report, encode
from ringsmith.backbones.pooling import Pooling
from ringsmith.backbones.tokens import CHARACTERS_PER_TOKEN, Tokeniser
from ringsmith.records import Rows

MOST_WINDOWS = 16
BLOCK_TEXTS = 1_024
"""Texts whose windows are in memory at a time."""


@dataclass(frozen=True, eq=False)
class Windows:
    """n texts in m >= n parts that a model takes whole.

    Attributes:
        parts: the windows of the first text, of the second ...
        starts: int64 (n + 1,): the windows of text i are ``parts[starts[i]:starts[i + 1]]``.
        weights: float32 (m,), a window's share of its text's tokens.
        cut: bool (n,), whether something of the text is in no window.
    """

    parts: Sequence[str]
    starts: Rows
    weights: Floats
    cut: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.starts) - 1

    def block(self, first: int, last: int) -> Windows:
        """The texts from `first` to before `last`."""
        begin, end = self.starts[first], self.starts[last]
        return Windows(self.parts[begin:end], self.starts[first : last + 1] - begin, self.weights[begin:end], self.cut[first:last])

    def mean(self, vectors: Floats) -> Floats:
        """Vectors (m, ...) of the windows as vectors (n, ...) of the texts: their means, weighted by tokens."""
        weighted = vectors * self.weights.reshape(-1, *[1] * (vectors.ndim - 1))
        return np.asarray(np.add.reduceat(weighted, self.starts[:-1], axis=0)) if len(self) else vectors


def encode_windows(backbone: Backbone, windows: Windows, *, layers: Layers = "all", pooling: Pooling = "mean", cache: bool = True, report: Report | None = None) -> Floats:
    """One vector for each text and layer, float32 (n, L, hidden), of all that its windows hold; the arguments are those of `encode`."""
    out = np.empty((len(windows), backbone.layers if layers == "all" else 1, backbone.hidden), dtype=np.float32)
    for first in range(0, len(windows), BLOCK_TEXTS):
        block = windows.block(first, min(first + BLOCK_TEXTS, len(windows)))

        def told(done: int, total: int, first: int = first, size: int = len(block)) -> None:
            if report is not None:
                report(first + done * size // total, len(windows))

        out[first : first + len(block)] = block.mean(encode(backbone, block.parts, layers=layers, pooling=pooling, cache=cache, report=told))
    return out


def split_long(tokeniser: Tokeniser, texts: Sequence[str]) -> Windows:
    """Every text in as few windows of about one length as hold it, at most `MOST_WINDOWS`.

    A text is its own window where it fits, or where the tokenizer (one written in Python) does not say which characters its tokens stand for.
    """
    texts = list(map(without_halves, texts))
    cut = tokeniser(texts).cut.copy()
    parts: list[str] = []
    weights: list[float] = []
    starts = np.zeros(len(texts) + 1, dtype=np.int64)
    for row, text in enumerate(texts):
        found = _windows_of(tokeniser, text) if cut[row] and tokeniser.hf.is_fast else None
        own, sizes, cut[row] = ([text], [1], cut[row]) if found is None else found
        parts += own
        weights += [size / sum(sizes) for size in sizes]
        starts[row + 1] = len(parts)
    return Windows(parts, starts, np.array(weights, dtype=np.float32), cut)


def _windows_of(tokeniser: Tokeniser, text: str) -> tuple[list[str], list[int], bool] | None:
    """Windows of one text, their tokens, and whether something is left over; None where the model has no room for a window."""
    backend: Any = tokeniser.hf.backend_tokenizer
    room = tokeniser.max_tokens - backend.num_special_tokens_to_add(False)
    read = text[: MOST_WINDOWS * tokeniser.max_tokens * CHARACTERS_PER_TOKEN]
    with tokeniser.alone:
        backend.no_truncation()
        backend.no_padding()
        encoding = backend.encode(read, add_special_tokens=False)
        if room < 1 or not encoding.ids:
            return None
        parts, sizes, cut = _that_fit(backend, read, encoding, room)
    return parts, sizes, cut or len(read) < len(text)


def _that_fit(backend: Any, read: str, encoding: Any, room: int) -> tuple[list[str], list[int], bool]:
    """Windows, their tokens, and whether something is left over, or over the room still, as a single character may be.

    Read alone, a window may have more tokens than in its text: where it is cut within a word, the rest is made of others. Then all windows are made smaller.
    """
    size, over = room, 1
    while over > 0:
        spans = list(cut_between_words(encoding.word_ids[: MOST_WINDOWS * size], size))[:MOST_WINDOWS]
        ends = [encoding.offsets[last - 1][1] for _, last in spans]
        parts = [read[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]  # with the blank before a word: for GPT-2 it belongs to it
        over = max(len(alone.ids) for alone in backend.encode_batch(parts, add_special_tokens=False)) - room
        if size == 1:
            break
        size = max(1, size - over)
    return parts, [last - first for first, last in spans], over > 0 or ends[-1] < encoding.offsets[-1][1]


def cut_between_words(words: Sequence[int | None], room: int) -> Iterator[tuple[int, int]]:
    """Spans of at most `room` tokens, of about one length, each from the start of a word to the end of one; a longer word is cut.

    Args:
        words: for each token the number of the word it belongs to.
        room: most tokens of a span.

    Examples:
        >>> list(cut_between_words([0, 1, 1, 1, 2, 3, 4], 4))
        [(0, 4), (4, 7)]
        >>> list(cut_between_words([0] * 5, 3))
        [(0, 3), (3, 5)]
    """
    size = -(-len(words) // -(-len(words) // room))
    first = 0
    while first < len(words):
        yield first, (last := _end_of_word(words, first, min(first + size, len(words)), room))
        first = last


def _end_of_word(words: Sequence[int | None], first: int, last: int, room: int) -> int:
    """Where the span from `first` to about `last` ends: the next end of a word with room for it, else the one before, else `last`."""
    ends = [place for place in range(first + 1, min(first + room, len(words)) + 1) if place == len(words) or words[place] != words[place - 1]]
    return next((place for place in ends if place >= last), ends[-1] if ends else last)
