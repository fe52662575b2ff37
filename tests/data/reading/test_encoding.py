"""Encodings, found out: what proves itself, what is likely, and what is damaged UTF-8 rather than anything else."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fitserve.data.reading.encoding import Guess, find_encoding
from fitserve.data.reading.read import read_frame

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


# Some rows of ordinary tables, as people of these languages write them.
SAMPLES: dict[str, tuple[str, list[str]]] = {
    "French": ("René Lefèvre,Orléans,déménagé à l'été\nChloé Noël,Besançon,très satisfaite\nÉmile,Nîmes,aîné\n", ["cp1252", "mac_roman"]),
    "German": ("Jürgen Weiß,Köln,Straße gesperrt\nBärbel Groß,Düsseldorf,möchte zurückrufen\nÖzlem,Fürth,prüfen\n", ["cp1252", "mac_roman"]),
    "Spanish": ("José Núñez,Logroño,¿cuándo llegará?\nMaría Peña,Cádiz,mañana también\nÁngel,León,señal débil\n", ["cp1252", "mac_roman"]),
    "Portuguese": ("João Conceição,São Paulo,não há informação\nInês,Évora,reclamação já respondida\n", ["cp1252"]),
    "Swedish": ("Åsa Sjöberg,Malmö,få nätter på ön\nBjörn,Västerås,önskar återbetalning för två år\n", ["cp1252"]),
    "Danish": ("Søren Kjær,Århus,på færgen\nBjørg,Ærø,køber brød hos bageren i går\n", ["cp1252"]),
    "Polish": ("Łukasz Wójcik,Łódź,część zamówienia\nŻaneta Dąbrowska,Kraków,proszę o pomoc, są błędy\n", ["cp1250", "iso8859_2"]),
    "Czech": ("Jiří Dvořák,Plzeň,příští týden\nTomáš Růžička,Děčín,zboží dosud nepřišlo, žádám vrácení\n", ["cp1250", "iso8859_2"]),
    "Hungarian": ("Kovács Győző,Győr,köszönöm szépen\nSzűcs Örs,Pécs,jövő héten újra küldjük a csomagot, őszintén\n", ["cp1250"]),
    "Turkish": ("Ayşe Yıldız,İzmir,çok teşekkürler\nOğuz Çağlar,Şanlıurfa,ürün geç geldi, değiştirmek istiyorum\n", ["cp1254"]),
    "Lithuanian": ("Jonas Žukauskas,Šiauliai,ačiū už pagalbą\nRūta,Kėdainiai,negavau užsakymo, prašau grąžinti lėšų\n", ["cp1257"]),
    "Russian": ("Анна Петрова,Москва,товар пришёл вовремя\nИГОРЬ,Санкт-Петербург,не работает\n", ["cp1251", "koi8_r", "cp866"]),
    "Ukrainian": ("Олена Шевченко,Київ,дякую за допомогу\nАндрій,Львів,їхня відповідь була швидкою\n", ["cp1251"]),
    "Greek": ("Γιώργος Παπάς,Αθήνα,ευχαριστώ πολύ\nΜαρία,Θεσσαλονίκη,δεν ήρθε το δέμα\n", ["cp1253"]),
    "Hebrew": ("דוד כהן,ירושלים,תודה רבה\nשרה לוי,תל אביב,המוצר לא הגיע\n", ["cp1255"]),
    "Arabic": ("محمد علي,القاهرة,شكرا جزيلا\nفاطمة,الرياض,لم يصل الطلب حتى الآن\n", ["cp1256"]),
    "Thai": ("สมชาย ใจดี,กรุงเทพ,ขอบคุณมาก\nสุดา,เชียงใหม่,สินค้ายังไม่มาถึง\n", ["cp874"]),
    "Chinese": ("张三,北京,房间很干净，服务也好\n李四,上海,价格太贵，不会再来了\n", ["gb18030", "gbk"]),
    "traditional Chinese": ("張三,臺北,房間很乾淨，服務也好\n李四,高雄,價格太貴，不會再來了\n", ["big5", "gb18030"]),
    "Japanese": ("田中太郎,東京,とても良かったです\n佐藤花子,大阪,部屋が少し狭い\n", ["cp932", "euc_jp"]),
    "Korean": ("김철수,서울,방이 깨끗하고 친절해요\n이영희,부산,가격이 너무 비싸요\n", ["cp949"]),
}  # fmt: skip
CODED = [(language, encoding) for language, (_, encodings) in SAMPLES.items() for encoding in encodings]


@pytest.mark.parametrize(("language", "encoding"), CODED)
def test_texts_of_many_languages_are_read_as_they_were_written(language: str, encoding: str) -> None:
    rows = SAMPLES[language][0]
    for text in (
        "name,town,note\n" + rows,
        "name,town,note\r\n" + rows.replace("\n", "\r\n") * 40,
        "a,b\n" + "1,2\n" * 2_000 + rows,
        'note,id\n"' + rows * 20 + '",1\n',
        rows.replace("\n", " ").replace(",", " ") * 300,
    ):
        data = text.encode(encoding)
        for size in (7, 1 << 24):
            if size > 7 or len(data) < 2_000:
                guess = find_encoding(pieces(data, size))
                assert data.decode(guess.encoding, errors="replace") == text, guess
                assert guess.certainty.startswith(("sure", "likely")), guess


@pytest.mark.parametrize("shift", range(4))
@pytest.mark.parametrize("encoding", ["gb18030", "big5", "cp932", "cp949", "euc_jp"])
def test_no_cut_falls_into_a_character(encoding: str, shift: int) -> None:
    """One long line without anything to cut at, or many lines, of every length modulo that of a character."""
    text = {"cp932": "部屋が少し狭いとても良かった", "euc_jp": "部屋が少し狭いとても良かった",
            "cp949": "방이깨끗하고친절해요"}.get(encoding, "這是一個用來測試的句子中文標題")  # fmt: skip
    for content in ("x" * shift + text * 20_000, "".join(f"{'x' * shift}{text},{i % 2}\n" for i in range(6_000))):
        data = content.encode(encoding)
        for size in ((1 << 16) + 1, len(data)):
            assert data.decode(find_encoding(pieces(data, size)).encoding) == content


@pytest.mark.parametrize("seed", range(8))
def test_the_order_of_rows_decides_nothing(seed: int) -> None:
    lines = [
        f"{'这是一个用来测试编码识别的句子，中文标题'[: 1 + i % 20]},{'xy'[i % 2]}{'z' * (i % 3)}\n"
        for i in range(6000)
    ]
    random.Random(seed).shuffle(lines)
    data = ("text,label\n" + "".join(lines)).encode("gb18030")
    guess = find_encoding(pieces(data, 1 << 18))
    assert guess.encoding == "gb18030"
    assert guess.certainty.startswith("sure")


def test_a_few_signs_and_names_in_english_are_western() -> None:
    for text in (
        "it’s “good” — really…",
        "Beyoncé",
        "5 °C",
        "10–20 years",
        "price £5",
        "N°5",
        "Müller & Söhne",
        "Côte d'Ivoire",
    ):
        data = ("id,text\n" + "1,plain words\n" * 500 + f"2,{text}\n").encode("cp1252")
        assert data.decode(find_encoding([data]).encoding) == data.decode("cp1252"), text


def test_a_doubt_shows_both_readings() -> None:
    guess = find_encoding(["name,town\nIoniță,Iași\n".replace("ț", "ţ").replace("ș", "ş").encode("cp1250")])
    assert guess.certainty.startswith("in doubt: '")
    assert " would be '" in guess.sentence("t.csv")
    assert guess.sentence("t.csv").endswith("; --encoding chooses another")


def test_a_guess_is_told_and_a_choice_is_not(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(FRENCH.encode("latin-1"))
    findings: list[str] = []
    assert read_frame(path, None, findings)["métier"].to_list() == ["ingénieur à Orléans", "étudiante"]
    note = "sure: it gives words such as 'prénom'"
    assert findings == [f"table.csv was read as cp1252, found out from its bytes ({note}); --encoding chooses another"]
    path.write_text(FRENCH, encoding="utf-8")
    findings.clear()
    read_frame(path, None, findings)
    assert findings == []
