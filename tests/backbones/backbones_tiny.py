"""Tiny random models of every architecture, with tokenizers made here: what the contract is held against."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

WORDS = [
    "the",
    "a",
    "cat",
    "dog",
    "sat",
    "on",
    "mat",
    "under",
    "tree",
    "and",
    "ran",
    "home",
    "with",
    "friend",
    "fine",
    "day",
    "rain",
    "came",
    "late",
    "night",
    "they",
    "slept",
    "well",
    "no",
    "yes",
    "not",
    "very",
    "good",
    "bad",
    "so",
    "long",
]
LETTERS = list("abcdefghijklmnopqrstuvwxyz0123456789.,!?'-")
POSITIONS = 40


def wordpiece(*, lower: bool = True) -> transformers.PreTrainedTokenizerFast:
    """BERT's: [CLS] text [SEP] (pair [SEP])."""
    vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS, *(c for c in LETTERS if c not in WORDS), *(f"##{c}" for c in LETTERS)]
    tokenizer = Tokenizer(models.WordPiece({word: i for i, word in enumerate(vocab)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lower)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    special = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}
    return transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special)


def byte_pairs(*, template: bool) -> transformers.PreTrainedTokenizerFast:
    """GPT-2's, without any special token around a text and without padding; or RoBERTa's, with both."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"] if template else ["<|endoftext|>"]
    tokenizer = Tokenizer(models.BPE({token: i for i, token in enumerate([*special, *alphabet])}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    if not template:
        return transformers.PreTrainedTokenizerFast(
            tokenizer_object=tokenizer, bos_token=special[0], eos_token=special[0], unk_token=special[0], model_input_names=["input_ids", "attention_mask"]
        )
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    names = {"bos_token": "<s>", "pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>", "mask_token": "<mask>", "cls_token": "<s>", "sep_token": "</s>"}
    return transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_input_names=["input_ids", "attention_mask"], **names)


def unigram(single: str, pair: str, *, side: str = "right", types: bool = True) -> transformers.PreTrainedTokenizerFast:
    """SentencePiece's: XLNet (class token last, padding on the left), T5 (an end mark only), ALBERT and DeBERTa."""
    special = ["<pad>", "<unk>", "<cls>", "<sep>", "</s>", "<mask>"]
    pieces = [*special, "▁", *(f"▁{word}" for word in WORDS), *LETTERS]
    tokenizer = Tokenizer(models.Unigram([(piece, -float(i % 7) - 1) for i, piece in enumerate(pieces)], unk_id=1))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(single=single, pair=pair, special_tokens=[(name, i) for i, name in enumerate(special)])
    names = {"pad_token": "<pad>", "unk_token": "<unk>", "cls_token": "<cls>", "sep_token": "<sep>", "eos_token": "</s>", "mask_token": "<mask>"}
    inputs = ["input_ids", "token_type_ids", "attention_mask"] if types else ["input_ids", "attention_mask"]
    return transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, padding_side=side, model_input_names=inputs, **names)


Made = tuple[Any, Any]
SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
ALBERT_LIKE = ("<cls> $A <sep>", "<cls> $A <sep> $B:1 <sep>:1")


def _plain(auto: str, tokenizer: Callable[[], Any], **settings: Any) -> Callable[[], Made]:
    def make() -> Made:
        made = tokenizer()
        given = {} if auto in ("XLNet", "GPT2", "T5") else {"max_position_embeddings": POSITIONS}
        config = getattr(transformers, f"{auto}Config")(
            **{**given, "vocab_size": len(made), "pad_token_id": made.pad_token_id, "bos_token_id": made.bos_token_id, "eos_token_id": made.eos_token_id, **settings}
        )
        return getattr(transformers, f"{auto}Model")(config), made

    return make


def _roberta(auto: str, **more: Any) -> Callable[[], Made]:
    return _plain(auto, lambda: byte_pairs(template=True), **{**SMALL, "max_position_embeddings": POSITIONS + 2, "type_vocab_size": 1, **more})


FAMILIES: dict[str, Callable[[], Made]] = {
    "bert": _plain("Bert", wordpiece, **SMALL),
    "distilbert": _plain("DistilBert", wordpiece, dim=32, n_layers=2, n_heads=2, hidden_dim=64),
    "electra": _plain("Electra", wordpiece, embedding_size=16, **SMALL),
    "mpnet": _plain("MPNet", lambda: byte_pairs(template=True), **{**SMALL, "max_position_embeddings": POSITIONS + 2}),
    "roberta": _roberta("Roberta"),
    "xlm-roberta": _roberta("XLMRoberta"),
    "gpt2": _plain("GPT2", lambda: byte_pairs(template=False), n_embd=32, n_layer=2, n_head=2, n_positions=POSITIONS, n_ctx=POSITIONS),
    "xlnet": _plain("XLNet", lambda: unigram("$A <sep> <cls>:2", "$A <sep> $B:1 <sep>:1 <cls>:2", side="left"), d_model=32, n_layer=2, n_head=2, d_inner=64),
    "albert": _plain("Albert", lambda: unigram(*ALBERT_LIKE), embedding_size=16, **SMALL),
    "deberta-v2": _plain("DebertaV2", lambda: unigram(*ALBERT_LIKE), relative_attention=True, position_buckets=8, pos_att_type=["c2p", "p2c"], type_vocab_size=0, **SMALL),
    "modernbert": _plain("ModernBert", wordpiece, global_attn_every_n_layers=2, local_attention=8, **SMALL),
    "t5": _plain("T5", lambda: unigram("$A </s>", "$A </s> $B </s>", types=False), d_model=32, num_layers=2, num_heads=2, d_kv=16, d_ff=64, decoder_start_token_id=0),
    "bart": _plain(
        "Bart",
        lambda: byte_pairs(template=True),
        d_model=32,
        encoder_layers=2,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=64,
        decoder_ffn_dim=64,
    ),
}

UNUSUAL: dict[str, Callable[[], Made]] = {
    "bigbird": _plain("BigBird", wordpiece, block_size=2, num_random_blocks=1, **SMALL),
    "canine": _plain("Canine", wordpiece, **SMALL),
    "convbert": _plain("ConvBert", wordpiece, embedding_size=32, **SMALL),
    "fnet": _plain("FNet", wordpiece, hidden_size=32, num_hidden_layers=2, intermediate_size=64, tpu_short_seq_length=POSITIONS),
    "nystromformer": _plain("Nystromformer", wordpiece, num_landmarks=4, segment_means_seq_len=4, **SMALL),
    "opt-narrow": _plain("OPT", lambda: byte_pairs(template=False), hidden_size=32, num_hidden_layers=2, num_attention_heads=2, ffn_dim=64, word_embed_proj_dim=16),
    "reformer": _plain(
        "Reformer",
        wordpiece,
        hidden_size=32,
        attention_head_size=16,
        num_attention_heads=2,
        feed_forward_size=64,
        axial_pos_embds=False,
        attn_layers=["local", "local"],
        local_attn_chunk_length=8,
    ),
    "squeezebert": _plain("SqueezeBert", wordpiece, embedding_size=32, **SMALL),
    "yoso": _plain("Yoso", wordpiece, **SMALL),
}
"""What differs from the others where it matters here: not all of these honour the mask, or give one vector of the hidden size for each token."""


def make_tiny(family: str, folder: Path) -> Path:
    """A random model of `family` with its tokenizer in `folder`, as `save_pretrained` writes them."""
    with torch.random.fork_rng():
        torch.manual_seed(7)
        module, tokenizer = {**FAMILIES, **UNUSUAL}[family]()
    # Random starts are so small that all texts would look alike.
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.dim() > 1:
                parameter.mul_(4)
    module.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
