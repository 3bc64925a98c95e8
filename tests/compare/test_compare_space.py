"""Which candidates there are, and what is left out and why."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringsmith.adapt.options import read_options
from ringsmith.adapt.probe_options import ProbeOptions
from ringsmith.adapt.prompt_way import PromptOptions
from ringsmith.adapt.registry import ENTRIES
from ringsmith.adapt.static_options import StaticOptions
from ringsmith.adapt.tfidf import TfidfOptions
from ringsmith.catalogue import Choice, LocalModel
from ringsmith.compare import space
from ringsmith.compare.arena import refuse_recipes_as_models
from ringsmith.compare.naming import read_recipe, split_names
from ringsmith.compare.space import OTHER_NAMES, Entrant, known_recipes
from ringsmith.compare.trials import entrant_with
from ringsmith.compare.tune_options import refuse_recipe_as_model
from ringsmith.compare.tuning import space_for
from ringsmith.errors import MissingExtra, OptionError, UnknownName, UsageError
from ringsmith.records import Candidate


def model(name: str) -> LocalModel:
    """A model on this machine."""
    return LocalModel(
        name=name, folder="/x", revision=None, licence=None, weights_sha256="0", size_mb=9, architecture="BertModel", layers=2, hidden=8, parameters=99, max_tokens=64
    )


HERE = [Choice("minilm", model("minilm"), "small and good"), Choice("bert", model("bert"), "named"), Choice("e5", None, "left out: it is not on this machine")]


@pytest.mark.parametrize(("name", "recipe"), [("ia3", r'"lora\[method=ia3\]"'), ("zeroshot", "prompt"), ("SetFit", "fewshot"), ("fine-tuning", "full")])
def test_what_the_field_calls_a_recipe_is_told(name: str, recipe: str) -> None:
    """A method within a recipe, or another word for one; and each of these is a recipe."""
    with pytest.raises(UnknownName, match=rf"There is no recipe '{name}'; what is called so is here {recipe}\. Write: --recipes {recipe}"):
        known_recipes([name])
    assert known_recipes(list(OTHER_NAMES.values()))


def test_candidates_are_models_times_recipes_and_textual_recipes_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two models at hand x two recipes, and two that need none."""
    monkeypatch.setattr(space, "torch_is_here", lambda: True)
    found, left_out = space.entrants(("majority", "tfidf", "probe", "full"), HERE)
    assert [entrant.candidate.name for entrant in found] == ["majority", "tfidf", "minilm+probe", "minilm+full", "bert+probe", "bert+full"]
    assert [entrant.why for entrant in found[1:3]] == ["needs no pre-trained model", "small and good"]
    assert [(row.name, row.why) for row in left_out] == [("e5", "left out: it is not on this machine")]
    assert found[2].place == "ringsmith.adapt.probe:Probe"


WORDS = [
    Choice("word2vec", replace(model("word2vec"), kind="method"), "of your own texts"),
    Choice("glove.6B", replace(model("glove.6B"), kind="vectors"), "named"),
]


def test_word_vectors_meet_the_recipes_that_start_from_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Static vectors with static, transformers with probe; torch is needed for these alone."""
    monkeypatch.setattr(space, "torch_is_here", lambda: True)
    found, _ = space.entrants(("tfidf", "static", "probe"), [*WORDS, *HERE])
    assert [entrant.candidate.name for entrant in found] == ["tfidf", "word2vec+static", "glove.6B+static", "minilm+probe", "bert+probe"]
    assert found[1].why == "of your own texts"
    monkeypatch.setattr(space, "torch_is_here", lambda: False)
    found, left_out = space.entrants(("static", "probe"), [*WORDS, *HERE])
    assert [entrant.candidate.name for entrant in found] == ["word2vec+static", "glove.6B+static"]
    assert [row.name for row in left_out] == ["probe"]
    assert space.needs_models(("static",))
    assert not space.needs_models(("probe", "tfidf"))


def test_a_named_model_that_no_recipe_starts_from_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was named is never left out silently; a default is."""
    monkeypatch.setattr(space, "torch_is_here", lambda: True)
    _, left_out = space.entrants(("tfidf", "probe"), [*WORDS, *HERE[:2]])
    assert [(row.name, row.why) for row in left_out] == [("glove.6B", "left out: none of the recipes starts from word vectors (add static)")]
    with pytest.raises(OptionError, match=r"Nothing is left to compare: bert: left out: none of the recipes starts from a transformer \(add probe or full\)\. Name a model"):
        space.entrants(("static",), HERE[1:])


def test_a_candidate_whose_option_does_nothing_is_left_out() -> None:
    """GloVe has no learning rate of word2vec's, and would be trained a second time under another name; what is left alone is told why there is nothing."""
    both = [WORDS[0], Choice("glove", replace(WORDS[0].model, name="glove"), "named")]  # type: ignore[type-var]
    found, left_out = space.entrants(("static[rate=0.1]", "static[dim=50]"), both)
    assert [one.candidate.name for one in found] == ["word2vec+static[rate=0.1]", "word2vec+static[dim=50]", "glove+static[dim=50]"]
    assert [(row.name, row.why) for row in left_out] == [("glove+static[rate=0.1]", "left out: 'rate' does nothing with glove, but with word2vec")]
    with pytest.raises(OptionError, match=r"Nothing is left to compare: glove\+static\[rate=0\.1\]: left out: 'rate' does nothing with glove, but with word2vec\. Name"):
        space.entrants(("static[rate=0.1]",), both[1:])


def test_what_does_nothing_is_not_searched() -> None:
    """The rank where nothing of a rank is added; of static vectors what their method has not, and all of it where none are trained."""
    word2vec, file = (choice.model for choice in WORDS)
    assert word2vec is not None
    glove = replace(word2vec, name="glove")

    def searched(recipe: str, options: dict[str, Any], start: LocalModel | None) -> list[str]:
        return [axis.name for axis in space_for(Entrant(Candidate(recipe, "made", options), "x:Y", start))]

    assert "rank" in searched("lora", {}, HERE[0].model)
    assert "rank" not in searched("lora", {"method": "ia3"}, HERE[0].model)
    assert searched("static", {}, word2vec) == ["dim", "window", "epochs", "rate", "subwords"]
    assert searched("static", {}, glove) == ["dim", "window", "epochs"]
    assert searched("static", {"join": False}, file) == []
    assert searched("distilled", {"join": False}, HERE[0].model) == ["width", "states"]


def test_a_recipe_named_twice_competes_once() -> None:
    """In the order in which they were named."""
    assert space.known_recipes(["tfidf", "majority", "tfidf"]) == ["tfidf", "majority"]


def test_options_make_candidates_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several forms of one recipe compete; a name of the table, read again, is the same candidate."""
    monkeypatch.setattr(space, "torch_is_here", lambda: True)
    asked = ("tfidf", "tfidf[min_rows=2]", "lora", "lora[layers=[query,value],method=dora]", "lora[layers=[query, value],method=dora]")
    found, _ = space.entrants(asked, HERE[:1])
    names = [entrant.candidate.name for entrant in found]
    assert names == ["tfidf", "tfidf[min_rows=2]", "minilm+lora", "minilm+lora[layers=[query,value],method=dora]"]
    assert found[3].candidate.options == {"layers": ["query", "value"], "method": "dora"}
    assert space.known_recipes(asked) == ["tfidf", "lora"]
    assert space.taken_for_model("minilm+lora[rank=4]") == ("minilm", "lora[rank=4]")


@pytest.mark.parametrize("value", [16, 2e-4, True, None, "dora", ["query", "value"], [[0, 4], "x"], "bert-base", -1.5])
def test_what_a_name_says_is_read_as_it_was_meant(value: Any) -> None:
    """From options to a name and back."""
    candidate = Candidate("lora", None, {"one": value, "other": 3})
    assert read_recipe(candidate.name) == ("lora", candidate.options)


MEANING = "a, '\"=[]()\\\nn1"
"""Letters that mean something in brackets, or might."""
WORD = st.text(max_size=12) | st.text(MEANING, max_size=8) | st.sampled_from(["true", "None", "nan", "1e5", "1_0", "it's", "rock 'n' roll", "", "²"])
VALUE = st.recursive(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | WORD, lambda below: st.lists(below, max_size=3), max_leaves=5)


@given(st.dictionaries(st.sampled_from(["rank", "layers", "instruction", "alpha"]), VALUE, min_size=1))
def test_any_options_are_read_from_a_name_as_they_were(options: dict[str, Any]) -> None:
    """From options to a name and back, alone and in a row of names."""
    name = Candidate("prompt", None, options).name
    recipe, found = read_recipe(name)
    assert (recipe, repr(found)) == ("prompt", repr({key: options[key] for key in sorted(options)}))
    assert split_names(f"tfidf,{name}, {name}") == ("tfidf", name, name)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("'a, b'", "a, b"),
        ('"a, b"', "a, b"),
        (r'"say \"yes\", or\nno"', 'say "yes", or\nno'),
        (r"'C:\new, old'", r"C:\new, old"),
        ("it's, so to say", None),
        ('say "a, b" now', None),
        ("This text is about {}.", "This text is about {}."),
        ("['a, b',c]", ["a, b", "c"]),
        ('"]"', "]"),
    ],
)
def test_a_value_with_a_comma_stands_in_quotes(text: str, value: Any) -> None:
    """A quote opens where a value begins; without one a comma ends the value, and the sentence says what would help."""
    if value is None:
        with pytest.raises(OptionError, match=r"NAME=VALUE, .* A value that holds commas or brackets stands in quotes\."):
            read_recipe(f"prompt[instruction={text}]")
    else:
        assert read_recipe(f"prompt[instruction={text},shots=0]") == ("prompt", {"instruction": value, "shots": 0})


@pytest.mark.parametrize(
    "text", ["lora[", "lora[]", "lora[rank]", "lora[rank=]", "lora[=3]", "lora[rank=3", "lora[rank=3]]x", "tfidf[strengths=[1,2]", "tfidf[characters=[2,5]]]", "[rank=3]"]
)
def test_brackets_that_hold_no_options_are_refused(text: str) -> None:
    """The sentence shows what they should look like."""
    with pytest.raises(OptionError, match=r"A recipe with options must look like lora\[rank=16,method=dora\]: NAME=VALUE, parted by commas, in brackets; got "):
        read_recipe(text)


def test_an_option_is_given_once_in_a_recipe() -> None:
    """In whatever spelling: which of the two was meant, nobody knows."""
    with pytest.raises(OptionError, match=r"Every option of a recipe must be given once; 'min_rows' is there twice in 'tfidf\[min-rows=2,min_rows=3\]'\."):
        read_recipe("tfidf[min-rows=2,min_rows=3]")


def test_a_candidate_in_the_place_of_a_recipe_is_taken_apart() -> None:
    """As it is copied from the table."""
    with pytest.raises(UsageError, match=r"'minilm\+lora\[rank=4\]' is a candidate. Give the model 'minilm' and the recipe 'lora\[rank=4\]' apart\."):
        space.known_recipes(["minilm+lora[rank=4]"])


def test_a_recipe_that_was_named_and_has_no_model_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """With its options; one that nobody named is not missed."""
    monkeypatch.setattr(space, "torch_is_here", lambda: True)
    minilm, glove = HERE[0], Choice("glove", replace(model("glove"), kind="method"), "named")

    def told(recipes: list[str] | None, models: list[Choice]) -> list[tuple[str, str]]:
        return [(row.name, row.why) for row in space.entrants(recipes, models)[1]]

    assert told(["static[dim=20]", "probe"], [minilm]) == [("static[dim=20]", "left out: none of the models has word vectors (add word2vec)")]
    assert told(["static", "probe"], [glove]) == [("probe", "left out: none of the models is a transformer (add minilm)")]
    assert told(["static", "probe"], [minilm, glove]) == told(None, [minilm]) == []


def test_a_command_that_is_told_quotes_brackets() -> None:
    """Else zsh takes them for a pattern of file names."""
    with pytest.raises(UsageError, match=r'Write: --models minilm --recipes "lora\[rank=4\]"$'):
        refuse_recipes_as_models(["minilm+lora[rank=4]"])
    with pytest.raises(UsageError, match=r'Write: ringsmith tune minilm DATA --recipe "lora\[rank=4\]"$'):
        refuse_recipe_as_model("minilm+lora[rank=4]")


@pytest.mark.parametrize(("name", "strengths", "same"), [("tfidf", 2, [2]), ("static", 3.0, [3.0]), ("probe", 3, [3])])
def test_one_value_in_the_place_of_a_list_is_a_list_of_one(name: str, strengths: float, same: list[float]) -> None:
    """As one writes it in brackets; what is no list of such values at all is refused in a sentence."""
    kind = {"tfidf": TfidfOptions, "static": StaticOptions, "probe": ProbeOptions}[name]
    assert read_options(kind, {"strengths": strengths}, recipe=name) == read_options(kind, {"strengths": same}, recipe=name)
    for wrong in ([1, "a"], None, "a", [None, 1]):
        with pytest.raises(OptionError, match="'strengths' must be one or more numbers above 0; got "):
            read_options(kind, {"strengths": wrong}, recipe=name)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"join": "maybe"}, "'join' must be true or false; got 'maybe'"),
        ({"min_count": 1.5}, "'min_count' must be a whole number; got 1.5"),
        ({"epochs": 1.5}, "'epochs' must be a whole number, or none; got 1.5"),
        ({"most_words": True}, "'most_words' must be a whole number; got True"),
        ({"dim": float("inf")}, "'dim' must be a whole number; got inf"),
    ],
)
def test_a_value_is_of_the_kind_of_its_option(options: dict[str, Any], sentence: str) -> None:
    """`maybe` counted as true, and a row and a half as some number of rows."""
    with pytest.raises(OptionError, match=re.escape(sentence)):
        read_options(StaticOptions, options, recipe="static")


def test_one_name_in_the_place_of_a_list_is_not_its_letters() -> None:
    """`mixtures=all` and `weightings=mean`."""
    assert read_options(ProbeOptions, {"mixtures": "all"}, recipe="probe").mixtures == ("all",)
    assert read_options(StaticOptions, {"weightings": "mean"}, recipe="static").weightings == ("mean",)
    assert read_options(PromptOptions, {"shots": None}, recipe="prompt").shots is None
    with pytest.raises(OptionError, match=r"'hypothesis' must be a sentence with one \{\} for the label; got 5"):
        read_options(PromptOptions, {"hypothesis": 5}, recipe="prompt")


def test_options_are_held_against_their_recipe_before_anything_runs() -> None:
    """A recipe's own sentence, before there are rows or a model; recipes without options are not even looked at."""
    with pytest.raises(OptionError, match=r"Recipe 'tfidf' has no option 'min_row'; did you mean 'min_rows'\?"):
        space.check_options(("probe", "tfidf[min_row=2]"))
    with pytest.raises(OptionError, match=r"'rank' must be a whole number from 1; got 0\."):
        space.check_options(("lora[rank=0]",))
    space.check_options(("nobody", "tfidf[min_rows=2]"))
    space.check_options(None)


def test_a_search_keeps_what_was_asked_for() -> None:
    """What is not searched stays; what is, is the search's."""
    base = Entrant(Candidate("lora", "minilm", {"method": "dora", "rank": 4}), "x:Y", None)
    trial = entrant_with(base, {"rank": 16}, "trial 2")
    assert trial.candidate.name == "minilm+lora[method=dora,rank=16]"
    assert trial.trial_of == "minilm+lora[method=dora,rank=4]"


def test_without_a_name_the_default_recipes_compete(monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry that is not a default must be asked for."""
    assert space.known_recipes(None) == [name for name, entry in ENTRIES.items() if entry.default]
    monkeypatch.setitem(ENTRIES, "tfidf", replace(ENTRIES["tfidf"], default=False))
    assert "tfidf" not in space.known_recipes(None)
    assert space.known_recipes(["tfidf"]) == ["tfidf"]


def test_an_unknown_recipe_is_named_with_the_nearest() -> None:
    """And all there are."""
    with pytest.raises(UnknownName, match=r"There is no recipe 'ful'\. Did you mean 'full'\?"):
        space.known_recipes(["ful"])


def test_without_torch_the_textual_recipes_compete_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the others say which extra they need."""
    monkeypatch.setattr(space, "torch_is_here", lambda: False)
    found, left_out = space.entrants(("tfidf", "probe"), [])
    assert [entrant.candidate.name for entrant in found] == ["tfidf"]
    assert [(row.name, row.why) for row in left_out] == [("probe", "needs torch and transformers: pip install 'ringsmith[transformers]'")]
    with pytest.raises(MissingExtra, match=r"The recipe probe, full needs torch and transformers, which are not installed\. Install them"):
        space.entrants(("probe", "full"), [])


def test_nothing_to_compare_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """No model at hand, and only recipes that need one."""
    monkeypatch.setattr(space, "torch_is_here", lambda: True)
    with pytest.raises(OptionError, match=r"Nothing is left to compare: e5: left out: it is not on this machine\. Name a model with --models, or add the recipe tfidf\."):
        space.entrants(("probe",), HERE[2:])


def test_the_driver_loads_neither_torch_nor_sklearn_nor_polars_nor_numba() -> None:
    """A job imports its recipe by name in its own process; the driver stays light."""
    code = "import sys, ringsmith.compare.runner; print(sorted({'torch', 'transformers', 'sklearn', 'polars', 'scipy', 'numba'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_a_model_may_say_what_it_competes_with_where_nobody_asks() -> None:
    """A small model of the zoo is not fine-tuned unless it is asked for."""
    zoo = [Choice("zoo-bert", model("zoo-bert"), "small", recipes=("probe",))]

    def named(recipes: list[str] | None) -> list[str]:
        return [entrant.candidate.name for entrant in space.entrants(recipes, zoo)[0]]

    assert [name for name in named(None) if name.startswith("zoo")] == ["zoo-bert+probe"]
    assert named(["probe", "full"]) == ["zoo-bert+probe", "zoo-bert+full"]
