"""Prompting an encoder: a label is as likely as its words lie near the text (Chang, Ratinov, Roth and Srikumar, 2008: dataless classification)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ringsmith.adapt.probe import copy_backbone
from ringsmith.adapt.prompt_way import Given, Report, Saved, Way, joined
from ringsmith.backbones import Backbone, encode, load_backbone
from ringsmith.backbones.precision import possible_precisions
from ringsmith.records import Floats


class Similarity(Way):
    """Scores labels by the cosine between the mean of the text's token vectors and that of the label's words.

    Args:
        backbone: the encoder.
        words: of each label.
        sentence: what they stand in, with ``{}`` for them; ``{}`` alone for the bare words.
        cache: whether vectors of texts are kept on disk while it is fitted; what is fitted computes them, however often it is asked, so that its pace is its own.
    """

    name: ClassVar[str] = "similarity"

    def __init__(self, backbone: Backbone, words: Sequence[str], sentence: str, *, cache: bool = False) -> None:
        self.backbone, self.words, self.sentence, self.cache = backbone, list(words), sentence, cache
        self.parameters = backbone.model.parameters
        self._labels = _unit(self._vectors([sentence.replace("{}", text) for text in self.words]))

    @classmethod
    def candidates(cls, given: Given) -> Iterator[Way]:
        backbone = load_backbone(given.model, threads=given.setting.threads)
        for sentence in ("{}", given.options.hypothesis):  # the texts' vectors are computed once: they come from the cache the second time
            yield cls(backbone, given.words, sentence, cache=True)

    @property
    def chosen(self) -> Mapping[str, Any]:
        """What the words stand in, and the precision, which was measured."""
        return {"sentence": self.sentence, "precision": self.backbone.precision_note}

    def scores(self, texts: Sequence[str], pairs: Sequence[str] | None, report: Report | None = None) -> Floats:
        return np.asarray(self.embed(texts, pairs, report) @ self._labels.T, dtype=np.float32)

    def embed(self, texts: Sequence[str], pairs: Sequence[str] | None, report: Report | None = None) -> Floats:
        return _unit(self._vectors(joined(texts, pairs), report))

    def truncated_share(self, texts: Sequence[str], pairs: Sequence[str] | None) -> float:
        return self.backbone.truncated_share(joined(texts, pairs))

    def save(self, folder: Path) -> Mapping[str, Any]:
        copy_backbone(self.backbone.model, folder)
        return {"words": self.words, "sentence": self.sentence, "precision": self.backbone.precision}

    @classmethod
    def load(cls, saved: Saved) -> Similarity:
        known = saved.content["precision"] == "float32" or saved.content["precision"] in possible_precisions()
        return cls(load_backbone(saved.model, threads=saved.threads, precision=saved.content["precision"] if known else "auto"), saved.content["words"], saved.content["sentence"])

    def _vectors(self, texts: Sequence[str], report: Report | None = None) -> Floats:
        cache = self.cache and report is not None  # who fits listens
        return encode(self.backbone, texts, layers="last", pooling="mean", cache=cache, report=report)[:, 0]


def _unit(vectors: Floats) -> Floats:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9), dtype=np.float32)
