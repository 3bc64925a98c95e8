"""A model trained to tell whether one sentence follows from another (NLI), asked whether a label's sentence follows from a text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import transformers

from ringsmith.backbones.batches import TOKENS_PER_BATCH, batches_by_tokens
from ringsmith.backbones.load import best_device, read_tokeniser, read_weights, set_threads
from ringsmith.backbones.padding import check_padding_by_scores
from ringsmith.backbones.tokens import Tokeniser, pad_batch
from ringsmith.catalogue import LocalModel, read_config

Floats = npt.NDArray[np.float32]
Report = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class EntailmentModel:
    """A loaded classifier of pairs of sentences. Made by `load_entailment`.

    Attributes:
        model: what lies on disk.
        module: the model with its head.
        tokeniser: pairs of texts -> token numbers.
        device: ``"cpu"``, ``"cuda"`` or ``"mps"``.
        entails: column of the logits that says "it follows".
        contradicts: column that says the opposite.
    """

    model: LocalModel
    module: Any
    tokeniser: Tokeniser
    device: str
    entails: int
    contradicts: int


def entailment_columns(model: LocalModel) -> tuple[int, int] | None:
    """The columns of "it follows" and of its opposite, as the config names them; None where the model is no NLI model.

    The opposite is the first or the last of the others, as in transformers' zero-shot pipeline.
    """
    names = read_config(Path(model.folder)).get("id2label")
    if not isinstance(names, dict) or len(names) < 2:
        return None
    found = [int(number) for number, name in names.items() if str(name).lower().startswith("entail")]
    return (found[0], len(names) - 1 if found[0] == 0 else 0) if found else None


def load_entailment(model: LocalModel, *, threads: int | None = None, device: str | None = None) -> EntailmentModel:
    """The NLI model in `model.folder`, in float32.

    Raises:
        ModelError: no tokenizer, or weights that do not fit, the head's included.
    """
    columns = entailment_columns(model)
    assert columns is not None, "asked for NLI models only"
    set_threads(threads)
    place = device or best_device()
    module = read_weights(transformers.AutoModelForSequenceClassification, model, {}, whole=True).to(place).eval().requires_grad_(False)
    return EntailmentModel(model, module, check_padding_by_scores(read_tokeniser(model, module), module), place, *columns)


def follows(nli: EntailmentModel, texts: Sequence[str], sentences: Sequence[str], *, report: Report | None = None) -> Floats:
    """Logits of "it follows" and of its opposite for each sentence after each text, float32 (n, K, 2); the text is cut first where both are too long."""
    tokens = nli.tokeniser([text for text in texts for _ in sentences], [sentence for _ in texts for sentence in sentences])
    out = np.empty((len(texts) * len(sentences), 2), dtype=np.float32)
    done = 0
    for batch in batches_by_tokens(tokens.lengths, TOKENS_PER_BATCH[nli.device], one_length=tokens.one_length):
        with torch.inference_mode():
            inputs = {name: tensor.to(nli.device) for name, tensor in pad_batch(tokens, batch, nli.tokeniser.pad_id).items()}
            out[batch] = nli.module(**inputs).logits[:, [nli.entails, nli.contradicts]].float().cpu().numpy()
        done += len(batch)
        if report is not None:
            report(done // max(len(sentences), 1), len(texts))
    return out.reshape(len(texts), len(sentences), 2)
