"""What is looked at must be a text: known before anything heavy is imported."""

from __future__ import annotations

from ringsmith.errors import InputError


def check_text(text: str, pair: str | None) -> None:
    """Refuse a text without anything in it, and what is no text."""
    for name, given in (("TEXT", text), ("--pair", pair)):
        if given is not None and not isinstance(given, str):
            raise InputError(f"{name} must be a string; got {type(given).__name__}. Look at one text at a time.")
        if given is not None and not given.strip():
            raise InputError(f"{name} must hold at least one word; got an empty text. Write what the model should read.")
