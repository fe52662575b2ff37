"""The predictor: every way in gives the same answer, and a bundle that answers otherwise is refused."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import fitserve
from fitserve.bundle.folder import open_bundle, write_bundle
from fitserve.errors import BundleError, DataError, InputError, NotFoundError
from fitserve.prediction import Predictor, load
from fitserve.training.run import Run


def table(n: int) -> pl.DataFrame:
    rng = np.random.default_rng(3)
    income, job = (
        rng.normal(3000, 900, n).round(2),
        rng.choice(np.array(["cook", "clerk", None], dtype=object), n).tolist(),
    )
    since = pl.Series(rng.integers(0, 20_000, n)).cast(pl.Date)
    said = [" ".join(rng.choice(["late", "paid", "again", "never", "逾期", "还款"], 3)) for _ in range(n)]
    good = (income > 2800) | (np.array(["paid" in text for text in said]))
    return pl.DataFrame(
        {"income": income, "job": job, "since": since, "member": rng.random(n) > 0.5, "said": said,
         "good": np.where(good, "yes", "no")}
    )  # fmt: skip


@pytest.fixture(scope="module", params=["lightgbm", "logistic", "forest"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Run:
    workspace = tmp_path_factory.mktemp("workspace")
    return fitserve.train(table(300), "good", name="credit", learners=[request.param], workspace=workspace, budget=20.0)


@pytest.fixture(scope="module")
def predictor(run: Run) -> Predictor:
    return run.predictor()


def json_rows(frame: pl.DataFrame) -> list[dict[str, Any]]:
    return [{k: str(v) if k == "since" else v for k, v in row.items()} for row in frame.to_dicts()]


def test_rows_batches_and_frames_of_any_library_get_the_same_answers(predictor: Predictor) -> None:
    frame = table(120).drop("good")
    rows = json_rows(frame)
    expected = [predictor.predict(row) for row in rows]
    assert predictor.predict(rows) == expected
    assert predictor.predict(frame) == expected
    assert predictor.predict(pa.table(frame.to_dict(as_series=False))) == expected
    pandas = pd.DataFrame(frame.to_dict(as_series=False))
    assert predictor.predict(pandas) == expected
    assert predictor.predict(pandas.assign(since=pd.to_datetime(pandas["since"]))) == expected


@pytest.mark.slow
def test_threads_do_not_disturb_each_other(predictor: Predictor) -> None:
    rows = json_rows(table(200).drop("good"))
    expected = [predictor.predict(row) for row in rows]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(predictor.predict, rows * 5)) == expected * 5


def test_no_rows_no_answers(predictor: Predictor) -> None:
    assert predictor.predict([]) == []
    assert predictor.predict(table(5).drop("good").clear()) == []


def test_a_series_is_a_row_and_other_things_are_none(predictor: Predictor) -> None:
    frame = pd.DataFrame({"income": [3000.5, 1000.0], "job": ["cook", "clerk"], "said": ["paid again", "late"]})
    assert predictor.predict(frame.iloc[0]) == predictor.predict(frame.iloc[0].to_dict())
    for wrong in ([1, 2], ["income"], "income", 5, [None], [("income", 1)]):
        with pytest.raises(DataError, match="a row is a mapping from field to value, not "):
            predictor.predict(wrong)
    for other in (pd.DataFrame({"x": [1]}), pl.DataFrame({"x": [1]}), pa.table({"x": [1]})):
        with pytest.raises(DataError, match=r"has none of the model's columns \(income, job, .*; predict another one"):
            predictor.predict(other)


def test_values_that_cannot_be_used_are_all_named(predictor: Predictor) -> None:
    with pytest.raises(InputError) as caught:
        predictor.predict([{"income": 1.0}, {"income": "much", "job": [], "since": "soon", "member": 7, "said": {}}])
    problems = caught.value.problems
    assert {problem.field for problem in problems} == {"income", "job", "since", "member", "said"}
    assert {problem.row for problem in problems} == {1}


def test_a_row_without_any_known_field_is_no_row(predictor: Predictor) -> None:
    for rows, where in (({}, ""), ({"incme": 1.0, "x": 2}, ""), ([{"income": 1.0}, {}], "row 1, ")):
        with pytest.raises(InputError, match=f"^{where}none of the model's fields was sent; it reads income, job, "):
            predictor.predict(rows)
    assert predictor.predict({"income": None}) is not None
    assert predictor.predict({"good": "yes", "job": "cook"}) is not None


def test_a_model_is_loaded_by_name_version_and_alias(run: Run) -> None:
    workspace = run.folder.parents[1]
    row = table(1).drop("good").to_dicts()[0]
    expected = run.predictor().predict(row)
    for version in (None, 1, "1", "champion"):
        assert fitserve.load("credit", version, workspace=workspace).predict(row) == expected
    with pytest.raises(NotFoundError, match="credit"):
        fitserve.load("credti", workspace=workspace)
    with pytest.raises(NotFoundError):
        fitserve.load("credit", 2, workspace=workspace)


def test_a_bundle_that_answers_otherwise_than_recorded_is_refused(run: Run, tmp_path: Path) -> None:
    bundle = open_bundle(run.folder)
    members = {name: bundle.read(name) for name in bundle.manifest.members}
    examples = orjson.loads(members["examples.json"])
    shares = examples["answers"][0]["probabilities"]
    shares["yes"], shares["no"] = shares["no"] + 0.01, shares["yes"] - 0.01
    members["examples.json"] = orjson.dumps(examples)
    write_bundle(tmp_path, bundle.manifest, members)
    with pytest.raises(BundleError, match="example 0 answers"):
        load(tmp_path)
    assert load(tmp_path, replay=False).predict(examples["rows"][0]) is not None


@pytest.mark.parametrize("name", ["steps", "graphs", "answer", "fields"])
@pytest.mark.parametrize("wrong", [[], {}, [{"step": "none"}], {"a": 1}], ids=str)
def test_a_manifest_that_makes_no_sense_is_refused(run: Run, tmp_path: Path, name: str, wrong: object) -> None:
    bundle = open_bundle(run.folder)
    document = orjson.loads((run.folder / "manifest.json").read_bytes())
    document[name] = wrong
    for member in bundle.manifest.members:
        (tmp_path / member).write_bytes(bundle.read(member))
    (tmp_path / "manifest.json").write_bytes(orjson.dumps(document))
    with pytest.raises(BundleError) as caught:
        load(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("model", [b"", b"not onnx", b"\x08\x09" * 100])
def test_a_member_that_is_no_graph_is_refused(run: Run, tmp_path: Path, model: bytes) -> None:
    bundle = open_bundle(run.folder)
    members = {name: bundle.read(name) for name in bundle.manifest.members} | {"model.onnx": model}
    write_bundle(tmp_path, bundle.manifest, members)
    with pytest.raises(BundleError, match=r"model.onnx (cannot be loaded|is no graph)"):
        load(tmp_path)
