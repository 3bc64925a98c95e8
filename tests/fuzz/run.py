"""Feed the readers garbage for a bounded time: ``make fuzz``, or ``python tests/fuzz/run.py --seconds 60 [TARGET ...]``.

Each target takes bytes and must end in a result or in an error of ours; anything else is a fault, and the bytes that caused it are written
to ``tests/fuzz/found/`` (not committed: put them into a test). Coverage-guided by atheris; each target runs in a process of its own.
"""

from __future__ import annotations

import argparse
import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

FOUND = Path(__file__).resolve().parent / "found"
SLACK = 120
"""Seconds a target may take beyond its time: starting up, and one slow input."""


def fuzz_file(content: bytes) -> None:
    """Any file: recognised, decoded and cut into cells, or refused."""
    from ringsmith.data.read import read_source
    from ringsmith.data.source import unpack

    read_source(unpack("file", content))


def fuzz_table(content: bytes) -> None:
    """Any text as a table with labels: every row has one fate."""
    from ringsmith.data.read import read_table

    with on_disk(content) as path:
        found = read_table(path).findings
    if found.rows_read != found.rows_used + sum(found.dropped.values()):
        raise AssertionError(f"rows were lost: {found}")


def fuzz_inputs(content: bytes) -> None:
    """Any text as texts to predict."""
    from ringsmith.data.predictions import predicted, read_texts

    with on_disk(content) as path:
        inputs = read_texts(path)
    frame, _ = predicted(inputs, ["x"] * len(inputs.texts), [0.5] * len(inputs.texts))
    if len(frame) != inputs.findings.rows_read:
        raise AssertionError(f"rows were lost: {inputs.findings}")


def fuzz_scan(content: bytes) -> None:
    """The vectorised count and the slow parser agree wherever quotes are well formed."""
    from ringsmith.data.scan import Dialect, parse, scan

    text = content[1:].decode("utf-8", errors="ignore")
    dialect = Dialect(",;\t|"[content[0] % 4], ('"', "'", None)[content[0] // 4 % 3]) if content else Dialect()
    found = scan(text.encode(), dialect)
    cells = [len(record) for _, record in parse(text, dialect)]
    if found.well_formed and found.cells.tolist() != cells:
        raise AssertionError(f"{dialect}: {found.cells.tolist()} counted, {cells} parsed")


def fuzz_check(content: bytes) -> None:
    """Any texts: checked, split and described; no text stays on both sides."""
    from ringsmith.data import check, make_splits
    from ringsmith.records import TextSet

    texts = content.decode("utf-8", errors="ignore").split("\x00")[:60]
    rows = TextSet(texts * (1 + 10 // len(texts)), None)
    rows = TextSet(rows.texts, ["a" if i % 2 else "b" for i in range(len(rows))])
    for split in check(rows, make_splits(rows))[0]:
        if {rows.texts[i] for i in split.train} & {rows.texts[i] for i in split.test}:
            raise AssertionError("a text is on both sides")


def fuzz_vectors(content: bytes) -> None:
    """Any file as word vectors, whatever its form: finite numbers for different words, or refused."""
    import numpy as np

    from ringsmith.words.files import open_vectors

    with on_disk(content) as path:
        vectors = open_vectors(path)
        if len(set(vectors.words)) != len(vectors.index) or not np.isfinite(vectors.norms).all():
            raise AssertionError("words or numbers are not what they must be")


TARGETS: dict[str, Callable[[bytes], None]] = {"file": fuzz_file, "table": fuzz_table, "inputs": fuzz_inputs, "scan": fuzz_scan, "check": fuzz_check, "vectors": fuzz_vectors}
SEEDS = [
    b"2 3\nthe 0.1 -2e-3 5\nof 1 2 3\n",
    b"2 1\na \x00\x00\x80?\nb \x00\x00\x00@\n",
    b'{"vectors": {"a": [1.5, 2], "b": [3, 4]}}',
    b'text,label\n"a, b",1\nc,0\n',
    b'ham\tsee you\nspam\t"win\n',
    b"text;label\r\n'it''s';1\r\n",
    b'{"text": "a", "label": ["x"]}\n{"text": "b"}\n',
    b'{"train": [["a b", "x"]], "test": [["c d", "y"]]}',
    b'[{"text": "a", "label": 1}]',
    "text\tlabel\n사극\t1\n".encode("cp949"),
    "text,label\na,b\n".encode("utf-16"),
    b"__label__a some text\n__label__b other\n",
    b"\x1f\x8b\x08\x00",
    b"PK\x03\x04xl/",
    b"PAR1",
    b"ARROW1\x00\x00",
]


@contextlib.contextmanager
def on_disk(content: bytes) -> Iterator[Path]:
    """A file of these bytes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_bytes(content)
        yield path


def guarded(target: Callable[[bytes], None]) -> Callable[[bytes], None]:
    """`target`, with errors of ours counted as an answer (they must be one line)."""
    from ringsmith.errors import RingsmithError

    def run(content: bytes) -> None:
        try:
            target(content)
        except RingsmithError as error:
            if "\n" in str(error):
                raise AssertionError(f"an error of several lines: {error}") from error

    return run


def run_target(name: str, options: argparse.Namespace) -> None:
    """Fuzz one target in this process; atheris ends the process."""
    import atheris

    # polars and numpy are compiled: only our own decisions can guide the search.
    with atheris.instrument_imports(include=["ringsmith.data"]):
        import ringsmith.data.checks
        import ringsmith.data.predictions  # noqa: F401
    FOUND.mkdir(exist_ok=True)
    limits = [f"-max_total_time={options.seconds}", f"-seed={options.seed}", "-max_len=4096", "-timeout=20", "-rss_limit_mb=4096"]
    atheris.Setup([sys.argv[0], *limits, f"-artifact_prefix={FOUND}/{name}-", options.inside], guarded(TARGETS[name]))
    atheris.Fuzz()


def main() -> int:
    """Run every target, one after another; 0 if none found a fault."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", default=list(TARGETS), help=f"of {', '.join(TARGETS)}; default: all")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--inside", metavar="CORPUS", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        run_target(options.targets[0], options)
        return 0
    failed = []
    for name in options.targets:
        print(f"== {name}", flush=True)  # noqa: T201
        with tempfile.TemporaryDirectory() as corpus:
            for number, content in enumerate(SEEDS):
                (Path(corpus) / str(number)).write_bytes(content)
            command = [sys.executable, __file__, name, "--inside", corpus, "--seconds", str(options.seconds), "--seed", str(options.seed)]
            if subprocess.run(command, timeout=options.seconds + SLACK, check=False).returncode:
                failed.append(name)
    print(f"faults in: {', '.join(failed)}; the inputs lie in {FOUND}" if failed else "no faults")  # noqa: T201
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
