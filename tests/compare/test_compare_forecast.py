"""What a run will take, and what fits into the time."""

from __future__ import annotations

import time
from dataclasses import replace

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringsmith._machine import cores, free_mb, memory_mb
from ringsmith.catalogue import LocalModel
from ringsmith.compare.forecast import (
    COSTS,
    EFFICIENCY,
    FORKED_SECONDS,
    SAVING_A_MODEL_SECONDS,
    SAVING_SECONDS,
    Forecast,
    Forecaster,
    Workload,
    seconds_per_row,
    tokens_of,
    workload,
)
from ringsmith.compare.machine import Machine, gflops, process_started
from ringsmith.compare.plan import clock, judge, make_plan
from ringsmith.compare.space import Entrant
from ringsmith.records import Candidate, RunResult

MACHINE = Machine(cores=2, memory_mb=8000.0, gflops=100.0, system="Test", python="3")
MODEL = LocalModel(
    name="small", folder="/x", revision=None, licence=None, weights_sha256="0", size_mb=90, architecture="BertModel", layers=6, hidden=384, parameters=22_000_000, max_tokens=256
)
ROWS = Workload(train=1000, other=500, chars=80.0, tokens=(20,))
PROBE, FULL, TFIDF = (Entrant(Candidate(name, model.name if model else None), "x:Y", model) for name, model in (("probe", MODEL), ("full", MODEL), ("tfidf", None)))


def test_a_forward_pass_is_counted() -> None:
    """By hand: 20 tokens x (24 x 6 x 384^2 + 4 x 6 x 384 x 20) = 428.4 million operations, over 60 billion a second."""
    operations = 20 * (24 * 6 * 384**2 + 4 * 6 * 384 * 20)
    assert operations == 428_359_680
    assert seconds_per_row(MODEL, ROWS, MACHINE) == pytest.approx(operations / (100e9 * EFFICIENCY))


def test_a_probe_costs_one_pass_over_the_rows_and_full_as_many_as_give_300_steps() -> None:
    """1,000 rows are 31.25 batches of 32: 300 steps are 9.6 epochs at three passes each, and one pass each for the head and to look; 60 steps are worth having."""
    per_row = seconds_per_row(MODEL, ROWS, MACHINE)
    forecaster = Forecaster(MACHINE)
    probe, full = forecaster.forecast(PROBE, ROWS), forecaster.forecast(FULL, ROWS)
    assert probe.fit == pytest.approx(1000 * per_row)
    assert full.fit == pytest.approx((2 + 3 * 9.6) * 1000 * per_row)
    assert probe.rest == full.rest == pytest.approx(500 * per_row + SAVING_A_MODEL_SECONDS)
    assert probe.least == pytest.approx(probe.seconds)
    assert full.least == pytest.approx(full.start + (2 + 3 * 1.92) * 1000 * per_row + full.rest)
    rows = replace(ROWS, train=100_000)
    many = forecaster.forecast(FULL, rows)
    assert many.fit == pytest.approx((2 + 3 * 3) * 100_000 * per_row)
    assert many.least == pytest.approx(many.start + (2 + 3 * 1) * 100_000 * per_row + many.rest)


def test_as_many_epochs_as_are_asked_for() -> None:
    """One pass, or fifty, in place of what the number of rows would make of it; options that change nothing of the work change nothing."""
    per_row, forecaster = seconds_per_row(MODEL, ROWS, MACHINE), Forecaster(MACHINE)
    asked = [replace(FULL, candidate=Candidate("full", "m", options)) for options in ({"epochs": 1}, {"epochs": 50}, {"rate": 1e-4})]
    once, often, other = (forecaster.forecast(entrant, ROWS) for entrant in asked)
    assert (once.fit, often.fit) == pytest.approx(((2 + 3) * 1000 * per_row, (2 + 150) * 1000 * per_row))
    assert once.least == pytest.approx(once.start + once.fit + once.rest)
    assert other == forecaster.forecast(FULL, ROWS)


def test_runs_that_share_their_imports_start_at_once() -> None:
    """Only the start is another."""
    alone, shared = (Forecaster(MACHINE, shares_imports=shares).forecast(FULL, ROWS) for shares in (False, True))
    assert (alone.start, shared.start) == (COSTS["full"].start_seconds, FORKED_SECONDS)
    assert replace(shared, start=alone.start, least=alone.least) == alone


def test_a_fork_starts_as_quickly_as_the_forks_before_it() -> None:
    """Whatever its recipe; a process that imports for itself does not."""
    for shares, start in ((True, 0.2), (False, COSTS["full"].start_seconds)):
        forecaster = Forecaster(MACHINE, shares_imports=shares)
        forecaster.learn(TFIDF, ROWS, RunResult("r", {}, "holdout", 0, "done", seconds={"start": 0.2, "fit": 1.0, "predict": 0.1}))
        assert forecaster.forecast(FULL, ROWS).start == start


def test_word_vectors_cost_by_the_text_and_by_their_file() -> None:
    """1,000 rows of 80 characters, 16 s a million, 3 s once, and 500 MB to read at 0.02 s; as much memory as three such files; no forward pass."""
    own, file = (Entrant(Candidate("static", "v"), "x:Y", replace(MODEL, kind=kind, layers=0, hidden=0, size_mb=size)) for kind, size in (("method", 0.0), ("vectors", 500.0)))
    forecaster = Forecaster(MACHINE)
    assert forecaster.forecast(own, ROWS).fit == pytest.approx(0.08 * COSTS["static"].seconds_per_megachar + COSTS["static"].once_seconds)
    assert forecaster.forecast(file, ROWS).fit == pytest.approx(forecaster.forecast(own, ROWS).fit + 10.0)
    assert forecaster.forecast(file, ROWS).memory_mb == pytest.approx(forecaster.forecast(own, ROWS).memory_mb + 1500)
    forecaster.learn(PROBE, ROWS, RunResult("r", {}, "holdout", 0, "done", seconds={"start": 30.0, "fit": 9.0, "predict": 1.0}, rows_per_second=0.1))
    assert forecaster.forecast(own, ROWS).start == COSTS["static"].start_seconds
    assert forecaster.sure(own) == 2.5


def test_what_a_cold_machine_takes_is_not_needed_at_least() -> None:
    """Of the 3 s that word vectors take whatever the rows, 0.6 are: they were skipped as too long where five folds took five seconds."""
    own, forecaster = Entrant(Candidate("static", "v"), "x:Y", replace(MODEL, kind="method", layers=0, hidden=0, size_mb=0.0)), Forecaster(MACHINE, shares_imports=True)
    found = forecaster.forecast(own, replace(ROWS, train=50, other=20))
    assert found.seconds - found.least == pytest.approx(2.4)
    assert judge(found, left=12.5, runs=5, memory_mb=8000)[0]


def test_texts_are_cut_at_the_models_limit() -> None:
    """A text of 10,000 tokens costs what 256 cost."""
    assert seconds_per_row(MODEL, replace(ROWS, tokens=(10_000,)), MACHINE) == seconds_per_row(MODEL, replace(ROWS, tokens=(256,)), MACHINE)


def test_a_finished_run_corrects_the_forecast_of_its_recipe_and_its_kin() -> None:
    """It predicts half as fast as was thought: so the next takes twice as long, and another recipe on a model too."""
    forecaster = Forecaster(MACHINE)
    rows = replace(ROWS, train=100_000)
    before = {entrant.candidate.recipe: forecaster.forecast(entrant, rows) for entrant in (PROBE, FULL, TFIDF)}
    half = 0.5 / seconds_per_row(MODEL, rows, MACHINE)
    done = RunResult("r", PROBE.candidate.to_json(), "holdout", 0, "done", seconds={"start": 3.0, "fit": 99.0, "predict": 1.0}, rows_per_second=half)
    forecaster.learn(PROBE, rows, done)
    after = {entrant.candidate.recipe: forecaster.forecast(entrant, rows) for entrant in (PROBE, FULL, TFIDF)}
    assert after["probe"].fit == pytest.approx(2 * before["probe"].fit)
    assert after["probe"].start == 3.0
    assert after["full"].start == COSTS["full"].start_seconds > 3.0
    assert after["full"].fit == pytest.approx(2 * before["full"].fit)
    assert after["tfidf"] == before["tfidf"]


def test_a_guess_is_stretched_more_than_what_was_learned() -> None:
    """Until a run on a model has ended here, its speed is a guess."""
    forecaster = Forecaster(MACHINE)
    assert forecaster.sure(FULL) == 2.5
    forecaster.ratios["probe"] = 1.7
    assert (forecaster.sure(PROBE), forecaster.sure(FULL), forecaster.sure(TFIDF)) == (1.25, 1.25, 2.5)


def test_a_recipe_without_a_model_is_corrected_by_what_it_took() -> None:
    """Three times as long, three times the forecast; a run of no length teaches nothing."""
    forecaster = Forecaster(MACHINE)
    rows = replace(ROWS, train=100_000)
    before = forecaster.forecast(TFIDF, rows)
    work = before.fit + before.rest - SAVING_SECONDS
    forecaster.learn(TFIDF, replace(ROWS, train=10, other=0), RunResult("r", {}, "holdout", 0, "done", seconds={"start": 2.5, "fit": 9.0, "predict": 9.0}))
    assert forecaster.forecast(TFIDF, rows) == before
    forecaster.learn(TFIDF, rows, RunResult("r", {}, "holdout", 0, "done", seconds={"start": 2.5, "fit": 2.5 * work, "predict": 0.5 * work}))
    assert forecaster.forecast(TFIDF, rows).fit == pytest.approx(3 * before.fit)


@pytest.mark.parametrize("status", ["failed", "refused", "dropped"])
def test_a_run_that_went_wrong_teaches_nothing(status: str) -> None:
    """Its time says nothing."""
    forecaster = Forecaster(MACHINE)
    forecaster.learn(PROBE, ROWS, RunResult("r", {}, "holdout", 0, status, seconds={"start": 99.0, "fit": 9e9, "predict": 1.0}))  # type: ignore[arg-type]
    assert forecaster.forecast(PROBE, ROWS) == Forecaster(MACHINE).forecast(PROBE, ROWS)


def test_half_of_a_frozen_body_is_passed_once_and_the_other_half_trained() -> None:
    """`partial` costs two passes (states, head, looks) more than the halves of its training passes; `lora` as much as `full`."""
    per_row = seconds_per_row(MODEL, ROWS, MACHINE)
    found = {name: Forecaster(MACHINE).forecast(Entrant(Candidate(name, MODEL.name), "x:Y", MODEL), ROWS) for name in ("partial", "lora", "full")}
    assert found["partial"].fit == pytest.approx((2 + 1.5 * 9.6) * 1000 * per_row)
    assert found["lora"].fit == found["full"].fit


def test_full_needs_room_for_gradients_and_moments() -> None:
    """16 bytes a parameter against 4: 264 MB more for 22 million, less the vectors that a probe keeps (1,500 rows x 7 x 384 x 4 bytes = 16 MB)."""
    forecaster = Forecaster(MACHINE)
    more = forecaster.forecast(FULL, ROWS).memory_mb - forecaster.forecast(PROBE, ROWS).memory_mb
    assert more == pytest.approx(264 - 16.1, abs=0.1)


@given(texts=st.lists(st.text(max_size=60), min_size=1, max_size=30))
def test_every_text_has_a_length(texts: list[str]) -> None:
    """At least the special tokens, at most one a character and those."""
    made = workload(texts, None, train=1, other=1)
    assert all(2 <= tokens <= max(map(len, texts)) + 2 for tokens in made.tokens)
    assert made.chars == pytest.approx(sum(map(len, texts)) / len(texts))


def test_scripts_without_spaces_have_a_token_a_character() -> None:
    """Four Latin letters make one token, four Korean syllables four."""
    assert (tokens_of("abcd"), tokens_of("가나다라"), tokens_of("日本語")) == (3, 6, 5)


def test_the_plan_begins_with_the_cheapest_and_fills_the_time() -> None:
    """Two fit into 250 seconds; full needs more than is left."""
    plan = make_plan([FULL, PROBE, TFIDF], replace(ROWS, train=20_000), Forecaster(MACHINE), seconds=250, runs=1)
    assert [step.name for step in plan.steps] == ["tfidf", "small+probe", "small+full"]
    assert [step.fits for step in plan.steps] == [True, True, False]
    assert plan.fitting == 2
    used = sum(step.seconds for step in plan.steps[:2])
    assert plan.steps[2].why.endswith(f"{clock(int(250 - used))} would be left for it")


def test_imports_are_paid_once_and_by_those_that_need_them() -> None:
    """What is too short for a transformer and its imports is not too short for n-grams."""
    rows, forecaster = replace(ROWS, train=200, other=100), Forecaster(MACHINE, shares_imports=True)
    tfidf, probe, full = (forecaster.forecast(entrant, rows).of(1) for entrant in (TFIDF, PROBE, FULL))
    times = {tfidf + 0.1: [True, False, False], tfidf + probe + 5.9: [True, False, False], tfidf + probe + 6.1: [True, True, False], tfidf + probe + full + 6.1: [True] * 3}
    for seconds, fits in times.items():
        plan = make_plan([FULL, PROBE, TFIDF], rows, forecaster, seconds=seconds, import_seconds=6.0, runs=1)
        assert [step.fits and "cut short" not in step.why for step in plan.steps] == fits


def test_what_does_not_fit_into_memory_is_left_out() -> None:
    """Whatever time there is."""
    assert judge(Forecast(1, 1, 1, 1, 9000), left=float("inf"), runs=1, memory_mb=8000) == (False, "needs about 8.8 GB of memory; this machine gives 7.8 GB")


def test_folds_need_their_time_five_times() -> None:
    """10 seconds each do not fit into 40."""
    assert judge(Forecast(1, 8, 1, 10, 100), left=40, runs=5, memory_mb=8000) == (False, "needs at least 0:50; 0:40 would be left for it")
    assert judge(Forecast(1, 8, 1, 10, 100), left=55, runs=5, memory_mb=8000) == (True, "about 0:50")


def test_single_predictions_are_measured_once() -> None:
    """By one run of five: 54 seconds, not 70; what a run that measures takes alone is 14."""
    forecast = Forecast(1, 8, 1, 10, 100, once=4)
    assert (forecast.of(5), forecast.of(4, 0), forecast.measured().seconds, forecast.measured().least) == (54, 40, 14, 14)
    assert judge(forecast, left=53, runs=5, memory_mb=8000) == (False, "needs at least 0:54; 0:53 would be left for it")
    assert judge(forecast, left=54, runs=5, memory_mb=8000) == (True, "about 0:54")


def test_the_age_of_the_process_is_known() -> None:
    """A process that looks at its clock at once is younger than a minute and not from the future; the operating system agrees."""
    assert abs(time.monotonic() - process_started() - (time.time() - psutil.Process().create_time())) < 1.5
    assert process_started() < time.monotonic()


def test_this_machine_is_known() -> None:
    """Plausible for whatever the tests run on."""
    assert cores() >= 1
    assert 200 < free_mb() <= memory_mb() < 1e8
    assert 0.1 < gflops(0.01) < 1e6


def test_a_distilled_model_costs_its_vocabulary_once_and_then_by_the_text() -> None:
    """By hand: 90,000 tokens of 24 x 6 x 384^2 operations at 60 billion a second, the 90 MB to read, and what word vectors of the texts take; no row goes through it."""
    entrant = Entrant(Candidate("distilled", MODEL.name), "x:Y", MODEL)
    cost, forecaster = COSTS["distilled"], Forecaster(MACHINE)
    found = forecaster.forecast(entrant, ROWS)
    once = 90_000 * 24 * 6 * 384**2 / (100e9 * EFFICIENCY) + cost.once_seconds + 90 * 0.02
    assert found.fit == pytest.approx(once + 0.08 * cost.seconds_per_megachar)
    assert found.rest == pytest.approx(0.2 * 500 * 80 / 1e6 * cost.seconds_per_megachar + SAVING_SECONDS)
    forecaster.learn(PROBE, ROWS, RunResult("r", {}, "holdout", 0, "done", seconds={"start": 30.0, "fit": 9.0, "predict": 1.0}, rows_per_second=0.1))
    assert forecaster.forecast(entrant, ROWS).fit == found.fit


def test_long_texts_are_read_twice_by_a_frozen_backbone() -> None:
    """By hand: of 1,000 tokens 256 are seen by the first pass, all of them in windows by the second and at prediction; a run that chose to cut tells of the first."""
    rows, forecaster = replace(ROWS, tokens=(1_000,)), Forecaster(MACHINE)
    per_token = (24 * 6 * 384**2 + 4 * 6 * 384 * 256) / (100e9 * EFFICIENCY)
    found = forecaster.forecast(PROBE, rows)
    assert found.fit == pytest.approx(1000 * (256 + 1_000) * per_token)
    assert found.rest == pytest.approx(500 * 1_000 * per_token + SAVING_A_MODEL_SECONDS)
    assert forecaster.forecast(FULL, rows).rest == pytest.approx(500 * 256 * per_token + SAVING_A_MODEL_SECONDS)
    for chosen, tokens in (({"long": "windows"}, 1_000), ({"long": "cut"}, 256), ({}, 256)):
        result = RunResult("r", {}, "holdout", 0, "done", seconds={"start": 7.0, "fit": 9.0, "predict": 1.0}, rows_per_second=1 / (2 * tokens * per_token), chosen=chosen)
        forecaster.learn(PROBE, rows, result)
        assert forecaster.ratios["probe"] == pytest.approx(2)
