"""Translations by a tiny model: those of transformers, whatever the neighbours; lines kept; and what does not translate is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from backbones_tiny import make_tiny

from ringsmith.backbones.translate import TranslateOptions, Translator, load_translator, translate
from ringsmith.catalogue import resolve
from ringsmith.errors import InputError, OptionError, UsageError
from ringsmith.records import Progress
from translation_tiny import TEXTS, make_translator


@pytest.fixture(scope="module")
def translator(tmp_path_factory: pytest.TempPathFactory) -> Translator:
    """Random weights."""
    return load_translator(resolve(str(make_translator(tmp_path_factory.mktemp("translator") / "tiny"))), threads=1, device="cpu")


def by_transformers(translator: Translator, text: str, **settings: Any) -> str:
    """One text alone, by plain transformers."""
    model = transformers.AutoModelForSeq2SeqLM.from_pretrained(translator.model.folder)
    tokeniser = transformers.AutoTokenizer.from_pretrained(translator.model.folder)
    return str(tokeniser.decode(model.generate(**tokeniser(text, return_tensors="pt"), **settings)[0], skip_special_tokens=True))


@pytest.mark.parametrize(("beam", "penalty"), [(1, 0.6), (4, 0.6), (3, 0.0), (4, 2.0)])
def test_the_translations_are_those_of_transformers_one_by_one(translator: Translator, beam: int, penalty: float) -> None:
    """In batches with padding or alone, greedily or by beams; they differ from text to text."""
    settings = {"num_beams": beam} | ({"length_penalty": penalty} if beam > 1 else {})
    found = translate(translator, TEXTS, TranslateOptions(beam=beam, length_penalty=penalty))
    assert found == [" ".join(by_transformers(translator, text, **settings).splitlines()).strip() for text in TEXTS]
    assert len(set(found)) > 2
    assert translate(translator, TEXTS, TranslateOptions(beam=beam, length_penalty=penalty, batch_tokens=1)) == found


def test_without_options_the_folder_and_the_command_agree(translator: Translator) -> None:
    """What `pretrain` saves as the model's own settings is what `translate` does by itself."""
    assert translate(translator, TEXTS[:2]) == [by_transformers(translator, text) for text in TEXTS[:2]]


def test_one_beam_is_the_likeliest_piece_each_time(translator: Translator) -> None:
    """Written out: forward, largest score (padding and the start never), append, until the end."""
    hf, module = translator.tokeniser.hf, translator.module
    made = [hf.bos_token_id]
    with torch.no_grad():
        while made[-1] != hf.eos_token_id and len(made) < 24:
            scores = module(input_ids=torch.tensor([hf(TEXTS[0])["input_ids"]]), decoder_input_ids=torch.tensor([made]), use_cache=False).logits[0, -1]
            scores[[hf.pad_token_id, hf.bos_token_id]] = -torch.inf
            made.append(int(scores.argmax()))
    assert translate(translator, [TEXTS[0]], TranslateOptions(beam=1)) == [hf.decode(made, skip_special_tokens=True)]


def test_beams_are_ranked_by_log_probability_over_length_to_the_penalty(translator: Translator) -> None:
    """The score that transformers reports for the best of them, computed from the model's own log probabilities."""
    hf, module = translator.tokeniser.hf, translator.module
    given = hf(TEXTS[2], return_tensors="pt")
    found = module.generate(**given, num_beams=4, length_penalty=0.6, return_dict_in_generate=True, output_scores=True)
    made = found.sequences[0]
    with torch.no_grad():
        scores = module(**given, decoder_input_ids=made[None, :-1], use_cache=False).logits[0].log_softmax(-1)
    total = scores.gather(1, made[1:, None]).sum().item()
    assert found.sequences_scores[0].item() == pytest.approx(total / (len(made) - 1) ** 0.6, rel=1e-4)


def test_empty_lines_stay_empty_and_every_line_keeps_its_place(translator: Translator) -> None:
    """Also when nothing else is there."""
    found = translate(translator, ["", TEXTS[0], "   ", TEXTS[1], ""])
    assert [bool(line) for line in found] == [False, True, False, True, False]
    assert [found[1], found[3]] == translate(translator, TEXTS[:2])
    assert translate(translator, ["", " "]) == ["", ""]
    assert translate(translator, []) == []


def test_progress_counts_lines(translator: Translator) -> None:
    """Up to all of them."""
    told: list[Progress] = []
    translate(translator, [*TEXTS, ""], TranslateOptions(batch_tokens=40), report=told.append)
    assert [progress.done for progress in told] == sorted(progress.done for progress in told)
    assert (told[-1].done, told[-1].total, told[-1].unit) == (6, 6, "lines")
    assert len(told) > 1


def test_a_line_that_is_too_long_is_refused_by_its_number(translator: Translator) -> None:
    """Half a text is no translation."""
    with pytest.raises(InputError, match=r"Every text to translate must be a string; got int\."):
        translate(translator, ["one", 5])  # type: ignore[list-item]
    with pytest.raises(InputError, match=r"Line 3: .*tiny reads at most 24 pieces at once; this line has 1\d\d\. Put each of its sentences in a line of its own"):
        translate(translator, ["a bird sang.", "", "xyz" * 50])


def test_a_translation_without_end_is_cut_fifty_pieces_behind_its_text(tmp_path: Path) -> None:
    """Where the model would go on to its last position."""
    long = load_translator(resolve(str(make_translator(tmp_path / "long", length=200))), threads=1, device="cpu")
    with torch.no_grad():
        long.module.get_input_embeddings().weight[long.tokeniser.hf.eos_token_id] = 0.0
        long.module.final_logits_bias[0, long.tokeniser.hf.eos_token_id] = -1e4  # it never ends
    made = translate(long, [TEXTS[2]], TranslateOptions(beam=1))[0]
    pieces = len(long.tokeniser.hf(TEXTS[2])["input_ids"])
    expected = long.module.generate(**long.tokeniser.hf(TEXTS[2], return_tensors="pt"), num_beams=1, max_length=pieces + 50)
    assert made == long.tokeniser.hf.decode(expected[0], skip_special_tokens=True)
    assert expected.shape[1] == pieces + 50


@pytest.mark.parametrize(
    ("given", "sentence"),
    [({"beam": 0}, r"'beam' must be a whole number, at least 1; got 0"), ({"length_penalty": float("nan")}, r"'length_penalty' must be a number; got nan")],
)
def test_wrong_options_are_one_sentence(given: dict[str, Any], sentence: str) -> None:
    """Before anything is loaded."""
    with pytest.raises(OptionError, match=sentence):
        TranslateOptions(**given)


@pytest.mark.parametrize("family", ["bert", "gpt2", "t5"])
def test_a_model_that_does_not_translate_is_told_what_it_is(tmp_path: Path, family: str) -> None:
    """An encoder, a decoder, and an encoder-decoder without its output layer."""
    make_tiny(family, tmp_path / "model")
    model = resolve(str(tmp_path / "model"))
    with pytest.raises(UsageError, match=rf"'translate' needs an encoder-decoder .*; this is {model.architecture}\. Train one: ringsmith pretrain PAIRS --objective seq2seq"):
        load_translator(model)


def test_word_vectors_and_models_of_many_languages_are_refused(tmp_path: Path) -> None:
    """With what to do instead."""
    (tmp_path / "words.txt").write_text("2 3\nthe 1 2 3\ncat 2 3 1\n")
    with pytest.raises(UsageError, match="this is a file of word vectors"):
        load_translator(resolve(str(tmp_path / "words.txt")))
    config = transformers.M2M100Config(
        vocab_size=30, d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16
    )
    transformers.M2M100ForConditionalGeneration(config).save_pretrained(tmp_path / "many")
    with pytest.raises(UsageError, match=r"one of many languages \(M2M100ForConditionalGeneration\), which must be told into which"):
        load_translator(resolve(str(tmp_path / "many")))
