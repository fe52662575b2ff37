"""What a report is made of: outputs beside the truth, the rows themselves, and a model to ask again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from fitserve.evaluation.importance import MOST_COLUMNS, REPEATS
from fitserve.evaluation.predictions import Predictions
from fitserve.evaluation.probe import Probe, rows_to_ask
from fitserve.faults import UnavailableError
from fitserve.features.column import Column
from fitserve.messages import AnyMessage, Message
from fitserve.prediction import Predictor
from fitserve.schema import Field

MOST_ROWS = 20_000
_SECONDS = 2.5  # of asking the model again, counted (see `probe`)
_FEWEST_TO_ASK = 5
Scores = Mapping[str, float | None]


@dataclass(frozen=True)
class Case:
    """What a report is made of.

    ``predictions`` are the rows that the scores are of, ``on`` what they are called. ``rows`` are those, or a sample of
    them, with their columns; ``asked`` says what was evaluated anew is asked of: rows that the model has not seen, or
    (where there are none) those that it has. ``graph_bytes`` is the size of the model.
    """

    predictor: Predictor
    predictions: Predictions
    on: AnyMessage
    seed: int
    baseline: Scores
    table: Mapping[str, Column]
    sample: Predictions
    graph_bytes: int
    asked: Probe | None = None
    asked_note: Message | None = None

    @cached_property
    def fields(self) -> list[Field]:
        """The fields of the training table."""
        return self.predictor.manifest.schema()

    @property
    def metric(self) -> str:
        """The score to choose by."""
        return self.predictor.manifest.metric

    @cached_property
    def finite(self) -> Predictions:
        """The evaluated rows whose output and truth are numbers."""
        return self.predictions.finite()

    @cached_property
    def probe(self) -> Probe:
        """The rows that the model is asked about again, as many as its weight allows; UnavailableError if too few."""
        if self.asked is None or len(self.asked) < _FEWEST_TO_ASK or not self.asked.steps:
            raise UnavailableError(self.asked_note or Message("unavailable.too_few_to_ask"))
        columns = min(len(self.asked.steps), MOST_COLUMNS)
        most = rows_to_ask(self.predictor, self.graph_bytes, columns * (REPEATS + 1) + 3, _SECONDS)
        return self.asked.sample(most, self.seed)
