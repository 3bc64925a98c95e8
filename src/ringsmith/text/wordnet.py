"""WordNet's own morphology (*morphy*: exception lists, then rules of detachment held against its lexicon), where its data are installed.

The package comes with the extra ``wordnet``; the data are looked for where nltk looks for them and are never downloaded from here.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ringsmith._optional import try_import
from ringsmith.errors import NotAtHand
from ringsmith.text.english import Pos

CODES: dict[Pos, str] = {"noun": "n", "verb": "v", "adj": "a", "adv": "r"}


@lru_cache(maxsize=1 << 17)
def wordnet_lemma(word: str, pos: Pos) -> str:
    """The lemma of a word in small letters: of the forms *morphy* finds the shortest, as in NLTK; the word itself where it finds none.

    Raises:
        MissingExtra: nltk is not installed.
        NotAtHand: WordNet's data are not on this machine.
    """
    forms = _reader()._morphy(word, CODES[pos])  # the public morphy() gives its first form only, which is "better" for "better"
    return str(min(forms, key=len)) if forms else word


def wordnet_at_hand() -> bool:
    """Whether both the package and the data are on this machine; looks in nltk's folders without importing it, which takes seconds."""
    return find_spec("nltk") is not None and any((folder / "corpora" / name).exists() for folder in _data_folders() for name in ("wordnet", "wordnet.zip"))


def _data_folders() -> Iterator[Path]:
    """Where nltk looks for data, in its order; see https://www.nltk.org/data.html."""
    yield from map(Path, filter(None, os.environ.get("NLTK_DATA", "").split(os.pathsep)))
    yield Path.home() / "nltk_data"
    yield from (Path(sys.prefix, *inside, "nltk_data") for inside in ((), ("share",), ("lib",)))
    yield from (Path(root, "nltk_data") for root in ("/usr/share", "/usr/local/share", "/usr/lib", "/usr/local/lib"))
    yield from (Path(os.environ[name], "nltk_data") for name in ("APPDATA",) if name in os.environ)


@cache
def _reader() -> Any:
    reader = try_import("nltk.corpus", purpose="WordNet's morphology").wordnet
    try:
        reader.ensure_loaded()
    except LookupError as error:
        raise NotAtHand(
            "'lemmatise:wordnet': WordNet's data are not on this machine. Use 'lemmatise', which needs none, or install them: python -m nltk.downloader wordnet."
        ) from error
    return reader
