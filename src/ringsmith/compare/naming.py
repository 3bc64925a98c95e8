r"""Recipes as they are asked for, and as the table then calls the candidates: ``lora``, or with options ``lora[method=dora,rank=16]``.

A value that holds a comma or a bracket stands in quotes: ``prompt[instruction="Sort these, one by one."]``. Single quotes take everything as it
stands; in double ones ``\"`` is a quote, ``\n`` a new line and ``\\`` a backslash. `records.write_value` writes what is read here.
"""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterator
from typing import Any

from ringsmith.errors import OptionError

WORDS = {"true": True, "false": False, "none": None}
QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"|\'[^\']*\'', re.DOTALL)
ESCAPED = re.compile(r'\\(["\\n])')


def split_names(text: str) -> tuple[str, ...]:
    """Names that commas part; those within brackets or quotes part nothing.

    Examples:
        >>> split_names("tfidf, lora[layers=[query,value],rank=16],probe")
        ('tfidf', 'lora[layers=[query,value],rank=16]', 'probe')
    """
    parts, depth = [""], 0
    for piece in _pieces(text):
        depth += (piece in "[(") - (piece in "])")
        if piece == "," and depth <= 0:
            parts.append("")
        else:
            parts[-1] += piece
    return tuple(name for part in parts if (name := part.strip()))


def _pieces(text: str) -> Iterator[str]:
    """The letters of a text; what stands in quotes is one piece. A quote opens only where a value begins: ``it's`` has none."""
    at, begins = 0, True
    while at < len(text):
        quoted = QUOTED.match(text, at) if begins else None
        piece = quoted[0] if quoted else text[at]
        yield piece
        begins = piece in "=,[(" or (begins and piece.isspace())
        at += len(piece)


def read_recipe(text: str) -> tuple[str, dict[str, Any]]:
    """Name and options of a recipe; numbers, true, false, none and lists in brackets are read as such, all else as words.

    Raises:
        OptionError: brackets that hold anything but ``NAME=VALUE``, or a name twice.

    Examples:
        >>> read_recipe("lora[method=dora,rank=16,layers=[query,value]]")
        ('lora', {'method': 'dora', 'rank': 16, 'layers': ['query', 'value']})
        >>> read_recipe("prompt[instruction='One word, please.']")
        ('prompt', {'instruction': 'One word, please.'})
        >>> read_recipe("probe")
        ('probe', {})
    """
    name, bracket, inside = text.strip().partition("[")
    if not bracket:
        return name, {}
    name, options = name.strip(), [option.partition("=") for option in split_names(inside[:-1])]
    count = Counter(_pieces(text))
    whole = name and inside.endswith("]") and count["["] == count["]"]
    if not whole or not options or any(not option.strip() or not value.strip() for option, _, value in options):
        hint = " A value that holds commas or brackets stands in quotes." if len(options) > 1 or count["["] != count["]"] else ""
        raise OptionError(f"A recipe with options must look like lora[rank=16,method=dora]: NAME=VALUE, parted by commas, in brackets; got {text!r}.{hint}")
    values = [(option.strip().replace("-", "_"), read_value(value)) for option, _, value in options]
    if twice := [option for option, count in Counter(option for option, _ in values).items() if count > 1]:
        raise OptionError(f"Every option of a recipe must be given once; {twice[0]!r} is there twice in {text!r}. Two values are two recipes: {name}[...],{name}[...].")
    return name, dict(values)


def for_shell(recipe: str) -> str:
    """A recipe as one writes it in a command: brackets are a pattern of file names to some shells (zsh).

    Examples:
        >>> for_shell("lora[rank=16]"), for_shell("lora")
        ('"lora[rank=16]"', 'lora')
    """
    if '"' in recipe or "\\" in recipe:
        return shlex.quote(recipe)
    return f'"{recipe}"' if "[" in recipe else recipe


def read_value(text: str) -> Any:
    """A value as it was meant.

    Examples:
        >>> [read_value(text) for text in ("16", "2e-4", "true", "none", "dora", "[1, 2]", "'16'")]
        [16, 0.0002, True, None, 'dora', [1, 2], '16']
    """
    text = text.strip()
    if QUOTED.fullmatch(text):
        return text[1:-1] if text[0] == "'" else ESCAPED.sub(lambda found: "\n" if found[1] == "n" else found[1], text[1:-1])
    if text[:1] + text[-1:] in ("[]", "()"):
        return [read_value(part) for part in split_names(text[1:-1])]
    if text.lower() in WORDS:
        return WORDS[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
