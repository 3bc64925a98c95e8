"""The search on the page: what it says, what its pictures show, and what it says to those who cannot see them."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from studies import made_search, make_study, variant
from test_report_charts import ACCURACY, texts_of

from ringsmith.report import write_report
from ringsmith.report.charts_search import history, parallel, ranked
from ringsmith.report.search import Axis, Search
from ringsmith.report.searches import gain_of, searches_of
from ringsmith.report.summarise import summarise
from ringsmith.report.summary import Standing


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> list[Standing]:
    """The leaderboard of a made-up comparison whose first candidate was searched."""
    return list(summarise(make_study(tmp_path_factory.mktemp("tuned"), variant("tuned"))).board)


@pytest.fixture(scope="module")
def search(board: list[Standing]) -> Search:
    """Its search."""
    (found,) = searches_of({"search": [made_search("minilm+full", np.random.default_rng(0))]}, board, ACCURACY)
    return found


def test_a_value_stands_where_its_axis_has_it() -> None:
    """By hand: the middle of a factor of 100 is 10; a choice stands in the middle of its share."""
    rate = Axis("rate", 1e-5, 1e-3, True, (), "", "", None)
    assert [rate.position(value) for value in (1e-5, 1e-4, 1e-3)] == pytest.approx([0, 0.5, 1])
    assert Axis("decay", 0.0, 0.1, False, (), "", "", None).position(0.025) == pytest.approx(0.25)
    choice = Axis("subwords", 0, 1, False, ("auto", "3-6", "none"), "", "", None)
    assert [choice.position(value) for value in ("auto", [3, 6], None)] == pytest.approx([1 / 6, 0.5, 5 / 6])


def test_the_most_important_option_comes_first(search: Search) -> None:
    """With its bounds and its default in words."""
    assert [axis.name for axis in search.axes] == ["rate", "epochs", "max_rows", "subwords"]
    assert (search.axes[0].bounds, search.axes[0].usual, search.axes[3].bounds) == ("5e-05 to 0.0008", "own rule", "auto, 3-6, none")


def test_every_trial_is_in_the_pictures_or_in_their_words(search: Search) -> None:
    """The history tells of all that have a figure, the parallel coordinates of those that came to their end, the best first."""
    drawn, lines = history(search, ACCURACY, "h"), parallel(search, ACCURACY, "p")
    assert drawn is not None
    assert lines is not None
    assert [line[0] for line in drawn.body] == [str(number) for number in range(1, 21)]
    done = [trial for trial in search.trials if trial.valid is not None]
    assert [line[0] for line in lines.body] == [str(trial.number) for trial in ranked(done, ACCURACY)]
    assert lines.body[0][-1] == f"{max(trial.valid or 0 for trial in done):.3f}"
    assert {"rate", "epochs", "max rows", "subwords", "Accuracy", "auto", "none", "0.0008"} <= set(texts_of(lines.wide))
    assert "3-6" not in texts_of(lines.wide), "no trial had it"
    assert lines.narrow is not None
    assert {"rate", "Accuracy", "none"} <= set(texts_of(lines.narrow))


def test_a_metric_that_falls_has_its_best_on_top(search: Search) -> None:
    """Log loss: the smallest first, and the axis turned round."""
    loss = replace(ACCURACY, name="log_loss", greater_is_better=False)
    done = [trial for trial in search.trials if trial.valid is not None]
    assert [trial.valid for trial in ranked(done, loss)] == sorted(trial.valid or 0 for trial in done)
    lines = parallel(search, loss, "p")
    assert lines is not None
    assert "Log loss" in texts_of(lines.wide)


def test_too_few_trials_make_no_picture(search: Search) -> None:
    """Two points are no history."""
    few = replace(search, trials=search.trials[:2])
    assert history(few, ACCURACY, "h") is None
    assert parallel(few, ACCURACY, "p") is None


def test_trials_of_good_models_are_told_apart(search: Search, board: list[Standing]) -> None:
    """Marks within a thousandth have four digits on the axes, in the tables and in the sentence."""
    trials = [replace(trial, valid=None if trial.valid is None else 0.999 + trial.number / 1e5, reached=None, winner=trial.number == 3) for trial in search.trials]
    close = replace(search, trials=trials)
    for figure in (history(close, ACCURACY, "h"), parallel(close, ACCURACY, "p")):
        assert figure is not None
        ticks = [text for text in texts_of(figure.wide) if text.startswith("0.99")]
        assert len(set(ticks)) == len(ticks) >= 2
        assert any("0.9991" in cell for line in figure.body for cell in line)
    best, base = replace(board[0], valid=0.99903), replace(board[0], valid=0.99901)
    assert f"Accuracy {0.99903:.{close.digits}f} on the validation rows against {0.99901:.{close.digits}f} of the defaults" in gain_of(trials, best, base, ACCURACY)
    assert close.digits > 3


def test_the_gain_is_told_on_both_rows(search: Search, board: list[Standing]) -> None:
    """On the rows that chose and on those that did not; a difference within the interval is called what it is."""
    trials = [replace(trial, winner=trial.number == 3) for trial in search.trials]
    defaults = board[0]
    best = replace(defaults, candidate="minilm+full[trial=3]", valid=0.95, test=0.93, test_low=0.90, test_high=0.96)
    base = replace(defaults, valid=0.94, test=0.925)
    expected = "Trial 3 of 20 did best: Accuracy 0.950 on the validation rows against 0.940 of the defaults. "
    told = gain_of(trials, best, base, ACCURACY)
    assert told.startswith(expected)
    assert told.endswith("on the test rows it has 0.930 against 0.925; a difference this small could be chance.")
    assert gain_of(trials, best, replace(base, test=0.85), ACCURACY).endswith("on the test rows it has 0.930 against 0.850.")
    assert gain_of([replace(trial, winner=trial.number == 1) for trial in trials], base, base, ACCURACY).startswith("The defaults did best of 20 trials: Accuracy 0.940")
    level = [replace(trial, winner=trial.number == 1, valid=0.94) for trial in trials[:3]]
    assert gain_of(level, base, base, ACCURACY).startswith("The defaults did best of 3 trials, and 2 others just as well: Accuracy 0.940")
    assert gain_of(trials, None, None, ACCURACY) == "None of 20 trials came to its end."


def test_the_page_has_the_search_with_its_trials_folded_away(tmp_path: Path) -> None:
    """A link in the contents, a table of the options, two pictures, and all trials within a closed `details`."""
    page = write_report(make_study(tmp_path, variant("tuned"))).read_text(encoding="utf-8")
    assert '<a href="#search">The search</a>' in page
    section = page[page.index('id="search"') : page.index('id="cost"')]
    assert "61.0 %" in section
    assert '<td class="span">auto, none</td><td class="source quiet">auto, 3-6, none: Bojanowski et al. 2017</td>' in section
    assert re.search(r"<details>\s*<summary>All 20 trials of minilm(<wbr>)?\+full</summary>", section)
    assert section.count("<figure") == 2
    assert len(re.findall(r'<tr><th scope="row" class="n">\d+</th>', section)) == 20


def test_a_page_without_a_search_says_nothing_of_one(tmp_path: Path) -> None:
    """No heading, no link."""
    page = write_report(make_study(tmp_path, variant("intents"))).read_text(encoding="utf-8")
    assert "The search" not in page
