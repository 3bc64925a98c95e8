"""From a text to a file of vectors: the whole way, how it is stopped, and the command."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numba import njit
from typer.testing import CliRunner

from ringsmith._kernels import cache
from ringsmith.cli import app
from ringsmith.cli.vectors_train import bytes_of
from ringsmith.errors import MachineError, OptionError, RingsmithError
from ringsmith.records import Progress
from ringsmith.words import training
from ringsmith.words.corpus import CorpusOptions, read_corpus
from ringsmith.words.files import open_vectors
from ringsmith.words.glove import GloveOptions, train_glove
from ringsmith.words.options import Word2VecOptions
from ringsmith.words.phrases import PhraseOptions
from ringsmith.words.spaces import mean_cosine
from ringsmith.words.spread_training import SpreadOptions
from ringsmith.words.training import NO_NGRAMS, VectorsJob, VectorsResult, make_vectors
from ringsmith.words.vectors import WordVectors
from ringsmith.words.word2vec import train_word2vec

TEXT = "The cat sat on the mat\nthe dog sat on the cat\nNew York is a city\nthe dog likes New York\n" * 60
ALL = CorpusOptions(min_count=1)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A small text."""
    path = tmp_path / "corpus.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


def test_word2vec_is_what_train_word2vec_gives(corpus: Path, tmp_path: Path) -> None:
    """And the account adds up."""
    options = Word2VecOptions(dim=6, epochs=2, deterministic=True)
    result = make_vectors(VectorsJob(source=corpus, out=tmp_path / "v.safetensors", corpus=ALL, word2vec=options))
    expected = train_word2vec(read_corpus(corpus, ALL), options)
    np.testing.assert_array_equal(open_vectors(tmp_path / "v.safetensors").matrix, expected.inputs)
    assert (result.words, result.vocabulary, result.epochs, result.trained_words) == (22 * 60, 13, 2, 2 * 22 * 60)
    assert result.losses == expected.losses
    assert result.seconds["count"] == 0
    assert all(result.seconds[stage] > 0 for stage in ("read", "train", "save"))
    assert result.words_per_second == pytest.approx(result.trained_words / result.seconds["train"])


def test_glove_is_what_train_glove_gives(corpus: Path, tmp_path: Path) -> None:
    """Counting has a time of its own."""
    options = GloveOptions(dim=6, iterations=3)
    result = make_vectors(VectorsJob(source=corpus, out=tmp_path / "v.safetensors", corpus=ALL, glove=options, threads=1))
    expected = train_glove(read_corpus(corpus, ALL), options, threads=1)
    np.testing.assert_array_equal(open_vectors(tmp_path / "v.safetensors").matrix, expected.matrix)
    assert (result.epochs, result.trained_words) == (3, 3 * result.words)
    assert result.seconds["count"] > 0


def test_unknown_words_get_vectors_when_the_file_is_opened_again(corpus: Path, tmp_path: Path) -> None:
    """Those of the model for known n-grams; the file holds the n-grams of its words alone, and no more."""
    options = Word2VecOptions(dim=6, epochs=1, subwords=(2, 4), deterministic=True)
    result = make_vectors(VectorsJob(source=corpus, out=tmp_path / "v.safetensors", corpus=ALL, word2vec=options))
    assert NO_NGRAMS not in result.notes
    expected, found = train_word2vec(read_corpus(corpus, ALL), options), open_vectors(tmp_path / "v.safetensors")
    assert "catdog" not in found
    known = set(expected.bags.rows.tolist())
    assert expected.vectors.ngrams is not None
    rows = [row for row in expected.vectors.ngrams.rows("catdog") if row + len(found) in known]
    np.testing.assert_allclose(found.vector("catdog"), expected.vectors.ngrams.buckets[rows].mean(axis=0), rtol=1e-5)
    assert found.nearest("catdog", 1)[0].word in found
    assert (tmp_path / "v.safetensors").stat().st_size < 100_000


def test_words_too_short_for_any_ngram_leave_none(tmp_path: Path) -> None:
    """No n-grams, and no file that promises some."""
    make_vectors(VectorsJob(source=["a b a b"] * 50, out=tmp_path / "v.safetensors", corpus=ALL, word2vec=Word2VecOptions(dim=4, epochs=1, subwords=(5, 6))))
    assert open_vectors(tmp_path / "v.safetensors").ngrams is None


def test_phrases_become_words(corpus: Path, tmp_path: Path) -> None:
    """Before anything is trained."""
    make_vectors(VectorsJob(source=corpus, out=tmp_path / "v.txt", corpus=ALL, phrases=PhraseOptions(threshold=0.1), word2vec=Word2VecOptions(dim=4, epochs=1)))
    assert "New_York" in open_vectors(tmp_path / "v.txt")


@pytest.mark.parametrize("method", ["word2vec", "glove"])
def test_ctrl_c_while_training_saves_the_vectors_so_far(method: str, corpus: Path, tmp_path: Path) -> None:
    """And says so."""
    options: dict[str, Any] = {"word2vec": Word2VecOptions(dim=4, epochs=100_000)} if method == "word2vec" else {"glove": GloveOptions(dim=4, iterations=100_000)}

    def stop(progress: Progress) -> None:
        if progress.stage not in ("read", "number", "count") and progress.done > 10_000:
            raise KeyboardInterrupt

    result = make_vectors(VectorsJob(source=corpus, out=tmp_path / "v.txt", corpus=ALL, threads=1, **options), report=stop)
    assert result.stopped
    assert result.trained_words > 0
    assert np.isfinite(open_vectors(tmp_path / "v.txt").matrix).all()


def test_ctrl_c_while_reading_writes_nothing(corpus: Path, tmp_path: Path) -> None:
    """There is nothing to save yet."""

    def stop(progress: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_vectors(VectorsJob(source=corpus, out=tmp_path / "v.txt", corpus=ALL, word2vec=Word2VecOptions()), report=stop)
    assert list(tmp_path.iterdir()) == [corpus]


def test_a_place_that_cannot_be_written_is_found_out_before_anything_is_read(tmp_path: Path) -> None:
    """The source does not even exist."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    for out, error, sentence in (
        ("v.xyz", OptionError, r"v\.xyz: the suffix must say the form"),
        ("no/v.txt", MachineError, r"there is no folder '.*no' to write into\. Make it first"),
        ("full", OptionError, r"full: static vectors are written into a new or an empty folder; this holds something else\. Name another one\."),
    ):
        with pytest.raises(error, match=sentence):
            make_vectors(VectorsJob(source=tmp_path / "nothing", out=tmp_path / out, word2vec=Word2VecOptions()))


def test_a_job_has_one_method() -> None:
    """Neither both nor none, and at least one thread."""
    with pytest.raises(OptionError, match=r"^A job must have either 'word2vec' or 'glove'; got both or neither\. Give one of them\.$"):
        VectorsJob(source="x", out=Path("y"))
    with pytest.raises(OptionError, match=r"^'threads' must be at least 1; got 0\."):
        VectorsJob(source="x", out=Path("y"), glove=GloveOptions(), threads=0)


def run(*arguments: str | Path) -> Any:
    """The command, as it ends."""
    return CliRunner().invoke(app, ["vectors", "train", *map(str, arguments)])


@pytest.mark.parametrize("method", ["skipgram", "cbow", "glove"])
def test_the_command_prints_what_it_promises(method: str, corpus: Path, tmp_path: Path) -> None:
    """The keys that programs rely on."""
    ended = run(corpus, "--method", method, "--dim", "5", "--min-count", "1", "--epochs", "2", "--threads", "1", "--seed", "3", "--lower", "--out", tmp_path / "v.bin", "--json")
    assert ended.exit_code == 0, ended.output
    content = json.loads(ended.stdout)
    assert {"words", "vocabulary", "epochs", "seconds", "words_per_second"} <= content.keys()
    assert (content["words"], content["vocabulary"], content["epochs"]) == (22 * 60, 12, 2)
    assert list(content["seconds"]) == ["read", "count", "train", "save"]
    assert (content["seconds"]["count"] > 0) == (method == "glove")
    vectors = open_vectors(tmp_path / "v.bin")
    assert (len(vectors), vectors.dimensions) == (12, 5)


def test_every_option_of_the_command_arrives(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """None is dropped on the way."""
    seen: list[VectorsJob] = []

    def make(job: VectorsJob, **_: Any) -> VectorsResult:
        seen.append(job)
        return VectorsResult(job.out)

    monkeypatch.setattr("ringsmith.words.training.make_vectors", make)
    monkeypatch.setattr("ringsmith.cli._corpus.LARGEST_BYTES", 0)  # a large table: its column is named, and read a part at a time
    model = ["--method", "cbow", "--dim", "7", "--window", "3", "--negative", "2", "--sample", "0.01", "--hierarchical", "--subwords", "2-4", "--epochs", "9", "--rate", "0.5"]
    text = ["--min-count", "2", "--max-vocab", "50", "--phrases", "2", "--lower", "--steps", "stem", "--column", "text"]
    place = ["--memory", "5MiB", "--threads", "2", "--device", "auto"]
    ended = run(corpus, "--out", tmp_path / "v.txt", *model, *text, *place, "--seed", "4", "--deterministic")
    assert ended.exit_code == 0, ended.output
    [job] = seen
    assert job.word2vec == Word2VecOptions(
        method="cbow", dim=7, window=3, negative=2, sample=0.01, hierarchical=True, subwords=(2, 4), epochs=9, rate=0.5, seed=4, deterministic=True
    )
    assert (job.corpus.min_count, job.corpus.max_vocab, job.corpus.column, job.corpus.memory_bytes, job.corpus.steps.names) == (2, 50, "text", 5 << 20, ("lower", "stem"))
    assert (job.phrases, job.threads, job.device) == (PhraseOptions(passes=2), 2, "auto")
    run(corpus, "--out", tmp_path / "v.txt", "--hierarchical")
    assert seen[-1].word2vec == Word2VecOptions(hierarchical=True, negative=0)
    run(corpus, "--out", tmp_path / "v.txt", "--method", "glove", "--window", "4", "--epochs", "3", "--memory", "2MB", "--rate", "0.1")
    assert seen[-1].glove == GloveOptions(iterations=3, eta=0.1, seed=0)
    assert (seen[-1].counting.window, seen[-1].counting.memory_bytes) == (4, 2_000_000)
    run(corpus, "--out", tmp_path / "v.txt", "--on", "ray", "--workers", "3")
    assert (seen[-1].on, seen[-1].spread) == ("ray", SpreadOptions(workers=3))


def test_a_person_reads_what_happened(corpus: Path, tmp_path: Path) -> None:
    """And what the file does not hold."""
    ended = run(corpus, "--dim", "5", "--min-count", "1", "--epochs", "1", "--subwords", "3-4", "--out", tmp_path / "v.txt")
    assert ended.exit_code == 0
    said = " ".join(ended.output.split())
    assert "Read 1,320 words, 13 different ones (min_count 1)" in said
    assert NO_NGRAMS in said
    assert "Trained skipgram, 5 dimensions, 1 epoch ·" in said
    assert f"Try ringsmith vectors nearest {tmp_path / 'v.txt'} WORD" in said


def test_vectors_that_have_hardly_parted_are_told(tmp_path: Path) -> None:
    """Of words enough a few passes over a small text push all of them one way; at a higher rate and with more passes they part."""
    words = np.minimum(np.random.default_rng(0).zipf(1.3, 30_000), 1_500).tolist()
    (tmp_path / "t.txt").write_text("\n".join(" ".join(f"w{word}" for word in words[at : at + 12]) for at in range(0, len(words), 12)), encoding="utf-8")
    common = (tmp_path / "t.txt", "--dim", "8", "--min-count", "1", "--threads", "1", "--out", tmp_path / "v.safetensors")
    said = " ".join(run(*common, "--epochs", "5", "--rate", "0.05").output.split())
    assert re.search(r"loss \S+ -> \S+ Two words at random have a cosine of 0\.9\d: too little was learnt .* more --epochs\. Written", said)
    assert "Two words at random" not in run(*common, "--epochs", "20", "--rate", "0.1").output


def test_the_mean_cosine_is_that_of_all_pairs() -> None:
    """Against every pair, one by one."""
    rows = np.random.default_rng(1).normal(size=(30, 5)).astype(np.float32) + 1
    units = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    pairs = [float(units[one] @ units[other]) for one in range(30) for other in range(one)]
    assert mean_cosine(WordVectors([f"w{row}" for row in range(30)], rows)) == pytest.approx(np.mean(pairs), abs=1e-6)


def test_a_stopped_command_ends_with_3(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As other commands that were stopped with something to show."""
    monkeypatch.setattr("ringsmith.words.training.make_vectors", lambda job, **_: VectorsResult(job.out, stopped=True, losses=[1.0]))
    ended = run(corpus, "--out", tmp_path / "v.txt")
    assert ended.exit_code == 3
    assert "Stopped before the end: these are the vectors so far" in " ".join(ended.output.split())


WRONG = [
    (["--method", "elmo"], r"There is no method 'elmo'\. Known: cbow, glove, skipgram\."),
    (["--method", "glove", "--negative", "3", "--sample", "0"], r"^--negative and --sample: for skipgram and cbow only; got --method glove\. Leave them out\.$"),
    (["--method", "glove", "--hierarchical"], r"^--hierarchical: for skipgram and cbow only; got --method glove\. Leave it out\.$"),
    (["--subwords", "3"], r"^'--subwords' must be two lengths such as 3-6; got '3'\. Use 3-6, the usual ones\.$"),
    (["--on", "slurm"], r"There is no place to work on 'slurm'\. Known: local, ray\."),
    (["--workers", "2"], r"^--workers: for skipgram and cbow with --on ray only; got --method skipgram --on local\. Leave it out\.$"),
    (["--workers", "2", "--on", "ray", "--method", "glove"], r"^--workers: for skipgram and cbow with --on ray only; got --method glove --on ray\."),
    (["--workers", "0", "--on", "ray"], r"^'workers' must be at least 1; got 0\. Leave it out for one on each machine\.$"),
    (["--window", "0"], r"^'window' must be a whole number, at least 1; got 0\."),
    (["--dim", "0", "--epochs", "0"], r"^'dim' must be .*\n'epochs' must be "),
    (["--memory", "much"], r"^'--memory' must be a size such as 500MB or 2GB; got 'much'\. Leave it out for 1GiB\.$"),
    (["--min-count", "1000"], r"^'min_count' is 1000, and no word occurs so often"),
    (["--steps", "lowr"], r"There is no .*'lowr'"),
]


@pytest.mark.parametrize(("wrong", "sentence"), WRONG, ids=[" ".join(wrong) for wrong, _ in WRONG])
def test_a_wrong_command_is_refused_in_one_sentence(wrong: list[str], sentence: str, corpus: Path, tmp_path: Path) -> None:
    """Nothing is written."""
    ended = run(corpus, "--out", tmp_path / "v.txt", *wrong)
    assert isinstance(ended.exception, RingsmithError)
    with pytest.raises(RingsmithError, match=sentence):
        raise ended.exception
    assert not (tmp_path / "v.txt").exists()


@pytest.mark.parametrize("text", ["", "GB", "1 PB", "-1GB", "1e400GB", "nan GB"])
def test_a_size_that_is_none_is_refused(text: str) -> None:
    """Or reading refuses it for being too small."""
    with pytest.raises(OptionError, match=r"^'(--memory|memory_bytes)' must be "):
        CorpusOptions(memory_bytes=bytes_of(text))


def test_kernels_are_cached_where_the_package_may_not_be_written(tmp_path: Path) -> None:
    """Compiled once into Ringsmith's own cache, and found there by the next process; a change of a file they call compiles them anew."""
    source = cache.HERE
    package = tmp_path / "site" / "ringsmith"
    shutil.copytree(source, package, ignore=shutil.ignore_patterns("__pycache__"))
    (package / "__pycache__").touch()  # no folder can be made in its place
    program = (
        "from ringsmith.words.kernels import targets; targets.place(7, 0); found = targets.place.stats;"
        "print(sum(found.cache_hits.values()), sum(found.cache_misses.values()), found.cache_path)"
    )
    environment = {**os.environ, "PYTHONPATH": str(package.parent), "RINGSMITH_CACHE": str(tmp_path / "cache"), "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("NUMBA_CACHE_DIR", None)

    def hits_and_misses() -> list[str]:
        said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment, cwd=tmp_path)
        hits, misses, place = said.stdout.split(maxsplit=2)
        assert Path(place.strip()) == tmp_path / "cache" / "kernels"
        return [hits, misses]

    assert hits_and_misses() == ["0", "1"]
    assert hits_and_misses() == ["1", "0"]
    with (package / "_kernels" / "simd.py").open("a", encoding="utf-8") as file:
        file.write("# changed\n")
    assert hits_and_misses() == ["0", "1"]


def test_the_start_spares_linear_algebra_and_leaves_it_to_whoever_calls_it() -> None:
    """Importing `scipy.linalg` is a third of the start; nothing stands in its place afterwards."""
    program = """
import sys
import numpy as np
from numba import njit
from ringsmith.words.kernels import chance
chance.seed(np.zeros(1, np.uint64), 3)
print("scipy.linalg" in sys.modules)
inverse = njit(lambda matrix: np.linalg.inv(matrix) @ matrix)(np.eye(3) * 2)
import scipy.linalg.cython_blas
print(np.array_equal(inverse, np.eye(3)), hasattr(scipy.linalg.cython_blas, "__pyx_capi__"))
"""
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["False", "True", "True"]


def test_a_stamp_changes_with_the_files_a_kernel_imports_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However far away; other files do not matter."""
    shutil.copytree(cache.HERE, tmp_path / "ringsmith", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(cache, "HERE", tmp_path / "ringsmith")
    folder = tmp_path / "ringsmith" / "words" / "kernels"
    names = {path.name for path in cache.closure(folder / "word2vec.py")}
    assert {"word2vec.py", "steps.py", "simd.py", "chance.py", "targets.py"} <= names
    assert "scan.py" not in names

    def stamp() -> str:
        cache.stamp.cache_clear()
        return cache.stamp(folder / "word2vec.py")

    before = stamp()
    (folder / "scan.py").write_text("", encoding="utf-8")
    assert stamp() == before
    with (tmp_path / "ringsmith" / "_kernels" / "simd.py").open("a", encoding="utf-8") as file:
        file.write("# changed\n")
    assert stamp() != before
    cache.stamp.cache_clear()


def double(number: int) -> int:
    """What is to be compiled."""
    return 2 * number


def test_a_cold_start_is_said(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once, when the first kernel is compiled, whichever it is; a warm one says nothing."""
    make_vectors = training.make_vectors
    arguments = (corpus, "--dim", "5", "--min-count", "1", "--epochs", "1", "--out", tmp_path / "v.txt")
    run(*arguments)
    assert "Compiling" not in run(*arguments).output

    def cold(*job: Any, **report: Any) -> Any:
        assert (njit(double)(1), njit(double)(2)) == (2, 4)
        return make_vectors(*job, **report)

    monkeypatch.setattr(training, "make_vectors", cold)
    assert run(*arguments).output.count("Compiling") == 1
