"""A tiny Transformer with random weights on disk, whose translations are nonsense but differ from text to text."""

from __future__ import annotations

from pathlib import Path

import torch

from ringsmith.pretrain.joint import train_joint_vocabulary
from ringsmith.pretrain.shapes import Shape
from ringsmith.pretrain.transformer import create_transformer

TEXTS = ("the cat sat on the mat.", "the dog ran to the door!", "a bird sang.", "Tom's here, isn't he?", "le chat est là.")


def make_translator(folder: Path, *, length: int = 24) -> Path:
    """A model folder as `pretrain` leaves it, without its manifest."""
    tokeniser = train_joint_vocabulary(TEXTS, 120, length=length)
    module = create_transformer(Shape(1, 32, 4, 64, length), len(tokeniser), dropout=0.0, seed=3)
    with torch.no_grad():
        for weight in module.parameters():
            weight.mul_(2 if weight.requires_grad and weight.ndim > 1 else 1)
    module.save_pretrained(folder)
    tokeniser.save_pretrained(folder)
    return folder
