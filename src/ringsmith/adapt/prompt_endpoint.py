"""Prompting a chat model over the network: it is told the labels, shown examples, and its answer is taken for the label it names.

An answer that names no label, or a question that is refused, is no answer: all labels get the same score, the rarest among the training
rows a shade more. So it counts as wrong unless the row is of the rarest label, and its probabilities say that nothing is known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ringsmith.adapt.answers import Answer
from ringsmith.adapt.endpoint import Endpoint, Messages
from ringsmith.adapt.endpoint_settings import EndpointSettings
from ringsmith.adapt.prompt_shots import Shot, draw_shots
from ringsmith.adapt.prompt_way import Given, Report, Saved, Way, in_words
from ringsmith.adapt.recipe import Pace
from ringsmith.catalogue import LocalModel
from ringsmith.errors import NotAtHand
from ringsmith.records import Floats
from ringsmith.tasks import Task

MOST_CHARACTERS = 20_000
"""A text is cut here: it is paid for by length."""
CLOSE = 0.85
"""Likeness (`difflib`) from which a misspelt answer is taken for a label."""
SHADE = 1e-3
HALF = re.compile(r"[^.!?\n]*\Z")
"""The sentence or line in which an answer was cut off."""
THOUGHTS = re.compile(r"<think>.*?(</think>|\Z)", re.DOTALL)


class Asked(Way):
    """Scores 1 for the label that was answered and 0 for the others.

    Args:
        endpoint: whom to ask.
        task: labels, and whether a text may have several.
        words: of each label.
        instruction: what the system is told.
        shots: examples, their labels in words.
        rarest: column of the label that an unanswered row gets.
        deadline: after which nothing is asked while it is fitted, by `time.monotonic`; infinity for no limit.
    """

    name: ClassVar[str] = "endpoint"

    def __init__(self, endpoint: Endpoint, task: Task, words: Sequence[str], instruction: str, shots: Sequence[Shot], *, rarest: int = 0, deadline: float = float("inf")) -> None:
        self.endpoint, self.task, self.words, self.instruction, self.shots = endpoint, task, list(words), instruction, list(shots)
        self.rarest, self.deadline = rarest, deadline
        self._answers: list[Answer] = []
        self._unread: list[Answer] = []

    @property
    def chosen(self) -> Mapping[str, Any]:
        """How many examples it shows."""
        return {"shots": len(self.shots)}

    @classmethod
    def candidates(cls, given: Given) -> Iterator[Way]:
        setting, options, train, words, task = given.setting, given.options, given.train, given.words, given.setting.task
        counts = (0,) if options.shots is None else options.shots
        endpoint = Endpoint(settings_of(given.model))
        instruction = _instruction(words, several=task.activation == "sigmoid") if options.instruction is None else options.instruction
        named = dict(zip(task.labels, words, strict=True))
        shots = [replace(shot, label=in_words(shot.label, named)) for shot in draw_shots(train, max(counts), known=task.labels, seed=setting.seed)]
        rarest = int(task.shares(task.targets(train.labels or [])).argmin()) if len(train) else 0
        for count in sorted({min(count, len(shots)) for count in counts}):
            yield cls(endpoint, task, words, instruction, shots[:count], rarest=rarest, deadline=given.budget.deadline)

    def scores(self, texts: Sequence[str], pairs: Sequence[str] | None, report: Report | None = None) -> Floats:
        questions = [self._question(text, None if pairs is None else pairs[number]) for number, text in enumerate(texts)]
        until = self.deadline if report is not None else float("inf")  # what is fitted answers whenever it is asked
        answers = self.endpoint.ask(questions, deadline=until, report=report)
        self._answers += answers
        columns = [self._read(answer) for answer in answers]
        if len(self._unread) == len(self._answers) > 1:
            got = f"{self.endpoint.settings.model!r} named none in all of its {len(self._answers)} answers, the first of them {_said(self._unread[0])[:80]!r}"
            raise NotAtHand(f"--endpoint: an answer must name a label; {got}. Ask another model, or allow it longer answers (--answer-tokens).")
        out = np.zeros((len(texts), len(self.words)), dtype=np.float32)
        for row, found in enumerate(columns):
            if found is None:
                out[row, self.rarest] = SHADE
            else:
                out[row, found] = 1.0
        return out

    def blank_scores(self, *, pairs: bool) -> Floats | None:
        """None: an answer is one label, and says nothing of how near the others were."""
        return None

    def truncated_share(self, texts: Sequence[str], pairs: Sequence[str] | None) -> float:
        return float(np.mean([len(text) > MOST_CHARACTERS for text in texts])) if texts else 0.0

    def notes(self) -> tuple[str, ...]:
        """Cost, answers that could not be read, and how long one takes."""
        told = [answer for answer in self._answers if answer.tokens_in is not None and answer.tokens_out is not None]
        notes = []
        if told:
            tokens_in, tokens_out = (float(np.mean([count or 0 for count in counts])) for counts in zip(*((a.tokens_in, a.tokens_out) for a in told), strict=True))
            dollars = 1000 * self.endpoint.settings.dollars(tokens_in, tokens_out)
            cost = f"${dollars:.3g} per 1,000 rows" if self.endpoint.settings.priced else "Cost per 1,000 rows unknown (give --price-in and --price-out)"
            notes.append(f"{cost}: {tokens_in:,.0f} tokens in and {tokens_out:,.1f} out a row.")
        elif self._answers:
            notes.append("The endpoint does not tell its tokens: its cost per 1,000 rows is not known.")
        if self._unread:
            notes.append(f"{len(self._unread):,} of {len(self._answers):,} answers named no label and count as wrong; one was {_said(self._unread[0])[:60]!r}.")
        if cut := sum(answer.cut for answer in self._unread):
            notes.append(f"{cut:,} of these {'was' if cut == 1 else 'were'} cut off: allow longer answers (--answer-tokens).")
        return tuple(notes)

    def pace(self) -> Pace | None:
        return Pace(tuple(answer.seconds for answer in self._answers if answer.text is not None), self.endpoint.settings.at_once)

    def save(self, folder: Path) -> Mapping[str, Any]:
        settings = {**asdict(self.endpoint.settings), "account": None}
        return {"settings": settings, "words": self.words, "instruction": self.instruction, "shots": [asdict(shot) for shot in self.shots], "rarest": self.rarest}

    @classmethod
    def load(cls, saved: Saved) -> Asked:
        content = saved.content
        endpoint, shots = Endpoint(EndpointSettings(**content["settings"])), [Shot(**shot) for shot in content["shots"]]
        return cls(endpoint, saved.task, content["words"], content["instruction"], shots, rarest=content["rarest"])

    def _question(self, text: str, pair: str | None) -> Messages:
        messages = [{"role": "system", "content": self.instruction}]
        for shot in self.shots:
            messages += [{"role": "user", "content": _shown(shot.text, shot.pair)}, {"role": "assistant", "content": str(shot.label)}]
        return [*messages, {"role": "user", "content": _shown(text, pair)}]

    def _read(self, answer: Answer) -> list[int] | None:
        """The columns an answer names; None where it names none, which is remembered."""
        text = THOUGHTS.sub("", answer.text or "")
        text = whole_of(text, self.words) if answer.cut else text
        found = read_labels(text, self.words) if self.task.activation == "sigmoid" else as_list(read_label(text, self.words))
        if found is None:
            self._unread.append(answer)
        return found


def settings_of(model: LocalModel) -> EndpointSettings:
    """What a model of the kind ``"endpoint"`` is asked with."""
    told = {name: value for name, value in model.settings.items() if name != "describe"}
    return EndpointSettings(**{"url": model.folder, "model": model.name, **told})


def whole_of(cut: str, words: Sequence[str]) -> str:
    """What an answer says for certain that was cut off: all of it where it is a label and no other label begins with it, else its whole sentences and lines.

    Examples:
        >>> [whole_of(cut, ["card lost", "card lost in mail", "fee"]) for cut in ("fee", "card lost", "Fee. The text", "It may be a fee, but")]
        ['fee', '', 'Fee.', '']
    """
    said = _bare(cut)
    return cut if [label for label in map(_bare, words) if label.startswith(said)] == [said] else HALF.sub("", cut)


def read_label(answer: str, words: Sequence[str]) -> int | None:
    """The number of the label that an answer names: exactly, as the only one within it, or misspelt; None for any other answer.

    Examples:
        >>> [read_label(answer, ["card lost", "card arrival", "fee"]) for answer in ("Card_arrival.", "Label: it is a fee", "card arival", "card lost or fee?", "no idea")]
        [1, 2, 1, None, None]
        >>> [read_label(answer, ["C", "C#"]) for answer in ("C#", "c", "Label: C#")]
        [1, 0, None]
    """
    for form in (str.strip, _small, _bare):
        said, labels = form(answer), [form(text) for text in words]
        if labels.count(said) == 1:
            return labels.index(said)
    within = [number for number, label in enumerate(labels) if re.search(rf"(?<!\w){re.escape(label)}(?!\w)", said)]
    longest = [number for number in within if not any(labels[number] != labels[other] and labels[number] in labels[other] for other in within)]
    if len(longest) == 1:
        return longest[0]
    near = get_close_matches(said, labels, n=2, cutoff=CLOSE) if not within else []
    return labels.index(near[0]) if len(near) == 1 else None


def read_labels(answer: str, words: Sequence[str]) -> list[int] | None:
    """The numbers of all labels in an answer with commas or lines between them; none for ``none``; None where it holds anything else.

    Examples:
        >>> read_labels("bug, docs", ["bug", "docs", "idea"]), read_labels("none", ["bug"]), read_labels("perhaps", ["bug"])
        ([0, 1], [], None)
    """
    parts = [part for part in re.split(r"[,;\n]", answer) if _bare(part)]
    if [_bare(part) for part in parts] == ["none"]:
        return []
    found = [read_label(part, words) for part in parts]
    known = sorted({number for number in found if number is not None})
    return known if known and len(known) >= len(found) / 2 else None


def as_list(number: int | None) -> list[int] | None:
    """One number as a list, None as it is."""
    return None if number is None else [number]


def _said(answer: Answer) -> str:
    """Its text, or why there is none."""
    return answer.text or answer.why


def _instruction(words: Sequence[str], *, several: bool) -> str:
    how = "all labels that fit, separated by commas, or none" if several else "exactly one of the labels"
    return f"You label texts. Answer with {how} and nothing else, spelt as here. Labels: {'; '.join(words)}."


def _shown(text: str, pair: str | None) -> str:
    second = "" if pair is None else f"\nSecond text: {pair[:MOST_CHARACTERS]}"
    return f"Text: {text[:MOST_CHARACTERS]}{second}"


def _small(text: str) -> str:
    """Without case, and blanks at the ends."""
    return text.strip().casefold()


def _bare(text: str) -> str:
    """Without case, blanks at the ends, punctuation around it, and a leading ``Label:``."""
    plain = " ".join(re.sub(r"[_\s]+", " ", text).casefold().split())
    return re.sub(r"^(label|answer|class|category)\s*[:=]\s*", "", plain.strip(" .,:;!?\"'`*#()[]{}")).strip(" .,:;!?\"'`*#()[]{}")
