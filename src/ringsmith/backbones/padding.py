"""Whether a model honours the attention mask.

Of some the padding gets into the vectors of the tokens: FNet mixes all places, the convolutions of ConvBERT and Nyströmformer mix neighbours. Their rows
share a batch only with rows of the same length, so that there is no padding. (In training there is: batches of similar length have little of it.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ringsmith.backbones.pooling import CLS_AT_END
from ringsmith.backbones.samples import CALIBRATION
from ringsmith.backbones.tokens import Tokeniser, pad_batch

HONOURS_MASK = {
    "albert", "bart", "bert", "bloom", "camembert", "deberta-v2", "distilbert", "electra", "gemma", "gemma2", "gemma3_text", "gpt2", "gpt_neo", "gpt_neox",
    "llama", "mistral", "modernbert", "mpnet", "mt5", "opt", "qwen2", "qwen3", "roberta", "t5", "xlm-roberta", "xlnet",
}  # fmt: skip
"""Families (``model_type``) that need not be tried: the common ones, and those whose models are so large that a forward takes seconds. The tests try them."""
SHORT, LONG = min(CALIBRATION, key=len), CALIBRATION[0]
LIMIT = 1e-3
"""Most that a vector may move, as a share of its length: rounding moves it by 1e-6, the padding of families that mix it in by 1e-2 and more."""
Vectors = Callable[[Sequence[str]], npt.NDArray[np.float32]]
"""Texts through the model, all in one batch: (n, ..., d)."""


def check_padding(tokeniser: Tokeniser, module: Any, vectors: Vectors) -> Tokeniser:
    """The tokeniser, told whether only rows of one length may share a batch: a short text is tried alone and beside a longer one."""
    if module.config.model_type in HONOURS_MASK:
        return tokeniser
    alone, padded = vectors([SHORT])[0], vectors([SHORT, LONG])[0]
    moved = np.linalg.norm(padded - alone, axis=-1) > LIMIT * np.linalg.norm(alone, axis=-1)
    return replace(tokeniser, one_length=bool(np.any(moved)))


def check_padding_by_scores(tokeniser: Tokeniser, module: Any) -> Tokeniser:
    """The same for a model with a classification head, in evaluation mode."""

    def scores(texts: Sequence[str]) -> npt.NDArray[np.float32]:
        batch = pad_batch(tokeniser(texts), np.arange(len(texts)), tokeniser.pad_id, left=module.config.model_type in CLS_AT_END)
        with torch.inference_mode():
            found = module(**{name: tensor.to(module.device) for name, tensor in batch.items()}).logits
        return np.asarray(found.float().cpu().numpy(), dtype=np.float32)

    return check_padding(tokeniser, module, scores)
