"""The ordered preparation of a text: named steps, saved with the model as a list of names and applied again at prediction.

A step is a pure function from string to string. A language stands behind a colon: ``stem:german``, ``stopwords:fr``. Without one, ``stem``
is Porter's English stemmer and the others are English or (``lower``, ``tokenise``) of no language.

Orders that cannot work are refused (`IMPOSSIBLE`), each with its reason. Orders that only matter are not: ``stem`` before ``lower`` gives the
same as after it, ``lemmatise`` before ``lower`` keeps "US" apart from "us", which may be wanted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from ringsmith.errors import InputError, OptionError, UnknownName
from ringsmith.text.languages import find_language
from ringsmith.text.lemmatise import lemmatiser
from ringsmith.text.normalise import accents, casefold, compose, digits, emails, html, lower, mentions, normalise, repeats, small, spaces, urls
from ringsmith.text.stem import stemmer
from ringsmith.text.stopwords import stopwords
from ringsmith.text.tokenise import replace_words, token_pattern, tokenise
from ringsmith.text.wordnet import wordnet_at_hand

Function = Callable[[str], str]


@dataclass(frozen=True)
class Step:
    """One step that can be named.

    Attributes:
        name: its name.
        summary: what it does, in half a sentence.
        function: language (None where none was named) -> the function text -> text.
        takes_language: whether a language may stand behind its name.
    """

    name: str
    summary: str
    function: Callable[[str | None], Function]
    takes_language: bool = False


def _lower(language: str | None) -> Function:
    return str.lower if language is None else partial(lower, language=find_language(language).code)


def _stem(language: str | None) -> Function:
    stem = stemmer(language or "porter")
    tokens_of = None if language in (None, "porter") else language
    return lambda text: replace_words(text, stem, tokens_of)


def _tokenise(language: str | None) -> Function:
    return lambda text: " ".join(tokenise(text, language, punctuation=True))


def _stopwords(language: str | None) -> Function:
    words = stopwords(language or "en")
    code = find_language(language or "en").code

    def kept(word: str) -> str:
        return "" if small(word, code).replace("’", "'") in words else word

    return lambda text: spaces(replace_words(text, kept, code))


def _without_punctuation(text: str) -> str:
    pattern = token_pattern(text)
    return spaces(pattern.sub(lambda match: " " if match.lastgroup == "symbol" else match[0], text))


def _plain(function: Function) -> Callable[[str | None], Function]:
    """A step that needs no language."""
    return lambda _: function


STEPS: dict[str, Step] = {
    step.name: step
    for step in (
        Step("normalise", "one way of writing for what looks the same: Unicode NFKC, plain quotes and dashes, single spaces", _plain(normalise)),
        Step("unicode", "Unicode's composed form (NFC) only", _plain(compose)),
        Step("html", "tags dropped, entities decoded", _plain(html)),
        Step("urls", "every web address as http", _plain(urls)),
        Step("emails", "every e-mail address as email", _plain(emails)),
        Step("mentions", "every @name as @user", _plain(mentions)),
        Step("lower", "small letters", _lower, takes_language=True),
        Step("casefold", "small letters, ß as ss", _plain(casefold)),
        Step("accents", "Latin and Greek letters without accents", _plain(accents)),
        Step("digits", "every digit as 0", _plain(digits)),
        Step("repeats", "soooooo as sooo", _plain(repeats)),
        Step("tokenise", "a space between all tokens, punctuation included", _tokenise, takes_language=True),
        Step("punctuation", "punctuation and symbols dropped; emoji, addresses and what is inside words stay", _plain(_without_punctuation)),
        Step("stopwords", "words of grammar dropped (the, of ...); negations stay", _stopwords, takes_language=True),
        Step("stem", "words cut to their stem: Porter's for English, Snowball's for a named language", _stem, takes_language=True),
        Step("lemmatise", "words as in a dictionary: ate as eat; lemmatise:wordnet asks WordNet", lambda language: lemmatiser(language or "en"), takes_language=True),
        Step("spaces", "single spaces, none at the ends", _plain(spaces)),
    )
}
"""Name -> step, in an order that works from top to bottom."""

IMPOSSIBLE: tuple[tuple[str, str, str], ...] = (
    ("stem", "stem", "a stem is no word to be stemmed again"),
    ("lemmatise", "lemmatise", "a lemma is no form to be looked up again"),
    ("stem", "lemmatise", "dictionaries hold words, not stems"),
    ("stem", "stopwords", "the lists hold words, not stems ('this' would be looked for as 'thi')"),
    ("accents", "stopwords", "the lists hold words with their accents"),
    ("accents", "stem", "stemmers know words with their accents"),
    ("accents", "lemmatise", "dictionaries hold words with their accents"),
    ("punctuation", "html", "tags cannot be found once '<' and '>' are gone"),
)
"""What must not come before what, and why. Languages do not matter; English has hardly any accents, so `accents` may stand anywhere there."""


@dataclass(frozen=True)
class TextSteps:
    """Named steps, applied to a text one after the other; empty leaves it as it is.

    Attributes:
        names: their names, with languages: ``("normalise", "lower", "stem:german")``.

    Raises:
        UnknownName: a step or a language is not in the list; the nearest are offered.
        OptionError: a step takes no language, has none for it, or stands where it cannot work.
        NotAtHand: ``lemmatise:wordnet`` without WordNet's data.

    Examples:
        >>> TextSteps(("lower", "stem")).apply("Running runs ran runner Cats cat")
        'run run ran runner cat cat'
    """

    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not _are_names(self.names):
            raise OptionError(f"Text steps must be a list of names; got {self.names!r:.60}. Write TextSteps(('lower', 'stem')).")
        object.__setattr__(self, "names", tuple(self.names))
        for name in self.names:
            step_function(name)
        check_order(self.names)

    def apply(self, text: str) -> str:
        """`text` prepared."""
        for name in self.names:
            text = step_function(name)(text)
        return text

    def apply_all(self, texts: Sequence[str]) -> list[str]:
        """Every text prepared, in the same order."""
        prepared: Iterable[str] = texts
        for name in self.names:
            prepared = map(step_function(name), prepared)
        return list(prepared)

    def to_json(self) -> list[str]:
        """The names, as saved with a model."""
        return list(self.names)

    @classmethod
    def from_json(cls, content: Sequence[str]) -> TextSteps:
        """The steps that `to_json` wrote.

        Raises:
            InputError: it is not a list of names.
        """
        if not _are_names(content):
            raise InputError(f"Text steps must be a list of names; got {content!r}. The file was changed by hand, or is of another kind.")
        return cls(tuple(content))


def _are_names(content: Any) -> bool:
    return isinstance(content, Iterable) and not isinstance(content, str | bytes) and all(isinstance(name, str) for name in content)


def parse_steps(names: str, *, language: str | None = None) -> TextSteps:
    """The steps of a comma-separated list; `language` goes to every step that takes one and names none.

    ``lemmatise`` in English becomes ``lemmatise:wordnet`` where WordNet's data are on this machine; the name says so from then on,
    so that a saved model never depends on what another machine has.

    Raises:
        UnknownName, OptionError: as `TextSteps`.

    Examples:
        >>> parse_steps("lower, stem", language="de").names
        ('lower:de', 'stem:de')
    """
    code = None if language is None else find_language(language).code
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    with_language = [f"{name}:{code}" if code and name in STEPS and STEPS[name].takes_language and _worth_naming(name, code) else name for name in wanted]
    return TextSteps(tuple("lemmatise:wordnet" if name in ("lemmatise", "lemmatise:en") and wordnet_at_hand() else name for name in with_language))


def _worth_naming(name: str, code: str) -> bool:
    """English is what `stem` means anyway: Porter's stemmer of 1980, not Snowball's later one."""
    return not (code == "en" and name in ("stem", "lower"))


@cache
def step_function(name: str) -> Function:
    """The function of one step by its full name; made once, so that what it remembers is shared.

    Raises:
        UnknownName, OptionError, NotAtHand: as `TextSteps`.
    """
    kind, colon, language = name.partition(":")
    if kind not in STEPS:
        raise UnknownName.of("text step", kind, STEPS, hint="Separate steps with commas, and put a language behind a colon: stem:german.")
    if colon and not STEPS[kind].takes_language:
        raise OptionError(f"Text step {name!r}: {kind!r} takes no language; got {language!r}. Write {kind!r}.")
    if colon and not language:
        raise OptionError(f"Text step {name!r}: a language must follow the colon; got nothing. Write {kind!r}, or for example '{kind}:german'.")
    return STEPS[kind].function(language or None)


def check_order(names: Sequence[str]) -> None:
    """Refuse orders that cannot work, all of them at once.

    Raises:
        OptionError: a step stands after one that takes away what it needs.
    """
    kinds = [name.partition(":")[0] for name in names]
    faults = []
    for earlier, later, why in IMPOSSIBLE:
        if earlier not in kinds or later not in kinds[kinds.index(earlier) + 1 :]:
            continue
        after = names[kinds.index(later, kinds.index(earlier) + 1)]
        if earlier == "accents" and after.partition(":")[2] in ("", "en", "english", "porter", "wordnet"):
            continue
        before = names[kinds.index(earlier)]
        mend = "Keep one of the two." if earlier == later else f"Put {after!r} before {before!r}, or leave one of them out."
        faults.append(f"{after!r} cannot come after {before!r}: {why}. {mend}")
    if faults:
        raise OptionError("Text steps: " + " ".join(faults))
