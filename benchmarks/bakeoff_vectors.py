"""Vectors of words in their sentences, and how likely a model finds a text, through plain transformers.

A word's vector is the mean of its pieces' vectors in the last layer; a static word's is its own, zeros where it is unknown. Words behind the last
position of a model get zeros too, and are counted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import transformers

from ringsmith.words.files import open_vectors
from ringsmith.words.sentences import look_up

Floats = npt.NDArray[np.float32]
Sentences = Sequence[Sequence[str]]
PIECES_AT_ONCE = 8_192
MASKED = (transformers.BertForMaskedLM, transformers.RobertaForMaskedLM, transformers.DistilBertForMaskedLM, transformers.ModernBertForMaskedLM)


class StaticWords:
    """Word vectors from a file.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self.vectors = open_vectors(path)

    def encode(self, sentences: Sentences) -> list[Floats]:
        """(words, dim) for each sentence."""
        rows = look_up(self.vectors, [word for sentence in sentences for word in sentence])
        found = np.zeros((len(rows), self.vectors.dimensions), np.float32)
        found[rows >= 0] = self.vectors.decoded(rows[rows >= 0])
        return _divided(found, sentences)


class ContextualWords:
    """A transformer's last layer.

    Args:
        folder: model and tokenizer.
    """

    def __init__(self, folder: Path) -> None:
        self.tokeniser = transformers.AutoTokenizer.from_pretrained(folder)
        self.module = transformers.AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
        self.longest = self.tokeniser.model_max_length

    @torch.inference_mode()
    def encode(self, sentences: Sentences) -> list[Floats]:
        """(words, hidden) for each sentence."""
        texts = [" ".join(sentence) for sentence in sentences]
        read = self.tokeniser(texts, truncation=True, max_length=self.longest, return_offsets_mapping=True, return_special_tokens_mask=True)
        found = np.zeros((sum(map(len, sentences)), self.module.config.hidden_size), np.float32)
        starts = np.cumsum([0, *map(len, sentences)])
        for batch in _batches([len(ids) for ids in read["input_ids"]]):
            states = self._states([read["input_ids"][row] for row in batch])
            for row, state in zip(batch, states, strict=True):
                words = _words_of(sentences[row], read["offset_mapping"][row], read["special_tokens_mask"][row])
                _add_means(found[starts[row] : starts[row + 1]], words, state)
        return _divided(found, sentences)

    def _states(self, rows: list[list[int]]) -> Floats:
        """(n, length, hidden) of rows that are filled up at their ends."""
        longest = max(map(len, rows))
        pad = self.tokeniser.pad_token_id or 0
        ids = torch.tensor([row + [pad] * (longest - len(row)) for row in rows])
        mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])
        return self.module(input_ids=ids, attention_mask=mask)[0].float().numpy()


def word_vectors(place: Path) -> StaticWords | ContextualWords:
    """What encodes sentences: word vectors where the folder holds such a file, else a transformer."""
    file = place / "vectors.safetensors"
    return StaticWords(file) if file.exists() else ContextualWords(place)


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Rows of about one length together."""
    batch: list[int] = []
    for row in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and (len(batch) + 1) * max(1, lengths[row]) > PIECES_AT_ONCE:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def _words_of(sentence: Sequence[str], offsets: Sequence[tuple[int, int]], special: Sequence[int]) -> list[int]:
    """For each piece the number of its word; -1 for pieces that stand for no text. A blank belongs to the word behind it."""
    word_of = [number for number, word in enumerate(sentence) for _ in range(len(word) + (number > 0))]
    places = [word_of[end - 1] if end else 0 for _, end in offsets]
    return [-1 if is_special or begin == end else place for (begin, end), place, is_special in zip(offsets, places, special, strict=True)]


def _add_means(out: Floats, words: Sequence[int], states: Floats) -> None:
    """The mean of each word's pieces, into `out` (words, hidden)."""
    there = np.array([place for place, word in enumerate(words) if word >= 0], dtype=np.int64)
    of = np.array([words[place] for place in there], dtype=np.int64)
    np.add.at(out, of, states[there])
    counts = np.bincount(of, minlength=len(out)) if len(of) else np.zeros(len(out))
    out /= np.maximum(1, counts)[:, None].astype(np.float32)


def _divided(rows: Floats, sentences: Sentences) -> list[Floats]:
    return np.split(rows, np.cumsum([len(sentence) for sentence in sentences])[:-1])


@torch.inference_mode()
def likelihoods(folder: Path, texts: Sequence[str]) -> list[tuple[float, int, int]] | None:
    """For each text the log likelihood in nats, its pieces and its bytes; None for a model that tells none.

    Of a causal model the likelihood of the text (each piece from those before it); of the others the pseudo-likelihood (Salazar et al., 2020): each
    piece from all others, one hidden at a time. These two are no figures of one kind: a pseudo-likelihood is no probability of the text.
    """
    config = transformers.AutoConfig.from_pretrained(folder)
    kind = next((kind for kind in (transformers.GPT2LMHeadModel, transformers.XLNetLMHeadModel, *MASKED) if kind.__name__ in config.architectures), None)
    if kind is None:
        return None
    tokeniser, module = transformers.AutoTokenizer.from_pretrained(folder), kind.from_pretrained(folder, dtype=torch.float32).eval()
    told = _causal if kind is transformers.GPT2LMHeadModel else _permuted if kind is transformers.XLNetLMHeadModel else _masked
    return [_one(told, module, tokeniser, text) for text in texts]


def _one(told: Callable[..., float], module: Any, tokeniser: Any, text: str) -> tuple[float, int, int]:
    read = tokeniser(text, return_special_tokens_mask=True)
    ids, special = torch.tensor(read["input_ids"]), read["special_tokens_mask"]
    if len(ids) >= tokeniser.model_max_length:
        raise ValueError(f"a text of {len(ids)} pieces does not fit into {tokeniser.model_max_length}")
    places = torch.tensor([place for place, is_special in enumerate(special) if not is_special or told is _causal])
    return told(module, tokeniser, ids, places), len(places), len(text.encode())


def _causal(module: Any, tokeniser: Any, ids: torch.Tensor, _places: torch.Tensor) -> float:
    whole = torch.cat([torch.tensor([tokeniser.bos_token_id]), ids])
    return _sum(module(input_ids=whole[None, :-1]).logits[0], whole[1:])


def _masked(module: Any, tokeniser: Any, ids: torch.Tensor, places: torch.Tensor) -> float:
    rows = ids.repeat(len(places), 1)
    each = torch.arange(len(places))
    rows[each, places] = tokeniser.mask_token_id
    return _sum(module(input_ids=rows).logits[each, places], ids[places])


def _permuted(module: Any, _tokeniser: Any, ids: torch.Tensor, places: torch.Tensor) -> float:
    """The piece comes last in the order: it sees all others, and nobody sees it."""
    count, length = len(places), len(ids)
    each = torch.arange(count)
    order, target = torch.zeros(count, length, length), torch.zeros(count, 1, length)
    order[each, :, places] = 1
    target[each, 0, places] = 1
    return _sum(module(input_ids=ids.repeat(count, 1), perm_mask=order, target_mapping=target).logits[:, 0], ids[places])


def _sum(scores: torch.Tensor, wanted: torch.Tensor) -> float:
    found = float(torch.log_softmax(scores.float(), -1).gather(-1, wanted[:, None]).sum())
    assert math.isfinite(found)
    return found
