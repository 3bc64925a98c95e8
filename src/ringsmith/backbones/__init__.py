"""CATALOGUE ENTRY -> TRANSFORMER: loading, tokens, and the one fast forward.

Imports torch and transformers only when a name is asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from ringsmith._optional import require

if TYPE_CHECKING:
    from ringsmith.backbones.backbone import Backbone
    from ringsmith.backbones.batches import batches_by_tokens
    from ringsmith.backbones.classifier import load_classifier, save_classifier
    from ringsmith.backbones.encoding import Encoded, encode, encode_with_facts
    from ringsmith.backbones.load import load_backbone
    from ringsmith.backbones.tokens import Tokeniser, Tokens, pad_batch

_HOMES = {
    "Backbone": "backbone",
    "Encoded": "encoding",
    "Tokeniser": "tokens",
    "Tokens": "tokens",
    "batches_by_tokens": "batches",
    "encode": "encoding",
    "encode_with_facts": "encoding",
    "load_backbone": "load",
    "load_classifier": "classifier",
    "pad_batch": "tokens",
    "save_classifier": "classifier",
}
__all__ = [
    "Backbone", "Encoded", "Tokeniser", "Tokens", "batches_by_tokens", "encode", "encode_with_facts", "load_backbone", "load_classifier", "pad_batch", "require_transformers",
    "save_classifier",
]  # fmt: skip


def require_transformers(purpose: str) -> None:
    """Refuse in one sentence where torch and transformers are not installed; loads neither.

    Raises:
        MissingExtra: says which extra brings them.
    """
    require("torch", purpose=purpose)
    require("transformers", purpose=purpose)


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
