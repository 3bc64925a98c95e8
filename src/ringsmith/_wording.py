"""What is written down anywhere: numbers with their nouns, sizes, and no characters that nothing can hold."""

from __future__ import annotations

from collections.abc import Iterable


def plural(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun.

    Examples:
        >>> plural(1, "row"), plural(2400, "row"), plural(0, "class", "classes")
        ('1 row', '2,400 rows', '0 classes')
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def first_of(parts: Iterable[str], most: int, between: str = ", ") -> str:
    """The first of them, and how many more there are.

    Examples:
        >>> first_of("abc", 3), first_of("abcdef", 4), first_of("abcd", 2, "; ")
        ('a, b, c', 'a, b, c, d and 2 more', 'a; b; and 2 more')
    """
    listed = list(parts)
    before = "" if between == ", " else between.rstrip()
    return between.join(listed[:most]) + (f"{before} and {len(listed) - most:,} more" if len(listed) > most else "")


def as_cell(text: str) -> str:
    r"""A text as a cell of a table in Markdown: one line, and no border within it.

    Examples:
        >>> print(as_cell("spam | ham,\n all of it"))
        spam \| ham, all of it
    """
    return " ".join(text.split()).replace("|", "\\|")


def size_of(megabytes: float) -> str:
    """A size in the unit that fits.

    Examples:
        >>> size_of(0.0123), size_of(0.0001), size_of(5.25), size_of(91.2), size_of(1150)
        ('13 kB', '< 1 kB', '5.2 MB', '91 MB', '1.1 GB')
    """
    if megabytes >= 1000:
        return f"{megabytes / 1024:.1f} GB"
    if 0 < megabytes < 0.5 / 1024:
        return "< 1 kB"
    return f"{megabytes * 1024:.0f} kB" if megabytes < 0.1 else f"{megabytes:.1f} MB" if megabytes < 9.95 else f"{megabytes:.0f} MB"


def without_halves(text: str) -> str:
    r"""The text with a question mark for each half of a surrogate pair, which no file and no tokenizer can hold: what is left of an emoji cut in two.

    Examples:
        >>> without_halves("fine \ud83d")
        'fine ?'
    """
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
