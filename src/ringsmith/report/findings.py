"""What was found in the data, put into words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ringsmith._wording import first_of, plural
from ringsmith.report.summary import Fact, Findings, Standing
from ringsmith.report.wording import capital, count, joined, share, shown, span

LANGUAGES = {
    "ar": "Arabic", "bg": "Bulgarian", "bn": "Bengali", "cs": "Czech", "da": "Danish", "de": "German", "el": "Greek", "en": "English", "es": "Spanish",
    "fa": "Persian", "fi": "Finnish", "fr": "French", "he": "Hebrew", "hi": "Hindi", "hu": "Hungarian", "hy": "Armenian", "id": "Indonesian", "it": "Italian",
    "ja": "Japanese", "ka": "Georgian", "ko": "Korean", "nl": "Dutch", "no": "Norwegian", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian", "ru": "Russian",
    "sv": "Swedish", "ta": "Tamil", "th": "Thai", "tr": "Turkish", "uk": "Ukrainian", "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip
READING = ("source", "format", "compression", "encoding", "delimiter", "quote", "header", "columns", "text_column", "label_column", "pair_column", "group_column",
           "time_column", "split_column")  # fmt: skip
UNSPACED = ("ja", "th", "zh")
"""Languages that put no blanks between words: their texts are as long as their characters."""
IN_MEMORY = "memory"
"""The source of rows that were no file: a second table then goes by the name of the argument it was given as."""
CHARACTERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar", " ": "blank", '"': "double quote", "'": "single quote"}


def find(study: Mapping[str, Any], board: Sequence[Standing]) -> Findings:
    """The findings of reading and checking, as a page shows them.

    Args:
        study: ``study.json``; its ``read`` and ``data`` are `ReadFindings` and `DataFindings` as JSON.
        board: the leaderboard, for the shares of truncated texts.
    """
    read, data = study.get("read") or {}, study.get("data") or {}
    histogram = data.get("words_histogram") or {}
    examples = read.get("examples") or {}
    return Findings(
        facts=_reading(read),
        read=read.get("rows_read") or 0,
        used=read.get("rows_used") or 0,
        rows=data.get("rows") or 0,
        test=_test(study),
        dropped=[(reason, rows, joined(list(examples.get(reason) or ()))) for reason, rows in (read.get("dropped") or {}).items()],
        classes=list((data.get("classes") or {}).items()),
        rare=list(data.get("rare_classes") or {}),
        about=_about(data),
        duplicates=[_duplicate(example) for example in data.get("duplicate_examples") or ()],
        conflicts=[_conflict(example) for example in data.get("conflict_examples") or ()],
        lengths=(list(histogram.get("edges") or ()), list(histogram.get("counts") or ())),
        unit=unit_of(data.get("language", "unknown")),
        truncated=[(row.candidate, row.truncated_share) for row in board if row.truncated_share],
        splits=[(split["name"], split["train"], split["valid"], split["test"]) for split in study.get("splits") or ()],
        notes=list(dict.fromkeys([*(read.get("notes") or ()), *_notes_of_test(study.get("read_test") or {}), *(data.get("notes") or ())])),
        split_notes=[capital(note) for note in study.get("split_notes") or ()],
    )


def _test(study: Mapping[str, Any]) -> tuple[str, int, int] | None:
    read, first = study.get("read_test"), study.get("first_test_row")
    if not read or first is None:
        return None
    return "test" if read["source"] == IN_MEMORY else read["source"], read["rows_used"], first


def _notes_of_test(read: Mapping[str, Any]) -> list[str]:
    """What was found in a second table, and which of its rows were left out."""
    examples = read.get("examples") or {}
    dropped = [f"{plural(rows, 'row')} left out: {reason} ({joined(list(examples.get(reason) or ()))})." for reason, rows in (read.get("dropped") or {}).items()]
    return [f"{read['source']}: {note}" for note in (*dropped, *(read.get("notes") or ()))]


def _reading(read: Mapping[str, Any]) -> list[Fact]:
    wording: dict[str, Callable[[Any], str]] = {"delimiter": _character, "quote": _character, "header": lambda value: "first row names the columns" if value else "none"}
    given = [(name, read[name]) for name in READING if read.get(name) is not None]
    return [(name.replace("_", " ").capitalize(), wording.get(name, shown)(value)) for name, value in given]


def _character(value: str) -> str:
    return CHARACTERS.get(value, value)


def _about(data: Mapping[str, Any]) -> list[Fact]:
    if not data:
        return []
    words = data.get("words") or {}
    language = data.get("language", "unknown")
    facts = [
        ("Language", f"{LANGUAGES.get(language, language)}" + (f" (likely: {share(data['language_share'])} of the evidence)" if data.get("language_share") else "")),
        ("Length", _length(words, unit_of(language)) if words else shown(None)),
        ("Largest class", f"{share(data.get('majority_share'))} of the rows"),
        ("Classes with few rows", _rare(data)),
        ("Exact duplicates", plural(data.get("exact_duplicates", 0), "row")),
        ("Near duplicates", plural(data.get("near_duplicates", 0), "row")),
        ("Same text on both sides of a split", _leaks(data.get("leaks") or {})),
        ("Texts with more than one label", f"{plural(data.get('conflicts', 0), 'text')} in {plural(data.get('conflicting_rows', 0), 'row')}" if data.get("conflicts") else "none"),
    ]
    if (data.get("labels_per_row") or 1) != 1:
        facts.append(("Labels for each row", f"{data['labels_per_row']:.2f} on average"))
    if data.get("groups"):
        facts.append(("Groups", f"{count(data['groups'])}, never cut apart by a split"))
    return facts


def unit_of(language: str) -> str:
    """What the length of a text is counted in: a word, or a character where no blanks part words.

    Examples:
        >>> unit_of("en"), unit_of("ja"), unit_of("unknown")
        ('word', 'character', 'word')
    """
    return "character" if language in UNSPACED else "word"


def _length(words: Mapping[str, float], unit: str) -> str:
    """Words of the shortest and the longest text, and of the middle half of them."""
    if round(words["min"]) == round(words["max"]):
        return plural(round(words["max"]), unit)
    return f"{span(words['min'], words['max'])} {unit}s, half of the texts {span(words['q25'], words['q75'])}"


def _rare(data: Mapping[str, Any]) -> str:
    rare = data.get("rare_classes") or {}
    if not rare:
        return "none"
    names = first_of((f"{label} ({count(rows)})" for label, rows in rare.items()), 10)
    return f"{plural(len(rare), 'class', 'classes')} below {data.get('rare_below')} rows to learn from: {names}"


def _leaks(leaks: Mapping[str, Mapping[str, int]]) -> str:
    """What was taken out of each split because its rows stand on the other side, too."""
    sides = (("train", "training"), ("valid", "validation"))
    taken = {name: joined([f"{plural(rows[side], 'row')} left out of {words}" for side, words in sides if rows.get(side)]) for name, rows in leaks.items()}
    return "; ".join(f"{name}: {left_out}" for name, left_out in taken.items() if left_out) or "none"


def _duplicate(example: Mapping[str, Any]) -> tuple[str, str, str, str]:
    first, second = [*example["texts"], "", ""][:2]
    return str(example.get("kind", "")), joined([str(row) for row in example["rows"]]), first, second


def _conflict(example: Mapping[str, Any]) -> tuple[str, str, str]:
    labels = ", ".join(f"{label} ({rows})" for label, rows in example["labels"].items())
    return example["text"], labels, joined([str(row) for row in example["rows"]])
