"""From names to models: short names, groups, folders, languages, and what is said where there is nothing."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from catalogue_folders import make_folder
from safetensors.numpy import save_file

from ringsmith.catalogue import Entry, entries, expand, find, groups, resolve
from ringsmith.catalogue import find as find_function
from ringsmith.catalogue.entry import methods
from ringsmith.catalogue.local import LocalModel
from ringsmith.errors import ModelError, NotAtHand, OptionError, UnknownName

ZOO = ("bert", "roberta", "gpt2", "xlnet", "electra", "modernbert", "distilbert", "distilgpt2", "word2vec", "glove")


def test_the_catalogue_is_sound() -> None:
    """Every entry has a repository or a package, a licence, a size, languages and a reason; groups are known; repositories differ."""
    for entry in entries().values():
        assert re.fullmatch(r"[\w.-]+/[\w.-]+", entry.hub) if entry.hub else entry.package
        assert entry.licence in ("Apache-2.0", "MIT", "CC-BY-4.0", "CC-BY-SA-4.0")
        assert entry.size_mb > 10 if entry.hub else 0 < entry.size_mb < 10
        assert entry.parameters > 1 if entry.hub else entry.parameters == 1
        assert all(language == "*" or re.fullmatch("[a-z]{2}", language) for language in entry.languages)
        assert entry.why
        assert set(entry.groups) <= set(groups())
        assert entry.max_tokens is None or entry.max_tokens >= 128
    places = [entry.hub or entry.package for entry in entries().values()]
    assert len(set(places)) == len(places)
    assert {"minilm", "bert", "distilbert", "roberta", "gpt2", "distilgpt2", "xlnet", "albert", "electra", "deberta", "xlm-roberta", "e5-small"} <= set(entries())
    assert all(find([group]) or any(group in method.groups for method in methods().values()) for group in groups())
    assert [entry.name for entry in find(["zoo"])] == [f"zoo-{name}" for name in ZOO]


@pytest.fixture
def zoo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package ringsmith_zoo that holds one transformer and one file of word vectors, and nothing else of the zoo."""
    package = tmp_path / "ringsmith_zoo"
    make_folder(package / "bert")
    (package / "__init__.py").write_text("raise RuntimeError('nothing imports it')")
    (package / "word2vec").mkdir()
    save_file({"vectors": np.ones((3, 2), np.float16)}, package / "word2vec" / "vectors.safetensors")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "ringsmith_zoo", raising=False)
    importlib.invalidate_caches()
    yield package
    importlib.invalidate_caches()


def test_a_package_carries_models_and_word_vectors(zoo: Path) -> None:
    """Found without the network and without importing the package; each under its short name."""
    model, words = resolve("zoo-bert", offline=True), resolve("zoo-word2vec", offline=True)
    assert (model.name, model.folder, model.kind, model.licence) == ("zoo-bert", str(zoo / "bert"), "transformer", "CC-BY-SA-4.0")
    assert (words.name, words.folder, words.kind, words.hidden) == ("zoo-word2vec", str(zoo / "word2vec" / "vectors.safetensors"), "vectors", 2)


def test_what_a_package_lacks_is_left_out_of_its_group(zoo: Path) -> None:
    """The group holds what is there and says how to get the rest; a model that is named is an error in one sentence."""
    choices = {choice.name: choice for choice in expand(["zoo"], language="en")}
    assert {name for name, choice in choices.items() if choice.model is not None} == {"zoo-bert", "zoo-word2vec"}
    sentence = "Model 'zoo-glove' comes in a package of its own, which is not installed here. Install it: pip install ringsmith-zoo."
    assert choices["zoo-glove"].why == f"left out: {sentence}"
    with pytest.raises(NotAtHand, match=re.escape(sentence)):
        resolve("zoo-glove")


@pytest.mark.minilm
def test_minilm_comes_embedded() -> None:
    """The short name, the hub's name and its last part are the package's own folder, offline."""
    model = resolve("minilm", offline=True)
    assert (model.layers, model.hidden, model.parameters, model.max_tokens, model.licence) == (6, 384, 22_713_216, 256, "Apache-2.0")
    assert resolve("all-MiniLM-L6-v2", offline=True).weights_sha256 == model.weights_sha256
    assert resolve("sentence-transformers/all-MiniLM-L6-v2", offline=True).folder == model.folder


def test_a_folder_is_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Absolute, relative and with a dot."""
    make_folder(tmp_path / "mine" / "m")
    monkeypatch.chdir(tmp_path)
    assert {resolve(name).folder for name in (str(tmp_path / "mine" / "m"), "mine/m", "./mine/m")} == {str(tmp_path / "mine" / "m")}


@pytest.mark.parametrize(
    ("name", "error", "sentence"),
    [
        (
            "minlm",
            UnknownName,
            r"There is no model 'minlm'. Did you mean 'minilm'\? 'ringsmith models' lists them all\. A folder with a model in it, a file of word vectors",
        ),
        ("static", UnknownName, "'static' is a group of models, and one is needed here: word2vec, glove. Name one of these."),
        (
            "./nowhere",
            UnknownName,
            r"There is no model folder or file of word vectors '\./nowhere'\. .* a model of the catalogue: 'ringsmith models' lists them all\.$",
        ),
        (
            "nobody/nothing",
            NotAtHand,
            r"and fetching is not allowed here\. Name it to a command that fetches \(compare --models nobody/nothing, without --offline\), or name a folder that holds it\.$",
        ),
        ("bert", NotAtHand, r"Model 'bert' \(google-bert/bert-base-uncased, about 440 MB\) is not on this machine"),
    ],
)
def test_names_without_a_model(name: str, error: type[Exception], sentence: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The nearest names, or what would have to be fetched."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(error, match=sentence):
        resolve(name, offline=True)


def test_wrong_settings(tmp_path: Path) -> None:
    """A text is no file of vectors, a policy is one of three."""
    (tmp_path / "notes.txt").write_text("dear diary, today")
    with pytest.raises(ModelError, match=r"a model is a folder with config\.json and model\.safetensors, or a file of word vectors; this begins with 'dear diary, today'\."):
        resolve(str(tmp_path / "notes.txt"))
    with pytest.raises(OptionError, match="'policy' must be never, if-missing or always; got 'sometimes'"):
        resolve("bert", policy="sometimes")  # type: ignore[arg-type]
    with pytest.raises(UnknownName, match=r"There is no model 'berd'. Did you mean 'bert'"):
        find(["berd"])


def test_finding_by_language() -> None:
    """Korean: the Korean models and the multilingual ones; no English one."""
    names = {entry.name for entry in find(language="ko")}
    assert {"klue-bert", "e5-small", "xlm-roberta"} <= names
    assert not {"bert", "minilm"} & names
    assert {entry.name for entry in find(["default"])} == {name for name, entry in entries().items() if "default" in entry.groups}


def _at_hand(names: set[str], monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Only these entries lie on this machine."""
    model = LocalModel("m", str(folder), None, None, "0" * 64, 1.0, "BertModel", 2, 8, 37, 64)

    def fake(entry: Entry) -> LocalModel | str:
        return model if entry.name in names else "it is not on this machine"

    monkeypatch.setattr(sys.modules["ringsmith.catalogue.find"], "_at_hand", fake)


def chosen(language: str | None) -> dict[str, str]:
    """Name -> why, of the defaults that are in."""
    return {choice.name: choice.why for choice in expand(None, language=language) if choice.model is not None}


def test_defaults_are_what_is_at_hand(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A default that is not on this machine is left out with a sentence, never fetched."""
    _at_hand({"minilm", "distilbert"}, monkeypatch, tmp_path)
    choices = {choice.name: choice for choice in expand(None, language="en")}
    assert set(chosen("en")) == {"word2vec", "minilm", "distilbert"}
    assert choices["minilm"].why == entries()["minilm"].why
    assert choices["e5-small"].model is None
    assert choices["e5-small"].why == "left out: it is not on this machine"


def test_defaults_speak_the_datas_language(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """For Korean texts a multilingual model at hand comes alone; an English one is left out, and the reason is said."""
    _at_hand({"minilm", "e5-small"}, monkeypatch, tmp_path)
    assert set(chosen("ko")) == {"word2vec", "e5-small"}
    assert set(chosen(None)) == {"word2vec", "minilm", "e5-small"}
    why = {choice.name: choice.why for choice in expand(None, language="ko")}["minilm"]
    assert why == "left out: it was trained on en and the texts look like ko; a model that speaks ko is at hand"


def test_an_english_model_is_offered_where_nothing_else_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With MiniLM alone on the machine, Korean texts get it, with an honest note."""
    _at_hand({"minilm"}, monkeypatch, tmp_path)
    assert chosen("ko")["minilm"].startswith("offered although it was trained on en and the texts look like ko: no default model that speaks ko is on this machine")


def test_names_and_groups_together(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What is named twice comes once, in the order of the first time."""
    _at_hand({"minilm"}, monkeypatch, tmp_path)
    folder = str(make_folder(tmp_path / "m"))
    choices = [choice for choice in expand([folder, "default", folder]) if choice.model is not None]
    assert [choice.name for choice in choices] == [folder, "word2vec", "minilm"]
    assert choices[0].why == "named"


def test_find_is_the_function() -> None:
    """The module of the same name does not hide it."""
    assert callable(find_function)
