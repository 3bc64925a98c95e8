"""Model folders made with numpy and JSON alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

BERT = {"model_type": "bert", "architectures": ["BertModel"], "hidden_size": 8, "num_hidden_layers": 2, "max_position_embeddings": 64, "pad_token_id": 0}


def make_folder(folder: Path, config: dict[str, Any] | None = None, *, weights: bool = True) -> Path:
    """A folder that looks like a model: 32 + 5 float parameters and one integer tensor."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(BERT if config is None else config))
    if weights:
        tensors = {"embeddings": np.ones((4, 8), dtype=np.float32), "bias": np.ones(5, dtype=np.float16), "position_ids": np.arange(3, dtype=np.int64)}
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return folder
