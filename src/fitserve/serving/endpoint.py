"""One deployed version: a body is read (`reading`), its rows are predicted here, the answers rendered (`rendering`)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from time import time
from typing import Any

from fitserve.prediction import Prediction, Predictor, Subscriber
from fitserve.serving.batching import TurnBatch
from fitserve.serving.ids import new_id
from fitserve.serving.json_body import parse
from fitserve.serving.reading import Row, RowReader
from fitserve.serving.rendering import Origin, render_many, render_one
from fitserve.tasks import Answer

# A body of so many bytes may take long enough to read and predict that other requests should not wait for it.
_LONG_BODY, _LONG_TEXTS = 65_536, 8_192
_LONG_LIST, _MANY_CELLS = 64, 2_000
_log = logging.getLogger("fitserve.serving")


# An answer's body, and what is counted of it: predicted rows and warnings.
Reply = tuple[bytes, int, int]


class Endpoint:
    """Answers for one version of one model. The ``subscriber``, if there is one, is told of each prediction."""

    def __init__(
        self, model: str, version: int, predictor: Predictor, rows_limit: int, subscriber: Subscriber | None = None
    ) -> None:
        self.model = model
        self.version = version
        self.predictor = predictor
        self.rows_limit = rows_limit
        self.reader = RowReader(predictor, rows_limit)
        self._subscriber = subscriber
        self._batch = TurnBatch(predictor)
        encoder = predictor.encoder
        # A character may stand for eighteen in a text.
        self._long_body = _LONG_TEXTS if encoder.texts else _LONG_BODY
        self._long_list = min(_LONG_LIST, _MANY_CELLS // (len(encoder.steps) + 1))

    async def predict(self, body: bytes, *, strict: bool = False) -> Reply:
        """The answer to a request body; raises HttpProblem with 400, 413 or 422."""
        if len(body) > self._long_body:
            return await asyncio.to_thread(self.predict_at_once, body, strict=strict)
        document = parse(body)
        if self.reader.holds_many(document):
            rows = self.reader.documents(document)
            if len(rows) > self._long_list:
                return await asyncio.to_thread(self._many, document, rows, body, strict)
            return self._many(document, rows, body, strict)
        row = self.reader.one(document, body, strict=strict)
        return self._one(row, await self._batch.submit(row[1]))

    def predict_at_once(self, body: bytes, *, strict: bool = False) -> Reply:
        """The same without waiting for other requests, in any thread."""
        document = parse(body)
        if self.reader.holds_many(document):
            return self._many(document, self.reader.documents(document), body, strict)
        row = self.reader.one(document, body, strict=strict)
        return self._one(row, self.predictor.run([row[1]])[0])

    def _one(self, row: Row, answer: Answer) -> Reply:
        fields, _, problems = row
        prediction = Prediction(new_id(), self.model, self.version, fields, answer, problems, time())
        if self._subscriber is not None:
            self._tell(self._subscriber, [prediction])
        return render_one(prediction), 1, len(problems)

    def _many(self, document: Mapping[str, Any], rows: list[dict[str, Any]], body: bytes, strict: bool) -> Reply:
        read = self.reader.many(document, rows, body, strict=strict)
        answers = self.predictor.run([encoded for _, encoded, _ in read.rows])
        origin = Origin(new_id(), self.model, self.version)
        if self._subscriber is not None:
            now = time()
            predictions = [
                Prediction(f"{origin.id}.{i}", self.model, self.version, fields, answer, problems, now)
                for i, ((fields, _, problems), answer) in enumerate(zip(read.rows, answers, strict=True))
            ]
            self._tell(self._subscriber, predictions)
        rendered = render_many(origin, self.predictor.answerer.wrap(answers), read.receipt.warnings())
        return rendered, len(rows), read.receipt.count

    def _tell(self, subscriber: Subscriber, predictions: Sequence[Prediction]) -> None:
        """Tell of predictions; whoever listens cannot keep an answer from its client."""
        try:
            for prediction in predictions:
                subscriber(prediction)
        except Exception:  # noqa: BLE001 - see above; it is logged
            _log.exception("a prediction of %s version %d was not taken note of", self.model, self.version)
