"""One reading for every way in: what a file is read as, and what is told of it, is what the service does and says."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import fitserve
from fitserve.data.reading.read import ReadOptions
from fitserve.errors import DataError
from fitserve.evaluation.bulk import predict_file
from fitserve.evaluation.compare import compare_models
from fitserve.evaluation.evaluate import evaluate_model
from fitserve.prediction import Predictor
from fitserve.prediction.named import Named

N = 240
DAYS = [dt.date(2022, 1, 1) + dt.timedelta(days=i * 7 % 365) for i in range(N)]
SPELLED = {"iso": "%Y-%m-%d", "day first": "%d/%m/%Y", "month first": "%m/%d/%Y"}


def season(spelling: str, days: list[dt.date] = DAYS) -> pl.DataFrame:
    due = [day.strftime(SPELLED[spelling]) for day in days]
    return pl.DataFrame({"due": due, "hot": ["yes" if 6 <= day.month <= 8 else "no" for day in days]})


@pytest.fixture(scope="module")
def seasons(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Predictor]:
    folder = tmp_path_factory.mktemp("seasons")
    options: dict[str, Any] = {"budget": 20, "shuffle": True, "workspace": folder, "learners": ["tree"]}
    return {
        name: fitserve.train(season(name), "hot", name=name.replace(" ", "-"), **options).predictor()
        for name in ("iso", "day first")
    }


@pytest.mark.parametrize("learned", ["iso", "day first"])
@pytest.mark.parametrize("later", SPELLED)
def test_a_file_decides_as_a_whole_what_comes_first_in_its_dates(
    seasons: dict[str, Predictor], tmp_path: Path, learned: str, later: str
) -> None:
    season(later).write_csv(tmp_path / "later.csv")
    result = evaluate_model(seasons[learned], tmp_path / "later.csv")
    assert result.scores["accuracy"] == 1.0
    notes = [finding for finding in result.findings if "'due'" in finding]
    assert bool(notes) is (later not in ("iso", learned))
    assert not notes or later.replace(" first", " first") in notes[0]
    scored = predict_file(seasons[learned], tmp_path / "later.csv", tmp_path / "out.csv")
    assert pl.read_csv(tmp_path / "out.csv")["prediction"].to_list() == season(later)["hot"].to_list()
    assert [finding for finding in scored.findings if "'due'" in finding] == notes


def test_of_two_models_each_reads_a_file_by_itself(seasons: dict[str, Predictor]) -> None:
    same = compare_models(Named("a", 1, seasons["day first"]), Named("b", 1, seasons["iso"]), season("day first"))
    assert same.scores["accuracy"]["a"] == same.scores["accuracy"]["b"] == 1.0


def test_dates_are_outside_the_range_as_they_are_read(tmp_path: Path) -> None:
    """12 January, month first: as training learned it would be 1 December, which it had not."""
    winter = [dt.date(2022, 1, 1) + dt.timedelta(days=i % 90) for i in range(N)]
    rows = season("day first", winter).with_columns(hot=pl.Series(["yes", "no"] * (N // 2)))
    run = fitserve.train(
        rows, "hot", learners=["tree"], budget=20, workspace=tmp_path, kinds={"due": "datetime"}, shuffle=True
    )
    later = season("month first", [dt.date(2022, 1, 12), dt.date(2022, 1, 31)])
    later.write_csv(tmp_path / "later.csv")
    scored = predict_file(run.predictor(), tmp_path / "later.csv", tmp_path / "out.csv")
    assert not scored.problems
    assert any("month first, unlike in training" in finding for finding in scored.findings)


def test_columns_of_one_name_in_a_frame_are_told(label: Predictor, rows: pl.DataFrame) -> None:
    frame = pd.DataFrame(rows.select("label", "size", "town").to_dict(as_series=False))[
        ["label", "size", "town", "size"]
    ]
    assert any("2 columns named 'size'" in finding for finding in evaluate_model(label, frame).findings)


def test_a_file_of_many_batches_decides_as_a_whole(
    seasons: dict[str, Predictor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unclear = [day for day in DAYS if day.day <= 12]
    days = unclear * 400 + [dt.date(2022, 1, 31)]  # the last row alone tells
    season("month first", days).write_csv(tmp_path / "later.csv")
    monkeypatch.setenv("FITSERVE_MEMORY_LIMIT", "200000")
    assert evaluate_model(seasons["iso"], tmp_path / "later.csv").scores["accuracy"] == 1.0


def test_dates_that_do_not_tell_are_a_doubt(seasons: dict[str, Predictor], tmp_path: Path) -> None:
    season("month first", [day for day in DAYS if day.day <= 12]).write_csv(tmp_path / "later.csv")
    scored = predict_file(seasons["iso"], tmp_path / "later.csv", tmp_path / "out.csv")
    assert any("no date shows what comes first" in finding for finding in scored.findings)
    codes = {
        learned: [
            [problem.code for problem in seasons[learned].answer({"due": text})[1]]
            for text in ("2022-07-08", "07/08/2022", "31/07/2022", "07/31/2022", "07/07/2022")
        ]
        for learned in seasons
    }
    assert codes["iso"] == [[], ["ambiguous_date"], [], [], []]
    assert codes["day first"] == [[], [], [], ["ambiguous_date"], []]
    with pytest.warns(UserWarning, match="all are read with the month first"):
        assert [a["prediction"] for a in seasons["iso"].predict(season("month first").drop("hot"))] == season("iso")[
            "hot"
        ].to_list()


def test_a_spelling_that_the_user_names_holds_for_the_split_too(tmp_path: Path) -> None:
    days = [dt.date(2022, 1, 1) + dt.timedelta(days=i) for i in range(12 * 28)]
    days = [day for day in days if day.day <= 12]
    rng = np.random.default_rng(0)
    table = pl.DataFrame({"d": [day.strftime("%d/%m/%Y") for day in days], "x": rng.normal(size=len(days))})
    order = rng.permutation(len(days))
    table = table.with_columns(y=pl.col("x") * 2)[order]
    run = fitserve.train(
        table,
        "y",
        learners=["ridge"],
        time="d",
        spellings={"d": "day-first"},
        budget=20,
        workspace=tmp_path,
        refit=False,
    )
    n = run.manifest.evaluation["rows"]
    step = next(step for step in run.manifest.steps if step["field"] == "d")
    assert step["day_first"] is True
    last_trained = dt.datetime.fromtimestamp(step["high"], dt.UTC).date()
    assert sum(day > last_trained for day in days) == n  # the test part is what comes later, day first


ODD: dict[str, st.SearchStrategy[Any]] = {
    "n": st.one_of(st.none(), st.floats(), st.integers(-5, 500), st.sampled_from(["7", "x", "inf", "NA", " 3 "])),
    "c": st.one_of(st.none(), st.sampled_from(["a", "b", "new", "NA", "-", 1])),
    "b": st.one_of(st.none(), st.sampled_from(["yes", "no", "perhaps"])),
    "d": st.one_of(st.none(), st.sampled_from(["2022-01-05", "2030-01-01", "31/12/2022", "soon"])),
    "t": st.one_of(st.none(), st.sampled_from(["a red house", "", "nothing known"])),
}


@pytest.fixture(scope="module")
def every_kind(tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    rng = np.random.default_rng(0)
    words = np.array(["red", "blue", "house", "car", "big", "small"])
    table = pl.DataFrame({
        "n": rng.integers(0, 100, N), "c": rng.choice(["a", "b"], N), "b": rng.choice(["yes", "no"], N),
        "d": [str(day) for day in DAYS], "t": [" ".join(rng.choice(words, 4)) for _ in range(N)], "y": rng.normal(size=N),
    })  # fmt: skip
    folder = tmp_path_factory.mktemp("every")
    return fitserve.train(
        table, "y", learners=["ridge"], budget=20, shuffle=True, kinds={"t": "text"}, workspace=folder
    ).predictor()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.fixed_dictionaries(ODD), min_size=1, max_size=8))
def test_a_file_has_the_problems_of_its_rows(every_kind: Predictor, tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    frame = pl.DataFrame(rows, schema={"n": pl.Object, "c": pl.Object, "b": pl.Object, "d": pl.Object, "t": pl.Object})
    texts = frame.select(
        pl.Series(name, [None if value is None else str(value) for value in frame[name].to_list()], pl.String)
        for name in frame.columns
    )
    texts.write_parquet(tmp_path / "in.parquet")
    scored = predict_file(every_kind, tmp_path / "in.parquet", tmp_path / "out.parquet")
    expected: Counter[tuple[str, str]] = Counter()
    for row in texts.to_dicts():
        for problem in every_kind.answer(row)[1]:
            if problem.code not in ("coerced", "ambiguous_date"):  # a file's dates are read as a whole
                expected[problem.field, problem.code] += 1
    assert {key: n for key, n in scored.problems.items() if key[1] != "ambiguous_date"} == dict(expected)


def test_typed_columns_have_the_problems_of_their_rows(every_kind: Predictor, tmp_path: Path) -> None:
    frame = pl.DataFrame({
        "n": [None, float("nan"), float("inf"), 5.0, 1e6], "c": [None, "a", "zz", "b", "a"],
        "b": [True, None, False, True, True], "d": [dt.date(2022, 1, 5), None, dt.date(2050, 1, 1), None, dt.date(2022, 2, 2)],
        "t": ["a", None, "b", "c", "d"],
    })  # fmt: skip
    frame.write_parquet(tmp_path / "in.parquet")
    scored = predict_file(every_kind, tmp_path / "in.parquet", tmp_path / "out.parquet")
    expected: Counter[tuple[str, str]] = Counter()
    for row in frame.to_dicts():
        expected.update((p.field, p.code) for p in every_kind.answer(row)[1] if p.code != "coerced")
    assert scored.problems == expected


def test_a_table_without_any_column_of_the_model_is_refused_with_the_names_that_may_be_meant(
    label: Predictor, rows: pl.DataFrame
) -> None:
    other = rows.select("label", u="size", v="town")
    with pytest.raises(DataError, match=r"has none of the model's columns \(size, town\); predict another one"):
        evaluate_model(label, other)
    upper = rows.select("label", Size="size", Town="town")
    with pytest.raises(DataError, match="rename its columns: 'size' for 'Size', 'town' for 'Town'"):
        evaluate_model(label, upper)
    half = evaluate_model(label, rows.select("label", "size", TOWN="town"))
    assert "column 'town' is not in the file; its values count as missing; is 'TOWN' meant?" in half.findings


def test_levels_that_training_never_saw_are_told(label: Predictor, rows: pl.DataFrame) -> None:
    odd = rows.with_columns(town=pl.Series(["Rome"] * 60 + rows["town"].to_list()[60:]))
    assert evaluate_model(label, odd).problems["town", "unseen_category"] == 60


CHINESE = [
    "这家酒店的服务非常好",
    "房间很干净下次还会再来",
    "位置不错早餐一般",
    "前台态度很差不会再住",
    "价格便宜性价比高",
]


def test_texts_unlike_those_of_the_training_are_told(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    texts = ["，".join(rng.choice(CHINESE, 2)) for _ in range(N)]
    table = pl.DataFrame({"text": texts, "good": ["是" if "好" in text else "非" for text in texts]})
    run = fitserve.train(
        table, "good", name="m", learners=["logistic"], budget=20, kinds={"text": "text"}, workspace=tmp_path
    )
    model = run.predictor()
    (tmp_path / "right.csv").write_bytes(table.write_csv().encode("gb18030"))
    right = evaluate_model(model, tmp_path / "right.csv", ReadOptions(encoding="gb18030"))
    assert not [finding for finding in right.findings if "look nothing like" in finding]
    english = pl.Series([f"the hotel was fine, number {i} of many others" for i in range(N)])
    for note in (
        evaluate_model(model, table.with_columns(good=pl.lit("是"), text=english)),
        predict_file(model, tmp_path / "right.csv", tmp_path / "out.csv", ReadOptions(encoding="latin-1")),
    ):
        [finding] = [each for each in note.findings if "'text' look nothing like those of the training" in each]
        assert "in training they were Chinese (100 %)" in finding
        assert "the model knows 0 % of their words" in finding
