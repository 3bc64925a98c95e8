"""The languages the text steps know, by code and by English name, and what each of them has."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from ringsmith.errors import UnknownName


@dataclass(frozen=True)
class Language:
    """One language.

    Attributes:
        code: its ISO 639-1 code.
        name: its English name in lower case, which is also Snowball's name for it.
        stems: whether Snowball has a stemmer for it.
        lemmas: its code among the dictionaries of lemmas, None where there is none.
        elides: whether short words are written onto the next with an apostrophe ("l'homme").
    """

    code: str
    name: str
    stems: bool = True
    lemmas: str | None = None
    elides: bool = False


LANGUAGES: dict[str, Language] = {
    language.code: language
    for language in (
        Language("ar", "arabic", lemmas="ar"),
        Language("bg", "bulgarian", stems=False, lemmas="bg"),
        Language("ca", "catalan", lemmas="ca", elides=True),
        Language("cs", "czech", lemmas="cs"),
        Language("cy", "welsh", stems=False, lemmas="cy"),
        Language("da", "danish", lemmas="da"),
        Language("de", "german", lemmas="de"),
        Language("el", "greek", lemmas="el"),
        Language("en", "english", lemmas="en"),
        Language("es", "spanish", lemmas="es"),
        Language("et", "estonian", lemmas="et"),
        Language("eu", "basque"),
        Language("fa", "persian", lemmas="fa"),
        Language("fi", "finnish", lemmas="fi"),
        Language("fr", "french", lemmas="fr", elides=True),
        Language("ga", "irish", lemmas="ga"),
        Language("gl", "galician", stems=False, lemmas="gl"),
        Language("he", "hebrew", stems=False, lemmas="he"),
        Language("hi", "hindi", lemmas="hi"),
        Language("hu", "hungarian", lemmas="hu"),
        Language("hy", "armenian", lemmas="hy"),
        Language("id", "indonesian", lemmas="id"),
        Language("is", "icelandic", stems=False, lemmas="is"),
        Language("it", "italian", lemmas="it", elides=True),
        Language("ja", "japanese", stems=False),
        Language("ka", "georgian", stems=False, lemmas="ka"),
        Language("ko", "korean", stems=False),
        Language("la", "latin", stems=False, lemmas="la"),
        Language("lt", "lithuanian", lemmas="lt"),
        Language("lv", "latvian", stems=False, lemmas="lv"),
        Language("mk", "macedonian", stems=False, lemmas="mk"),
        Language("ms", "malay", stems=False, lemmas="ms"),
        Language("ne", "nepali"),
        Language("nl", "dutch", lemmas="nl"),
        Language("no", "norwegian", lemmas="nb"),
        Language("pl", "polish", lemmas="pl"),
        Language("pt", "portuguese", lemmas="pt"),
        Language("ro", "romanian", lemmas="ro"),
        Language("ru", "russian", lemmas="ru"),
        Language("sk", "slovak", stems=False, lemmas="sk"),
        Language("sl", "slovene", stems=False, lemmas="sl"),
        Language("sq", "albanian", stems=False, lemmas="sq"),
        Language("sr", "serbian", lemmas="hbs"),
        Language("sv", "swedish", lemmas="sv"),
        Language("sw", "swahili", stems=False, lemmas="sw"),
        Language("ta", "tamil"),
        Language("th", "thai", stems=False),
        Language("tr", "turkish", lemmas="tr"),
        Language("uk", "ukrainian", stems=False, lemmas="uk"),
        Language("zh", "chinese", stems=False),
    )
}
"""Code -> language."""


@cache
def find_language(name: str) -> Language:
    """The language of this code or English name, whatever its case.

    Raises:
        UnknownName: it is not in the list; the nearest are offered.

    Examples:
        >>> find_language("German").code, find_language("de").name
        ('de', 'german')
    """
    wanted = name.strip().lower()
    for language in LANGUAGES.values():
        if wanted in (language.code, language.name):
            return language
    raise UnknownName.of("language", name, [language.name for language in LANGUAGES.values()])
