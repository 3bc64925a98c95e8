"""``hf://`` addresses (data sets on the Hugging Face hub), read by polars -> `RawTable`.

Addresses are polars' own: ``hf://datasets/USER/NAME/FILE`` with ``*`` allowed in FILE, ``@REVISION`` after NAME. Without FILE the hub's own
Parquet copy of the data set is read. Files whose names or folders say train, validation or test become a split column.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import polars as pl

from ringsmith.data.formats.json import SPLIT
from ringsmith.data.names import split_kind
from ringsmith.data.raw import RawTable
from ringsmith.errors import NotAtHand, ReadError

SCHEME = "hf://"
ADDRESS = re.compile(r"hf://datasets/(?P<name>[\w.-]+/[\w.-]+)(?P<revision>@[^/]+)?(?:/(?P<file>.+))?")
FILE = "ringsmith_file"


def _scan_csv(path: str) -> pl.LazyFrame:
    return pl.scan_csv(path, separator="\t" if ".tsv" in path else ",", infer_schema=False, include_file_paths=FILE)


SCANNERS: dict[str, tuple[str, Callable[[str], pl.LazyFrame]]] = {
    ".parquet": ("parquet", lambda path: pl.scan_parquet(path, include_file_paths=FILE)),
    ".jsonl": ("jsonl", lambda path: pl.scan_ndjson(path, infer_schema_length=None, include_file_paths=FILE)),
    ".ndjson": ("jsonl", lambda path: pl.scan_ndjson(path, infer_schema_length=None, include_file_paths=FILE)),
    ".csv": ("delimited", _scan_csv),
    ".tsv": ("delimited", _scan_csv),
    ".arrow": ("arrow", lambda path: pl.scan_ipc(path, include_file_paths=FILE)),
}


def read_hub(address: str, *, offline: bool = False, root: str = SCHEME) -> RawTable:
    """The table at an ``hf://`` address.

    Args:
        address: as above.
        offline: refuse, with what to do instead.
        root: what stands for ``hf://``; a local folder with the same tree works too.

    Raises:
        ReadError: not an address of a data set, or a format polars cannot read from there.
        NotAtHand: `offline`, no network, or nothing is there.
    """
    pattern = expand(address)
    if offline:
        raise NotAtHand(f"{address}: this address is on the network, and --offline forbids it. Download the file where there is a network, and give its path.")
    suffix = next((part for part in SCANNERS if part in pattern.rpartition("/")[2].lower()), None)
    if suffix is None:
        raise ReadError(f"{address}: {', '.join(SCANNERS)} files can be read from there; got {pattern.rpartition('/')[2]!r}. Download it and give its path.")
    kind, scanner = SCANNERS[suffix]
    try:
        frame = scanner(pattern.replace(SCHEME, root, 1)).collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise NotAtHand(f"{address}: nothing could be read there ({reason}). Check the address and the network; a private data set needs HF_TOKEN in the environment.") from error
    return _with_splits(address, kind, frame)


def expand(address: str) -> str:
    """The pattern of files an address means.

    Examples:
        >>> expand("hf://datasets/stanfordnlp/imdb")
        'hf://datasets/stanfordnlp/imdb@~parquet/**/*.parquet'
    """
    match = ADDRESS.fullmatch(address)
    if match is None:
        raise ReadError(f"{address}: an address must look like hf://datasets/USER/NAME or hf://datasets/USER/NAME/FILE; got this. Check it on huggingface.co.")
    if match["file"]:
        return address
    return f"hf://datasets/{match['name']}{match['revision'] or '@~parquet'}/**/*.parquet"


def _with_splits(address: str, kind: str, frame: pl.DataFrame) -> RawTable:
    """File names -> a split column, where all of them name splits."""
    files = frame[FILE].unique().to_list()
    kinds = {file: next((found for part in reversed(file.split("/")[-2:]) if (found := split_kind(part))), None) for file in files}
    frame, notes, split = frame.rename({FILE: SPLIT}) if SPLIT not in frame.columns else frame.drop(FILE), [f"{len(files)} files were read."], None
    if None not in kinds.values() and len(set(kinds.values())) > 1 and SPLIT in frame.columns:
        frame, split = frame.with_columns(pl.col(SPLIT).replace_strict(kinds, return_dtype=pl.String)), SPLIT
    elif SPLIT in frame.columns and set(frame[SPLIT].unique().to_list()) == set(files):
        frame = frame.drop(SPLIT)
    return RawTable(address, kind, frame, split_column=split, notes=notes)
