"""The scores of numbers by name."""

from __future__ import annotations

import math
from collections.abc import Mapping

from fitserve.metrics import Metric, named

METRICS: Mapping[str, Metric] = named(
    Metric("rmse", False, "Root of the mean squared error, in the target's unit.", math.inf),
    Metric("mae", False, "Mean absolute error, in the target's unit.", math.inf),
    Metric("r2", True, "Share of the target's variance that is explained.", -math.inf),
    Metric("median_absolute_error", False, "Median absolute error, in the target's unit.", math.inf),
    Metric("mape", False, "Mean error relative to the truth, a fraction; not where it is 0.", math.inf),
)
