"""Distances on the grid: exact, whoever computes them."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fitserve.models.distances import grid, squared_distances

COORDINATE = st.floats(-8, 8)


@given(st.lists(st.tuples(COORDINATE, COORDINATE, COORDINATE), min_size=2, max_size=6))
@settings(max_examples=50)
def test_squared_distances_have_no_rounding(points: list[tuple[float, ...]]) -> None:
    rows = grid(np.array(points))
    found = squared_distances(rows, rows[::-1])
    for i, left in enumerate(rows.tolist()):
        for j, right in enumerate(rows[::-1].tolist()):
            assert found[i, j] == sum((Fraction(a) - Fraction(b)) ** 2 for a, b in zip(left, right, strict=True))
