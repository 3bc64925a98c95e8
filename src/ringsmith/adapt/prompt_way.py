"""What every way of prompting keeps to: labels in words, and a score for each of them after a text."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from ringsmith.adapt.labelnames import in_plain_words
from ringsmith.adapt.options import Conditional, hold
from ringsmith.adapt.recipe import Pace, Setting
from ringsmith.catalogue import LocalModel
from ringsmith.errors import OptionError, UsageError
from ringsmith.records import Budget, Floats, Label, TextSet
from ringsmith.tasks import Task

Report = Callable[[int, int], None]
"""Is told the rows done and the rows in all; what it raises ends the scoring."""
BLANKS = ("N/A", "", "[MASK]")
"""Texts that say nothing (Zhao et al., 2021, section 5): what a model answers to them is its own inclination."""


@dataclass(frozen=True)
class PromptOptions(Conditional):
    """Options of the recipe `prompt`.

    Attributes:
        shots: numbers of training rows shown as examples that are tried; the validation rows choose. None for 0, 4 and 16 with a causal model and for 0
            through an endpoint, where every one of them is paid for with every row.
        describe: label -> the words that stand for it, where its own name says little.
        instruction: what the model is told first; None for a sentence that lists the labels.
        hypothesis: sentence that an NLI model is asked about, with ``{}`` for the label; with an encoder it is tried beside the label's bare words.
    """

    shots: tuple[int, ...] | None = None
    describe: Mapping[str, str] = field(default_factory=dict)
    instruction: str | None = None
    hypothesis: str = "This text is about {}."

    def __post_init__(self) -> None:
        object.__setattr__(self, "shots", None if self.shots is None else tuple(self.shots))
        hold(
            self,
            (
                (
                    "shots",
                    lambda counts: counts is None or (len(counts) > 0 and all(isinstance(count, int) and count >= 0 for count in counts)),
                    "one or more whole numbers from 0 on",
                ),
                ("hypothesis", lambda text: text.count("{}") == 1, "a sentence with one {} for the label"),
            ),
        )

    def idle(self, model: LocalModel | None) -> dict[str, str]:
        return {"hypothesis": "through an endpoint"} if model is not None and model.kind == "endpoint" else {}


@dataclass(frozen=True, eq=False)
class Given:
    """What candidates are made from.

    Attributes:
        setting: all that the recipe was given besides the rows.
        options: the recipe's options.
        train: the training rows, prepared; examples come from them.
        budget: wall clock.
    """

    setting: Setting
    options: PromptOptions
    train: TextSet
    budget: Budget

    @property
    def model(self) -> LocalModel:
        """The model to ask."""
        assert self.setting.model is not None, "create_recipe sees to it"
        return self.setting.model

    @property
    def words(self) -> list[str]:
        """The words of each label."""
        return label_words(self.setting.task, self.options.describe)


@dataclass(frozen=True, eq=False)
class Saved:
    """What a saved way is loaded from.

    Attributes:
        content: what `Way.save` returned.
        model: the model in the saved folder, or behind the endpoint.
        task: what the labels mean.
        threads: CPU threads, None for all cores.
    """

    content: Mapping[str, Any]
    model: LocalModel
    task: Task
    threads: int | None


class Way(ABC):
    """One way of asking a pre-trained model for labels. It is made by `candidates` or `load`, and only scores.

    Attributes:
        name: as it stands in the saved model and in the facts.
        parameters: parameters that a prediction uses.
        chosen: what tells this candidate from the others, for the facts.
    """

    name: ClassVar[str]
    parameters: int = 0

    @property
    def chosen(self) -> Mapping[str, Any]:
        """Nothing, where there is one candidate only."""
        return {}

    @classmethod
    @abstractmethod
    def candidates(cls, given: Given) -> Iterator[Way]:
        """What is tried on the validation rows, the cheapest first."""

    @abstractmethod
    def scores(self, texts: Sequence[str], pairs: Sequence[str] | None, report: Report | None = None) -> Floats:
        """A score for each of the K labels, float32 (n, K): greater is likelier; equal texts may come several times."""

    def blank_scores(self, *, pairs: bool) -> Floats | None:
        """The scores of texts that say nothing (m, K); None where they would tell nothing."""
        return self.scores(BLANKS, BLANKS if pairs else None)

    def truncated_share(self, texts: Sequence[str], pairs: Sequence[str] | None) -> float:
        """Share of the texts of which something is cut off."""
        return 0.0

    def notes(self) -> tuple[str, ...]:
        """What a reader should know, a sentence each."""
        return ()

    def pace(self) -> Pace | None:
        """As `Fitted.pace`."""
        return None

    def embed(self, texts: Sequence[str], pairs: Sequence[str] | None) -> Floats:
        """The vectors that are compared with the labels.

        Raises:
            UsageError: this way compares none.
        """
        raise UsageError(f"The recipe 'prompt' has no vectors where it asks by {self.name}. Embed with a 'probe' or 'full' model.")

    @abstractmethod
    def save(self, folder: Path) -> Mapping[str, Any]:
        """Write the model's files into `folder`; what else `load` needs is returned, as JSON types."""

    @classmethod
    @abstractmethod
    def load(cls, saved: Saved) -> Way:
        """What `save` wrote."""


def label_words(task: Task, describe: Mapping[str, str]) -> list[str]:
    """The words that stand for each label, see `labelnames.in_plain_words`.

    Raises:
        UnknownName: a label is described that the data do not have.
        OptionError: a label has no words, or two have the same.
    """
    words = in_plain_words(task.labels, describe)
    for label, text in zip(task.labels, words, strict=True):
        if not any(character.isalnum() for character in text):
            raise OptionError(f"Recipe 'prompt' asks for labels by their names, which must hold a letter or a digit; got {label!r}. Describe it: --describe {label!r}=WORDS.")
    if len(set(words)) < len(words):
        first = next(text for text in words if words.count(text) > 1)
        same = [label for label, text in zip(task.labels, words, strict=True) if text == first]
        raise OptionError(f"Recipe 'prompt' tells labels apart by their words; {' and '.join(map(repr, same))} are all called {first!r}. Describe them: --describe LABEL=WORDS.")
    return words


def in_words(label: Label, words: Mapping[str, str]) -> str:
    """A label as an example shows it; several of them with commas, ``none`` for no label at all."""
    return words[label] if isinstance(label, str) else ", ".join(words[name] for name in label) or "none"


def joined(texts: Sequence[str], pairs: Sequence[str] | None) -> Sequence[str]:
    """Text and pair as one text, a line each."""
    return texts if pairs is None else [f"{text}\n{pair}" for text, pair in zip(texts, pairs, strict=True)]


def describe_note(words: Sequence[str]) -> tuple[str, ...]:
    """A note where the labels are mere numbers, from which no model can guess what they mean."""
    if not all(text.replace(" ", "").isdigit() for text in words):
        return ()
    return (f"The labels are called {', '.join(words[:3])}: numbers say nothing to a model; describe them (--describe {words[0]}=WORDS).",)
