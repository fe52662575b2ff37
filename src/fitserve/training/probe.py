"""How long a learner's fits take, found out on a few rows before one on many begins."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fitserve.messages import Message, render
from fitserve.training.fitting import Fitting
from fitserve.training.folds import Folds, cells_of
from fitserve.training.plan import Entry
from fitserve.training.prepare import Prepared

# From so many rows on, or cells, a fit may be slow, and is first tried on a few rows, and on fewer.
_MANY_ROWS, _MANY_CELLS, _FEW_ROWS, _SOME_ROWS = 2_000, 200_000, 200, 800
# From this power of the rows on a learner's time grows steeply; none grows faster than by the other one.
_STEEP, _STEEPEST = 1.2, 2.0
# The share of the time that is left which may be used up to find out how long a fit takes.
_MOST_TO_ASK = 0.12
# With fewer seconds, where one learner has been too slow already, no other one is asked.
_LEAST_TO_ASK = 1.0


class TooSlowError(Exception):
    """A candidate that will not be finished in time, while something else already is; ``reason`` says why."""

    def __init__(self, reason: Message) -> None:
        super().__init__(render(reason))
        self.reason = reason


@dataclass
class Probe:
    """Seconds of the shortest fit on a fold, by learner, as far as they were asked for.

    ``too_slow`` says why a learner was refused on its few rows already.
    """

    prepared: Prepared
    fitting: Fitting
    folds: Folds
    shortest: dict[str, float] = field(default_factory=dict)
    too_slow: dict[str, Message] = field(default_factory=dict)

    def may_be_slow(self, name: str) -> bool:
        """Whether a learner's fits may be slow, and it is not known how slow."""
        large = len(self.folds.parts[0].learned) >= _MANY_ROWS or cells_of(self.prepared) >= _MANY_CELLS
        return large and name not in self.shortest

    def is_vain(self, room: float) -> bool:
        """Whether to ask a learner would take the time for which it is asked."""
        return bool(self.too_slow) and room < _LEAST_TO_ASK

    def ask(self, entry: Entry, fits: float, room: float) -> None:
        """Find out what a learner's shortest fit on a fold may take, by those on few rows and, in doubt, on some more.

        Its candidates need so many ``fits``, for which there are ``room`` seconds. Raises TooSlowError for one that
        takes too long to be asked.
        """
        name = entry.learner.name
        learned = self.folds.parts[0].learned
        few, some = (learned[:: max(1, len(learned) // n)] for n in (_FEW_ROWS, _SOME_ROWS))
        first = max(self._seconds_of(entry, few), 1e-6)
        left = room - first
        if first * (len(learned) / len(few)) ** _STEEPEST * fits < left:
            self.shortest[name] = first
            return
        if first > _MOST_TO_ASK * left:
            figures = {"rows": len(few), "needed": first, "left": max(left, 0.0)}
            reason = Message("few_rows_take_long", figures)
            self.shortest[name], self.too_slow[name] = first, reason
            raise TooSlowError(reason)
        second = self._seconds_of(entry, some)
        power = np.log(max(second, first) / first) / np.log(len(some) / len(few))
        if power > _STEEP:
            self.shortest[name] = float(second * (len(learned) / len(some)) ** min(power, _STEEPEST))
            return
        # Much of a fit does not depend on the rows: on texts it is the terms and the labels.
        more = max(second - first, 0.0) * (len(learned) - len(some)) / (len(some) - len(few))
        self.shortest[name] = second + more

    def _seconds_of(self, entry: Entry, rows: NDArray[np.intp]) -> float:
        """What the shortest fit on some rows takes; so few may be too few for a learner, which says nothing of it."""
        try:
            return self.fitting.seconds_of_few(entry.learner, entry.parameters, rows)
        except Exception:  # noqa: BLE001 - the fit on all rows will tell
            return 0.0
