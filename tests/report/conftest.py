"""Pages made once for all tests of this folder, and one browser to look at them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from browser import Browser
from studies import PLOTS, make_study

from ringsmith.report import write_report


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """Name of a made-up comparison -> its page."""
    folder = tmp_path_factory.mktemp("pages")
    return {name: write_report(make_study(folder / name, plot)) for name, plot in PLOTS.items()}


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    """Headless Chromium; tests that ask for it carry the marker `browser`."""
    with Browser(chromium) as opened:
        yield opened
