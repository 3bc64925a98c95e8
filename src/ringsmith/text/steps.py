"""The ordered preparation of a text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class TextSteps:
    """Named steps, applied to a text one after the other; empty leaves it as it is."""

    names: tuple[str, ...] = ()

    def apply_all(self, texts: Sequence[str]) -> list[str]:
        """Every text prepared, in the same order."""
        if not self.names:
            return list(texts)
        raise NotImplementedError

    def to_json(self) -> list[str]:
        """The names, as saved with a model."""
        return list(self.names)

    @classmethod
    def from_json(cls, content: Sequence[str]) -> TextSteps:
        """The steps that `to_json` wrote."""
        return cls(tuple(content))
