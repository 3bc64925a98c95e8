"""The encoder-decoder Transformer of 2017 (Vaswani et al., "Attention is all you need"), as transformers' own `MarianMTModel`.

Of transformers' encoder-decoders Marian's is the paper's: normalisation behind each sum (section 3.1), ReLU between the two products of the
feed-forward part (3.3), one matrix of vectors for both inputs and the output layer, times the root of the width at the inputs (3.4), sines and
cosines for positions (3.5), dropout of each part's output and of the inputs, none within attention (5.4). Its sines come first and its cosines
behind them, where the paper has them in turns: the same numbers in another order, which the first products learn in any order.

Weights begin as the paper's own code has them: Glorot's (2010) for products, N(0, 1 / width) for the pieces' vectors.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import transformers
from torch import nn

from ringsmith.adapt.dropout import PooledDropout
from ringsmith.backbones.chance import own_chance
from ringsmith.pretrain.joint import END, PAD, START
from ringsmith.pretrain.shapes import Shape

BEAMS = 4
LENGTH_PENALTY = 0.6
"""Beam search of the paper (section 6.1)."""
SHORT, SHORT_IN_LOW = 128, 512
"""Pieces of the longest text for which plain products attend on a CPU, in float32 and in bfloat16. For longer ones torch's fused kernel takes far less
memory, and in float32 less time (LOG.md)."""


def create_transformer(shape: Shape, vocabulary: int, *, dropout: float, seed: int) -> Any:
    """The model with random weights; the global generator is left as it was.

    Args:
        shape: blocks of the encoder, and as many of the decoder.
        vocabulary: number of pieces.
        dropout: share left out of each part's output while training.
        seed: of the weights.
    """
    config = transformers.MarianConfig(
        vocab_size=vocabulary,
        decoder_vocab_size=vocabulary,
        d_model=shape.hidden,
        encoder_layers=shape.layers,
        decoder_layers=shape.layers,
        encoder_attention_heads=shape.heads,
        decoder_attention_heads=shape.heads,
        encoder_ffn_dim=shape.feed_forward,
        decoder_ffn_dim=shape.feed_forward,
        max_position_embeddings=shape.length,
        activation_function="relu",
        dropout=dropout,
        attention_dropout=0.0,
        activation_dropout=0.0,
        scale_embedding=True,
        share_encoder_decoder_embeddings=True,
        tie_word_embeddings=True,
        pad_token_id=PAD,
        bos_token_id=START,
        eos_token_id=END,
        decoder_start_token_id=START,
        forced_eos_token_id=None,
    )
    with own_chance(seed):
        module = transformers.MarianMTModel(config)
        _draw(module)
    settings: Any = transformers.GenerationConfig
    module.generation_config = settings(
        num_beams=BEAMS,
        length_penalty=LENGTH_PENALTY,
        max_length=shape.length,
        pad_token_id=PAD,
        bos_token_id=START,
        eos_token_id=END,
        decoder_start_token_id=START,
        bad_words_ids=[[PAD], [START]],
    )
    return module


def count_parameters(shape: Shape, vocabulary: int) -> int:
    """Numbers of such a model that are trained: the pieces' vectors; three attentions, two feed-forward parts and five normalisations for each layer."""
    h, f = shape.hidden, shape.feed_forward
    return vocabulary * h + shape.layers * (3 * 4 * (h * h + h) + 2 * (2 * h * f + f + h) + 5 * 2 * h)


def _draw(module: Any) -> None:
    """Random weights as the paper's code has them; the vector of the padding stays zero."""
    for part in module.modules():
        if isinstance(part, nn.Linear) and part is not module.lm_head:
            nn.init.xavier_uniform_(part.weight)
            nn.init.zeros_(part.bias)
    table = module.get_input_embeddings().weight
    nn.init.normal_(table, std=1 / math.sqrt(table.shape[1]))
    with torch.no_grad():
        table[PAD].zero_()


@contextmanager
def eased(module: Any, *, low_precision: bool) -> Iterator[None]:
    """Within the block the model trains faster on a CPU and learns the same; behind it, it is as it was.

    - Dropout takes its masks out of a pool (`adapt/dropout.py`), in hooks where the blocks would call it.
    - In low precision what runs from block to block is in it too; else every product copies its input from float32 first.
    - Attention by plain products, which rows of a few dozen pieces are faster with, and which stay in low precision; not where texts may be long:
      their tables of each piece with each grow with the square of that.

    Together 1.25 times as many tokens a second on one core (LOG.md).
    """
    if module.device.type != "cpu":
        yield
        return
    dtype = torch.bfloat16 if low_precision else torch.float32
    stacks = [module.model.encoder, module.model.decoder]
    blocks = [block for stack in stacks for block in stack.layers]
    drop, attends = PooledDropout(module.config.dropout, {}, dtype), module.config._attn_implementation
    drop.train()
    hooks = [stack.layers[0].register_forward_pre_hook(lambda block, given: (_drop_in(drop, block, given[0].to(dtype)), *given[1:])) for stack in stacks]
    for block in blocks:
        parts = [block.self_attn, block.fc2, *([block.encoder_attn] if hasattr(block, "encoder_attn") else [])]
        hooks += [part.register_forward_hook(lambda part, _, made: _drop_out(drop, part, made)) for part in parts]
    for part in (*stacks, *blocks):
        part.dropout = 0.0
    if module.config.max_position_embeddings <= (SHORT_IN_LOW if low_precision else SHORT):
        module.set_attn_implementation("eager")
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
        for part in (*stacks, *blocks):
            part.dropout = module.config.dropout
        module.set_attn_implementation(attends)


def _drop_in(drop: nn.Module, part: nn.Module, given: torch.Tensor) -> torch.Tensor:
    found: torch.Tensor = drop(given) if part.training else given
    return found


def _drop_out(drop: nn.Module, part: nn.Module, made: Any) -> Any:
    """What a part gives, some of it left out; attention gives its weights as well."""
    return (_drop_in(drop, part, made[0]), *made[1:]) if isinstance(made, tuple) else _drop_in(drop, part, made)
