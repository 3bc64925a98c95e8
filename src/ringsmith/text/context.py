"""An honest guess at an English word's part of speech from its neighbours.

It is no tagger: a dozen small words before (and one after) decide, and where they say nothing, nothing is said. It is asked only for
words whose lemma depends on the answer.

    before                                  the word                        taken for
    any                                     is, had, does ... (not 9 am)    verb
    to, will, can, didn't ...               any                             verb        "will find"
    I, you, he, who ...                     any                             verb        "he leaves", "I saw"
    is, was, had ...                        -ing, -ed, a participle         verb        "is meeting", "had left"
    the, my, two, 2 ...                     plural, -ing, irregular verb    noun        "the leaves", "a meeting", "the saw"
    is, feels, very, much, the ...          comparative                     adjective   "is better", "much worse"
    a content word                          comparative, then a content word: adjective ("sells better cars"), otherwise adverb ("sings better")
"""

from __future__ import annotations

from ringsmith.text.english import Pos, irregular, word_set

ARTICLES = word_set("articles")
BE = word_set("be")
HAVE = word_set("have")
HELPERS = word_set("helpers")
SUBJECTS = word_set("subjects")
FEEL = word_set("feel")
DEGREES = word_set("degrees")
SMALL = word_set("small_words") | ARTICLES | BE | HAVE | HELPERS | SUBJECTS


def guess_pos(before: str, word: str, after: str) -> Pos | None:
    """The part of speech that the neighbours tell, None where they tell nothing.

    Args:
        before: the word before, in small letters; empty at the start of a sentence.
        word: the word itself, in small letters.
        after: the word after; empty at the end.

    Examples:
        >>> guess_pos("the", "leaves", "fall"), guess_pos("he", "leaves", ""), guess_pos("", "leaves", "")
        ('noun', 'verb', None)
    """
    if word == "am" and before.isdigit():
        return "noun"
    if word in irregular("adj") or word in irregular("adv"):
        return _of_comparative(before, after)
    if word in BE or word in HAVE or word in HELPERS or before in HELPERS or before in SUBJECTS:
        return "verb"
    past = word in irregular("verb")
    if before in BE or before in HAVE:
        return "verb" if past or word.endswith(("ing", "ed")) else "adj" if word.endswith(("er", "est")) else None
    if before in DEGREES and word.endswith(("er", "est")):
        return "adj"
    if before in ARTICLES or before.isdigit():
        return "noun" if past or word.endswith(("s", "ing")) or word in irregular("noun") else "adj" if word.endswith(("er", "est")) else None
    return None


def _of_comparative(before: str, after: str) -> Pos | None:
    """better, worst, further ...: they stand before what they describe, or after what they describe the doing of."""
    if before in ARTICLES or before in BE or before in FEEL or before in DEGREES:
        return "adj"
    if not before or before in SMALL:
        return None
    return "adj" if after and after not in SMALL else "adv"
