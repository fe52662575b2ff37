"""The three parts of an endpoint, and who is told of predictions."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import orjson
import pytest

import fitserve
from fitserve.prediction import Prediction
from fitserve.serving.endpoint import Endpoint
from fitserve.serving.openapi import describe_model
from fitserve.serving.problems import HttpProblem
from fitserve.tasks import Answerer


def ask(endpoint: Endpoint, document: Any, *, at_once: bool) -> dict[str, Any]:
    body = json.dumps(document).encode()
    reply, _, _ = endpoint.predict_at_once(body) if at_once else asyncio.run(endpoint.predict(body))
    answer: dict[str, Any] = orjson.loads(reply)
    return answer


@pytest.mark.parametrize("at_once", [True, False])
def test_a_subscriber_is_told_of_every_prediction(workspace: Path, at_once: bool) -> None:
    notes: list[Prediction] = []
    endpoint = Endpoint("m", 3, fitserve.load("small", workspace=workspace), 1000, notes.append)
    answer = ask(endpoint, {"a": 1.0, "c": 10**30}, at_once=at_once)
    [prediction] = notes
    assert (prediction.id, prediction.model, prediction.version) == (answer["id"], "m", 3)
    assert prediction.row == {"a": 1.0, "c": 1e30}
    assert prediction.answer["prediction"] == answer["prediction"]
    assert [problem.code for problem in prediction.problems] == [each["code"] for each in answer["warnings"]]
    notes.clear()
    rows = [{"a": i / 100, "b": 0.5} for i in range(100)] + [{"a": 1}]
    many = ask(endpoint, {"instances": rows}, at_once=at_once)
    assert [each.id for each in notes] == [f"{many['id']}.{i}" for i in range(101)]
    assert [each.row for each in notes] == rows
    assert [each.answer["prediction"] for each in notes] == many["predictions"]
    assert [len(each.problems) for each in notes] == [0] * 100 + [1]


def test_a_request_that_is_refused_is_no_prediction(workspace: Path) -> None:
    notes: list[Prediction] = []
    endpoint = Endpoint("m", 3, fitserve.load("small", workspace=workspace), 1000, notes.append)
    refused: list[dict[str, Any]] = [{}, {"a": {}}, {"instances": [{"a": 1, "b": 1}, {"a": {}}]}]
    for document in refused:
        with pytest.raises(HttpProblem):
            ask(endpoint, document, at_once=True)
    assert notes == []


def test_a_subscriber_that_fails_does_not_keep_the_answer(workspace: Path, caplog: pytest.LogCaptureFixture) -> None:
    def fail(_prediction: Prediction) -> None:
        raise OSError("the disk is full")

    endpoint = Endpoint("m", 3, fitserve.load("small", workspace=workspace), 1000, fail)
    with caplog.at_level(logging.ERROR):
        assert ask(endpoint, {"a": 1.0, "b": 1.0}, at_once=True)["warnings"] == []
        assert len(ask(endpoint, {"instances": [{"a": 1.0, "b": 1.0}] * 2}, at_once=False)["predictions"]) == 2
    assert [record.getMessage() for record in caplog.records] == [
        "a prediction of m version 3 was not taken note of"
    ] * 2


def test_a_prediction_cannot_be_changed(workspace: Path) -> None:
    notes: list[Prediction] = []
    ask(Endpoint("m", 3, fitserve.load("small", workspace=workspace), 9, notes.append), {"a": 1.0}, at_once=True)
    with pytest.raises(AttributeError):
        notes[0].id = "another"  # type: ignore[misc]
    assert not hasattr(notes[0], "__dict__")


@dataclass(frozen=True)
class Nested:
    """An answerer whose requests have the fields of a row in a member of their own."""

    answerer: Answerer
    body_limit: int = 100

    def fields(self, document: Mapping[str, Any]) -> Mapping[str, Any]:
        row = document.get("row")
        return row if isinstance(row, dict) else {}

    def request_schema(self, row: dict[str, Any]) -> dict[str, Any]:
        return {"type": "object", "properties": {"row": row}}

    def __getattr__(self, name: str) -> Any:
        return getattr(self.answerer, name)


def test_a_task_says_where_the_fields_of_a_request_are(workspace: Path) -> None:
    predictor = fitserve.load("small", workspace=workspace)
    notes: list[Prediction] = []
    nested = replace(predictor, answerer=cast("Answerer", Nested(predictor.answerer)))
    endpoint = Endpoint("m", 3, nested, 1000, notes.append)
    row = {"a": 1.0, "b": 0.5}
    expected = predictor.predict(row)["probabilities"]
    assert ask(endpoint, {"row": row}, at_once=True)["probabilities"] == pytest.approx(
        {str(label): share for label, share in expected.items()}
    )
    assert ask(endpoint, {"instances": [{"row": row}] * 2}, at_once=True)["warnings"] == []
    assert [each.row for each in notes] == [row] * 3
    with pytest.raises(HttpProblem, match="none of the model's fields"):
        ask(endpoint, row, at_once=True)
    described = describe_model(endpoint)["row"]
    assert described["properties"]["row"]["properties"].keys() == row.keys()
