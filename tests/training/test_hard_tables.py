"""Tables on which a training once failed or decided wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

import fitserve
from fitserve.errors import SpecError
from fitserve.evaluation.bulk import predict_file
from fitserve.features.column import Coded
from fitserve.models.objective import Probabilities
from fitserve.schema import Kind
from fitserve.store import Workspace
from fitserve.training.run import Order, Run, replay_run
from fitserve.training.signal import has_signal


def train(table: Mapping[str, Sequence[object]], workspace: Path, *learners: str) -> Run:
    chosen = list(learners) or ["linear", "ridge", "logistic"]
    return fitserve.train(pl.DataFrame(table), "y", name="m", learners=chosen, budget=20.0, workspace=workspace)


@pytest.mark.parametrize("seed", range(60))
def test_a_column_that_does_not_vary_has_no_signal(seed: int) -> None:
    truth = (np.random.default_rng(seed).random(120) < 0.4).astype(np.int64)
    assert not has_signal(Coded(np.zeros(120, np.int32), ["x"]), Kind.CATEGORY, truth, Probabilities(1))


@pytest.mark.slow
@pytest.mark.parametrize(
    "table",
    [
        {"x": list(range(31)), "y": ["a"] * 30 + ["b"]},
        {"x": [1, 2], "y": ["a", "b"]},
        {"x": [1, 2, 3], "y": ["a", "b", "a"]},
        {"x": [1, 2] * 20, "y": ["a", "b"] * 20},
        {"x": [1, 2, 3, 4], "y": ["a", "b", "c", "c"]},
        {"x": [i * i for i in range(40)], "y": [f"L{i % 20}" for i in range(40)]},
    ],
    ids=["one of 31", "two rows", "three rows", "two rows often", "three labels", "twenty labels"],
)
@pytest.mark.parametrize("learner", ["logistic", "forest", "lightgbm"])
def test_few_rows_of_a_label_end_in_a_model(table: dict[str, list[object]], learner: str, tmp_path: Path) -> None:
    run = train(table, tmp_path, learner)
    assert run.predictor().predict({"x": 2})["prediction"] in table["y"]


def test_a_running_number_can_be_predicted(tmp_path: Path) -> None:
    spellings: list[list[object]] = [list(range(1, 41)), [str(i) for i in range(1, 41)]]
    for values in spellings:
        run = train({"x": [i * 1.5 for i in range(1, 41)], "y": values}, tmp_path)
        assert run.manifest.task == "regression"
        assert run.predictor().predict({"x": 15.0})["prediction"] == pytest.approx(10, abs=1e-6)


def test_a_numeric_constant_with_gaps_is_the_same_number_in_every_spelling(tmp_path: Path) -> None:
    gaps = [None if i % 2 else "5.0" for i in range(200)]
    table: dict[str, list[object]] = {
        "x": list(gaps),
        "z": [i % 7 for i in range(200)],
        "y": [5.0 if i % 2 else 10.0 + i % 3 / 10 for i in range(200)],
    }
    predictor = train(table, tmp_path).predictor()
    answers = [predictor.predict({"x": x, "z": 1})["prediction"] for x in (5.0, 5, "5.0", "5")]
    assert len(set(answers)) == 1
    assert answers[0] > 9
    assert predictor.predict({"x": None, "z": 1})["prediction"] < 6


def test_a_bad_name_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="no-good"):
        fitserve.train(tmp_path / "not there.csv", "y", name="No Good", workspace=tmp_path / "w")
    assert Workspace.open(tmp_path / "w").runs() == []


@pytest.mark.slow
@pytest.mark.parametrize("n", [10, 20, 29, 31])
@pytest.mark.parametrize("learner", ["lightgbm", "forest", "logistic"])
def test_a_replay_on_few_rows_gives_the_same_bundle(tmp_path: Path, n: int, learner: str) -> None:
    """In some rounds no sample of so few rows can be split: then a round leaves no tree."""
    rng = np.random.default_rng(n)
    table = pl.DataFrame({"x": rng.normal(size=n), "z": rng.normal(size=n), "y": rng.choice(["a", "b"], n)})
    first = fitserve.train(table, "y", name="m", learners=[learner], budget=30.0, workspace=tmp_path)
    again = replay_run(first.id, table, Order("m"), Workspace.open(tmp_path))
    assert again.scores == first.scores
    assert again.record.sha256 == first.record.sha256


def test_dates_at_the_end_of_the_calendar(tmp_path: Path) -> None:
    ends = ["9999-12-31T23:59:59.999999", "0001-01-01T00:00:00+12:00", "2026-01-31"] * 20
    run = train({"valid": [f"{end[:-1]}{9 - i // 7}" if "." in end else end for i, end in enumerate(ends)],
                 "x": list(range(60)), "y": [i % 7 * 1.5 for i in range(60)]}, tmp_path)  # fmt: skip
    assert run.predictor().predict(dict(run.predictor().example))["prediction"] is not None
    far = pl.DataFrame({"d": pl.Series([-200_000_000_000_000_000, 500_000_000_000_000_000, 0] * 20).cast(pl.Datetime("us")),
                        "x": list(range(60)), "y": [i % 3 for i in range(60)]})  # fmt: skip
    run = fitserve.train(far, "y", learners=["logistic"], budget=20.0, workspace=tmp_path)
    assert run.predictor().predict(far.drop("y"))[0]["prediction"] in (0, 1, 2)


def test_texts_of_emoji_and_of_signs(tmp_path: Path) -> None:
    faces = {"said": [f"{'😡' if i % 2 else '😀'}{i}" for i in range(90)], "y": ["a", "b"] * 45}
    run = fitserve.train(pl.DataFrame(faces), "y", learners=["logistic"], kinds={"said": "text"}, workspace=tmp_path)
    assert [run.predictor().predict({"said": said})["prediction"] for said in ("😡", "😀")] == ["b", "a"]
    signs = {"said": ["...", "!!!", "???"] * 30, "y": ["a", "b", "a"] * 30}
    with pytest.raises(SpecError, match="no column holds anything that could be learned from"):
        fitserve.train(pl.DataFrame(signs), "y", learners=["logistic"], kinds={"said": "text"}, workspace=tmp_path)
    run = fitserve.train(pl.DataFrame(signs), "y", kinds={"said": "text"}, workspace=tmp_path)
    assert run.manifest.learner == "baseline"


def test_labels_of_whole_and_other_numbers_are_written_as_numbers(tmp_path: Path) -> None:
    table = pl.DataFrame({"x": [i % 9 for i in range(90)], "y": [i % 9 // 3 / 2 for i in range(90)]})
    run = fitserve.train(table, "y", task="classification", learners=["logistic"], workspace=tmp_path / "w")
    table.write_csv(tmp_path / "in.csv")
    for name in ("out.csv", "out.parquet"):
        predict_file(run.predictor(), tmp_path / "in.csv", tmp_path / name)
    expected = [answer["prediction"] for answer in run.predictor().predict(table)]
    assert pl.read_parquet(tmp_path / "out.parquet")["prediction"].to_list() == expected
    assert pl.read_csv(tmp_path / "out.csv")["prediction"].to_list() == expected


def test_true_and_false_are_the_same_labels_in_a_file_and_in_a_frame(tmp_path: Path) -> None:
    frame = pl.DataFrame({"x": list(range(60)), "y": [i % 10 > 4 for i in range(60)]})
    frame.to_pandas().to_csv(tmp_path / "pandas.csv", index=False)
    frame.write_csv(tmp_path / "polars.csv")
    sources = [frame, tmp_path / "pandas.csv", tmp_path / "polars.csv"]
    for i, source in enumerate(sources):
        fitserve.train(source, "y", name=f"m{i}", learners=["logistic"], workspace=tmp_path / "w")
        results = [fitserve.evaluate(f"m{i}", other, workspace=tmp_path / "w") for other in sources]
        assert [result.unknown_labels for result in results] == [0, 0, 0]
        assert results[0].scores == results[1].scores == results[2].scores


def test_named_learners_that_are_not_for_the_table_are_refused(tmp_path: Path) -> None:
    table: dict[str, list[object]] = {"x": list(range(40)), "y": ["a", "b"] * 20}
    with pytest.raises(
        SpecError,
        match=r"none of the learners is for this table \(linear has the objective number, this target needs probabilities; ridge has",
    ):
        train(table, tmp_path, "ridge", "linear")
    assert train(table, tmp_path, "ridge", "logistic").manifest.task == "classification"
    assert train(table, tmp_path, "baseline").manifest.learner == "baseline"


def test_pandas_moments_of_any_resolution(tmp_path: Path) -> None:
    for unit in ("s", "ms", "us", "ns"):
        frame = pd.DataFrame({"d": pd.date_range("2026-01-01", periods=40, freq="h").astype(f"datetime64[{unit}]"),
                              "e": pd.array([pd.NaT] * 40, dtype=f"datetime64[{unit}]"), "y": range(40)})  # fmt: skip
        run = fitserve.train(frame, "y", learners=["ridge"], workspace=tmp_path)
        assert run.predictor().predict(frame)[20]["prediction"] == pytest.approx(20, abs=3)


def test_a_relative_error_is_not_told_where_targets_are_zero(tmp_path: Path) -> None:
    table: dict[str, list[float]] = {"x": [i % 17 for i in range(90)], "y": [max(i % 17 - 5.0, 0.0) for i in range(90)]}
    run = train(table, tmp_path, "ridge")
    assert run.scores["mape"] is None
    assert run.manifest.baseline["mape"] is None
    assert run.manifest.intervals["mape"] is None
    assert "| mape | undefined | – | undefined |" in (run.folder / "card.md").read_text(encoding="utf-8")
    with pytest.raises(SpecError, match="mape means nothing where a target is 0"):
        fitserve.train(pl.DataFrame(table), "y", name="m", metric="mape", workspace=tmp_path)
    above = {**table, "y": [value + 1 for value in table["y"]]}
    run = fitserve.train(pl.DataFrame(above), "y", name="m", metric="mape", learners=["ridge"], workspace=tmp_path)
    assert run.scores["mape"] is not None
