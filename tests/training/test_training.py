"""A training as a whole: what it decides, that it repeats, what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import orjson
import polars as pl
import pytest

import fitserve
from fitserve.bundle.folder import open_bundle
from fitserve.errors import ParityError, SpecError
from fitserve.messages import render
from fitserve.store import Workspace
from fitserve.training.choosing import attempts
from fitserve.training.progress import Progress
from fitserve.training.run import Order, Run, replay_run
from fitserve.training.spec import Spec, seconds_of
from fitserve.training.trial import Trial

CHEAP = ["linear", "ridge", "logistic"]


def houses(n: int = 200, seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    rooms, city = rng.integers(1, 9, n), rng.choice(["Lyon", "Paris", "Lille"], n)
    price = rooms * 50 + (city == "Paris") * 200 + rng.normal(0, 20, n)
    return pl.DataFrame({"rooms": rooms, "city": city, "price": price})


def train(frame: pl.DataFrame, target: str, workspace: Path, **options: Any) -> Run:
    chosen: dict[str, Any] = {"learners": CHEAP, "budget": 20.0, **options}
    return fitserve.train(frame, target, name="model", workspace=workspace, **chosen)


def reasons(run: Run) -> dict[str, tuple[bool, str, str]]:
    return {
        field["name"]: (field["used"], str(field["kind"]), render(field["reason"])) for field in run.manifest.fields
    }


def test_scores_stand_beside_the_baseline_and_beat_it(tmp_path: Path) -> None:
    run = train(houses(), "price", tmp_path)
    assert (run.manifest.evaluation["on"], run.manifest.evaluation["rows"]) == ("the test part", 40)
    rmse, prior = run.scores["rmse"], run.manifest.baseline["rmse"]
    assert rmse is not None
    assert prior is not None
    assert rmse < prior / 2
    page = run._repr_html_()
    assert "without learning" in page
    assert f"{rmse:.4g}" in page
    assert f"{prior:.4g}" in page


def test_what_the_budget_left_out_is_told(tmp_path: Path) -> None:
    run = train(houses(), "price", tmp_path, budget=1e-6, learners=["ridge", "forest", "lightgbm"])
    assert [candidate["learner"] for candidate in run.candidates] == ["ridge", "baseline"]
    left_out = "8 of 10 candidates were not evaluated, for there was no time; a larger budget may help"
    assert left_out in run.findings
    assert {each["reason"] for each in run.given_up} == {"the time for searching was over"}
    assert not run.tried_all
    again = replay_run(run.id, houses(), Order("again"), Workspace.open(tmp_path))
    assert again.record.sha256 == run.record.sha256


def test_a_training_in_vain_says_so(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    noise = pl.DataFrame({"x": rng.normal(size=60), "y": rng.choice(["a", "b"], 60)})
    run = train(noise, "y", tmp_path)
    assert run.manifest.learner == "baseline"
    assert any("no learner was better than the answer without learning" in finding for finding in run.findings)


def test_dates_and_a_random_split_are_a_warning(tmp_path: Path) -> None:
    dated = houses().with_columns(sold=pl.date(2026, 1, 1) + pl.duration(days=pl.int_range(200) * 7 % 200))
    notes = [finding for finding in train(dated, "price", tmp_path).findings if "'sold' holds dates" in finding]
    assert len(notes) == 1
    assert notes[0].endswith("train with --time 'sold'")
    assert not any("holds dates" in finding for finding in train(houses(), "price", tmp_path).findings)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"promote": True}, 'promote is "always", "if-better" or "never", not True'),
        ({"promote": "alway"}, "not 'alway'"),
        ({"budget": "soon"}, "'soon' is not a duration"),
        ({"budget": None}, "budget cannot be None; give seconds"),
        ({"budget": True}, "budget cannot be True"),
        ({"learners": "ridge"}, "learners cannot be 'ridge'; give a list of names"),
        ({"kinds": ["city"]}, "kinds cannot be"),
        ({"exclude": "city"}, "exclude cannot be 'city'; give a list of columns"),
        ({"exclude": ["price"]}, "the target 'price' cannot be excluded"),
        ({"seed": 1.5}, "seed cannot be 1.5; give a whole number"),
        ({"metric": 5}, "metric cannot be 5"),
    ],
)
def test_arguments_of_wrong_types_are_refused_before_the_work(
    tmp_path: Path, wrong: dict[str, Any], words: str
) -> None:
    with pytest.raises(SpecError) as caught:
        train(houses(), "price", tmp_path, **wrong)
    assert words in str(caught.value)
    assert Workspace.open(tmp_path).models() == []


def test_a_target_is_a_name(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"target cannot be shape: .*; give the name of a column"):
        train(houses(), houses()["price"], tmp_path)  # type: ignore[arg-type]


def test_a_budget_may_be_spelled(tmp_path: Path) -> None:
    run = train(houses(), "price", tmp_path, budget="20s", learners=["ridge"])
    assert Workspace.open(tmp_path).run(run.id).plan["spec"]["budget"] == 20.0


@pytest.mark.slow
def test_two_trainings_of_the_same_data_give_the_same_bundle(tmp_path: Path) -> None:
    learners = ["ridge", "forest", "lightgbm"]
    first = train(houses(80), "price", tmp_path / "a", learners=learners, budget=3600.0)
    second = train(houses(80), "price", tmp_path / "b", learners=learners, budget=3600.0)
    assert first.record.sha256 == second.record.sha256


def test_a_replay_gives_the_same_bits_whatever_the_clock_said(tmp_path: Path) -> None:
    first = train(houses(), "price", tmp_path, learners=["logistic", "lightgbm", "ridge"], budget=1.0)
    again = replay_run(first.id, houses(), Order("again"), Workspace.open(tmp_path))
    assert again.record.sha256 == first.record.sha256


def test_five_rows_are_evaluated_one_by_one(tmp_path: Path) -> None:
    table = pl.DataFrame({"x": [1, 2, 3, 4, 5], "y": [2, 4, 6, 8, 10]})
    run = train(table, "y", tmp_path)
    assert run.manifest.evaluation["on"] == "leave-one-out"
    assert run.manifest.evaluation["rows"] == 5
    assert run.manifest.task == "regression"
    assert run.predictor().predict({"x": 6})["prediction"] == pytest.approx(12.0, abs=1e-6)
    assert "all others" in (run.folder / "card.md").read_text(encoding="utf-8")


def test_a_running_number_is_left_out_unless_it_is_asked_for(tmp_path: Path) -> None:
    table = houses().with_columns(row_id=pl.int_range(1000, 1200))
    used, kind, reason = reasons(train(table, "price", tmp_path))["row_id"]
    assert (used, kind) == (False, "identifier")
    assert reason.endswith("--kind 'row_id'=number uses it")
    drifting = table.with_columns(price=pl.col("row_id") * 10.0 + pl.col("price") / 100)
    assert reasons(train(drifting, "price", tmp_path))["row_id"] == (False, "identifier", reason)
    asked = train(drifting, "price", tmp_path, kinds={"row_id": "number"})
    assert reasons(asked)["row_id"][:2] == (True, "number")


def test_a_constant_is_left_out_unless_its_gaps_say_something(tmp_path: Path) -> None:
    table = houses().with_columns(country=pl.lit("France"))
    assert reasons(train(table, "price", tmp_path))["country"][0] is False
    telling = table.with_columns(
        country=pl.when(pl.col("rooms") > 4).then(pl.lit("France")), rooms=pl.lit(1), city=pl.col("city")
    )
    assert reasons(train(telling, "price", tmp_path))["country"][0] is True


def test_the_only_column_is_used_whatever_it_is(tmp_path: Path) -> None:
    table = pl.DataFrame({"load": range(100), "value": [i * 3.0 for i in range(100)]})
    run = train(table, "value", tmp_path)
    assert reasons(run)["load"][0] is True
    assert run.predictor().predict({"load": 50})["prediction"] == pytest.approx(150, abs=1e-6)


def test_perfect_scores_are_called_suspicious(tmp_path: Path) -> None:
    leaking = houses().with_columns(total=pl.col("price") * 2)
    assert any("next to perfect" in finding for finding in train(leaking, "price", tmp_path).findings)
    assert not any("next to perfect" in finding for finding in train(houses(), "price", tmp_path).findings)


def test_rows_without_a_target_are_dropped_and_counted(tmp_path: Path) -> None:
    table = houses().with_columns(price=pl.when(pl.int_range(200) >= 30).then(pl.col("price")))
    run = train(table, "price", tmp_path)
    assert any(finding.startswith("30 rows with no target 'price' were left out") for finding in run.findings)
    assert run.manifest.data["rows"] == 200
    assert run.manifest.data["trained_on"] == 170
    assert run.manifest.evaluation["trained_on"] == 136


def test_equal_rows_are_reported_and_kept(tmp_path: Path) -> None:
    table = pl.concat([houses(100), houses(100)[:25]])
    run = train(table, "price", tmp_path)
    assert any(finding.startswith("25 rows repeat") for finding in run.findings)
    assert run.manifest.evaluation["trained_on"] + run.manifest.evaluation["rows"] == 125


def test_examples_come_from_the_profile_and_are_varied(tmp_path: Path) -> None:
    run = train(houses(), "price", tmp_path)
    examples = orjson.loads(open_bundle(run.folder).read("examples.json"))
    rows = examples["rows"]
    assert rows[0]["city"] in ("Lyon", "Paris", "Lille")
    assert any(row["rooms"] is None for row in rows)
    assert any(row["city"] == "never seen in training" for row in rows)
    assert len({str(row) for row in rows}) >= 6


def test_half_of_a_model_comes_after_whole_ones_that_are_nearly_as_good() -> None:
    losses = {"heavy": 0.1, "near": 0.11, "far": 0.5, "baseline": 1.0, "diverged": 1e9, "undefined": float("inf")}
    ranked = [Trial(name, {}, [100], loss, {}) for name, loss in losses.items()]
    order = [(ranked[place].learner, effort) for place, effort in attempts(ranked)]
    assert order[:5] == [("heavy", 100), ("near", 100), ("heavy", 100), ("heavy", 50), ("heavy", 25)]


@pytest.mark.slow
def test_a_model_too_heavy_to_serve_is_shrunk_or_loses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []

    def listen(progress: Progress) -> None:
        said.append(progress.stage)

    monkeypatch.setenv("FITSERVE_SERVABLE_ROW_SECONDS", "1e-9")
    with pytest.raises(ParityError, match="ms for one row"):
        train(houses(60), "price", tmp_path, learners=["forest"], observer=listen)
    assert "shrinking" in said
    assert Workspace.open(tmp_path).models() == []


def test_learners_may_be_named_and_unknown_ones_are_refused(tmp_path: Path) -> None:
    run = train(houses(), "price", tmp_path, learners=["ridge"])
    assert run.manifest.learner == "ridge"
    assert {candidate["learner"] for candidate in run.candidates} == {"baseline", "ridge"}
    with pytest.raises(SpecError, match="choose from"):
        train(houses(), "price", tmp_path, learners=["rigde"])


def test_a_tiny_budget_still_ends_in_a_model(tmp_path: Path) -> None:
    run = train(houses(), "price", tmp_path, learners=None, budget=0.01)
    assert run.candidates
    assert run.predictor().predict(houses(3)) is not None


def test_the_metric_chooses(tmp_path: Path) -> None:
    run = train(houses(), "price", tmp_path, metric="mae")
    assert run.manifest.metric == "mae"
    with pytest.raises(SpecError, match="regression"):
        train(houses(), "price", tmp_path, metric="roc_auc")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"budget": 0.0}, "seconds above 0"),
        ({"metric": "auc"}, "no metric 'auc'"),
        ({"seed": -1}, "seed"),
        ({"kinds": {"rooms": "integer"}}, "no kind 'integer'"),
        ({"kinds": {"room": "number"}}, "did you mean 'rooms'"),
        ({"exclude": ["citi"]}, "did you mean 'city'"),
        ({"task": "cluster"}, "no task 'cluster'"),
        ({"buget": 3}, "unknown fields"),
    ],
)
def test_a_wrong_spec_is_refused_in_one_line(spec: dict[str, object], message: str, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=message) as caught:
        train(houses(30), "price", tmp_path, **spec)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("60s", 60), (" 5M ", 300), ("1.5h", 5400), ("0.5", 0.5)])
def test_durations(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "s", "-1", "0", "nan", "inf", "ten", "1d"])
def test_wrong_durations(text: str) -> None:
    with pytest.raises(SpecError):
        seconds_of(text)


def test_a_spec_survives_json() -> None:
    spec = Spec("y", learners=["ridge"], kinds={"a": "number"}, exclude=["b"])
    assert Spec.from_json(orjson.loads(orjson.dumps(spec.as_json()))) == spec
