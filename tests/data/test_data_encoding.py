"""Encodings: each is recognised, none is guessed at."""

from __future__ import annotations

from pathlib import Path

import pytest
from data_tables import Write

from ringsmith.data.encoding import known_encoding, refuse_binary, to_utf8
from ringsmith.data.predictions import read_texts
from ringsmith.data.read import read_table
from ringsmith.errors import ReadError, UnknownName

KOREAN = "document\tlabel\n" + "사극은 역시 KBS!!! 나 두번째 인가\t1\n너무 재미없었다 그래서 보는것을 추천하지 않는다\t0\n" * 3
FRENCH = "texte;catégorie\n" + "Très bon café, à goûter “vite”\tou pas;bon\nPas à mon goût;mauvais\n".replace("\t", " ") * 3
TURKISH = "yorum;duygu\n" + "Kaldığımız oda çok güzeldi, ışık iyiydi;iyi\nİstanbul'da yediğimiz yemek kötüydü, şikâyet ettik;kötü\n" * 3
ICELANDIC = "texti;flokkur\n" + "Þetta er mjög góð bók og ég las hana í gær;gott\nÉg skil ekki hvað þeir ætla sér, það er dýrt;vont\n" * 3


@pytest.mark.parametrize(
    ("text", "encoding", "found"),
    [
        (KOREAN, "utf-8", "utf-8"),
        (KOREAN, "utf-8-sig", "utf-8-sig"),
        (KOREAN, "utf-16", "utf-16"),
        (KOREAN, "cp949", "cp949"),
        (KOREAN, "utf-32", "utf-32"),
        (FRENCH, "cp1252", "cp1252"),
        (FRENCH.replace("“", "<").replace("”", ">"), "latin-1", "cp1252"),
        (TURKISH, "iso-8859-9", "cp1254"),
        (ICELANDIC, "cp1252", "cp1252"),
        (FRENCH, "utf-16-le", "utf-16-le"),
        (FRENCH, "utf-16-be", "utf-16-be"),
        ("plain ascii text", "ascii", "utf-8"),
    ],
)
def test_each_encoding_is_recognised_and_read(text: str, encoding: str, found: str) -> None:
    """Content and name (Latin-1 is read as its superset Windows-1252)."""
    content, name = to_utf8(text.encode(encoding), "f.csv")
    assert (content.decode("utf-8"), name) == (text, found)


def test_a_byte_that_windows_1252_lacks_is_latin_1() -> None:
    """0x81 has no meaning in Windows-1252."""
    content, name = to_utf8(b"a long enough text with one odd byte \x81 and caf\xe9\n" * 3, "f")
    assert name == "latin-1"
    assert "café" in content.decode()


def test_the_encoding_is_told(write: Write) -> None:
    """In the findings."""
    assert read_table(write("k.txt", KOREAN, "cp949")).findings.encoding == "cp949"


def test_utf8_with_a_broken_place_names_the_line() -> None:
    """Mojibake is not an answer."""
    content = "text,label\ncafé crème brûlée,1\n".encode() + b"na\xefve,0\n" + "déjà vu à côté,1\n".encode()
    with pytest.raises(ReadError, match=r"f\.csv:3: the file is UTF-8 but for byte 0xef in this line .* Mend the line, or drop such bytes: iconv -c"):
        to_utf8(content, "f.csv")


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Отличный товар, очень доволен; рекомендую всем", "cp1251"),
        ("Ужасное качество, сломался сразу", "koi8-r"),
        ("今日はとても良い天気ですね。すぐに壊れました", "shift_jis"),
        ("今日はとても良い天気ですね。すぐに壊れました", "euc_jp"),
        ("今天天气非常好，我们出去玩吧；这个产品很差", "gb18030"),
        ("Πολύ καλό προϊόν, το συνιστώ", "cp1253"),
        ("منتج رائع جدا، جودة ممتازة", "cp1256"),
        ("מוצר מצוין, אני ממליץ לכולם בחום", "cp1255"),
        ("สินค้าดีมาก ส่งเร็ว แนะนำเลย", "cp874"),
    ],
)
def test_other_encodings_are_refused_with_the_likely_names(text: str, encoding: str) -> None:
    """A guess would turn every text into rubbish; the likeliest comes first, and read by that name the text is there."""
    content = f"text\n{text}\n".encode(encoding) * 20
    said = rf"the encoding is none of UTF-8, UTF-16, CP949 and Latin-1\. It may be {encoding}.*: name it \(--encoding {encoding}\), or save the file as UTF-8"
    with pytest.raises(ReadError, match=said):
        to_utf8(content, "f.csv")
    assert to_utf8(content, "f.csv", encoding) == (content.decode(encoding).encode(), encoding)


@pytest.mark.parametrize(
    ("text", "named", "known"),
    [
        ("Příliš žluťoučký kůň úpěl ďábelské ódy", "Windows-1250", "cp1250"),
        ("Zażółć gęślą jaźń", "latin2", "iso8859-2"),
        ("Очень доволен", "KOI8-R", "koi8-r"),
        ("とても良い天気", "iso-2022-jp", "iso2022_jp"),
        ("Größe", "utf-16-le", "utf-16-le"),
        ("plain ascii text", "cp1250", "cp1250"),
        ("naïve café", "UTF8", "utf-8"),
    ],
)
def test_a_named_encoding_is_followed(text: str, named: str, known: str) -> None:
    """By any of Python's names for it; also one whose bytes are all ASCII, and one that is recognised as another (Czech as French)."""
    assert known_encoding(named) == known
    assert to_utf8(text.encode(named), "f", known) == (text.encode(), known)


CENTRAL = {
    "Polish": "Dłuższa gwarancja to kłamstwo; żółty stół, jakość ok, piękny, śmieć, źle wykonane, zwrot. Świetny produkt!",
    "Czech": "Nejlepší výrobek, který jsem kdy měl, ale je to drahé a příliš velké; že se to stane, kůň a žluťoučký čaj.",
    "Slovak": "Veľmi dobrý výrobok, ktorý som mal. Najlepšia cena, ľahká montáž, žiaľ kôň zomrel, päť.",
    "Hungarian": "Ez a legjobb termék, amit valaha vettem, nem is kérdés, hogy újra megvenném, bővebben és gyűjtött.",
    "Romanian": "Un produs foarte bun, îl recomand; ţara aceasta şi mâncarea bună, aşa că da, două zile.",
    "Croatian": "Vrlo dobar proizvod, preporučujem; još više, kuća, đak, žao mi je, dođi.",
}
WESTERN = {
    "German": "Die Größe kann man sehen, schön, Straße und Ärger über Öl; das ist für später.",
    "French": "Très bon produit, à conseiller, garçon; forêt, naïf, où, cœur, «été».",
    "Spanish": "¿Qué tal? ¡Muy bien! Año, niño, corazón, pingüino, 1º, está.",
    "Portuguese": "Não é muito bom, mas a ação foi rápida; avô, pêssego, à noite, você.",
    "Danish": "Det er på øen, æble og år; også købt på gaden.",
    "Icelandic": "Það er gott, þú ert í húsinu, ég á bók.",
    "Finnish": "Hyvä tuote, äiti, öljy, žanri, šakki, hyvää päivää.",
    "Catalan": "L'any passat, això és col·legi, què, història, pingüí.",
    "signs": "It’s the café – naïve “quotes” © 2020 ® ± 5µm «x» £5, Müller.",
    "many": "Crème brûlée, El Niño, São Paulo, Zürich, Øresund, façade, smörgåsbord.",
}


@pytest.mark.parametrize("encoding", ["cp1250", "iso8859-2"])
@pytest.mark.parametrize("language", CENTRAL)
def test_languages_of_central_europe_are_read_in_their_encodings(language: str, encoding: str) -> None:
    """Read as Windows-1252, Polish is full of signs and Czech of French letters. The bytes that both encodings read alike may be called either."""
    content = f"text,label\n{CENTRAL[language]},a\n".encode(encoding) * 3
    assert to_utf8(content, "f.csv")[0] == content.decode(encoding).encode()


@pytest.mark.parametrize("language", WESTERN)
def test_languages_of_western_europe_are_not_taken_for_those(language: str) -> None:
    """Nor are names of places from everywhere, or signs beside words."""
    content = f"text,label\n{WESTERN[language]},a\n".encode("cp1252") * 3
    assert to_utf8(content, "f.csv") == (content.decode("cp1252").encode(), "cp1252")


@pytest.mark.parametrize("name", ["cp12500", "rot13", "hex", "", "a\0b"])
def test_an_encoding_that_is_none_is_said(name: str) -> None:
    """Python's codecs that turn no bytes into texts are none either."""
    with pytest.raises(UnknownName, match=r"There is no encoding '.*'\. .*Known: big5, cp1250, .*All other names that Python knows are taken, too"):
        known_encoding(name)


@pytest.mark.parametrize(("named", "byte"), [("cp1250", b"\x98"), ("utf-8", b"\xef"), ("shift_jis", b"\x80")])
def test_a_byte_that_the_named_encoding_lacks_is_told_with_its_line(named: str, byte: bytes) -> None:
    """And its place in the file."""
    said = rf"f\.csv:3: the file must be in {named}, as --encoding says; byte 0x{byte.hex()} in this line \(byte 16 of the file\) is no character in it\. Name another encoding"
    with pytest.raises(ReadError, match=said):
        to_utf8(b"text,label\na,0\nn" + byte + b"ve,1\n", "f.csv", named)


def test_what_is_utf8_beyond_doubt_is_read_so_whatever_is_named(write: Write) -> None:
    """Also where two tables are read and one of them is UTF-8; it is said. A guess is said, too, and a name that fits needs no word."""
    czech = "text,label\nbaterie nevydrží ani den a displej je tmavý,a\nskvělý telefon za dobrou cenu,b\n"
    for encoding, named, found, note in (
        ("utf-8", "cp1250", "utf-8", "The file is utf-8, as its bytes say, and not cp1250."),
        ("utf-8-sig", "cp1250", "utf-8-sig", "The file is utf-8-sig, as its bytes say, and not cp1250."),
        ("utf-8-sig", "utf-8", "utf-8-sig", None),
        ("cp1250", "cp1250", "cp1250", None),
        ("cp1250", None, "cp1252", "Read as cp1252; name another with --encoding if letters look wrong."),
        ("utf-8", None, "utf-8", None),
    ):
        read = read_table(write("t.csv", czech, encoding), encoding=named)
        assert (read.findings.encoding, [line for line in read.findings.notes if "letters" in line or "bytes" in line]) == (found, [note] if note else [])
        assert (read.texts.texts[1] == "skvělý telefon za dobrou cenu") == (found != "cp1252")


def test_a_named_encoding_holds_for_folders_and_lines_and_not_for_addresses(write: Write, tmp_path: Path) -> None:
    """Wherever bytes become texts on this machine."""
    for label in ("a", "b"):
        write(f"all/{label}/1.txt", "Очень доволен", "koi8-r")
    assert read_table(tmp_path / "all", encoding="koi8-r").texts.texts == ["Очень доволен"] * 2
    assert read_texts(write("lines.txt", "Очень доволен\nУжасно\n", "koi8-r"), encoding="koi8-r").texts.texts == ["Очень доволен", "Ужасно"]
    with pytest.raises(ReadError, match=r"files at such an address are read as UTF-8 .*; got --encoding koi8-r"):
        read_table("hf://datasets/a/b", encoding="koi8-r")


def test_a_binary_file_is_no_text_in_any_encoding() -> None:
    """Latin-1 has a character for every byte."""
    with pytest.raises(ReadError, match=r"this is a binary file \(0\.4% of its bytes are control characters\)"):
        refuse_binary(b"text,label\n" + b"so good,1\n" * 100 + b"\0\0\0\0", "t.csv")
    with pytest.raises(ReadError, match="this is a binary file"):
        to_utf8(bytes(range(256)) * 4, "f", "latin-1")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (bytes(range(256)) * 4, "a binary file"),
        (b"%PDF-1.7 ...", "a PDF document"),
        (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
        (b"\x80\x04\x95\x10", "a Python pickle, which can run code and is never opened"),
        (b"\x80\x02" + bytes(6) + b'{"a": ' + bytes(9), "a binary file"),  # safetensors
        (b"SQLite format 3\x00", "an SQLite database"),
    ],
)
def test_binary_files_are_called_by_their_name(content: bytes, kind: str) -> None:
    """And what to give instead is said."""
    with pytest.raises(ReadError, match=rf"f: a table of texts is needed; this is {kind}.* Give a CSV"):
        to_utf8(content, "f")


def test_an_encoding_that_breaks_off() -> None:
    """An odd byte at the end of UTF-16."""
    with pytest.raises(ReadError, match="must be one encoding throughout; it begins as utf-16 and breaks at byte"):
        to_utf8("text\n".encode("utf-16") + b"\x00", "f")


@pytest.mark.parametrize("encoding", ["koi8-r", "cp1251", "iso8859-7"])
def test_another_script_among_much_english_is_not_latin(encoding: str) -> None:
    """Whole words of high bytes are no accents; read as Windows-1252 they would be rubbish without a word."""
    word = "αρνητικό" if encoding == "iso8859-7" else "очень"
    content = "".join(f"the phone is {word} good and the battery lasts for days,{number % 2}\n" for number in range(50))
    with pytest.raises(ReadError, match="the encoding is none of UTF-8, UTF-16, CP949 and Latin-1"):
        to_utf8(content.encode(encoding), "x.csv")
