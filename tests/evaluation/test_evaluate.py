"""Scores on new rows: of which rows, with which truth."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import fitserve
from fitserve.errors import DataError, NotFoundError
from fitserve.evaluation.evaluate import evaluate_model
from fitserve.metrics import classification_scores, regression_scores
from fitserve.prediction import Predictor


def test_scores_are_those_of_the_answers(price: Predictor, label: Predictor, rows: pl.DataFrame) -> None:
    features = rows.select("size", "town").to_dicts()
    found = np.array([answer["prediction"] for answer in price.predict(features)])
    assert evaluate_model(price, rows).scores == pytest.approx(regression_scores(rows["price"].to_numpy(), found))
    chances = np.array([list(answer["probabilities"].values()) for answer in label.predict(features)])
    truth = (rows["label"] == "yes").to_numpy().astype(np.int64)
    assert evaluate_model(label, rows).scores == pytest.approx(classification_scores(truth, chances, 1))


def test_any_form_of_a_table_gives_the_same_scores(tmp_path: Path, workspace: Path, rows: pl.DataFrame) -> None:
    rows.write_parquet(tmp_path / "rows.parquet")
    rows.write_csv(tmp_path / "rows.csv")
    (tmp_path / "packed").write_bytes(gzip.compress((tmp_path / "rows.csv").read_bytes()))
    sources = [
        rows, rows.lazy(), pa.table(rows.to_dict(as_series=False)), pd.DataFrame(rows.to_dict(as_series=False)),
        tmp_path / "rows.parquet", str(tmp_path / "rows.csv"), tmp_path / "packed",
    ]  # fmt: skip
    for model in ("label", "price", "price:1", "price:champion"):
        first, *others = [fitserve.evaluate(model, source, workspace=workspace) for source in sources]
        assert first.rows == rows.height
        assert others == [first] * len(others)


def test_a_file_larger_than_memory_is_scored_in_batches(
    tmp_path: Path, label: Predictor, rows: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = pl.concat([rows] * 500)
    many.write_csv(tmp_path / "rows.csv")
    many.write_parquet(tmp_path / "rows.parquet", row_group_size=10_000)
    whole = evaluate_model(label, many)
    monkeypatch.setenv("FITSERVE_MEMORY_LIMIT", "100000")
    for name in ("rows.csv", "rows.parquet"):
        assert evaluate_model(label, tmp_path / name) == whole


def test_rows_without_a_target_are_left_out_and_counted(label: Predictor, price: Predictor, rows: pl.DataFrame) -> None:
    gaps = [None, "NA", " ", "?", "null"]
    labels = pl.Series("label", [*gaps, *rows["label"].to_list()[5:]])
    evaluation = evaluate_model(label, rows.with_columns(labels))
    assert (evaluation.rows, evaluation.without_target, evaluation.unknown_labels) == (rows.height - 5, 5, 0)
    assert evaluation.scores == evaluate_model(label, rows[5:]).scores
    prices = pl.Series("price", [*gaps, *map(str, rows["price"].to_list()[5:])])
    evaluation = evaluate_model(price, rows.with_columns(prices))
    assert (evaluation.rows, evaluation.without_target) == (rows.height - 5, 5)
    assert evaluation.scores == evaluate_model(price, rows[5:]).scores


def test_a_label_that_training_never_saw_counts_as_wrong(label: Predictor, rows: pl.DataFrame) -> None:
    known = evaluate_model(label, rows)
    labels = pl.Series("label", ["perhaps"] * 12 + rows["label"].to_list()[12:])
    evaluation = evaluate_model(label, rows.with_columns(labels))
    assert (evaluation.rows, evaluation.unknown_labels) == (rows.height, 12)
    assert evaluation.scores["accuracy"] is not None
    assert known.scores["accuracy"] is not None
    assert evaluation.scores["accuracy"] <= 1 - 12 / rows.height
    assert evaluation.scores["accuracy"] < known.scores["accuracy"]


def test_missing_columns_are_told(label: Predictor, rows: pl.DataFrame) -> None:
    evaluation = evaluate_model(label, rows.drop("town"))
    assert evaluation.missing_columns == ["town"]
    blank = rows.with_columns(town=pl.lit(None, dtype=pl.String))
    assert evaluation.scores == evaluate_model(label, blank).scores


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (pl.col("label").alias("labels"), "lacks the target: there is no column 'label'; did you mean 'labels'"),
        (pl.lit(None).alias("label"), "all values of the target 'label' are missing; give rows with their truth"),
        (pl.lit("NA").alias("label"), "all values of the target 'label' are missing"),
        (pl.lit("maybe").alias("label"), r"no value of the target 'label' is one that the model knows \(no, yes\)"),
        (pl.lit(1).alias("label"), "no value of the target 'label' is one that the model knows"),
    ],
)
def test_a_table_without_truth_is_refused(label: Predictor, rows: pl.DataFrame, change: pl.Expr, words: str) -> None:
    with pytest.raises(DataError, match=words):
        evaluate_model(
            label, rows.select("size", "town", change, pl.col("label").alias("price")).rename({"price": "p"})
        )


def test_a_missing_model_or_file_is_refused(workspace: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="there is no model 'prices': did you mean 'price'"):
        fitserve.evaluate("prices", {"price": [1]}, workspace=workspace)
    with pytest.raises(NotFoundError, match="has no version '7'"):
        fitserve.evaluate("price:7", {"price": [1]}, workspace=workspace)
    with pytest.raises(NotFoundError, match="there is no file"):
        fitserve.evaluate("price", tmp_path / "x.csv", workspace=workspace)
