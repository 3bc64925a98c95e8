"""The recipe `full`: every weight of the backbone is fine-tuned."""

from __future__ import annotations

from typing import Any, ClassVar

from ringsmith.adapt.finetune import FineTuned, FineTuning
from ringsmith.adapt.finetune_options import FineTuneOptions, FullOptions


class FittedFull(FineTuned):
    """A transformer of which every weight was fine-tuned."""

    recipe: ClassVar[str] = "full"
    kind: ClassVar[type[FineTuneOptions]] = FullOptions


class Full(FineTuning):
    """Everything moves."""

    name: ClassVar[str] = "full"
    fitted: ClassVar[type[FineTuned]] = FittedFull

    def prepare(self, module: Any) -> None:
        """Leave every weight free."""
