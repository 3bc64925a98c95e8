"""Which of the models learnt from texts in other languages than the user's."""

from __future__ import annotations

from collections.abc import Iterable

from ringsmith.catalogue import entry_of, find
from ringsmith.report.findings import LANGUAGES
from ringsmith.report.wording import joined


def of_other_languages(models: Iterable[str], language: str) -> list[str]:
    """A sentence for the models that are known to be of other languages, for what they reach here says little of transformers; nothing where the language is unknown.

    Args:
        models: names of those that compete.
        language: of the texts, ISO 639-1.

    Examples:
        >>> of_other_languages(["minilm", "distilbert", "word2vec"], "de")
        ['minilm and distilbert learnt from English texts, and these look German: a model that knows German may do better (--models e5-small)']
        >>> of_other_languages(["minilm", "e5-small"], "de")
        ['minilm learnt from English texts, and these look German']
        >>> of_other_languages(["minilm"], "en"), of_other_languages(["minilm"], "unknown"), of_other_languages(["runs/mine"], "de")
        ([], [], [])
    """
    known = {name: entry for name in dict.fromkeys(models) if (entry := entry_of(name))}
    strangers = {name: entry.languages for name, entry in known.items() if not entry.speaks(language)} if language in LANGUAGES else {}
    better = [entry.name for entry in find(["default"], language=language)] if len(strangers) == len(known) else []
    advice = f": a model that knows {LANGUAGES.get(language)} may do better (--models {better[0]})" if better else ""
    found = []
    for spoken in dict.fromkeys(strangers.values()):
        names = [name for name, languages in strangers.items() if languages == spoken]
        found.append(f"{joined(names)} learnt from {joined([LANGUAGES.get(one, one) for one in spoken])} texts, and these look {LANGUAGES[language]}{advice}")
    return found
