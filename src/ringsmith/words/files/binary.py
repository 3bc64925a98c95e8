"""word2vec binary: a header "words width", then for each word its bytes, a blank and d float32 (and, from word2vec.c, a newline)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ringsmith.errors import ReadError
from ringsmith.records import Progress
from ringsmith.words.files.contract import Format, ReadOptions, Target, refuse_words
from ringsmith.words.files.packed import chunks, opened, packing
from ringsmith.words.files.rows import Rows
from ringsmith.words.files.text import WIDEST, Header, header_of, shown
from ringsmith.words.neighbours import blocks
from ringsmith.words.vectors import WordVectors

LONGEST_WORD = 1 << 16
LONGEST_HEADER = 64


def read_binary(path: Path, options: ReadOptions) -> WordVectors:
    """Vectors from a word2vec binary file, packed or not.

    Raises:
        ReadError: no header, cut off, more or fewer words than promised, NaN, words that are not UTF-8.
    """
    with opened(path) as (stream, file):
        line = stream.readline(LONGEST_HEADER)
        header = header_of(line)
        if header is None or not line.endswith(b"\n") or not header.rows or not 0 < header.width <= WIDEST:
            raise ReadError(f"{path}: the first line must say how many words and how many numbers each; got {shown(line)}. Check that this is a word2vec binary file.")
        rows, rest = Rows(path, options, header.width, "word"), b""
        wanted = header.rows if options.most is None else min(header.rows, options.most)
        for piece in chunks(stream, file, path.stat().st_size, options.report):
            rest = _take(rows, rest + piece, wanted, path)
            if len(rows) == wanted:
                break
        if options.most is None:
            _check_end(path, header, len(rows), rest or stream.read(1))
    if len(rows) < wanted:
        raise ReadError(f"{path}: the header promises {header.rows:,} words of {header.width} numbers; got {len(rows):,}. The file is cut off: copy or download it again.")
    return rows.vectors()


def _take(rows: Rows, block: bytes, wanted: int, path: Path) -> bytes:
    """Move whole records from the block into `rows`; what is left of the block."""
    from ringsmith.words.kernels.decimals import binary_rows

    limit = min(wanted - len(rows), len(block) // (4 * rows.width + 1) + 1)
    starts, stops = np.empty(limit, dtype=np.int64), np.empty(limit, dtype=np.int64)
    out = np.empty((limit, 4 * rows.width), dtype=np.uint8)
    number, at = binary_rows(np.frombuffer(block, dtype=np.uint8), 0, limit, 4 * rows.width, starts, stops, out)
    pieces = [block[start:stop] for start, stop in zip(starts[:number].tolist(), stops[:number].tolist(), strict=True)]
    first = len(rows) + 1
    for offset, piece in enumerate(pieces):
        if not piece:
            raise ReadError(f"{path}, word {first + offset:,}: a record must begin with a word; got none. The width in the header is wrong, or the file is damaged.")
    rows.add(pieces, out[:number].view("<f4").astype(np.float32, copy=False), first)
    rest = block[at:]
    if len(rows) < wanted and len(rest) > LONGEST_WORD and b" " not in rest[:LONGEST_WORD]:
        raise ReadError(f"{path}, word {len(rows) + 1:,}: a word must be shorter than {LONGEST_WORD:,} bytes; got a longer one. The header is wrong, or the file damaged.")
    return rest


def _check_end(path: Path, header: Header, rows: int, rest: bytes) -> None:
    if rows == header.rows and rest.strip(b"\n"):
        raise ReadError(f"{path}: the header promises {header.rows:,} words of {header.width} numbers; more follows. Mend the header, or read these with most={header.rows}.")


def write_binary(vectors: WordVectors, target: Target) -> None:
    """Word2vec binary with a newline after each vector, as word2vec.c writes it; float32 whatever the precision was."""
    refuse_words(vectors, target.name, forbidden=r" \t\r\n", what="word2vec binary")
    with packing(target.name, target.path) as stream:
        stream.write(f"{len(vectors)} {vectors.dimensions}\n".encode())
        for take, ids in blocks(len(vectors)):
            block = vectors.decoded(take).astype("<f4", copy=False)
            stream.write(b"".join(piece for row, line in zip(ids.tolist(), block, strict=True) for piece in (vectors.words[row].encode(), b" ", line.tobytes(), b"\n")))
            target.report(Progress("write", int(ids[-1]) + 1, len(vectors), "words"))


WORD2VEC_BINARY = Format("word2vec-binary", "word2vec binary: a header, then each word with float32 numbers", (".bin",), read_binary, write_binary)
