"""What regression needs of a table, and how its models are evaluated."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fitserve.data.understanding.series import column_of_series
from fitserve.data.understanding.task import TARGET, Claim, Examples, Lost
from fitserve.evaluation.task import InCommon, Outputs, Responses
from fitserve.evaluation.tasks.regression.report import OF_NUMBERS
from fitserve.evaluation.tasks.regression.scale import fit_scale
from fitserve.features.column import Column, Numbers
from fitserve.features.number import number_reader
from fitserve.messages import AnyMessage, Message
from fitserve.metrics.weighted import WeightedScores, weighted_regression
from fitserve.models.objective import Number
from fitserve.schema import Field, Kind
from fitserve.tasks.regression import NumberAnswerer

_STRATA = 10
_MOST_LABELS = 1000
Truth = NDArray[np.float64]


class RegressionEvaluation:
    """The heavy half of regression."""

    name: ClassVar[str] = "regression"
    needs: ClassVar[Sequence[str]] = (TARGET,)
    whole: ClassVar[bool] = False
    closer: ClassVar[str] = "closer to the truth"

    def examples(self, frame: pl.DataFrame, columns: Mapping[str, str]) -> Examples:
        """The rows as they are."""
        return Examples(frame, columns[TARGET])

    def claim(self, field: Field, column: Column) -> Claim | None:
        """Numbers that are no labels; those of identifiers are in doubt."""
        if not isinstance(column, Numbers):
            return None
        if field.profile.get("n_levels", 0) > _MOST_LABELS:
            return Claim(doubt="", advice="--task regression if they are amounts")
        distinct = len(np.unique(column.values[np.isfinite(column.values)]))
        return Claim(Message("regression.numbers", {"column": field.name, "distinct": distinct}))

    def column(self, series: pl.Series, understood: Column, spelling: str) -> Column:
        """Numbers, whatever the column was taken for."""
        del understood
        return column_of_series(series, Kind.NUMBER, spelling)

    def column_for(self, answerer: NumberAnswerer, series: pl.Series) -> Column:
        """Numbers, or the texts of which the answerer makes them."""
        return column_of_series(series, None if answerer.style else Kind.NUMBER)

    def fit(self, target: Column, like: NumberAnswerer | None = None) -> NumberAnswerer:
        """See `fit_scale`."""
        return fit_scale(target, like)

    def lost(self, target: Column, name: str) -> list[Lost]:
        """Rows whose target is no number, or infinite."""
        infinite, texts = _odd(target)
        found = []
        if texts:
            shown = [text[:30] for text in list(dict.fromkeys(texts))[:3]]
            what = Message("regression.no_numbers", {"column": name, "examples": shown})
            found.append(Lost(len(texts), what, Message("regression.no_numbers.advice")))
        if infinite:
            what = Message("regression.infinite", {"column": name})
            found.append(Lost(infinite, what, Message("regression.infinite.advice")))
        return found

    def known(self, truth: Truth) -> NDArray[np.bool_]:
        """Rows with a number."""
        return np.isfinite(truth)

    def strata(self, truth: Truth) -> NDArray[np.int64]:
        """Tenths."""
        edges = np.quantile(truth, np.linspace(0, 1, _STRATA + 1)[1:-1])
        return np.searchsorted(edges, truth).astype(np.int64)

    def classes(self, answerer: NumberAnswerer, truth: Truth) -> None:
        """Numbers are none."""
        del answerer, truth

    def numbers(self, answerer: NumberAnswerer, truth: Truth) -> NDArray[np.float64]:
        """The numbers."""
        return answerer.values(truth)

    def has_truth(self, target: Column, truth: Truth) -> NDArray[np.bool_]:
        """Rows with a number."""
        del target
        return np.isfinite(truth)

    def unknown(self, truth: Truth) -> NDArray[np.bool_]:
        """None: any number can be met."""
        return np.zeros(len(truth), dtype=np.bool_)

    def objective(self, answerer: NumberAnswerer) -> Number:
        """A number."""
        del answerer
        return Number()

    def only_in_second(self, first: NumberAnswerer, second: NumberAnswerer) -> list[AnyMessage]:
        """Nothing: a scale is a scale."""
        del first, second
        return []

    def in_common(self, first: Outputs, second: Outputs, targets: Sequence[Column]) -> InCommon:
        """The unit of the first one."""
        own, other = first[0], second[0]
        truth = np.concatenate([own.truth(column) for column in targets])
        raw = second[1] if own == other else np.asarray((other.values(second[1]) - own.offset) / own.scale)
        return InCommon(first, (own, raw), truth)

    def errors(self, answerer: NumberAnswerer, raw: NDArray[Any], truth: Truth) -> NDArray[np.float64]:
        """Absolute errors in the unit of the target."""
        return np.asarray(np.abs(answerer.values(raw[:, 0]) - answerer.values(truth)))

    def weighted(self, answerer: NumberAnswerer, raw: NDArray[Any], truth: Truth, only: str = "") -> WeightedScores:
        """See `fitserve.metrics.weighted_regression`."""
        return weighted_regression(answerer.values(truth), answerer.values(raw[:, 0]), only=only)

    def sections(self, answerer: NumberAnswerer) -> Mapping[str, Any]:
        """Residuals."""
        del answerer
        return OF_NUMBERS

    def responses(self, answerer: NumberAnswerer, raw: NDArray[Any], truth: Truth, target: str) -> Responses:
        """The predicted number."""
        del truth
        return Responses(answerer.values(raw[:, :1]), f"predicted {target}")


def _odd(column: Column) -> tuple[int, list[str]]:
    """How many values are infinite, and the texts that are no numbers, row by row."""
    if isinstance(column, Numbers):
        return int(np.isinf(column.values).sum()), []
    reader, infinite, texts = number_reader(column), 0, []
    for code in column.codes[column.codes >= 0]:
        level = column.levels[code]
        try:
            infinite += math.isinf(reader.read(level))
        except ValueError:
            texts.append(str(level).strip())
    return infinite, texts
