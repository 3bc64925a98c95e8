"""Tiny random transformers of several families, built offline: real architectures, real files, nothing pre-trained."""

from __future__ import annotations

from pathlib import Path

import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from contracts.recipes import PLACES, WORDS
from ringsmith.catalogue import LocalModel, inspect_folder

HIDDEN, LAYERS, HEADS, LONGEST = 32, 2, 2, 64
SPREAD = 0.2
"""Standard deviation of the random weights: at the usual 0.02 so narrow a model hears nothing for a hundred steps."""
FAMILIES = ("bert", "distilbert", "gpt2", "roberta", "xlnet")
"""Those that the contracts are held against."""
OTHERS = ("deberta-v2", "electra", "modernbert", "mpnet")
"""Those that are made otherwise where a head reads the mean."""
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def tiny_model(family: str, folder: Path, **settings: float) -> LocalModel:
    """A random model of `family` saved in `folder` with a tokenizer over the toy's words, checked by the catalogue; `settings` change its config."""
    tokenizer = _tokenizer(family)
    config = _config(family, len(tokenizer))
    config.update(settings)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        transformers.AutoModel.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return inspect_folder(folder, name=f"tiny-{family}")


def _tokenizer(family: str) -> PreTrainedTokenizerFast:
    telling = {word for words, verb in WORDS.values() for word in [*words.split(), verb]}
    words = sorted(telling | set(" ".join(PLACES).split()) | {"I", "am", "and", "nothing"})
    vocabulary = {token: number for number, token in enumerate([*SPECIAL, *words])}
    backend = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    if family == "gpt2":
        return PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="[UNK]", eos_token="[SEP]", model_max_length=LONGEST)
    single, pair = ("$A [SEP] [CLS]", "$A [SEP] $B:1 [SEP]:1 [CLS]:2") if family == "xlnet" else ("[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1")
    backend.post_processor = processors.TemplateProcessing(single=single, pair=pair, special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    side = "left" if family == "xlnet" else "right"
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}
    inputs = ["input_ids", "attention_mask"] + (["token_type_ids"] if family == "bert" else [])
    return PreTrainedTokenizerFast(tokenizer_object=backend, padding_side=side, model_max_length=LONGEST, model_input_names=inputs, **names)


def _config(family: str, words: int) -> transformers.PretrainedConfig:
    wide = {"hidden_size": HIDDEN, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS, "intermediate_size": 2 * HIDDEN, "initializer_range": SPREAD}
    small = {"n_layer": LAYERS, "n_head": HEADS, "initializer_range": SPREAD}
    if family == "bert":
        return transformers.BertConfig(vocab_size=words, max_position_embeddings=LONGEST, pad_token_id=0, **wide)
    if family == "roberta":
        return transformers.RobertaConfig(vocab_size=words, max_position_embeddings=LONGEST + 1, pad_token_id=0, bos_token_id=2, eos_token_id=3, **wide)
    if family == "distilbert":
        named = {"dim": HIDDEN, "n_layers": LAYERS, "n_heads": HEADS, "hidden_dim": 2 * HIDDEN, "initializer_range": SPREAD}
        return transformers.DistilBertConfig(vocab_size=words, max_position_embeddings=LONGEST, pad_token_id=0, **named)
    if family == "electra":
        return transformers.ElectraConfig(vocab_size=words, max_position_embeddings=LONGEST, pad_token_id=0, embedding_size=HIDDEN // 2, **wide)
    if family == "deberta-v2":
        return transformers.DebertaV2Config(vocab_size=words, max_position_embeddings=LONGEST, pad_token_id=0, relative_attention=True, pos_att_type=["c2p", "p2c"], **wide)
    if family == "modernbert":
        wide["initializer_cutoff_factor"] = 3.0
        return transformers.ModernBertConfig(
            vocab_size=words, max_position_embeddings=LONGEST, pad_token_id=0, bos_token_id=2, eos_token_id=3, cls_token_id=2, sep_token_id=3, **wide
        )
    if family == "mpnet":
        return transformers.MPNetConfig(vocab_size=words, max_position_embeddings=LONGEST + 1, pad_token_id=0, **wide)
    if family == "gpt2":
        return transformers.GPT2Config(vocab_size=words, n_positions=LONGEST, n_embd=HIDDEN, bos_token_id=3, eos_token_id=3, **small)
    return transformers.XLNetConfig(vocab_size=words, d_model=HIDDEN, d_inner=2 * HIDDEN, pad_token_id=0, bos_token_id=2, eos_token_id=3, **small)
