"""Small pre-trained models, a folder each, that plain transformers loads: ``AutoModel.from_pretrained(folder("bert"))``.

Ringsmith finds them by name (``ringsmith compare DATA --models zoo``); nothing of this package is imported for that.
"""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).parent


def names() -> list[str]:
    """The models in this package."""
    return sorted(place.name for place in HERE.iterdir() if (place / "ringsmith.json").is_file())


def folder(name: str) -> Path:
    """The folder of one of them.

    Raises:
        ValueError: there is none of this name.
    """
    if name not in names():
        raise ValueError(f"There is no model {name!r} in the zoo. Known: {', '.join(names())}.")
    return HERE / name
