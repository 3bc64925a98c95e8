"""``ringsmith inspect`` as a user meets it."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from command_line import Ringsmith, refused, reviews
from rich.cells import cell_len
from tokenizers import Tokenizer, models, pre_tokenizers, processors

import ringsmith as rs
from ringsmith.cli._senses import in_context
from ringsmith.inspection import BYTE_OF, PATTERNS, Occurrence
from translation_tiny import make_translator

LETTERS = list("abcdefghijklmnopqrstuvwxyz.,")


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random masked BERT over letters."""
    folder = tmp_path_factory.mktemp("masked") / "bert"
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *LETTERS, *(f"##{letter}" for letter in LETTERS), "the", "bank", "river"]
    tokenizer = Tokenizer(models.WordPiece({piece: number for number, piece in enumerate(vocabulary)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    special = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special).save_pretrained(folder)
    torch.manual_seed(0)
    shape = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32, "max_position_embeddings": 32}
    transformers.BertForMaskedLM(transformers.BertConfig(vocab_size=len(vocabulary), **shape)).save_pretrained(folder)  # type: ignore[arg-type]
    return folder


def test_the_terminal_shows_every_part(ringsmith: Ringsmith, bert: Path) -> None:
    """Tokens with numbers, predictions, heads, a map, the rollout, parameters that sum up, shapes."""
    ended = ringsmith("inspect", bert, "the bank by the river", "--layer", "2", "--head", "1")
    assert (ended.code, ended.err) == (0, "")
    total = sum(weights.numel() for weights in transformers.AutoModelForMaskedLM.from_pretrained(bert).parameters())
    for part in (f"{total:,} parameters", "Tokens  8 of at most 32", "[CLS] the bank b", "Expected  each token was hidden in turn", "Heads  a row for each layer",
                 "Layer 2, head 1", "Where it comes from", "Shared, counted once: cls.predictions.decoder", "[batch, sequence, vocabulary]  logits"):  # fmt: skip
        assert part in ended.out, part


def test_pieces_of_bytes_are_shown_as_people_read_them(ringsmith: Ringsmith, gpt2: Path, tmp_path: Path) -> None:
    """In the terminal and on the page, what stands there as what was likelier: blanks, ends of lines, parts of letters; JSON and Python keep them as the tokenizer writes them."""
    (tmp_path / "text.txt").write_text("a\n日 b", encoding="utf-8")
    ended = ringsmith("inspect", gpt2, "text.txt", "--out", "look.html")
    assert ended.out.split("Tokens  7 of at most 64\n")[1].split("\n")[0].split() == ["a", "↵", "<E6>", "<97>", "<A5>", "␣", "b"]
    page = (tmp_path / "look.html").read_text(encoding="utf-8")
    shown = page.split('aria-label="Tokens with their numbers"')[1].split("</ol>")[0]
    assert re.findall(r"<bdi>(.*?)</bdi>", shown) == ["a", "↵", "&lt;E6&gt;", "&lt;97&gt;", "&lt;A5&gt;", "␣", "b"]
    strange = {sign for sign, byte in BYTE_OF.items() if sign != chr(byte)}
    assert not strange & set(ended.out)
    likeliest = "".join(re.findall(r'<td class="options">(.*?)</td>', page))
    assert not strange & set(likeliest)
    assert "&lt;" in likeliest
    look = rs.inspect(gpt2, "a\n日 b")
    assert [token.piece for token in look.tokens] == ["a", "Ċ", "æ", "Ĺ", "¥", "Ġ", "b"]


def test_what_is_there_once_is_one(ringsmith: Ringsmith, gpt2: Path, bert: Path, tmp_path: Path) -> None:
    """Layers, heads and times; and hardly anything is not nothing."""
    config = json.loads((bert / "config.json").read_text())
    transformers.BertForMaskedLM(transformers.BertConfig(**{**config, "num_hidden_layers": 1, "num_attention_heads": 1})).save_pretrained(tmp_path / "one")
    shutil.copy(bert / "tokenizer.json", tmp_path / "one")
    shutil.copy(bert / "tokenizer_config.json", tmp_path / "one")
    shown = ringsmith("inspect", "one", "the bank").out
    assert "· 1 layer, 1 head each" in shown
    assert "hidden states, 2 times: embeddings and 1 layer\n" in shown
    assert "attention, 1 time\n" in shown
    assert "< 0.1%" in ringsmith("inspect", gpt2, "the cat sat on the mat").out


def test_json_is_the_record_with_the_maps_that_were_asked_for(ringsmith: Ringsmith, bert: Path) -> None:
    """Without --layer and --head none; the same numbers as from Python."""
    content = json.loads(ringsmith("inspect", bert, "the bank", "--pair", "the river", "--json").out)
    look = rs.inspect(bert, "the bank", "the river")
    assert content["attention"] == []
    assert [token["piece"] for token in content["tokens"]] == ["[CLS]", "the", "bank", "[SEP]", "the", "river", "[SEP]"]
    assert content["parameters"] == look.parameters
    assert {head["pattern"] for head in content["heads"]} <= set(PATTERNS)
    asked = json.loads(ringsmith("inspect", bert, "the bank", "--pair", "the river", "--layer", "1", "--json").out)["attention"]
    assert [(one["layer"], one["head"]) for one in asked] == [(1, 1), (1, 2)]
    np.testing.assert_allclose(asked[1]["weights"], look.attention[0, 1], atol=6e-5)
    np.testing.assert_allclose(content["rollout"], look.rollout, atol=6e-5)


def test_the_page_is_written_beside_what_is_shown(ringsmith: Ringsmith, bert: Path, tmp_path: Path) -> None:
    """And a text may come from a file."""
    (tmp_path / "text.txt").write_text("the bank\n", encoding="utf-8")
    ended = ringsmith("inspect", bert, "text.txt", "--out", "look.html")
    assert ended.out.strip().endswith("Written   look.html")
    assert "the bank" in (tmp_path / "look.html").read_text(encoding="utf-8")
    assert json.loads(ringsmith("inspect", bert, "the bank", "--out", "two.html", "--json").out)["text"] == "the bank"


def test_a_pretrained_folder_is_looked_into_although_it_has_a_manifest(ringsmith: Ringsmith, bert: Path, tmp_path: Path) -> None:
    """Its `ringsmith.json` tells how it was trained, not how it answers."""
    folder = shutil.copytree(bert, tmp_path / "pretrained")
    (folder / "ringsmith.json").write_text('{"schema": 1, "format": "ringsmith-pretrained"}', encoding="utf-8")
    assert ringsmith("inspect", folder, "the bank").code == 0


@pytest.mark.minilm
def test_an_encoder_decoder_shows_its_encoder_and_unknown_signs_are_counted(ringsmith: Ringsmith, tmp_path: Path) -> None:
    """Its places are a formula's and lie in no file; an emoji has no piece."""
    make_translator(tmp_path / "en-fr")
    ended = ringsmith("inspect", "en-fr", "the cat \U0001f600 sat")
    assert "The encoder is shown, which reads" in ended.out
    assert re.search(r"1 of \d+ tokens are <unk>: the model has no piece for what stands there", " ".join(ended.out.split()))


def test_a_fitted_model_shows_its_labels(ringsmith: Ringsmith, tmp_path: Path) -> None:
    """A frozen MiniLM with a head of ours: the probabilities that `predict` gives, and the body's attention."""
    rows = reviews(40)
    rs.compare(rows, models=["minilm"], recipes=["probe"], out=tmp_path / "run", folds=0, threads=1, min_rows=1)
    best = tmp_path / "run" / "best"
    content = json.loads(ringsmith("inspect", best, rows[0][0], "--json").out)
    expected = dict(zip(rs.load(best).labels, rs.load(best).predict_proba(rows[0][0]), strict=True))
    assert dict(map(tuple, content["labels"])) == pytest.approx(expected, abs=1e-4)
    assert content["notes"] == ["Fitted by the recipe probe."]
    assert len(content["heads"]) == 72
    shown = ringsmith("inspect", best, rows[0][0]).out
    assert "Label" in shown
    assert "good" in shown


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("",), r"TEXT must hold at least one word; got an empty text"),
        (("the", "--pair", " "), r"--pair must hold at least one word"),
        (("the", "--layer", "3"), r"--layer must be 1 to 2, as many as .* has; got 3\. Leave it out to see all of them"),
        (("the", "--head", "0"), r"--head must be 1 to 2"),
        (("the", "--out", "look.pdf"), r"--out must be an HTML page; got 'look\.pdf'\. Name it look\.html"),
        (("the", "--vectors", "v.txt"), r"--vectors must go with --word; got no --word"),
        (("the", "--word", "bank", "--layer", "1"), r"--layer must go without --word"),
    ],
)  # fmt: skip
def test_wrong_use_is_one_sentence(ringsmith: Ringsmith, bert: Path, arguments: tuple[str, ...], sentence: str) -> None:
    """Exit code 2, and nothing else."""
    refused(ringsmith("inspect", bert, *arguments), sentence)


def test_the_page_makes_its_folder_and_a_file_in_its_way_is_said(ringsmith: Ringsmith, bert: Path, tmp_path: Path) -> None:
    """As predictions do."""
    assert ringsmith("inspect", bert, "the", "--out", "new/look.html").code == 0
    assert (tmp_path / "new" / "look.html").exists()
    refused(ringsmith("inspect", bert, "the", "--out", "new/look.html/again.html"), r"again\.html: must be writable")


def test_models_without_a_transformer_are_sent_elsewhere(ringsmith: Ringsmith, model: Path, tmp_path: Path) -> None:
    """A classifier of words, and word vectors."""
    refused(ringsmith("inspect", model, "the cat"), r"'inspect' needs a transformer; this model was fitted by the recipe tfidf, which has none\. .* ringsmith predict")
    (tmp_path / "v.txt").write_text("2 2\nthe 1 2\ncat 2 1\n", encoding="utf-8")
    refused(ringsmith("inspect", "./v.txt", "the cat"), r"'inspect' needs a transformer; this is a file of word vectors")


def test_a_word_shows_its_senses(ringsmith: Ringsmith, bert: Path, tmp_path: Path) -> None:
    """Uses with their forms, groups with lines around the word, the static vector, a map; as JSON; as a page."""
    (tmp_path / "sentences.txt").write_text("the bank by the river\n\nthe Bank lent\nno such\n\n\na river, a bank\n", encoding="utf-8")
    ended = ringsmith("inspect", bert, "sentences.txt", "--word", "bank", "--layers", "last", "--out", "senses.html")
    assert (ended.code, ended.err) == (0, "")
    for part in ("bank  3 uses (bank 2, Bank 1)", "the last layer", "mean cosine of two uses", "The one static vector  from the input embedding", "Map", "Written   senses.html"):
        assert part in ended.out, part
    assert "<strong>Bank</strong>" in (tmp_path / "senses.html").read_text(encoding="utf-8")
    content = json.loads(ringsmith("inspect", bert, "sentences.txt", "--word", "bank", "--json").out)
    assert [one["line"] for one in content["occurrences"]] == [1, 3, 7]
    (tmp_path / "table.txt").write_text("id^text\n1^the bank by the river\n2^the Bank lent\n", encoding="utf-8")
    assert [one["line"] for one in json.loads(ringsmith("inspect", bert, "table.txt", "--word", "bank", "--delimiter", "^", "--json").out)["occurrences"]] == [2, 3]
    assert "Read " not in ended.out
    senses = rs.inspect_word(bert, "bank", ["the bank by the river", "the Bank lent", "no such", "a river, a bank"])
    assert content["self_similarity"] == pytest.approx(senses.self_similarity, abs=1e-3)
    assert [one["start"] for one in content["occurrences"]] == [one.start for one in senses.occurrences]


def test_a_word_stands_in_one_column_in_wide_letters_too() -> None:
    """Chinese letters take two cells each; what is too long is cut to the same width."""
    sentences = ["我去银行取钱", "we went to the 银行", "他每天早上都从家里走到河边" * 5 + "银行" + "然后和同事们一起喝茶" * 5]
    lines = [in_context(Occurrence(text, (start := text.index("银行")), start + 2, 1, 0, 0.0, 0.0), "blue").plain for text in sentences]
    assert [cell_len(line.partition("银行")[0]) for line in lines] == [46, 46, 46]
    assert [cell_len(line.partition("银行")[2]) <= 44 for line in lines] == [True, True, True]
    assert lines[2].strip()[0] == lines[2][-1] == "…"


def test_of_a_table_the_column_is_said_and_can_be_named(ringsmith: Ringsmith, bert: Path, tmp_path: Path) -> None:
    """Where several columns hold texts, the number of uses does not tell which was read."""
    (tmp_path / "pairs.tsv").write_text("first\tsecond\n" + "the bank by the river\tthe river\n" * 3 + "the Bank\tno bank, or bank\n", encoding="utf-8")
    found = ringsmith("inspect", bert, "pairs.tsv", "--word", "bank", "--text", "second", "--json")
    assert len(json.loads(found.out)["occurrences"]) == 2
    assert "Read" not in found.err
    (tmp_path / "table.csv").write_text("id,text\n1,the bank by the river\n2,the Bank lent\n", encoding="utf-8")
    assert "Read      the column 'text' of table.csv (--text names another)" in ringsmith("inspect", bert, "table.csv", "--word", "bank").out
    refused(ringsmith("inspect", bert, "the bank", "--text", "first"), r"--text must go with --word; got no --word")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--word", "river"), r"The sentences must use the word 'river' at least twice; got 1 in 2 lines"),
        (("--word", "bank", "--layers", "first"), r"'layers' must be last, last4, all or a number from 0 to 2; got 'first'"),
        (("--word", "bank", "--vectors", "none.txt"), r"none\.txt: there is no such file"),
    ],
)
def test_senses_that_cannot_be_shown_are_one_sentence(ringsmith: Ringsmith, bert: Path, tmp_path: Path, arguments: tuple[str, ...], sentence: str) -> None:
    """Exit code 2, and nothing else."""
    (tmp_path / "s.txt").write_text("the bank by the river\nthe bank\n", encoding="utf-8")
    refused(ringsmith("inspect", bert, "s.txt", *arguments), sentence)
