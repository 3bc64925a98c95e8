"""Tiny random causal models on disk: a GPT-2, an XLNet and a Llama, each with a tokenizer made here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers
from backbones_tiny import byte_pairs, unigram

from ringsmith.catalogue import LocalModel, resolve

POSITIONS = 64
CAUSAL = ("gpt2", "xlnet", "llama")


def make_causal(kind: str, folder: Path, *, end: bool = True) -> LocalModel:
    """A random model of this family, saved; `end` says whether it knows a mark that ends a text."""
    torch.manual_seed(3)
    tokenizer: Any = unigram("$A <sep> <cls>:2", "$A <sep> $B:1 <sep>:1 <cls>:2", side="left") if kind == "xlnet" else byte_pairs(template=False)
    shared = {"vocab_size": len(tokenizer), "initializer_range": 0.4, "bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id if end else None}
    configs: dict[str, Any] = {
        "gpt2": lambda: transformers.GPT2Config(n_embd=32, n_layer=2, n_head=4, n_positions=POSITIONS, **shared),
        "xlnet": lambda: transformers.XLNetConfig(d_model=32, n_layer=2, n_head=4, d_inner=64, pad_token_id=0, **shared),
        "llama": lambda: transformers.LlamaConfig(
            hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=POSITIONS, pad_token_id=0, **shared
        ),
    }
    names = {"gpt2": "GPT2LMHeadModel", "xlnet": "XLNetLMHeadModel", "llama": "LlamaForCausalLM"}
    model = getattr(transformers, names[kind])(configs[kind]())
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return resolve(str(folder))
