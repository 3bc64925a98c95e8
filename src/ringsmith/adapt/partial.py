"""The recipe `partial`: some layers of the backbone stay as they were pre-trained, the others are fine-tuned.

Frozen from below (as usual: lower layers are the more general ones, Yosinski et al., 2014), what the frozen layers make of each text never
changes: it is computed once and replayed (`replay.py`), and every step begins at the first layer that moves. The schedule is the slanted
triangle of ULMFiT (Howard and Ruder, 2018, eq. 3): a short linear rise (their ``cut_frac`` of 0.1 is `warm_up`) and a long linear fall.
What moves is fewer layers and goes further: its usual rate is twice that of `full` (LOG.md).
Their gradual unfreezing (a layer more each epoch) and discriminative rates (a factor of 2.6 a layer) were tried and are left out: they lost 1.9 and
3.8 points of accuracy on cr at the same highest rate, one seed (LOG.md).
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from typing import Any, ClassVar

import torch

from ringsmith.adapt.classifier import Feed
from ringsmith.adapt.finetune import FineTuned, FineTuning
from ringsmith.adapt.finetune_options import FineTuneOptions, PartialOptions
from ringsmith.adapt.fused import fused_layers
from ringsmith.adapt.recipe import Progress
from ringsmith.adapt.replay import KeptFeed, keep_states, restore
from ringsmith.adapt.stack import embeddings_of, layers_of, quieten
from ringsmith.records import Budget

SHARE = 0.3
"""Of the time left, this share may go into the states of the frozen layers."""
PACE = 0.1
"""The pace is judged when this share of the rows is done: the first batches are the slowest."""


class FittedPartial(FineTuned):
    """A transformer of which some layers were fine-tuned."""

    recipe: ClassVar[str] = "partial"
    kind: ClassVar[type[FineTuneOptions]] = PartialOptions


class Partial(FineTuning):
    """Freezes, replays what never changes, and puts the module back together."""

    name: ClassVar[str] = "partial"
    fitted: ClassVar[type[FineTuned]] = FittedPartial
    options: PartialOptions
    _remarks: tuple[str, ...] = ()

    def prepare(self, module: Any) -> None:
        """Freeze the layers and, where asked for, the embeddings."""
        layers, count = layers_of(module), self.options.count(module.config.num_hidden_layers)
        still = list(layers)[:count] if self.options.side == "lower" else list(layers)[len(layers) - count :]
        for weight in [*chain.from_iterable(layer.parameters() for layer in still), *(embeddings_of(module) if self.options.embeddings else [])]:
            weight.requires_grad_(False)

    def feeds(self, module: Any, train: Feed, valid: Feed, budget: Budget) -> tuple[Feed, Feed]:
        """The rows with what the frozen part makes of them, computed once."""
        self._remarks = ()
        count = self.options.count(module.config.num_hidden_layers) if self.options.side == "lower" else 0
        if not self.options.embeddings:
            return train, valid
        kept = self._keep(module, count, train, valid, budget) if self.options.replay else "that was asked for"
        if not isinstance(kept, str):
            return kept[0], kept[1]
        self._remarks = (f"The frozen layers were computed anew in every step: {kept}.",)
        quieten(module, count)
        return train, valid

    def _keep(self, module: Any, count: int, train: Feed, valid: Feed, budget: Budget) -> list[KeptFeed] | str:
        """The rows with their states; or why not."""
        layers, low = layers_of(module), self._precision().precision == "bfloat16"
        with fused_layers(module, list(layers)[:count], low=low):
            return keep_states(module, layers, count, (train, valid), torch.bfloat16 if low else torch.float32, self._in_time(budget))

    def remarks(self) -> tuple[str, ...]:
        """Why nothing was replayed, if so."""
        return self._remarks

    def finish(self, module: Any) -> Any:
        """The whole module."""
        restore(module)
        return module.requires_grad_(True)

    def _in_time(self, budget: Budget) -> Callable[[int, int], bool]:
        start, share = budget.used(), SHARE * budget.remaining()

        def go_on(done: int, total: int) -> bool:
            self.setting.report(Progress("freeze", done, total, "rows"))
            used = budget.used() - start
            return used <= share and (done < PACE * total or used * total <= share * done)

        return go_on
