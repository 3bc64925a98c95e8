"""A transformer in memory, ready to encode."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from ringsmith.backbones.flat import Unpadded
from ringsmith.backbones.tokens import Tokeniser
from ringsmith.catalogue import LocalModel


@dataclass(frozen=True, eq=False)
class Backbone:
    """A loaded transformer body (no head), its tokenizer, and how it runs here. Made by `load_backbone`.

    Attributes:
        model: what lies on disk: name, hashes, sizes.
        module: the body; its forward takes ``input_ids`` and ``attention_mask`` and gives hidden states.
        tokeniser: texts -> token numbers.
        device: ``"cpu"``, ``"cuda"`` or ``"mps"``.
        threads: CPU threads it runs with.
        precision: ``"float32"``, ``"bfloat16"`` or ``"int8"``: what the matrices are multiplied in; results are float32 always.
        precision_note: how that was chosen, as a sentence.
        layers: hidden states it gives, the embeddings among them.
        cls_at_end: whether its class token stands last (XLNet).
        flat: its forward without padding, where it is of BERT's kind and on the CPU; else None.
    """

    model: LocalModel
    module: nn.Module
    tokeniser: Tokeniser
    device: str
    threads: int
    precision: str
    precision_note: str
    layers: int
    cls_at_end: bool
    flat: Unpadded | None = None

    @property
    def max_tokens(self) -> int:
        """Longest row, special tokens included; the rest of a text is cut off."""
        return self.tokeniser.max_tokens

    @property
    def hidden(self) -> int:
        """Width of a vector."""
        return self.model.hidden

    @property
    def identity(self) -> str:
        """Hash of what its vectors come from: the weights, and the config, which says how many layers of them are used and what happens between these."""
        config: Any = self.module.config
        return hashlib.sha256(f"{self.model.weights_sha256}\0{config.to_json_string()}".encode()).hexdigest()

    def truncated_share(self, texts: Sequence[str], pairs: Sequence[str] | None = None) -> float:
        """Share of rows (0 to 1) of which the model does not see everything."""
        return float(self.tokeniser(texts, pairs).cut.mean()) if len(texts) else 0.0
