"""Multilayer perceptrons (Rumelhart et al. 1986), trained by scikit-learn with Adam (Kingma and Ba 2015)."""

from __future__ import annotations

import time
import warnings
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor

from fitserve.blocks import Arrays
from fitserve.models.base import Context, Exported, Fitted, Parameters, Shape
from fitserve.models.constant import fit_constant
from fitserve.models.dense_view import DenseView, check_width, fit_view
from fitserve.models.graph import GraphBuilder
from fitserve.models.labels import Labels, labels_of, link_of, links, watched_rows
from fitserve.models.objective import NUMBER, PROBABILITIES

_MOST_COLUMNS = 1_000
_MOST_EPOCHS, _PATIENCE, _EPOCHS_UNWATCHED = 200, 12, 30
_BATCH = 128

Layers = Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]]


def _forward(layers: Layers, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scores (n, outputs) of the last layer."""
    for i, (weights, bias) in enumerate(layers):
        matrix = (np.maximum(matrix, 0.0) if i else matrix) @ weights + bias
    return matrix


@dataclass(frozen=True)
class FittedPerceptron:
    """Layers with rectifiers between them on a dense view; ``effort`` epochs have made them."""

    view: DenseView
    layers: Layers
    labels: Labels
    link: str
    effort: int

    def predict(self, arrays: Arrays) -> NDArray[np.float64]:
        """Raw outputs, float64 (n, outputs)."""
        return links[self.link](self.labels.spread(_forward(self.layers, self.view.matrix(arrays))))

    def export(self) -> Exported:
        """The same layers in float64."""
        graph, builder = self.view.graph(self.labels.n_outputs), GraphBuilder()
        *hidden, (weights, bias) = self.layers
        last = (self.labels.spread_weights(weights), self.labels.spread(bias[None, :])[0])
        value = self.view.node(builder)
        for i, (slopes, shift) in enumerate([*hidden, last]):
            value = builder.add("Relu", value) if i else value
            value = builder.add("Add", builder.add("MatMul", value, builder.constant(slopes)), builder.constant(shift))
        if not self.link:
            return Exported(graph, builder.build(value, graph, double=True))
        return Exported(graph, builder.build(builder.link(self.link, value, double=True), graph))


class Perceptron:
    """A small neural network on standardised columns, with early stopping."""

    name: ClassVar[str] = "mlp"
    cost: ClassVar[int] = 6
    objectives: ClassVar[Collection[str] | None] = (NUMBER, PROBABILITIES)

    def candidates(self, shape: Shape) -> Sequence[Parameters]:
        """A network of two layers, and a wider one with a stronger penalty."""
        check_width(shape, _MOST_COLUMNS, self.name)
        return [
            {"hidden": [64, 32], "rate": 0.003, "alpha": 1e-4},
            {"hidden": [128, 64], "rate": 0.001, "alpha": 1e-2},
        ]

    def fit(self, arrays: Arrays, target: NDArray[Any], parameters: Parameters, context: Context) -> Fitted:
        """Go through the rows until the validation part no longer improves or the deadline is there."""
        shape = context.shape
        if len(np.unique(target)) == 1:
            return fit_constant(arrays, target, context)
        view, labels = fit_view(arrays, context), labels_of(target, shape)
        matrix, truth = view.matrix(arrays).astype(np.float32), labels.numbered(target)
        model = _network(parameters, context, len(target))
        watch = _watch(view, labels, context)
        most = context.effort or (_MOST_EPOCHS if watch is not None else _EPOCHS_UNWATCHED)
        kept: Layers = []
        best, best_loss = 0, np.inf
        known = {} if shape.objective.name == NUMBER else {"classes": np.unique(truth)}
        for epoch in range(most):
            begun = time.monotonic()
            with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
                model.partial_fit(matrix, truth, sample_weight=context.weights, **(known if not epoch else {}))
            layers = [
                (w.astype(np.float64), b.astype(np.float64))
                for w, b in zip(model.coefs_, model.intercepts_, strict=True)
            ]
            loss = -np.inf if watch is None else _loss(layers, *watch, link_of(shape))
            if watch is None or not kept or loss < best_loss:
                best, best_loss, kept = epoch, loss, layers
            context.progress((epoch + 1) / most)
            if context.ends_within(time.monotonic() - begun) or (watch is not None and epoch - best >= _PATIENCE):
                break
        return FittedPerceptron(view, kept, labels, link_of(shape), best + 1)


def _network(parameters: Parameters, context: Context, n: int) -> Any:
    kind = MLPRegressor if context.shape.objective.name == NUMBER else MLPClassifier
    return kind(
        hidden_layer_sizes=tuple(parameters["hidden"]),
        alpha=float(parameters["alpha"]),
        learning_rate_init=float(parameters["rate"]),
        batch_size=min(_BATCH, n),
        random_state=context.seed,
    )


def _watch(view: DenseView, labels: Labels, context: Context) -> tuple[NDArray[np.float64], NDArray[Any]] | None:
    watched = watched_rows(context, labels)
    return None if watched is None else (view.matrix(watched[0]), watched[1])


def _loss(layers: Layers, matrix: NDArray[np.float64], truth: NDArray[Any], link: str) -> float:
    """Mean squared error, or log loss."""
    raw = links[link](_forward(layers, matrix))
    if not link:
        return float(np.mean((raw[:, 0] - truth) ** 2))
    own = np.where(truth == 1, raw[:, 0], 1 - raw[:, 0]) if link == "Sigmoid" else raw[np.arange(len(truth)), truth]
    return float(-np.log(np.maximum(own, 1e-15)).mean())
