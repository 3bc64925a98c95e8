"""Files of vectors: how long each form takes to write, to open, and to give a first vector; made-up numbers in a temporary folder.

    python benchmarks/words/files.py [--words 400000] [--width 300] [--mapped-words 3000000] [--forms word2vec-text ...] [--out FILE]

Prints JSON: seconds and megabytes of each form; gensim's seconds for word2vec text and binary, where it is installed; and for the mapped form
with `--mapped-words` words (0 leaves it out; it takes 4 bytes x words x width of disk) the seconds until it is open, until a vector by number
and until a vector by word (which makes the index of words), each in a fresh process.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from outcome import hand_in, machine

NAMES = {"word2vec-text": "v.txt", "word2vec-binary": "v.bin", "glove": "v.glove", "safetensors": "v.safetensors", "npy": "v.npy", "static": "v"}
OPEN = """
import json, sys, time
from ringsmith.words.files import open_vectors
t = [time.perf_counter()]
v = open_vectors(sys.argv[1]); t.append(time.perf_counter())
v.decoded(len(v) // 2); t.append(time.perf_counter())
v.vector(sys.argv[2]); t.append(time.perf_counter())
print(json.dumps({"open": t[1] - t[0], "first_vector_by_number": t[2] - t[1], "first_vector_by_word": t[3] - t[2]}))
"""


def seconds(run: Any) -> tuple[float, Any]:
    """How long it took, and what it gave."""
    started = time.perf_counter()
    result = run()
    return round(time.perf_counter() - started, 3), result


def size(path: Path) -> float:
    """Megabytes of a file or folder."""
    return round(sum(file.stat().st_size for file in ([path] if path.is_file() else path.rglob("*"))) / 1e6, 1)


def forms(folder: Path, words: int, width: int, wanted: list[str]) -> dict[str, Any]:
    from ringsmith.words.files import open_vectors, save_vectors
    from ringsmith.words.vectors import WordVectors

    matrix = np.random.default_rng(0).standard_normal((words, width), dtype=np.float32)
    vectors, result = WordVectors([f"word{row}" for row in range(words)], matrix), {}
    warm = save_vectors(vectors.take(slice(10)), folder / "warm.txt")
    open_vectors(warm)
    open_vectors(save_vectors(vectors.take(slice(10)), folder / "warm.bin"))
    for name in wanted:
        path = folder / NAMES[name]
        write, _ = seconds(lambda path=path: save_vectors(vectors, path))
        read, again = seconds(lambda path=path: open_vectors(path))
        result[name] = {"write_seconds": write, "open_seconds": read, "megabytes": size(path), "same": bool((np.asarray(again.matrix[-1]) == matrix[-1]).all())}
        if find_spec("gensim") and name.startswith("word2vec"):
            from gensim.models import KeyedVectors

            binary = name.endswith("binary")
            theirs, _ = seconds(lambda path=path, binary=binary: KeyedVectors.load_word2vec_format(str(path), binary=binary))
            result[name] |= {"gensim_open_seconds": theirs, "times_as_fast": round(theirs / read, 1)}
    return result


def mapped(folder: Path, words: int, width: int) -> dict[str, Any]:
    from ringsmith.words.files import save_vectors
    from ringsmith.words.vectors import WordVectors

    matrix = np.lib.format.open_memmap(folder / "big.npy", mode="w+", dtype=np.float32, shape=(words, width))
    rng = np.random.default_rng(0)
    for start in range(0, words, 1 << 17):
        part = matrix[start : start + (1 << 17)]
        part[:] = rng.standard_normal(part.shape, dtype=np.float32)
    path = folder / "big.safetensors"
    write, _ = seconds(lambda: save_vectors(WordVectors([f"word{row}" for row in range(words)], matrix), path))
    done = subprocess.run([sys.executable, "-c", OPEN, str(path), f"word{words - 1}"], check=True, capture_output=True, text=True)
    return {"words": words, "width": width, "megabytes": size(path), "write_seconds": write} | {f"{key}_seconds": round(value, 4) for key, value in json.loads(done.stdout).items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--words", type=int, default=400_000)
    parser.add_argument("--width", type=int, default=300)
    parser.add_argument("--mapped-words", type=int, default=3_000_000)
    parser.add_argument("--forms", nargs="*", default=list(NAMES))
    parser.add_argument("--out", type=Path, default=None)
    options = parser.parse_args()
    result: dict[str, Any] = {
        "words": options.words,
        "width": options.width,
        "machine": machine(),
    }
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        result["forms"] = forms(Path(name), options.words, options.width, options.forms)
    if options.mapped_words:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
            result["mapped"] = mapped(Path(name), options.mapped_words, options.width)
    hand_in(result, options.out)


if __name__ == "__main__":
    main()
