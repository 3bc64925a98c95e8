"""fastText's .bin: the words with their vectors, and the n-grams that give unknown words theirs. Read only.

The layout is that of `fasttext.cc`: magic and version (missing before 2017), twelve int32 and a float64 of arguments, the dictionary, the
input matrix (words first, then buckets). The output matrix is not needed. What `fasttext quantize` made smaller (.ftz) is refused.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ringsmith._files import no_such_file
from ringsmith.errors import ReadError
from ringsmith.records import Progress
from ringsmith.words.files.contract import Format, ReadOptions, decode_words, without_duplicates
from ringsmith.words.neighbours import Floats, Matrix
from ringsmith.words.ngrams import Ngrams
from ringsmith.words.vectors import WordVectors

MAGIC, NEWEST = 793712314, 12
ARGUMENTS = struct.Struct("<12id")
SUPERVISED = 3
END = b"</s>"
LONGEST_WORD = 1 << 16
PART = 1 << 16


@dataclass(frozen=True)
class Head:
    """What stands before the matrix.

    Attributes:
        width: d.
        words: the words' bytes (labels left out).
        counts: how often each occurred.
        rows: rows of the matrix.
        shortest: characters of the shortest n-gram.
        longest: of the longest; 0 where there are none.
        buckets: rows of n-grams.
        offset: where the matrix begins in the file.
        is_old: written before there were versions, when the end of a sentence had n-grams like any word.
    """

    width: int
    words: tuple[bytes, ...]
    counts: tuple[int, ...]
    rows: int
    shortest: int
    longest: int
    buckets: int
    offset: int
    is_old: bool


class _Cursor:
    """Numbers and strings read one after the other from a file's bytes."""

    def __init__(self, path: Path, content: Matrix) -> None:
        self.path, self.content, self.at = path, content, 0

    def take(self, form: struct.Struct | str) -> tuple[int | float, ...]:
        """The next numbers.

        Raises:
            ReadError: the file ends before.
        """
        form = struct.Struct(f"<{form}") if isinstance(form, str) else form
        if self.at + form.size > len(self.content):
            raise cut_off(self.path)
        values = form.unpack(self.content[self.at : self.at + form.size].tobytes())
        self.at += form.size
        return values

    def whole(self, form: str) -> int:
        """The next number, a whole one."""
        return int(self.take(form)[0])

    def word(self) -> bytes:
        """The bytes up to the next zero."""
        piece = self.content[self.at : self.at + LONGEST_WORD].tobytes()
        word, zero, _ = piece.partition(b"\0")
        if not zero:
            raise cut_off(self.path)
        self.at += len(word) + 1
        return word


def cut_off(path: Path) -> ReadError:
    """The sentence for a file that ends too early or holds what cannot be."""
    return ReadError(f"{path}: this fastText model is cut off or damaged. Copy or download it again.")


def looks_old(head: bytes, size: int) -> bool:
    """Whether these first bytes are the arguments of a fastText model from before the magic number."""
    if len(head) < ARGUMENTS.size + 20:
        return False
    width, window, epochs, _, _, grams, loss, model, buckets, shortest, longest, _, sample = ARGUMENTS.unpack(head[: ARGUMENTS.size])
    small = 0 < width <= 10_000 and 0 < window < 1000 and 0 < epochs < 100_000 and 1 <= loss <= 4 and 1 <= model <= 3
    return bool(small and 0 <= grams < 100 and 0 <= buckets < 1 << 31 and 0 <= shortest <= longest < 1000 and 0 <= sample <= 1 and 4 * width < size)


def read_fasttext(path: Path, options: ReadOptions) -> WordVectors:
    """The words of a fastText model, with n-grams for unknown ones where it has them; the buckets stay in the file.

    Raises:
        ReadError: cut off, quantised, of an unknown version, NaN, or words that are not UTF-8.
    """
    try:
        content = np.memmap(path, dtype=np.uint8, mode="r")
    except FileNotFoundError:
        raise no_such_file(path) from None
    except (OSError, ValueError) as error:
        raise ReadError(f"{path}: this file cannot be read ({error}). A fastText model must not be packed or empty: unpack it first.") from error
    head = _head(_Cursor(path, content))
    matrix = np.ndarray((head.rows, head.width), dtype="<f4", buffer=content, offset=head.offset)
    most = len(head.words) if options.most is None else min(options.most, len(head.words))
    words, replaced = decode_words(head.words[:most], path, options.errors, first=1, unit="word")
    ngrams = Ngrams(matrix[head.rows - head.buckets :], head.shortest, head.longest) if head.buckets else None
    whole = None if head.is_old else END
    vectors = WordVectors(words, _means(matrix[:most], ngrams, head.words[:most], whole, options), np.array(head.counts[:most]), ngrams=ngrams)
    if not np.isfinite(vectors.matrix).all():
        row = int(np.flatnonzero(~np.isfinite(vectors.matrix).all(axis=1))[0])
        raise ReadError(f"{path}, word {row + 1:,}: vectors must hold finite numbers; got NaN or infinity for the word {words[row]!r}. Train again, or download it again.")
    return without_duplicates(vectors, path, replaced=replaced)


def _head(cursor: _Cursor) -> Head:
    """Everything up to the matrix.

    Raises:
        ReadError: quantised, cut off, another version.
    """
    path, version = cursor.path, 0
    if cursor.whole("i") == MAGIC:
        if (version := cursor.whole("i")) > NEWEST:
            raise ReadError(f"{path}: fastText models up to version {NEWEST} are read; got version {version}. Save it with another version of fastText.")
    else:
        cursor.at = 0
    width, *_, model, buckets, shortest, longest, _ = (int(value) for value in cursor.take(ARGUMENTS)[:-1])
    _, number, labels, _ = (int(value) for value in cursor.take("iiiq"))
    pruned = cursor.whole("q") if version else -1
    if not 0 < width <= 1 << 20 or labels < 0 or not 0 < number <= len(cursor.content):
        raise cut_off(path)
    words, counts = _dictionary(cursor, number, labels)
    if pruned > 0 or (version and cursor.whole("?")):
        raise ReadError(f"{path}: quantised fastText models (.ftz) are not read: their vectors are only approximate. Name the .bin that it was made from, or its .vec.")
    rows, columns = (int(value) for value in cursor.take("qq"))
    if columns != width or rows < number or cursor.at + 4 * rows * width > len(cursor.content):
        raise cut_off(path)
    has_ngrams = longest > 0 and shortest > 0 and rows - number == buckets > 0 and not (model == SUPERVISED and version == 11)
    return Head(width, words, counts, rows, shortest, longest, rows - number if has_ngrams else 0, cursor.at, is_old=not version)


def _dictionary(cursor: _Cursor, number: int, labels: int) -> tuple[tuple[bytes, ...], tuple[int, ...]]:
    """The words and counts; labels stand behind them and are skipped."""
    words, counts = [], []
    for _ in range(number + labels):
        word = cursor.word()
        count, kind = (int(value) for value in cursor.take("qb"))
        if kind == 0:
            words.append(word)
            counts.append(count)
    if len(words) != number:
        raise cut_off(cursor.path)
    return tuple(words), tuple(counts)


def _means(own: Matrix, ngrams: Ngrams | None, words: tuple[bytes, ...], whole: bytes | None, options: ReadOptions) -> Floats:
    """The words' vectors: their own rows, or the means of these and those of their n-grams; the word `whole` has none."""
    if ngrams is None:
        return np.array(own, dtype=np.float32)
    from ringsmith.words.kernels.ngrams import mean_rows

    out = np.empty(own.shape, dtype=np.float32)
    for first in range(0, len(words), PART):
        part = words[first : first + PART]
        content = np.frombuffer(b"".join(b"<%b>" % word for word in part), dtype=np.uint8)
        ends = np.cumsum([len(word) + 2 for word in part], dtype=np.int64)
        spared = part.index(whole) if whole in part else -1
        last = first + len(part)
        mean_rows(np.array(own[first:last]), ngrams.buckets, content, ends, spared, ngrams.shortest, ngrams.longest, out[first:last])
        options.report(Progress("read", last, len(words), "words"))
    return out


FASTTEXT = Format("fasttext", "fastText .bin, with n-grams for unknown words (read only)", (), read_fasttext)
