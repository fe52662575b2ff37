"""Averages of the target for codes: they help where codes tell something, and tell rows nothing of themselves."""

from __future__ import annotations

import numpy as np
import pytest

from fitserve.blocks import table_arrays
from fitserve.models.base import Context, Shape, get_learners
from fitserve.models.objective import Number, Objective, Probabilities
from fitserve.models.target_encoding import encodable, fit_encoding
from fitserve.prediction.session import Session
from fitserve.training.export import TOLERANCE, hostile_arrays

BOOSTERS = ["lightgbm", "xgboost", "catboost"]
LEVELS = 60


def noise(n: int, levels: int, seed: int) -> tuple[np.ndarray, np.ndarray, Context]:
    rng = np.random.default_rng(seed)
    codes = rng.integers(2, levels + 2, size=(n, 1)).astype(np.int32)
    return codes, rng.normal(size=n), Context(Shape(Number(), n, 0, [levels + 2], 0), seed=seed)


@pytest.mark.parametrize("seed", range(3))
def test_a_column_of_noise_does_not_leak_the_target(seed: int) -> None:
    codes, target, context = noise(6000, 2000, seed)
    encoding, own = fit_encoding(codes, target, context)
    naive = encoding.encode(codes)[:, 0]
    assert np.corrcoef(naive, target)[0, 1] > 0.4  # what rows would see of themselves
    assert abs(np.corrcoef(own[:, 0], target)[0, 1]) < 0.06


def test_a_row_does_not_see_its_own_target() -> None:
    codes, target, context = noise(300, 20, 0)
    _, before = fit_encoding(codes, target, context)
    changed = target.copy()
    changed[7] += 1000.0
    _, after = fit_encoding(codes, changed, context)
    assert after[7].tobytes() == before[7].tobytes()
    assert not np.array_equal(after, before)


def test_codes_that_were_never_seen_get_the_overall_average() -> None:
    codes, target, context = noise(500, LEVELS, 1)
    encoding, _ = fit_encoding(codes, target, context)
    unseen = encoding.encode(np.array([[0], [1]], dtype=np.int32))
    assert unseen == pytest.approx(np.full((2, 1), target.mean()), abs=1e-6)


def test_rows_that_weigh_more_count_more() -> None:
    codes = np.full((40, 1), 5, dtype=np.int32)
    target = np.repeat([0.0, 1.0], 20)
    shape = Shape(Number(), 40, 0, [LEVELS], 0)
    encoding, _ = fit_encoding(codes, target, Context(shape, weights=np.repeat([0.5, 1.5], 20)))
    assert encoding.encode(codes)[0, 0] == pytest.approx(0.75)


def test_only_columns_of_many_levels_are_encoded() -> None:
    assert not encodable(Shape(Number(), 100, 1, [12, 3], 0))
    assert encodable(Shape(Number(), 100, 1, [13, 3], 0))
    assert not encodable(Shape(Probabilities(50), 100, 1, [13], 0))


@pytest.mark.parametrize("name", BOOSTERS)
@pytest.mark.parametrize("objective", [Number(), Probabilities(1), Probabilities(3)], ids=str)
def test_an_encoding_model_answers_as_a_graph(name: str, objective: Objective) -> None:
    rng = np.random.default_rng(3)
    n, effect = 400, rng.normal(size=LEVELS + 2)
    codes = np.column_stack([rng.integers(2, 6, n), rng.integers(2, LEVELS + 2, n)]).astype(np.int32)
    hidden = effect[codes[:, 1]] + rng.normal(size=n) / 4
    target = (
        hidden if objective == Number() else np.digitize(hidden, [0.0] if objective.n_outputs == 1 else [-0.4, 0.4])
    )
    arrays = table_arrays(rng.normal(size=(n, 2)).astype(np.float32), codes)
    shape = Shape(objective, n, 2, [6, LEVELS + 2], 0)
    learner = get_learners()[name]
    encoding = [p for p in learner.candidates(shape) if p.get("target_encoding")]
    assert len(encoding) == 1
    fitted = learner.fit(arrays, target, encoding[0], Context(shape, effort=20))
    exported = fitted.export()
    session = Session(exported.graph, exported.model)
    for rows in (arrays, hostile_arrays(arrays, exported), arrays.take(np.empty(0, dtype=np.intp))):
        assert np.abs(session.run(rows) - fitted.predict(rows)).max(initial=0.0) <= TOLERANCE
    whole = session.run(arrays)
    for i in range(20):
        assert session.run_row(arrays.merged()[i].tolist()).tobytes() == whole[i : i + 1].tobytes()
