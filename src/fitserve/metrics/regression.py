"""How good predicted numbers are: the scores of scikit-learn 1.9, in numpy alone.

Wherever scikit-learn gets by without overflow the answers are the same. Where its intermediate results
overflow, the computation is repeated in a unit that fits. A score that is not defined, or that itself
exceeds the largest float64, is None: never nan or infinite, never a warning.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_EPSILON = float(np.finfo(np.float64).eps)
_HUGE = 2.0**1020
_MAPE_UNIT = 2.0**64
# A true value below so small a share of their mean size decides alone what a mean relative error is.
_NEXT_TO_ZERO = 1e-6


def regression_scores(truth: Floats, prediction: Floats, *, only: str = "") -> dict[str, float | None]:
    """All scores of one set of predictions, or one of them.

    Args:
        truth: shape (n,), finite.
        prediction: shape (n,), finite, in the unit of ``truth``.
        only: the name of the one score to compute; all where not given.

    Returns:
        ``rmse``, ``mae``, ``r2``, ``median_absolute_error`` and ``mape``, each as its function below
        says. All are None when n is 0.

    Raises:
        ValueError: shapes that differ, or a value that is not finite.

    """
    scores = {
        "rmse": rmse,
        "mae": mae,
        "r2": r2,
        "median_absolute_error": median_absolute_error,
        "mape": mape,
    }
    return {name: score(truth, prediction) for name, score in scores.items() if only in ("", name)}


def rmse(truth: Floats, prediction: Floats) -> float | None:
    """Root of the mean squared error, in the unit of the truth.

    Args:
        truth: shape (n,), finite.
        prediction: shape (n,), finite.

    Returns:
        0 or more; None without rows.

    Raises:
        ValueError: shapes that differ, or a value that is not finite.

    """
    truth, prediction = _checked(truth, prediction)
    if not truth.size:
        return None
    errors, unit = _errors(truth, prediction)
    return _finite(_root_mean_square(errors) * unit)


def mae(truth: Floats, prediction: Floats) -> float | None:
    """Mean absolute error, in the unit of the truth.

    Args:
        truth: shape (n,), finite.
        prediction: shape (n,), finite.

    Returns:
        0 or more; None without rows.

    Raises:
        ValueError: shapes that differ, or a value that is not finite.

    """
    truth, prediction = _checked(truth, prediction)
    if not truth.size:
        return None
    errors, unit = _errors(truth, prediction)
    return _finite(_mean(errors) * unit)


def median_absolute_error(truth: Floats, prediction: Floats) -> float | None:
    """Median absolute error, in the unit of the truth; the middle two are averaged when n is even.

    Args:
        truth: shape (n,), finite.
        prediction: shape (n,), finite.

    Returns:
        0 or more; None without rows.

    Raises:
        ValueError: shapes that differ, or a value that is not finite.

    """
    truth, prediction = _checked(truth, prediction)
    if not truth.size:
        return None
    errors, unit = _errors(truth, prediction)
    return _finite(float(np.median(errors)) * unit)


def mape(truth: Floats, prediction: Floats) -> float | None:
    """Mean of abs(error) / abs(truth), a fraction (1.0 is 100 %), where no true value is next to zero.

    scikit-learn divides by float64's eps where the truth is 0: the score then says nothing but that there is a 0.

    Args:
        truth: shape (n,), finite.
        prediction: shape (n,), finite.

    Returns:
        0 or more; None without rows, and where a true value is 0 or below a millionth of their mean size.

    Raises:
        ValueError: shapes that differ, or a value that is not finite.

    """
    truth, prediction = _checked(truth, prediction)
    if not truth.size or next_to_zero(truth):
        return None
    errors, unit = _errors(truth, prediction)
    sizes = np.maximum(np.abs(truth), _EPSILON)
    with np.errstate(over="ignore"):
        score = _mean(errors / sizes) * unit
    if not math.isfinite(score):
        score = _mean(errors / _MAPE_UNIT / sizes) * unit * _MAPE_UNIT
    return _finite(score)


def r2(truth: Floats, prediction: Floats) -> float | None:
    """Share of the variance of the truth that the prediction explains (coefficient of determination).

    Wright (1921), "Correlation and causation", Journal of Agricultural Research 20.

    Args:
        truth: shape (n,), finite.
        prediction: shape (n,), finite.

    Returns:
        1 or less. For a constant truth 1 when every prediction is exact and 0 otherwise. None for
        fewer than two rows.

    Raises:
        ValueError: shapes that differ, or a value that is not finite.

    """
    truth, prediction = _checked(truth, prediction)
    if truth.size < 2:
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        missed = float(np.square(truth - prediction).sum())
        spread = float(np.square(truth - truth.mean()).sum())
    if math.isfinite(missed) and math.isfinite(spread):
        ratio = _ratio(missed, spread)
    else:
        root = _ratio(*_root_missed_and_spread(truth, prediction))
        ratio = root * root
    return _finite(1.0 - ratio)


def next_to_zero(truth: Floats) -> bool:
    """Whether some true value, shape (n,), n above 0, is too near to 0 for relative errors to mean anything."""
    sizes = np.abs(truth)
    return bool(sizes.min() == 0.0 or sizes.min() < _NEXT_TO_ZERO * _mean(sizes))


def _checked(truth: Floats, prediction: Floats) -> tuple[Floats, Floats]:
    truth, prediction = np.asarray(truth, dtype=np.float64), np.asarray(prediction, dtype=np.float64)
    if truth.ndim != 1 or truth.shape != prediction.shape:
        raise ValueError(f"truth {truth.shape} and prediction {prediction.shape} must have one shape (n,)")
    if not (np.isfinite(truth).all() and np.isfinite(prediction).all()):
        raise ValueError("truth and prediction must be finite")
    return truth, prediction


def _finite(score: float) -> float | None:
    return score if math.isfinite(score) else None


def _errors(truth: Floats, prediction: Floats) -> tuple[Floats, float]:
    """Absolute errors in a unit in which none, and no sum of two, overflows; and that unit."""
    with np.errstate(over="ignore"):
        errors = np.abs(truth - prediction)
    if errors.max() <= _HUGE:
        return errors, 1.0
    return np.abs(truth / 4.0 - prediction / 4.0), 4.0


def _mean(values: Floats) -> float:
    """Mean of values that are not negative; infinite only if one of them is."""
    with np.errstate(over="ignore"):
        mean = float(values.mean())
    if math.isfinite(mean) or not np.isfinite(values).all():
        return mean
    unit = _power_of_two(values)
    return float((values / unit).mean()) * unit


def _root_mean_square(values: Floats) -> float:
    with np.errstate(over="ignore"):
        mean = float(np.square(values).mean())
    if math.isfinite(mean):
        return math.sqrt(mean)
    unit = _power_of_two(values)
    return math.sqrt(float(np.square(values / unit).mean())) * unit


def _power_of_two(values: Floats) -> float:
    """Find the largest power of two up to the largest of ``values``; dividing by it is exact."""
    return math.ldexp(0.5, math.frexp(float(values.max()))[1])


def _ratio(missed: float, spread: float) -> float:
    """Unexplained share, as scikit-learn completes it: a constant truth is explained fully or not at all."""
    if missed == 0.0:
        return 0.0
    return missed / spread if spread != 0.0 else 1.0


def _root_missed_and_spread(truth: Floats, prediction: Floats) -> tuple[float, float]:
    quarter = truth / 4.0
    unit = _power_of_two(np.abs(truth))
    centre = np.clip(float((truth / unit).mean()) * unit / 4.0, quarter.min(), quarter.max())
    return _root_mean_square(np.abs(quarter - prediction / 4.0)), _root_mean_square(np.abs(quarter - centre))
