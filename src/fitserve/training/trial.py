"""What a search says of its candidates, and in which order they deserve to win."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from fitserve.models.base import Parameters
from fitserve.training.scoring import Chance


@dataclass(frozen=True)
class Trial:
    """One candidate, evaluated. ``efforts`` are those of its fits; a smaller ``loss`` is better.

    ``fit_seconds`` is what a fit took on average. ``fold_losses`` are those of the single folds, where each has one.
    ``chance`` says what its outputs are worth if the truth is shuffled; None for the baseline. ``stopped_early`` says
    that a fit was ended by its share of the budget.
    """

    learner: str
    parameters: Parameters
    efforts: Sequence[int]
    loss: float
    scores: Mapping[str, float | None]
    seconds: float = 0.0
    fit_seconds: float = 0.0
    fold_losses: Sequence[float] = ()
    chance: Chance | None = None
    stopped_early: bool = False

    @property
    def effort(self) -> int:
        """The effort for a fit on all training rows."""
        return max(1, round(float(np.mean(self.efforts))))

    def as_json(self) -> dict[str, Any]:
        """The trial as a JSON object, without raw outputs and time."""
        document = asdict(self)
        for name in ("seconds", "fit_seconds", "fold_losses", "chance"):
            del document[name]
        return {**document, "parameters": dict(self.parameters), "efforts": list(self.efforts)}


def ranked(trials: Sequence[Trial], cost: Callable[[str], int], limit: float) -> list[Trial]:
    """The trials in the order in which they deserve to win.

    ``cost`` tells how simple a learner is, ``limit`` how good by `Chance.own` the best trial hardly is by chance.

    That is by loss, but for two exceptions. What is not better than the answer without learning by more than chance
    comes after it. And a trial of a cheaper learner comes first if it is behind the best by less than one standard
    error of their difference over the folds (the one-standard-error rule of Breiman et al. 1984): what noise alone
    may decide, simplicity decides.
    """
    by_loss = sorted(trials, key=lambda trial: trial.loss)
    baseline = next((trial for trial in by_loss if trial.learner == "baseline"), None)
    learned = [trial for trial in by_loss if baseline is None or _has_learned(trial, baseline, limit)]
    simplest = sorted(learned, key=lambda trial: (cost(trial.learner), trial.loss))
    first = next((trial for trial in simplest if _as_good(trial, learned[0])), None)
    order = [first, *learned, baseline, *by_loss]
    return list({id(trial): trial for trial in order if trial is not None}.values())


def _has_learned(trial: Trial, baseline: Trial, limit: float) -> bool:
    """Whether a trial is better than the answer without learning, and by more than chance."""
    return trial.loss < baseline.loss and (trial.chance is None or trial.chance.own > limit)


def _as_good(trial: Trial, best: Trial) -> bool:
    """Whether a trial is the best one, or behind it by less than a standard error of the difference."""
    if trial is best:
        return True
    if not trial.fold_losses or len(trial.fold_losses) != len(best.fold_losses):
        return False
    behind = np.subtract(trial.fold_losses, best.fold_losses)
    return bool(behind.mean() <= behind.std(ddof=1) / np.sqrt(len(behind)))
