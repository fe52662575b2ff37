"""The rows of one turn of the event loop, run together.

While a loop turns once, requests of several connections arrive; running their rows as one batch costs little
more than running one of them, and leaves the processor's caches to Python for the rest. Nobody waits for
company: a row that is alone runs alone. A row's answer has the same bits in any batch.
"""

from __future__ import annotations

import asyncio

from fitserve.features.encoder import EncodedRow
from fitserve.prediction import Predictor
from fitserve.tasks import Answer

MOST_ROWS = 128


class TurnBatch:
    """Collects rows for one model within one event loop."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor
        self._rows: list[EncodedRow] = []
        self._waiting: list[asyncio.Future[Answer]] = []

    def submit(self, row: EncodedRow) -> asyncio.Future[Answer]:
        """The answer to a row, to be awaited in the running loop."""
        loop = asyncio.get_running_loop()
        if not self._rows:
            loop.call_soon(self._run)
        future: asyncio.Future[Answer] = loop.create_future()
        self._rows.append(row)
        self._waiting.append(future)
        if len(self._rows) >= MOST_ROWS:
            self._run()
        return future

    def _run(self) -> None:
        rows, waiting = self._rows, self._waiting
        if not rows:
            return
        self._rows, self._waiting = [], []
        try:
            answers = self._predictor.run(rows)
        except Exception as error:  # noqa: BLE001 - whoever waits must hear of it
            for future in waiting:
                if not future.done():
                    future.set_exception(error)
            return
        for future, answer in zip(waiting, answers, strict=True):
            if not future.done():
                future.set_result(answer)
