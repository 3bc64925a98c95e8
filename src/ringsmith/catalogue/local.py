"""A model that lies on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["transformer", "vectors", "method", "endpoint"]


@dataclass(frozen=True)
class LocalModel:
    """A model's files, checked without loading them.

    Attributes:
        name: the name the user gave.
        folder: where its files lie; for word vectors the file itself; empty for a method.
        revision: commit hash of the hub's repository, None for a plain folder.
        licence: SPDX name or what the model's card says, None where unknown.
        weights_sha256: SHA-256 over its weight files, the identity of the weights.
        size_mb: size of the weight files.
        architecture: ``config.json``'s first architecture, ``"BertModel"``.
        layers: number of blocks.
        hidden: width of a token's vector.
        parameters: number of numbers in the weight files.
        max_tokens: longest input, None where the architecture has no limit.
        kind: a ``"transformer"``, word ``"vectors"``, a ``"method"``: nothing yet, vectors are trained by it on the user's own texts; or an ``"endpoint"``
            that is asked over the network, `folder` being its address.
        settings: what was said besides its name: an endpoint's prices and limits, words for labels. Never a key.
    """

    name: str
    folder: str
    revision: str | None
    licence: str | None
    weights_sha256: str
    size_mb: float
    architecture: str
    layers: int
    hidden: int
    parameters: int
    max_tokens: int | None
    kind: Kind = "transformer"
    settings: Mapping[str, Any] = field(default_factory=dict, hash=False)
