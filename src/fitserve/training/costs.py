"""What the pieces of a training take: measured as it goes, so that what is still to come can be planned."""

from __future__ import annotations

from dataclasses import dataclass, field

from fitserve.training.prepare import Prepared
from fitserve.training.trial import Trial

CURVE_SHARES = (0.1, 0.2, 0.4, 0.7, 1.0)
"""The parts of the training rows by which a learning curve is drawn, a fit each."""

# A process that loads a graph, until one was measured: the limits on its weight leave it hardly more.
_LOADING = 0.8


@dataclass
class Costs:
    """Seconds by the piece of work; ``learned`` rows taught the fits of the search.

    ``exports`` are those of turning a learner's model of some effort into a graph. ``plans_second_fit`` is false where
    time for a second fit would leave none to search.
    """

    prepared: Prepared
    learned: int
    loading: float = _LOADING
    exports: dict[str, tuple[float, int]] = field(default_factory=dict)
    plans_second_fit: bool = True

    @property
    def wants_second_fit(self) -> bool:
        """Whether what was evaluated should be fitted again on all rows."""
        return self.prepared.spec.refit and len(self.prepared.split.test) > 0

    @property
    def refits(self) -> bool:
        """Whether time is kept for a second fit."""
        return self.plans_second_fit and self.wants_second_fit

    @property
    def fits_afterwards(self) -> float:
        """The fits after the search, counted in fits of the search: the rows are more."""
        rows = len(self.prepared.split.train) + (len(self.prepared.truth) if self.refits else 0)
        return rows / max(self.learned, 1)

    @property
    def besides_fits(self) -> float:
        """What any candidate needs after the search besides its fits: its graph is loaded, all rows are encoded."""
        more = len(self.prepared.truth) / max(len(self.prepared.split.train), 1)
        return self.loading + (self.loading + self.prepared.seconds_to_encode * more if self.refits else 0.0)

    def finish(self, trial: Trial) -> float:
        """From the choice of a trial to a graph of it that is proven, not to speak of the second fit."""
        return trial.fit_seconds * len(self.prepared.split.train) / max(self.learned, 1) + self._proof(trial)

    def again(self, trial: Trial, finish: float | None = None) -> float:
        """The second fit, on all rows, and its proof; by what ``finish`` took, if that is known."""
        rows = len(self.prepared.truth)
        more = rows / max(len(self.prepared.split.train), 1)
        first = self.finish(trial) if finish is None else finish
        return (first + self.prepared.seconds_to_encode) * more

    def afterwards(self, trial: Trial) -> float:
        """All that a trial needs if it is chosen."""
        curve = sum(CURVE_SHARES) * trial.fit_seconds if self.prepared.spec.learning_curve else 0.0
        return self.finish(trial) + (self.again(trial) if self.refits else 0.0) + curve

    def _proof(self, trial: Trial) -> float:
        seconds, effort = self.exports.get(trial.learner, (0.0, 1))
        # The graph is made, then asked the same rows as the model.
        return 2 * seconds * trial.effort / max(effort, 1) + self.loading
