"""Texts written by tiny models: the same as transformers' pipeline writes, streamed as they are, and refused where they cannot be."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from backbones_tiny import FAMILIES, wordpiece
from causal_tiny import CAUSAL, POSITIONS, make_causal

from ringsmith.backbones.decoding import DecodingOptions
from ringsmith.backbones.generate import Writer, check_causal, cut_at, generate, held_back, load_writer
from ringsmith.catalogue import LocalModel, resolve
from ringsmith.errors import InputError, OptionError, UsageError

PROMPT = "the cat sat"
SETTINGS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "greedy": ({}, {"do_sample": False}),
    "sampling": ({"sample": True, "seed": 5}, {"do_sample": True, "temperature": 1.0, "top_k": 0}),
    "temperature": ({"temperature": 0.7, "top_k": 20}, {"do_sample": True, "temperature": 0.7, "top_k": 20}),
    "nucleus": ({"top_p": 0.8, "count": 3}, {"do_sample": True, "temperature": 1.0, "top_k": 0, "top_p": 0.8, "num_return_sequences": 3}),
    "beams": ({"beams": 4, "count": 2}, {"do_sample": False, "num_beams": 4, "num_return_sequences": 2}),
    "penalty": ({"repetition_penalty": 1.7}, {"do_sample": False, "repetition_penalty": 1.7}),
}
"""Ours, and the same in transformers' words."""


@pytest.fixture(scope="module")
def writers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Writer]:
    """One of each family."""
    folder = tmp_path_factory.mktemp("causal")
    return {kind: load_writer(make_causal(kind, folder / kind), threads=1, device="cpu") for kind in CAUSAL}


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("kind", CAUSAL)
def test_the_texts_are_those_of_transformers_pipeline(writers: dict[str, Writer], kind: str, setting: str) -> None:
    """Token for token, XLNet's paragraph before the prompt included."""
    ours, theirs = SETTINGS[setting]
    writer = writers[kind]
    options = DecodingOptions(max_new_tokens=12, **ours)
    found = generate(writer, PROMPT, options)
    pipeline = transformers.pipeline("text-generation", model=writer.model.folder, device="cpu")
    with torch.random.fork_rng([]):
        torch.manual_seed(options.seed)
        expected = pipeline(PROMPT, return_full_text=False, max_new_tokens=12, pad_token_id=writer.tokeniser.pad_id, **theirs)
    assert [one.text for one in found.continuations] == [row["generated_text"] for row in expected]
    assert all(0 < one.tokens <= 12 for one in found.continuations)


def test_a_random_start_is_kept_by_its_seed_and_the_global_one_left_alone(writers: dict[str, Writer]) -> None:
    """The same seed the same text, another another; whoever draws afterwards gets what they would have got."""
    torch.manual_seed(11)
    untouched = torch.rand(3)
    torch.manual_seed(11)
    texts = [generate(writers["gpt2"], PROMPT, DecodingOptions(sample=True, seed=seed, max_new_tokens=20)).continuations[0].text for seed in (1, 1, 2)]
    assert texts[0] == texts[1] != texts[2]
    assert torch.equal(torch.rand(3), untouched)


@pytest.mark.parametrize("kind", CAUSAL)
@pytest.mark.parametrize("stop", [(), ("e",)])
def test_what_is_streamed_is_the_text(writers: dict[str, Writer], kind: str, stop: tuple[str, ...]) -> None:
    """In pieces, in order, nothing twice; letters of several bytes come whole."""
    for seed in range(4):
        options = DecodingOptions(sample=True, seed=seed, max_new_tokens=30, stop=stop)
        pieces: list[str] = []
        found = generate(writers[kind], PROMPT, options, listener=pieces.append)
        assert "".join(pieces) == found.continuations[0].text == generate(writers[kind], PROMPT, options).continuations[0].text


def test_a_stop_text_ends_the_text_and_is_not_part_of_it(writers: dict[str, Writer]) -> None:
    """Also where it runs over several tokens."""
    whole = generate(writers["gpt2"], PROMPT, DecodingOptions(sample=True, seed=3, max_new_tokens=30)).continuations[0]
    stop = whole.text[6:9]
    cut = generate(writers["gpt2"], PROMPT, DecodingOptions(sample=True, seed=3, max_new_tokens=30, stop=(stop,))).continuations[0]
    assert (cut.text, cut.ended) == (whole.text[: whole.text.index(stop)], "stop")
    assert cut.tokens < whole.tokens


def test_why_a_text_is_over(tmp_path: Path, writers: dict[str, Writer]) -> None:
    """The length that was asked for, the end of what the model reads, and its own end mark."""
    endless = load_writer(make_causal("gpt2", tmp_path / "endless", end=False), threads=1, device="cpu")
    assert generate(endless, PROMPT, DecodingOptions(max_new_tokens=5)).continuations[0].ended == "length"
    limit = generate(endless, PROMPT, DecodingOptions(max_new_tokens=500)).continuations[0]
    assert (limit.ended, limit.tokens) == ("limit", POSITIONS - len(PROMPT))
    several = generate(writers["gpt2"], PROMPT, DecodingOptions(sample=True, count=40, max_new_tokens=40, temperature=3.0)).continuations
    ended = [one for one in several if one.ended == "end"]
    assert ended
    assert all(one.tokens < 40 and "<|endoftext|>" not in one.text for one in ended)


def test_progress_counts_tokens(writers: dict[str, Writer]) -> None:
    """With beams, too."""
    seen: list[tuple[float, float | None]] = []
    generate(writers["llama"], PROMPT, DecodingOptions(beams=2, max_new_tokens=6), report=lambda progress: seen.append((progress.done, progress.total)))
    assert seen[-1] == (6, 6)


def test_beginnings_of_a_stop_text_are_held_back() -> None:
    """And what stands before the first of several is the text."""
    assert held_back("and then the e", ["end.", "e nd"]) == 1
    assert held_back("see\n\n", ["\n\n\n"]) == 2
    assert held_back("nothing", []) == 0
    assert cut_at("a b c", ["c", "b"]) == "a "


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"temperature": 0.0}, r"'temperature' must be above 0 \(the likeliest token each time is greedy decoding: name no temperature\); got 0\.0"),
        ({"top_p": 1.5}, r"'top_p' must be above 0 and at most 1; got 1\.5\. Leave it out"),
        ({"top_k": 0, "beams": 0}, r"'top_k' must be a whole number, at least 1; got 0\. 'beams' must be a whole number, at least 1; got 0"),
        ({"max_new_tokens": 0}, r"'max_new_tokens' must be a whole number, at least 1; got 0"),
        ({"max_new_tokens": 2.5}, r"'max_new_tokens' must be a whole number, at least 1; got 2\.5"),
        ({"max_new_tokens": "7", "beams": True}, r"'max_new_tokens' must be a whole number, at least 1; got '7'\. 'beams' must be a whole number, at least 1; got True"),
        ({"sample": "no"}, r"'sample' must be True, False or None; got 'no'"),
        ({"stop": "of the"}, r"'stop' must be a tuple of texts that are not empty, such as \('\.', '!'\); got 'of the'"),
        ({"stop": (".", 5)}, r"'stop' must be a tuple of texts"),
        ({"stop": ("",)}, r"'stop' must be a tuple of texts that are not empty"),
        ({"repetition_penalty": -1.0}, r"'repetition_penalty' must be above 0"),
        ({"sample": False, "top_k": 5}, r"'top_k' must go with sampling; got greedy decoding as well"),
        ({"beams": 2, "count": 3}, r"'count' must be at most the number of beams \(2\); got 3"),
        ({"sample": False, "count": 3}, r"'count' must be 1 with greedy decoding"),
    ],
)  # fmt: skip
def test_settings_that_cannot_be_are_one_sentence(settings: dict[str, Any], sentence: str) -> None:
    """Before any model is loaded."""
    with pytest.raises(OptionError, match=sentence):
        DecodingOptions(**settings)


def test_prompts_that_cannot_be_are_one_sentence(writers: dict[str, Writer]) -> None:
    """Empty, or longer than the model reads; XLNet has no longest."""
    with pytest.raises(InputError, match=r"The prompt must be a string; got int\. Write how the text begins"):
        generate(writers["gpt2"], 5)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"The prompt must hold at least one word; got an empty text\. Write how the text begins"):
        generate(writers["gpt2"], " \n")
    with pytest.raises(InputError, match=rf"must leave room for at least one token: .* reads {POSITIONS}; got 80\. Shorten it"):
        generate(writers["gpt2"], "x" * 80)
    assert generate(writers["xlnet"], "the cat " * 60, DecodingOptions(max_new_tokens=2)).continuations[0].tokens == 2
    with pytest.raises(OptionError, match=r"Streaming must follow one continuation as it is written; got 3 beams"):
        generate(writers["gpt2"], PROMPT, DecodingOptions(beams=3), listener=print)


@pytest.mark.parametrize(
    ("family", "sentence"),
    [
        ("bert", r"one that reads in both directions \(BertModel\)\. .* ringsmith inspect"),
        ("t5", r"an encoder-decoder \(T5Model\)"),
        ("modernbert", r"one that reads in both directions"),
    ],
)
def test_a_model_that_writes_no_text_is_told_its_command(tmp_path: Path, family: str, sentence: str) -> None:
    """By what it is."""
    module, tokenizer = FAMILIES[family]()
    module.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(UsageError, match=rf"'generate' needs a causal language model .*; this is {sentence}"):
        load_writer(resolve(str(tmp_path)))


def test_a_classifier_and_word_vectors_are_told_their_commands(tmp_path: Path) -> None:
    """GPT-2 with labels; a file of vectors."""
    tokenizer = wordpiece()
    transformers.GPT2ForSequenceClassification(transformers.GPT2Config(n_embd=8, n_layer=1, n_head=1, vocab_size=len(tokenizer))).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(UsageError, match=r"a fitted classifier \(GPT2ForSequenceClassification\)\. For its labels: ringsmith predict"):
        check_causal(resolve(str(tmp_path)))
    vectors = LocalModel(**{**asdict(resolve(str(tmp_path))), "kind": "vectors", "name": "glove.txt"})
    with pytest.raises(UsageError, match=r"a file of word vectors\. For a word's neighbours: ringsmith vectors nearest glove\.txt WORD"):
        check_causal(vectors)
