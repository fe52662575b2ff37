"""What every learner promises, tested over all registered ones, for every target and with texts and without."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from fitserve.blocks import FLOAT32_MAX, Arrays, table_arrays
from fitserve.errors import NotForThisTable
from fitserve.features.column import Column, coded, column_of
from fitserve.features.encoder import Encoder, fit_encoder
from fitserve.models.base import Context, Exported, Fitted, Learner, Shape, candidates_of, get_learners
from fitserve.models.objective import NUMBER, PROBABILITIES, Number, Objective, Probabilities
from fitserve.prediction.session import Session
from fitserve.schema import Field, Kind
from fitserve.training.export import TOLERANCE, hostile_arrays

N = 160
# Rounds, trees, iterations: enough to learn from few rows at the slowest learning rate.
EFFORT = 30
TARGETS = ("two", "many", "number")
WORDS = ["red", "green", "blue", "big", "small", "old", "new", "你好", "世界", "again"]


@dataclass(frozen=True)
class Case:
    learner: Learner
    encoder: Encoder
    arrays: Arrays
    target: NDArray[Any]
    shape: Shape
    fitted: Fitted
    exported: Exported
    session: Session


def table(n: int, seed: int, texts: bool) -> tuple[list[Field], dict[str, Column], NDArray[np.float64]]:
    """Numbers with gaps, a category, and perhaps texts, all of which say something about a hidden value."""
    rng = np.random.default_rng(seed)
    x, y, hidden = rng.normal(size=n), rng.normal(5000, 2000, size=n), rng.normal(size=n) / 3
    level = rng.integers(0, 4, size=n)
    hidden += x + (y - 5000) / 2000 + level / 2
    x[rng.random(n) < 0.1] = np.nan
    columns: dict[str, Column] = {"x": column_of(x), "y": column_of(np.round(y))}
    columns["level"] = coded([None if rng.random() < 0.05 else f"level {i}" for i in level])
    fields = [Field("x", Kind.NUMBER, ""), Field("y", Kind.NUMBER, ""), Field("level", Kind.CATEGORY, "")]
    if texts:
        said = [" ".join([*rng.choice(WORDS, 4), "up" if h > 0.5 else "down"]) for h in hidden]
        columns["said"] = coded([None if rng.random() < 0.05 else text for text in said])
        fields.append(Field("said", Kind.TEXT, ""))
    return fields, columns, hidden


def target_of(hidden: NDArray[np.floating[Any]], kind: str) -> tuple[NDArray[Any], Objective]:
    if kind == "two":
        return (hidden > 0.5).astype(np.int64), Probabilities(1)
    if kind == "many":
        return np.digitize(hidden, [-0.5, 0.5, 1.5]).astype(np.int64), Probabilities(4)
    return (hidden - hidden.mean()) / hidden.std(), Number()


def make(name: str, target_kind: str, texts: bool) -> Case:
    learner = get_learners()[name]
    fields, columns, hidden = table(N, 7, texts)
    encoder = fit_encoder(fields, columns)
    arrays = encoder.columns(columns, N)
    target, objective = target_of(hidden, target_kind)
    counts = [step.n_codes for step in encoder.codes]
    shape = Shape(objective, N, arrays.dense.shape[1], counts, encoder.n_terms)
    parameters = candidates_of(learner, shape)[0]
    fitted = learner.fit(arrays, target, parameters, Context(shape, effort=EFFORT))
    exported = fitted.export()
    session = Session(exported.graph, exported.model)
    return Case(learner, encoder, arrays, target, shape, fitted, exported, session)


_made: dict[tuple[str, str, bool], Case] = {}


def takes(name: str, target_kind: str, texts: bool = False) -> bool:
    """Whether a learner is for such a target at all."""
    _, objective = target_of(np.linspace(-2, 2, N), target_kind)
    try:
        return bool(candidates_of(get_learners()[name], Shape(objective, N, 2, [5], 20 if texts else 0)))
    except NotForThisTable:
        return False


CASES = [
    (name, t, texts)
    for name in sorted(get_learners())
    for t in TARGETS
    for texts in (False, True)
    if takes(name, t, texts)
]


@pytest.fixture(params=CASES, ids=lambda p: f"{p[0]}-{p[1]}-{'texts' if p[2] else 'plain'}")
def case(request: pytest.FixtureRequest) -> Case:
    key = request.param
    if key not in _made:
        _made[key] = make(*key)
    return _made[key]


def test_every_learner_is_for_some_target() -> None:
    assert {name for name, _, _ in CASES} == set(get_learners())


def parameters_of(case: Case) -> Any:
    return case.learner.candidates(case.shape)[0]


def held_out(case: Case) -> Arrays:
    _, columns, _ = table(600, 8, bool(case.encoder.texts))
    return case.encoder.columns(columns, 600)


def test_outputs_have_the_promised_shape_and_range(case: Case) -> None:
    raw = case.fitted.predict(case.arrays)
    assert raw.shape == (N, case.shape.n_outputs)
    assert np.isfinite(raw).all()
    if case.shape.objective.name == PROBABILITIES:
        assert ((raw >= 0) & (raw <= 1)).all()
        if case.shape.n_outputs > 1:
            assert np.allclose(raw.sum(axis=1), 1)


def test_it_learns_or_is_the_baseline(case: Case) -> None:
    raw = case.fitted.predict(case.arrays)
    if case.learner.name == "baseline":
        assert (raw == raw[0]).all()
    elif case.shape.objective.name == NUMBER:
        assert np.mean((raw[:, 0] - case.target) ** 2) < 0.6 * np.var(case.target)
    else:
        guessed = (raw[:, 0] > 0.5).astype(int) if case.shape.n_outputs == 1 else raw.argmax(axis=1)
        assert np.mean(guessed == case.target) > np.bincount(case.target).max() / N + 0.1


def test_the_graph_answers_like_the_model(case: Case) -> None:
    for arrays in (case.arrays, held_out(case)):
        assert np.abs(case.fitted.predict(arrays) - case.session.run(arrays)).max() <= TOLERANCE


def test_the_graph_answers_like_the_model_on_hostile_rows(case: Case) -> None:
    hostile = hostile_arrays(case.arrays, case.exported)
    expected, found = case.fitted.predict(hostile), case.session.run(hostile)
    assert np.isfinite(found).all()
    assert np.abs(expected - found).max() <= TOLERANCE


def test_thresholds_are_where_the_answer_may_jump(case: Case) -> None:
    for column, values in case.exported.thresholds.items():
        assert 0 <= column < case.arrays.dense.shape[1] + case.arrays.codes.shape[1]
        for value in values:
            assert float(np.float32(value)) == value
            rows = case.arrays.take(np.zeros(3, dtype=np.intp))
            if column < rows.dense.shape[1]:
                below, above = np.nextafter(np.float32(value), -np.inf), np.nextafter(np.float32(value), np.inf)
                rows.dense[:, column] = [below, value, above]
                found = case.session.run(rows)
                assert np.abs(found - case.fitted.predict(rows)).max() <= TOLERANCE


@pytest.mark.slow
@pytest.mark.parametrize("size", [1, 2, 3, 7, 16, 64])
def test_a_row_has_the_same_bits_in_a_batch_of_any_size(case: Case, size: int) -> None:
    arrays = held_out(case)
    whole = case.session.run(arrays)
    for start in range(0, len(arrays), size):
        rows = np.arange(start, min(start + size, len(arrays)))
        assert case.session.run(arrays.take(rows)).tobytes() == whole[rows].tobytes()


def test_one_row_by_the_bound_buffers_has_the_same_bits(case: Case) -> None:
    if not case.session.dense_alone:  # then a row goes the way of every batch
        assert case.encoder.texts or not case.exported.graph.merged
        return
    merged, whole = case.arrays.merged(), case.session.run(case.arrays)
    for i in range(20):
        assert case.session.run_row(merged[i].tolist()).tobytes() == whole[i : i + 1].tobytes()


def test_an_empty_batch_gives_no_answers(case: Case) -> None:
    nothing = case.arrays.take(np.empty(0, dtype=np.intp))
    assert case.fitted.predict(nothing).shape == (0, case.shape.n_outputs)
    assert case.session.run(nothing).shape == (0, case.shape.n_outputs)


def test_missing_and_unseen_values_are_served(case: Case) -> None:
    rows: list[dict[str, object]] = [
        {},
        {"x": None, "y": None, "level": None},
        {"level": "never seen"},
        {"x": 1e300, "y": -1e300},
    ]
    raw = case.session.run(case.encoder.rows(rows, []))
    assert np.isfinite(raw).all()
    extreme = case.arrays.take(np.zeros(2, dtype=np.intp))
    extreme.dense[0], extreme.dense[1] = FLOAT32_MAX, -FLOAT32_MAX
    assert np.isfinite(case.session.run(extreme)).all()


def test_the_same_seed_gives_the_same_model(case: Case) -> None:
    context = Context(case.shape, effort=EFFORT)
    again = case.learner.fit(case.arrays, case.target, parameters_of(case), context)
    assert again.export().model == case.exported.model
    assert again.predict(case.arrays).tobytes() == case.fitted.predict(case.arrays).tobytes()


@pytest.mark.slow
def test_effort_repeats_a_fit_that_a_validation_part_ended(case: Case) -> None:
    inside, outside = np.arange(0, N, 2), np.arange(1, N, 2)
    train, validation = case.arrays.take(inside), (case.arrays.take(outside), case.target[outside])
    parameters = parameters_of(case)
    deadline = time.monotonic() + 0.7
    first = case.learner.fit(
        train, case.target[inside], parameters, Context(case.shape, validation=validation, deadline=deadline)
    )
    second = case.learner.fit(train, case.target[inside], parameters, Context(case.shape, effort=first.effort))
    assert second.effort == first.effort
    assert second.predict(case.arrays).tobytes() == first.predict(case.arrays).tobytes()


@pytest.mark.slow
def test_a_deadline_ends_a_fit_with_a_usable_model(case: Case) -> None:
    context = Context(case.shape, deadline=time.monotonic() - 1)
    unlimited = Context(case.shape, deadline=time.monotonic() + 120)
    fitted = case.learner.fit(case.arrays, case.target, parameters_of(case), context)
    assert fitted.effort >= 1
    assert np.isfinite(fitted.predict(case.arrays)).all()
    longest = case.learner.fit(case.arrays, case.target, parameters_of(case), unlimited).effort
    assert fitted.effort <= longest


@pytest.mark.slow
def test_a_fit_can_be_cancelled_and_begun_again(case: Case) -> None:
    said: list[float] = []

    def cancel(share: float) -> None:
        said.append(share)
        raise KeyboardInterrupt

    context = Context(case.shape, effort=EFFORT, progress=cancel)
    try:
        case.learner.fit(case.arrays, case.target, parameters_of(case), context)
    except KeyboardInterrupt:
        assert len(said) == 1
    else:
        assert not said  # too short to say anything
    again = case.learner.fit(case.arrays, case.target, parameters_of(case), Context(case.shape, effort=EFFORT))
    assert again.export().model == case.exported.model


@pytest.mark.parametrize("name", sorted({name for name, target_kind, _ in CASES if target_kind == "many"}))
def test_a_label_without_rows_gets_next_to_no_probability(name: str) -> None:
    texts = not takes(name, "many")
    whole = _made.setdefault((name, "many", texts), make(name, "many", texts))
    rows = np.flatnonzero(whole.target != 2)
    fitted = whole.learner.fit(
        whole.arrays.take(rows), whole.target[rows], parameters_of(whole), Context(whole.shape, effort=EFFORT)
    )
    raw = fitted.predict(whole.arrays)
    assert raw.shape == (N, 4)
    assert raw[:, 2].max() < 0.05
    exported = fitted.export()
    assert np.abs(Session(exported.graph, exported.model).run(whole.arrays) - raw).max() <= TOLERANCE


@pytest.mark.slow
def test_weights_pull_answers_toward_the_rows_that_have_them(case: Case) -> None:
    """Rows that weigh sixteen times as much as the others move the mean answer to their side."""
    chosen = case.target == 1 if case.shape.objective.name == PROBABILITIES else case.target > 0
    means = []
    for heavy in (chosen, ~chosen):
        weights = np.where(heavy, 4.0, 0.25)
        context = Context(case.shape, effort=EFFORT, weights=weights / weights.mean())
        raw = case.learner.fit(case.arrays, case.target, parameters_of(case), context).predict(case.arrays)
        means.append(raw[:, 1 if case.shape.n_outputs > 1 else 0].mean())
    assert means[0] > means[1]


def test_inputs_are_not_changed(case: Case) -> None:
    before = (case.arrays.dense.copy(), case.arrays.codes.copy(), case.target.copy())
    case.learner.fit(case.arrays, case.target, parameters_of(case), Context(case.shape, effort=3)).predict(case.arrays)
    after = (case.arrays.dense, case.arrays.codes, case.target)
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize(
    ("name", "target_kind"), [(name, t) for name in sorted(get_learners()) for t in TARGETS if takes(name, t)]
)
def test_a_row_or_two_can_be_fitted(name: str, target_kind: str, n: int) -> None:
    learner = get_learners()[name]
    rows = table_arrays(np.arange(n, dtype=np.float32)[:, None], np.zeros((n, 0), np.int32))
    target, objective = target_of(np.arange(2) + 0.1, target_kind)
    shape = Shape(objective, n, 1, [], 0)
    for parameters in learner.candidates(shape):
        fitted = learner.fit(rows, target[:n], parameters, Context(shape, effort=2))
        assert np.isfinite(fitted.predict(rows)).all()
        exported = fitted.export()
        assert np.abs(Session(exported.graph, exported.model).run(rows) - fitted.predict(rows)).max() <= TOLERANCE
