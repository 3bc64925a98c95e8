"""A model folder as an object that answers: `load` it, then `predict`, `predict_proba`, `embed`.

Decisions: one text or many go through the same call and come back in the same shape (a string gives one answer, a list gives a list);
work is cut into chunks so that a progress bar can move and memory stays flat; an empty list gives an empty answer. A text of blanks has no
answer, here as on the command line: what a model says of no text is no prediction. Its place stays, so that answers stand beside their texts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from ringsmith._files import path_of
from ringsmith.errors import UsageError
from ringsmith.records import Floats, Label

if TYPE_CHECKING:
    from ringsmith.adapt.recipe import Fitted

CHUNK = 2048
"""Texts handed to the model at once: large enough for full batches, small enough to show progress."""


SOME_TEXT = "text"


@dataclass(frozen=True)
class Prediction:
    """One answer.

    Attributes:
        label: the predicted label (a tuple of labels for multi-label); None where the text, or the second one, is empty or blanks.
        score: its probability; for multi-label the lowest probability among the predicted labels, or of none of them; NaN where there is no label.
    """

    label: Label | None
    score: float


NO_ANSWER = Prediction(None, float("nan"))


class Predictor:
    """A fitted model, loaded from its folder.

    Attributes:
        folder: where it was loaded from.
        labels: the class names, in the order of the columns of `predict_proba`.
        recipe: name of the recipe that made it.
        pairs: whether it was trained on pairs of texts, None where its folder does not say.
    """

    def __init__(self, fitted: Fitted, folder: Path) -> None:
        self._fitted = fitted
        self.folder = folder
        self.recipe = fitted.recipe
        self.labels = fitted.task.labels
        self.pairs = fitted.pairs

    def __repr__(self) -> str:
        return f"Predictor({str(self.folder)!r}, recipe={self.recipe!r}, labels={list(self.labels)})"

    @overload
    def predict(self, texts: str, pairs: str | None = None) -> Label | None: ...  # type: ignore[overload-overlap]
    @overload
    def predict(self, texts: Sequence[str], pairs: Sequence[str] | None = None) -> list[Label | None]: ...
    def predict(self, texts: str | Sequence[str], pairs: str | Sequence[str] | None = None) -> Label | list[Label | None] | None:
        """The label of one text, or of each of many.

        Args:
            texts: one text or n of them. One that is empty or of blanks has no label, as with ``ringsmith predict``: None stands in its place.
            pairs: the second text of each, for a model that was trained on pairs.
        """
        labels = [answer.label for answer in self.answers(*_listed(texts, pairs))]
        return labels[0] if isinstance(texts, str) else labels

    def predict_proba(self, texts: str | Sequence[str], pairs: str | Sequence[str] | None = None) -> Floats:
        """Probabilities, float32: (K,) for one text, (n, K) for many; column k belongs to ``labels[k]``. NaN for texts that are empty or of blanks."""
        probabilities = self._stacked(self._fitted.predict_proba, *_listed(texts, pairs))
        return probabilities[0] if isinstance(texts, str) else probabilities

    def embed(self, texts: str | Sequence[str], pairs: str | Sequence[str] | None = None) -> Floats:
        """The vectors the model's head sees, float32: (d,) for one text, (n, d) for many. NaN for texts that are empty or of blanks.

        Raises:
            UsageError: the model has no vectors (the majority baseline).
        """
        vectors = self._stacked(self._fitted.embed, *_listed(texts, pairs))
        return vectors[0] if isinstance(texts, str) else vectors

    def answers(self, texts: Sequence[str], pairs: Sequence[str] | None = None, *, report: Callable[[int], None] | None = None) -> list[Prediction]:
        """Label and score of each text; `report` is told how many are done after each chunk."""
        out = [NO_ANSWER] * len(texts)
        self._check(pairs)
        for at, some, seconds in _chunks(texts, pairs):
            probabilities = self._fitted.predict_proba(some, seconds)
            labels = self._fitted.task.decode(probabilities)
            for row, label, of_row in zip(at, labels, probabilities, strict=True):
                out[row] = Prediction(label, self._score(label, of_row))
            if report is not None:
                report(at[-1] + 1)
        return out

    def _check(self, pairs: Sequence[str] | None) -> None:
        if self.pairs is True and pairs is None:
            raise UsageError("This model was trained on pairs of texts; got no second texts. Give 'pairs' as well; on the command line --pair: a column, or the second text.")
        if self.pairs is False and pairs is not None:
            raise UsageError("This model was trained on single texts; got second texts ('pairs', --pair). Leave them out.")

    def _score(self, label: Label, probabilities: Floats) -> float:
        if isinstance(label, str):
            return float(probabilities.max())
        named = [float(probabilities[self.labels.index(name)]) for name in label]
        return min(named) if named else float(1 - probabilities.max(initial=0.0))

    def _stacked(self, function: Callable[..., Floats], texts: Sequence[str], pairs: Sequence[str] | None) -> Floats:
        self._check(pairs)
        parts = [(at, function(some, seconds)) for at, some, seconds in _chunks(texts, pairs)]
        answer = parts[0][1] if parts else function([SOME_TEXT], None if pairs is None else [SOME_TEXT])  # for its width
        stacked = np.full((len(texts), answer.shape[1]), np.nan, dtype=np.float32)
        for at, part in parts:
            stacked[at] = part
        return stacked


def load(folder: str | Path, *, threads: int | None = None) -> Predictor:
    """The model in `folder`, ready to answer.

    Args:
        folder: a folder that `ringsmith compare` wrote (``runs/NAME/best``).
        threads: CPU threads to use, None for all cores.

    Raises:
        ModelError: it is no model folder, a file is missing, or a file was changed after it was written.
        MissingExtra: the model is a transformer and the extra ``transformers`` is not installed.
    """
    from ringsmith.adapt import load_fitted

    place = path_of(folder)
    return Predictor(load_fitted(place, threads=threads), place)


def _listed(texts: str | Sequence[str], pairs: str | Sequence[str] | None) -> tuple[Sequence[str], Sequence[str] | None]:
    many, seconds = _strings("texts", texts), None if pairs is None else _strings("pairs", pairs)
    if seconds is not None and len(seconds) != len(many):
        raise UsageError(f"pairs must be as long as texts ({len(many)}); got {len(seconds)}.")
    return many, seconds


def _strings(name: str, given: Any) -> Sequence[str]:
    if isinstance(given, str):
        return [given]
    if not isinstance(given, Iterable) or isinstance(given, bytes | bytearray):
        raise UsageError(f"{name} must be a string or several; got {type(given).__name__}.")
    if isinstance(given, Mapping) or hasattr(given, "columns"):  # whose items are the names of its columns
        raise UsageError(f"{name} must be a string or several; got a {type(given).__name__}, a table. Give one column of it.")
    many: Sequence[Any] = given if isinstance(given, Sequence) else list(given)
    for row, text in enumerate(many):
        if not isinstance(text, str):
            raise UsageError(f"{name}[{row}] must be a string; got {type(text).__name__}. Convert it, or leave the row out.")
    return many


def _chunks(texts: Sequence[str], pairs: Sequence[str] | None) -> Iterator[tuple[list[int], Sequence[str], Sequence[str] | None]]:
    """The positions of so many texts at once that have words, the texts, and their second texts."""
    told = [row for row, text in enumerate(texts) if text.strip() and (pairs is None or pairs[row].strip())]
    for start in range(0, len(told), CHUNK):
        at = told[start : start + CHUNK]
        yield at, [texts[row] for row in at], None if pairs is None else [pairs[row] for row in at]
