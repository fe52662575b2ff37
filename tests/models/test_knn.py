"""Nearest neighbours: few rows, of which there are fewer than neighbours that are asked for."""

from __future__ import annotations

import numpy as np
import pytest

from fitserve.blocks import table_arrays
from fitserve.models.base import Context, Shape, get_learners
from fitserve.models.objective import Probabilities
from fitserve.prediction.session import Session


@pytest.mark.parametrize("n", [1, 2, 3, 5, 7, 9, 21, 29, 31])
@pytest.mark.parametrize("outputs", [1, 3])
def test_a_row_has_the_same_bits_in_any_batch_however_few_rows_are_known(n: int, outputs: int) -> None:
    rng = np.random.default_rng(n)
    rows = table_arrays(rng.normal(size=(n, 2)).astype(np.float32), np.zeros((n, 0), np.int32))
    target = np.arange(n) % max(outputs, 2)
    shape = Shape(Probabilities(outputs), n, 2, [], 0)
    learner = get_learners()["knn"]
    for parameters in learner.candidates(shape):
        exported = learner.fit(rows, target, parameters, Context(shape)).export()
        session = Session(exported.graph, exported.model)
        asked = rng.normal(size=(60, 2)).astype(np.float32)
        nothing = np.zeros((60, 0), np.int32)
        whole = session.run(table_arrays(asked, nothing))
        # Copies: what lies elsewhere in memory may be added up in another order.
        alone = [session.run(table_arrays(asked[i : i + 1].copy(), nothing[:1])) for i in range(60)]
        assert np.concatenate(alone).tobytes() == whole.tobytes()
