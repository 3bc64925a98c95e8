"""Reading a corpus: the same numbers as the slow way gives, from every kind of source, and one sentence for whatever cannot be read."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import re
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ringsmith.errors import ColumnError, InputError, MachineError, OptionError, ReadError, RingsmithError
from ringsmith.records import Progress
from ringsmith.text import TextSteps
from ringsmith.words import counting, idfile, sources
from ringsmith.words.cooccurrence import CooccurrenceOptions, count_cooccurrences
from ringsmith.words.corpus import MAX_SENTENCE, Corpus, CorpusOptions, read_corpus
from ringsmith.words.vocabulary import Vocabulary

MAPS = Path("/proc/self/maps")
TEXT = "a rose is a rose\nis a rose\n\nviolets are blue é\n"
ALL = CorpusOptions(min_count=1)
QUICK = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
MESSY = st.text(alphabet=st.sampled_from(list("ab \t\r\n\x0b\x1c\x85\xa0\u1680\u2003\u2028\u202f\u205f\u3000éあ😀€")), max_size=60)


def sentences_of(corpus: Corpus) -> list[list[str]]:
    """The corpus as lists of words again."""
    words = corpus.vocabulary.words
    return [[words[i] for i in corpus.ids[start:stop]] for start, stop in zip(corpus.starts[:-1], corpus.starts[1:], strict=True)]


def slow(lines: Iterable[list[str]], min_count: int = 1) -> tuple[Vocabulary, list[list[str]]]:
    """The truth: a dictionary, `sorted`, and a loop."""
    rows = list(lines)
    vocabulary = Vocabulary.of((word for row in rows for word in row), min_count=min_count)
    known = [[word for word in row if word in vocabulary] for row in rows]
    return vocabulary, [row[at : at + MAX_SENTENCE] for row in known for at in range(0, len(row), MAX_SENTENCE)]


def assert_same(corpus: Corpus, lines: Iterable[list[str]], min_count: int = 1) -> None:
    """The corpus is what the slow way makes of these lines."""
    vocabulary, rows = slow(lines, min_count)
    assert corpus.vocabulary.words == vocabulary.words
    assert corpus.vocabulary.counts.tolist() == vocabulary.counts.tolist()
    assert sentences_of(corpus) == rows
    assert corpus.ids.dtype == np.int32
    assert corpus.starts.dtype == np.int64


def zipf_lines(n: int, seed: int = 0) -> list[list[str]]:
    """Lines of made-up words, few of them frequent."""
    draw = random.Random(seed)
    return [[f"w{int(draw.paretovariate(0.6))}" for _ in range(draw.randrange(0, 30))] for _ in range(n)]


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of a few hundred bytes, so that a small file has many."""
    monkeypatch.setattr(sources, "BLOCK", 512)


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("min_count", [1, 3])
@pytest.mark.usefixtures("small_blocks")
def test_a_file_of_many_blocks_gives_what_the_slow_way_gives(tmp_path: Path, threads: int, min_count: int) -> None:
    """With any number of threads, order of equal counts included."""
    lines = zipf_lines(3_000)
    path = tmp_path / "corpus.txt"
    path.write_text("\n".join(map(" ".join, lines)), encoding="utf-8")
    corpus = read_corpus(path, CorpusOptions(min_count=min_count), threads=threads)
    assert_same(corpus, lines, min_count)
    assert corpus.total_words == sum(map(len, lines))


@QUICK
@given(MESSY, st.integers(1, 3))
def test_words_are_what_str_split_gives(tmp_path: Path, text: str, threads: int) -> None:
    """White space of every kind; lines end at line feeds only."""
    lines = [line.split() for line in text.split("\n")]
    (tmp_path / "t.txt").write_bytes(text.encode())
    if any(lines):
        assert_same(read_corpus(tmp_path / "t.txt", ALL, threads=threads), lines)
        assert_same(read_corpus(text.split("\n"), ALL, threads=threads), lines)
        assert_same(read_corpus(iter(lines), ALL), lines)
    else:
        with pytest.raises(InputError, match="The corpus must hold words; it is empty"):
            read_corpus(tmp_path / "t.txt", ALL, threads=threads)


@QUICK
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_in_one_sentence(tmp_path: Path, content: bytes) -> None:
    """Nothing but our own errors, whatever is in the file."""
    path = tmp_path / "t"
    path.write_bytes(content)
    said = ""
    try:
        corpus = read_corpus(path, ALL, threads=1)
    except RingsmithError as error:
        said = str(error)
    assert "\n" not in said
    assert said or corpus.vocabulary.total == len(corpus.ids)


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress, zstandard.compress, lambda data: zstandard.compress(data[:9]) + zstandard.compress(data[9:])])
def test_compression_is_taken_off_by_content(tmp_path: Path, pack: object) -> None:
    """Whatever the file is called; several frames are one text."""
    path = tmp_path / "corpus.txt"
    path.write_bytes(pack(TEXT.encode()))  # type: ignore[operator]
    assert_same(read_corpus(path, ALL), [line.split() for line in TEXT.split("\n")])


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, zstandard.compress])
def test_a_cut_off_stream_is_refused(tmp_path: Path, pack: object) -> None:
    """Half a corpus is not taken for a whole one."""
    path = tmp_path / "corpus.gz"
    path.write_bytes(pack(np.random.default_rng(0).bytes(5_000).hex().encode())[:-30])  # type: ignore[operator]
    with pytest.raises(ReadError, match=r"corpus\.gz: the compressed stream is cut off or damaged .* Copy or download the file again"):
        read_corpus(path, ALL)


def test_a_folder_is_all_its_files_in_order(tmp_path: Path) -> None:
    """Each file ends a sentence; hidden files and folders are no text."""
    for name, text in {"b.txt": "c d", "a/1.txt": "a b", ".hidden": "x", ".git/y": "y"}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert sentences_of(read_corpus(tmp_path, ALL)) == [["a", "b"], ["c", "d"]]


class Again:
    """An iterable that can be gone through more than once."""

    def __init__(self, rows: list[list[str]]) -> None:
        self.rows = rows

    def __iter__(self) -> Iterator[list[str]]:
        return iter(self.rows)


def test_token_lists_keep_their_own_cuts() -> None:
    """A list, an iterable, an iterator, tuples; white space within a token stays."""
    rows = [["new york", "is", "big"], ["new york"], []]
    for source in (rows, Again(rows), iter(rows), (tuple(row) for row in rows)):
        assert sentences_of(read_corpus(source, ALL)) == [["new york", "is", "big"], ["new york"]]


@pytest.mark.parametrize("write", [lambda f, p: f.write_csv(p.with_suffix(".csv")), lambda f, p: f.write_parquet(p.with_suffix(".parquet")),
                                   lambda f, p: f.write_ipc(p.with_suffix(".arrow")), lambda f, p: f.write_ndjson(p.with_suffix(".jsonl")),
                                   lambda f, p: f.write_csv(p.with_suffix(".tsv"), separator="\t")])  # fmt: skip
@pytest.mark.parametrize("folder", ["data", "data [old]"])
def test_a_column_of_a_table(tmp_path: Path, write: object, folder: str) -> None:
    """CSV (a cell may hold a line end), TSV, Parquet, Arrow, JSON Lines; empty cells are nothing, and a path is no pattern."""
    frame = pl.DataFrame({"text": ["a rose, is", None, 'a "rose"\nby any name'], "label": [1, 2, 3]})
    (tmp_path / folder).mkdir()
    write(frame, tmp_path / folder / "t")  # type: ignore[operator]
    path = next((tmp_path / folder).glob("t.*"))
    assert sentences_of(read_corpus(path, CorpusOptions(min_count=1, column="text"))) == [["a", "rose,", "is"], ["a", '"rose"'], ["by", "any", "name"]]


@pytest.mark.parametrize("before", ['{"n": 1}', '{"n": 1, "text": null}', '{"n": 1, "text": 7}'], ids=["missing", "empty", "a number"])
def test_a_column_of_json_lines_may_begin_late(tmp_path: Path, before: str) -> None:
    """A line need not name every column, and the first one with a text may be any."""
    (tmp_path / "t.jsonl").write_text(f"{before}\n" * 300 + '{"n": 2, "text": "a rose"}\n', encoding="utf-8")
    found = sentences_of(read_corpus(tmp_path / "t.jsonl", CorpusOptions(min_count=1, column="text")))
    assert found[-1] == ["a", "rose"]
    with pytest.raises(ColumnError, match=r"there is no column 'txt'; the columns are 'n', 'text'\. Did you mean 'text'\?"):
        read_corpus(tmp_path / "t.jsonl", CorpusOptions(column="txt"))


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """``-`` reads what is piped in, compressed or not."""
    for content in (TEXT.encode(), gzip.compress(TEXT.encode())):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
        assert_same(read_corpus("-", ALL), [line.split() for line in TEXT.split("\n")])


def test_text_steps_are_applied_to_every_line(tmp_path: Path) -> None:
    """To files, strings and token lists alike."""
    path = tmp_path / "t.txt"
    path.write_text("Running RUNS\nCats\n", encoding="utf-8")
    options = CorpusOptions(min_count=1, steps=TextSteps(("lower", "stem")))
    for source in (path, ["Running RUNS", "Cats"], [["Running", "RUNS"], ["Cats"]]):
        assert sentences_of(read_corpus(source, options)) == [["run", "run"], ["cat"]]


def test_max_vocab_keeps_the_most_frequent() -> None:
    """Of equal counts the first."""
    corpus = read_corpus(["b a a c b"], CorpusOptions(min_count=1, max_vocab=2))
    assert corpus.vocabulary.words == ("b", "a")
    assert sentences_of(corpus) == [["b", "a", "a", "b"]]
    assert corpus.total_words == 5


def test_long_sentences_are_cut() -> None:
    """Into pieces of ten thousand words, across blocks."""
    corpus = read_corpus(["a " * 25_000, "a"], ALL)
    assert np.diff(corpus.starts).tolist() == [10_000, 10_000, 5_000, 1]


def test_ids_in_a_folder_are_the_same_and_mapped(tmp_path: Path) -> None:
    """Two files that NumPy opens by itself, and nothing else."""
    lines = zipf_lines(500)
    corpus = read_corpus(lines, CorpusOptions(min_count=2), folder=tmp_path / "made")
    assert_same(corpus, lines, 2)
    assert isinstance(corpus.ids, np.memmap)
    assert sorted(path.name for path in (tmp_path / "made").iterdir()) == ["ids.npy", "starts.npy"]
    assert np.array_equal(np.load(tmp_path / "made" / "ids.npy"), corpus.ids)


@pytest.mark.usefixtures("small_blocks")
def test_ids_beyond_the_bound_go_to_a_temporary_folder_that_goes_with_the_corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the middle of the text, without a difference."""
    monkeypatch.setattr(idfile.tempfile, "mkdtemp", lambda prefix: str(tmp_path / prefix))
    lines = zipf_lines(30_000)
    corpus = read_corpus((" ".join(line) for line in lines), CorpusOptions(min_count=2, memory_bytes=1 << 20), threads=2)
    vocabulary, rows = slow(lines, 2)
    assert (tmp_path / "ringsmith-corpus-" / "ids.npy").exists()
    assert corpus.vocabulary.words == vocabulary.words
    assert sentences_of(corpus) == rows
    del corpus
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not MAPS.exists(), reason="what a process has mapped is not told here")
@pytest.mark.usefixtures("small_blocks")
def test_a_temporary_folder_goes_where_mapped_files_cannot_be_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows: that of a corpus and that of its counts are removed when nothing maps their files any more."""

    def remove_unmapped(folder: str, *, ignore_errors: bool) -> None:
        for path in Path(folder).iterdir():
            if str(path) not in MAPS.read_text(encoding="utf-8"):
                path.unlink()
        if not any(Path(folder).iterdir()):
            Path(folder).rmdir()

    monkeypatch.setattr(idfile, "rmtree", remove_unmapped)
    monkeypatch.setattr(idfile.tempfile, "tempdir", str(tmp_path))
    corpus = read_corpus((" ".join(line) for line in zipf_lines(30_000)), CorpusOptions(min_count=2, memory_bytes=1 << 20), threads=2)
    counts = count_cooccurrences(corpus, CooccurrenceOptions(memory_bytes=1 << 20), threads=1)
    assert len(list(tmp_path.iterdir())) == 2
    del counts
    assert [path.name.rpartition("-")[0] for path in tmp_path.iterdir()] == ["ringsmith-corpus"]
    del corpus
    assert not list(tmp_path.iterdir())


def test_a_table_of_words_that_outgrows_its_memory_drops_the_rarest_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As word2vec.c: the frequent keep their counts, what the file says and what the vocabulary says agree."""
    monkeypatch.setattr(counting, "BYTES_PER_WORD", 1_000)
    monkeypatch.setattr(sources, "BLOCK", 4_096)
    lines = [[f"rare{i}", "common", "common"] for i in range(10_000)]
    path = tmp_path / "t.txt"
    path.write_text("\n".join(map(" ".join, lines)), encoding="utf-8")
    corpus = read_corpus(path, CorpusOptions(min_count=2, memory_bytes=1 << 20), threads=2)
    assert corpus.vocabulary.words == ("common",)
    assert corpus.vocabulary.counts.tolist() == [20_000] == [len(corpus.ids)]
    assert corpus.total_words == 30_000
    assert re.fullmatch(r"The table of words outgrew 'memory_bytes': words seen at most \d times were dropped early, so counts of rare words may be too low\.", *corpus.notes)


def test_bytes_that_are_not_utf8_are_replaced_counted_or_refused(tmp_path: Path) -> None:
    """Two broken words that look the same become one."""
    path = tmp_path / "t.txt"
    path.write_bytes(b"caf\xe9 ok caf\xe8 caf\xef\xbf\xbd\n")
    corpus = read_corpus(path, ALL)
    assert corpus.vocabulary.words == ("caf�", "ok")
    assert sentences_of(corpus) == [["caf�", "ok", "caf�", "caf�"]]
    assert corpus.notes == ("2 words held bytes that are not UTF-8; these became U+FFFD.",)
    with pytest.raises(InputError, match=r"must be in UTF-8; 2 words are not, such as 'caf�'\. Convert it with iconv"):
        read_corpus(path, CorpusOptions(min_count=1, errors="refuse"))
    steps = CorpusOptions(min_count=1, steps=TextSteps(("lower",)))
    assert read_corpus(path, steps).notes == corpus.notes


def test_a_few_broken_words_are_replaced_and_many_are_another_encoding(tmp_path: Path) -> None:
    """The border is one word in a hundred."""
    path, few = tmp_path / "t.txt", CorpusOptions(min_count=1, errors="few")
    path.write_bytes(b"caf\xe9 " + b"ok " * 99)
    assert read_corpus(path, few).notes == ("1 word held bytes that are not UTF-8; these became U+FFFD.",)
    path.write_bytes(b"caf\xe9 " + b"ok " * 98)
    with pytest.raises(
        InputError, match=r"must be in UTF-8; 1 word is not, such as 'caf�'\. Convert it with iconv, or name its encoding with --encoding, or read it with errors='replace'"
    ):
        read_corpus(path, few)


def test_what_is_no_text_in_a_folder_is_left_out_and_said(tmp_path: Path) -> None:
    """A picture, an archive, packed or not; alone they are refused, and so is a text in UTF-16."""
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "a.txt").write_text("a rose is a rose\n", encoding="utf-8")
    (folder / "photo.png").write_bytes(picture := b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40)
    (folder / "photo.gz").write_bytes(gzip.compress(picture))
    with zipfile.ZipFile(folder / "b.zip", "w") as archive:
        archive.writestr("b.txt", "a rose " * 90)
    corpus = read_corpus(folder, ALL)
    assert corpus.vocabulary.words == ("a", "rose", "is")
    assert corpus.notes == ("3 files left out, which are no text: b.zip, photo.gz, photo.png.",)
    with pytest.raises(ReadError, match=r"b\.zip: a corpus must be text; this file is a zip archive\. Unpack it, and name the file or the folder that comes out\."):
        read_corpus(folder / "b.zip", ALL)
    (folder / "wide.txt").write_text("a", encoding="utf-16")
    with pytest.raises(ReadError, match=r"wide\.txt: a corpus must be in UTF-8; this file begins as UTF-16 does"):
        read_corpus(folder, ALL)
    for name in ("a.txt", "wide.txt"):
        (folder / name).unlink()
    with pytest.raises(ReadError, match=r"texts: the folder must hold text files; it holds 3 other files"):
        read_corpus(folder, ALL)


def test_a_byte_order_mark_and_nul_bytes_are_no_words(tmp_path: Path) -> None:
    """NULs are blanks, and said."""
    path = tmp_path / "t.txt"
    path.write_bytes(b"\xef\xbb\xbfa rose\x00is " + b"a rose " * 50)
    corpus = read_corpus(path, ALL)
    assert corpus.vocabulary.words == ("a", "rose", "is")
    assert corpus.notes == ("1 NUL byte taken for blanks.",)


@pytest.mark.parametrize(("start", "end"), [("先週家族と行きましたが", "対応が最悪でした"), ("先週、", "対応")], ids=["long", "with its comma"])
@pytest.mark.parametrize("as_strings", [False, True])
def test_phrases_without_blanks_are_no_words(tmp_path: Path, as_strings: bool, start: str, end: str) -> None:
    """Japanese as it is written is told with the way out; Japanese that was cut is not, nor is a single long word."""
    texts = [f"{start}{word}{end}" for word in ("駅", "店", "昼", "夜")]
    (tmp_path / "t.txt").write_text("\n".join(texts), encoding="utf-8")
    source: Path | list[str] = texts if as_strings else tmp_path / "t.txt"
    note = "Their script puts no blanks between words: cut the texts with the step 'tokenise' first (--steps tokenise)."
    assert read_corpus(source, ALL).notes == (f"Most words are whole phrases. {note}",)
    assert read_corpus(source, CorpusOptions(min_count=1, steps=TextSteps(("tokenise",)))).notes == ()
    with pytest.raises(InputError, match=r"occurs 1 time\. Use at most 1, or more text\. Their script puts no blanks between words"):
        read_corpus(source, CorpusOptions(min_count=5))


@pytest.mark.usefixtures("small_blocks")
def test_a_word_without_an_end_is_left_out(tmp_path: Path) -> None:
    """A line of nothing but letters, longer than many blocks, does not fill the memory."""
    path = tmp_path / "t.txt"
    path.write_bytes(b"a b " + b"x" * 100_000 + b" c\n")
    corpus = read_corpus(path, ALL, threads=2)
    assert sentences_of(corpus) == [["a", "b", "c"]]
    assert corpus.notes == ("1 word of more than 1,000 bytes left out.",)
    path.write_bytes(b"x" * 100_000)
    with pytest.raises(InputError, match="The corpus must hold words of at most 1,000 bytes; all of its words are longer"):
        read_corpus(path, ALL)


BAD: list[tuple[object, CorpusOptions, type[RingsmithError], str]] = [
    ("nowhere.txt", ALL, ReadError, r"nowhere\.txt: there is no such file"),
    ("table.txt", CorpusOptions(column="txt"), ColumnError, r"table\.txt: there is no column 'txt'; the columns are 'text', 'n'\. Did you mean 'text'\?"),
    ("table.parquet", CorpusOptions(column="n"), ColumnError, "column 'n' must hold text; it holds Int64. Name another column"),
    ("table.parquet", ALL, OptionError, r"a \.parquet file is a table; 'column' must say which column holds the text"),
    ("table.csv", ALL, OptionError, r"table\.csv: a \.csv file is a table; 'column' must say which column holds the text\. Name it with --column: 'text', 'n'\."),
    ("table.csv.gz", ALL, OptionError, r"table\.csv\.gz: a \.csv file is a table; 'column' must say"),
    ("table.tab", ALL, OptionError, r"table\.tab: a \.tab file is a table; 'column' must say"),
    ("table.tab", CorpusOptions(column="txt"), ColumnError, r"the columns are 'text', 'n'\."),
    ("table.xlsx", CorpusOptions(column="text"), ReadError, r"table\.xlsx: a \.xlsx file cannot be read a part at a time\. Save it as CSV, JSON Lines or Parquet\."),
    ("broken.parquet", CorpusOptions(column="n"), ReadError, r"broken\.parquet: this file cannot be read as a table"),
    ("-", CorpusOptions(column="n"), OptionError, "'column' needs a table on disk; got standard input"),
    ("utf16.txt", ALL, ReadError, "must be in UTF-8; this file begins as UTF-16 does. Convert it: iconv"),
    ("binary", ALL, ReadError, "a corpus must be text; this file is binary"),
    ("empty.txt", ALL, InputError, "The corpus must hold words; it is empty. Check the source"),
    ("blank.txt", ALL, InputError, "The corpus must hold words; it is empty"),
    ("empty", ALL, ReadError, "the folder must hold text files; it holds none"),
    ("table.txt", CorpusOptions(min_count=9), InputError, r"'min_count' is 9, and no word occurs so often: the most frequent of 4 words occurs 2 times\. Use at most 2"),
    (5, ALL, InputError, "A corpus must be a path, '-', or an iterable of strings or of lists of tokens; got int"),
    ([5], ALL, InputError, "A sentence must be a string or a list of tokens; got int in the first place"),
    ([b"a b"], ALL, InputError, "got bytes in the first place. Split or decode the texts first"),
    ([], ALL, InputError, "it is empty"),
    ([["a"], "b c"], ALL, InputError, "Sentence 2: all sentences must be lists of tokens, as the first is; got a string"),
    (["a", ["b"]], ALL, InputError, "Sentence 2: all sentences must be strings, as the first is; got list"),
    ([["a", 5]], ALL, InputError, "Every token must be a string; got 5 of type int"),
    ([["a", 0]], ALL, InputError, "Every token must be a string; got 0 of type int"),
    ([["a"], 7], ALL, InputError, "Sentence 2: a sentence must be a list of strings"),
]


@pytest.mark.parametrize(("source", "options", "kind", "sentence"), BAD, ids=str)
def test_what_cannot_be_read_is_said_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: object, options: CorpusOptions, kind: type[RingsmithError], sentence: str
) -> None:
    """What, the rule, what was got, what to do."""
    monkeypatch.chdir(tmp_path)
    for table in ("table.txt", "table.csv", "table.csv.gz"):
        Path(table).write_text("text,n\na b,1\na c,2\n", encoding="utf-8")
    Path("table.tab").write_text("text\tn\na, b\t1\n", encoding="utf-8")
    Path("table.xlsx").write_bytes(b"PK\x03\x04")
    pl.DataFrame({"text": ["a"], "n": [1]}).write_parquet("table.parquet")
    Path("broken.parquet").write_bytes(Path("table.parquet").read_bytes()[:-9])
    Path("utf16.txt").write_text("a b", encoding="utf-16")
    Path("binary").write_bytes(bytes(range(32)) * 9)
    Path("empty.txt").touch()
    Path("blank.txt").write_text(" \n\t\n", encoding="utf-8")
    Path("empty").mkdir()
    with pytest.raises(kind, match=sentence):
        read_corpus(source, options, folder=tmp_path / "made")  # type: ignore[arg-type]
    assert not (tmp_path / "made").exists() or not list((tmp_path / "made").iterdir())


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"min_count": 0}, "'min_count' must be at least 1; got 0. Use 5, the usual value"),
        ({"max_vocab": 0}, "'max_vocab' must be at least 1; got 0"),
        ({"memory_bytes": 9}, "'memory_bytes' must be at least 1,048,576"),
        ({"errors": "ignore"}, "'errors' must be 'replace', 'few' or 'refuse'; got 'ignore'"),
    ],
)
def test_options_outside_their_range_are_refused(change: dict[str, int], sentence: str) -> None:
    """Before anything is read."""
    with pytest.raises(OptionError, match=sentence):
        CorpusOptions(**change)  # type: ignore[arg-type]


def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The corpus that was there before stays."""
    read_corpus(["old old"], ALL, folder=tmp_path)

    class Full(io.FileIO):
        def write(self, data: object) -> int:
            raise OSError(28, "No space left on device")

    plain = Path.open
    monkeypatch.setattr(Path, "open", lambda self, *args, **more: Full(self, "w+") if self.name.startswith(".ids.npy") else plain(self, *args, **more))
    with pytest.raises(MachineError, match=r"ids\.npy: the disk is full .* nothing half-written is left there"):
        read_corpus([["new"]], ALL, folder=tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ids.npy", "starts.npy"]
    assert np.load(tmp_path / "ids.npy").tolist() == [0, 0]


def test_a_listener_is_told_how_far_the_reading_is(tmp_path: Path) -> None:
    """Bytes of the file, with words and speed."""
    (tmp_path / "t.txt").write_text(TEXT, encoding="utf-8")
    told: list[Progress] = []
    read_corpus(tmp_path / "t.txt", ALL, report=told.append)
    reading = [progress for progress in told if progress.stage == "read"]
    assert reading[-1].total == reading[-1].done == len(TEXT.encode()) + 1
    assert "12 words" in reading[-1].note


def test_a_vocabulary_needs_one_count_for_each_word() -> None:
    """And knows its words."""
    vocabulary = Vocabulary.of(["b", "a", "a"])
    assert ("a" in vocabulary, "c" in vocabulary, len(vocabulary), vocabulary.total) == (True, False, 2, 3)
    assert vocabulary.numbers(["b", "x", "a"]).tolist() == [1, 0]
    assert vocabulary.numbers(["b", "x"], missing=9).tolist() == [1, 9]
    with pytest.raises(InputError, match="there must be one count for each of the 2 words; got counts of shape \\(1,\\)"):
        Vocabulary(("a", "b"), np.array([1]))
