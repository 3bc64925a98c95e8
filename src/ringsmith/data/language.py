"""The likely language of some texts: by writing system, then by the commonest words; ``"unknown"`` where neither is clear."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import polars as pl

SCRIPTS = ("Latin", "Cyrillic", "Greek", "Arabic", "Hebrew", "Devanagari", "Bengali", "Tamil", "Thai", "Hangul", "Hiragana", "Katakana", "Han", "Georgian", "Armenian")
LANGUAGE_OF = {
    "Hangul": "ko",
    "Greek": "el",
    "Hebrew": "he",
    "Thai": "th",
    "Devanagari": "hi",
    "Bengali": "bn",
    "Tamil": "ta",
    "Georgian": "ka",
    "Armenian": "hy",
    "Arabic": "ar",
}
"""Scripts that (nearly) always mean one language here; Han without kana is Chinese, with kana Japanese."""
# Words that are frequent in one of these languages and rare or missing in the others.
COMMON = {
    "en": "the and of to is was that for with this it you are have not but on be they what my i how",
    "es": "el los las que y es una por con para no se lo del como pero más muy está fue al esta",
    "fr": "le les des et est une pour que qui dans pas sur au avec ce il je vous mais très c'est",
    "de": "der die das und ist nicht ein eine zu den mit sich auf für es ich sie auch von dem wie",
    "it": "il di che è e per un una non sono con del della ho gli mi questo ma anche più",
    "pt": "o a os as que é não uma para com do da em um se por mais foi muito mas ao",
    "nl": "de het een en van is niet dat op te zijn voor met ik die maar er ook aan je",
    "sv": "och att det som en på är av för med den till inte om har jag ett var men",
    "pl": "i w na z się nie to jest że do jak po ale co za od są przez czy",
    "tr": "ve bir bu için çok da de ile ne ama gibi daha var en olarak mi ben o",
    "ru": "и в не на что с по это как но за от к из у так же все он я",
    "uk": "і в на що з та не це як до за але від я він її є ми",
}
WORDS = {language: frozenset(words.split()) for language, words in COMMON.items()}
SAMPLE = 2_000
NO_WORDS = r"(?i)https?://\S+|www\.\S+|\S+@\S+\.\S+|<[^<>]{1,500}>|&#?\w{1,8};|[@#]\w+|\w*\d\w*"
"""Addresses, tags, names and what has digits in it: in whatever language they stand, they are in none (https://t.co is no Polish, y2 no Spanish)."""


def scripts_of(texts: pl.Series) -> dict[str, float]:
    """Writing system -> share of the letters, the largest first; systems below 1 in 1,000 are left out.

    Examples:
        >>> scripts_of(pl.Series(["abc", "где"]))
        {'Latin': 0.5, 'Cyrillic': 0.5}
    """
    counts = {script: int(texts.str.count_matches(rf"\p{{{script}}}").sum()) for script in SCRIPTS}
    letters = max(int(texts.str.count_matches(r"\p{L}").sum()), sum(counts.values()), 1)
    shares = {script: round(count / letters, 4) for script, count in counts.items() if count / letters >= 0.001}
    return dict(sorted(shares.items(), key=lambda item: -item[1]))


def guess_language(texts: Sequence[str]) -> tuple[str, float, dict[str, float]]:
    """(two-letter code or ``"unknown"``, share of the evidence that speaks for it, scripts), from up to 2,000 texts spread over all.

    Examples:
        >>> guess_language(["The battery is awful and the screen was not what I wanted."])[0], guess_language(["mast hai yaar https://t.co/a1"])[0]
        ('en', 'unknown')
    """
    step = max(1, len(texts) // SAMPLE)
    sample = pl.Series(list(texts[::step][:SAMPLE]), dtype=pl.String).str.head(1_000).str.replace_all(NO_WORDS, " ")
    scripts = scripts_of(sample)
    if not scripts:
        return "unknown", 0.0, {}
    kana = scripts.get("Hiragana", 0) + scripts.get("Katakana", 0)
    if kana > 0.1:
        return "ja", round(kana + scripts.get("Han", 0), 4), scripts
    script, share = next(iter(scripts.items()))
    if script == "Han":
        return "zh", share, scripts
    if script in LANGUAGE_OF:
        return LANGUAGE_OF[script], share, scripts
    return (*by_words(sample, script), scripts)


def by_words(sample: pl.Series, script: str) -> tuple[str, float]:
    """The language whose common words stand out in the sample, and its share of all common words found."""
    known = [language for language in WORDS if (language in ("ru", "uk")) == (script == "Cyrillic")]
    words = Counter(sample.str.to_lowercase().str.extract_all(r"[\p{L}']+").explode().drop_nulls().to_list())
    total = max(sum(words.values()), 1)
    hits = Counter({language: sum(words[word] for word in WORDS[language]) for language in known})
    (best, most), *others = hits.most_common(2)
    second = others[0][1] if others else 0
    # Even short commands have one common word in ten; twice the runner-up keeps neighbours (es, pt) apart.
    if script not in ("Latin", "Cyrillic") or most < max(3, 0.08 * total) or most < 1.3 * second:
        return "unknown", 0.0
    return best, round(most / (most + second), 4)
