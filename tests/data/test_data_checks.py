"""Duplicates, leaks, conflicts, lengths, language."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import combinations

import numpy as np
import polars as pl
import pytest

from ringsmith.data import DataFindings, check, make_splits
from ringsmith.data.describe import balance_of, histogram_of, quantiles_of
from ringsmith.data.duplicates import find_conflicts, find_duplicates, normalised
from ringsmith.data.language import guess_language
from ringsmith.data.near import THRESHOLD, jaccard, near_pairs
from ringsmith.errors import InputError
from ringsmith.records import Split, TextSet


def variants(count: int, seed: int = 0) -> list[str]:
    """Random sentences and, after each third one, a slightly changed copy."""
    rng = random.Random(seed)
    words = ["".join(rng.choices("abcdefghijklmnop", k=rng.randint(3, 8))) for _ in range(400)]
    texts: list[str] = []
    while len(texts) < count:
        sentence = rng.choices(words, k=rng.randint(8, 20))
        texts.append(" ".join(sentence))
        if len(texts) % 3 == 0:
            sentence[rng.randrange(len(sentence))] = "changed"
            texts.append(" ".join(sentence))
    return texts[:count]


def test_near_pairs_are_those_a_slow_comparison_of_all_pairs_finds() -> None:
    """The truth: Jaccard of all pairs. No false ones, and at least 97 % of the true ones."""
    texts = variants(200)
    truth = {(i, j) for i, j in combinations(range(len(texts)), 2) if jaccard(texts[i], texts[j]) >= THRESHOLD}
    found = {(int(a), int(b)) for a, b in near_pairs(pl.Series(texts)).pairs}
    assert len(truth) > 20
    assert found <= truth
    assert len(found) >= 0.97 * len(truth)


def test_pieces_do_not_change_signatures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts are hashed in pieces of bounded size; no gram runs over from one text to the next."""
    wide = variants(1, seed=7)[0].replace("a", "é").replace("b", "가").replace("c", "😀")
    texts = pl.Series([*variants(100), "short", wide, wide + "x"])
    whole = near_pairs(texts)
    monkeypatch.setattr("ringsmith.data.near.CHUNK_CHARACTERS", 150)
    assert near_pairs(texts).pairs.tolist() == whole.pairs.tolist()
    assert [101, 102] in whole.pairs.tolist()


def test_too_many_characters_are_sampled_and_too_many_pairs_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both are counted, so that they can be told."""
    texts = pl.Series(variants(400))
    sampled = near_pairs(texts, most_characters=int(texts.str.len_chars().sum()) // 4)
    assert 60 < sampled.rows < 140
    monkeypatch.setattr("ringsmith.data.near.MOST_CHECKS", 5)
    believed = near_pairs(texts)
    assert believed.unchecked > 20
    assert all(jaccard(texts[int(a)], texts[int(b)]) > 0.6 for a, b in believed.pairs)


def test_texts_are_alike_but_for_case_blanks_and_punctuation() -> None:
    """Full-width letters too; texts of symbols only stay themselves."""
    series = pl.Series(["Good  phone!", "good phone", "ｇｏｏｄ phone", ":-)", ":-(", "좋아요!!", "좋아요", "नमस्ते!", "नमस्ते"])
    plain = normalised(series).to_list()
    assert plain[0] == plain[1] == plain[2] == "good phone"
    assert plain[3:5] == [":-)", ":-("]
    assert plain[5] == plain[6]
    assert plain[7] == plain[8]


def test_duplicates_point_to_the_first_alike_row() -> None:
    """Exact, the same but for case, nearly the same; pairs count as a whole."""
    long = "the quick brown fox jumps over the lazy dog again and again and once more"
    found = find_duplicates(TextSet(["a b", "A b!", "a b", long, long + " x", "c"]))
    assert found.exact.tolist() == [0, 1, 0, 3, 4, 5]
    assert found.same.tolist() == [0, 0, 0, 3, 4, 5]
    assert found.near.tolist() == [0, 0, 0, 3, 3, 5]
    assert find_duplicates(TextSet(["a", "a"], pairs=["x", "y"])).same.tolist() == [0, 1]
    assert find_duplicates(TextSet(["a", "a"], pairs=["x", "x"])).same.tolist() == [0, 0]


def test_two_questions_about_one_long_text_are_different_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both texts of a pair are looked at, however long the first is, and both must be alike; no pair is believed by its signature."""
    monkeypatch.setattr("ringsmith.data.near.MOST_CHECKS", 0)
    first, second = " ".join(variants(40, seed=1)), " ".join(variants(40, seed=2))
    asked = ["does the battery last for a whole day of work", "is the screen bright enough to read in the sun", "does the battery last for a whole day of work too"]
    found = find_duplicates(TextSet([first, first, first + ".", second, second], pairs=[*asked, asked[0], asked[0] + "?"]))
    assert len(first) > 2_000
    assert found.near.tolist() == [0, 1, 0, 3, 3]
    assert find_duplicates(TextSet([first, first, second], pairs=["yes", "no", "yes"])).near.tolist() == [0, 1, 2]


def split_of(train: list[int], valid: list[int], test: list[int]) -> Split:
    """A split of these positions."""
    return Split("holdout", *(np.array(part, dtype=np.int64) for part in (train, valid, test)))


def test_leaks_leave_training_then_validation_never_test() -> None:
    """Counted for each split."""
    texts = TextSet(["one", "two", "three", "One!", "two", "four", "ONE", "five"], ["1", "0"] * 4)
    (split,), found = check(texts, [split_of([0, 1, 2, 7], [3, 4, 5], [6])])
    assert (split.train.tolist(), split.valid.tolist(), split.test.tolist()) == ([2, 7], [4, 5], [6])
    assert found.leaks == {"holdout": {"train": 2, "valid": 1}}
    assert (found.exact_duplicates, found.near_duplicates) == (1, 2)


def test_what_a_test_row_says_chooses_in_no_fold() -> None:
    """The first fold has the test rows, the second chooses only."""
    texts = TextSet(["one", "two", "three", "four", "ONE"], list("01010"))
    splits, _ = check(texts, [split_of([0, 1], [2, 3], [4]), split_of([2, 3], [0, 1], [])])
    assert [(split.train.tolist(), split.valid.tolist(), split.test.tolist()) for split in splits] == [([1], [2, 3], [4]), ([2, 3], [1], [])]


def test_after_checking_no_split_shares_a_text_across_its_sides() -> None:
    """On random rows with many duplicates, in every fold."""
    rng = random.Random(1)
    texts = TextSet(
        [rng.choice(["good phone", "Good phone!", "bad", "so so", "fine"]) + rng.choice(["", " 1", " 2", " 3", " 4", " 5"]) + str(rng.randrange(40)) for _ in range(300)],
        ["a", "b"] * 150,
    )
    splits, _ = check(texts, make_splits(texts))
    plain = normalised(pl.Series(texts.texts)).to_list()
    for split in splits:
        train, valid, test = ({plain[i] for i in part} for part in (split.train, split.valid, split.test))
        assert not train & valid
        assert not (train | valid) & test
    assert sorted(np.concatenate([split.test for split in splits]).tolist()) == list(range(300))


def test_near_duplicates_stay_where_they_are_the_nature_of_the_data() -> None:
    """Templates: every row is nearly like every other; only exact leaks leave, and it is said."""
    texts = TextSet([f"please call our customer service today and tell them the code {i} to win a prize" for i in range(100)], ["a", "b"] * 50)
    (split,), found = check(texts, [split_of(list(range(80)), list(range(80, 90)), list(range(90, 100)))])
    assert len(split.train) == 80
    assert found.near_duplicates > 50
    assert found.notes[0].startswith("holdout: 80 more training rows are nearly like validation or test rows; so many seem to be the nature of these data")


def test_where_texts_recur_a_way_out_is_named() -> None:
    """Eight texts, five times each: what validation and test do not have is a small part of training. With groups there is nothing to say."""
    texts = TextSet([f"{word} is what this text is all about" for word in ("rain", "snow", "wind", "hail", "mist", "frost", "thaw", "dew")] * 5, ["a", "b"] * 20)
    split = split_of(list(range(30)), list(range(30, 33)), list(range(33, 36)))
    (cleaned,), found = check(texts, [split])
    assert len(cleaned.train) < 0.8 * 30
    assert any(note.endswith("are left out. Keep equal texts together by naming their column as --group too.") for note in found.notes)
    assert not any("--group" in note for note in check(replace(texts, groups=list(texts.texts)), [split])[1].notes)


def test_what_is_true_of_every_fold_is_said_once() -> None:
    """Two folds of templates: a range of rows in one sentence."""
    texts = TextSet([f"please call our customer service today and tell them the code {i} to win a prize" for i in range(100)], ["a", "b"] * 50)
    folds = [split_of(list(range(80)), list(range(80, 90)), list(range(90, 100))), split_of(list(range(20, 90)), list(range(10, 20)), list(range(10)))]
    _, found = check(texts, folds)
    about = [note for note in found.notes if "nearly like" in note]
    assert len(about) == 1
    assert about[0].startswith("2 of 2 folds: 70 to 80 more training rows are nearly like validation or test rows;")


def test_a_test_set_that_holds_all_training_rows_is_refused() -> None:
    """Nothing would be left to learn from."""
    with pytest.raises(InputError, match="Training needs rows that validation and test do not have too; all 2 training rows are duplicates"):
        check(TextSet(["a", "b", "a", "b"], ["1", "0"] * 2), [split_of([0, 1], [], [2, 3])])


def test_where_equal_texts_were_cut_apart_the_way_out_is_named() -> None:
    """A table of few texts that come often can be used where the text is the group; where there are groups already, it is no way out."""
    texts = TextSet(["a", "b", "a", "b"], ["1", "0"] * 2)
    with pytest.raises(InputError, match="Keep equal texts together by naming their column as --group too, add rows with other texts"):
        check(texts, [split_of([0, 1], [], [2, 3])])
    with pytest.raises(InputError, match=r"duplicates of those\. Add rows with other texts"):
        check(replace(texts, groups=["g"] * 4), [split_of([0, 1], [], [2, 3])])


def test_where_test_has_all_validation_rows_training_rows_choose() -> None:
    """What is alike stays on one side, and so does a group; nothing could be compared without rows to choose by."""
    words = ["rain", "snow", "wind", "hail", "mist", "frost"]
    texts = TextSet([*words, *(f"{word.upper()}!" for word in words), "thaw", "Thaw!"], ["a", "b"] * 7)
    (split,), found = check(texts, [split_of(list(range(12)), [12], [13])])
    assert len(split.train)
    assert len(split.valid)
    assert sorted([*split.train, *split.valid]) == list(range(12))
    assert {at % 6 for at in split.train}.isdisjoint({at % 6 for at in split.valid})
    assert found.leaks == {"holdout": {"train": 0, "valid": 1}}
    assert "All validation rows say the same as test rows, and were left out; training rows choose in their place." in found.notes
    grouped = replace(texts, groups=[*"gghhii" * 2, "j", "j"])
    (split,), _ = check(grouped, [split_of(list(range(12)), [12], [13])])
    assert {grouped.groups[at] for at in split.train}.isdisjoint({grouped.groups[at] for at in split.valid})  # type: ignore[index]
    with pytest.raises(InputError, match="Validation needs rows that training and test do not have too; all 1 validation rows are duplicates of those"):
        check(texts, [split_of([0, 6], [12], [13])])


def test_conflicting_labels_are_shown() -> None:
    """The same text (but for case) with two labels; multi-label rows differ as a whole."""
    texts = TextSet(["Great!", "great", "bad", "bad", "great"], ["pos", "neg", "neg", "neg", "pos"])
    _, found = check(texts, [split_of([2, 3], [], [0])])
    assert (found.conflicts, found.conflicting_rows) == (1, 3)
    assert found.conflict_examples == [{"text": "Great!", "labels": {"pos": 2, "neg": 1}, "rows": [0, 1, 4]}]
    assert find_conflicts([("a",), ("a", "b"), ("a",)], np.array([0, 0, 2])).texts == 1


def test_findings_describe_classes_and_lengths() -> None:
    """Hand-counted."""
    texts = TextSet(["one", "one two", "one two three"] * 4, ["a"] * 9 + ["b"] * 3, groups=["g", "h"] * 6)
    _, found = check(texts, [])
    assert (found.rows, found.classes, found.majority_share, found.rare_classes) == (12, {"a": 9, "b": 3}, 0.75, {"a": 9, "b": 3})
    assert (found.words["min"], found.words["median"], found.words["max"], found.words["mean"]) == (1, 2, 3, 2)
    assert found.characters["max"] == 13
    assert found.words_histogram == {"edges": [1.0, 2.0, 3.0, 4.0], "counts": [4.0, 4.0, 4.0]}
    assert (found.groups, found.pairs, found.labels_per_row) == (2, False, 1.0)
    assert DataFindings.from_json(found.to_json()) == found


def test_a_class_is_rare_by_its_rows_to_learn_from() -> None:
    """However many of it test: nine rows learn and choose, two hundred judge. A class that only the test rows have is no class to learn."""
    labels = ["a"] * 30 + ["b"] * 9 + ["b"] * 200 + ["c"]
    texts = TextSet([f"{chr(97 + i % 26) * 3} {i * 7919} {i}" for i in range(len(labels))], labels)
    _, found = check(texts, [split_of([*range(25), *range(30, 36)], [*range(25, 30), *range(36, 39)], list(range(39, 240)))])
    assert (found.classes["b"], found.rare_classes) == (209, {"b": 9})
    assert found.notes[-1] == "1 class has fewer than 10 rows to learn from: its scores say little."


def test_classes_that_may_be_one_in_two_spellings_are_told() -> None:
    """Case, blanks, leading zeros; signs are names of their own."""
    labels = ["Spam", "spam", "01", "1", "-1", "😀", "😡", "C", "C++", "no show", "No_Show"]
    _, found = check(TextSet([f"text number {i}" for i in range(len(labels))], labels), [Split("a", np.arange(len(labels)), np.array([], int), np.array([], int))])
    assert "Classes whose names hardly differ: '01' and '1'; 'No_Show' and 'no show'; 'Spam' and 'spam'. Write them alike if they mean the same." in found.notes


def test_multi_label_rows_count_for_each_label() -> None:
    """And the mean number of labels is told."""
    _, found = check(TextSet(["x y", "z w"], [("a", "b"), ("a",)]), [])
    assert (found.classes, found.labels_per_row) == ({"a": 2, "b": 1}, 1.5)


def test_balance_and_quantiles_and_histograms() -> None:
    """Entropy by hand; the histogram holds every value, outliers in its last bin."""
    assert balance_of({"a": 9, "b": 1}) == pytest.approx(-(0.9 * np.log(0.9) + 0.1 * np.log(0.1)) / np.log(2), abs=1e-4)
    assert balance_of({"a": 3}) == 0.0
    values = np.concatenate([np.arange(1, 1000), [10**6]])
    found = histogram_of(values)
    assert sum(found["counts"]) == 1000
    assert len(found["counts"]) <= 30
    assert found["edges"][-1] > 10**6
    assert quantiles_of(np.array([1, 2, 3, 4, 5]))["q25"] == 2


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The battery is awful and I do not like the screen at all.", "en"),
        ("La batería es horrible y no me gusta nada la pantalla.", "es"),
        ("La batterie est horrible et je n'aime pas du tout l'écran.", "fr"),
        ("Der Akku ist schrecklich und das Display gefällt mir nicht.", "de"),
        ("La batteria è pessima e lo schermo non mi piace per niente.", "it"),
        ("A bateria é horrível e eu não gosto da tela de jeito nenhum.", "pt"),
        ("De batterij is slecht en het scherm vind ik ook niet mooi.", "nl"),
        ("Батарея ужасная, и экран мне совсем не нравится, но это как есть.", "ru"),
        ("배터리가 정말 별로이고 화면도 마음에 들지 않아요", "ko"),
        ("バッテリーがひどいし、画面も好きじゃない", "ja"),
        ("电池很差，屏幕我也不喜欢", "zh"),
        ("yaar ye movie mast hai @do_na #to https://t.co/x1 https://t.co/y2", "unknown"),
        ("<p class='le'>Mi batería es horrible</p>&nbsp;<br/>y no me gusta https://example.com/the/and/of", "es"),
        ("xqz vvbn kkl rrt wwp zzm", "unknown"),
        ("12345 !!! 67", "unknown"),
    ],
)
def test_the_language_is_guessed_or_unknown(text: str, language: str) -> None:
    """By script, then by common words; never by force."""
    assert guess_language([text] * 3)[0] == language


def test_turns_are_cleaned_and_nothing_is_said_of_them() -> None:
    """Row 2 says the same as row 4, which chooses in the turn; the class of row 5 is learnt by the turn alone, so it is not."""
    texts = TextSet(["red car", "blue car", "big dog", "small cat", "Big dog!", "odd one"], ["1", "0", "1", "0", "1", "x"])
    first, turn = split_of([0, 1, 4], [2, 3, 5], []), split_of([0, 2, 3, 5], [4, 1], [])
    splits, found = check(texts, [first], turns=[turn])
    assert [(split.train.tolist(), split.valid.tolist()) for split in splits] == [([0, 1], [2, 3, 5]), ([0, 3], [4, 1])]
    assert found.leaks == {first.name: {"train": 1, "valid": 0}}
    nothing_left = split_of([2], [4], [])
    assert len(check(texts, [first], turns=[turn, nothing_left])[0]) == 1


def test_a_class_that_leaks_took_from_training_is_told() -> None:
    """Both of its training rows say what the test rows say; with groups the way out is taken already."""
    texts = TextSet(["red car", "blue car", "odd one", "Odd one!", "odd one"], ["1", "0", "x", "x", "x"])
    split = split_of([0, 1, 2, 3], [], [4])
    _, found = check(texts, [split])
    told = "'x' is a class that cannot be learnt: all of its training rows say the same as rows that choose or test, and were left out."
    assert found.notes[0] == f"{told} Keep equal texts together by naming their column as --group too."
    assert check(replace(texts, groups=["g"] * 5), [split])[1].notes[0] == told
    assert not any("cannot be learnt" in note for note in check(texts, [split_of([0, 1], [2, 3], [4])])[1].notes)
