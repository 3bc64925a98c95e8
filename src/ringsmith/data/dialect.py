"""A sample of text -> its dialect: each is tried, the one that cuts the sample into the most even records wins.

Evidence beats hope: quoting is assumed only where a quoted cell holds what needs quoting, or where every quote stands where a quoted cell's
must; a delimiter is accepted only where nearly all records have the same number of cells, or where the first record names known columns.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from ringsmith.data import names
from ringsmith.data.scan import Dialect, parse
from ringsmith.errors import OptionError

DELIMITERS = ("\t", ",", ";", "|")
QUOTES = (None, '"', "'")
POSSIBLE = re.compile("[\x1c-\x1f]|(?![A-Za-z0-9\"'])[!-~]")
"""A sign that neither words nor quotes are made of; or one of the four separators of ASCII."""
NAMES = {"tab": "\t", "comma": ",", "semicolon": ";", "bar": "|"}
"""What messages call a delimiter, and users may: a tab is hard to type."""
SAMPLE = 1 << 17
EVEN = 0.8
"""Smallest share of records with the usual number of cells for a delimiter without named columns."""
BLANK_ROWS = 20
"""Fewest lines from which on ``label text`` with one blank between may be recognised."""


@dataclass(frozen=True)
class Trial:
    """One dialect tried on the sample.

    Attributes:
        dialect: what was tried.
        width: cells of a record.
        even: share of the records that have so many.
        named: whether the first record names columns.
        proof: whether quoting is proven, see `_proof`.
        prose: share of the delimiters with a blank behind them, as in a sentence.
    """

    dialect: Dialect
    width: int
    even: float
    named: bool
    proof: int
    prose: float


def known_delimiter(text: str | None) -> str | None:
    r"""The character that a user names as what stands between cells; None stays None.

    Raises:
        OptionError: none, several, or one that texts or quoting need.

    Examples:
        >>> known_delimiter("tab"), known_delimiter(";")
        ('\t', ';')
    """
    text = {**NAMES, "\\t": "\t", "pipe": "|"}.get(text.lower(), text) if text else text
    if text is None or text in DELIMITERS:
        return text
    if not POSSIBLE.fullmatch(text):
        is_one_repeated = len(text) > 1 and set(text) == {text[0]}
        hint = f"Name one of them ({text[0]!r}): empty columns are left out." if is_one_repeated else "Leave it out, and it is found."
        raise OptionError(f"'delimiter' must be one character that words and quotes do not need: ',' ';' '|' '^' or tab; got {text!r}. {hint}")
    return text


def sniff(sample: str, scattered: str = "", delimiter: str | None = None) -> Dialect:
    r"""The dialect of `sample`, the beginning of a file in whole records; ``Dialect("", None)`` where each line is one cell.

    Args:
        sample: whole records from the beginning.
        scattered: lines from all over the file (files are often sorted by label), for telling ``label text``; empty for `sample` itself.
        delimiter: what stands between cells, None to find it; the quoting is found in any case.

    Examples:
        >>> sniff("text;label\n'a; b';x\n'c';y\n")
        Dialect(delimiter=';', quote="'")
    """
    if delimiter is not None:
        return max(_trials(sample, delimiter), key=_merit).dialect
    trials = [trial for one in DELIMITERS if one in sample for trial in _trials(sample, one)]
    accepted = [trial for trial in trials if trial.width > 1 and (trial.even >= EVEN or trial.named)]
    if accepted:
        return max(accepted, key=_merit).dialect
    if separated_by_blank(scattered or sample):
        return Dialect(" ", None)
    return max(_trials(sample, ""), key=_merit).dialect


def _trials(sample: str, delimiter: str) -> list[Trial]:
    """All ways of quoting with one delimiter, as far as the sample knows them."""
    return [_try(sample, Dialect(delimiter, quote)) for quote in QUOTES if quote is None or quote in sample]


def _try(sample: str, dialect: Dialect) -> Trial:
    records = [cells for _, cells in parse(sample, dialect) if cells]
    if not records:
        return Trial(dialect, 0, 0.0, False, 0, 0.0)
    width, agreeing = Counter(map(len, records)).most_common(1)[0]
    named = len(records[0]) > 1 and names.name_columns(records[0])
    if named:
        width, agreeing = len(records[0]), sum(len(cells) == len(records[0]) for cells in records)
    prose = sample.count(f"{dialect.delimiter} ") / max(1, sample.count(dialect.delimiter)) if dialect.delimiter else 0.0
    return Trial(dialect, width, agreeing / len(records), named, _proof(sample, records, dialect), prose)


def _proof(sample: str, records: list[list[str]], dialect: Dialect) -> int:
    """+1 where quoting is proven, -1 where it is not, 0 for a dialect without quotes.

    Proof: most quote characters of the sample were used up as quoting, or a quoted cell holds a delimiter or line end.
    """
    if dialect.quote is None:
        return 0
    left = sum(cell.count(dialect.quote) for cells in records for cell in cells)
    special = any("\n" in cell or (dialect.delimiter and dialect.delimiter in cell) for cells in records for cell in cells)
    used = sample.count(dialect.quote) - left
    if dialect.quote == "'":
        # Apostrophes around a text are common; single quotes must be many to be quoting (rare ones are weighed over the whole file later).
        return 1 if used > left and used >= len(records) else -1
    return 1 if used > left or (special and used * 4 > left) else -1


def _merit(trial: Trial) -> tuple[float, ...]:
    usual = -DELIMITERS.index(trial.dialect.delimiter) if trial.dialect.delimiter in DELIMITERS else 0
    return (round(trial.even, 2) + (0.25 if trial.named else 0.0), trial.proof, trial.even, -round(trial.prose, 1), usual)


def separated_by_blank(sample: str) -> bool:
    """Whether each line is a label, one blank and a text: fastText's ``__label__x text``, or a number or one of a few words first."""
    lines = [line for line in sample.split("\n") if line.strip()]
    firsts = [line.split(" ", 1)[0] for line in lines if " " in line]
    if not lines or len(firsts) < len(lines):
        return False
    if all(first.startswith("__label__") for first in firsts):
        return True
    counts = Counter(firsts)
    few = len(lines) >= BLANK_ROWS and 2 <= len(counts) <= 20 and min(counts.values()) >= 3
    return few and (all(first.lstrip("+-").isdigit() for first in firsts) or len(lines) >= 5 * BLANK_ROWS)
