"""The weights of the last looks at a training, kept on disk so that a killed run has them too, and their mean.

Averaging them is worth most where the rate is still high at the end, as it is with equation 3 of Vaswani et al. (2017, section 6.1).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from ringsmith._files import disk_faults, written


class Looks:
    """Keeps the weights of the last `count` looks in `folder`.

    Args:
        folder: made when it is needed.
        identity: of the training: what another one left there is not taken.
        count: how many are kept.
    """

    def __init__(self, folder: Path, identity: str, count: int) -> None:
        self.folder, self.count = folder, count
        self.prefix = f"look-{identity[:12]}-"

    def keep(self, module: Any, progress: float) -> None:
        """Note the weights at this share of the plan; a look that is made again after a break takes its own place.

        Raises:
            MachineError: the disk refuses.
        """
        path = self.folder / f"{self.prefix}{progress:.9f}.safetensors"
        with disk_faults(path):
            self.folder.mkdir(parents=True, exist_ok=True)
            with written(path) as scratch:
                save_file({name: weight.detach().cpu().contiguous() for name, weight in module.named_parameters() if weight.requires_grad}, scratch)
        for old in self.paths()[: -self.count]:
            old.unlink(missing_ok=True)

    def paths(self) -> list[Path]:
        """The files, oldest first."""
        return sorted(self.folder.glob(f"{self.prefix}*.safetensors"))

    def mean(self) -> dict[str, torch.Tensor]:
        """The mean of the weights kept, by name; nothing where none are."""
        total: dict[str, torch.Tensor] = {}
        paths = self.paths()
        for path in paths:
            for name, weight in load_file(path).items():
                total[name] = total[name] + weight if name in total else weight
        return {name: weight / len(paths) for name, weight in total.items()}
