"""Two models: nothing is better than itself, what is better is told with where, and what cannot be compared is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import fitserve
from fitserve.errors import DataError, SpecError

pytestmark = pytest.mark.xdist_group("compare")


def rows(seed: int, n: int = 300) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(2, n))
    town = rng.choice(["Ulm", "Bonn"], n)
    value = x + (town == "Bonn") * 2 * y + rng.normal(0, 0.3, n)
    return pl.DataFrame({"x": x, "y": y, "town": town, "price": value * 100, "label": np.where(value > 0, "yes", "no")})


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Versions 1 without ``y``, 2 with it, 3 on other rows, of price and of label."""
    folder = tmp_path_factory.mktemp("two")
    for target, other, learner in (("price", "label", "lightgbm"), ("label", "price", "lightgbm")):
        options: dict[str, Any] = {"name": target, "learners": [learner], "budget": 30.0, "workspace": folder}
        fitserve.train(rows(0).drop(other), target, exclude=["y"], **options)
        fitserve.train(rows(0).drop(other), target, **options)
        fitserve.train(rows(5).drop(other), target, **options)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("target", ["price", "label"])
def test_a_better_model_is_told_and_where(workspace: Path, target: str) -> None:
    found = fitserve.compare(f"{target}:1", f"{target}:2", rows(1, 1500), workspace=workspace)
    assert f"{target}:2 is better than {target}:1 by" in found.verdict
    assert found.verdict.endswith("more than chance.")
    assert found.scores[found.metric]["which"] == "better"
    back = fitserve.compare(f"{target}:2", f"{target}:1", rows(1, 1500), workspace=workspace)
    assert back.scores[found.metric]["which"] == "worse"
    assert back.scores[found.metric]["difference"] == pytest.approx(-found.scores[found.metric]["difference"])
    assert found.wins["b"] > found.wins["a"]
    assert found.wins["p"] < 0.01
    assert any("'Bonn'" in each["where"] for each in found.slices if each["mean"] > 0)
    assert "more than chance" in found.html()
    assert "srcdoc" in found._repr_html_()
    assert found.as_json()["verdict"] == found.verdict


@pytest.mark.parametrize("target", ["price", "label"])
def test_a_model_is_as_good_as_itself(workspace: Path, target: str) -> None:
    found = fitserve.compare(f"{target}:2", target + ":2", rows(1), workspace=workspace)
    assert "are equally good" in found.verdict
    assert found.slices == []
    assert (found.wins["a"], found.wins["b"], found.wins["p"]) == (0, 0, 1.0)
    assert {each["which"] for each in found.scores.values()} == {"equal"}


def test_two_trainings_on_different_rows_are_compared_in_one_unit(workspace: Path) -> None:
    found = fitserve.compare("price:2", "price:3", rows(1), workspace=workspace)
    for name, each in found.scores.items():
        own = fitserve.evaluate("price:3", rows(1), workspace=workspace).scores[name]
        assert each["b"] == pytest.approx(own), name


def test_a_small_difference_on_few_rows_is_chance(workspace: Path) -> None:
    found = fitserve.compare("label:1", "label:2", rows(3, 8), workspace=workspace)
    assert found.verdict.startswith(
        ("No difference beyond chance", "label:1 and label:2 are equally good", "roc_auc is")
    )


def test_without_data_it_is_told_whether_the_rows_were_the_same(workspace: Path) -> None:
    same = fitserve.compare("label:1", "label:2", workspace=workspace)
    assert same.same_rows
    assert "on the same rows of one table" in same.verdict
    assert same.scores.keys() == fitserve.load("label", workspace=workspace).manifest.scores.keys()
    other = fitserve.compare("label:2", "label:3", workspace=workspace)
    assert not other.same_rows
    assert "different rows" in other.verdict
    assert "difference" not in other.scores["roc_auc"]
    assert other.html()


def test_groups_leave_the_row_test_out(workspace: Path) -> None:
    table = rows(1).with_columns(who=pl.int_range(300) % 30)
    found = fitserve.compare("label:1", "label:2", table, workspace=workspace, group="who")
    assert found.wins["p"] is None


def test_labels_in_another_order_are_put_in_one(tmp_path: Path) -> None:
    table = pl.DataFrame({"x": np.arange(200.0), "kind": np.where(np.arange(200) < 60, "a", "b")})
    more = pl.DataFrame({"x": np.arange(200.0), "kind": np.where(np.arange(200) < 140, "a", "b")})
    for name, rows_of in (("few", table), ("many", more)):
        fitserve.train(rows_of, "kind", name=name, learners=["logistic"], budget=30.0, workspace=tmp_path)
    few, many = (fitserve.load(name, workspace=tmp_path).manifest.answer["labels"] for name in ("few", "many"))
    assert few == many[::-1]
    new = table.with_columns(pl.col("x") + 0.5)
    found = fitserve.compare("few", "many", new, workspace=tmp_path)
    own = fitserve.evaluate("many", new, workspace=tmp_path).scores
    assert found.scores["accuracy"]["b"] == own["accuracy"]
    assert found.scores["log_loss"]["b"] == pytest.approx(own["log_loss"])


def test_rows_that_either_has_learned_from_are_left_out(tmp_path: Path) -> None:
    first, second, new = (rows(seed).select("x", "y", "price") for seed in (1, 2, 3))
    for table in (first, second):
        fitserve.train(table, "price", name="m", learners=["ridge"], budget=30.0, workspace=tmp_path, shuffle=True)
    found = fitserve.compare("m:1", "m:2", pl.concat([first, new, second]), workspace=tmp_path)
    assert found.rows == new.height
    n = first.height + second.height
    note = f"{n:,} of {n + new.height:,} rows were in training; the scores are of the other {new.height:,}"
    assert found.notes == [note]
    assert note in found.html()
    assert found.as_json()["in_training"] == n
    flattering = fitserve.compare("m:1", "m:2", first, workspace=tmp_path)
    assert flattering.rows == first.height
    assert flattering.as_json()["flatters"] is True
    assert flattering.verdict.endswith("of these rows were in training, so this says little.")


@pytest.mark.parametrize("kept", [3, 2])
def test_labels_that_only_one_model_knows_are_named_with_what_they_cost(tmp_path: Path, kept: int) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=600)
    labels = np.array(["a", "b", "c", "d"][: kept + 1])[np.clip((x * 1.2 + 1.5).astype(int), 0, kept)]
    table = pl.DataFrame({"x": x, "kind": labels})
    last = str(np.unique(labels)[-1])
    for part in (table[:200].filter(pl.col("kind") != last), table[200:400]):
        fitserve.train(part, "kind", name="m", learners=["logistic"], budget=30.0, workspace=tmp_path)
    new = table[400:]
    found = fitserve.compare("m:1", "m:2", new, workspace=tmp_path)
    n = new.filter(pl.col("kind") == last).height
    assert found.notes == [f"m:1 does not know the label {last!r}: {n} of 200 rows have it, and count as wrong for it"]
    own = fitserve.evaluate("m:2", new, workspace=tmp_path).scores
    assert found.scores["log_loss"]["b"] == pytest.approx(own["log_loss"], rel=1e-5)
    assert found.scores["accuracy"]["a"] <= 1 - n / 200 + 1e-9
    assert found.scores["accuracy"]["which"] == "better"
    assert found.metric == "log_loss"


def test_what_cannot_be_compared_is_refused(workspace: Path) -> None:
    with pytest.raises(SpecError, match="compare two models of the same target"):
        fitserve.compare("price", "label", rows(1), workspace=workspace)
    with pytest.raises(DataError, match="lacks the target"):
        fitserve.compare("price:1", "price:2", rows(1).drop("price"), workspace=workspace)
    with pytest.raises(DataError, match="lacks the column of groups"):
        fitserve.compare("price:1", "price:2", rows(1), workspace=workspace, group="whom")
