"""Encodings: each is recognised, none is guessed at."""

from __future__ import annotations

import pytest
from data_tables import Write

from ringsmith.data.encoding import to_utf8
from ringsmith.data.read import read_table
from ringsmith.errors import ReadError

KOREAN = "document\tlabel\n" + "사극은 역시 KBS!!! 나 두번째 인가\t1\n너무 재미없었다 그래서 보는것을 추천하지 않는다\t0\n" * 3
FRENCH = "texte;catégorie\n" + "Très bon café, à goûter “vite”\tou pas;bon\nPas à mon goût;mauvais\n".replace("\t", " ") * 3


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
    ],
)
def test_other_encodings_are_refused_with_the_command_that_converts(text: str, encoding: str) -> None:
    """A guess would turn every text into rubbish; so would a command with the wrong name in it: the likeliest comes first."""
    said = rf"the encoding is none of UTF-8, UTF-16, CP949 and Latin-1\. It may be {encoding}.*\(a spreadsheet calls it 'CSV UTF-8'\), or: iconv -f {encoding.upper()} -t UTF-8"
    with pytest.raises(ReadError, match=said):
        to_utf8(f"text\n{text}\n".encode(encoding) * 20, "f.csv")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (bytes(range(256)) * 4, "a binary file"),
        (b"%PDF-1.7 ...", "a PDF document"),
        (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
        (b"\x80\x04\x95\x10", "a Python pickle, which can run code and is never opened"),
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
