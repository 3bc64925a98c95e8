"""The command line as a user meets it: an exit code, what was printed, what was said on standard error."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from command_line import Ended, Ringsmith, Rows, Write, as_csv, reviews


@pytest.fixture
def ringsmith(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ringsmith:
    """Run the whole command line in this process, in an empty folder; what escapes it fails the test."""
    from ringsmith.cli import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setenv("OMP_WAIT_POLICY", "PASSIVE")  # `main` sets it for the process

    def run(*arguments: str | Path) -> Ended:
        monkeypatch.setattr(sys, "argv", ["ringsmith", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return Ended(int(ended.value.code or 0), said.out, said.err)

    return run


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file (and its folders) into the test's folder."""

    def put(name: str, content: bytes | Rows) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else as_csv(content))
        return path

    return put


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a fitted model of words; copy it before you change it."""
    from ringsmith.adapt import create_recipe
    from ringsmith.adapt.recipe import Setting
    from ringsmith.records import Budget, TextSet
    from ringsmith.tasks import infer_task

    rows = reviews(60)
    texts, labels = [text for text, _ in rows], [label for _, label in rows]
    fitted = create_recipe("tfidf", Setting(infer_task(labels))).fit(TextSet(texts[:40], labels[:40]), TextSet(texts[40:], labels[40:]), Budget(None))
    folder = tmp_path_factory.mktemp("fitted") / "best"
    fitted.save(folder)
    return folder
