"""Lists in a cell: known as such, read as their items, and served in the form that JSON has for them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import fitserve
from fitserve.data.understanding.kinds import infer_field
from fitserve.errors import DataError
from fitserve.messages import render
from fitserve.schema import Kind, read_text

GENRES = ["action", "comedy", "drama", "horror", "science fiction", "western"]


def items(n: int = 300) -> list[list[str]]:
    rng = np.random.default_rng(0)
    return [list(rng.choice(GENRES, rng.integers(1, 4), replace=False)) for _ in range(n)]


@pytest.mark.parametrize("sign", ["|", ";", ", "])
def test_texts_that_list_items_are_known(sign: str) -> None:
    field, _ = infer_field(pl.Series("genres", [sign.join(each) for each in items()]))
    assert field.kind is Kind.TEXT
    assert f"separated by {sign.strip()!r}, 6 different ones" in render(field.reason)


@pytest.mark.parametrize(
    "texts",
    [
        [f"Street {i}, Town {i * 7}" for i in range(300)],  # two parts each, none of which comes again
        ["low", "middle", "high"] * 100,
        [f"Last{i}, First{i % 20}" for i in range(300)],  # always two
        ["He said yes, and then, after a while, that it was no good at all"] * 2 + [f"text {i}" for i in range(300)],
    ],
)
def test_texts_with_commas_are_no_lists(texts: list[str]) -> None:
    assert "lists" not in render(infer_field(pl.Series("x", texts))[0].reason)


def test_typed_lists_are_read_as_their_items() -> None:
    field, column = infer_field(pl.Series("genres", [*items(), None, []]))
    assert field.kind is Kind.TEXT
    assert field.missing == pytest.approx(2 / 302)
    assert read_text(["a b", 2, None]) == "a b | 2"
    assert len(column) == 302


def test_lists_of_lists_are_refused() -> None:
    with pytest.raises(DataError, match=r"column 'x' holds List\(List\(Int64\)\) values"):
        infer_field(pl.Series("x", [[[1]], [[2]]]))


def test_a_list_is_served_as_json_has_it(tmp_path: Path) -> None:
    genres = items(400)
    table = pl.DataFrame({"genres": genres, "y": ["yes" if "horror" in each else "no" for each in genres]})
    table.write_parquet(tmp_path / "films.parquet")
    run = fitserve.train(
        str(tmp_path / "films.parquet"), "y", budget=30.0, learners=["logistic"], workspace=tmp_path / "w"
    )
    predictor = run.predictor()
    answer, notes = predictor.answer({"genres": ["drama", "horror"]})
    assert answer["prediction"] == "yes"
    assert not notes
    joined, _ = predictor.answer({"genres": "drama | horror"})
    assert joined["probabilities"] == answer["probabilities"]
    assert predictor.answer({"genres": ["drama"]})[0]["prediction"] == "no"
