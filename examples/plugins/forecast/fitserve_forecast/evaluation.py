"""The heavy half: how windows are cut from a series, and how forecasts are evaluated."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fitserve.data.understanding.series import column_of_series
from fitserve.data.understanding.task import Claim, Examples, Lost
from fitserve.errors import DataError
from fitserve.evaluation.case import Case
from fitserve.evaluation.sections import ERRORS, Made, Report, Table
from fitserve.evaluation.task import InCommon, Outputs, Responses
from fitserve.features.column import Column
from fitserve.schema import Field, Kind
from fitserve_forecast.learner import Path
from fitserve_forecast.past import PAST
from fitserve_forecast.task import AHEAD, SERIES, PathAnswerer, rows_of

NEXT = "next"
Truth = NDArray[np.float64]


def by_step(case: Case, _report: Report) -> Made:
    """The mean absolute error of each step ahead."""
    predictions = case.finite
    off = np.abs(predictions.raw[:, :AHEAD] - predictions.truth).mean(axis=0)
    rows = [(h + 1, float(error)) for h, error in enumerate(off)]
    return Made(
        {"by_step": [error for _, error in rows]},
        tables=[Table("Errors by step", ("steps ahead", "error"), rows)],
        place=ERRORS,
    )


class ForecastEvaluation:
    """Everything that fitserve asks of the task besides answers."""

    name: ClassVar[str] = "forecast"
    needs: ClassVar[Sequence[str]] = (SERIES,)
    whole: ClassVar[bool] = True
    closer: ClassVar[str] = "closer to what came"

    def examples(self, frame: pl.DataFrame, columns: Mapping[str, str]) -> Examples:
        """A window for each moment that has a past and a future."""
        values = column_of_series(frame[columns[SERIES]], Kind.NUMBER)
        numbers = np.asarray(getattr(values, "values", np.empty(0)), dtype=np.float64)
        n = len(numbers) - PAST - AHEAD + 1
        if n < 2:
            raise DataError(f"a series of {len(numbers)} values is too short; {PAST + AHEAD + 1} are needed")
        pasts = np.lib.stride_tricks.sliding_window_view(numbers, PAST)[:n]
        nexts = np.lib.stride_tricks.sliding_window_view(numbers, AHEAD)[PAST:]
        windows = pl.DataFrame({SERIES: pasts.tolist(), NEXT: nexts.tolist()})
        return Examples(windows, NEXT, {SERIES: Kind.SERIES, NEXT: Kind.SERIES}, np.arange(n, dtype=np.float64))

    def claim(self, field: Field, column: Column) -> Claim | None:
        """Never."""
        del field, column
        return None

    def column(self, series: pl.Series, understood: Column, spelling: str) -> Column:
        """The next values as they are."""
        del understood, spelling
        return column_of_series(series, Kind.SERIES)

    def column_for(self, answerer: PathAnswerer, series: pl.Series) -> Column:
        """The same."""
        del answerer
        return column_of_series(series, Kind.SERIES)

    def fit(self, target: Column, like: PathAnswerer | None = None) -> PathAnswerer:
        """The spread of the values."""
        del like
        spread = float(np.nanstd(PathAnswerer(1.0).truth(target)))
        if not spread > 0:
            raise DataError("the series has one value only; there is nothing to learn")
        return PathAnswerer(spread)

    def lost(self, target: Column, name: str) -> list[Lost]:
        """None for a reason of its own."""
        del target, name
        return []

    def known(self, truth: Truth) -> NDArray[np.bool_]:
        """Windows whose future is known."""
        return np.asarray(np.isfinite(truth).all(axis=1))

    def has_truth(self, target: Column, truth: Truth) -> NDArray[np.bool_]:
        """The same."""
        del target
        return self.known(truth)

    def unknown(self, truth: Truth) -> NDArray[np.bool_]:
        """None."""
        return np.zeros(len(truth), dtype=np.bool_)

    def strata(self, truth: Truth) -> NDArray[np.int64]:
        """All alike."""
        return np.zeros(len(truth), dtype=np.int64)

    def classes(self, answerer: PathAnswerer, truth: Truth) -> None:
        """None."""
        del answerer, truth

    def numbers(self, answerer: PathAnswerer, truth: Truth) -> None:
        """Several numbers are not one."""
        del answerer, truth

    def objective(self, answerer: PathAnswerer) -> Path:
        """A path with a band."""
        del answerer
        return Path()

    def only_in_second(self, first: PathAnswerer, second: PathAnswerer) -> list[str]:
        """Nothing."""
        del first, second
        return []

    def in_common(self, first: Outputs, second: Outputs, targets: Sequence[Column]) -> InCommon:
        """All paths mean the same."""
        return InCommon(first, second, np.concatenate([first[0].truth(column) for column in targets]))

    def errors(self, answerer: PathAnswerer, raw: NDArray[Any], truth: Truth) -> NDArray[np.float64]:
        """Mean absolute errors."""
        del answerer
        return rows_of(raw, truth)["mae"]

    def weighted(
        self, answerer: PathAnswerer, raw: NDArray[Any], truth: Truth, only: str = ""
    ) -> Callable[[NDArray[np.int64]], dict[str, float | None]]:
        """Means of both scores over rows that count several times."""
        del answerer
        each = {name: values for name, values in rows_of(raw, truth).items() if only in ("", name)}

        def scores(weights: NDArray[np.int64]) -> dict[str, float | None]:
            total = int(weights.sum())
            return {name: float(values @ weights) / total if total else None for name, values in each.items()}

        return scores

    def sections(self, answerer: PathAnswerer) -> Mapping[str, Any]:
        """One table of its own."""
        del answerer
        return {"by_step": by_step}

    def responses(self, answerer: PathAnswerer, raw: NDArray[Any], truth: Truth, target: str) -> Responses:
        """The next value."""
        del answerer, truth, target
        return Responses(np.asarray(raw[:, :1], dtype=np.float64), "next value")
