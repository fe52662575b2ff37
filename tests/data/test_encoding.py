"""Encodings, found out: what proves itself, what is likely, and what is damaged UTF-8 rather than anything else."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fitserve.data.encoding import Guess, find_encoding
from fitserve.data.read import read_frame

FRENCH = "prénom,âge,métier\nRené,34,ingénieur à Orléans\nChloé,21,étudiante\n"
GERMAN = "Straße,Preis\nGroße Bleichen,5\nMühlenstraße,7\nÄußere Wiese,3\n"
CHINESE = "姓名,城市\n张三,北京\n李四,上海\n"
SEX = "name,sex\nA,男\nB,女\nC,男\n"
TAIWAN = "姓名,城市\n張三,臺北\n李四,高雄\n王五,新竹市東區\n"
JAPANESE = "名前,都市\n田中,東京\nさとう,おおさか\n"
RUSSIAN = "имя,город\nИван,Москва\nАнна,Санкт-Петербург\n"


def pieces(data: bytes, size: int) -> list[bytes]:
    return [data[i : i + size] for i in range(0, len(data), size)]


@pytest.mark.parametrize(
    ("text", "encoding", "found"),
    [
        ("a,b\n1,2\n", "ascii", "utf-8"),
        (CHINESE, "utf-8", "utf-8"),
        (FRENCH, "utf-8-sig", "utf-8"),
        (FRENCH, "utf-16", "utf-16"),
        (CHINESE, "utf-16", "utf-16"),
        (FRENCH, "utf-16-le", "utf-16-le"),
        (FRENCH, "utf-16-be", "utf-16-be"),
        (FRENCH, "latin-1", "cp1252"),
        (GERMAN, "latin-1", "cp1252"),
        ("name,price\n“Größe”,5 €\nÉlan,7 €\n", "cp1252", "cp1252"),
        ("a,y\n1,x\n2,café\n", "latin-1", "cp1252"),
        (CHINESE, "gbk", "gb18030"),
        (SEX, "gbk", "gb18030"),
        (TAIWAN, "big5", "big5"),
        (JAPANESE, "shift_jis", "cp932"),
        (RUSSIAN, "cp1251", "cp1251"),
    ],
)
@pytest.mark.parametrize("size", [7, 50, 1 << 20])
def test_an_encoding_is_found(text: str, encoding: str, found: str, size: int) -> None:
    data = (text.split("\n", 1)[0] + "\n" + text.split("\n", 1)[1] * 5).encode(encoding)
    assert find_encoding(pieces(data, max(size, 1 << 20 if "16" in encoding else 0))).encoding == found
    assert data.decode(found).removeprefix("\ufeff") == data.decode(encoding)


@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=200), size=st.integers(1, 40))
def test_what_is_utf8_is_never_taken_for_anything_else(text: str, size: int) -> None:
    data = text.replace("\0", "").removeprefix("\ufeff").encode()
    assert find_encoding(pieces(data, size)) == Guess("utf-8")


def test_damaged_utf8_is_not_taken_for_another_encoding() -> None:
    lines = [*CHINESE.encode().splitlines(), *GERMAN.encode().splitlines()]
    lines[-1] = "截断".encode()[:-1]
    assert find_encoding([b"\n".join(lines)]).encoding == "utf-8"


def test_the_bytes_that_tell_may_stand_far_behind() -> None:
    ascii_only = b"1,2\n" * 500_000
    assert find_encoding(pieces(b"a,b\n" + ascii_only + "3,Müller\n".encode("latin-1"), 1 << 16)).encoding == "cp1252"
    assert find_encoding(pieces(b"a,b\n" + ascii_only + CHINESE.encode("gbk"), 1 << 16)).encoding == "gb18030"


def test_a_guess_is_told_and_a_choice_is_not(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(FRENCH.encode("latin-1"))
    findings: list[str] = []
    assert read_frame(path, None, findings)["métier"].to_list() == ["ingénieur à Orléans", "étudiante"]
    told = "sure: it gives words such as 'prénom'"
    assert findings == [f"table.csv was read as cp1252, found out from its bytes ({told}); --encoding chooses another"]
    path.write_text(FRENCH, encoding="utf-8")
    findings.clear()
    read_frame(path, None, findings)
    assert findings == []
