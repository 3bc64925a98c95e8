"""The command line as a user meets it: an exit code, what was printed, what was said on standard error."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from command_line import Ended, Ringsmith, Rows, Write, as_csv, reviews


@pytest.fixture
def ringsmith(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ringsmith:
    """Run the whole command line in this process, in an empty folder; what escapes it fails the test."""
    from ringsmith.cli import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setenv("OMP_WAIT_POLICY", "PASSIVE")  # `main` sets it for the process

    def run(*arguments: str | Path) -> Ended:
        monkeypatch.setattr(sys, "argv", ["ringsmith", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return Ended(int(ended.value.code or 0), said.out, said.err)

    return run


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file (and its folders) into the test's folder."""

    def put(name: str, content: bytes | Rows) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else as_csv(content))
        return path

    return put


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a fitted model of words; copy it before you change it."""
    from ringsmith.adapt import create_recipe
    from ringsmith.adapt.recipe import Setting
    from ringsmith.records import Budget, TextSet
    from ringsmith.tasks import infer_task

    rows = reviews(60)
    texts, labels = [text for text, _ in rows], [label for _, label in rows]
    fitted = create_recipe("tfidf", Setting(infer_task(labels))).fit(TextSet(texts[:40], labels[:40]), TextSet(texts[40:], labels[40:]), Budget(None))
    folder = tmp_path_factory.mktemp("fitted") / "best"
    fitted.save(folder)
    return folder


@pytest.fixture(scope="session")
def gpt2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random GPT-2 over bytes."""
    import torch
    import transformers
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    folder = tmp_path_factory.mktemp("causal") / "gpt2"
    tokenizer = Tokenizer(models.BPE({token: number for number, token in enumerate(["<|end|>", *sorted(pre_tokenizers.ByteLevel.alphabet())])}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    torch.manual_seed(3)
    config = transformers.GPT2Config(n_embd=32, n_layer=2, n_head=4, n_positions=64, vocab_size=257, initializer_range=0.4, bos_token_id=None, eos_token_id=None)
    transformers.GPT2LMHeadModel(config).save_pretrained(folder)
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_input_names=["input_ids", "attention_mask"], unk_token="<|end|>").save_pretrained(folder)
    return folder
