"""Where vectors may be written: nothing of anybody else's is lost, neither the file that is named nor those beside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ringsmith.errors import OptionError
from ringsmith.words.files import check_target, open_vectors, save_vectors
from ringsmith.words.options import Word2VecOptions
from ringsmith.words.training import VectorsJob, make_vectors
from ringsmith.words.vectors import WordVectors

OTHERS = {
    "labelled.txt": "So there is no way for me to plug it in.\t0\nGood case, Excellent value.\t1\n",
    "labels.txt": "good phone\t0\t1\nbad phone\t1\t0\n",
    "short.txt": "good\t1\nbad\t0\n",
    "report.txt": "Annual Report 2024\nAll of our secrets\n",
    "table.txt": "label,text\nspam,win cash 1000\nham,hello\n",
    "frequencies.txt": "the 22038615 0.05\nof 12545825 0.03\n",
    "table.bin": '{"rows": [{"text": "a", "label": "b"}]}',
    "matrix.bin": "3 4\nhello there\n",
    "counted.txt": "2 2\nhello there my friend\n",
    "chapters.txt": "2 1\nChapter one, page 7\nChapter two, page 9\n",
    "short.glove": "good 1\nbad 0\n",
    "reviews.glove": "good phone 0 1\nbad phone 1 0\n",
    "rows.npy": "1,2\n",
    "v.safetensors": "my notes",
}
"""Files of other people's that begin, or end their lines, as vectors do."""


def some(words: int = 3, *, counts: bool = False) -> WordVectors:
    """A small space."""
    names = [f"w{row}" for row in range(words)]
    return WordVectors(names, np.arange(1, 1 + 2 * words, dtype=np.float32).reshape(words, 2), np.arange(words, 0, -1) if counts else None)


@pytest.mark.parametrize("name", sorted(OTHERS))
def test_what_only_looks_like_vectors_is_kept(tmp_path: Path, name: str) -> None:
    """Labelled texts, lists, reports and tables, whether it is a training that would write or Python."""
    path = tmp_path / name
    path.write_text(OTHERS[name], encoding="utf-8")
    sentence = rf"{name}: vectors are written into a new file, or in the place of vectors; this file holds something else\. Name another place, or remove it\."
    with pytest.raises(OptionError, match=sentence):
        save_vectors(some(), path)
    with pytest.raises(OptionError, match=sentence):
        make_vectors(VectorsJob(source=tmp_path / "nothing", out=path, word2vec=Word2VecOptions()))
    assert path.read_text(encoding="utf-8") == OTHERS[name]


@pytest.mark.parametrize("name", ["v.txt", "v.vec.gz", "v.bin", "v.glove", "v.safetensors", "v.npy"])
def test_vectors_take_the_place_of_older_ones(tmp_path: Path, name: str) -> None:
    """Also where these are an empty file, or have words that are not UTF-8."""
    path = tmp_path / name
    path.touch()
    save_vectors(some(5, counts=True), path)
    assert list(open_vectors(save_vectors(some(), path)).words) == ["w0", "w1", "w2"]


def test_another_form_of_vectors_goes_where_it_cannot_be_mistaken(tmp_path: Path) -> None:
    """A header tells; lines without one, and forms that are only read, are kept."""
    path = save_vectors(some(), tmp_path / "v.txt", "word2vec-binary")
    save_vectors(some(), path, "word2vec-text")
    save_vectors(some(), path, "glove")
    with pytest.raises(OptionError, match="this file holds something else"):
        check_target(path)
    check_target(path, "glove")
    path.write_text('{"vectors": {"a": [1.0, 2.0]}}', encoding="utf-8")
    with pytest.raises(OptionError, match="this file holds something else"):
        check_target(path)


@pytest.mark.parametrize("beside", ["v.words.txt", "v.counts.npy"])
def test_files_beside_a_matrix_are_written_only_where_they_are_its_own(tmp_path: Path, beside: str) -> None:
    """Neither written over nor removed where there was no such matrix, or where they do not fit it."""
    (tmp_path / beside).write_text("keep me", encoding="utf-8")
    with pytest.raises(OptionError, match=rf"{beside}: this file is written together with v\.npy, but it holds something else\. Name another place\."):
        save_vectors(some(), tmp_path / "v.npy")
    np.save(tmp_path / "v.npy", some().matrix)
    with pytest.raises(OptionError, match=r"v\.npy: vectors are written into a new file"):
        save_vectors(some(), tmp_path / "v.npy")
    assert (tmp_path / beside).read_text(encoding="utf-8") == "keep me"


def test_a_matrix_in_another_form_has_no_files_beside_it(tmp_path: Path) -> None:
    """What lies there is somebody else's."""
    save_vectors(some(), tmp_path / "v.npy", "word2vec-text")
    (tmp_path / "v.counts.npy").write_text("keep me", encoding="utf-8")
    with pytest.raises(OptionError, match=r"v\.counts\.npy: this file is written together with v\.npy"):
        save_vectors(some(), tmp_path / "v.npy")


def test_older_counts_go_with_the_older_matrix(tmp_path: Path) -> None:
    """And are not left beside one of other words."""
    save_vectors(some(5, counts=True), tmp_path / "v.npy")
    save_vectors(some(), tmp_path / "v.npy")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["v.npy", "v.words.txt"]


def test_what_is_read_is_not_written_over_as_a_companion(tmp_path: Path) -> None:
    """A corpus, even one that is the list of words of an older matrix."""
    corpus = tmp_path / "corpus.words.txt"
    corpus.write_text("one two three\n" * 50, encoding="utf-8")
    job = VectorsJob(source=corpus, out=tmp_path / "corpus.npy", word2vec=Word2VecOptions())
    with pytest.raises(OptionError, match=r"corpus\.words\.txt: this file is written together with corpus\.npy"):
        make_vectors(job)
    assert corpus.read_text(encoding="utf-8") == "one two three\n" * 50
    save_vectors(some(), tmp_path / "v.npy")
    with pytest.raises(OptionError, match=r"v\.words\.txt: this file is written together with v\.npy"):
        check_target(tmp_path / "v.npy", sources=[tmp_path / "v.words.txt"])
    with pytest.raises(OptionError, match=r"'out' must be another file than the one that is read"):
        check_target(tmp_path / "v.npy", sources=[tmp_path / "v.npy"])


def test_a_folder_is_no_file_and_a_file_no_folder(tmp_path: Path) -> None:
    """Each is told by its own sentence."""
    (tmp_path / "v.txt").mkdir()
    (tmp_path / "static").write_text("x", encoding="utf-8")
    (tmp_path / "v.words.txt").mkdir()
    (tmp_path / "v.words.txt" / "mine").touch()
    for name, sentence in (
        ("v.txt", r"v\.txt: vectors are written into a new file; this is a folder\. Name another place\."),
        ("static", r"static: static vectors are written into a new or an empty folder; this holds something else\."),
        ("v.npy", r"v\.words\.txt: this file is written together with v\.npy"),
    ):
        with pytest.raises(OptionError, match=sentence):
            save_vectors(some(), tmp_path / name)
