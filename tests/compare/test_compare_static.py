"""Word vectors race in `compare`: trained on the texts and from a file, without torch in the driver, to a model that answers."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np

import ringsmith as rs
from contracts.recipes import WORDS, toy
from ringsmith.words.files import save_vectors
from ringsmith.words.vectors import WordVectors

CODE = """
import json, sys
import ringsmith as rs
found = rs.compare(sys.argv[1], models=[sys.argv[2], "word2vec"], recipes=["majority", "static"], out=sys.argv[3], folds=0, budget="4m", threads=1)
print(json.dumps({"names": [row.candidate for row in found.comparison.rows], "loaded": sorted({"torch", "numba"} & set(sys.modules))}))
"""


def files(folder: Path) -> tuple[Path, Path]:
    """A table of 240 rows, and a file of vectors that tell its classes apart."""
    rows = toy(80)
    with (folder / "moods.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "mood"])
        writer.writerows((f"{text} {number}", label) for number, (text, label) in enumerate(zip(rows.texts, rows.labels or [], strict=True)))
    words = [word for names, verb in WORDS.values() for word in [*names.split(), verb]]
    matrix = np.repeat(np.eye(3, 6, dtype=np.float32), 5, axis=0) + 0.1 * np.random.default_rng(0).standard_normal((15, 6)).astype(np.float32)
    return folder / "moods.csv", save_vectors(WordVectors(words, matrix), folder / "moods.vec")


def test_a_file_and_the_own_texts_compete_and_the_winner_answers(tmp_path: Path) -> None:
    """The table has both by name, with size, parameters and speed; `best` loads, predicts and embeds; the card names the file; the driver stays light."""
    table, vectors = files(tmp_path)
    out = tmp_path / "run"
    done = subprocess.run([sys.executable, "-c", CODE, str(table), str(vectors), str(out)], capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert set(told["names"]) == {"majority", "moods+static", "word2vec+static"}
    assert told["loaded"] == []
    rows = {row["candidate"]: row for row in json.loads((out / "leaderboard.json").read_text(encoding="utf-8"))}
    for name in ("moods+static", "word2vec+static"):
        row = rows[name]
        assert (row["status"], row["recipe"]) == ("done", "static")
        assert row["parameters"] > 0
        assert row["size_mb"] > 0
        assert row["latency_ms_p50"] > 0
        assert row["rows_per_second"] > 0
    assert rows["moods+static"]["test"] > 0.9
    study = json.loads((out / "study.json").read_text(encoding="utf-8"))
    assert [backbone["name"] for backbone in study["backbones"]] == ["moods"]
    model = rs.load(out / "best")
    assert model.recipe == "static"
    assert model.predict(["I am furious at home and I shout", "glad and cheerful"]) == ["anger", "joy"]
    assert model.embed(["happy"]).shape[0] == 1
    assert "static" in (out / "best" / "README.md").read_text(encoding="utf-8")
