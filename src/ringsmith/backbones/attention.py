"""What a transformer makes of one text: its tokens, its attention, what its head says. Arrays come out; nothing is judged here.

Decisions:
- The head is the one that the folder was saved with, as its config names it; a folder without a head gives hidden states alone.
- Attention is computed the plain way (``attn_implementation="eager"``), which alone keeps its weights: float32, on the CPU, one text at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
import transformers
from transformers.models.auto import modeling_auto as auto

from ringsmith._wording import without_halves
from ringsmith.backbones.load import _quiet, read_body, read_tokeniser, read_weights, set_threads
from ringsmith.backbones.tokens import Tokeniser
from ringsmith.catalogue import LocalModel
from ringsmith.errors import ModelError, UsageError
from ringsmith.inspection import Token

HeadKind = Literal["none", "causal", "masked", "permuted", "labels", "token labels", "replaced"]
Floats = npt.NDArray[np.float32]
LONGEST = 512
"""Tokens that are looked at: attention is the square of them, for each head of each layer."""
EAGER: dict[str, Any] = {"attn_implementation": "eager"}


@dataclass(frozen=True, eq=False)
class Visible:
    """A model that can be looked into. Made by `load_visible`.

    Attributes:
        model: what lies on disk.
        module: the model with its head.
        tokeniser: texts -> token numbers.
        head: what its head predicts.
    """

    model: LocalModel
    module: Any
    tokeniser: Tokeniser
    head: HeadKind


@dataclass(frozen=True, eq=False)
class Seen:
    """What the model made of a text.

    Attributes:
        tokens: T pieces.
        cut: characters of the text and of the second that did not fit.
        inputs: what the model was given, one row.
        attention: float32 (layers, heads, T, T).
        hidden: shape of a layer's hidden states.
        states: how many hidden states there are.
        logits: float32, what the head gave, None without one.
    """

    tokens: tuple[Token, ...]
    cut: tuple[int, int]
    inputs: dict[str, torch.Tensor]
    attention: Floats
    hidden: tuple[int, ...]
    states: int
    logits: Floats | None


def load_visible(model: LocalModel, *, threads: int | None = None) -> Visible:
    """The model in `model.folder` with the head it was saved with.

    Raises:
        UsageError: it is no transformer.
        ModelError: no tokenizer, or weights that do not fit.
    """
    if model.kind != "transformer":
        raise UsageError(f"{model.name}: 'inspect' needs a transformer; this is {'a file of word vectors' if model.kind == 'vectors' else 'no model with weights'}. "
                         "For word vectors: ringsmith vectors nearest FILE WORD.")  # fmt: skip
    set_threads(threads)
    head = head_of(model.architecture)
    classes: dict[HeadKind, Any] = {
        "causal": transformers.AutoModelForCausalLM, "permuted": transformers.AutoModelForCausalLM, "masked": transformers.AutoModelForMaskedLM,
        "labels": transformers.AutoModelForSequenceClassification, "token labels": transformers.AutoModelForTokenClassification, "replaced": transformers.AutoModelForPreTraining,
    }  # fmt: skip
    module = read_body(model, EAGER) if head == "none" else read_weights(classes[head], model, EAGER, whole=True)
    module = module.eval().requires_grad_(False)
    return Visible(model, module, read_tokeniser(model, module, LONGEST), head)


def head_of(architecture: str) -> HeadKind:
    """What the head of an architecture predicts.

    Examples:
        >>> [head_of(f"{name}") for name in ("BertModel", "GPT2LMHeadModel", "BertForMaskedLM", "XLNetLMHeadModel", "ElectraForPreTraining", "BertForPreTraining")]
        ['none', 'causal', 'masked', 'permuted', 'replaced', 'masked']
    """
    if architecture == "XLNetLMHeadModel":
        return "permuted"
    if architecture == "ElectraForPreTraining":
        return "replaced"
    if architecture in auto.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES.values():
        return "none"
    kinds: tuple[tuple[HeadKind, Any], ...] = (
        ("causal", auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES),
        ("masked", auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES),
        ("labels", auto.MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES),
        ("token labels", auto.MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING_NAMES),
    )
    found = next((kind for kind, names in kinds if architecture in names.values()), None)
    return found or ("masked" if architecture == "BertForPreTraining" else "none")


def look(visible: Visible, text: str, pair: str | None = None) -> Seen:
    """One pass over a text (and a second one).

    Raises:
        ModelError: the architecture has no attention (Mamba, RWKV).
    """
    tokens, cut, inputs = read_tokens(visible, text, pair)
    with torch.inference_mode(), _quiet():
        output = visible.module(**inputs, output_attentions=True, output_hidden_states=True, return_dict=True)
    maps = [one for one in output.get("attentions") or () if one is not None]
    if not maps:
        raise ModelError(f"{visible.model.name}: 'inspect' needs attention, which {visible.model.architecture} does not give. Choose a model of the BERT or GPT kind.")
    states = output["hidden_states"]
    logits = None if visible.head == "none" else logits_of(output).numpy()
    return Seen(tokens, cut, inputs, torch.cat(maps).numpy(), tuple(states[0].shape), len(states), logits)


def logits_of(output: Any) -> torch.Tensor:
    """What the head gave; of several the one over the vocabulary."""
    found: torch.Tensor = output["prediction_logits"] if "prediction_logits" in output else output["logits"]
    return found.float()


def read_tokens(visible: Visible, text: str, pair: str | None) -> tuple[tuple[Token, ...], tuple[int, int], dict[str, torch.Tensor]]:
    """The tokens as people see them, the characters that were cut, and the tokens as the model is given them."""
    hf, limit = visible.tokeniser.hf, visible.tokeniser.max_tokens
    text, pair = without_halves(text), None if pair is None else without_halves(pair)
    with _quiet():
        read = hf(text, pair, truncation="longest_first", max_length=limit, return_tensors="pt", return_special_tokens_mask=True, return_offsets_mapping=hf.is_fast)
    ids = read["input_ids"][0].tolist() or [visible.tokeniser.empty_id]
    inputs = {name: read[name] for name in ("input_ids", "attention_mask", "token_type_ids") if name in read and name in (*hf.model_input_names, "input_ids")}
    if not read["input_ids"].shape[1]:
        inputs = {"input_ids": torch.tensor([ids])}
    pieces = [str(piece) for piece in hf.convert_ids_to_tokens(ids)]
    if not hf.is_fast:
        return tuple(Token(piece, number, number in hf.all_special_ids, None, None, False, True) for piece, number in zip(pieces, ids, strict=True)), (0, 0), inputs
    tokens = _placed(pieces, ids, read.encodings[0]) if read["input_ids"].shape[1] else (Token(pieces[0], ids[0], True, None, None, False, True),)
    return tokens, (_unread(text, tokens, second=False), _unread(pair or "", tokens, second=True)), inputs


def _placed(pieces: Sequence[str], ids: Sequence[int], encoding: Any) -> tuple[Token, ...]:
    """Pieces with their places in the texts."""
    tokens, before = [], None
    for piece, number, (start, end), which, word in zip(pieces, ids, encoding.offsets, encoding.sequence_ids, encoding.word_ids, strict=True):
        special = which is None
        tokens.append(Token(piece, number, special, None if special else start, None if special else end, which == 1, special or (which, word) != before))
        before = (which, word)
    return tuple(tokens)


def _unread(text: str, tokens: Sequence[Token], *, second: bool) -> int:
    """Characters behind the last token, blanks at the end not counted."""
    last = max((token.end or 0 for token in tokens if not token.special and token.second == second), default=0)
    return max(0, len(text.rstrip()) - last)
