"""Text written by a causal model: transformers' own `generate`, asked in our words.

Decisions:
- The same tokens as ``transformers.pipeline("text-generation")`` gives with the same settings: the prompt goes through the tokenizer as it does there, and
  XLNet gets the paragraph before a prompt that it gets there (it was never trained on beginnings).
- What cannot be read to the end is refused before anything is written: positions beyond the model's last are not computed, they are an error.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES, MODEL_FOR_MASKED_LM_MAPPING_NAMES, MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES

from ringsmith._wording import without_halves
from ringsmith.backbones.chance import own_chance
from ringsmith.backbones.decoding import Continuation, DecodingOptions, Ended, Generation, Listener, check_prompt
from ringsmith.backbones.load import _quiet, read_tokeniser, read_whole
from ringsmith.backbones.tokens import Tokeniser
from ringsmith.catalogue import LocalModel, read_config
from ringsmith.errors import InputError, OptionError, UsageError
from ringsmith.records import Progress, Report, silent

BROKEN = "\ufffd"
"""What a tokenizer makes of the first bytes of a letter whose last ones are still to come."""
NEEDS_START = "XLNetLMHeadModel"


@dataclass(frozen=True, eq=False)
class Writer:
    """A loaded causal model that writes. Made by `load_writer`.

    Attributes:
        model: what lies on disk.
        module: the model with its head.
        tokeniser: texts <-> token numbers.
        device: ``"cpu"``, ``"cuda"`` or ``"mps"``.
    """

    model: LocalModel
    module: Any
    tokeniser: Tokeniser
    device: str


def load_writer(model: LocalModel, *, threads: int | None = None, device: str | None = None) -> Writer:
    """The causal model in `model.folder`: float32 on the CPU, bfloat16 on a GPU that has it.

    Raises:
        UsageError: it is no causal model; the sentence names the command for what it is.
        ModelError: no tokenizer, or weights that do not fit, the head's included.
    """
    check_causal(model)
    module, place = read_whole(transformers.AutoModelForCausalLM, model, threads, device)
    return Writer(model, module, read_tokeniser(model, module), place)


def check_causal(model: LocalModel) -> None:
    """Refuse what writes no text, and say which command it is for.

    Raises:
        UsageError: word vectors, a classifier, a masked or an encoder-decoder model.
    """
    if (found := _other_use(model)) is not None:
        what, way_out = found
        raise UsageError(f"{model.name}: 'generate' needs a causal language model (GPT-2, XLNet, Llama ...); this is {what}. {way_out}")


def _other_use(model: LocalModel) -> tuple[str, str] | None:
    """What it is instead, and what to do with it; None for a causal model."""
    if model.kind == "vectors":
        return "a file of word vectors", f"For a word's neighbours: ringsmith vectors nearest {model.name} WORD."
    if model.kind != "transformer":
        return "no model with weights", "'ringsmith models' lists those that have."
    kind, architecture = read_config(Path(model.folder))["model_type"], model.architecture
    if architecture.endswith("Classification"):
        return f"a fitted classifier ({architecture})", f"For its labels: ringsmith predict {model.name} TEXT."
    if kind in MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES:
        return f"an encoder-decoder ({architecture}), which reads one text and writes another", f"To translate with it: ringsmith translate {model.name} TEXT."
    is_causal = architecture == MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.get(kind)
    if not is_causal and (kind in MODEL_FOR_MASKED_LM_MAPPING_NAMES or kind not in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES):
        return f"one that reads in both directions ({architecture})", f"For what it makes of a text: ringsmith inspect {model.name} TEXT."
    return None


def generate(writer: Writer, prompt: str, options: DecodingOptions | None = None, *, listener: Listener | None = None, report: Report = silent) -> Generation:
    """What the model writes after `prompt`.

    Args:
        writer: from `load_writer`.
        prompt: the beginning of the text; not empty.
        options: how tokens are chosen and when to end; None for the likeliest each time.
        listener: is told the text piece by piece as it comes; only for one continuation without beams.
        report: is told how many tokens are written.

    Raises:
        InputError: an empty prompt, or one longer than the model reads.
        OptionError: a listener with beams or several continuations.
    """
    options = options or DecodingOptions()
    if listener is not None and (options.beams > 1 or options.count > 1):
        several = f"{options.beams} beams" if options.beams > 1 else f"{options.count} continuations"
        raise OptionError(f"Streaming must follow one continuation as it is written; got {several}, of which the best is known at the end only. Leave one of the two out.")
    inputs = read_prompt(writer, prompt)
    room = _room(writer, inputs["input_ids"].shape[1], options)
    stream = None if listener is None else _Stream(writer.tokeniser.hf, options.stop, listener)
    started = time.perf_counter()
    sequences = _run(writer, inputs, options, room, stream, report)
    seconds = time.perf_counter() - started
    length = inputs["input_ids"].shape[1]
    found = tuple(_continuation(writer, row[length:], options, room) for row in sequences.tolist())
    return Generation(prompt, length, found, round(seconds, 3))


def read_prompt(writer: Writer, prompt: str) -> dict[str, torch.Tensor]:
    """The prompt's tokens as the model is given them, one row.

    Raises:
        InputError: there is nothing to go on from.
    """
    check_prompt(prompt)
    start = transformers.TextGenerationPipeline.XL_PREFIX if type(writer.module).__name__ == NEEDS_START else ""
    with _quiet():
        read = writer.tokeniser.hf(start + without_halves(prompt), return_tensors="pt")
    if read["input_ids"].shape[1] == 0:
        raise InputError(f"The prompt must hold something that the model's tokenizer knows; got {prompt!r}. Write how the text begins.")
    return {name: read[name].to(writer.device) for name in ("input_ids", "attention_mask")}


def _room(writer: Writer, length: int, options: DecodingOptions) -> int:
    """New tokens that fit, at most as many as were asked for."""
    limit = writer.model.max_tokens
    if limit is None:
        return options.max_new_tokens
    if length >= limit:
        raise InputError(f"The prompt must leave room for at least one token: {writer.model.name} reads {limit:,}; got {length:,}. Shorten it, or choose a model that reads more.")
    return min(options.max_new_tokens, limit - length)


def _run(writer: Writer, inputs: dict[str, torch.Tensor], options: DecodingOptions, room: int, stream: _Stream | None, report: Report) -> torch.Tensor:
    """Prompt and continuation as token numbers (count, tokens)."""
    watch = _Watch(writer.tokeniser.hf, inputs["input_ids"].shape[1], options.stop, room, report)
    with own_chance(options.seed), torch.inference_mode(), _quiet():
        found: torch.Tensor = writer.module.generate(
            **inputs,
            generation_config=_settings(writer, options, room),
            stopping_criteria=transformers.StoppingCriteriaList([watch]),
            streamer=stream,
        )
    return found.cpu()


def _settings(writer: Writer, options: DecodingOptions, room: int) -> transformers.GenerationConfig:
    """The model's own settings with ours on top."""
    settings: transformers.GenerationConfig = copy.deepcopy(writer.module.generation_config)
    neutral = {"temperature": 1.0, "top_k": 0, "top_p": 1.0}
    for name, value in neutral.items():
        own = getattr(settings, name)
        setattr(settings, name, None if not options.sampling else getattr(options, name) or (value if own is None else own))
    settings.max_length, settings.max_new_tokens = None, room
    settings.do_sample, settings.num_beams, settings.num_return_sequences = options.sampling, options.beams, options.count
    settings.repetition_penalty = options.repetition_penalty
    if settings.pad_token_id is None:
        settings.pad_token_id = writer.tokeniser.pad_id
    return settings


def _ends(writer: Writer) -> set[int]:
    """Token numbers that end a text."""
    ends = writer.module.generation_config.eos_token_id
    return set(ends) if isinstance(ends, list) else {ends} - {None}


def _continuation(writer: Writer, ids: Sequence[int], options: DecodingOptions, room: int) -> Continuation:
    end = next((place for place, number in enumerate(ids) if number in _ends(writer)), None)
    kept = ids if end is None else ids[:end]
    text = writer.tokeniser.hf.decode(kept, skip_special_tokens=True)
    before = cut_at(text, options.stop)
    ended: Ended = "limit" if room < options.max_new_tokens else "length"
    if before != text:
        ended = "stop"
    elif end is not None:
        ended = "end"
    return Continuation(before, len(kept), ended)


def cut_at(text: str, stops: Sequence[str]) -> str:
    """The text before the first stop text in it.

    Examples:
        >>> cut_at("one. Two. Three", ["Three", "."])
        'one'
    """
    places = [place for stop in stops if (place := text.find(stop)) >= 0]
    return text[: min(places)] if places else text


def held_back(text: str, stops: Sequence[str]) -> int:
    """How many letters at the end may be the beginning of a stop text.

    Examples:
        >>> held_back("the en", ["end"]), held_back("the", ["end"])
        (2, 1)
    """
    lengths = (size for stop in stops for size in range(len(stop) - 1, 0, -1) if text.endswith(stop[:size]))
    return max(lengths, default=0)


class _Stream(transformers.generation.streamers.BaseStreamer):
    """Hands text on as soon as nothing that follows can change it: whole letters only, and nothing that may turn out to be a stop text."""

    def __init__(self, tokenizer: Any, stops: Sequence[str], listener: Listener) -> None:
        self.tokenizer, self.stops, self.listener = tokenizer, stops, listener
        self.ids: list[int] | None = None
        self.shown = ""

    def put(self, value: torch.Tensor) -> None:
        """New tokens; the first are the prompt's."""
        if self.ids is None:
            self.ids = []
            return
        self.ids += value.flatten().tolist()
        self._show(last=False)

    def end(self) -> None:
        """Nothing more comes."""
        self._show(last=True)

    def _show(self, *, last: bool) -> None:
        text = self.tokenizer.decode(self.ids or [], skip_special_tokens=True)
        if not last and text.endswith(BROKEN):
            return
        sure = cut_at(text, self.stops)
        if sure == text and not last:
            sure = text[: len(text) - held_back(text, self.stops)]
        if len(sure) > len(self.shown) and sure.startswith(self.shown):
            self.listener(sure[len(self.shown) :])
            self.shown = sure


class _Watch(transformers.StoppingCriteria):
    """Counts the tokens, and stops a row in which a stop text stands (transformers' own way of stopping needs tokenizers that know each letter)."""

    def __init__(self, tokenizer: Any, start: int, stops: Sequence[str], total: int, report: Report) -> None:
        self.tokenizer, self.start, self.stops, self.total, self.report = tokenizer, start, stops, total, report

    def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:
        self.report(Progress("write", input_ids.shape[1] - self.start, self.total, "tokens"))
        if not self.stops:
            return torch.zeros(len(input_ids), dtype=torch.bool, device=input_ids.device)
        texts = self.tokenizer.batch_decode(input_ids[:, self.start :], skip_special_tokens=True)
        return torch.tensor([cut_at(text, self.stops) != text for text in texts], device=input_ids.device)
