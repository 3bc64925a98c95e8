"""Prompting an NLI model: a label is as likely as its sentence follows from the text (Yin, Hay and Roth, 2019)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ringsmith.adapt.probe import copy_backbone
from ringsmith.adapt.prompt_way import Given, Report, Saved, Way, joined
from ringsmith.backbones.entailment import EntailmentModel, follows, load_entailment
from ringsmith.records import Floats


class Entailment(Way):
    """Scores labels by the logit of "it follows"; less that of its opposite where each label stands for itself (multi-label).

    Args:
        nli: the model.
        words: of each label.
        hypothesis: the sentence, with ``{}`` for a label.
        alone: whether each label stands for itself.
    """

    name: ClassVar[str] = "entailment"

    def __init__(self, nli: EntailmentModel, words: Sequence[str], hypothesis: str, *, alone: bool) -> None:
        self.nli, self.words, self.hypothesis, self.alone = nli, list(words), hypothesis, alone
        self.parameters = nli.model.parameters
        self._sentences = [hypothesis.replace("{}", text) for text in self.words]

    @classmethod
    def candidates(cls, given: Given) -> Iterator[Way]:
        setting = given.setting
        yield cls(load_entailment(given.model, threads=setting.threads), given.words, given.options.hypothesis, alone=setting.task.activation == "sigmoid")

    def scores(self, texts: Sequence[str], pairs: Sequence[str] | None, report: Report | None = None) -> Floats:
        logits = follows(self.nli, joined(texts, pairs), self._sentences, report=report)
        return np.asarray(logits[..., 0] - logits[..., 1] if self.alone else logits[..., 0], dtype=np.float32)

    def truncated_share(self, texts: Sequence[str], pairs: Sequence[str] | None) -> float:
        longest = max(self._sentences, key=len)
        return float(self.nli.tokeniser(joined(texts, pairs), [longest] * len(texts)).cut.mean()) if len(texts) else 0.0

    def save(self, folder: Path) -> Mapping[str, Any]:
        copy_backbone(self.nli.model, folder)
        return {"words": self.words, "hypothesis": self.hypothesis}

    @classmethod
    def load(cls, saved: Saved) -> Entailment:
        nli = load_entailment(saved.model, threads=saved.threads)
        return cls(nli, saved.content["words"], saved.content["hypothesis"], alone=saved.task.activation == "sigmoid")
