"""Does a word mean the same in two sentences? Cosine of its two vectors against a threshold (words in context: Pilehvar and Camacho-Collados, 2019)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ringsmith.backbones.backbone import Backbone
from ringsmith.backbones.senses import Use, contextual_vectors, static_vectors
from ringsmith.errors import InputError
from ringsmith.metrics import wilson
from ringsmith.records import Record, Report, silent
from ringsmith.visible.groups import unit

Array = npt.NDArray[np.floating]


@dataclass(frozen=True)
class ContextPair:
    """A word in two sentences, and whether it means the same in both."""

    one: Use
    other: Use
    same: bool


@dataclass(frozen=True)
class ContextScore(Record):
    """How well cosines tell whether a word means the same.

    Attributes:
        vectors: which: ``"static"``, or the mixture of layers of contextual ones.
        threshold: cosine from which the meaning is taken to be the same, chosen on other pairs than those it is judged by.
        chosen_accuracy: accuracy on the pairs it was chosen on.
        accuracy: accuracy on the pairs it is judged by.
        low: lower end of its 95 % interval (Wilson).
        high: upper end.
        pairs: how many it is judged by.
        always: accuracy of always giving the commoner answer.
    """

    vectors: str
    threshold: float
    chosen_accuracy: float
    accuracy: float
    low: float
    high: float
    pairs: int
    always: float


def word_in_context(
    backbone: Backbone,
    choose: Sequence[ContextPair],
    judge: Sequence[ContextPair],
    *,
    layers: Sequence[str] = ("last",),
    static: Mapping[str, Array] | None = None,
    report: Report = silent,
) -> list[ContextScore]:
    """Accuracy of a threshold on the cosine, for contextual vectors of each mixture of layers and for static ones.

    Args:
        backbone: loaded in float32.
        choose: pairs that the threshold is chosen on.
        judge: pairs that it is judged by; none of them may be among `choose`.
        layers: mixtures, as `ringsmith.backbones.senses.check_layers` takes them.
        static: vectors of word forms from a file; None for the model's input embeddings. Of a form without a vector the commoner answer is given.
        report: is told the sentences read.

    Returns:
        A score for each mixture, then one for static vectors. Choose among mixtures by `chosen_accuracy`.

    Raises:
        InputError: a part without pairs of both kinds, or pairs in both parts.
    """
    check_pairs(choose, judge)
    uses = [use for pair in (*choose, *judge) for use in (pair.one, pair.other)]
    different = list(dict.fromkeys(uses))
    place = {use: at for at, use in enumerate(different)}
    found = contextual_vectors(backbone, different, layers=layers, report=report)
    same = [np.array([pair.same for pair in part]) for part in (choose, judge)]

    def cosines(vectors: Array, part: Sequence[ContextPair]) -> Array:
        rows = unit(vectors)
        return np.array([rows[place[pair.one]] @ rows[place[pair.other]] for pair in part])

    scores = [score(name, cosines(vectors, choose), same[0], cosines(vectors, judge), same[1]) for name, vectors in found.items()]
    forms = [use.form for use in different]
    table = static_vectors(backbone, forms) if static is None else np.stack([static.get(form, static.get(form.lower(), np.zeros(_width(static)))) for form in forms])
    return [*scores, score("static", cosines(table, choose), same[0], cosines(table, judge), same[1])]


def score(name: str, chosen: Array, chosen_same: npt.NDArray[np.bool_], judged: Array, judged_same: npt.NDArray[np.bool_]) -> ContextScore:
    """A threshold chosen on some cosines, judged by others."""
    threshold, accuracy = best_threshold(chosen, chosen_same)
    right = int(((judged >= threshold) == judged_same).sum())
    low, high = wilson(right, len(judged))
    always = max(float(judged_same.mean()), 1 - float(judged_same.mean()))
    return ContextScore(name, round(threshold, 6), round(accuracy, 6), round(right / len(judged), 6), round(low, 6), round(high, 6), len(judged), round(always, 6))


def best_threshold(cosines: Array, same: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """The threshold with the best accuracy, halfway between two cosines, and that accuracy; "the same" is said from it on.

    Examples:
        >>> best_threshold(np.array([0.9, 0.7, 0.5, 0.1]), np.array([True, True, False, False]))
        (0.6, 1.0)
    """
    order = np.argsort(cosines, kind="stable")
    values, truth = cosines[order], same[order]
    right = np.concatenate([[0], np.cumsum(~truth)]) + np.concatenate([np.cumsum(truth[::-1])[::-1], [0]])
    allowed = np.concatenate([[True], values[1:] > values[:-1], [True]])  # a cut between equal cosines cannot be made
    cut = int(np.argmax(np.where(allowed, right, -1)))
    ends = np.concatenate([[values[0] - 2e-3], values, [values[-1] + 2e-3]])
    return float((ends[cut] + ends[cut + 1]) / 2), float(right[cut] / len(values))


def check_pairs(choose: Sequence[ContextPair], judge: Sequence[ContextPair]) -> None:
    """Refuse parts that cannot be chosen on or judged by."""
    for name, part in (("choose", choose), ("judge", judge)):
        if len({pair.same for pair in part}) < 2:
            raise InputError(f"'{name}' must hold pairs of both kinds, same and different; got {len(part)} of one kind. Bring more pairs.")
    if shared := set(choose) & set(judge):
        raise InputError(f"'judge' must hold other pairs than 'choose'; got {len(shared)} in both. Leave them out of one of the two.")


def _width(static: Mapping[str, Array]) -> int:
    return len(next(iter(static.values())))
