"""The plan of a search: its order, its shares, and that users and replays see it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import orjson
import polars as pl

import fitserve
from fitserve.models.base import Parameters, Shape, get_learners
from fitserve.models.constant import fit_constant
from fitserve.models.objective import Number, Probabilities
from fitserve.store import Workspace
from fitserve.training.plan import Plan, make_plan
from fitserve.training.progress import Progress
from fitserve.training.run import Order, replay_run

SMALL = Shape(Probabilities(1), 500, 6, [4], 0)
LARGE = Shape(Probabilities(1), 200_000, 30, [4], 0)


class Stranger:
    """A learner that fitserve does not know."""

    name: ClassVar[str] = "stranger"
    cost: ClassVar[int] = 5
    objectives: ClassVar[Collection[str] | None] = None

    def candidates(self, shape: Shape) -> Sequence[Parameters]:
        del shape
        return [{"a": 1}, {"a": 2}]

    def fit(self, arrays: Any, target: Any, parameters: Parameters, context: Any) -> Any:
        del parameters
        return fit_constant(arrays, target, context)


def plan(shape: Shape, budget: float | None = 60.0) -> Plan:
    return make_plan([*get_learners().values(), Stranger()], shape, budget)


def places(found: Plan, name: str) -> list[int]:
    return [i for i, entry in enumerate(found.entries) if entry.learner.name == name]


def test_every_candidate_is_planned_once_or_its_learner_refused() -> None:
    for shape in (SMALL, LARGE, Shape(Number(), 300, 2, [], 50), Shape(Probabilities(1), 90, 0, [], 0)):
        for budget in (1.0, 60.0, None):
            found = plan(shape, budget)
            names = {entry.learner.name for entry in found.entries}
            assert names | set(found.refusals) == {*get_learners(), "stranger"}
            for entry in found.entries:
                notes = [e.parameters for e in found.entries if e.learner is entry.learner]
                assert notes.count(entry.parameters) == 1


def test_quick_learners_lead_and_boosters_come_before_what_else_there_is() -> None:
    found = plan(SMALL)
    first = {
        name: places(found, name)[0] for name in ("baseline", "logistic", "lightgbm", "catboost", "mlp", "stranger")
    }
    assert first["baseline"] == 0
    assert first["logistic"] < first["lightgbm"] < first["catboost"] < first["mlp"] < first["stranger"]


def test_texts_favour_linear_models() -> None:
    found = plan(Shape(Probabilities(1), 500, 0, [], 900))
    lightgbm = places(found, "lightgbm")[0]
    for name in ("logistic", "naive_bayes"):
        assert places(found, name)[1] < lightgbm
        assert found.entries[places(found, name)[0]].share > found.entries[places(found, "tree")[0]].share


def test_on_a_tight_budget_slower_boosters_wait_for_the_quickest() -> None:
    assert max(places(plan(LARGE, 10.0), "lightgbm")) < places(plan(LARGE, 10.0), "catboost")[0]
    assert max(places(plan(LARGE, 3600.0), "lightgbm")) > places(plan(LARGE, 3600.0), "catboost")[0]


def test_shares_leave_time_for_others() -> None:
    assert all(0 < entry.share <= 0.35 for entry in plan(SMALL).entries)


def table(n: int = 120) -> pl.DataFrame:
    rng = np.random.default_rng(0)
    x = rng.normal(size=n)
    return pl.DataFrame({"x": x, "y": np.where(x + rng.normal(size=n) / 3 > 0, "a", "b")})


def test_users_see_the_plan_once_and_a_replay_tells_the_same(tmp_path: Path) -> None:
    said: list[Progress] = []
    options: dict[str, Any] = {"learners": ["tree", "logistic", "lightgbm"], "budget": 20.0}
    run = fitserve.train(table(), "y", name="m", workspace=tmp_path, observer=said.append, **options)
    lines = [progress.detail for progress in said if progress.stage == "plan"]
    assert len(lines) == 1
    assert "lightgbm 35%" in lines[0]
    notes = run.as_json()["plan"]
    assert [entry["learner"] for entry in notes][:3] == ["baseline", "logistic", "tree"]
    assert orjson.loads((run.folder / "report.json").read_bytes())["plan"] == notes
    assert all(candidate["stopped_early"] in (True, False) for candidate in run.candidates)
    again = replay_run(run.id, table(), Order("again"), Workspace.open(tmp_path))
    assert again.plan == notes
    assert again.record.sha256 == run.record.sha256


def test_a_fit_that_its_share_ended_is_told(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    wide = pl.DataFrame({f"x{i}": rng.normal(size=3000) for i in range(30)})
    frame = wide.with_columns(y=pl.sum_horizontal(pl.all()) + rng.normal(size=3000))
    run = fitserve.train(frame, "y", name="m", workspace=tmp_path, learners=["forest"], budget=0.5)
    stopped = [candidate["stopped_early"] for candidate in run.candidates if candidate["learner"] == "forest"]
    assert stopped[0] is True
    again = replay_run(run.id, frame, Order("again"), Workspace.open(tmp_path))
    assert again.record.sha256 == run.record.sha256
