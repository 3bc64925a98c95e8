"""A vocabulary of pieces learnt from texts, and saved as a tokenizer folder that plain transformers loads.

    wordpiece   BERT's: words cut at blanks and punctuation, pieces that go on with ``##`` (Schuster and Nakajima, 2012; Devlin et al., 2019)
    bytes       GPT-2's and RoBERTa's: pairs of bytes merged, so that no text is unknown (Sennrich et al., 2016; Radford et al., 2019)
    unigram     XLNet's: the pieces that make the texts most likely, as SentencePiece has it (Kudo, 2018)

How a text is brought into order and cut before that is taken from transformers' own class for the architecture. The learning itself is the library
`tokenizers`.

Decisions:
- Accents and vowel signs stay: transformers' XLNet drops them, and BERT's does so with small letters, which takes the vowels out of Hindi and the tones out of
  Thai. XLNet's texts are in order as SentencePiece has them (NFKC).
- A run of more than 100 letters is cut into words of 100, which BERT's way would call one unknown piece: Thai writes without blanks.
- The same texts give the same vocabulary: letters are numbered before the learning (`letters.py`), scores rounded and sorted after it.
- Of a large corpus every k-th text is learnt from: beyond `MOST_CHARACTERS` a vocabulary hardly changes, and the time would grow on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import tokenizers
import transformers
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors, trainers

from ringsmith.errors import InputError, OptionError, UnknownName
from ringsmith.pretrain.letters import count_letters, most_to_know, thinned
from ringsmith.pretrain.objective import VocabularyKind
from ringsmith.pretrain.pieces import Pieces

BERT = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}
ROBERTA = {"bos_token": "<s>", "pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>", "mask_token": "<mask>"}
GPT2 = {"eos_token": "<|endoftext|>"}
XLNET = {
    "unk_token": "<unk>",
    "bos_token": "<s>",
    "eos_token": "</s>",
    "cls_token": "<cls>",
    "sep_token": "<sep>",
    "pad_token": "<pad>",
    "mask_token": "<mask>",
    "more": "<eod>",
    "most": "<eop>",
}
"""Special pieces in the order of their numbers, as the papers' models have them."""
LONGEST_WORD, LONGEST_LEARNT = 100, 1_000
"""Letters of a word in a wordpiece vocabulary; of one that anything is learnt from, for the time it takes grows with their square."""
MOST_CHARACTERS: dict[VocabularyKind, int] = {"wordpiece": 50_000_000, "bytes": 50_000_000, "unigram": 4_000_000}
"""Characters that are learnt from at most."""


@dataclass(frozen=True)
class Style:
    """How an architecture's tokenizer is made.

    Attributes:
        kind: what is learnt.
        special: role -> special piece, in the order of their numbers.
        dress: from what was learnt (and whether to lower the case) to transformers' tokenizer; an empty model gives the cutting alone.
    """

    kind: VocabularyKind
    special: dict[str, str]
    dress: Callable[[Any, bool], Any]


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """What was learnt.

    Attributes:
        tokeniser: of transformers, ready to use.
        pieces: what objectives need to know of it.
        note: a sentence where it came out smaller than asked for; None where it did not.
    """

    tokeniser: Any
    pieces: Pieces
    note: str | None = None


def train_vocabulary(texts: Iterable[str], architecture: str, size: int, *, lowercase: bool = False, length: int | None = None) -> Vocabulary:
    """A vocabulary of at most `size` pieces learnt from `texts`, for one architecture.

    Args:
        texts: read once.
        architecture: a name in `STYLES`; it decides the kind of pieces, the special ones and where they are put.
        size: pieces in all, special ones and single characters (or bytes) included.
        lowercase: whether texts are lowered first; not for byte pairs, which keep every text as it is.
        length: pieces of the longest sequence, kept with the tokenizer; None for no limit.

    Raises:
        OptionError: `size` does not even hold the special pieces and the bytes, or the case cannot be lowered.
        InputError: no text at all.
    """
    style = _style(architecture)
    _check(style, architecture, size, lowercase)
    sample = thinned(texts, MOST_CHARACTERS[style.kind])
    if not any(map(str.strip, sample)):
        raise InputError("The corpus must hold some text to learn a vocabulary from; got none. Name a file or folder with text in it.")
    bare = style.dress(None, lowercase).backend_tokenizer
    learner = tokenizers.Tokenizer(_empty(style))
    learner.normalizer, learner.pre_tokenizer = bare.normalizer, _cut(bare.pre_tokenizer, LONGEST_LEARNT)
    _learn(learner, sample, _trainer(style, size, sample, bare.normalizer), size)
    tokeniser = style.dress(learner, lowercase)
    if length is not None:
        tokeniser.model_max_length = length
    return Vocabulary(tokeniser, read_pieces(tokeniser), _note(len(tokeniser), size))


def read_pieces(tokeniser: Any) -> Pieces:
    """What objectives need to know of a tokenizer of transformers, one of ours or any other."""
    before, after = _frame(tokeniser)
    names = [str(name) for name in tokeniser.convert_ids_to_tokens(range(len(tokeniser)))]
    end = next(number for number in (tokeniser.sep_token_id, tokeniser.eos_token_id, 0) if number is not None)
    start = next(number for number in (tokeniser.cls_token_id, tokeniser.bos_token_id, end) if number is not None)
    return Pieces(
        size=len(tokeniser),
        pad=end if tokeniser.pad_token_id is None else tokeniser.pad_token_id,
        start=start,
        end=end,
        mask=tokeniser.mask_token_id,
        special=tuple(sorted(set(tokeniser.all_special_ids))),
        begins_word=_begin_words(names),
        before=before,
        after=after,
    )


def save_vocabulary(tokeniser: Any, folder: Path) -> None:
    """Write the tokenizer's files into `folder`; ``AutoTokenizer`` reads them."""
    tokeniser.save_pretrained(folder)


def _frame(tokeniser: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The special pieces that are put before and after a text."""
    middle = tokeniser("a", add_special_tokens=False)["input_ids"]
    whole = tokeniser("a")["input_ids"]
    first = next(place for place in range(len(whole)) if whole[place : place + len(middle)] == middle)
    return tuple(whole[:first]), tuple(whole[first + len(middle) :])


def _begin_words(names: list[str]) -> npt.NDArray[np.bool_]:
    """Which pieces begin a word: those with the sign of a blank, and marks; where pieces that go on have a sign (``##``) all the others."""
    signs = {sign: sum(name.startswith(sign) for name in names) for sign in ("##", "Ġ", "▁")}
    if signs["##"] == max(signs.values()):
        return np.array([not name.startswith("##") for name in names], dtype=np.bool_)
    return np.array([not name or name[0] in "ĠĊĉč▁" or (name[0].isascii() and not name[0].isalnum()) for name in names], dtype=np.bool_)


def _style(architecture: str) -> Style:
    if architecture not in STYLES:
        raise UnknownName.of("architecture", architecture, STYLES)
    return STYLES[architecture]


def _check(style: Style, architecture: str, size: int, lowercase: bool) -> None:
    least = len(style.special) + (256 if style.kind == "bytes" else 1) + 1
    if size < least:
        raise OptionError(f"'vocabulary' must be at least {least} for {architecture} (special pieces, and single characters or bytes); got {size}. Use 8000, or leave it out.")
    if lowercase and style.kind == "bytes":
        raise OptionError(f"'lowercase' must be off for {architecture}: its byte pairs keep every text as it is; got on. Leave it out.")


def _learn(learner: tokenizers.Tokenizer, texts: Iterable[str], trainer: Any, size: int) -> None:
    try:
        learner.train_from_iterator(texts, trainer)
    except Exception as error:  # the library raises no narrower class
        if "vocab" not in str(error).lower():
            raise
        raise OptionError(f"'vocabulary' must hold every character of the corpus; got {size}, which does not. Use a larger number.") from error


def _note(got: int, size: int) -> str | None:
    return None if got >= size else f"The corpus gave a vocabulary of {got:,} pieces instead of {size:,}: it holds no more."


def _empty(style: Style) -> Any:
    if style.kind == "wordpiece":
        return models.WordPiece(unk_token=BERT["unk_token"])
    return models.BPE() if style.kind == "bytes" else models.Unigram()


def _trainer(style: Style, size: int, sample: Sequence[str], normaliser: Any) -> Any:
    special = list(style.special.values())
    if style.kind == "wordpiece":
        letters = _letters(sample, normaliser, size // 2, room=size - len(special))
        first = [letter for letter in letters if not letter.startswith("##") or len(letter) == 2]
        return trainers.WordPieceTrainer(vocab_size=size, special_tokens=special + letters, initial_alphabet=first, limit_alphabet=len(first), show_progress=False)
    if style.kind == "bytes":
        return trainers.BpeTrainer(vocab_size=size, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    return trainers.UnigramTrainer(vocab_size=size, special_tokens=special, unk_token=XLNET["unk_token"], show_progress=False)


def _letters(sample: Sequence[str], normaliser: Any, most: int, *, room: int) -> list[str]:
    """The most frequent letters in the order of their code points; then, with ``##``, those that stand within words; no more pieces than there is room for."""
    counts, inner = count_letters(sample, normaliser)
    ranked = np.argsort(-counts, kind="stable")[: int((counts > 0).sum())]
    ranked = ranked[: most_to_know(counts[ranked], most)]
    frequent = np.sort(ranked[np.cumsum(1 + (inner[ranked] > 0)) <= room])
    return [chr(code) for code in frequent] + [f"##{chr(code)}" for code in frequent if inner[code]]


def _cut(cutting: Any, longest: int) -> Any:
    """The same cutting, and words of more letters cut as well."""
    return pre_tokenizers.Sequence([cutting, pre_tokenizers.FixedLength(length=longest)])


def _dress_bert(learner: Any, lowercase: bool) -> Any:
    backend = transformers.BertTokenizer(vocab=_vocab(learner), do_lower_case=lowercase, strip_accents=False).backend_tokenizer
    backend.pre_tokenizer = _cut(backend.pre_tokenizer, LONGEST_WORD)
    return _dressed(backend, BERT)


def _dress_roberta(learner: Any, _lowercase: bool) -> Any:
    return transformers.RobertaTokenizer(vocab=_vocab(learner), merges=_merges(learner))


def _dress_gpt2(learner: Any, _lowercase: bool) -> Any:
    return transformers.GPT2Tokenizer(vocab=_vocab(learner), merges=_merges(learner))


def _dress_xlnet(learner: Any, lowercase: bool) -> Any:
    vocab = None if learner is None else _sorted_pieces(_model(learner)["vocab"])
    backend = transformers.XLNetTokenizer(vocab=vocab, unk_id=0).backend_tokenizer
    quotes = [normalizers.Replace(pair, '"') for pair in ("``", "''")]
    backend.normalizer = normalizers.Sequence([*quotes, normalizers.NFKC(), *[normalizers.Lowercase()] * lowercase])
    special = {role: piece for role, piece in XLNET.items() if role.endswith("_token")}
    return _dressed(backend, special, extra_special_tokens=[XLNET["more"], XLNET["most"]], padding_side="left")


def _sorted_pieces(vocab: list[tuple[str, float]]) -> list[tuple[str, float]]:
    """The special pieces, then the others by their scores, without what chance put into these.

    Scores are sums whose order, and so whose last digits, chance decides. Letters too rare to be learnt get the lowest score and in turn a
    ten-thousandth more: here they all get the lowest.
    """
    special = set(XLNET.values())
    learnt = {piece: round(score, 4) for piece, score in vocab if piece not in special}
    lowest = min(learnt.values(), default=0.0)
    letters = [piece for piece in learnt if len(piece) == 1]
    rare = lowest + 1e-4 * (len(letters) + 1)
    learnt |= {letter: lowest for letter in letters if learnt[letter] <= rare}
    return [(piece, score) for piece, score in vocab if piece in special] + sorted(learnt.items(), key=lambda pair: (-pair[1], pair[0]))


def _dress_modernbert(learner: Any, _lowercase: bool) -> Any:
    """ModernBERT has no class of its own: byte pairs as GPT-2's, special pieces as BERT's."""
    backend = tokenizers.Tokenizer(models.BPE(vocab=_vocab(learner) or {}, merges=_merges(learner) or []))
    backend.pre_tokenizer, backend.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    if learner is not None:
        ends = [(BERT[role], _vocab(learner)[BERT[role]]) for role in ("cls_token", "sep_token")]
        backend.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=ends)
    return _dressed(backend, BERT, model_input_names=["input_ids", "attention_mask"])


def _dressed(backend: Any, special: dict[str, str], **more: Any) -> Any:
    """A tokenizer that transformers reads as it was written, whatever its class for the architecture would make of it."""
    made: Any = transformers.PreTrainedTokenizerFast
    return made(tokenizer_object=backend, **{"model_input_names": ["input_ids", "token_type_ids", "attention_mask"], **special, **more})


def _model(learner: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", json.loads(learner.to_str())["model"])


def _vocab(learner: Any) -> Any:
    return None if learner is None else learner.get_vocab(with_added_tokens=True)


def _merges(learner: Any) -> Any:
    return None if learner is None else [tuple(pair) for pair in _model(learner)["merges"]]


STYLES: dict[str, Style] = {
    "bert": Style("wordpiece", BERT, _dress_bert),
    "distilbert": Style("wordpiece", BERT, _dress_bert),
    "distilgpt2": Style("bytes", GPT2, _dress_gpt2),
    "electra": Style("wordpiece", BERT, _dress_bert),
    "gpt2": Style("bytes", GPT2, _dress_gpt2),
    "modernbert": Style("bytes", BERT, _dress_modernbert),
    "roberta": Style("bytes", ROBERTA, _dress_roberta),
    "xlnet": Style("unigram", XLNET, _dress_xlnet),
}
"""Architecture -> how its tokenizer is made."""
