"""Real dirty tables go in without an option and come out with the kinds that a person finds in them.

The kinds were written down by hand from the data. The tables are not part of the project.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from fitserve.data.reading.read import read_frame
from fitserve.data.understanding.kinds import infer_field
from fitserve.schema import Kind

TABLES = Path(__file__).parents[4] / "shared" / "data"
pytestmark = pytest.mark.skipif(not TABLES.is_dir(), reason="the tables are not here; they are no part of the project")

B, C, ID, K, N, T = Kind.BOOLEAN, Kind.CATEGORY, Kind.IDENTIFIER, Kind.CONSTANT, Kind.NUMBER, Kind.TEXT
# In the order of the columns: the films seen are a box each, ticked or empty; their ranks are numbers; opinions on
# fourteen characters have six levels; ages and incomes are ranges, which are levels and no numbers.
STAR_WARS = [ID, B, B, *[K] * 6, *[N] * 6, *[C] * 14, C, B, B, B, C, C, C, C, C]
POLICE = {"person": T, "dept": T, "eow": Kind.DATETIME, "cause": C}
MEDICAL = {"department": C, "title": T, "ask": T, "answer": T}
NUTRITION_ANSWERS = [
    "cancer", "diabetes", "heart_disease", "ever_smoked", "currently_smoke", "smoke_often", "smoke_rarely", "never_smoked",
    "quit_smoking", "left_hand", "right_hand", "readingMath",
]  # fmt: skip


def read(path: str) -> tuple[pl.DataFrame, list[Kind], list[str]]:
    found: list[str] = []
    frame = read_frame(TABLES / path, None, found)
    return frame, [infer_field(frame[name])[0].kind for name in frame.columns], found


def test_a_survey_with_two_header_lines_in_an_old_encoding() -> None:
    frame, kinds, found = read("starwars_survey/StarWars.csv.gz")
    assert frame.shape == (1186, 38)
    assert kinds == STAR_WARS
    assert frame.columns[15].endswith("Han Solo")
    assert any("encoding" in sentence for sentence in found)
    assert any("two lines" in sentence for sentence in found)


def test_dates_behind_a_label_and_a_weekday() -> None:
    frame, kinds, _ = read("police_deaths/all_data.csv.gz")
    assert frame.height == 22_800
    assert dict(zip(frame.columns, kinds, strict=True)) == POLICE
    profile = infer_field(frame["eow"])[0].profile["quantiles"]
    first = pl.Series([profile[0] * 1e6]).cast(pl.Int64).cast(pl.Datetime("us"))[0]
    assert f"{first:%Y-%m-%d}" == "1791-01-03"


def test_a_table_in_gbk() -> None:
    frame, kinds, found = read("zh_medical_qa/internal_medicine_gbk.csv.gz")
    assert frame.height == 7644
    assert dict(zip(frame.columns, kinds, strict=True)) == MEDICAL
    assert any("gb18030" in sentence for sentence in found)
    clean = pl.read_csv(TABLES / "zh_medical_qa" / "data_utf8.csv.gz")
    assert set(frame["department"]) == set(clean["department"])


def test_a_questionnaire_with_far_more_columns_than_rows() -> None:
    frame, kinds, _ = read("nutrition_wide/raw_anonymized_data.csv.gz")
    assert frame.shape == (54, 1093)
    by_name = dict(zip(frame.columns, kinds, strict=True))
    assert by_name["ID"] is ID
    assert by_name["belly"] is C
    assert all(by_name[name] is B for name in NUTRITION_ANSWERS)
    others = frame.columns[frame.columns.index("BREAKFASTSANDWICHFREQ") :]
    assert {by_name[name] for name in others} == {N, K}
