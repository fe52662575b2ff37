"""The examples of a bundle: rows with the answers recorded at export, replayed at every load."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from fitserve.bundle.folder import Bundle
from fitserve.errors import BundleError
from fitserve.prediction.predictor import Predictor

EXAMPLES = "examples.json"


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
    for i, (row, expected) in enumerate(zip(rows, recorded, strict=True)):
        try:
            wrong = predictor.answerer.disagreement(predictor.answer(row)[0], expected)
        except Exception as error:  # noqa: BLE001 - a forged bundle may fail in any way
            reason = " ".join(str(error).split())[:200]
            raise BundleError(f"example {i} cannot be predicted ({reason}); export the model again") from None
        if wrong:
            raise BundleError(
                f"example {i} {wrong}; the bundle was changed, or this machine computes differently: train it again"
            )
