"""What every task promises, tested over all registered ones."""

from __future__ import annotations

import dataclasses
import json
import math
from importlib.metadata import entry_points
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fitserve.errors import DataError, SpecError
from fitserve.evaluation.task import TaskEvaluation, task_evaluation
from fitserve.features.column import Column, coded, column_of
from fitserve.tasks import get_task

TARGETS: dict[str, list[Column]] = {
    "classification": [
        coded(["a", "b", None, "a", "c"]),
        coded(["no", "yes", "no"]),
        coded([True, False, True]),
        column_of(np.array([1.0, 2.0, 2.0, math.nan])),
        column_of(np.array([0, 1, 5, 5])),
    ],
    "regression": [
        column_of(np.array([1.0, 2.5, math.nan, -7.0])),
        column_of(np.array([10**12, 10**12 + 1])),
        coded(["1", "2.5", "?", 3]),
    ],
}
NAMES = sorted(entry.name for entry in entry_points(group="fitserve.tasks"))


def test_every_task_has_targets_here() -> None:
    assert sorted(TARGETS) == NAMES


@pytest.fixture(params=[(name, i) for name in NAMES for i in range(len(TARGETS[name]))], ids=str)
def fitted(request: pytest.FixtureRequest) -> tuple[TaskEvaluation, Any, Column]:
    name, i = request.param
    task, target = task_evaluation(name), TARGETS[name][i]
    return task, task.fit(target), target


def raw_outputs(answerer: Any, n: int, seed: int = 0) -> NDArray[np.float32]:
    raw = np.random.default_rng(seed).random((n, answerer.n_outputs)).astype(np.float32)
    return raw / raw.sum(axis=1, keepdims=True) if answerer.n_outputs > 1 else raw


def test_the_state_survives_json(fitted: tuple[TaskEvaluation, Any, Column]) -> None:
    task, answerer, _ = fitted
    again = get_task(task.name).load(json.loads(json.dumps(dataclasses.asdict(answerer))))
    raw = raw_outputs(answerer, 5)
    assert again.decode(raw) == answerer.decode(raw)


def test_answers_are_json_with_a_prediction(fitted: tuple[TaskEvaluation, Any, Column]) -> None:
    _, answerer, _ = fitted
    answers = answerer.decode(raw_outputs(answerer, 4))
    assert len(answers) == 4
    assert all("prediction" in answer for answer in answers)
    assert json.loads(json.dumps(answers, allow_nan=False)) == answers


def test_rows_and_columns_give_the_same_answers(fitted: tuple[TaskEvaluation, Any, Column]) -> None:
    _, answerer, _ = fitted
    raw = raw_outputs(answerer, 50)
    columns = {name: values.tolist() for name, values in answerer.columns(raw).items()}
    for i, answer in enumerate(answerer.decode(raw)):
        assert columns["prediction"][i] == answer["prediction"]
        assert type(columns["prediction"][i]) is type(answer["prediction"])
        for label, share in answer.get("probabilities", {}).items():
            assert columns[f"probability_{label}"][i] == share


def test_no_rows_no_answers(fitted: tuple[TaskEvaluation, Any, Column]) -> None:
    _, answerer, _ = fitted
    raw = raw_outputs(answerer, 0)
    assert answerer.decode(raw) == []
    assert all(len(values) == 0 for values in answerer.columns(raw).values())


def test_truth_marks_what_is_missing(fitted: tuple[TaskEvaluation, Any, Column]) -> None:
    task, answerer, target = fitted
    truth = answerer.truth(target)
    assert len(truth) == len(target)
    known = task.known(truth)
    assert known.any()


def test_a_perfect_model_scores_perfectly(fitted: tuple[TaskEvaluation, Any, Column]) -> None:
    task, answerer, target = fitted
    truth = answerer.truth(target)
    known = task.known(truth)
    truth = truth[known]
    if task.name == "regression":
        assert answerer.score(truth[:, None], truth)["rmse"] == pytest.approx(0, abs=1e-12)
        restored = answerer.columns(truth[:, None])["prediction"]
        assert np.allclose(restored, restored.round(6), rtol=1e-12)
    else:
        raw = np.eye(max(answerer.n_outputs, 2))[truth]
        raw = raw[:, 1:] if answerer.n_outputs == 1 else raw
        assert answerer.score(raw, truth)["accuracy"] == 1.0


def test_one_score_alone_is_what_it_is_among_all(fitted: tuple[TaskEvaluation, Any, Column]) -> None:
    _, answerer, target = fitted
    truth = answerer.truth(target)
    raw = raw_outputs(answerer, len(truth))
    scores = answerer.score(raw, truth)
    assert {name: answerer.score(raw, truth, name) for name in scores} == {
        name: {name: scores[name]} for name in scores
    }


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("target", [coded(["x", "x"]), coded([None, None]), column_of(np.array([3.0, 3.0]))], ids=str)
def test_a_target_that_teaches_nothing_is_refused(name: str, target: Column) -> None:
    with pytest.raises(DataError) as caught:
        task_evaluation(name).fit(target)
    assert "\n" not in str(caught.value)


def test_an_unknown_task_is_named_with_the_known_ones() -> None:
    with pytest.raises(SpecError, match="classification, regression"):
        get_task("clasification")


class TestClassification:
    def test_labels_keep_their_type(self) -> None:
        task = task_evaluation("classification")
        assert task.fit(column_of(np.array([2, 1, 2, 7]))).labels == [1, 2, 7]
        assert task.fit(coded(["2", "1", "2", "7"])).labels == ["1", "2", "7"]
        assert task.fit(coded([True, False, True])).labels == [False, True]

    @pytest.mark.parametrize(
        ("values", "positive"),
        [
            (["no", "yes", "yes"], "yes"),
            (["是", "否", "是"], "是"),
            ([0, 1, 1, 1], 1),
            ([1, 2, 1, 1], 2),
            (["good", "good", "bad"], "bad"),
            ([True, True, False], True),
        ],
    )
    def test_the_positive_class_is_what_says_yes_or_is_rarer(self, values: list[object], positive: object) -> None:
        assert task_evaluation("classification").fit(coded(values)).labels[1] == positive

    def test_labels_that_occur_once_each_are_refused(self) -> None:
        with pytest.raises(DataError, match="identifier"):
            task_evaluation("classification").fit(coded([f"id {i}" for i in range(40)]))


@settings(max_examples=100)
@given(st.lists(st.floats(-1e12, 1e12), min_size=2, max_size=20, unique=True))
def test_regression_restores_its_target(values: list[float]) -> None:
    task = task_evaluation("regression")
    target = column_of(np.array(values))
    try:
        answerer = task.fit(target)
    except DataError:
        return
    restored = answerer.columns(answerer.truth(target)[:, None])["prediction"]
    assert np.allclose(restored, values, rtol=1e-9, atol=1e-9 * answerer.scale)
