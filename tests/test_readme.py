"""The README's examples run: every command of its console blocks, every line of its Python blocks, in order, in one folder."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"```(console|python)\n(.*?)```", re.DOTALL)
NOT_HERE = ("pip ", "make ", "ringsmith demo")
"""Commands that would change this machine, and the demo: it is the first example again, on the same messages."""


def blocks() -> list[tuple[str, str]]:
    """Kind and content of each block, in the order of the page."""
    return [(found[1], found[2]) for found in BLOCK.finditer((ROOT / "README.md").read_text(encoding="utf-8"))]


def commands(block: str) -> list[str]:
    """What a reader would type: the lines behind ``$``."""
    return [line[2:] for line in block.splitlines() if line.startswith("$ ") and not line[2:].startswith(NOT_HERE)]


def labels_of(text: str) -> list[str]:
    """The labels at the beginning of lines (Read, Split, Take ...): the manner of an output without its figures."""
    return [found[1] for line in text.splitlines() if (found := re.match(r"([A-Z][a-z]+)  +\S", line))]


def run(command: str, place: Path) -> str:
    """Run a command of the README as a reader would."""
    words = shlex.split(command)
    assert words[0] == "ringsmith", f"the README's examples call ringsmith; this one calls {words[0]}"
    done = subprocess.run([sys.executable, "-m", "ringsmith", *words[1:]], cwd=place, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.minilm
@pytest.mark.timeout(600)
def test_every_example_of_the_readme_runs(tmp_path: Path) -> None:
    """A reader who copies the page from top to bottom gets what it promises."""
    shutil.copy(ROOT / "src" / "ringsmith" / "demo" / "messages.csv", tmp_path / "reviews.csv")
    (tmp_path / "new.csv").write_text("id,review\n1,Great phone awful battery\n2,Where is my parcel?\n", encoding="utf-8")
    lines = (tmp_path / "reviews.csv").read_text(encoding="utf-8").splitlines()
    (tmp_path / "wiki.txt").write_text("\n".join([*lines, *["the man and the woman saw the king at the bank"] * 20]), encoding="utf-8")
    python = []
    for kind, block in blocks():
        if kind == "python":
            python.append(block)
            continue
        for command in commands(block):
            shown = labels_of(block) if len(commands(block)) == 1 else []
            printed = labels_of(run(command, tmp_path))
            assert [label for label in shown if label not in printed] == [], f"{command} does not print what the README shows"
    done = subprocess.run([sys.executable, "-c", "\n".join(python)], cwd=tmp_path, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr


def test_the_readme_has_examples_to_run() -> None:
    """The test above cannot pass by finding nothing."""
    kinds = [kind for kind, _ in blocks()]
    assert kinds.count("console") >= 3
    assert kinds.count("python") >= 1
