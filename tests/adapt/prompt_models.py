"""Tiny models whose weights are set by hand so that they know the toy's words, as large ones know the world's. Nothing is trained.

A vector has eight places: 0-2 what a word tells of the three labels, 3-5 the labels' own names, 6 "it follows", 7 nothing. One layer
looks at all tokens alike and adds what it sees to what the model will say.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from contracts.recipes import PLACES, WORDS
from ringsmith.catalogue import LocalModel, inspect_folder

LABELS = sorted(WORDS)
HIDDEN, LONGEST = 8, 128
FRAME = "Text : Second text Label Which label fits the ? Labels , . This is about none bad good"
TELLING = {word: number for number, label in enumerate(LABELS) for word in [*WORDS[label][0].split(), WORDS[label][1]]}


def words_tokenizer(*, pairs: bool = False) -> PreTrainedTokenizerFast:
    """A tokenizer of whole words over the toy and what prompts are made of; with `pairs` as an encoder's."""
    words = sorted(TELLING.keys() | set(" ".join(PLACES).split()) | set(FRAME.split()) | {"I", "am", "and", "nothing", *LABELS})
    backend = Tokenizer(models.WordLevel({token: number for number, token in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *words])}, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    if not pairs:
        return PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="[UNK]", eos_token="[SEP]")
    backend.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    inputs = ["input_ids", "attention_mask", "token_type_ids"]
    return PreTrainedTokenizerFast(tokenizer_object=backend, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]", model_input_names=inputs)


def random_causal(folder: Path, **settings: Any) -> LocalModel:
    """A random GPT-2 of two layers of 32."""
    tokenizer = words_tokenizer()
    shape = {"n_positions": LONGEST, "n_embd": 32, "n_layer": 2, "n_head": 2, "initializer_range": 0.2, "bos_token_id": 3, "eos_token_id": 3}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        return saved(transformers.GPT2LMHeadModel(transformers.GPT2Config(vocab_size=len(tokenizer), **{**shape, **settings})), tokenizer, folder)


def knowing_causal(folder: Path) -> LocalModel:
    """A GPT-2 that names the label whose words it has seen most."""
    tokenizer = words_tokenizer()
    config = transformers.GPT2Config(vocab_size=len(tokenizer), n_positions=LONGEST, n_embd=HIDDEN, n_layer=1, n_head=1, bos_token_id=3, eos_token_id=3)
    module = blank(transformers.GPT2LMHeadModel(config))
    block = module.transformer.h[0]
    with torch.no_grad():
        module.transformer.wte.weight.copy_(meanings(tokenizer))
        for number in range(3):
            block.attn.c_attn.weight[number, 2 * HIDDEN + number] = 1.0  # what was seen ...
            block.attn.c_proj.weight[number, 3 + number] = 50.0  # ... will be said
    return saved(module, tokenizer, folder)


def knowing_encoder(folder: Path) -> LocalModel:
    """A BERT whose vectors are what the words tell, the labels' names included."""
    tokenizer = words_tokenizer(pairs=True)
    module = blank(transformers.BertModel(_bert(tokenizer)))
    with torch.no_grad():
        table = meanings(tokenizer)
        table[:, :3] += table[:, 3:6]
        table[:, 3:6] = 0
        module.embeddings.word_embeddings.weight.copy_(table)
    return saved(module, tokenizer, folder)


def knowing_nli(folder: Path, names: Sequence[str] = ("contradiction", "neutral", "entailment")) -> LocalModel:
    """A BERT to which the sentence with a label follows from a text with that label's words."""
    tokenizer = words_tokenizer(pairs=True)
    config = _bert(tokenizer)
    config.id2label, config.label2id = dict(enumerate(names)), {name: number for number, name in enumerate(names)}
    module = blank(transformers.BertForSequenceClassification(config))
    layer, follows = module.bert.encoder.layer[0], next(number for number, name in enumerate(names) if name.lower().startswith("entail"))
    with torch.no_grad():
        module.bert.embeddings.word_embeddings.weight.copy_(meanings(tokenizer))
        for place in range(6):
            layer.attention.self.value.weight[place, place] = 1.0 if place < 3 else 1.5
            layer.attention.output.dense.weight[place, place] = 20.0
        layer.attention.self.value.weight[7, 7] = layer.attention.output.dense.weight[7, 7] = 20.0**0.5
        for number in range(3):
            layer.intermediate.dense.weight[number, [number, 3 + number]] = 1.0  # both the words and the name: gelu tells "and"
            layer.intermediate.dense.bias[number] = -1.9
            layer.output.dense.weight[6, number] = 20.0
        module.bert.pooler.dense.weight[6, 6] = 1.0
        module.classifier.weight[follows, 6] = 10.0
    return saved(module, tokenizer, folder)


def meanings(tokenizer: PreTrainedTokenizerFast) -> torch.Tensor:
    """What each token means, (tokens, 8)."""
    table = torch.zeros(len(tokenizer), HIDDEN)
    for word, number in TELLING.items():
        table[tokenizer.convert_tokens_to_ids(word), number] = 1.0
    for number, label in enumerate(LABELS):
        table[tokenizer.convert_tokens_to_ids(label), 3 + number] = 5.0
    table[tokenizer.convert_tokens_to_ids("nothing"), 7] = 1.0
    return table


def blank(module: Any) -> Any:
    """The module with all weights 0, but for the scales of its norms."""
    with torch.no_grad():
        for name, weights in module.named_parameters():
            weights.fill_(1.0 if name.endswith("weight") and ("LayerNorm" in name or ".ln_" in name) else 0.0)
    return module


def saved(module: Any, tokenizer: PreTrainedTokenizerFast, folder: Path) -> LocalModel:
    """Both in `folder`, checked by the catalogue."""
    module.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return inspect_folder(folder, name=folder.name)


def _bert(tokenizer: PreTrainedTokenizerFast) -> transformers.BertConfig:
    shape = {"hidden_size": HIDDEN, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": HIDDEN}
    return transformers.BertConfig(vocab_size=len(tokenizer), max_position_embeddings=LONGEST, pad_token_id=0, **shape)
