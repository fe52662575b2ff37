"""The heavy half: what counts need of a table, and how their models are evaluated."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fitserve.data.understanding.series import column_of_series
from fitserve.data.understanding.task import TARGET, Claim, Examples, Lost
from fitserve.errors import DataError
from fitserve.evaluation.case import Case
from fitserve.evaluation.sections import ERRORS, Made, Report, Table
from fitserve.evaluation.task import InCommon, Outputs, Responses
from fitserve.features.column import Column
from fitserve.schema import Field, Kind
from fitserve_counts.learner import LogRate
from fitserve_counts.task import CountAnswerer, deviances, expected

Truth = NDArray[np.float64]


def by_count(case: Case, _report: Report) -> Made:
    """Mean absolute errors of rows with few and with many counts."""
    predictions = case.finite
    ends = np.quantile(predictions.truth, [0.0, 1 / 3, 2 / 3, 1.0])
    rows = []
    for low, high in pairwise(ends):
        own = (predictions.truth >= low) & (predictions.truth <= high)
        rows.append((f"{low:g} to {high:g}", int(own.sum()), float(predictions.errors[own].mean())))
    found = [{"from_to": where, "rows": n, "error": error} for where, n, error in rows]
    return Made({"by_count": found}, tables=[Table("Errors by count", ("counts", "rows", "error"), rows)], place=ERRORS)


class CountsEvaluation:
    """Everything that fitserve asks of the task besides answers."""

    name: ClassVar[str] = "counts"
    needs: ClassVar[Sequence[str]] = (TARGET,)
    whole: ClassVar[bool] = False
    closer: ClassVar[str] = "closer to the count"

    def examples(self, frame: pl.DataFrame, columns: Mapping[str, str]) -> Examples:
        """The rows as they are."""
        return Examples(frame, columns[TARGET])

    def claim(self, field: Field, column: Column) -> Claim | None:
        """Never: whoever wants counts says so."""
        del field, column
        return None

    def column(self, series: pl.Series, understood: Column, spelling: str) -> Column:
        """Numbers."""
        del understood
        return column_of_series(series, Kind.NUMBER, spelling)

    def column_for(self, answerer: CountAnswerer, series: pl.Series) -> Column:
        """Numbers."""
        del answerer
        return column_of_series(series, Kind.NUMBER)

    def fit(self, target: Column, like: CountAnswerer | None = None) -> CountAnswerer:
        """The highest count; raises DataError where there are no two different ones."""
        del like
        known = CountAnswerer(0.0).truth(target)
        known = known[np.isfinite(known)]
        if len(np.unique(known)) < 2:
            raise DataError("the target holds no two different counts; there is nothing to learn")
        return CountAnswerer(float(known.max()))

    def lost(self, target: Column, name: str) -> list[Lost]:
        """Rows whose target is no count are told as rows without one."""
        del target, name
        return []

    def known(self, truth: Truth) -> NDArray[np.bool_]:
        """Rows with a count."""
        return np.isfinite(truth)

    def has_truth(self, target: Column, truth: Truth) -> NDArray[np.bool_]:
        """Rows with a count."""
        del target
        return np.isfinite(truth)

    def unknown(self, truth: Truth) -> NDArray[np.bool_]:
        """None."""
        return np.zeros(len(truth), dtype=np.bool_)

    def strata(self, truth: Truth) -> NDArray[np.int64]:
        """None, and few, and many."""
        return np.digitize(truth, np.unique(np.quantile(truth, [0.25, 0.5, 0.75]))).astype(np.int64)

    def classes(self, answerer: CountAnswerer, truth: Truth) -> None:
        """Counts are none."""
        del answerer, truth

    def numbers(self, answerer: CountAnswerer, truth: Truth) -> Truth:
        """The counts."""
        del answerer
        return truth

    def objective(self, answerer: CountAnswerer) -> LogRate:
        """The logarithm of the expected count."""
        del answerer
        return LogRate()

    def only_in_second(self, first: CountAnswerer, second: CountAnswerer) -> list[str]:
        """Nothing."""
        del first, second
        return []

    def in_common(self, first: Outputs, second: Outputs, targets: Sequence[Column]) -> InCommon:
        """All counts mean the same."""
        return InCommon(first, second, np.concatenate([first[0].truth(column) for column in targets]))

    def errors(self, answerer: CountAnswerer, raw: NDArray[Any], truth: Truth) -> NDArray[np.float64]:
        """Absolute errors."""
        del answerer
        return np.asarray(np.abs(expected(raw) - truth))

    def weighted(
        self, answerer: CountAnswerer, raw: NDArray[Any], truth: Truth, only: str = ""
    ) -> Callable[[NDArray[np.int64]], dict[str, float | None]]:
        """Means of both scores over rows that count several times."""
        each = {"poisson_deviance": deviances(truth, expected(raw)), "mae": self.errors(answerer, raw, truth)}

        def scores(weights: NDArray[np.int64]) -> dict[str, float | None]:
            total = int(weights.sum())
            chosen = {name: values for name, values in each.items() if only in ("", name)}
            return {name: float(values @ weights) / total if total else None for name, values in chosen.items()}

        return scores

    def sections(self, answerer: CountAnswerer) -> Mapping[str, Any]:
        """One table of its own."""
        del answerer
        return {"by_count": by_count}

    def responses(self, answerer: CountAnswerer, raw: NDArray[Any], truth: Truth, target: str) -> Responses:
        """Expected counts."""
        del answerer, truth
        return Responses(expected(raw)[:, None], f"expected {target}")
