"""Mean and deviation of a target, by which it is standardised."""

from __future__ import annotations

import math

import numpy as np

from fitserve.errors import DataError
from fitserve.features.column import Column
from fitserve.features.number import number_reader
from fitserve.features.spelling import NumberReader
from fitserve.tasks.regression.answerer import NumberAnswerer, numbers


def fit_scale(target: Column, like: NumberAnswerer | None = None) -> NumberAnswerer:
    """Mean and deviation of a target; raises DataError if it holds no two different numbers.

    Texts are read as ``like`` reads them, or else in the way that is found out from them.
    """
    reader = NumberReader(like.style, like.prefix, like.suffix) if like is not None else number_reader(target)
    values = numbers(target, reader)
    values = values[np.isfinite(values)]
    if len(values) == 0:
        raise DataError("the target holds no numbers; for labels use --task classification")
    if values.min() == values.max():
        raise DataError(f"the target has one value only ({values[0]:g}); there is nothing to learn")
    centre = float(values.mean())
    deviation = float(np.sqrt(np.mean(((values - centre) / 2) ** 2)) * 2)
    if not math.isfinite(centre) or not math.isfinite(deviation) or deviation == 0:
        raise DataError("the target's numbers are too large or too close to learn from; give them another unit")
    return NumberAnswerer(centre, deviation, reader.style, reader.prefix, reader.suffix)
