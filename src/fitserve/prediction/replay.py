"""The examples of a bundle: rows with the answers recorded at export, replayed at every load."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from fitserve.bundle.folder import Bundle
from fitserve.errors import BundleError
from fitserve.prediction.predictor import Predictor

EXAMPLES = "examples.json"
TOLERANCE = 1e-5


def read_examples(bundle: Bundle) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The example rows of a bundle and their recorded answers; raises BundleError if they are malformed."""
    try:
        document = orjson.loads(bundle.read(EXAMPLES))
        rows, answers = document["rows"], document["answers"]
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise BundleError(f"{EXAMPLES} is malformed ({error}); export the model again") from None
    listed = isinstance(rows, list) and isinstance(answers, list) and len(rows) == len(answers)
    if not rows or not listed or not all(isinstance(entry, dict) for entry in [*rows, *answers]):
        raise BundleError(f"{EXAMPLES} does not hold rows with an answer each; export the model again")
    return rows, answers


def replay_examples(
    predictor: Predictor, rows: Sequence[Mapping[str, Any]], recorded: Sequence[Mapping[str, Any]]
) -> None:
    """Predict every example again; raises BundleError where an answer differs from the recorded one."""
    scale = float(getattr(predictor.answerer, "scale", 1.0))
    for i, (row, expected) in enumerate(zip(rows, recorded, strict=True)):
        answer = _answer(predictor, row, i)
        if not same_answer(answer, expected, TOLERANCE * scale):
            raise BundleError(
                f"example {i} answers {answer} here, {expected} at export; "
                "this machine computes differently: train the model again on it"
            )


def _answer(predictor: Predictor, row: Mapping[str, Any], i: int) -> dict[str, Any]:
    try:
        answer = predictor.answer(row)[0]
    except Exception as error:  # noqa: BLE001 - a forged bundle may fail in any way
        reason = " ".join(str(error).split())[:200]
        raise BundleError(f"example {i} cannot be predicted ({reason}); export the model again") from None
    if not all(0 <= share <= 1 for share in answer.get("probabilities", {}).values()):
        raise BundleError(f"example {i} gets probabilities outside 0 to 1; export the model again")
    return answer


def same_answer(answer: Any, expected: Any, tolerance: float) -> bool:
    """Whether two answers agree: probabilities and numbers within ``tolerance``, and the same labels.

    A label may differ only where its probability ties within the tolerance.
    """
    if isinstance(expected, dict) and "probabilities" in expected:
        mine, theirs = answer.get("probabilities", {}), expected["probabilities"]
        return mine.keys() == theirs.keys() and all(_close(mine[k], theirs[k], tolerance) for k in theirs)
    return _close(answer["prediction"], expected.get("prediction"), tolerance)


def _close(a: object, b: object, tolerance: float) -> bool:
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return math.isclose(a, b, rel_tol=TOLERANCE, abs_tol=tolerance)
    return a == b
