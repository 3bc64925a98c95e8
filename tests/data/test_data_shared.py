"""The real data sets: every row of each, as counted by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from ringsmith.data import check, plan_splits, read_table
from ringsmith.errors import ColumnError, LabelError

pytestmark = pytest.mark.shared_data
TABLES = {
    "sms-spam/SMSSpamCollection": ("column_2", "column_1", 5574, 5574, 2),
    "uci-sentiment/amazon_cells_labelled.txt": ("reviews", "sentiment", 1000, 1000, 2),
    "uci-sentiment/imdb_labelled.txt": ("reviews", "sentiment", 1000, 1000, 2),
    "uci-sentiment/yelp_labelled.txt": ("reviews", "sentiment", 1000, 1000, 2),
    "banking77/train.csv": ("text", "category", 10_003, 10_003, 77),
    "banking77/test.csv": ("text", "category", 3080, 3080, 77),
    "clinc150/data_full.json": ("column_1", "column_2", 23_700, 23_700, 151),
    "cr/custrev.all": ("column_2", "column_1", 3775, 3771, 2),
    "nsmc-sample/ratings_train.txt": ("document", "label", 20_000, 20_000, 2),
    "nsmc-sample/ratings_test.txt": ("document", "label", 5000, 5000, 2),
    "fakenews-es/train.xlsx": ("Text", "Category", 676, 676, 2),
    "fakenews-es/development.xlsx": ("Text", "Category", 295, 295, 2),
    "fakenews-es/test.xlsx": ("TEXT", "CATEGORY", 572, 572, 2),
}


@pytest.mark.parametrize("name", TABLES)
def test_real_tables_are_read_by_themselves_and_whole(shared: Path, name: str) -> None:
    """Columns, rows read, rows used and classes."""
    text, label, read, used, classes = TABLES[name]
    table = read_table(shared / name)
    found = table.findings
    assert (found.text_column, found.label_column, found.rows_read, found.rows_used) == (text, label, read, used)
    assert len(set(table.texts.labels or [])) == classes


def test_nel_characters_end_no_row(shared: Path) -> None:
    """Imdb has them inside texts."""
    texts = read_table(shared / "uci-sentiment/imdb_labelled.txt").texts.texts
    assert sum("\x85" in text for text in texts) > 0


def test_sms_spam_duplicates(shared: Path) -> None:
    """403 exact ones, 747 spam messages."""
    plan = plan_splits(read_table(shared / "sms-spam/SMSSpamCollection").texts)
    _, found = check(plan.texts, plan.splits)
    assert (found.exact_duplicates, found.classes, found.language) == (403, {"ham": 4827, "spam": 747}, "en")


def test_clinc_keeps_its_own_split(shared: Path) -> None:
    """The out-of-scope rows go with their sides."""
    table = read_table(shared / "clinc150/data_full.json")
    (split,) = plan_splits(table.texts, split_names=table.split_names).splits
    assert (len(split.train), len(split.valid), len(split.test)) == (15_100, 3_100, 5_500)


def test_pairs_with_scores_are_read_and_their_scores_refused(shared: Path) -> None:
    """STS-B without a header; KorSTS with stray quotes."""
    with pytest.raises(ColumnError, match="'column_1', 'column_2' could both be it"):
        read_table(shared / "stsb-en/stsb-en-train.csv")
    for name, text, label in (("stsb-en/stsb-en-train.csv", "column_1", "column_3"), ("kornlu-sts/sts-train.tsv", "sentence1", "score")):
        with pytest.raises(LabelError, match="different numbers from 0 to 5, a score"):
            read_table(shared / name, text=text, label=label)
    table = read_table(shared / "kornlu-sts/sts-train.tsv", label="genre")
    assert (table.findings.rows_used, table.findings.pair_column) == (5749, "sentence2")
