"""Numbers with their nouns, for sentences wherever they are written."""

from __future__ import annotations


def plural(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun.

    Examples:
        >>> plural(1, "row"), plural(2400, "row"), plural(0, "class", "classes")
        ('1 row', '2,400 rows', '0 classes')
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"
