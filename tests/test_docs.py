"""Docs cannot lie: the reference of the command line is what the program says, and every link leads somewhere."""

from __future__ import annotations

import re
import runpy
from dataclasses import fields
from pathlib import Path

import pytest

from ringsmith.adapt import RECIPES
from ringsmith.catalogue import Entry
from ringsmith.cli._watch import as_json as comparison_as_json
from ringsmith.cli.predict import as_content as answers_as_json
from ringsmith.compare import Comparison
from ringsmith.compare.leaderboard import COLUMNS
from ringsmith.records import TextSet
from ringsmith.serve import Prediction

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])


def test_the_reference_of_the_command_line_is_current() -> None:
    """`make docs` writes it; nobody edits it."""
    page = runpy.run_path(str(ROOT / "docs" / "generate.py"))["page"]()
    assert (ROOT / "docs" / "cli.md").read_text(encoding="utf-8") == page


def test_the_page_of_the_recipes_is_current() -> None:
    """Every recipe, and each of its options once; `make docs` writes it."""
    page = runpy.run_path(str(ROOT / "docs" / "generate.py"))["ways"]()
    assert (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8") == page
    assert all(f"\n## {name}\n" in page for name in RECIPES)
    assert "| `rank` | `8` | " in page


def test_the_tree_and_the_table_of_imports_in_contributing_are_current() -> None:
    """`make docs` writes them from the disk and from the test that keeps the rules."""
    generate = runpy.run_path(str(ROOT / "docs" / "generate.py"))
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert generate["tree"]() in text
    assert generate["imports"]() in text


def test_the_help_names_every_recipe() -> None:
    """A new recipe is named where people choose one."""
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    line = next(line for line in page.splitlines() if "`--recipes`" in line)
    assert all(name in line for name in RECIPES)


def test_the_page_about_json_names_every_key(tmp_path: Path) -> None:
    """Of a comparison, of a row of its table, of an answer, of a model in the list: these and no others, in their order."""
    sections = re.split(r"(?m)^\| (?:key|column) \| what it holds \|$", (ROOT / "docs" / "json.md").read_text(encoding="utf-8"))[1:]
    told = [re.findall(r"(?m)^\| `(\w+)` \|", section.split("\n\n")[0]) for section in sections]
    comparison = Comparison(tmp_path, (), None, "", (), None, None, (), stopped=False, seconds=0.0)
    answer = answers_as_json(TextSet(["a"]), ["b"], [Prediction("x", 0.5)])[0]
    assert told == [list(comparison_as_json(comparison)), list(COLUMNS), list(answer)]
    line = next(line for line in sections[-1].splitlines() if line.startswith("| `models`"))
    assert re.findall(r"`(\w+)`", line.split("|")[2]) == [*(field.name for field in fields(Entry)), "at_hand"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_of_a_page_leads_to_a_file(page: Path) -> None:
    """Relative links are followed."""
    for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page.name} links to {target}, which is not there"
