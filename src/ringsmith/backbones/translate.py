"""Texts through an encoder-decoder that translates: transformers' own `generate`, in batches of similar length.

Decisions:
- The same translations as transformers gives with the same settings; what is padded is masked, so that a text's neighbours do not change it.
- Beams are ranked as transformers does it, by log probability over length ^ penalty. Vaswani et al. (2017) divide by ((5 + length) / 6) ^ penalty
  (Wu et al., 2016), which is weaker on short texts; a folder that translates the same everywhere is worth more than the letter of that formula.
- A translation ends at the latest 50 pieces behind the length of its text (section 6.1 of the paper): one that finds no end holds up its batch.
- An empty line stays empty, and what is too long for the model is refused before anything is translated: half a text is no translation.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers.models.auto.modeling_auto import MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES

from ringsmith._rules import hold, whole
from ringsmith._wording import without_halves
from ringsmith.backbones.batches import batches_by_tokens
from ringsmith.backbones.load import _quiet, read_tokeniser, read_whole
from ringsmith.backbones.tokens import Tokeniser
from ringsmith.catalogue import LocalModel, read_config
from ringsmith.errors import InputError, UsageError
from ringsmith.records import Progress, Report, silent

BEYOND = 50
"""Pieces that a translation may be longer than its text."""
MANY_LANGUAGES = ("m2m_100", "mbart", "nllb-moe", "seamless_m4t", "seamless_m4t_v2")
"""Models that must be told into which language."""


@dataclass(frozen=True)
class TranslateOptions:
    """How a translation is searched for.

    Attributes:
        beam: beginnings that are followed side by side; 1 takes the likeliest piece each time.
        length_penalty: log probabilities are divided by length to this power: above 0 longer translations win more often.
        batch_tokens: padded pieces of a batch, beams counted.
    """

    beam: int = 4
    length_penalty: float = 0.6
    batch_tokens: int = 8_192

    def __post_init__(self) -> None:
        hold(
            self,
            (
                whole("beam", 1),
                ("length_penalty", lambda p: -inf < p < inf, "a number"),
                whole("batch_tokens", 1),
            ),
        )


@dataclass(frozen=True, eq=False)
class Translator:
    """A loaded model that translates. Made by `load_translator`.

    Attributes:
        model: what lies on disk.
        module: the model with its head.
        tokeniser: texts <-> piece numbers.
        device: ``"cpu"``, ``"cuda"`` or ``"mps"``.
    """

    model: LocalModel
    module: Any
    tokeniser: Tokeniser
    device: str


def load_translator(model: LocalModel, *, threads: int | None = None, device: str | None = None) -> Translator:
    """The encoder-decoder in `model.folder`: float32 on the CPU, bfloat16 on a GPU that has it.

    Raises:
        UsageError: it does not translate; the sentence says what it is and which command it is for.
        ModelError: no tokenizer, or weights that do not fit.
    """
    check_translates(model)
    module, place = read_whole(transformers.AutoModelForSeq2SeqLM, model, threads, device)
    return Translator(model, module, read_tokeniser(model, module), place)


def check_translates(model: LocalModel) -> None:
    """Refuse what does not translate.

    Raises:
        UsageError: word vectors, a classifier, a model that is no encoder-decoder, or one that must be told the language.
    """
    found, way_out = _other_use(model)
    if found is not None:
        raise UsageError(f"{model.name}: 'translate' needs an encoder-decoder with its output layer (MarianMTModel, FSMT, T5 ...); this is {found}. {way_out}")


def _other_use(model: LocalModel) -> tuple[str | None, str]:
    """What it is instead, None for a translator; and what to do."""
    train = "Train one: ringsmith pretrain PAIRS --objective seq2seq."
    if model.kind == "vectors":
        return "a file of word vectors", train
    if model.kind != "transformer":
        return "no model with weights", train
    kind, architecture = read_config(Path(model.folder))["model_type"], model.architecture
    if architecture.endswith("Classification"):
        return f"a fitted classifier ({architecture})", f"For its labels: ringsmith predict {model.name} TEXT."
    if kind in MANY_LANGUAGES:
        return f"one of many languages ({architecture}), which must be told into which", "Use one of a single pair of languages."
    if architecture != MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES.get(kind):
        return architecture, train
    return None, ""


def translate(translator: Translator, texts: Sequence[str], options: TranslateOptions | None = None, *, report: Report = silent) -> list[str]:
    """A translation for each text, in their order; an empty text stays empty.

    Args:
        translator: from `load_translator`.
        texts: what is translated, each a sentence or a few.
        options: how it is searched for.
        report: is told how many are done.

    Raises:
        InputError: a text that the model does not read to its end (says which), or what is no text.
    """
    options = options or TranslateOptions()
    if strange := next((type(text).__name__ for text in texts if not isinstance(text, str)), None):
        raise InputError(f"Every text to translate must be a string; got {strange}. Leave it out, or write it as text.")
    full = [number for number, text in enumerate(texts) if text.strip()]
    ids = _pieces(translator, [texts[number] for number in full])
    _check_lengths(translator, ids, [number + 1 for number in full])
    settings, found, done = _settings(translator, options), [""] * len(texts), len(texts) - len(full)
    for rows in batches_by_tokens([len(row) for row in ids], max(1, options.batch_tokens // options.beam)):
        for row, text in zip(rows.tolist(), _batch(translator, [ids[row] for row in rows.tolist()], settings), strict=True):
            found[full[row]] = text
        done += len(rows)
        report(Progress("translate", done, len(texts), "lines"))
    return found


def _pieces(translator: Translator, texts: list[str]) -> list[list[int]]:
    if not texts:
        return []
    with _quiet():
        found: list[list[int]] = translator.tokeniser.hf(list(map(without_halves, texts)), verbose=False)["input_ids"]
    return found


def _check_lengths(translator: Translator, ids: list[list[int]], lines: list[int]) -> None:
    limit = translator.tokeniser.max_tokens
    for row, line in zip(ids, lines, strict=True):
        if len(row) > limit:
            raise InputError(
                f"Line {line:,}: {translator.model.name} reads at most {limit:,} pieces at once; this line has {len(row):,}. Put each of its sentences in a line of its own."
            )


def _settings(translator: Translator, options: TranslateOptions) -> transformers.GenerationConfig:
    """The model's own settings with ours on top."""
    settings: transformers.GenerationConfig = copy.deepcopy(translator.module.generation_config)
    settings.do_sample, settings.num_beams, settings.length_penalty = False, options.beam, options.length_penalty if options.beam > 1 else 1.0
    settings.max_new_tokens = None
    return settings


def _batch(translator: Translator, ids: list[list[int]], settings: transformers.GenerationConfig) -> list[str]:
    """Translations of texts of similar length."""
    tokeniser = translator.tokeniser
    longest = max(map(len, ids))
    settings.max_length = min(translator.tokeniser.max_tokens, longest + BEYOND)
    rows = torch.tensor([row + [tokeniser.pad_id] * (longest - len(row)) for row in ids], device=translator.device)
    inside = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in ids], device=translator.device)
    with torch.inference_mode(), _quiet():
        made = translator.module.generate(input_ids=rows, attention_mask=inside, generation_config=settings)
    texts: list[str] = tokeniser.hf.batch_decode(made, skip_special_tokens=True)
    return [" ".join(text.splitlines()).strip() for text in texts]
