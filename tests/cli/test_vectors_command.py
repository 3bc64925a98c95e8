"""``ringsmith vectors``: what each command prints, as text and as JSON, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from command_line import Ringsmith, refused

from ringsmith.words.files import open_vectors, save_vectors
from ringsmith.words.vectors import WordVectors

ROLES = ("king", "uncle", "actor", "waiter")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Words whose analogies hold, and fillers."""
    rng = np.random.default_rng(0)
    meaning = {name: rng.normal(size=12) for name in (*ROLES, "she")}
    words = {role: meaning[role] for role in ROLES} | {f"{role}ess": meaning[role] + meaning["she"] for role in ROLES} | {f"word{at}": rng.normal(size=12) for at in range(30)}
    return save_vectors(WordVectors(list(words), np.array(list(words.values()), dtype=np.float32)), tmp_path / "vectors.txt")


def test_nearest_prints_a_word_a_line(ringsmith: Ringsmith, file: Path) -> None:
    """With its cosine; JSON holds the same; nothing else is printed."""
    ended = ringsmith("vectors", "nearest", file, "king", "-n", "3")
    expected = open_vectors(file).nearest("king", 3)
    assert [line.split() for line in ended.out.splitlines()] == [[f"{score:.4f}", word] for word, score in expected]
    both = json.loads(ringsmith("vectors", "nearest", file, "king", "uncle", "-n", "2", "--among", "8", "--json").out)
    assert [line["word"] for line in both] == ["king", "uncle"]
    refused(
        ringsmith("vectors", "nearest", file, "king uncle"), r"There is no vector for the word 'king uncle' among \d+, but for each of its parts: give 'king' and 'uncle' apart\."
    )
    assert all(not found["word"].startswith("word") for line in both for found in line["nearest"])


@pytest.mark.parametrize("method", ["3cosadd", "3cosmul"])
def test_analogy_answers(ringsmith: Ringsmith, file: Path, method: str) -> None:
    """A is to B as C is to ..."""
    assert json.loads(ringsmith("vectors", "analogy", file, "uncle", "uncleess", "king", "--method", method, "--json").out)[0]["word"] == "kingess"


def test_evaluate_tells_kinds_of_sets_by_content(ringsmith: Ringsmith, file: Path, tmp_path: Path) -> None:
    """Analogies, pairs and outliers, with what they cover."""
    (tmp_path / "analogies.txt").write_text(": roles\nking kingess uncle uncleess\nactor actoress king nobody\n", encoding="utf-8")
    (tmp_path / "pairs.tsv").write_text("king\tkingess\t9\nking\tword1\t1\nuncle\tuncleess\t8\nking\tnobody\t5\n", encoding="utf-8")
    (tmp_path / "set.txt").write_text("kingess\nuncleess\nactoress\n\nword5\nnobody\n", encoding="utf-8")
    sets = [tmp_path / name for name in ("analogies.txt", "pairs.tsv", "set.txt")]
    scores = json.loads(ringsmith("vectors", "evaluate", file, *sets, "--json").out)
    assert [(score["kind"], score["asked"], score["known"]) for score in scores] == [("analogies", 2, 1), ("pairs", 4, 3), ("outliers", 2, 1)]
    assert (scores[0]["score"], scores[0]["sections"][0]["section"], scores[0]["sections"][0]["right"]) == (1.0, "roles", 1)
    assert -1 <= scores[1]["score"] <= 1
    assert scores[1]["low"] is None  # three pairs say nothing of others
    text = ringsmith("vectors", "evaluate", file, *sets).out
    assert "1 of 2" in text
    assert "3 of 4" in text
    assert "has vectors" not in text
    (tmp_path / "reviews.csv").write_text("a good phone,5,1\na bad phone,1,2\n", encoding="utf-8")
    assert "reviews.csv: nothing of it has vectors. Are its words of the language of FILE" in ringsmith("vectors", "evaluate", file, "reviews.csv").out


def test_a_folder_holds_sets_of_any_kind(ringsmith: Ringsmith, file: Path, tmp_path: Path) -> None:
    """Each file is what it holds; sets with outliers are one; what is no set of questions is left alone."""
    folder = tmp_path / "sets"
    folder.mkdir()
    (folder / "analogies.txt").write_text(": roles\nking kingess uncle uncleess\n", encoding="utf-8")
    (folder / "pairs.tsv").write_text("king\tkingess\t9\nking\tword1\t1\nuncle\tuncleess\t8\n", encoding="utf-8")
    for number in (1, 2):
        (folder / f"set{number}.txt").write_text("kingess\nuncleess\nactoress\n\nword5\n", encoding="utf-8")
    (folder / "phrases.txt").write_text("New_York New_York_Times Baltimore Baltimore_Sun\n", encoding="utf-8")
    (folder / "README.md").write_text("Three kinds.", encoding="utf-8")
    scores = json.loads(ringsmith("vectors", "evaluate", file, folder, "--json").out)
    assert [(score["set"], score["kind"], score["asked"]) for score in scores] == [
        ("analogies.txt", "analogies", 1),
        ("pairs.tsv", "pairs", 3),
        ("phrases.txt", "analogies", 1),
        ("sets", "outliers", 2),
    ]
    assert (scores[2]["score"], scores[2]["known"]) == (None, 0)
    assert "phrases.txt: nothing of it has vectors" in ringsmith("vectors", "evaluate", file, folder).out
    (tmp_path / "none").mkdir()
    refused(ringsmith("vectors", "evaluate", file, "none"), r"none: the folder must hold questions as \.txt, \.tsv or \.csv files; it holds none")


def test_compare_names_what_changed(ringsmith: Ringsmith, file: Path, tmp_path: Path) -> None:
    """A space with itself, one word moved."""
    vectors = open_vectors(file)
    matrix = vectors.matrix.copy()
    matrix[vectors.row("king")] = matrix[vectors.row("word9")] * 1.01
    other = save_vectors(WordVectors(vectors.words, matrix), tmp_path / "other.bin")
    result = json.loads(ringsmith("vectors", "compare", file, other, "--moved", "3", "--json").out)
    assert "king" in [word["word"] for word in result["moved"]]
    assert (result["shared"], len(result["moved"])) == (38, 3)
    assert "mean cosine" in ringsmith("vectors", "compare", file, other).out


def test_convert_writes_every_form_and_says_what_it_cost(ringsmith: Ringsmith, file: Path, tmp_path: Path) -> None:
    """By suffix; smaller numbers with their loss."""
    for name in ("v.bin", "v.glove.gz", "v.safetensors", "v.npy", "folder"):
        ended = ringsmith("vectors", "convert", file, tmp_path / name)
        assert (ended.code, "38 words x 12" in ended.out) == (0, True)
        np.testing.assert_array_equal(open_vectors(tmp_path / name).matrix, open_vectors(file).matrix)
    ended = ringsmith("vectors", "convert", file, tmp_path / "small.safetensors", "--precision", "int8", "--most", "10")
    assert "int8: 0.0 -> 0.0 MB · cosine with the original 0.999" in ended.out
    assert json.loads(ringsmith("vectors", "convert", file, tmp_path / "half.safetensors", "--precision", "float16", "--json").out)["loss"]["precision"] == "float16"


def test_view_writes_a_page_that_is_complete_in_itself(ringsmith: Ringsmith, file: Path, tmp_path: Path) -> None:
    """No script, nothing loaded, every word in it, dangerous ones escaped; the same map every time."""
    vectors = open_vectors(file)
    evil = save_vectors(WordVectors(["<script>alert(1)</script>", *vectors.words[1:]], vectors.matrix), tmp_path / "evil.txt")
    drawn = json.loads(ringsmith("vectors", "view", evil, "--out", "map.html", "--json").out)
    page = (tmp_path / "map.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert all(word in page for word in vectors.words[1:])
    assert json.loads(ringsmith("vectors", "view", evil, "--out", "map.html", "--json").out) == drawn
    assert {point["group"] for point in drawn["words"]} <= set(range(8))
    ended = ringsmith("vectors", "view", file, "--out", "few.html", "--words", "king, uncle,actor,nobody")
    assert "3 words" in ended.out
    assert "Without a vector: nobody." in ended.out


def test_unknown_words_are_known_by_their_spelling(ringsmith: Ringsmith, tmp_path: Path) -> None:
    """The whole way: trained with n-grams, opened again; what a form cannot hold is said, and so is what was guessed."""
    (tmp_path / "corpus.txt").write_text("the cat sat on the mat\nthe dog sat on the cat\n" * 60, encoding="utf-8")
    train = ("vectors", "train", "corpus.txt", "--subwords", "2-4", "--dim", "8", "--epochs", "1", "--min-count", "1", "--threads", "1", "--out")
    kept = json.loads(ringsmith(*train, "v.safetensors", "--json").out)
    assert (kept["ngrams"] > 20, kept["notes"]) == (True, [])
    ended = ringsmith("vectors", "nearest", "v.safetensors", "catty", "cat", "-n", "1", "--json")
    assert [line["word"] for line in json.loads(ended.out)] == ["catty", "cat"]
    assert ended.err.strip() == "Not in the file, vector from the spelling: 'catty'."
    assert "from the spelling: 'catty', 'doggy'" in ringsmith("vectors", "analogy", "v.safetensors", "catty", "doggy", "cat").err
    assert ringsmith("vectors", "nearest", "v.safetensors", "qqq").code == 2
    assert "kept in a .safetensors file only; they were left out" in ringsmith("vectors", "convert", "v.safetensors", "w.txt").err
    assert ringsmith("vectors", "convert", "v.safetensors", "half.safetensors", "--precision", "float16").err == ""
    assert ringsmith("vectors", "nearest", "half.safetensors", "catty").code == 0
    assert f"Written   v.safetensors, with {kept['ngrams']} n-grams for words that are not in it" in ringsmith(*train, "v.safetensors").out
    assert ringsmith("vectors", "nearest", "w.txt", "catty").code == 2


def test_files_have_the_permissions_of_this_user(ringsmith: Ringsmith, file: Path, tmp_path: Path) -> None:
    """Whichever library writes them; others may read them, where the user's files may be read."""
    (tmp_path / "usual").touch()
    for name in ("v.safetensors", "v.bin"):
        ringsmith("vectors", "convert", file, name)
        assert (tmp_path / name).stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_more_than_there_is_memory_for_is_one_sentence(ringsmith: Ringsmith, tmp_path: Path) -> None:
    """Not a traceback."""
    (tmp_path / "corpus.txt").write_text("the cat sat\n" * 60, encoding="utf-8")
    ended = ringsmith("vectors", "train", "corpus.txt", "--dim", "1000000000000000", "--out", "v.txt")
    assert ended.code == 2
    assert "This needs more memory than there is (Unable to allocate" in " ".join(ended.err.split())


def test_bad_use_is_one_sentence_and_code_2(ringsmith: Ringsmith, file: Path, tmp_path: Path) -> None:
    """Unknown words and files, forms that do not fit, words that are not UTF-8."""
    (tmp_path / "latin.txt").write_bytes(b"1 1\n\xe9 1\n")
    for arguments, sentence in (
        (("nearest", file, "kingg"), "There is no vector for the word 'kingg' among 38. Did you mean 'king'"),
        (("nearest", tmp_path / "vector.txt", "king"), "there is no such file. Did you mean"),
        (("nearest", tmp_path / "latin.txt", "king"), "words must be UTF-8"),
        (("analogy", file, "a", "b", "c", "--method", "x"), "'method' must be '3cosadd' or '3cosmul'; got 'x'"),
        (("evaluate", file, file), "a line must hold two words and a number"),
        (("convert", file, tmp_path / "x.csv"), "the suffix must say the form"),
        (("convert", file, tmp_path / "x.bin", "--precision", "int8"), "'--precision int8' needs a .safetensors file"),
        (("convert", file, tmp_path / "x.bin", "--errors", "ignore"), "'errors' must be 'refuse' or 'replace'; got 'ignore'"),
        (("view", file, "--words", "nobody"), "'words' must hold 2 to 5,000 words that have vectors; got 0 of 1"),
    ):
        ended = ringsmith("vectors", *arguments)
        assert ended.code == 2
        assert sentence in " ".join(ended.err.split()), ended.err
        assert "Traceback" not in ended.err
    assert ringsmith("vectors", "nearest", tmp_path / "latin.txt", "\ufffd", "--errors", "replace").code == 0


def test_what_to_try_next_can_be_typed_as_it_stands(ringsmith: Ringsmith, tmp_path: Path) -> None:
    """A name with a blank stands in quotes."""
    (tmp_path / "corpus.txt").write_text("the king and the queen of the land\n" * 60, encoding="utf-8")
    ended = ringsmith("vectors", "train", "corpus.txt", "--dim", "4", "--epochs", "1", "--min-count", "1", "--out", "my vectors.txt")
    assert 'ringsmith vectors nearest "my vectors.txt" WORD' in ended.out


@pytest.mark.parametrize("command", [("convert", "{file}"), ("view", "--out", "{file}"), ("view", "--out", "map.txt")], ids=str)
def test_what_is_read_is_not_written_over(ringsmith: Ringsmith, file: Path, command: tuple[str, ...]) -> None:
    """Neither by vectors in another form nor by a page; and a page is called so."""
    before = file.read_bytes()
    rest = [part.format(file=file) for part in command[1:]]
    refused(ringsmith("vectors", command[0], file, *rest), r"'out' must be another file than the one that is read|--out must be an HTML page; got")
    assert file.read_bytes() == before


def test_a_corpus_is_not_written_over_by_its_vectors(ringsmith: Ringsmith, tmp_path: Path) -> None:
    """Nor is a text by its translation, which is the same check."""
    (tmp_path / "text.txt").write_text("one two three\n" * 50, encoding="utf-8")
    refused(ringsmith("vectors", "train", tmp_path / "text.txt", "--out", tmp_path / "text.txt"), r"such as '.*text-new\.txt'")
    assert (tmp_path / "text.txt").read_text(encoding="utf-8") == "one two three\n" * 50


@pytest.mark.parametrize("name", ["--lowercase", "--lower"])
def test_small_letters_have_the_name_they_have_elsewhere(ringsmith: Ringsmith, tmp_path: Path, name: str) -> None:
    """The one that they had is heard still."""
    (tmp_path / "corpus.txt").write_text("The King and the Queen\n" * 9, encoding="utf-8")
    assert ringsmith("vectors", "train", "corpus.txt", "--dim", "4", "--epochs", "1", "--min-count", "1", "--out", "v.txt", name).code == 0
    assert set(open_vectors(tmp_path / "v.txt").words) == {"the", "king", "and", "queen"}


def test_words_that_stand_alone_are_told(ringsmith: Ringsmith, tmp_path: Path) -> None:
    """Of a list of words nothing is learnt; a single line of two words is enough to learn something."""
    command = ("vectors", "train", "corpus.txt", "--dim", "4", "--epochs", "1", "--min-count", "1", "--out", "v.txt")
    (tmp_path / "corpus.txt").write_text("king\nqueen\nking\n", encoding="utf-8")
    assert "No word has a neighbour: every line holds a single known word" in ringsmith(*command).out
    (tmp_path / "corpus.txt").write_text("king\nqueen king\n", encoding="utf-8")
    assert "No word has a neighbour" not in ringsmith(*command).out


def test_what_a_terminal_would_obey_is_not_printed(ringsmith: Ringsmith, tmp_path: Path) -> None:
    """A word of somebody else's file with an escape in it."""
    path = save_vectors(WordVectors(["a", "b\x1b]0;mine\x07", "c\x9bd"], np.eye(3, dtype=np.float32)), tmp_path / "evil.txt")
    ended = ringsmith("vectors", "nearest", path, "a")
    assert ended.code == 0
    assert "b\ufffd]0;mine\ufffd" in ended.out
    assert not {"\x1b", "\x07", "\x9b"} & set(ended.out)


@pytest.mark.parametrize(
    ("method", "given", "rule"), [("glove", ("--rate", "0"), r"'eta' \(--rate\) must be above 0"), ("glove", ("--epochs", "0"), r"'iterations' \(--epochs\) must")]
)
def test_options_of_glove_are_told_by_the_names_they_have_here(ringsmith: Ringsmith, method: str, given: tuple[str, ...], rule: str) -> None:
    """Its own are those of the paper."""
    refused(ringsmith("vectors", "train", "corpus.txt", "--out", "v.txt", "--method", method, *given), rule)


def test_vectors_take_the_place_of_vectors_only(ringsmith: Ringsmith, file: Path, tmp_path: Path) -> None:
    """A file of something else stays, and it is told before anything is read; vectors of an earlier run, and an empty file, go."""
    (tmp_path / "thesis.txt").write_text("Chapter one.\n\nIt was a dark night.\n", encoding="utf-8")
    (tmp_path / "corpus.txt").write_text("the king and the queen of the land\n" * 60, encoding="utf-8")
    (tmp_path / "labelled.txt").write_text("Great phone, all of it.\t1\nNever again.\t0\n", encoding="utf-8")
    (tmp_path / "empty.txt").touch()
    train = ("vectors", "train", "corpus.txt", "--dim", "4", "--epochs", "1", "--min-count", "1", "--out")
    for command in (
        ("train", "nowhere.txt", "--out", "thesis.txt"),
        ("convert", file, "thesis.txt"),
        ("train", "corpus.txt", "--out", "labelled.txt"),
        ("convert", file, "labelled.txt"),
    ):
        refused(ringsmith("vectors", *command), r"(thesis|labelled)\.txt: vectors are written into a new file, or in the place of vectors; this file holds something else")
    assert (tmp_path / "thesis.txt").read_text(encoding="utf-8").startswith("Chapter one")
    assert (tmp_path / "labelled.txt").read_text(encoding="utf-8").startswith("Great phone")
    assert [ringsmith(*train, name).code for name in ("empty.txt", "empty.txt")] == [0, 0]


def test_a_corpus_in_another_encoding_is_refused_until_it_is_named(ringsmith: Ringsmith, tmp_path: Path) -> None:
    """What most words would lose their letters by is no success; a broken word among hundreds is said."""
    command = ("vectors", "train", "corpus.txt", "--out", "v.txt", "--dim", "4", "--epochs", "1", "--min-count", "1")
    (tmp_path / "corpus.txt").write_bytes("le café est près du château\n".encode("latin-1") * 30)
    refused(ringsmith(*command), r"must be in UTF-8; 90 words are not, such as 'caf�'\. Convert it with iconv, or name its encoding with --encoding")
    assert not (tmp_path / "v.txt").exists()
    assert ringsmith(*command, "--encoding", "latin-1").code == 0
    assert set(open_vectors(tmp_path / "v.txt").words) == {"le", "café", "est", "près", "du", "château"}
    (tmp_path / "corpus.txt").write_bytes("le café est près du château\n".encode() * 30 + b"caf\xe9")
    assert "1 word held bytes that are not UTF-8" in ringsmith(*command).out
