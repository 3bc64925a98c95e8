"""Texts into token numbers: the same call for every tokenizer, without padding, truncated to what the model takes.

Decisions:
- Padding is ours, on the right, for every architecture: the attention mask tells the model, so a tokenizer without a pad token
  (GPT-2) or with padding on the left (XLNet) needs no branch anywhere else.
- The Rust tokenizer is called directly: the wrapper around it costs more than the work.
- A text far longer than the model takes is cut before it is tokenised, generously, so that a cell of 10 MB costs nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ringsmith._wording import without_halves
from ringsmith.errors import ModelError

CHARACTERS_PER_TOKEN = 32
"""A text is cut at this many characters for each token the model takes; only if too few tokens come out, it is read in full."""
SIDE_BY_SIDE = 2_048
"""Texts handed to the Rust tokenizer in one call."""


@dataclass(frozen=True, eq=False)
class Tokens:
    """n token sequences of different lengths, one after the other.

    Attributes:
        ids: int64 (total,), token numbers of all rows, special tokens included.
        types: int64 (total,), which text of a pair a token belongs to; None where the model does not ask.
        starts: int64 (n + 1,): row i is ``ids[starts[i]:starts[i + 1]]``.
        cut: bool (n,): whether something of the row did not fit.
        one_length: whether only rows of one length may share a batch; see `Tokeniser`.
    """

    ids: npt.NDArray[np.int64]
    types: npt.NDArray[np.int64] | None
    starts: npt.NDArray[np.int64]
    cut: npt.NDArray[np.bool_]
    one_length: bool = False

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Tokens of each row (n,); never 0."""
        return np.diff(self.starts)


@dataclass(frozen=True, eq=False)
class Tokeniser:
    """A model's tokenizer with what the model takes.

    Attributes:
        hf: transformers' tokenizer; `save_pretrained` writes it.
        max_tokens: longest row, special tokens included.
        pad_id: what fills a batch up; never seen by the model.
        empty_id: stands for a text without any token, where the tokenizer adds no special ones.
        types: whether the model asks for token types.
        vocabulary: token numbers must be below this.
        fingerprint: hash of the tokenizer's files.
        one_length: whether only rows of one length may share a batch, because the model mixes padding into its vectors (`padding.py`).
        alone: held by who sets how the Rust tokenizer truncates, until it is done: it remembers one setting for all threads.
    """

    hf: Any
    max_tokens: int
    pad_id: int
    empty_id: int
    types: bool
    vocabulary: int
    fingerprint: str = ""
    one_length: bool = False
    alone: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __call__(self, texts: Sequence[str], pairs: Sequence[str] | None = None) -> Tokens:
        """The tokens of each text (or pair of texts, the longer one cut first).

        Raises:
            ModelError: the tokenizer knows more tokens than the model.
        """
        read = _read_fast if self.hf.is_fast else _read_slow
        ids: list[list[int]] = []
        types: list[list[int]] = []
        cut: list[bool] = []
        for start in range(0, len(texts), SIDE_BY_SIDE):
            part = slice(start, start + SIDE_BY_SIDE)
            for row_ids, row_types, row_cut in read(self, list(map(without_halves, texts[part])), None if pairs is None else list(map(without_halves, pairs[part]))):
                ids.append(row_ids or [self.empty_id])
                types.append(row_types if row_ids else [0])
                cut.append(row_cut)
        starts = np.zeros(len(ids) + 1, dtype=np.int64)
        np.cumsum([len(row) for row in ids], out=starts[1:])
        kinds = _flatten(types, starts[-1]) if self.types else None
        return Tokens(self._flat(ids, starts[-1]), kinds, starts, np.array(cut, dtype=np.bool_), self.one_length)

    def unknown_share(self, tokens: Tokens) -> float:
        """Share (0 to 1) of these pieces that stand for anything the tokenizer does not know; 0 where it knows every letter or byte."""
        unknown = getattr(self.hf, "unk_token_id", None)
        others = {getattr(self.hf, f"{role}_token_id", None) for role in ("bos", "eos", "sep", "cls", "pad", "mask")}
        if unknown is None or unknown in others:  # of GPT-2's kind, which writes bytes
            return 0.0
        pieces = tokens.ids[~np.isin(tokens.ids, [number for number in others if number is not None])]
        return float((pieces == unknown).mean()) if len(pieces) else 0.0

    def _flat(self, ids: list[list[int]], total: int) -> npt.NDArray[np.int64]:
        flat = _flatten(ids, total)
        if len(flat) and flat.max() >= self.vocabulary:
            clash = f"the tokenizer made token {flat.max()}, and the model knows {self.vocabulary:,} tokens"
            raise ModelError(f"Model and tokenizer do not belong together: {clash}. Fetch or save both again.")
        return flat

    def save(self, folder: Path) -> None:
        """Write the tokenizer's files into `folder`, so that ``AutoTokenizer.from_pretrained(folder)`` finds them."""
        with self.alone:
            if self.hf.is_fast:
                self.hf.backend_tokenizer.no_truncation()
            self.hf.save_pretrained(folder)


def pad_batch(tokens: Tokens, rows: npt.NDArray[np.integer], pad_id: int, *, left: bool = False, multiple: int = 1) -> dict[str, torch.Tensor]:
    """The rows as rectangles (len(rows), longest): ``input_ids``, ``attention_mask`` and, where they are known, ``token_type_ids``.

    Padding stands on the right; with `left` on the left, for classifiers that read the very last position (XLNet's). The width is the next `multiple`, but
    never more than the longest of all rows has.
    """
    starts, lengths = tokens.starts[rows], tokens.lengths[rows]
    width = min(-(-int(lengths.max()) // multiple) * multiple, int(tokens.lengths.max()))
    filled = np.arange(width) < lengths[:, None]
    source = (starts[:, None] + np.arange(width))[filled]
    mask = filled[:, ::-1] if left else filled
    ids = np.full(mask.shape, pad_id, dtype=np.int64)
    ids[mask] = tokens.ids[source]
    batch = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(np.ascontiguousarray(mask, dtype=np.int64))}
    if tokens.types is not None:
        types = np.zeros(mask.shape, dtype=np.int64)
        types[mask] = tokens.types[source]
        batch["token_type_ids"] = torch.from_numpy(types)
    return batch


Row = tuple[list[int], list[int], bool]


def _read_fast(tokeniser: Tokeniser, texts: Sequence[str], pairs: Sequence[str] | None) -> list[Row]:
    backend = tokeniser.hf.backend_tokenizer
    limit = tokeniser.max_tokens * CHARACTERS_PER_TOKEN
    short = [text[:limit] for text in texts]
    inputs = short if pairs is None else list(zip(short, (pair[:limit] for pair in pairs), strict=True))
    rows = []
    with tokeniser.alone:
        backend.no_padding()
        backend.enable_truncation(tokeniser.max_tokens)
        for position, encoding in enumerate(backend.encode_batch_fast(inputs, add_special_tokens=True)):
            long = len(texts[position]) > limit or (pairs is not None and len(pairs[position]) > limit)
            if long and len(encoding.ids) < tokeniser.max_tokens:  # mostly blanks: 32 characters a token were not enough
                encoding = backend.encode(texts[position], None if pairs is None else pairs[position])
                long = False
            ids = encoding.ids
            cut = long or (len(ids) >= tokeniser.max_tokens and bool(encoding.overflowing))
            rows.append((ids, encoding.type_ids if tokeniser.types else [], cut))
    return rows


def _read_slow(tokeniser: Tokeniser, texts: Sequence[str], pairs: Sequence[str] | None) -> list[Row]:
    """A tokenizer written in Python: one text at a time, without truncation first to see whether any is needed."""
    rows = []
    for position, text in enumerate(texts):
        pair = None if pairs is None else pairs[position]
        full = tokeniser.hf(text, pair, truncation=False, verbose=False, return_token_type_ids=True)
        cut = len(full["input_ids"]) > tokeniser.max_tokens
        kept = tokeniser.hf(text, pair, truncation="longest_first", max_length=tokeniser.max_tokens, return_token_type_ids=True) if cut else full
        rows.append((list(kept["input_ids"]), list(kept["token_type_ids"]), cut))
    return rows


def _flatten(rows: list[list[int]], total: int) -> npt.NDArray[np.int64]:
    return np.fromiter((number for row in rows for number in row), dtype=np.int64, count=int(total))
