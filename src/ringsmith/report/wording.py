"""Figures as people read them: thousands with commas, times in the unit that fits, a dash where nothing was measured."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

from ringsmith._wording import size_of

NOTHING = "–"
ABBREVIATIONS = {"f1": "F1", "mcc": "MCC", "auroc": "AUROC", "ece": "ECE"}
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,2})?", re.IGNORECASE)
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
"""What no page and no picture can hold: control characters but tab and line feed, halves of surrogate pairs, non-characters."""


def score(value: float | None, digits: int = 3) -> str:
    """A metric's value.

    Examples:
        >>> score(0.91666), score(None), score(-0.0001)
        ('0.917', '–', '0.000')
    """
    return NOTHING if value is None else f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "−")


def digits_of(values: Iterable[float | None], *, parts: int = 4, least: int = 3) -> int:
    """Digits behind the point that tell figures of this range apart: those of about `parts` equal steps through it, in ones, twos or fives; at least `least`.

    Examples:
        >>> digits_of([0.8, 0.95]), digits_of([0.9990, 0.9995]), digits_of([0.9, 0.9])
        (3, 4, 3)
    """
    known = [value for value in values if value is not None]
    step = (max(known) - min(known)) / parts if known else 0.0
    if step < 1e-7:  # equal but for rounding
        return max(least, 3)
    return max(least, -math.floor(math.log10(math.sqrt(2) * step)))  # from 7.07 of a power of ten on the next one is the nearest round step


def interval(low: float | None, high: float | None, digits: int = 3) -> str:
    """Both ends of an interval; nothing at all where there is none.

    Examples:
        >>> interval(0.897, 0.936), interval(None, None)
        ('0.897 to 0.936', '')
    """
    return "" if low is None or high is None else f"{score(low, digits)} to {score(high, digits)}"


def count(value: float | None) -> str:
    """A whole number with commas.

    Examples:
        >>> count(3000)
        '3,000'
    """
    return NOTHING if value is None else f"{round(value):,}"


def span(low: float, high: float) -> str:
    """From one whole number to another.

    Examples:
        >>> span(1, 1200), span(12, 12)
        ('1 to 1,200', '12')
    """
    return count(low) if round(low) == round(high) else f"{count(low)} to {count(high)}"


def duration(seconds: float | None) -> str:
    """A stretch of time in two units at most.

    Examples:
        >>> duration(0.034), duration(9.3), duration(72), duration(600), duration(3720)
        ('0.03 s', '9.3 s', '1 min 12 s', '10 min', '1 h 2 min')
    """
    if seconds is None:
        return NOTHING
    if 0 < seconds < 0.005:
        return "< 0.01 s"
    if seconds < 59.95:
        return f"{seconds:.2f} s" if seconds < 0.995 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{minutes} min {rest} s" if rest else f"{minutes} min"


def latency(milliseconds: float | None) -> str:
    """A short stretch of time.

    Examples:
        >>> latency(0.21), latency(6.13), latency(148.2), latency(2300)
        ('0.21 ms', '6.1 ms', '148 ms', '2.3 s')
    """
    if milliseconds is None:
        return NOTHING
    if 0 < milliseconds < 0.005:
        return "< 0.01 ms"
    if milliseconds >= 1000:
        return f"{milliseconds / 1000:.1f} s"
    return f"{milliseconds:.2f} ms" if milliseconds < 0.995 else f"{milliseconds:.1f} ms" if milliseconds < 99.5 else f"{milliseconds:.0f} ms"


def megabytes(value: float | None) -> str:
    """A size in the unit that fits.

    Examples:
        >>> megabytes(0.0123), megabytes(91.2), megabytes(1150)
        ('13 kB', '91 MB', '1.1 GB')
    """
    return NOTHING if value is None else size_of(value)


def large(value: float | None) -> str:
    """A large number, short.

    Examples:
        >>> large(22_713_216), large(8_200), large(120)
        ('22.7 M', '8.2 k', '120')
    """
    if value is None:
        return NOTHING
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= limit:
            return f"{value / limit:.1f} {unit}"
    return f"{value:.0f}"


def share(value: float | None) -> str:
    """A part of the whole in per cent.

    Examples:
        >>> share(0.0123), share(0), share(1.0), share(0.0002)
        ('1.2 %', '0 %', '100 %', '< 0.1 %')
    """
    if value is None:
        return NOTHING
    percent = 100 * value
    if 0 < percent < 0.1:
        return "< 0.1 %"
    return f"{percent:.0f} %" if percent in (0, 100) else f"{percent:.1f} %"


def p_value(value: float | None) -> str:
    """A probability under the hypothesis of no difference.

    Examples:
        >>> p_value(0.21), p_value(0.00001), p_value(0.0213)
        ('0.21', '< 0.001', '0.021')
    """
    if value is None:
        return NOTHING
    return "< 0.001" if value < 0.001 else f"{value:.2f}" if value >= 0.1 else f"{value:.3f}"


def rate(value: float | None) -> str:
    """Rows a second.

    Examples:
        >>> rate(1234.5), rate(0.52), rate(89_516_813)
        ('1,234', '0.5', '89.5 M')
    """
    if value is None:
        return NOTHING
    return large(value) if value >= 1e6 else f"{value:.1f}" if value < 10 else f"{value:,.0f}"


def capital(text: str) -> str:
    """With a capital; the rest stays as it is.

    Examples:
        >>> capital("mean F1 of the classes")
        'Mean F1 of the classes'
    """
    return text[:1].upper() + text[1:]


def metric_title(name: str) -> str:
    """A metric's name as a heading; the class of ``f1:CLASS`` stays as it is.

    Examples:
        >>> metric_title("macro_f1"), metric_title("f1:spam_mail"), metric_title("auroc"), metric_title("log_loss")
        ('Macro F1', 'F1 of spam_mail', 'AUROC', 'Log loss')
    """
    stem, _, label = name.partition(":")
    words = [ABBREVIATIONS.get(word, word) for word in stem.split("_")]
    return capital(" ".join(words)) + (f" of {label}" if label else "")


def in_order(labels: Sequence[str]) -> list[int]:
    """Places of the labels in the order in which people expect them: by their size where all are numbers, as they stand otherwise.

    Examples:
        >>> in_order(["1e3", "10", "2.5"]), in_order(["b", "10", "2"])
        ([2, 1, 0], [0, 1, 2])
    """
    places = list(range(len(labels)))
    return sorted(places, key=lambda place: float(labels[place])) if all(NUMBER.fullmatch(label) for label in labels) else places


def joined(names: Sequence[str], *, last: str = "and") -> str:
    """Names in a row.

    Examples:
        >>> joined(["a", "b", "c"])
        'a, b and c'
    """
    return f"{', '.join(names[:-1])} {last} {names[-1]}" if len(names) > 1 else "".join(names)


def clean(content: Any) -> Any:
    r"""JSON content whose strings a page can hold: what it cannot becomes the replacement character.

    Examples:
        >>> clean({"text": ["a\x00b"]})
        {'text': ['a�b']}
    """
    if type(content) is str:
        return CONTROL.sub("\N{REPLACEMENT CHARACTER}", content.replace("\r\n", "\n").replace("\r", "\n"))
    if type(content) is list:
        return [clean(item) for item in content]
    if type(content) is dict:
        return {clean(key): clean(item) for key, item in content.items()}
    return content


def shown(value: Any) -> str:
    """A setting as text.

    Examples:
        >>> shown(None), shown(True), shown(["a", "b"]), shown({"p50": 1.5})
        ('–', 'yes', 'a, b', 'p50 1.5')
    """
    if value is None or value == "" or value == [] or value == {}:
        return NOTHING
    if type(value) is bool:
        return "yes" if value else "no"
    if type(value) is float:
        return f"{value:,.6g}"
    if type(value) is list:
        return ", ".join(shown(item) for item in value)
    if type(value) is dict:
        return ", ".join(f"{key} {shown(item)}" for key, item in value.items())
    return str(value)
