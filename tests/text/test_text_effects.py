"""What steps changed, in one text and in many."""

from __future__ import annotations

from ringsmith.text import TextSteps, trace
from ringsmith.text.effects import Merge, case_effect, measure_steps
from ringsmith.text.trace import Change


def test_changes_are_counted_pairs() -> None:
    """Most frequent first."""
    (lower, stem) = trace("Cats, cats and CATS", ["lower", "stem"])
    assert lower.changes == (Change("Cats", "cats", 1), Change("CATS", "cats", 1))
    assert stem == ("stem", "cat, cat and cat", (Change("cats", "cat", 3),))


def test_what_is_dropped_and_what_is_new() -> None:
    """A dropped word has nothing after it; a tag goes with its word."""
    assert trace("the end", ["stopwords"])[0].changes == (Change("the", "", 1),)
    assert trace("better/ADJ food", ["lemmatise"])[0].changes == (Change("better/ADJ", "good", 1),)
    assert trace("&pound;5", ["html"])[0].changes == (Change("&", "", 1), Change("pound", "", 1), Change(";", "", 1), Change("", "£", 1))


def test_effects_on_many_texts_counted_by_hand() -> None:
    """Two texts, seven words."""
    effects = measure_steps(["Cats run", "a cat runs, cats RUN"], TextSteps(("lower", "stem")))
    lower, stem = effects.steps
    assert (lower.words, lower.changed, lower.vocabulary_before, lower.vocabulary_after) == (7, 2, 7, 5)
    assert lower.merges == (Merge("cats", ("Cats", "cats"), 2), Merge("run", ("RUN", "run"), 2))
    assert (stem.changed, stem.vocabulary_before, stem.vocabulary_after) == (3, 5, 3)
    assert stem.merges == (Merge("cat", ("cats", "cat"), 3), Merge("run", ("run", "runs"), 3))
    assert effects.results == ("cat run", "a cat run, cat run")


def test_case_shows_names_and_not_starts_of_sentences() -> None:
    """US and us are two words, The and the are one; IT becomes it."""
    case = case_effect(["The US told us. The IT of the Apple shop. An apple. Zzyx too."])
    assert case.merges == (Merge("apple", ("Apple", "apple"), 2), Merge("us", ("US", "us"), 2))
    assert case.taken_for == (Change("IT", "it", 1),)


def test_case_is_silent_on_titles_and_shouting() -> None:
    """Where every word has a capital it tells nothing."""
    case = case_effect(["The Lord Of The Rings. the lord of the rings. STOP DOING THIS NOW. stop doing this now"])
    assert case == case_effect([])


def test_coverage_is_the_share_of_the_most_frequent_words() -> None:
    """150 words once and one word 150 times: 100 words cover 249 of 300."""
    text = " ".join(["same"] * 150 + [f"w{i}" for i in range(150)])
    coverage = measure_steps([text], TextSteps(("lower",))).coverage
    assert coverage == {100: (249 / 300, 249 / 300)}


def test_no_texts_have_no_effect() -> None:
    """An empty list is not an error."""
    effects = measure_steps([], TextSteps(("lower", "stem")))
    assert [(step.words, step.changed) for step in effects.steps] == [(0, 0), (0, 0)]
