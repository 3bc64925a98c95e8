"""Bytes of unknown encoding -> UTF-8 bytes and the name of the encoding.

Decided in this order: a byte order mark; UTF-16 by its NUL bytes; UTF-8 if every byte fits; CP949 if the bytes pair up as common
Hangul that is Korean; else, if the letters look like a Latin script, Windows-1252 (a superset of Latin-1), its Turkish twin if they are Turkish, or
Windows-1250 or ISO 8859-2 if they are of a language of Central Europe. Nothing else is guessed: a wrong guess would turn every text into rubbish without a
word, so the file is refused with the likely names. Whoever knows names it (``--encoding``); a byte order mark and UTF-8, which cannot be mistaken, hold all
the same.
"""

from __future__ import annotations

import codecs
import re
from collections import Counter

from ringsmith._files import is_pickle
from ringsmith.errors import ReadError, UnknownName

SAMPLE = 1 << 20
NEWLINE = b"\n"
CHUNK = 1 << 22
BOMS = ((codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"), (codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
CONTROLS = bytes(set(range(32)) - set(b"\t\n\r\x0b\x0c\x1b\x1a\x1c\x1d\x1e\x1f")) + b"\x7f"
MAGIC = {
    b"%PDF": "a PDF document",
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"GIF8": "a GIF picture",
    b"\x7fELF": "a program",
    b"MZ": "a program",
    b"SQLite format 3": "an SQLite database",
    b"7z\xbc\xaf": "a 7z archive",
    b"Rar!": "a RAR archive",
    b"\x89HDF": "an HDF5 file",
    b"{\\rtf": "an RTF document",
}
WIDE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
HANGUL = re.compile(rb"[\xb0-\xc8][\xa1-\xfe]")
PARTICLES = frozenset("이다는을가고에하지도은의로나사기어아리그만자라해서시인요니대")
"""The commonest syllables of Korean: every third one in a text is among them."""
ENOUGH = 20
"""So many syllables must be there before the missing of the commonest says anything."""
TURKISH, ONLY_TURKISH = "çğıöşüâîÇĞİÖŞÜÂÎ".encode("cp1254"), "ğışĞİŞ".encode("cp1254")
"""Letters of Turkish beyond ASCII, and those that are others in Windows-1252: what stands there is Icelandic, which has many more."""
HIGH = re.compile(rb"[\x80-\xff]")
HIGH_RUN = re.compile(rb"[\x80-\xff]+")
LETTER = re.compile(rb"[A-Za-z\x80-\xff]")
ACCENTED = re.compile(rb"[\xc0-\xff\x8a-\x8f\x9a-\x9f]|(?<=[A-Za-z\xc0-\xff])[\xa1-\xbf](?=[A-Za-z\xc0-\xff])|(?<![^\s\"'(])[\xa1-\xbf](?=[a-z\xc0-\xff])")
"""Bytes that are letters in one of the encodings of Latin script, and those that are signs in Windows-1252 but stand in a word, or begin one."""
FEWEST_ACCENTED, DIFFERENT_ACCENTED = 10, 3
WESTERN = ("äöüß", "àâæçéèêëîïôœùûüÿ", "áéíñóúü¡¿ºª", "àáâãçéêíóôõúüºª", "àèéìíîòóùú", "åäöæøéü", "áðéíóúýþæö", "éëïöüèêáó", "àçèéíïòóúü·", "äöåõüšž")
"""Beyond ASCII: German, French, Spanish, Portuguese, Italian, the Nordic languages, Icelandic, Dutch, Catalan, Finnish with Estonian."""
CENTRAL = ("ąćęłńóśźż", "áäčďéěíĺľňóôŕřšťúůýž", "áéíóöőúüű", "ăâîşţ", "čćđšž")
"""Polish, Czech with Slovak, Hungarian, Romanian, Croatian with Slovene."""
OTHERS = ("gb18030", "shift_jis", "euc_jp", "big5", "cp1251", "koi8-r", "cp1253", "cp1255", "cp1256", "cp874")
KANA, CYRILLIC, GREEK, ARABIC = ("[ぁ-ヺ]", 0.25), ("[оеаинтсрвл]", 0.5), ("[αοιετσνηυρπκμλάίόέή]", 0.6), ("[اليمنور]", 0.35)
HEBREW, THAI = ("[יוהלאמתרבשםנ]", 0.6), ("[านรอกเงมยวลสดทต]", 0.5)
USUAL = {"shift_jis": KANA, "euc_jp": KANA, "cp1251": CYRILLIC, "koi8-r": CYRILLIC, "cp1253": GREEK, "cp1255": HEBREW, "cp1256": ARABIC, "cp874": THAI}
"""Common letters, and the share of those beyond ASCII that they have at least where a text is in this encoding, and hardly ever where it is not."""


def known_encoding(encoding: str | None) -> str | None:
    """Python's own name of an encoding of texts; None stays None.

    Raises:
        UnknownName: Python has none of this name.

    Examples:
        >>> known_encoding("Windows-1250"), known_encoding("KOI8_R")
        ('cp1250', 'koi8-r')
    """
    if encoding is None:
        return None
    try:
        b"a".decode(encoding)
    except UnicodeError:  # half a character of UTF-16, say
        pass
    except (LookupError, ValueError) as error:
        raise UnknownName.of("encoding", encoding, ("cp1250", "cp1252", "cp949", "utf-8", "utf-16", *OTHERS), hint="All other names that Python knows are taken, too.") from error
    return codecs.lookup(encoding).name


def to_utf8(content: bytes, name: str, encoding: str | None = None) -> tuple[bytes, str]:
    """`content` as UTF-8 without a byte order mark, and the name of the encoding it came in.

    Args:
        content: the bytes of a file.
        name: how messages name the file.
        encoding: what the user calls its encoding, as `known_encoding` gives it; None to find it.

    Raises:
        ReadError: it is a binary file, or no known encoding fits.
    """
    for mark, marked in BOMS:
        if content.startswith(mark):
            return (content[3:] if marked == "utf-8-sig" and is_utf8(content) else transcode(content, marked, name)), marked
    if encoding is not None:
        return as_named(content, encoding, name)
    if wide := utf16_without_mark(content):
        return transcode(content, wide, name), wide
    refuse_binary(content, name)
    if is_utf8(content):
        return content, "utf-8"
    encoding = guess_single(content, name)
    return transcode(content, encoding, name), encoding


def is_utf8(content: bytes) -> bool:
    """Whether all of `content` is UTF-8; looked at in pieces, so that a large file is never a large string."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    view = memoryview(content)
    try:
        for start in range(0, len(view), CHUNK):
            decoder.decode(view[start : start + CHUNK])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def transcode(content: bytes, encoding: str, name: str) -> bytes:
    """`content` from `encoding` to UTF-8."""
    try:
        return content.decode(encoding).encode("utf-8")
    except UnicodeError as error:
        place = f" at byte {error.start}" if isinstance(error, UnicodeDecodeError) else ""
        raise ReadError(f"{name}: the file must be one encoding throughout; it begins as {encoding} and breaks{place}. Save it as UTF-8.") from error


def as_named(content: bytes, encoding: str, name: str) -> tuple[bytes, str]:
    """As `to_utf8`, in the encoding that the user names; where the bytes are UTF-8 beyond doubt, in that.

    Raises:
        ReadError: a binary file, or a byte that the encoding does not have: line and place are told.
    """
    if not content.isascii() and is_utf8(content):
        return content, "utf-8"
    try:
        decoded = content.decode(encoding).encode("utf-8")
    except UnicodeError as error:
        start = getattr(error, "start", 0)
        raise ReadError(
            f"{name}:{content.count(NEWLINE, 0, start) + 1}: the file must be in {encoding}, as --encoding says; byte 0x{content[start]:02x} in this line "
            f"(byte {start} of the file) is no character in it. Name another encoding, or mend the line."
        ) from error
    refuse_binary(decoded, name)
    return decoded, encoding


def utf16_without_mark(content: bytes) -> str | None:
    """The byte order of a UTF-16 text without its mark: every other byte of Latin text is NUL."""
    sample = content[: min(SAMPLE, len(content) // 2 * 2)]
    if len(sample) < 4 or b"\x00" not in sample:
        return None
    half = len(sample) / 2
    even, odd = sample[0::2].count(0) / half, sample[1::2].count(0) / half
    if odd > 0.3 and even < 0.05:
        return "utf-16-le"
    return "utf-16-be" if even > 0.3 and odd < 0.05 else None


def refuse_binary(content: bytes, name: str) -> None:
    """Raise where these bytes are no text: a known kind of file, or too many control characters."""
    kind = "a Python pickle, which can run code and is never opened" if is_pickle(content) else next((MAGIC[magic] for magic in MAGIC if content.startswith(magic)), None)
    if kind is not None:
        raise ReadError(f"{name}: a table of texts is needed; this is {kind}. Give a CSV, TSV, JSON, JSONL, Parquet, Arrow or XLSX file, or a folder of text files.")
    sample = content[:SAMPLE]
    controls = len(sample) - len(sample.translate(None, CONTROLS))
    if controls > max(1, 0.002 * len(sample)):
        share = controls / len(sample)
        raise ReadError(
            f"{name}: a table of texts is needed; this is a binary file ({share:.{0 if share >= 0.01 else 1}%} of its bytes are control characters). "
            "Give a CSV, TSV, JSON, JSONL, Parquet, Arrow or XLSX file, or a folder of text files."
        )


def guess_single(content: bytes, name: str) -> str:
    """The encoding of bytes that are not UTF-8: CP949, Windows-1252, Windows-1254, or one of the two of Central Europe.

    Raises:
        ReadError: UTF-8 with broken places, or none of these.
    """
    sample = b"".join(HIGH_RUN.findall(content))[:SAMPLE]
    high = len(sample)
    if 2 * len(HANGUL.findall(sample)) >= 0.7 * high and decodes(content, "cp949") and looks_korean(content):
        return "cp949"
    if high >= 4 and sum(map(len, WIDE.findall(sample))) >= 0.5 * high:
        raise broken_utf8(content, name)
    if looks_latin(content[:SAMPLE]):
        return "cp1254" if looks_turkish(sample) else central_european(content[:SAMPLE]) or ("cp1252" if decodes(content, "cp1252") else "latin-1")
    fitting = sorted((encoding for encoding in OTHERS if decodes(content, encoding)), key=lambda encoding: -usual_letters(content, encoding))
    hint = f"It may be {' or '.join(fitting[:3])}: name it" if fitting else "Name it"
    advice = f"{hint} (--encoding {(fitting or ['NAME'])[0]}), or save the file as UTF-8 (a spreadsheet calls it 'CSV UTF-8')."
    raise ReadError(f"{name}: the encoding is none of UTF-8, UTF-16, CP949 and Latin-1. {advice}")


def looks_latin(head: bytes) -> bool:
    """Whether these bytes are a Latin script in one byte a letter: most letters are ASCII, and the others stand alone or in twos.

    Words of nothing but high bytes are another script (Cyrillic, Greek ...) among some English.

    Examples:
        >>> looks_latin("die Größe kann man sehen".encode("latin-1")), looks_latin("the word слово in it".encode("cp1251"))
        (True, False)
    """
    high = len(HIGH.findall(head))
    in_words = sum(len(run) for run in HIGH_RUN.findall(head) if len(run) > 2)
    return high <= 0.3 * (len(LETTER.findall(head)) or 1) and 2 * in_words <= high


def looks_turkish(high: bytes) -> bool:
    """Whether the bytes beyond ASCII of a text in a Latin script are Turkish letters, and a quarter of them such as no neighbour has.

    Examples:
        >>> looks_turkish("ışıkğşıüö".encode("cp1254")), looks_turkish("þaðerýöáíó".encode("cp1252")), looks_turkish("größe".encode("cp1252"))
        (True, False, False)
    """
    letters = bytes(byte for byte in high if byte >= 0xC0)
    of_turkish, only = len(letters) - len(letters.translate(None, TURKISH)), len(letters) - len(letters.translate(None, ONLY_TURKISH))
    return only >= max(1, len(letters) / 4) and of_turkish >= 0.95 * len(letters)


def central_european(head: bytes) -> str | None:
    """Windows-1250 or ISO 8859-2, where the letters beyond ASCII are those of one language that is written in it and of none written in Windows-1252; else None.

    Examples:
        >>> text = "dłuższa gwarancja to kłamstwo, żółty stół, jakość ok, piękny, śmieć"
        >>> central_european(text.encode("cp1250")), central_european(text.encode("iso8859-2")), central_european("déjà vu à la forêt, garçon".encode("cp1252") * 3)
        ('cp1250', 'iso8859-2', None)
    """
    letters = Counter(ACCENTED.findall(head))
    if letters.total() < FEWEST_ACCENTED or sum(letter >= b"\xc0" for letter in letters) < DIFFERENT_ACCENTED:
        return None
    shares = {encoding: max(_share_of(alphabet, letters, encoding) for alphabet in CENTRAL) for encoding in ("cp1250", "iso8859-2")}
    likeliest = max(shares, key=lambda encoding: shares[encoding])  # the first where both read the same
    western = max(_share_of(alphabet, letters, "cp1252") for alphabet in WESTERN)
    return likeliest if shares[likeliest] >= 0.98 and western < 0.9 else None


def _share_of(alphabet: str, letters: Counter[bytes], encoding: str) -> float:
    """How much of these bytes are letters of an alphabet in an encoding."""
    known = sum(times for letter, times in letters.items() if letter.decode(encoding, errors="replace").lower() in alphabet)
    return known / letters.total()


def decodes(content: bytes, encoding: str) -> bool:
    """Whether the first million bytes fit `encoding` (the last few may be half a character)."""
    try:
        codecs.getincrementaldecoder(encoding)().decode(content[:SAMPLE])
    except UnicodeDecodeError:
        return False
    return True


def looks_korean(content: bytes) -> bool:
    """Whether text whose bytes pair up as Hangul is Korean: Chinese in GBK pairs up so, too, for seven characters in ten.

    Examples:
        >>> looks_korean("이 제품은 정말 좋아요. 배송도 빠르고 다시 사고 싶어요".encode("cp949")), looks_korean("很好，不错，非常好看，推荐大家观看，感动得哭了".encode("gbk") * 2)
        (True, False)
    """
    syllables = re.findall("[가-힣]", content[:SAMPLE].decode("cp949", errors="ignore"))
    return len(syllables) < ENOUGH or sum(syllable in PARTICLES for syllable in syllables) >= 0.1 * len(syllables)


def usual_letters(content: bytes, encoding: str) -> float:
    """How far `content`, read in `encoding`, has the letters that texts in it have (common Cyrillic ones, kana ...): at least 1, and 0 where it has not.

    Examples:
        >>> text = "очень доволен".encode("cp1251")
        >>> usual_letters(text, "cp1251") > 1, usual_letters(text, "koi8-r")
        (True, 0.0)
    """
    usual, least = USUAL.get(encoding, ("", 2.0))
    beyond = re.findall("[^\x00-\x7f\\W]", content[:SAMPLE].decode(encoding, errors="ignore"))
    times = len(re.findall(usual, "".join(beyond))) / (least * max(len(beyond), 1)) if usual else 0.0
    return times if times >= 1 else 0.0


def broken_utf8(content: bytes, name: str) -> ReadError:
    """The sentence for a file that is UTF-8 but for a few places."""
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return ReadError(
            f"{name}:{line}: the file is UTF-8 but for byte 0x{content[error.start]:02x} in this line (byte {error.start} of the file). "
            f"Mend the line, or drop such bytes: iconv -c -f UTF-8 -t UTF-8 '{name}' > clean.csv"
        )
    return ReadError(f"{name}: the encoding cannot be told. Save the file as UTF-8.")
