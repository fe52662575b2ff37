"""Two small models, trained once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import fitserve
from fitserve.prediction import Predictor
from fitserve.prediction.named import load_model

ROWS = 120


@pytest.fixture(scope="session")
def rows() -> pl.DataFrame:
    """Rows with two targets: ``price``, a number, and ``label``, yes or no."""
    rng = np.random.default_rng(1)
    size, town = rng.integers(20, 200, ROWS), rng.choice(["Ulm", "Bonn", "Kiel"], ROWS)
    price = size * 10.0 + (town == "Bonn") * 300 + rng.normal(0, 50, ROWS)
    label = np.where(price > np.median(price), "yes", "no")
    return pl.DataFrame({"size": size, "town": town, "price": price, "label": label})


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory, rows: pl.DataFrame) -> Path:
    """A workspace with the models price and label."""
    folder = tmp_path_factory.mktemp("workspace")
    for target, learner in (("price", "ridge"), ("label", "logistic")):
        table = rows.select("size", "town", target)
        fitserve.train(table, target, name=target, learners=[learner], budget=20.0, workspace=folder)
    return folder


@pytest.fixture(scope="session")
def price(workspace: Path) -> Predictor:
    return load_model("price", workspace=workspace)


@pytest.fixture(scope="session")
def label(workspace: Path) -> Predictor:
    return load_model("label", workspace=workspace)
