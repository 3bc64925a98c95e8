"""The vocabulary of both languages: which characters are in it, the same in every process."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

from ringsmith.pretrain.joint import SPECIAL, UNKNOWN, train_joint_vocabulary

KANJI = [chr(0x4E00 + number) for number in range(3_000)]
LEARN = """
from ringsmith.pretrain.joint import train_joint_vocabulary
from ringsmith.pretrain.tokenfile import hash_tokeniser
print(hash_tokeniser(train_joint_vocabulary([chr(0x4E00 + number) for number in range(300)], 80, length=8)))
"""


def test_every_process_learns_the_same_vocabulary() -> None:
    """Of 300 characters that are equally frequent there is room for 40: a training that was killed goes on with the same ones."""
    found = {subprocess.run([sys.executable, "-c", LEARN], check=True, capture_output=True, text=True).stdout for _ in range(2)}
    assert len(found) == 1


def test_characters_are_the_most_frequent_then_those_with_the_lower_code() -> None:
    """Counted as they are after normalisation: a letter with its accent behind it is one."""
    texts = ["e\u0301"] * 3 + [character for number, character in enumerate(reversed(KANJI)) for _ in range(2 if number % 100 == 0 else 1)]
    pieces = set(train_joint_vocabulary(texts, 200, length=8).get_vocab()) - set(SPECIAL)
    singles = {piece for piece in pieces if len(piece) == 1}
    counts = Counter({character: 2 if number % 100 == 0 else 1 for number, character in enumerate(reversed(KANJI))})
    slow = sorted(KANJI, key=lambda character: (-counts[character], ord(character)))
    assert singles == {"▁", "é", *slow[:98]}


def test_a_text_of_many_characters_is_known_where_the_vocabulary_has_room() -> None:
    """Three thousand of them, as in Chinese, in a vocabulary of 8,000; a thousand of them were known before. What is left is one in two thousand."""
    texts = ["".join(KANJI[(number * 7 + place * 31) % 3_000] for place in range(12)) for number in range(3_000)]
    tokeniser = train_joint_vocabulary(texts, 8_000, length=32)
    assert sum(piece == UNKNOWN for row in tokeniser(texts)["input_ids"] for piece in row) <= 3_000 * 13 / 2_000
    assert len(tokeniser) <= 8_000


def test_characters_that_much_text_hardly_holds_take_no_place_from_words() -> None:
    """A thousand may be pieces whatever they are worth; beyond these only what nearly all of the text needs."""
    texts = ["a text of many words " * 100] * 2_000 + KANJI[:2_000]
    assert len([piece for piece in train_joint_vocabulary(texts, 8_000, length=32).get_vocab() if len(piece) == 1]) == 1_000
