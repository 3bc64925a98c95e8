"""Prompting a causal model: each label is as likely as its words are after the text (Brown et al., 2020), a token's mean.

Which label fits the text? Labels: refund, delivery.      the prefix: computed once
Text: where is my parcel
Label: delivery
Text: ...                                                 a row
Label:                                                    behind it all labels at once
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from scipy.special import log_softmax

from ringsmith.adapt.probe import copy_backbone
from ringsmith.adapt.prompt_shots import Shot, draw_shots
from ringsmith.adapt.prompt_way import Given, Report, Saved, Way, in_words
from ringsmith.backbones.causal import CausalModel, LabelScorer, load_causal, pieces
from ringsmith.errors import OptionError
from ringsmith.records import Floats, TextSet

MOST_LISTED = 20
"""More labels than these are not listed in the instruction: the list would be longer than the texts."""
SHOTS = (0, 4, 16)
"""Numbers of examples that are tried: none, a few, and about as many as 1,024 tokens hold of short texts."""
LEAST_TEXT = 16
"""Tokens of a text that a prompt must have room for."""
USUAL = 95
"""With examples there must be room for a text as long as this percentile of the training rows."""
SAMPLE = 1_000


def instruction_of(words: Sequence[str]) -> str:
    """The sentence that says what is asked for."""
    return f"Which label fits the text? Labels: {', '.join(words)}." if len(words) <= MOST_LISTED else "Which label fits the text?"


class Likelihood(Way):
    """Scores labels by their likelihood after instruction, examples and text.

    Args:
        causal: the model.
        words: of each label.
        instruction: what stands first.
        shots: the examples, in the order in which they are shown, with their labels in words.

    Raises:
        OptionError: no text has room beside the rest, or the tokenizer makes the same tokens of two labels.
    """

    name: ClassVar[str] = "likelihood"

    def __init__(self, causal: CausalModel, words: Sequence[str], instruction: str, shots: Sequence[Shot]) -> None:
        self.causal, self.words, self.instruction, self.shots = causal, list(words), instruction, list(shots)
        self.parameters = causal.model.parameters
        self._opening, self._middle, self._end = (self._behind([text], "a")[0] for text in ("\n\nText:", "\nSecond text:", "\nLabel:"))
        labels = self._behind([f" {text}" for text in self.words], ":")
        _tell_apart(labels, self.words, causal)
        prefix = [*causal.start, *self._behind([instruction], "\n")[0], *(token for shot in self.shots for token in self._example(shot)), *self._opening]
        self.room = causal.max_tokens - len(prefix) - max(map(len, labels)) - len(self._end) - len(self._middle)
        if self.room < LEAST_TEXT:
            least = f"a prompt needs {causal.max_tokens - self.room + LEAST_TEXT} tokens (instruction, labels and {LEAST_TEXT} of a text), and {causal.model.name!r} takes"
            raise OptionError(f"Recipe 'prompt': {least} {causal.max_tokens}. Choose a model that takes more, a shorter instruction, or shorter words for the labels.")
        self._scorer = LabelScorer(causal, prefix, labels)

    @property
    def chosen(self) -> Mapping[str, Any]:
        """How many examples it shows."""
        return {"shots": len(self.shots)}

    @classmethod
    def candidates(cls, given: Given) -> Iterator[Way]:
        setting, options, words = given.setting, given.options, given.words
        counts = SHOTS if options.shots is None else options.shots
        causal = load_causal(given.model, threads=setting.threads)
        instruction = instruction_of(words) if options.instruction is None else options.instruction
        drawn = draw_shots(given.train, max(counts), known=setting.task.labels, seed=setting.seed)
        shots = [Shot(shot.text, shot.pair, in_words(shot.label, dict(zip(setting.task.labels, words, strict=True)))) for shot in drawn]
        bare = cls(causal, words, instruction, ())
        fitting = bare.fitting(shots, given.train)
        for count in sorted({min(count, fitting) for count in counts}):
            mixed = np.random.default_rng(setting.seed).permutation(count)  # so that no label stands last in its own right
            yield cls(causal, words, instruction, [shots[i] for i in mixed]) if count else bare

    def fitting(self, shots: Sequence[Shot], rows: TextSet) -> int:
        """How many of the examples leave room for a text of the usual length."""
        lengths = self._lengths(rows.texts[:SAMPLE], None if rows.pairs is None else rows.pairs[:SAMPLE])
        usual = max(LEAST_TEXT, int(np.percentile(lengths, USUAL)) if lengths else 0)
        costs = np.cumsum([len(self._example(shot)) for shot in shots])
        return int(np.searchsorted(costs, self.room - usual, side="right"))

    def scores(self, texts: Sequence[str], pairs: Sequence[str] | None, report: Report | None = None) -> Floats:
        rows = self._rows(texts, pairs, self.room)
        return np.asarray(log_softmax(self._scorer(rows, report=report), axis=1), dtype=np.float32)

    def truncated_share(self, texts: Sequence[str], pairs: Sequence[str] | None) -> float:
        lengths = self._lengths(texts, pairs)
        return float(np.mean(np.array(lengths) > self.room)) if lengths else 0.0

    def save(self, folder: Path) -> Mapping[str, Any]:
        copy_backbone(self.causal.model, folder)
        return {"words": self.words, "instruction": self.instruction, "shots": [asdict(shot) for shot in self.shots]}

    @classmethod
    def load(cls, saved: Saved) -> Likelihood:
        content = saved.content
        return cls(load_causal(saved.model, threads=saved.threads), content["words"], content["instruction"], [Shot(**shot) for shot in content["shots"]])

    def _lengths(self, texts: Sequence[str], pairs: Sequence[str] | None) -> list[int]:
        """Tokens of each text, and of its pair, before anything is cut."""
        firsts = [len(row) for row in self._behind([f" {text}" for text in texts], ":")]
        return firsts if pairs is None else [first + second for first, second in zip(firsts, self._lengths(pairs, None), strict=True)]

    def _example(self, shot: Shot) -> list[int]:
        row = self._rows([shot.text], None if shot.pair is None else [shot.pair], self.causal.max_tokens)[0]
        return [*self._opening, *row, *self._behind([f" {shot.label}"], ":")[0]]

    def _rows(self, texts: Sequence[str], pairs: Sequence[str] | None, room: int) -> list[list[int]]:
        """The tokens between the prefix and the label; of text and pair the longer one is cut first."""
        firsts = self._behind([f" {text}" for text in texts], ":")
        if pairs is None:
            return [[*first[:room], *self._end] for first in firsts]
        rows = []
        for first, second in zip(firsts, self._behind([f" {text}" for text in pairs], ":"), strict=True):
            kept = min(len(first), max(room // 2, room - len(second)))
            rows.append([*first[:kept], *self._middle, *second[: room - kept], *self._end])
        return rows

    def _behind(self, texts: Sequence[str], anchor: str) -> list[list[int]]:
        return pieces(self.causal.tokeniser, texts, behind=anchor)


def _tell_apart(labels: Sequence[Sequence[int]], words: Sequence[str], causal: CausalModel) -> None:
    """Make sure that the tokenizer keeps the labels apart.

    Raises:
        OptionError: it makes the same tokens, or none, of two of them.
    """
    seen: dict[tuple[int, ...], str] = {(): "no text at all"}
    for label, text in zip(labels, words, strict=True):
        if (other := seen.setdefault(tuple(label), text)) != text:
            got = f"the tokenizer of {causal.model.name!r} makes the same tokens of {text!r} and {other!r}"
            raise OptionError(f"Recipe 'prompt' tells labels apart by their tokens; {got}. Describe them with words it knows: --describe LABEL=WORDS.")
