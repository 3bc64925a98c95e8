"""hf:// addresses, read from a local folder that has the hub's tree."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from ringsmith.data.formats.hub import expand, read_hub
from ringsmith.data.read import read_raw
from ringsmith.errors import NotAtHand, ReadError

FRAME = pl.DataFrame({"text": ["a b c", "d e f"], "label": [1, 0]})


@pytest.fixture
def hub(tmp_path: Path) -> str:
    """A folder that stands for ``hf://``."""
    for folder in ("datasets/user/plain", "datasets/user/splits@~parquet/default/train", "datasets/user/splits@~parquet/default/test"):
        (tmp_path / folder).mkdir(parents=True)
    FRAME.write_csv(tmp_path / "datasets/user/plain/all.csv")
    FRAME.write_ndjson(tmp_path / "datasets/user/plain/all.jsonl")
    FRAME.write_parquet(tmp_path / "datasets/user/splits@~parquet/default/train/0000.parquet")
    FRAME[:1].write_parquet(tmp_path / "datasets/user/splits@~parquet/default/test/0000.parquet")
    return f"{tmp_path}/"


@pytest.mark.parametrize("name", ["all.csv", "all.jsonl"])
def test_one_file_of_a_data_set(hub: str, name: str) -> None:
    """Its own columns and nothing else."""
    table = read_hub(f"hf://datasets/user/plain/{name}", root=hub)
    assert table.frame.columns == ["text", "label"]
    assert table.frame["text"].to_list() == ["a b c", "d e f"]
    assert table.split_column is None


def test_a_whole_data_set_keeps_its_splits(hub: str) -> None:
    """Folders named train and test become the user's split."""
    table = read_hub("hf://datasets/user/splits", root=hub)
    assert sorted(table.frame["split"].to_list()) == ["test", "train", "train"]
    assert table.split_column == "split"


def test_addresses() -> None:
    """Without a file the hub's own Parquet copy is meant; a revision is kept."""
    assert expand("hf://datasets/a/b@v1") == "hf://datasets/a/b@v1/**/*.parquet"
    assert expand("hf://datasets/a/b/data/*.csv") == "hf://datasets/a/b/data/*.csv"
    with pytest.raises(ReadError, match="an address must look like hf://datasets/USER/NAME"):
        expand("hf://models/a/b")


def test_offline_is_a_promise() -> None:
    """Nothing is asked of the network."""
    with pytest.raises(NotAtHand, match="this address is on the network, and --offline forbids it"):
        read_raw("hf://datasets/user/plain/all.csv", offline=True)


def test_what_is_not_there_or_not_readable_is_said(hub: str) -> None:
    """A missing file; a format that is not read from there."""
    with pytest.raises(NotAtHand, match=r"nothing could be read there .* HF_TOKEN"):
        read_hub("hf://datasets/user/plain/nothing.csv", root=hub)
    with pytest.raises(ReadError, match=r"files can be read from there; got 'all\.xlsx'"):
        read_hub("hf://datasets/user/plain/all.xlsx", root=hub)
