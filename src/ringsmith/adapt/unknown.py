"""Texts in a script that a backbone does not know: one unknown piece after another."""

from __future__ import annotations

from ringsmith.backbones import Tokeniser, Tokens

WORTH_TELLING = 0.05
"""Share of unknown pieces from which on it is said."""


def note_of_unknown(tokeniser: Tokeniser, tokens: Tokens, name: str) -> tuple[str, ...]:
    """A note where the backbone of this name does not know much of what the texts are written in; else nothing."""
    share = tokeniser.unknown_share(tokens)
    what = f"{share:.0%} of the pieces of the texts are unknown to {name}, which reads them all alike"
    return (f"{what}: a model for their language or script would read more.",) if share >= WORTH_TELLING else ()
