"""How a causal model is asked for text, and what it gives: options and records, without torch.

Decisions:
- Without options it is greedy: the likeliest token each time, the same text every time. Whoever names a temperature, top-k or top-p wants chance.
- A stop text is where the text ends; it is not part of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Literal

from ringsmith._rules import Rule, hold, whole
from ringsmith.errors import InputError, OptionError
from ringsmith.records import Record

Ended = Literal["end", "stop", "length", "limit"]
Listener = Callable[[str], None]
"""Is told the next piece of text as soon as it is sure."""
RULES: tuple[Rule, ...] = (
    whole("max_new_tokens", 1),
    ("sample", lambda sample: sample is None or isinstance(sample, bool), "True, False or None"),
    ("temperature", lambda t: t is None or 0 < t < inf, "above 0 (the likeliest token each time is greedy decoding: name no temperature)"),
    whole("top_k", 1, or_none=True),
    ("top_p", lambda p: p is None or 0 < p <= 1, "above 0 and at most 1"),
    whole("beams", 1),
    ("repetition_penalty", lambda p: 0 < p < inf, "above 0 (1 changes nothing)"),
    whole("count", 1),
    ("stop", lambda texts: not isinstance(texts, str) and all(isinstance(text, str) and text for text in texts), "a tuple of texts that are not empty, such as ('.', '!')"),
    whole("seed", 0, 2**63),
)


def check_prompt(prompt: str) -> None:
    """Refuse a prompt without anything in it, and what is no text.

    Raises:
        InputError: there is nothing to go on from.
    """
    if not isinstance(prompt, str):
        raise InputError(f"The prompt must be a string; got {type(prompt).__name__}. Write how the text begins.")
    if not prompt.strip():
        raise InputError("The prompt must hold at least one word; got an empty text. Write how the text begins.")


@dataclass(frozen=True)
class DecodingOptions:
    """How the next token is chosen, and when to end.

    Attributes:
        max_new_tokens: tokens of a continuation at most.
        sample: draw tokens by chance; None: where a temperature, top-k or top-p is named, or several continuations are asked for without beams.
        temperature: the scores are divided by it before chance decides: below 1 plainer, above 1 wilder. None for the model's own setting, else 1.
        top_k: only so many of the likeliest tokens may be drawn; None for the model's own setting, else all.
        top_p: only the likeliest tokens that together have this probability (Holtzman et al., 2020); None for the model's own setting, else all.
        beams: beginnings that are followed side by side; the likeliest whole is taken.
        repetition_penalty: scores of tokens that were there already are lowered by this factor (Keskar et al., 2019).
        count: continuations.
        stop: texts that end a continuation.
        seed: of chance.
    """

    max_new_tokens: int = 100
    sample: bool | None = None
    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    beams: int = 1
    repetition_penalty: float = 1.0
    count: int = 1
    stop: tuple[str, ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        hold(self, RULES)
        drawn = [name for name in ("temperature", "top_k", "top_p") if getattr(self, name) is not None]
        if self.sample is False and drawn:
            raise OptionError(f"{' and '.join(map(repr, drawn))} must go with sampling; got greedy decoding as well. Leave one of them out.")
        if self.beams > 1 and self.count > self.beams:
            raise OptionError(f"'count' must be at most the number of beams ({self.beams}); got {self.count}. Ask for more beams, or for fewer continuations.")
        if self.count > 1 and not self.sampling and self.beams == 1:
            raise OptionError(f"'count' must be 1 with greedy decoding, which has one continuation only; got {self.count}. Sample, or ask for as many beams.")

    @property
    def sampling(self) -> bool:
        """Whether chance decides."""
        if self.sample is not None:
            return self.sample
        return any(value is not None for value in (self.temperature, self.top_k, self.top_p)) or (self.count > 1 and self.beams == 1)


@dataclass(frozen=True)
class Continuation(Record):
    """A text that the model wrote.

    Attributes:
        text: what follows the prompt.
        tokens: how many it has.
        ended: why it is over: the model's end mark (``"end"``), a ``"stop"`` text, the ``"length"`` that was asked for, or the ``"limit"`` of the model.
    """

    text: str
    tokens: int
    ended: Ended


@dataclass(frozen=True)
class Generation(Record):
    """What a model wrote after a prompt.

    Attributes:
        prompt: the prompt.
        prompt_tokens: tokens before the first new one.
        continuations: what was written, the likeliest first where there were beams.
        seconds: wall clock, loading not counted.
    """

    prompt: str
    prompt_tokens: int
    continuations: tuple[Continuation, ...]
    seconds: float

    @property
    def tokens_per_second(self) -> float:
        """New tokens a second, of all continuations together."""
        return sum(one.tokens for one in self.continuations) / max(self.seconds, 1e-9)
