"""Porter's stemmer, step by step as in the paper: M. F. Porter (1980), An algorithm for suffix stripping, Program 14(3), 130-137.

One departure, which Porter's own program makes as well: words of one or two letters stay as they are, so that "is" does not become "i".
The later extensions of that program (``logi``, ``bli``) are left out, as in the paper.

A word is a pattern of consonants C and vowels V, ``[C](VC)^m[V]``; *m* is its measure.
"""

from __future__ import annotations

STEP_2 = {
    "ational": "ate", "tional": "tion", "enci": "ence", "anci": "ance", "izer": "ize", "abli": "able", "alli": "al", "entli": "ent",
    "eli": "e", "ousli": "ous", "ization": "ize", "ation": "ate", "ator": "ate", "alism": "al", "iveness": "ive", "fulness": "ful",
    "ousness": "ous", "aliti": "al", "iviti": "ive", "biliti": "ble",
}  # fmt: skip
STEP_3 = {"icate": "ic", "ative": "", "alize": "al", "iciti": "ic", "ical": "ic", "ful": "", "ness": ""}
STEP_4 = dict.fromkeys(
    ["al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent", "ion", "ou", "ism", "ate", "iti", "ous", "ive", "ize"],
    "",
)  # fmt: skip


def porter(word: str) -> str:
    """The stem of a lower-case English word.

    Examples:
        >>> [porter(word) for word in ("caresses", "relational", "hopping", "generalizations", "oscillators")]
        ['caress', 'relat', 'hop', 'gener', 'oscil']
    """
    if len(word) <= 2:
        return word
    word = _step_1c(_step_1b(_step_1a(word)))
    word = _swap(word, STEP_2, least=1)
    word = _swap(word, STEP_3, least=1)
    word = _swap(word, STEP_4, least=2)
    return _step_5b(_step_5a(word))


def shape(word: str) -> str:
    """One letter per letter: ``v`` for a vowel, ``c`` for a consonant; y is a vowel after a consonant.

    Examples:
        >>> shape("syzygy"), shape("toy")
        ('cvcvcv', 'cvc')
    """
    kinds = ""
    for letter in word:
        vowel = letter in "aeiou" or (letter == "y" and kinds[-1:] == "c")
        kinds += "v" if vowel else "c"
    return kinds


def measure(word: str) -> int:
    """*m*, the number of times a consonant follows a vowel.

    Examples:
        >>> [measure(word) for word in ("tree", "trouble", "private")]
        [0, 1, 2]
    """
    return shape(word).count("vc")


def _doubled(word: str) -> bool:
    """*d: it ends in a double consonant."""
    return word[-1:] == word[-2:-1] and shape(word).endswith("cc")


def _short(word: str) -> bool:
    """*o: it ends in consonant, vowel, consonant, the last not w, x or y."""
    return shape(word).endswith("cvc") and word[-1] not in "wxy"


def _step_1a(word: str) -> str:
    if word.endswith(("sses", "ies")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word


def _step_1b(word: str) -> str:
    if word.endswith("eed"):
        return word[:-1] if measure(word[:-3]) > 0 else word
    for suffix in ("ed", "ing"):
        stem = word.removesuffix(suffix)
        if stem != word:
            return _mend(stem) if "v" in shape(stem) else word
    return word


def _mend(stem: str) -> str:
    """What follows the removal of -ed and -ing: conflat(ed) -> conflate, hopp(ing) -> hop, fil(ing) -> file."""
    if stem.endswith(("at", "bl", "iz")):
        return stem + "e"
    if _doubled(stem) and stem[-1] not in "lsz":
        return stem[:-1]
    return stem + "e" if measure(stem) == 1 and _short(stem) else stem


def _step_1c(word: str) -> str:
    return word[:-1] + "i" if word.endswith("y") and "v" in shape(word[:-1]) else word


def _swap(word: str, endings: dict[str, str], *, least: int) -> str:
    """Replace the longest of `endings` where the measure before it is at least `least`; shorter ones are not tried after it."""
    for length in range(min(7, len(word)), 1, -1):
        ending = word[-length:]
        if ending in endings:
            stem = word[:-length]
            allowed = measure(stem) >= least and (ending != "ion" or stem.endswith(("s", "t")))
            return stem + endings[ending] if allowed else word
    return word


def _step_5a(word: str) -> str:
    stem = word.removesuffix("e")
    if stem == word:
        return word
    m = measure(stem)
    return stem if m > 1 or (m == 1 and not _short(stem)) else word


def _step_5b(word: str) -> str:
    return word[:-1] if word.endswith("ll") and measure(word[:-1]) > 1 else word
