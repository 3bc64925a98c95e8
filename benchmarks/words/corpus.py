"""A corpus in the manner of text8, one paragraph a line, from plain text: for the other benchmarks here.

    python benchmarks/words/corpus.py wiki-en.txt.xz wiki.txt [--bytes 100000000]

Lower case, accents off, digits spelt out, everything else a blank; paragraphs of fewer than five words are left out.
"""

from __future__ import annotations

import argparse
import lzma
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

DIGITS = str.maketrans({str(digit): f" {word} " for digit, word in enumerate(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"])})
OTHER = re.compile(r"[^a-z]+")


def plain(line: str) -> str:
    """The words of a line."""
    letters = unicodedata.normalize("NFKD", line).encode("ascii", "ignore").decode("ascii").lower()
    return OTHER.sub(" ", letters.translate(DIGITS)).strip()


def paragraphs(source: Path) -> Iterator[str]:
    """Lines worth keeping."""
    with lzma.open(source, "rt", encoding="utf-8") if source.suffix == ".xz" else source.open(encoding="utf-8") as file:
        yield from (text for text in map(plain, file) if text.count(" ") >= 4)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--bytes", type=int, default=100_000_000)
    chosen = parser.parse_args()
    written = 0
    with chosen.out.open("w", encoding="ascii", newline="\n") as out:
        for text in paragraphs(chosen.source):
            written += out.write(text + "\n")
            if written >= chosen.bytes:
                break
    print(f"{chosen.out}: {written:,} bytes")


if __name__ == "__main__":
    main()
