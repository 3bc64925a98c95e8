"""The dictionaries of lemmas in 40 languages that simplemma brings along; no network, nothing to install."""

from __future__ import annotations

from functools import lru_cache


@lru_cache(maxsize=1 << 17)
def dictionary_lemma(word: str, code: str) -> str:
    """The most usual lemma of `word` in the language with simplemma's `code`; the word itself where it is not known."""
    import simplemma  # here, so that `import ringsmith.text` stays quick

    return simplemma.lemmatize(word, lang=code) if word else word


@lru_cache(maxsize=1 << 17)
def is_word(word: str, code: str) -> bool:
    """Whether the dictionary holds this form."""
    import simplemma

    return bool(word) and simplemma.is_known(word, lang=code)
