"""Calibrated decisions are probabilities that can be believed."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit, softmax

from fitserve.models.calibration import calibrate, crossed_decisions


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("spoiled", [0.01, 1.0, 50.0])
def test_a_wrong_scale_is_found_out(outputs: int, spoiled: float) -> None:
    rng = np.random.default_rng(0)
    honest = rng.normal(size=(4000, outputs)) * 2
    shares = np.hstack([1 - expit(honest), expit(honest)]) if outputs == 1 else softmax(honest, axis=1)
    target = (rng.random((4000, 1)) > shares.cumsum(axis=1)).sum(axis=1).clip(0, shares.shape[1] - 1)
    found = calibrate(honest * spoiled, target, None)
    assert found.scale * spoiled == pytest.approx(1.0, abs=0.1)
    assert np.ptp(found.shift) < 0.2


def test_decisions_that_part_the_labels_do_not_become_certain() -> None:
    target = np.array([0, 0, 0, 0, 0, 1, 1, 1, 1, 1])
    found = calibrate(np.where(target == 1, 1.0, -1.0)[:, None], target, None)
    chance = expit(found.scale + found.shift[0])
    assert 0.75 < chance < 0.95


def test_decisions_that_say_nothing_become_shares() -> None:
    target = np.repeat([0, 1], [75, 25])
    found = calibrate(np.zeros((100, 1)), target, None)
    assert expit(found.shift[0]) == pytest.approx(0.25, abs=0.03)


def test_rows_are_decided_about_by_models_that_have_not_seen_them() -> None:
    target = np.repeat([0, 1], [20, 10])

    def decide(fitted: NDArray[np.intp], asked: NDArray[np.intp]) -> NDArray[np.float64]:
        assert not set(fitted.tolist()) & set(asked.tolist())
        assert set(target[fitted].tolist()) == {0, 1}
        return asked[:, None].astype(np.float64)

    assert crossed_decisions(decide, target, 0)[:, 0].tolist() == list(range(30))


def test_rare_labels_are_as_likely_on_average_as_they_are_frequent() -> None:
    rng = np.random.default_rng(0)
    counts = np.array([3000, 600, 60, 12, 5])
    target = np.repeat(np.arange(5), counts)
    decisions = rng.normal(size=(len(target), 5)) * 3 + np.array([0.0, 5.0, -2.0, 9.0, 1.0])
    decisions[np.arange(len(target)), target] += 4
    found = calibrate(decisions, target, None)
    likely = softmax(found.scale * decisions + found.shift, axis=1)
    # Platt's targets leave a row of a label with m rows (m + 1) / (m + 2), and the rest to the others.
    soft = counts * (counts + 1) / (counts + 2)
    soft += (counts / (counts + 2)).sum() / 4 - counts / (counts + 2) / 4
    np.testing.assert_allclose(likely.sum(axis=0), soft, rtol=0.01)
    assert abs(found.shift.mean()) < 1e-9
