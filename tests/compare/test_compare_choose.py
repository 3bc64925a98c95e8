"""The choice, by predictions worked out by hand."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import f1_score

from ringsmith.compare.advice import at_stake
from ringsmith.compare.choose import Judge
from ringsmith.compare.contestants import Contestant, Part, pool
from ringsmith.compare.standings import evened
from ringsmith.metrics import METRICS, Tie
from ringsmith.records import Candidate

ROWS = 400
"""Rows 0-199 are validation, 200-399 are test; the truth is 1 in every odd row."""
TRUTH = np.arange(ROWS) % 2


def part(rows: range, wrong: int, *, split: int = 0) -> Part:
    """Answers that are right but for the first `wrong` of these rows."""
    at = np.asarray(rows)
    answer = TRUTH[at].copy()
    answer[:wrong] = 1 - answer[:wrong]
    return Part(at, at + 1000, np.full(len(at), split), np.eye(2, dtype=np.float32)[answer])


def contestant(name: str, valid: int, test: int, *, train: float = 10.0, answer: float = 10.0) -> Contestant:
    """A candidate with so many errors on validation and test rows, and such costs."""
    return Contestant(Candidate(name), part(range(200), valid), part(range(200, 400), test), train, answer)


def judge(truth: np.ndarray = TRUTH) -> Judge:
    """A judge by accuracy; the floor answers 0 for every row, which is right in half of them."""
    return Judge(METRICS["accuracy"], truth, shares=np.array([[0.6, 0.4]]), splits=["holdout"])


def test_figures_are_shares_of_right_rows() -> None:
    """10 of 200 validation rows and 30 of 200 test rows are wrong: 0.95 and 0.85, the interval around it."""
    one = contestant("one", 10, 30)
    score = judge().test(one)
    assert judge().valid(one) == pytest.approx(0.95)
    assert score is not None
    assert score.value == pytest.approx(0.85)
    assert score.low is not None
    assert score.high is not None
    assert 0.79 < score.low < 0.85 < score.high < 0.91


def test_after_a_play_off_the_floor_is_that_of_all_rows_that_choose() -> None:
    """Rows 0-99, all of class 0, validate and all are answered so: .70 of all 300 rows is above their floor of .50, if not above the 1.0 of the first hundred."""
    truth = np.concatenate([np.zeros(100, int), np.arange(200) % 4 > 0])
    answers = np.eye(2)[np.concatenate([np.zeros(180, int), np.ones(120, int)])]
    parts = [Part(at, at, np.full(len(at), number), answers[at]) for number, at in enumerate([np.arange(100), np.arange(100, 300)])]
    one = Contestant(Candidate("one"), parts[0], part(range(200, 201), 0), 1.0, 1.0, further=parts[1])
    verdict = judge(truth).decide([one])
    assert judge(truth).valid(one) > judge(truth).floor(one.choosing) == 0.5
    assert not verdict.refused


def test_the_cheapest_of_those_tied_with_the_best_is_taken() -> None:
    """4 against 6 errors of 200 is no difference (2 rows differ: p is large); 60 errors is one."""
    verdict = judge().decide([contestant("cheap", 6, 50, train=1), contestant("dear", 4, 0, train=80), contestant("poor", 60, 0, train=0.1)])
    assert dict(verdict.letters) == {"dear": "A", "cheap": "A", "poor": "B"}
    assert verdict.recommended == "cheap"
    assert verdict.reason.startswith("tied with the best, dear (p = ")
    at_stake = -100 * verdict.ties[1].low
    assert 1 < at_stake < 5
    assert verdict.reason.endswith(f" on 200 validation rows; it may be up to {at_stake:.1f} points better), 80 x cheaper to train")
    assert [tie.candidate for tie in verdict.ties] == ["dear", "cheap", "poor"]
    assert [tie.against for tie in verdict.ties] == ["dear"] * 3
    assert verdict.ties[2].difference == pytest.approx(-0.28)


@pytest.mark.parametrize(("groups", "said"), [(2, True), (5, True), (6, False)])
def test_where_groups_are_too_few_to_tell_anything_rows_are_compared(groups: int, said: bool) -> None:
    """By two groups all would be tied and whatever is cheapest taken, by its cost alone; from six on the groups themselves tell two candidates apart."""
    of_row = np.arange(ROWS) * groups // 200
    grouped = Judge(METRICS["accuracy"], TRUTH, shares=np.array([[0.6, 0.4]]), splits=["holdout"], groups=of_row)
    cheap = Contestant(Candidate("cheap"), part(range(200), 0), part(range(200, 400), 0), 1.0, 1.0)
    cheap.valid.proba[::3] = cheap.valid.proba[::3, ::-1]
    verdict = grouped.decide([cheap, contestant("dear", 4, 0, train=80)])
    assert verdict.recommended == "dear"
    assert verdict.reason.startswith("better on 200 validation rows than all others")
    assert (f"; these are of {groups} groups, too few to compare by, so rows were compared" in verdict.reason) == said


def test_a_clear_best_is_taken_though_it_is_dear() -> None:
    """60 errors more are no tie."""
    verdict = judge().decide([contestant("cheap", 64, 0, train=1), contestant("dear", 4, 0, train=80)])
    assert verdict.recommended == "dear"
    assert verdict.reason == "better on 200 validation rows than all others: accuracy 0.980 against 0.680 of cheap (p < 0.001)"


def test_of_equally_cheap_ones_the_better_is_taken() -> None:
    """Timings within a quarter of each other are called equal."""
    verdict = judge().decide([contestant("six", 6, 0, train=10.0), contestant("four", 4, 0, train=12.0)])
    assert verdict.recommended == "four"
    assert verdict.reason == "the best on 200 validation rows (accuracy 0.980), and none that is tied with it (six) is clearly cheaper"


def test_the_best_may_be_the_cheapest_too() -> None:
    """Then that is the reason."""
    verdict = judge().decide([contestant("six", 6, 0, train=30.0), contestant("four", 4, 0, train=2.0)])
    assert verdict.recommended == "four"
    assert verdict.reason == "the best on 200 validation rows (accuracy 0.980), and also the cheapest of those tied with it (six)"


def small(name: str, wrong: int, *, train: float, odd: bool = False) -> Contestant:
    """So many errors on 30 validation rows. The floor is right in the even ones: errors in odd ones, where it is wrong as well, leave no doubt who is better."""
    found = part(range(30), 0)
    at = np.arange(30)[int(odd) :: 2][:wrong]
    found.proba[at] = found.proba[at, ::-1]
    return Contestant(Candidate(name), found, part(range(200, 400), 0), train, 1.0)


def test_what_is_not_shown_to_be_better_than_guessing_is_not_taken_where_another_is() -> None:
    """Eight of 30 are wrong; one is right in 15 rows that the floor has wrong and wrong in eight that it has right (p = 0.2), the other in seven and none (p = 0.02)."""
    verdict = judge().decide([small("dear", 8, train=80, odd=True), small("cheap", 8, train=1)])
    assert dict(verdict.letters) == {"dear": "A", "cheap": "A"}
    assert verdict.recommended == "dear"
    assert verdict.reason == "the best on 30 validation rows (accuracy 0.733); cheap, tied with it, is not shown to be better than guessing"
    third = judge().decide([small("dear", 8, train=100, odd=True), small("middle", 8, train=50, odd=True), small("cheap", 8, train=1)])
    assert third.recommended == "middle"
    assert third.reason.startswith("tied with the best, dear (p = ")
    assert third.reason.endswith("; cheap, tied with it, is not shown to be better than guessing")


def test_where_nothing_is_shown_to_be_better_than_guessing_the_cheapest_is_taken_and_it_is_said() -> None:
    """One alone, and two that are tied."""
    alone = judge().decide([small("cheap", 11, train=1)])
    start = "the only candidate that has finished and is better than guessing (accuracy 0.633 on 30 validation rows)"
    assert (alone.recommended, alone.reason) == ("cheap", f"{start}; that it is better than guessing may still be chance: more labelled rows are needed")
    two = judge().decide([small("dear", 11, train=80), small("cheap", 11, train=1)])
    assert two.recommended == "cheap"
    assert two.reason.endswith("; that the best of those tied is better than guessing may still be chance: more labelled rows are needed")


def test_tied_is_not_equal() -> None:
    """Of 100 rows 12 are wrong or 20, others: no difference that 5 % would show (p = 0.15), but more than a standard error; 13 are within a point."""
    far, near = (replace(contestant(name, 0, 0, train=1.0, answer=1.0), valid=answered(100, wrong)) for name, wrong in (("far", range(50, 70)), ("near", range(50, 63))))
    dear, level = (replace(contestant(name, 0, 0, train=90.0), valid=answered(100, range(12))) for name in ("dear", "level"))
    verdict = judge().decide([dear, far])
    assert dict(verdict.letters) == {"dear": "A", "far": "A"}
    assert verdict.recommended == "dear"
    assert re.fullmatch(
        r"the best on 100 validation rows \(accuracy 0\.880\); far, tied with it \(p = 0\.1\d\), 90 x cheaper to train and 10 x cheaper to run, "
        r"is 8\.0 points behind",
        verdict.reason,
    )
    assert judge().decide([dear, far, near]).recommended == "near"
    both = judge().decide([dear, level, far, replace(far, candidate=Candidate("further"))])
    assert both.reason == (
        "the best on 100 validation rows (accuracy 0.880), and also the cheapest of those tied with it (level); "
        "far, further, tied with it and cheaper, are 8.0 points behind or more"
    )


@pytest.mark.parametrize(("wrong", "taken"), [(7, "dear"), (6, "cheap")])
def test_a_point_is_worth_no_price(wrong: int, taken: str) -> None:
    """Of 200 rows four are wrong, and of the cheap one's two or three more: two are a point."""
    assert judge().decide([contestant("cheap", wrong, 0, train=1.0), contestant("dear", 4, 0, train=90.0)]).recommended == taken


def answered(rows: int, wrong: range) -> Part:
    """So many rows, those of `wrong` answered wrongly."""
    found = part(range(rows), 0)
    found.proba[wrong.start : wrong.stop] = found.proba[wrong.start : wrong.stop, ::-1].copy()
    return found


def test_a_trial_beyond_reach_of_its_defaults_makes_way_for_them_all_the_same() -> None:
    """They are tied; that it is the best of many is why it is ahead."""
    defaults, trial, cheap = (
        replace(contestant(name, 0, 0, train=train), valid=answered(100, wrong))
        for name, train, wrong in (("defaults", 90.0, range(50, 70)), ("trial", 90.0, range(12)), ("cheap", 1.0, range(30, 51)))
    )
    assert judge().decide([defaults, replace(trial, trial_of="defaults")]).recommended == "defaults"
    assert judge().decide([defaults, replace(trial, trial_of="defaults"), cheap]).recommended == "cheap"  # near the defaults, which lead without the trial


def test_half_a_minute_is_not_worth_a_poorer_model() -> None:
    """Six times as cheap, and 25 s: the better one is taken; 40 s: the cheap one."""
    for seconds, taken in ((25.0, "dear"), (40.0, "cheap")):
        verdict = judge().decide([contestant("cheap", 6, 0, train=5, answer=0), contestant("dear", 4, 0, train=5 + seconds, answer=0)])
        assert verdict.recommended == taken


def test_the_cost_of_use_counts() -> None:
    """What trains in a second but answers slowly is not cheap."""
    verdict = judge().decide([contestant("quick to train", 4, 0, train=1, answer=500), contestant("quick to run", 5, 0, train=50, answer=1)])
    assert verdict.recommended == "quick to run"
    assert verdict.reason.endswith("500 x cheaper to run")


@pytest.mark.parametrize(("train", "milliseconds", "taken"), [(5.0, 0.8, "better"), (5.0, 1.2, "cheap"), (60.0, 0.8, "cheap")])
def test_costs_that_nobody_feels_do_not_decide(train: float, milliseconds: float, taken: str) -> None:
    """Three times as dear to run, and both far below what anybody would feel: of those tied the one that is ahead on the validation rows is taken."""
    verdict = judge().decide([contestant("cheap", 6, 0, train=4, answer=25), contestant("better", 4, 0, train=train, answer=100 * milliseconds)])
    assert verdict.recommended == taken
    if taken == "better":
        assert verdict.reason == "the best on 200 validation rows (accuracy 0.980), and what those tied with it (cheap) may save nobody would feel"


def test_what_is_no_better_than_the_floor_is_refused() -> None:
    """100 of 200 right is what answering 0 for everything gets."""
    verdict = judge().decide([contestant("blind", 100, 0), contestant("good", 10, 0), contestant("majority", 100, 100)])
    assert verdict.refused == {"blind": "no better than the majority class: accuracy 0.500 on validation, 0.500 without reading the text"}
    assert dict(verdict.letters) == {"good": "A", "majority": "B"}


def test_nothing_is_recommended_where_all_is_refused() -> None:
    """Better no model than a broken one."""
    verdict = judge().decide([contestant("blind", 120, 0)])
    assert (verdict.recommended, verdict.reason) == (None, "nothing is better than always answering the most frequent class")


def test_a_floor_that_ties_is_taken_and_it_is_said() -> None:
    """92 against 100 errors of 200 is within luck; then no model is worth its cost."""
    always = Part(np.arange(200), np.arange(200), np.zeros(200, dtype=int), np.tile([0.6, 0.4], (200, 1)))
    majority = Contestant(Candidate("majority"), always, part(range(200, 400), 0), 0.01, 0.01)
    near = Contestant(Candidate("near"), part(range(200), 92), part(range(200, 400), 0), 5.0, 5.0)
    verdict = judge().decide([near, majority])
    assert verdict.recommended == "majority"
    assert verdict.reason == "no candidate is shown to be better than always answering the most frequent class on 200 validation rows; more labelled rows are needed"
    grouped = Judge(METRICS["accuracy"], TRUTH, shares=np.array([[0.6, 0.4]]), splits=["holdout"], groups=np.arange(ROWS) // 2)
    assert grouped.decide([near, majority]).reason.endswith("; more groups of labelled rows are needed")
    ahead = judge().decide([replace(near, valid=part(range(200), 86)), majority])
    assert dict(ahead.letters) == {"near": "A", "majority": "A"}
    assert ahead.recommended == "near"
    assert ahead.reason == (
        "the best on 200 validation rows (accuracy 0.570); that the best of those tied is better than guessing may still be chance: more labelled rows are needed"
    )


def test_test_rows_never_influence_the_choice() -> None:
    """Whatever the test labels are, and whoever is better on them, the verdict is the same."""
    contestants = [contestant("cheap", 6, 190, train=1), contestant("dear", 4, 0, train=80), contestant("poor", 60, 0)]
    before = judge().decide(contestants)
    shuffled = TRUTH.copy()
    shuffled[200:] = np.random.default_rng(1).permutation(shuffled[200:])
    after = judge(shuffled).decide(contestants)
    assert before == after
    assert judge().test(contestants[1]) != judge(shuffled).test(contestants[1])


def test_a_loss_is_better_when_it_is_smaller() -> None:
    """By log loss the sure and right one wins."""
    sure, unsure = (Contestant(Candidate(name), part(range(200), 0), part(range(200, 400), 0), 1.0, 1.0) for name in ("sure", "unsure"))
    object.__setattr__(unsure, "valid", Part(unsure.valid.positions, unsure.valid.numbers, unsure.valid.split, unsure.valid.proba * 0.2 + 0.4))
    by_loss = Judge(METRICS["log_loss"], TRUTH, shares=np.array([[0.5, 0.5]]), splits=["holdout"])
    verdict = by_loss.decide([unsure, sure])
    assert dict(verdict.letters) == {"sure": "A", "unsure": "B"}
    assert by_loss.valid(unsure) == pytest.approx(-np.log(0.6), abs=1e-4)


def test_folds_are_pooled_not_averaged() -> None:
    """Macro F1 of pooled rows is not the mean of the folds' macro F1."""
    first, second = part(range(40), 10), part(range(40, 200), 0, split=1)
    both = pool([first, second])
    by_f1 = Judge(METRICS["macro_f1"], TRUTH, shares=np.array([[0.6, 0.4]] * 2), splits=["fold-1", "fold-2"])
    assert by_f1.value(both) == pytest.approx(f1_score(TRUTH[:200], both.proba.argmax(axis=1), average="macro"))
    assert both.of_split(1).positions.tolist() == second.positions.tolist()


def test_the_honest_figure_is_that_of_each_folds_own_winner() -> None:
    """Fold 1 chooses x (0 of 100 wrong on validation, 20 of 100 on test), fold 2 chooses y (0, and 10): 30 of 200 wrong, 0.85.

    Each one's own figure: x 20 + 0, y 0 + 10 errors; both look better than the choice really is.
    """

    def folded(name: str, valid: tuple[int, int], test: tuple[int, int]) -> Contestant:
        choosing = pool([part(range(100), valid[0]), part(range(100, 200), valid[1], split=1)])
        judging = pool([part(range(200, 300), test[0]), part(range(300, 400), test[1], split=1)])
        return Contestant(Candidate(name), choosing, judging, 1.0, 1.0)

    of_folds = Judge(METRICS["accuracy"], TRUTH, shares=np.array([[0.6, 0.4]] * 2), splits=["fold-1", "fold-2"])
    x, y = folded("x", (0, 9), (20, 0)), folded("y", (9, 0), (0, 10))
    verdict = of_folds.decide([x, y])
    assert verdict.honest is not None
    assert verdict.honest["winners"] == {"fold-1": "x", "fold-2": "y"}
    assert verdict.honest["value"] == pytest.approx(0.85)
    assert "scores accuracy 0.850 [" in verdict.honest["text"]
    told = "took no part in the choice: expect this of what is chosen so on new data; the folds took x, y. What is recommended, x, scores 0.900 on all test rows."
    assert verdict.honest["text"].endswith(told)
    alone = of_folds.decide([x, folded("poor", (90, 90), (90, 90))])
    assert alone.honest is not None
    assert alone.honest["text"].endswith("took no part in the choice: expect this of the recommendation on new data.")
    own = [of_folds.test(one) for one in (x, y)]
    assert [score.value for score in own if score] == pytest.approx([0.9, 0.95])
    cheap = replace(folded("cheap", (4, 4), (30, 30)), train_seconds=0.01, answer_seconds=0.01)
    verdict = of_folds.decide([cheap, replace(folded("dear", (3, 3), (5, 5)), train_seconds=60.0)])
    assert (verdict.recommended, verdict.honest["value"] if verdict.honest else None) == ("cheap", pytest.approx(0.95))
    assert verdict.honest is not None
    assert verdict.honest["text"].endswith("expect this of dear, which every fold took. What is recommended, cheap, scores 0.700 on all test rows.")


def test_rows_predicted_several_times_count_once_for_certainty() -> None:
    """Three seeds with the same answers say no more than one: the interval stays as wide."""
    once = contestant("once", 20, 20)
    thrice = Contestant(once.candidate, pool([once.valid] * 3), pool([once.test] * 3), 1.0, 1.0)
    single, triple = judge().test(once), judge().test(thrice)
    assert single is not None
    assert triple is not None
    assert triple.value == single.value
    assert triple.high - triple.low == pytest.approx(single.high - single.low, abs=0.02)  # type: ignore[operator]


def test_rows_of_a_group_are_drawn_together() -> None:
    """Errors that come in groups of twenty make the figure less sure."""
    one = contestant("one", 20, 20)
    grouped = Judge(METRICS["accuracy"], TRUTH, shares=np.array([[0.6, 0.4]]), splits=["holdout"], groups=np.arange(ROWS) // 20)
    single, wide = judge().test(one), grouped.test(one)
    assert single is not None
    assert wide is not None
    assert wide.high - wide.low > 1.8 * (single.high - single.low)  # type: ignore[operator]


def trial(valid: int, *, train: float = 10.0) -> Contestant:
    """A setting that the search of the candidate 'one' proposed, with so many errors on validation rows."""
    return Contestant(Candidate("one", None, {"rate": valid}), part(range(200), valid), part(range(200, 400), 0), train, 10.0, trial_of="one")


def test_a_trial_that_is_tied_with_its_defaults_makes_way_for_them() -> None:
    """The best of many looks better than it is; trials of other candidates are judged as ever."""
    verdict = judge().decide([contestant("one", 6, 0), trial(4), trial(5)])
    assert verdict.recommended == "one"
    assert verdict.reason.startswith("no setting that was tried is shown to be better than the defaults: the best, one[rate=4], is tied with them (p = ")
    assert judge().decide([contestant("other", 6, 0), trial(4)]).recommended == "one[rate=4]"


def test_a_trial_that_is_truly_better_is_taken() -> None:
    """60 errors against 4 are no luck; but seconds of training are no reason, as vectors may have been computed before."""
    assert judge().decide([contestant("one", 60, 0), trial(4)]).recommended == "one[rate=4]"
    assert judge().decide([contestant("one", 6, 0, train=100.0), trial(4, train=10.0)]).recommended == "one"


@pytest.mark.parametrize(
    ("metric", "low", "high", "told"),
    [("macro_f1", -0.042, 0.01, "; it may be up to 4.2 points better"), ("log_loss", -0.01, 0.0312, "; it may be up to 0.031 better"), ("accuracy", 0.0, 0.1, "")],
)
def test_what_a_tie_may_cost_is_told(metric: str, low: float, high: float, told: str) -> None:
    """The far end of the interval: below 0 where more is better, above it where less is."""
    assert at_stake(Tie("cheap", 0.8, "A", "dear", (low + high) / 2, low, high, 0.2, 0.2), METRICS[metric]) == told


def test_options_that_were_named_are_candidates_like_any_other() -> None:
    """Nothing was searched: ``one`` and ``one[rate=6]``, tied and a tenth of the cost, are two candidates, and the cheaper is taken."""
    named = replace(trial(6, train=10.0), trial_of=None)
    verdict = judge().decide([contestant("one", 5, 0, train=1000.0), named])
    assert verdict.recommended == "one[rate=6]"
    assert verdict.reason.startswith("tied with the best, one (p = ")


def test_a_search_that_began_from_named_options_has_these_for_its_defaults() -> None:
    """``tune --recipe one[layers=2]``: a trial that is tied with it makes way for it."""
    named = replace(trial(6), candidate=Candidate("one", None, {"layers": 2}), trial_of=None)
    tried = replace(trial(4), candidate=Candidate("one", None, {"layers": 2, "rate": 4}), trial_of="one[layers=2]")
    verdict = judge().decide([named, tried])
    assert verdict.recommended == "one[layers=2]"
    assert "no setting that was tried is shown to be better than the defaults" in verdict.reason


def test_fine_tuned_models_of_one_backbone_answer_equally_fast() -> None:
    """Timed at 99 and 41 s they are the same network; a probe on it, and another backbone's model, keep their own time."""
    timed = {"a+full": 99.0, "a+partial": 41.0, "a+probe": 30.0, "b+full": 7.0}
    some = [replace(contestant("x", 4, 0, answer=seconds), candidate=Candidate(name[2:], name[0])) for name, seconds in timed.items()]
    assert [one.answer_seconds for one in evened(some)] == [70.0, 70.0, 30.0, 7.0]
