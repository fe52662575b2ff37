"""What outputs and labels alone tell, as plain JSON: curves, calibration, thresholds, confusions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fitserve.evaluation.groups import equal_groups
from fitserve.evaluation.tasks.classification.outputs import Outputs
from fitserve.metrics.interval import wilson
from fitserve.metrics.ranking import area, mean_precision, ranking

_POINTS = 80
_MOST_CURVES, _MOST_LABELS, _MOST_CONFUSED = 6, 20, 15


def confusion(outputs: Outputs) -> dict[str, Any]:
    """How often each label was predicted for each; of more than 20 labels the ones that are confused most.

    ``cells`` are [true, predicted, rows, share of the true label's rows]; ``confused`` the most frequent mistakes.
    """
    labels = outputs.labels
    k = len(labels)
    places = np.where(outputs.truth < 0, k, outputs.truth)
    matrix = np.bincount(places * k + outputs.predicted, minlength=(k + 1) * k).reshape(k + 1, k)
    names = [*labels, "(unknown)"]
    wrong = matrix.copy()
    wrong[np.arange(k), np.arange(k)] = 0
    order = np.argsort(-wrong, axis=None, kind="stable")[:_MOST_CONFUSED]
    pairs = [(int(cell) // k, int(cell) % k) for cell in order]
    shown = list(range(k + 1)) if k <= _MOST_LABELS else _most_confused(wrong)
    sizes = np.maximum(matrix.sum(axis=1), 1)
    cells = [
        [names[i], names[j], int(matrix[i, j]), matrix[i, j] / sizes[i]]
        for i in shown
        for j in shown
        if j < k and matrix[i].any()
    ]
    return {
        "labels": [names[i] for i in shown if matrix[i].any() or i < k],
        "of_labels": k,
        "cells": cells,
        "confused": [
            {"true": names[i], "predicted": names[j], "rows": int(wrong[i, j]), "of": int(sizes[i])}
            for i, j in pairs
            if wrong[i, j]
        ],
    }


def _most_confused(wrong: NDArray[np.int64]) -> list[int]:
    mistakes = wrong[:-1].sum(axis=1) + wrong.sum(axis=0)
    return sorted(np.argsort(-mistakes, kind="stable")[:_MOST_LABELS].tolist())


def ranking_curves(outputs: Outputs) -> dict[str, Any]:
    """ROC and precision-recall curves: of the positive label, or of labels against the rest.

    Of many labels those with the smallest areas. ``roc`` are [label, false positive rate, true positive rate],
    ``precision_recall`` [label, recall, precision], ``areas`` the area and average precision of each label.
    """
    labels = outputs.labels
    known = np.flatnonzero(outputs.truth >= 0)
    truth = outputs.truth[known]
    classes = [1] if outputs.two else np.unique(truth).tolist()
    curves = {}
    for index in classes:
        counts = ranking(truth == index, outputs.probabilities[known, index]).counts()
        if len(counts[0]) and counts[0][-1] and counts[1][-1]:
            curves[index] = (area(*counts), mean_precision(*counts), counts)
    shown = sorted(curves, key=lambda index: curves[index][0] or 0.0)[:_MOST_CURVES]
    roc: list[list[Any]] = []
    precision_recall: list[list[Any]] = []
    for index in shown:
        hits, alarms = curves[index][2]
        places = _thinned(len(hits))
        rates = (np.append(0, hits) / hits[-1], np.append(0, alarms) / alarms[-1])
        kept = np.append(0, places + 1)
        roc += [[labels[index], alarm, hit] for alarm, hit in zip(rates[1][kept], rates[0][kept], strict=True)]
        recalls, precisions = hits / hits[-1], hits / (hits + alarms)
        precision_recall += [
            [labels[index], recall, precision]
            for recall, precision in zip(recalls[places], precisions[places], strict=True)
        ]
    areas = [{"label": labels[i], "roc_auc": curves[i][0], "average_precision": curves[i][1]} for i in shown]
    return {"roc": roc, "precision_recall": precision_recall, "areas": areas, "of_labels": len(curves)}


def calibration(outputs: Outputs) -> dict[str, Any]:
    """How often what was given a probability happens, in ten groups of rows by that probability.

    Of two labels the probability of the positive one, of more that of the predicted label. ``error`` is the mean
    distance of the two, each group by its rows (Naeini et al. 2015, AAAI).
    """
    known = outputs.truth >= 0
    if outputs.two:
        chances, happened = outputs.probabilities[known, 1], outputs.truth[known] == 1
    else:
        chances, happened = outputs.probabilities[known].max(axis=1), outputs.errors[known] == 0
    bins, distance = [], 0.0
    for rows in equal_groups(chances):
        share, said, (low, high) = happened[rows].mean(), chances[rows].mean(), (0.0, 0.0)
        low, high = wilson(float(share), len(rows))
        bins.append({"said": said, "happened": share, "low": low, "high": high, "rows": len(rows)})
        distance += abs(share - said) * len(rows) / len(chances)
    return {"bins": bins, "error": distance if len(chances) else None}


def gains(outputs: Outputs) -> list[dict[str, float]]:
    """Of the rows held most likely positive, the share of all positive rows found, and how much better than chance."""
    known = outputs.truth >= 0
    positive = outputs.truth[known] == 1
    order = np.argsort(-outputs.probabilities[known, 1], kind="stable")
    found, n = np.cumsum(positive[order]), len(order)
    if not n or not found[-1]:
        return []
    places = np.unique(np.ceil(np.linspace(0.02, 1, 50) * n).astype(int)) - 1
    return [
        {"share": (i + 1) / n, "found": found[i] / found[-1], "lift": found[i] / found[-1] / ((i + 1) / n)}
        for i in places
    ]


def thresholds(outputs: Outputs) -> dict[str, Any]:
    """What each threshold does: rows called positive rightly and wrongly, and missed. For two labels."""
    known = outputs.truth >= 0
    chances, positive = outputs.probabilities[known, 1], outputs.truth[known] == 1
    own = outputs.threshold
    grid = np.linspace(0.01, 0.99, 99)
    extra = np.quantile(chances, np.linspace(0, 1, 21)) if len(chances) else []
    levels = np.unique(np.round(np.concatenate([grid, extra, [own]]), 4))
    called = chances[None, :] >= levels[:, None]
    hits, alarms = (called & positive).sum(axis=1), (called & ~positive).sum(axis=1)
    n_positive = int(positive.sum())
    points = [
        {"threshold": level, "hits": int(hit), "false_alarms": int(alarm), "misses": n_positive - int(hit)}
        for level, hit, alarm in zip(levels, hits, alarms, strict=True)
    ]
    return {"own": own, "rows": len(chances), "positive": n_positive, "points": points}


def _thinned(n: int) -> NDArray[np.intp]:
    """At most 80 places of n, the first and the last among them."""
    return np.unique(np.linspace(0, n - 1, min(n, _POINTS)).round().astype(np.intp))
