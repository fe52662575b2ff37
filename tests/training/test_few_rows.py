"""Few rows: what belongs together is held out together, time is respected, and on noise nothing is learned."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import fitserve
from fitserve.data.few_rows import EQUAL_TOGETHER, EXPANDING, LEAVE_ONE_GROUP_OUT, LEAVE_ONE_OUT
from fitserve.data.split import windows
from fitserve.messages import render
from fitserve.models.base import choose_learners
from fitserve.training.card import card
from fitserve.training.folds import Folds, validation_folds
from fitserve.training.prepare import prepare
from fitserve.training.progress import Clock, silent
from fitserve.training.run import Order, Run, replay_run
from fitserve.training.search import Search
from fitserve.training.spec import Spec

NOTHING = "nothing was learned: no learner was better than the answer without learning by more than chance"


def train(table: pl.DataFrame, folder: Path, *learners: str, **spec: Any) -> Run:
    return fitserve.train(
        table, "y", name="m", learners=list(learners) or None, budget=3600.0, workspace=folder, **spec
    )  # fmt: skip


def folds_of(table: pl.DataFrame, **spec: Any) -> Folds:
    return validation_folds(prepare(table, Spec("y", **spec)))


def searched(table: pl.DataFrame, *learners: str, **spec: Any) -> Search:
    search = Search(prepare(table, Spec("y", **spec)), choose_learners(["baseline", *learners]), Clock(None), silent)
    search.run()
    return search


def of_groups(seed: int = 0) -> pl.DataFrame:
    """24 rows of six patients, whose target and age are noise, but the same in all rows of a patient."""
    rng = np.random.default_rng(seed)
    patient = np.repeat(np.arange(6), 4)
    return pl.DataFrame({
        "patient": patient, "age": rng.normal(size=6)[patient] + rng.normal(size=24) / 100,
        "y": rng.normal(size=6)[patient] + rng.normal(size=24) / 100,
    })  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
def test_rows_of_one_group_are_left_out_together(tmp_path: Path, seed: int) -> None:
    run = train(of_groups(seed), tmp_path, "ridge", "tree", "knn", group="patient")
    assert run.manifest.measured_on == LEAVE_ONE_GROUP_OUT
    assert "scores are by leave-one-group-out" in run.manifest.evaluation["split"]
    assert (run.scores["r2"] or 0.0) < 0.3
    assert run.report["groups"] == 6
    card_of = (run.folder / "card.md").read_text(encoding="utf-8")
    assert "The rows of each group were predicted by a model that had seen the other groups alone." in card_of
    again = replay_run(run.id, of_groups(seed), Order("m"), fitserve.Workspace.open(tmp_path))
    assert again.record.sha256 == run.record.sha256


@pytest.mark.parametrize("seed", range(3))
def test_rows_that_are_equal_are_left_out_together(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    once = pl.DataFrame({"x": rng.normal(size=12), "z": rng.normal(size=12), "y": rng.normal(size=12)})
    run = train(pl.concat([once, once]), tmp_path, "tree", "knn")
    assert run.manifest.measured_on == EQUAL_TOGETHER
    assert (run.scores["r2"] or 0.0) < 0.3
    # Twelve witnesses, and each of them twice, are twelve witnesses.
    single = train(once, tmp_path, "tree", "knn")
    assert single.manifest.measured_on == LEAVE_ONE_OUT
    for name in ("rmse", "mae"):
        twice_wide, wide = (np.ptp(each.manifest.intervals[name] or [0.0, 0.0]) for each in (run, single))
        assert twice_wide > 0.7 * wide


@given(
    keys=st.lists(st.tuples(st.integers(0, 8), st.integers(0, 3)), min_size=6, max_size=29),
    named=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_nothing_that_belongs_together_is_ever_torn_apart(keys: list[tuple[int, int]], named: bool) -> None:
    x, g = zip(*keys, strict=True)
    table = pl.DataFrame({"x": x, "g": [f"g{each}" for each in g], "y": [float(each % 4) for each in x]})
    if table["y"].n_unique() < 2 or table["g"].n_unique() < 2:
        return
    try:
        folds = folds_of(table, group="g" if named else None, task="regression")
    except fitserve.errors.UserError:  # all rows belong together, or no column is left
        return
    rows = table.rows()
    for fold in folds.parts:
        assert sorted([*fold.learned, *fold.held]) == list(range(len(rows)))
        assert {rows[i] for i in fold.learned}.isdisjoint(rows[i] for i in fold.held)
        if named:
            assert {g[i] for i in fold.learned}.isdisjoint(g[i] for i in fold.held)
    assert sorted(folds.held) == list(range(len(rows)))


def in_order(n: int, seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    dates = pl.date_range(pl.date(2026, 1, 1), pl.date(2026, 1, n), eager=True)
    return pl.DataFrame({"day": dates, "x": rng.normal(size=n), "y": np.cumsum(rng.normal(size=n))})


@pytest.mark.parametrize("by", ["--time", "the order of the rows"])
def test_earlier_rows_are_never_evaluated_by_a_model_of_later_ones(tmp_path: Path, by: str) -> None:
    log = in_order(24)
    table, spec = (log.sample(fraction=1.0, shuffle=True, seed=3), {"time": "day"}) if by == "--time" else (log, {})
    folds = folds_of(table, **spec)
    assert len(folds.held) == 12
    days = table["day"].to_numpy()
    for fold in folds.parts:
        assert days[fold.learned].max() < days[fold.held].min()
        assert len(fold.learned) >= 12
    run = train(table, tmp_path, "ridge", **spec)
    assert (run.manifest.measured_on, run.manifest.evaluation["rows"]) == (EXPANDING, 12)
    assert "scores are by an expanding window over the last half of the rows" in run.manifest.evaluation["split"]
    notes = any(
        "the rows stand in the order of 'day', so the last ones are held out" in finding for finding in run.findings
    )
    assert notes == (by != "--time")
    again = replay_run(run.id, table, Order("m"), fitserve.Workspace.open(tmp_path))
    assert again.record.sha256 == run.record.sha256


def test_a_log_of_few_rows_may_be_shuffled_and_needs_its_labels_early() -> None:
    log = in_order(24)
    assert folds_of(log, shuffle=True).name == LEAVE_ONE_OUT
    late = log.with_columns(y=pl.Series(["a", "b"] * 10 + ["c"] * 4))
    assert folds_of(late).name == LEAVE_ONE_OUT
    assert folds_of(late.with_columns(y=pl.Series(["a", "b"] * 12))).name == EXPANDING
    assert folds_of(late, time="day").name == EXPANDING


@given(moments=st.lists(st.sampled_from([1.0, 2.0, 3.0, 5.0, 8.0, float("nan")]), min_size=2, max_size=29))
@settings(max_examples=200, deadline=None)
def test_a_window_expands(moments: list[float]) -> None:
    times = np.array(moments)
    steps = windows(times)
    seen: set[int] = set()
    for learned, held in steps:
        assert len(set(times[held])) == 1
        assert not (times[learned] >= times[held][0]).any()
        assert len(learned) == (~(times >= times[held][0])).sum()
        assert seen.isdisjoint(held)
        seen |= set(held)
    known = np.unique(times[~np.isnan(times)])
    assert bool(steps) == (len(known) > 1)


@pytest.mark.parametrize(
    ("spec", "english", "chinese"),
    [
        ({}, "had seen all others.", "留一法"),
        ({"group": "g"}, "had seen the other groups alone.", "留一组法"),
        ({"time": "t"}, "had seen earlier rows alone.", "后一半行上的扩展窗口"),
    ],
)
def test_the_card_says_who_evaluated(tmp_path: Path, spec: dict[str, str], english: str, chinese: str) -> None:
    rng = np.random.default_rng(1)
    table = pl.DataFrame({"x": rng.normal(size=20), "g": np.arange(20) // 2, "t": rng.permutation(20)})
    run = train(table.with_columns(y=pl.col("x") * 2), tmp_path, "ridge", **spec)
    assert english in card(run.manifest, run.report, "en")
    in_chinese = card(run.manifest, run.report, "zh")
    assert chinese in in_chinese
    assert "leave-one" not in in_chinese
    assert "expanding" not in in_chinese


@given(counts=st.lists(st.integers(2, 9), min_size=2, max_size=3), seed=st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_without_learning_is_scored_as_what_it_is(counts: list[int], seed: int) -> None:
    """Leaving a row out makes its label rarer among the others; a constant answer must not be blamed for that."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(["a", "b", "c"][: len(counts)], counts))
    n = len(labels)
    baseline = searched(pl.DataFrame({"x": rng.normal(size=n), "y": labels})).best_of("baseline").scores
    shares = np.array(list(Counter(labels.tolist()).values())) / n
    assert baseline["roc_auc"] == pytest.approx(0.5)
    assert baseline["log_loss"] == pytest.approx(-(shares * np.log(shares)).sum(), rel=1e-4)
    assert baseline["accuracy"] == pytest.approx(shares.max())
    assert baseline["balanced_accuracy"] == pytest.approx(1 / len(counts))


@pytest.mark.parametrize("n", [40, 48, 70])
def test_without_learning_ranks_nothing_where_folds_are_small(n: int) -> None:
    rng = np.random.default_rng(n)
    table = pl.DataFrame({"x": rng.normal(size=n), "y": rng.choice(["a", "b"], n)})
    search = searched(table)
    assert render(search.validation) == "5-fold cross-validation"
    assert search.best_of("baseline").scores["roc_auc"] == pytest.approx(0.5)


def labelled(n: int, seed: int) -> NDArray[Any]:
    return np.random.default_rng(seed).permutation(np.resize(["p", "n"], n))


def noise(n: int, seed: int, target: NDArray[Any] | None = None) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    columns = {name: rng.normal(size=n) for name in ("a", "b", "c")}
    return pl.DataFrame({**columns, "y": rng.normal(size=n) if target is None else target})


@pytest.mark.slow
@pytest.mark.parametrize(
    "table",
    [noise(26, 0, labelled(26, 0)), noise(26, 3, labelled(26, 3)), noise(26, 5), noise(60, 8, labelled(60, 2)),
     noise(90, 4)],
    ids=["26 rows, labels", "26 others", "26 rows, numbers", "60 rows, labels", "90 rows, numbers"],
)  # fmt: skip
def test_on_noise_nothing_is_learned_and_that_is_said(tmp_path: Path, table: pl.DataFrame) -> None:
    run = train(table, tmp_path, "logistic", "ridge", "tree", "knn")
    assert run.manifest.learner == "baseline"
    assert any(finding.startswith(NOTHING) for finding in run.findings)
    assert run.report["lead"][0].startswith("Nothing was learned:")
    assert "nothing was learned:" in (run.folder / "card.md").read_text(encoding="utf-8")
    assert run.scores == run.manifest.baseline
    again = replay_run(run.id, table, Order("m"), fitserve.Workspace.open(tmp_path))
    assert again.record.sha256 == run.record.sha256


@pytest.mark.slow
def test_noise_hardly_ever_looks_better_than_no_learning() -> None:
    """The benchmark `benchmarks.noise` asks whole trainings of two hundred tables."""
    served = 0
    for seed in range(24):
        n = (10, 14, 20, 29, 36, 60)[seed % 6]
        table = noise(n, 100 + seed, labelled(n, seed) if seed % 4 < 2 else None)
        served += searched(table, "logistic", "ridge", "tree", "knn").ranked()[0].learner != "baseline"
    assert served <= 6


@pytest.mark.parametrize("metric", ["f1", "precision", "recall", "balanced_accuracy", "accuracy"])
def test_on_noise_a_constant_answer_wins_whatever_the_score(metric: str) -> None:
    """By some scores noise is better than the constant answer of the commoner label: that is nothing learned."""
    for seed in range(3):
        rng = np.random.default_rng(seed)
        labels = rng.permutation(np.repeat(["no", "yes"], [17, 9]))
        assert searched(noise(26, seed, labels), "tree", "knn", metric=metric).ranked()[0].learner == "baseline"


def test_what_can_be_learned_from_few_rows_is_learned(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=24)
    clear = pl.DataFrame({"x": x, "z": rng.normal(size=24), "y": np.where(x + rng.normal(size=24) / 5 > 0, "a", "b")})
    run = train(clear, tmp_path, "logistic", "tree")
    assert run.manifest.learner in ("logistic", "tree")
    assert run.manifest.metric == "log_loss"
    interval, without = run.manifest.intervals["log_loss"], run.manifest.baseline["log_loss"]
    assert interval is not None
    assert without is not None
    assert interval[1] < without
    assert not any("chance" in finding for finding in run.findings)
    line = searched(pl.DataFrame({"x": x, "y": 3 * x + rng.normal(size=24)}), "ridge", "tree")
    assert line.ranked()[0].learner == "ridge"


def test_two_rows_of_a_label_tell_nothing() -> None:
    """They lie side by side in some column or other; each is then found by the other one."""
    x = np.arange(25.0)
    table = pl.DataFrame({"x": x, "y": np.where(x > 22, "rare", "common")})
    assert searched(table, "tree").ranked()[0].learner == "baseline"
    assert searched(table.with_columns(y=np.where(x > 19, "rare", "common")), "tree").ranked()[0].learner == "tree"


def test_a_doubtful_gain_is_called_so(tmp_path: Path) -> None:
    """What the search has found may be no more than chance on the few rows of a test part: then that is said."""
    rng = np.random.default_rng(1)
    n = 60
    x = rng.normal(size=n)
    table = pl.DataFrame({"x": x, "y": np.where(x + 1.6 * rng.normal(size=n) > 0, "a", "b")})
    notes = []
    for seed in range(4):
        run = train(table, tmp_path, "logistic", seed=seed)
        doubts = [finding for finding in run.findings if "which may be chance" in finding]
        low = (run.manifest.intervals["roc_auc"] or [0.0])[0]
        if run.manifest.learner != "baseline":
            assert bool(doubts) == (low <= 0.5)
            assert not doubts or run.report["lead"][0] == f"{doubts[0][0].upper()}{doubts[0][1:]}."
            notes.append(bool(doubts))
    assert True in notes


def test_a_report_of_few_rows_holds_its_scores_within_the_intervals(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=20)
    run = train(pl.DataFrame({"x": x, "y": x + rng.normal(size=20) / 2}), tmp_path, "ridge", "tree")
    report = orjson.loads((run.folder / "report.json").read_bytes())
    for name, interval in report["intervals"].items():
        if interval is not None:
            assert interval[0] <= report["scores"][name] + 1e-6
            assert interval[1] >= report["scores"][name] - 1e-6
    assert report["intervals"]["rmse"] == pytest.approx(run.manifest.intervals["rmse"], rel=1e-5)


def test_few_inputs_that_are_there_often_are_no_copies(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.integers(3, size=400), rng.integers(2, size=400)
    y = rng.random(400) < np.array([0.9, 0.5, 0.1])[a]
    table = pl.DataFrame({"a": np.array(list("pqr"))[a], "b": np.array(list("uv"))[b], "y": y})
    run = fitserve.train(table, "y", name="few", learners=["logistic"], workspace=tmp_path)
    auc = run.as_json()["scores"]["roc_auc"]
    assert auc == pytest.approx(0.85, abs=0.1)
    assert any("for there are only 6 combinations of inputs" in finding for finding in run.findings)
    constant = pl.DataFrame({"x": [1] * 100, "z": ["a"] * 100, "y": [0, 1] * 50})
    run = fitserve.train(constant, "y", name="one", learners=["tree"], workspace=tmp_path)
    assert run.as_json()["scores"]["roc_auc"] in (None, 0.5)
    assert any(finding.startswith("nothing was learned") for finding in run.findings)


def test_copies_with_another_answer_stay_with_the_others(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    item = np.repeat(np.arange(60), 4)
    x, share = rng.normal(size=60), rng.random(60)
    table = pl.DataFrame({"x": x[item], "t": [f"word{i}" for i in item], "y": rng.random(240) < share[item]})
    prepared = prepare(table, Spec("y"))
    assert not set(item[prepared.split.train]) & set(item[prepared.split.test])


def test_a_label_of_one_group_alone_is_not_evaluated(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    table = pl.DataFrame({"x": np.repeat(rng.normal(size=8), 3), "y": np.repeat(list("aaabaaaa"), 3)})
    run = fitserve.train(table, "y", name="rare", learners=["logistic"], workspace=tmp_path)
    assert run.as_json()["scores"]["log_loss"] < 1
    assert any(finding.startswith("3 rows were not evaluated") for finding in run.findings)
