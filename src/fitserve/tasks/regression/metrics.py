"""The scores of numbers by name."""

from __future__ import annotations

import math
from collections.abc import Mapping

from fitserve.metrics import Metric, named

METRICS: Mapping[str, Metric] = named(
    Metric("rmse", False, "Root of the mean squared error, in the target's unit.", math.inf, "均方根误差"),
    Metric("mae", False, "Mean absolute error, in the target's unit.", math.inf, "平均绝对误差"),
    Metric("r2", True, "Share of the target's variance that is explained.", -math.inf, "决定系数 R²"),
    Metric("median_absolute_error", False, "Median absolute error, in the target's unit.", math.inf, "绝对误差中位数"),
    Metric(
        "mape",
        False,
        "Mean error relative to the truth, a fraction; not where it is 0.",
        math.inf,
        "平均绝对百分比误差",
    ),
)
