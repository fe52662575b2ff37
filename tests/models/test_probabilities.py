"""Every probability lies in 0 to 1 and those of a row add up to 1: each learner, few labels and many, any effort."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import fitserve
from fitserve.blocks import Arrays, Ragged, table_arrays
from fitserve.errors import NotForThisTable
from fitserve.models.base import Context, Shape, candidates_of, get_learners
from fitserve.models.graph import GraphBuilder, table_graph
from fitserve.models.objective import Probabilities
from fitserve.prediction.session import Session
from fitserve.training.export import TOLERANCE, hostile_arrays

N, TERMS = 80, 6
EFFORTS = [1, 3, 7, 11]
MANY_TREES = ("forest", "extra_trees", "lightgbm", "xgboost")
# The sum of probabilities, by float32s, may be off by the rounding of each.
SLACK = 1e-6


def texts(n: int, rng: np.random.Generator) -> Ragged:
    rows = np.repeat(np.arange(n), 3)
    return Ragged(rng.integers(0, TERMS, len(rows)), rows, rng.random(len(rows)).astype(np.float32))


def arrays(n: int, rng: np.random.Generator, *, with_texts: bool) -> Arrays:
    dense = np.round(rng.normal(size=(n, 2)) * 3, 1).astype(np.float32)
    return table_arrays(dense, rng.integers(0, 6, (n, 1)).astype(np.int32), texts(n, rng) if with_texts else None)


def shape_for(name: str, labels: int) -> Shape | None:
    """A table that a learner takes, with texts only where it needs them; None if it does not tell labels apart."""
    for terms in (0, TERMS):
        shape = Shape(Probabilities(1 if labels == 2 else labels), N, 2, [6], terms)
        try:
            candidates_of(get_learners()[name], shape)
        except NotForThisTable:
            continue
        return shape
    return None


CLASSIFIERS = [name for name in get_learners() if shape_for(name, 2) is not None]


def check_probabilities(raw: np.ndarray) -> None:
    wide = raw.astype(np.float64)
    both = np.hstack([1.0 - wide, wide]) if wide.shape[1] == 1 else wide
    assert both.min() >= 0.0
    assert both.max() <= 1.0
    assert np.abs(both.sum(axis=1) - 1.0).max() <= SLACK


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_probabilities_are_some(name: str) -> None:
    learner = get_learners()[name]

    @settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(
        st.sampled_from([2, 3, 12]), st.sampled_from([*EFFORTS, 170]), st.booleans(), st.integers(0, 999), st.booleans()
    )
    def check(labels: int, effort: int, pure: bool, seed: int, last: bool) -> None:
        shape, rng = shape_for(name, labels), np.random.default_rng(seed)
        assert shape is not None
        rows = arrays(N, rng, with_texts=shape.n_terms > 0)
        notes = rows.dense[:, 0] if pure else rng.normal(size=N)
        target = np.searchsorted(np.quantile(notes, np.linspace(0, 1, labels + 1)[1:-1]), notes)
        effort = effort if name in MANY_TREES else min(effort, 11)
        parameters = learner.candidates(shape)[-1 if last else 0]
        fitted = learner.fit(rows, target.astype(np.int64), parameters, Context(shape, seed, effort=effort))
        exported = fitted.export()
        session = Session(exported.graph, exported.model)
        for asked in (rows, arrays(200, rng, with_texts=shape.n_terms > 0), hostile_arrays(rows, exported)):
            answers, trained = session.run(asked), fitted.predict(asked)
            check_probabilities(answers)
            check_probabilities(trained)
            assert np.abs(answers - trained).max() <= TOLERANCE

    check()


@pytest.mark.parametrize("trees", [11, 170])
@pytest.mark.parametrize("labels", [2, 3])
def test_pure_leaves_of_any_number_of_trees_sum_to_one(trees: int, labels: int) -> None:
    """Eleven elevenths are 1.000001 in float32 if each is rounded by itself."""
    dense = np.linspace(-1, 1, 300, dtype=np.float32)[:, None]
    rows = table_arrays(dense, np.zeros((300, 0), np.int32))
    target = np.searchsorted(np.linspace(-1, 1, labels + 1)[1:-1], dense[:, 0]).astype(np.int64)
    shape = Shape(Probabilities(1 if labels == 2 else labels), 300, 1, [], 0)
    for name in ("forest", "extra_trees"):
        learner = get_learners()[name]
        exported = learner.fit(rows, target, learner.candidates(shape)[0], Context(shape, effort=trees)).export()
        check_probabilities(Session(exported.graph, exported.model).run(rows))


@pytest.mark.parametrize("double", [False, True])
def test_a_sigmoid_never_exceeds_one(double: bool) -> None:
    """The kernel of onnxruntime does, between 17.48 and 18."""
    builder = GraphBuilder()
    graph = table_graph(1, 0, 0, 1, merged=True)
    scores = builder.add("Cast", "dense", to=11) if double else "dense"
    session = Session(graph, builder.build(builder.link("Sigmoid", scores, double=double), graph))
    near = np.linspace(17.4, 18.1, 500_000).astype(np.float32)[:, None]
    for asked in (near, -near, np.array([[3e38], [-3e38], [0.0]], np.float32)):
        check_probabilities(session.run_matrix(asked))


@pytest.mark.parametrize("labels", [3, 50, 99, 1000])
def test_many_labels_sum_to_one(labels: int) -> None:
    rng = np.random.default_rng(0)
    graph = table_graph(labels, 0, 0, labels, merged=True)
    for link, scores in (("Softmax", rng.normal(size=(300, labels)) * 10), ("Shares", rng.random((300, labels)))):
        builder = GraphBuilder()
        output = builder.link(link, "dense") if link == "Softmax" else builder.shares("dense", labels)
        session = Session(graph, builder.build(output, graph))
        whole = session.run_matrix(scores.astype(np.float32))
        check_probabilities(whole)
        # Copies: a kernel may treat a row by where it lies in memory, and so by its place in a batch.
        parts = [session.run_matrix(scores[i : i + 3].astype(np.float32)) for i in range(0, 300, 3)]
        assert np.concatenate(parts).tobytes() == whole.tobytes()


def test_a_forest_of_pure_leaves_is_trained_and_answers(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    a = np.round(rng.normal(size=300), 4)
    table = pl.DataFrame({"a": a, "b": rng.integers(0, 9, 300), "good": np.where(a > 0.2, "yes", "no")})
    run = fitserve.train(table, "good", name="m", learners=["forest"], budget=30.0, workspace=tmp_path)
    for answer in run.predictor().predict(table):
        assert all(0 <= share <= 1 for share in answer["probabilities"].values())
