"""Vector files of others: real ones that lie beside a developer's checkout, and what gensim and sentence-transformers write and read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from vector_spaces import random_space

from ringsmith.errors import ReadError
from ringsmith.words.files import ReadOptions, open_vectors, save_vectors
from ringsmith.words.vectors import WordVectors

REPLACE = ReadOptions(errors="replace")


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("name", "words", "width", "first"),
    [
        ("EN.1-10.cbow1_wind5_hs0_neg10_size300_smpl1e-05.txt", 20, 300, "one"),
        ("crime-and-punishment.vec", 291, 5, "и"),
        ("crime-and-punishment.bin", 291, 5, "и"),
        ("lee_fasttext.vec", 1762, 10, "the"),
        ("lee_fasttext.bin", 1762, 10, "the"),
        ("lee_fasttext_new.bin", 1763, 10, "the"),
        ("non_ascii_fasttext.bin", 171, 2, "ji"),
        ("cp852_fasttext.bin", 165, 2, "ji"),
        ("pang_lee_polarity_fasttext.bin", 1694, 100, "."),
        ("euclidean_vectors.bin", 2747, 10, "the"),
        ("poincare_vectors.bin", 1182, 10, "mammal.n.01"),
        ("test_glove.txt", 76, 50, "the"),
        ("word2vec_pre_kv_c", 1750, 10, "the"),
    ],
)
def test_real_files_are_read(shared: Path, name: str, words: int, width: int, first: str) -> None:
    """By content alone, whatever they are called."""
    vectors = open_vectors(shared / "weights" / "gensim-test-models" / name, options=REPLACE)
    assert (len(vectors), vectors.dimensions, vectors.words[0]) == (words, width, first)
    assert len(vectors.nearest(first, 3)) == 3


@pytest.mark.shared_data
def test_a_json_space_knows_its_neighbours(shared: Path) -> None:
    """A thousand common words of ml5."""
    vectors = open_vectors(shared / "weights" / "ml5-word2vec" / "wordvecs1000.json")
    assert (len(vectors), vectors.dimensions) == (1000, 300)
    assert vectors.nearest("man", 1)[0].word == "woman"


@pytest.mark.shared_data
def test_a_quantised_model_is_refused(shared: Path) -> None:
    """FastText's own language identifier."""
    with pytest.raises(ReadError, match=r"quantised fastText models \(\.ftz\) are not read"):
        open_vectors(shared / "weights" / "fasttext-lid176" / "lid.176.ftz")


@pytest.mark.shared_data
@pytest.mark.parametrize("name", ["lee_fasttext", "crime-and-punishment"])
def test_fasttext_vectors_are_those_of_its_own_text_form(shared: Path, name: str) -> None:
    """What fastText computed and wrote to .vec, with five digits, is what we compute from .bin."""
    folder = shared / "weights" / "gensim-test-models"
    binary, text = open_vectors(folder / f"{name}.bin"), open_vectors(folder / f"{name}.vec")
    assert list(binary.words) == list(text.words)
    np.testing.assert_allclose(binary.matrix, text.matrix, rtol=2e-4, atol=2e-5)


@pytest.mark.shared_data
@pytest.mark.parametrize("name", ["lee_fasttext_new.bin", "non_ascii_fasttext.bin"])
def test_unknown_words_get_gensims_vectors(shared: Path, name: str) -> None:
    """From their n-grams, non-ASCII ones as well."""
    fasttext = pytest.importorskip("gensim.models.fasttext", reason="gensim is not installed")
    path = shared / "weights" / "gensim-test-models" / name
    theirs, ours = fasttext.load_facebook_vectors(str(path)), open_vectors(path)
    for word in ("rejection", "nights", "landmines", "ďábelský", "x", "příliš"):
        assert word not in ours
        np.testing.assert_allclose(ours.vector(word), theirs[word], rtol=1e-5, atol=1e-6)
    # To the end of a sentence gensim gives n-grams; fastText has not done so since it has had versions.
    rows = [row for row, word in enumerate(ours.words) if word != "</s>"]
    np.testing.assert_allclose(ours.matrix[rows], theirs.vectors[rows], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("name", "binary"), [("v.bin", True), ("v.txt", False), ("v.txt.gz", False)])
def test_gensim_reads_what_we_write(tmp_path: Path, name: str, binary: bool) -> None:
    """And we read what it writes, to the last bit."""
    gensim = pytest.importorskip("gensim.models", reason="gensim is not installed")
    vectors = random_space(50)
    theirs = gensim.KeyedVectors.load_word2vec_format(str(save_vectors(vectors, tmp_path / name)), binary=binary)
    assert theirs.index_to_key == list(vectors.words)
    np.testing.assert_array_equal(theirs.vectors, vectors.matrix)
    theirs.save_word2vec_format(str(tmp_path / "theirs"), binary=binary)
    again = open_vectors(tmp_path / "theirs")
    assert list(again.words) == list(vectors.words)
    np.testing.assert_array_equal(again.matrix, vectors.matrix)


def test_gensims_own_save_is_refused_and_its_npy_form_read(tmp_path: Path) -> None:
    """The way out that the sentence names works, and so does the one without pickle."""
    gensim = pytest.importorskip("gensim.models", reason="gensim is not installed")
    vectors = random_space(50)
    theirs = gensim.KeyedVectors(20)
    theirs.add_vectors(list(vectors.words), vectors.matrix)
    theirs.save(str(tmp_path / "model.kv"))
    with pytest.raises(ReadError, match="are not opened, because they can run code"):
        open_vectors(tmp_path / "model.kv")
    np.save(tmp_path / "wv.npy", theirs.vectors)
    (tmp_path / "wv.words.txt").write_text("\n".join(theirs.index_to_key), encoding="utf-8")
    np.testing.assert_array_equal(open_vectors(tmp_path / "wv.npy").matrix, vectors.matrix)


@pytest.mark.filterwarnings("ignore")
def test_sentence_transformers_loads_the_folder(tmp_path: Path) -> None:
    """A text's vector is the mean of its words'; unknown words change its length, not its direction."""
    package = pytest.importorskip("sentence_transformers", reason="sentence-transformers is not installed")
    vectors = WordVectors(["good", "dog", "."], np.array([[1, 0], [0, 1], [2, 2]], dtype=np.float32))
    model = package.SentenceTransformer(str(save_vectors(vectors, tmp_path / "static")), device="cpu")
    np.testing.assert_allclose(model.encode("Good dog"), [0.5, 0.5], atol=1e-6)
    np.testing.assert_allclose(model.encode("good dog."), [1, 1], atol=1e-6)
    one, other = model.encode(["good", "good zebra"])
    np.testing.assert_allclose(one / np.linalg.norm(one), other / np.linalg.norm(other), atol=1e-6)


def test_model2vec_loads_the_folder(tmp_path: Path) -> None:
    """A text's vector is the mean of its known words'."""
    package = pytest.importorskip("model2vec", reason="model2vec is not installed")
    vectors = WordVectors(["good", "dog", "."], np.array([[1, 0], [0, 1], [2, 2]], dtype=np.float32))
    model = package.StaticModel.from_pretrained(str(save_vectors(vectors, tmp_path / "static")))
    np.testing.assert_allclose(model.encode("Good dog zebra"), [0.5, 0.5], atol=1e-6)
