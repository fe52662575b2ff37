"""Whole files: every row answered as it would be alone, and the output there only when it is whole."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from fitserve.data.reading.read import ReadOptions
from fitserve.errors import DataError, NotFoundError, SpecError
from fitserve.evaluation.bulk import predict_file
from fitserve.prediction import Predictor

FORMATS = ["in.csv", "in.csv.gz", "in.parquet"]


def written(frame: pl.DataFrame, path: Path) -> Path:
    if path.suffix == ".parquet":
        frame.write_parquet(path)
    elif path.suffix == ".gz":
        path.write_bytes(gzip.compress(frame.write_csv().encode()))
    else:
        frame.write_csv(path)
    return path


def result(path: Path) -> pl.DataFrame:
    return pl.read_parquet(path) if path.suffix == ".parquet" else pl.read_csv(path)


@pytest.mark.parametrize("source", FORMATS)
@pytest.mark.parametrize("output", ["out.csv", "out.parquet"])
def test_every_row_gets_the_answer_that_it_gets_alone(
    tmp_path: Path, label: Predictor, rows: pl.DataFrame, source: str, output: str
) -> None:
    scored = predict_file(label, written(rows, tmp_path / source), tmp_path / output)
    assert (scored.rows, scored.missing_columns) == (rows.height, [])
    found = result(tmp_path / output)
    assert found.columns == [*rows.columns, "prediction", "probability_no", "probability_yes"]
    assert found["town"].to_list() == rows["town"].to_list()
    for row, answer in zip(rows.iter_rows(named=True), found.iter_rows(named=True), strict=True):
        alone = label.predict({"size": row["size"], "town": row["town"]})
        assert answer["prediction"] == alone["prediction"]
        assert {name: answer[f"probability_{name}"] for name in ("no", "yes")} == alone["probabilities"]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([source, output])


def test_a_number_is_predicted_in_its_own_unit(tmp_path: Path, price: Predictor, rows: pl.DataFrame) -> None:
    predict_file(price, written(rows, tmp_path / "in.csv"), tmp_path / "out.parquet", alone=True)
    found = result(tmp_path / "out.parquet")
    assert found.columns == ["prediction"]
    assert found["prediction"].to_list() == [
        price.predict({"size": row["size"], "town": row["town"]})["prediction"] for row in rows.iter_rows(named=True)
    ]


def test_a_column_of_the_input_is_never_replaced(tmp_path: Path, label: Predictor, rows: pl.DataFrame) -> None:
    mine = rows.with_columns(prediction=pl.lit("mine"), probability_no=pl.Series(range(rows.height)))
    scored = predict_file(label, written(mine, tmp_path / "once.csv"), tmp_path / "twice.csv")
    assert scored.columns == ["prediction_2", "probability_no_2", "probability_yes_2"]
    assert any("'prediction', 'probability_no' already, which stays" in finding for finding in scored.findings)
    found = result(tmp_path / "twice.csv")
    assert found.columns == [*mine.columns, *scored.columns]
    assert found["prediction"].to_list() == ["mine"] * rows.height
    assert found["prediction_2"].to_list() == [label.predict(row)["prediction"] for row in rows.to_dicts()]
    predict_file(label, tmp_path / "twice.csv", tmp_path / "twice.csv")  # over its own input
    assert result(tmp_path / "twice.csv").columns[-3:] == ["prediction_3", "probability_no_3", "probability_yes_3"]
    assert predict_file(label, tmp_path / "twice.csv", tmp_path / "alone.csv", alone=True).columns[0] == "prediction"
    before = (tmp_path / "twice.csv").read_bytes()
    with pytest.raises(SpecError, match="is a file that is read; without its columns the rows would be lost"):
        predict_file(label, tmp_path / "t*.csv", tmp_path / "twice.csv", alone=True)
    assert (tmp_path / "twice.csv").read_bytes() == before


def test_missing_columns_are_told_and_count_as_missing(tmp_path: Path, label: Predictor, rows: pl.DataFrame) -> None:
    scored = predict_file(label, written(rows.select("size"), tmp_path / "in.csv"), tmp_path / "out.csv")
    assert scored.missing_columns == ["town"]
    expected = [label.predict({"size": size})["prediction"] for size in rows["size"]]
    assert result(tmp_path / "out.csv")["prediction"].to_list() == expected


def test_a_file_without_a_header_is_predicted(tmp_path: Path, workspace: Path) -> None:
    import fitserve

    table = pl.DataFrame({"column_1": [x * x for x in range(40)], "column_2": [x * x * 2.0 for x in range(40)]})
    predictor = fitserve.train(
        table, "column_2", name="numbered", learners=["ridge"], task="regression", workspace=workspace
    ).predictor()
    table.write_csv(tmp_path / "in.csv", include_header=False)
    scored = predict_file(predictor, tmp_path / "in.csv", tmp_path / "out.csv", ReadOptions(header=False))
    assert scored.rows == 40
    assert result(tmp_path / "out.csv").columns == ["column_1", "column_2", "prediction"]


@pytest.mark.parametrize(
    ("files", "kind", "words"),
    [
        (("in.csv", "out.txt"), SpecError, "must end in .csv or .parquet; choose another output"),
        (("in.csv", "nowhere/out.csv"), SpecError, "there is no folder .*nowhere; make it or choose another"),
        (("in.csv", "folder.csv"), SpecError, "folder.csv is a folder; choose another output"),
        (("inn.csv", "out.csv"), NotFoundError, "there is no file .*; did you mean .*in.csv"),
        (("other.csv", "out.csv"), DataError, r"has none of the model's columns \(size, town\); predict another one"),
        (("header.csv", "out.csv"), DataError, "has a header but no rows"),
        (("empty.csv", "out.csv"), DataError, "is empty"),
        (("late.csv", "out.csv"), DataError, "line 150002 has 3 fields, the header 2"),
        (("late.csv", "out.parquet"), DataError, "line 150002 has 3 fields, the header 2"),
        (("in.csv", "old.csv/out.csv"), SpecError, "there is no folder"),
    ],
)
def test_nothing_is_written_when_something_is_wrong(
    tmp_path: Path, label: Predictor, rows: pl.DataFrame, monkeypatch: pytest.MonkeyPatch,
    files: tuple[str, str], kind: type[Exception], words: str,
) -> None:  # fmt: skip
    monkeypatch.setenv("FITSERVE_MEMORY_LIMIT", "1000000")  # small batches: the damage comes late
    written(rows, tmp_path / "in.csv")
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "empty.csv").touch()
    (tmp_path / "header.csv").write_text("size,town\n")
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    (tmp_path / "late.csv").write_text("size,town\n" + "50,Ulm\n" * 150_000 + "50,Ulm,1\n")
    for name in ("out.csv", "out.parquet", "old.csv"):
        (tmp_path / name).write_bytes(b"what was there before")
    before = {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    with pytest.raises(kind, match=words) as caught:
        predict_file(label, tmp_path / files[0], tmp_path / files[1])
    assert "\n" not in str(caught.value)
    assert {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before


def test_lists_in_a_parquet_file_do_not_fit_into_csv(tmp_path: Path, label: Predictor, rows: pl.DataFrame) -> None:
    source = written(rows.with_columns(pl.concat_list("size").alias("list")), tmp_path / "in.parquet")
    predict_file(label, source, tmp_path / "out.parquet")
    assert result(tmp_path / "out.parquet")["list"].to_list() == [[size] for size in rows["size"]]
    with pytest.raises(DataError, match=r"cannot be written: .*nested.*; choose the other format"):
        predict_file(label, source, tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize("source", FORMATS)
def test_a_file_larger_than_memory_is_predicted_in_batches(
    tmp_path: Path, label: Predictor, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    n = 120_000
    frame = pl.DataFrame({"size": [i % 180 + 20 for i in range(n)], "town": ["Ulm", "Bonn", None] * (n // 3)})
    path = written(frame, tmp_path / source)
    predict_file(label, path, tmp_path / "whole.csv")
    monkeypatch.setenv("FITSERVE_MEMORY_LIMIT", "500000")
    assert predict_file(label, path, tmp_path / "batches.csv").rows == n
    assert (tmp_path / "batches.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


PEAK = """
import sys
from pathlib import Path
from fitserve import load
from fitserve.evaluation.bulk import predict_file
scored = predict_file(load("label", workspace=sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
lines = Path("/proc/self/status").read_text().splitlines()
print(scored.rows, *[line.split()[1] for line in lines if line.startswith("VmHWM")])
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(tmp_path: Path, workspace: Path) -> None:
    line = b"50,Ulm," + b"words that nobody reads but everybody carries along " * 5 + b"\n"

    def peak(n: int) -> int:
        text = b"size,town,note\n" + line * n
        path = tmp_path / "in.csv.gz"
        path.write_bytes(gzip.compress(text, compresslevel=1))
        command = [sys.executable, "-c", PEAK, str(workspace), str(path), str(tmp_path / "out.csv")]
        limited = {**os.environ, "FITSERVE_MEMORY_LIMIT": "4000000"}
        done = subprocess.run(command, env=limited, capture_output=True, text=True, check=True)
        rows, kilobytes = map(int, done.stdout.split())
        assert rows == n
        return kilobytes << 10

    many = 300_000
    # Less than the bytes of the file alone, which the table would take several times.
    assert peak(many) - peak(1000) < many * len(line)
