from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn import metrics as reference

from fitserve import metrics
from fitserve.metrics import classification_scores, confusion_matrix
from fitserve.tasks.classification.metrics import METRICS

Case = tuple[NDArray[np.int64], NDArray[np.float64]]

SHARED = ["roc_auc", "average_precision", "log_loss", "brier"]
SHARED += ["accuracy", "balanced_accuracy", "matthews_corrcoef"]
OF_POSITIVE = ["f1", "precision", "recall"]
MACRO = ["f1_macro", "precision_macro", "recall_macro"]


def quietly(score: Callable[..., Any], *args: Any, **options: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return score(*args, **options)


def near(expected: float) -> Any:
    return pytest.approx(expected, rel=1e-12, abs=1e-12)


def rows_of(kind: str, n: int, k: int, rng: np.random.Generator) -> NDArray[np.float64]:
    if kind == "certain":
        return np.eye(k)[rng.integers(0, k, n)]
    if kind == "constant":
        return np.tile(rng.dirichlet(np.ones(k)), (n, 1))
    if kind == "tied":
        weights = rng.integers(0, 3, (n, k)).astype(np.float64)
        weights[weights.sum(axis=1) == 0] = 1.0
        return np.asarray(weights / weights.sum(axis=1, keepdims=True))
    sharpness = {"smooth": 1.0, "extreme": 0.02}[kind]
    return rng.dirichlet(np.full(k, sharpness), n)


@st.composite
def cases(draw: st.DrawFn, classes: st.SearchStrategy[int], least: int = 0) -> Case:
    k, n = draw(classes), draw(st.sampled_from([1, 2, 3, 7, 40]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    kind = draw(st.sampled_from(["certain", "constant", "tied", "smooth", "extreme"]))
    probabilities = rows_of(kind, n, k, rng)
    truth = rng.integers(least, draw(st.integers(1, k)), n)
    if draw(st.booleans()):
        probabilities, truth = np.repeat(probabilities, 2, axis=0), np.repeat(truth, 2)
    return truth, probabilities


def check_labels(scores: dict[str, float | None], truth: NDArray[Any], predicted: NDArray[Any]) -> None:
    assert scores["accuracy"] == near(reference.accuracy_score(truth, predicted))
    assert scores["balanced_accuracy"] == near(quietly(reference.balanced_accuracy_score, truth, predicted))
    assert scores["matthews_corrcoef"] == near(quietly(reference.matthews_corrcoef, truth, predicted))
    for name in ("f1", "precision", "recall"):
        score = getattr(reference, f"{name}_score")
        expected = quietly(score, truth, predicted, average="macro", zero_division=0)
        assert scores[f"{name}_macro"] == near(expected)


def check_one_against_rest(
    area: float | None, precision: float | None, truth: NDArray[np.bool_], score: NDArray[Any]
) -> None:
    if truth.any() and not truth.all():
        assert area == near(reference.roc_auc_score(truth, score))
    else:
        assert area is None
    if truth.any():
        assert precision == near(reference.average_precision_score(truth, score))
    else:
        assert precision is None


@settings(deadline=None, max_examples=50)
@given(
    case=cases(st.just(2)),
    positive=st.sampled_from([None, 0, 1]),
    threshold=st.sampled_from([0.0, 0.2, 0.5, 1 / 3, 1.0]),
)
def test_binary_scores_are_those_of_scikit_learn(case: Case, positive: int | None, threshold: float) -> None:
    truth, probabilities = case
    scores = classification_scores(truth, probabilities, positive, threshold=threshold)
    assert list(scores) == SHARED + OF_POSITIVE + MACRO
    chosen = 1 if positive is None else positive
    of_positive, is_positive = probabilities[:, chosen], truth == chosen
    check_one_against_rest(scores["roc_auc"], scores["average_precision"], is_positive, of_positive)
    assert scores["log_loss"] == near(quietly(reference.log_loss, truth, probabilities, labels=[0, 1]))
    assert scores["brier"] == near(reference.brier_score_loss(is_positive, of_positive, pos_label=True))
    predicted = np.where(of_positive >= threshold, chosen, 1 - chosen)
    check_labels(scores, truth, predicted)
    for name in OF_POSITIVE:
        score = getattr(reference, f"{name}_score")
        assert scores[name] == near(score(is_positive, predicted == chosen, zero_division=0))


@settings(deadline=None, max_examples=50)
@given(case=cases(st.integers(3, 6)))
def test_multiclass_scores_are_those_of_scikit_learn(case: Case) -> None:
    truth, probabilities = case
    k = probabilities.shape[1]
    scores = classification_scores(truth, probabilities)
    assert list(scores) == SHARED + MACRO
    expected = quietly(reference.log_loss, truth, probabilities, labels=list(range(k)))
    assert scores["log_loss"] == near(expected)
    expected = quietly(reference.brier_score_loss, truth, probabilities, labels=list(range(k)), scale_by_half=False)
    assert scores["brier"] == near(expected)
    check_labels(scores, truth, probabilities.argmax(axis=1))
    present = np.unique(truth)
    if len(present) < 2:
        assert scores["roc_auc"] is None
        assert scores["average_precision"] is None
        return
    for name in ("roc_auc", "average_precision"):
        score = getattr(reference, f"{name}_score")
        assert scores[name] == near(np.mean([score(truth == c, probabilities[:, c]) for c in present]))
    if len(present) == k:
        expected = reference.roc_auc_score(truth, probabilities, multi_class="ovr", average="macro")
        assert scores["roc_auc"] == near(expected)
        assert scores["average_precision"] == near(reference.average_precision_score(truth, probabilities))


@settings(deadline=None, max_examples=40)
@given(case=cases(st.integers(2, 5), least=-1))
def test_unknown_labels_are_wrong_classes_and_carry_no_probability(case: Case) -> None:
    truth, probabilities = case
    scores = classification_scores(truth, probabilities)
    check_labels(scores, truth, metrics.predicted_class(probabilities))
    known = truth >= 0
    of_known = classification_scores(truth[known], probabilities[known])
    assert [scores[name] for name in SHARED[:4]] == [of_known[name] for name in SHARED[:4]]
    assert metrics.roc_auc_ovr(truth, probabilities) == metrics.roc_auc_ovr(truth[known], probabilities[known])
    assert metrics.log_loss(truth, probabilities) == of_known["log_loss"]
    assert metrics.brier(truth, probabilities) == of_known["brier"]


@settings(deadline=None, max_examples=40)
@given(
    truth=st.lists(st.booleans(), min_size=1, max_size=30),
    seed=st.integers(0, 2**32),
    scale=st.sampled_from([1e-300, 1e-3, 1.0, 1e300]),
)
def test_rank_scores_take_any_finite_score(truth: list[bool], seed: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    score = rng.choice([-3.0, -0.0, 0.0, 1.0, rng.normal(), rng.normal()], len(truth)) * scale
    flags = np.array(truth)
    check_one_against_rest(metrics.roc_auc(flags, score), metrics.average_precision(flags, score), flags, score)


def test_many_rows_equal_scikit_learn() -> None:
    rng = np.random.default_rng(7)
    probabilities = rng.dirichlet([0.5, 1.0, 2.0], 20_000).round(3)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    truth = (rng.random(len(probabilities))[:, None] > probabilities.cumsum(axis=1)[:, :2]).sum(axis=1)
    scores = classification_scores(truth, probabilities)
    assert scores["roc_auc"] == near(reference.roc_auc_score(truth, probabilities, multi_class="ovr"))
    assert scores["average_precision"] == near(reference.average_precision_score(truth, probabilities))
    assert scores["log_loss"] == near(reference.log_loss(truth, probabilities))
    assert scores["brier"] == near(reference.brier_score_loss(truth, probabilities))
    assert metrics.average_precision_ovr(truth, probabilities) == scores["average_precision"]


@pytest.mark.parametrize("k", [2, 3])
def test_no_rows_leave_every_score_undefined(k: int) -> None:
    scores = classification_scores(np.empty(0, dtype=np.int64), np.empty((0, k)))
    assert set(scores.values()) == {None}
    none = np.empty(0)
    assert metrics.roc_auc(none.astype(bool), none) is None
    assert metrics.average_precision(none.astype(bool), none) is None


@pytest.mark.parametrize("k", [2, 3])
def test_nothing_but_unknown_labels(k: int) -> None:
    scores = classification_scores(np.array([-1, -1]), np.eye(k)[:2])
    assert [scores[name] for name in SHARED] == [None, None, None, None, 0.0, 0.0, 0.0]


def test_one_class_in_the_truth() -> None:
    probabilities = np.array([[0.9, 0.1], [0.3, 0.7]])
    negatives = classification_scores(np.array([0, 0]), probabilities)
    assert negatives["roc_auc"] is None
    assert negatives["average_precision"] is None
    assert negatives["f1"] == 0.0
    positives = classification_scores(np.array([1, 1]), probabilities)
    assert positives["roc_auc"] is None
    assert positives["average_precision"] == 1.0


def test_first_of_equal_probabilities_is_predicted_and_the_threshold_belongs_to_the_positive() -> None:
    assert metrics.predicted_class(np.full((1, 3), 1 / 3)).tolist() == [0]
    even = np.array([[0.5, 0.5]])
    assert metrics.predicted_class(even).tolist() == [1]
    assert metrics.predicted_class(even, 0).tolist() == [0]
    assert metrics.predicted_class(even, threshold=0.6).tolist() == [0]


def test_probabilities_of_a_single_precision_model_may_overshoot_a_little() -> None:
    scores = classification_scores(np.array([0, 1]), np.array([[1.0000001, -1e-8], [0.0, 1.0000001]]))
    assert scores["log_loss"] == near(-np.log(1 - np.finfo(np.float64).eps))


def test_confusion_matrix_counts_unknown_labels_in_its_last_row() -> None:
    truth, predicted = np.array([0, 1, 1, -1, -1, 2]), np.array([0, 1, 2, 2, 2, 0])
    matrix = confusion_matrix(truth, predicted, 3)
    assert matrix.tolist() == [[1, 0, 0], [0, 1, 1], [1, 0, 0], [0, 0, 2]]
    assert matrix[:3].tolist() == reference.confusion_matrix(truth, predicted, labels=[0, 1, 2]).tolist()


def test_small_integer_types_do_not_overflow() -> None:
    truth = np.arange(100, dtype=np.int8)
    assert confusion_matrix(truth, truth, 100).trace() == 100
    assert classification_scores(truth, np.eye(100))["accuracy"] == 1.0


@pytest.mark.parametrize(
    ("truth", "probabilities", "positive"),
    [
        ([0, 1], [[0.5, 0.5]], None),
        ([[0]], [[0.5, 0.5]], None),
        ([0], [0.5], None),
        ([0], [[1.0]], None),
        ([2], [[0.5, 0.5]], None),
        ([-2], [[0.5, 0.5]], None),
        ([0.0], [[0.5, 0.5]], None),
        ([0], [[1.5, -0.5]], None),
        ([0], [[np.nan, 0.5]], None),
        ([0], [[0.5, 0.5]], 2),
        ([0], [[0.5, 0.25, 0.25]], 1),
    ],
)
def test_input_that_cannot_be_scored_is_refused(
    truth: list[Any], probabilities: list[Any], positive: int | None
) -> None:
    with pytest.raises(ValueError, match=r"must|need"):
        classification_scores(np.array(truth), np.array(probabilities), positive)


def test_rank_scores_and_confusion_matrix_refuse_bad_input() -> None:
    with pytest.raises(ValueError, match="finite"):
        metrics.roc_auc(np.array([True, False]), np.array([0.1, np.nan]))
    with pytest.raises(ValueError, match="finite"):
        metrics.average_precision(np.array([True, False]), np.array([-np.inf, 0.0]))
    with pytest.raises(ValueError, match="one shape"):
        metrics.roc_auc(np.array([True]), np.array([0.1, 0.2]))
    with pytest.raises(ValueError, match="one shape"):
        confusion_matrix(np.array([0]), np.array([0, 1]), 2)
    with pytest.raises(ValueError, match="class indexes"):
        confusion_matrix(np.array([0]), np.array([-1]), 2)


def test_the_table_lists_every_classification_score() -> None:
    binary = classification_scores(np.array([0, 1]), np.eye(2))
    assert list(METRICS) == list(binary)


@pytest.mark.parametrize("name", SHARED + OF_POSITIVE + MACRO)
def test_a_perfect_model_has_the_least_loss(name: str) -> None:
    perfect = classification_scores(np.array([0, 1, 1]), np.eye(2)[[0, 1, 1]])[name]
    wrong = classification_scores(np.array([0, 1, 1]), np.eye(2)[[1, 0, 0]])[name]
    assert perfect is not None
    assert wrong is not None
    assert METRICS[name].loss(perfect) < METRICS[name].loss(wrong)
