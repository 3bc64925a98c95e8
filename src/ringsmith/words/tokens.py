"""Texts as numbers of their words: cut once, then counted, trained on and averaged without being looked at again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from ringsmith._wording import without_halves
from ringsmith.errors import InputError
from ringsmith.text.tokenise import tokenise
from ringsmith.words.neighbours import Ints
from ringsmith.words.vocabulary import Vocabulary

Cut = Callable[[str], Sequence[str]]


@dataclass(frozen=True, eq=False)
class Tokens:
    """The tokens of n texts.

    Attributes:
        words: the U different tokens, in order of first occurrence.
        ids: (N,) int32, the tokens of all texts one after the other, as places in `words`.
        starts: (n + 1,) int64; text i is ``ids[starts[i]:starts[i + 1]]``, possibly empty.

    Examples:
        >>> tokens = read_tokens(["To be, or not to be", ""])
        >>> tokens.words, tokens.ids.tolist(), tokens.starts.tolist()
        (['To', 'be', ',', 'or', 'not', 'to'], [0, 1, 2, 3, 4, 5, 1], [0, 7, 7])
    """

    words: Sequence[str]
    ids: npt.NDArray[np.int32]
    starts: Ints

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def lengths(self) -> Ints:
        """(n,) tokens of each text."""
        return np.diff(self.starts)

    def block(self, first: int, last: int) -> Tokens:
        """The texts from `first` to before `last`, with all the words."""
        begin, end = self.starts[first], self.starts[last]
        return Tokens(self.words, self.ids[begin:end], self.starts[first : last + 1] - begin)

    def lowered(self) -> Tokens:
        """The same with every word in small letters; those that become one have one number."""
        small: dict[str, int] = {}
        numbers = np.fromiter((small.setdefault(word.lower(), len(small)) for word in self.words), dtype=np.int32, count=len(self.words))
        return Tokens(list(small), numbers[self.ids] if len(numbers) else self.ids, self.starts)


def read_tokens(texts: Iterable[str] | Iterable[Sequence[str]], cut: Cut | None = None) -> Tokens:
    """The tokens of texts, or of texts that are lists of tokens already.

    Args:
        texts: n strings, or n lists of tokens.
        cut: string -> tokens; None for `ringsmith.text`'s, with punctuation.

    Raises:
        InputError: a text is neither a string nor a list of strings.
    """
    cut = cut or partial(tokenise, punctuation=True)
    numbers: dict[str, int] = {}
    ids: list[int] = []
    starts = [0]
    for row, text in enumerate(texts):
        if not isinstance(text, str) and not (isinstance(text, Sequence) and all(isinstance(word, str) for word in text)):
            raise InputError(f"Text {row:,}: a text must be a string or a list of tokens; got {type(text).__name__}. Convert it, or leave it out.")
        ids.extend(numbers.setdefault(word, len(numbers)) for word in (cut(without_halves(text)) if isinstance(text, str) else text))
        starts.append(len(ids))
    return Tokens(list(numbers), np.array(ids, dtype=np.int32), np.array(starts, dtype=np.int64))


def vocabulary_of(tokens: Tokens, *, min_count: int = 1) -> tuple[Vocabulary, npt.NDArray[np.int32]]:
    """The words that occur at least `min_count` times, most frequent first, and for each word of `tokens` its number there, -1 for none."""
    counts = np.bincount(tokens.ids, minlength=len(tokens.words))
    order = np.argsort(-counts, kind="stable")
    kept = order[counts[order] >= min_count]
    numbers = np.full(len(tokens.words), -1, dtype=np.int32)
    numbers[kept] = np.arange(len(kept), dtype=np.int32)
    return Vocabulary(tuple(tokens.words[word] for word in kept.tolist()), counts[kept].astype(np.int64)), numbers
