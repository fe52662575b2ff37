"""What a model relies on: permutation importance, partial dependence, and what disturbances do to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from fitserve import schema
from fitserve.evaluation.parts import missing_column, numeric, spelled
from fitserve.evaluation.predictions import Predictions
from fitserve.evaluation.probe import Probe, at_once
from fitserve.evaluation.task import Responses
from fitserve.features.base import Step
from fitserve.features.category import coded_numbers
from fitserve.features.column import Coded, Column, Numbers
from fitserve.schema import Field, Kind

REPEATS, MOST_COLUMNS = 5, 30
DEPENDENCE_COLUMNS, DEPENDENCE_POINTS, DEPENDENCE_ROWS = 6, 12, 500
_SCREEN_ROWS = 300
_ICE_TAIL, _EVEN_POINTS = 0.1, 6
NOISE, SWAPPED, MISTYPED = 0.1, 0.05, 0.1
_FAR_MORE, _WORTH_TELLING = 2.0, 0.1


def permutation_importance(probe: Probe, metric: str, seed: int) -> list[dict[str, Any]]:
    """How much worse the score gets when the values of one column are shuffled (Breiman 2001, Machine Learning 45).

    Of each column ``loss`` (by how much the score falls, or the error grows), with an interval over five shuffles;
    the largest first. Of wide tables the 30 columns whose shuffling moves the answers most.
    """
    whole = _loss_of(probe.predictions, metric)
    steps = list(probe.steps)
    if len(steps) > MOST_COLUMNS:
        steps = _moving_most(probe.sample(_SCREEN_ROWS, seed), steps, seed)
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(len(probe)) for _ in range(REPEATS)]

    def fall(step: Step, order: NDArray[np.intp]) -> float:
        return _loss_of(replace(probe.predictions, raw=probe.shuffled(step, order)), metric) - whole

    calls: list[Callable[[], float]] = [partial(fall, step, order) for step in steps for order in orders]
    falls = np.array(at_once(calls)).reshape(len(steps), REPEATS)
    half = float(student.ppf(0.975, REPEATS - 1)) * falls.std(axis=1, ddof=1) / np.sqrt(REPEATS)
    means = falls.mean(axis=1)
    return [
        {"column": steps[i].field, "loss": means[i], "low": means[i] - half[i], "high": means[i] + half[i]}
        for i in np.argsort(-means, kind="stable")
    ]


def partial_dependence(
    probe: Probe, fields: Sequence[Field], columns: Sequence[str], target: str
) -> tuple[list[dict[str, Any]], str]:
    """The mean answer when every row is given the same value in one column (Friedman 2001, Annals of Statistics 29).

    Of numbers and dates at quantiles, of categories at their common levels. ``low`` and ``high`` are the tenth and the
    ninetieth percent of the single rows' answers: where they go apart, the column acts together with others.
    Where the task shows several curves, their means alone. The title of their axis comes second.
    """
    by_name = {field.name: field for field in fields}
    steps = {step.field: step for step in probe.steps}
    found, title = [], ""
    for name in columns:
        values = _grid(by_name[name], probe.table.get(name), steps[name])
        if len(values) > 1:
            answers = at_once([partial(_answers_at, probe, name, target, column) for _, column in values])
            shown, title = [value for value, _ in values], answers[0].title
            found.append({"column": name, "kind": by_name[name].kind.value, "points": _points(shown, answers)})
    return found, title


def robustness(probe: Probe, fields: Sequence[Field], columns: Sequence[str], metric: str, seed: int) -> dict[str, Any]:
    """The score when something is wrong with the rows: each column missing, noise, other levels, typing mistakes."""
    rng = np.random.default_rng(seed)
    steps = {step.field: step for step in probe.steps}
    kinds = {field.name: field.kind for field in fields if field.name in steps and field.name in probe.table}
    n = len(probe)
    disturbed: dict[str, Mapping[str, Column]] = {}
    noisy = {c: _noisy(probe.table[c], k, steps[c], rng) for c, k in kinds.items() if k in (Kind.NUMBER, Kind.DATETIME)}
    levels = (Kind.CATEGORY, Kind.BOOLEAN)
    swapped = {name: _swapped(probe.table[name], n, rng) for name, kind in kinds.items() if kind in levels}
    typos = {name: _mistyped(probe.table[name], rng) for name, kind in kinds.items() if kind is Kind.TEXT}
    for name, changed in (("noise", noisy), ("swapped", swapped), ("typos", typos)):
        if changed:
            disturbed[name] = changed
    missing = [name for name in columns if name in steps]
    asked = [*disturbed.values(), *({name: missing_column(n)} for name in missing)]
    scores = [
        _score_of(replace(probe.predictions, raw=raw), metric)
        for raw in at_once([partial(probe.changed, c) for c in asked])
    ]
    return {
        "rows": n,
        "score": _score_of(probe.predictions, metric),
        "disturbed": [{"what": name, "score": score} for name, score in zip(disturbed, scores, strict=False)],
        "missing": [
            {"column": name, "score": score} for name, score in zip(missing, scores[len(disturbed) :], strict=True)
        ],
    }


def costly_gaps(
    probe: Probe, importance: Sequence[Mapping[str, Any]], missing: Sequence[Mapping[str, Any]], metric: str, seed: int
) -> list[dict[str, Any]]:
    """Columns whose absence costs more than their importance explains: a missing value is then no typical one.

    ``missing`` are scores without each column, as in `robustness`. Told is what costs, with 95 % of draws of the rows,
    more than twice what shuffling does and more than a tenth of what was learned; the costliest first.
    """
    whole, constant = _score_of(probe.predictions, metric), _score_of(probe.predictions.constant(), metric)
    if whole is None or constant is None:
        return []
    loss = probe.predictions.metrics[metric].loss
    learned = loss(constant) - loss(whole)
    explained = {each["column"]: max(each["high"], 0.0) for each in importance if each["high"] is not None}
    found = []
    for each in missing:
        name = each["column"]
        least = max(_FAR_MORE * explained.get(name, np.inf), _WORTH_TELLING * learned)
        if each["score"] is None or loss(each["score"]) - loss(whole) <= least:
            continue
        without = replace(probe.predictions, raw=probe.changed({name: missing_column(len(probe))}))
        ends = probe.predictions.better(without, seed, metric).interval(metric)
        if ends is not None and min(map(loss, ends)) > least:
            low, high = sorted(whole + end for end in ends)
            details = {"column": name, "score": whole, "without": each["score"], "low": low, "high": high}
            found.append({**details, "explained": explained[name]})
    return sorted(found, key=lambda each: -loss(float(each["without"])))


def _score_of(predictions: Predictions, metric: str) -> float | None:
    return predictions.answerer.score(predictions.raw, predictions.truth, metric)[metric]


def _loss_of(predictions: Predictions, metric: str) -> float:
    """The metric as a loss; the mean error of the rows where it is undefined."""
    value = _score_of(predictions, metric)
    return float(predictions.errors.mean()) if value is None else predictions.metrics[metric].loss(value)


def _moving_most(probe: Probe, steps: list[Step], seed: int) -> list[Step]:
    order = np.random.default_rng(seed).permutation(len(probe))
    moved = at_once([partial(_movement, probe, step, order) for step in steps])
    return [steps[i] for i in np.argsort(-np.array(moved), kind="stable")[:MOST_COLUMNS]]


def _movement(probe: Probe, step: Step, order: NDArray[np.intp]) -> float:
    return float(np.abs(probe.shuffled(step, order) - probe.predictions.raw).mean())


def _grid(field: Field, column: Column | None, step: Step) -> list[tuple[Any, Column]]:
    """The values at which the answer is looked at, each as it is shown and as a column of one row."""
    if column is None:
        return []
    if field.kind in (Kind.NUMBER, Kind.DATETIME):
        known = numeric(column, field.kind, step)
        known = known[np.isfinite(known)]
        if not len(known):
            return []
        often = np.quantile(known, np.linspace(0.02, 0.98, DEPENDENCE_POINTS), method="inverted_cdf")
        far = np.sort(known)  # where most values are one, quantiles alone would see nothing of the others
        points = 2 * np.linspace(often[0] / 2, often[-1] / 2, _EVEN_POINTS)  # their span may be no float
        even = far[np.minimum(np.searchsorted(far, points), len(far) - 1)]
        return [(float(value), Numbers(np.array([value]))) for value in np.unique([*often, *even])]
    if field.kind in (Kind.TEXT, Kind.SERIES):
        return []
    codes, spellings = spelled(column)
    counts = np.bincount(codes[codes >= 0], minlength=len(spellings))
    known_levels = field.profile.get("levels", {})
    common = [spellings[i] for i in np.argsort(-counts, kind="stable") if spellings[i] in known_levels]
    return [(level, Coded(np.zeros(1, np.int32), [level])) for level in common[:DEPENDENCE_POINTS]]


def _answers_at(probe: Probe, name: str, target: str, value: Column) -> Responses:
    n = len(probe)
    if isinstance(value, Numbers):
        column: Column = Numbers(np.repeat(value.values, n))
    else:
        column = Coded(np.repeat(value.codes, n), value.levels)
    predictions = replace(probe.predictions, raw=probe.changed({name: column}))
    return predictions.task.responses(predictions.answerer, predictions.raw, predictions.truth, target)


def _points(values: Sequence[Any], answers: Sequence[Responses]) -> list[dict[str, Any]]:
    if not answers[0].names:
        tails = [np.quantile(each.values[:, 0], [_ICE_TAIL, 1 - _ICE_TAIL]) for each in answers]
        return [
            {"value": value, "mean": each.values[:, 0].mean(), "low": low, "high": high}
            for value, each, (low, high) in zip(values, answers, tails, strict=True)
        ]
    return [
        {"value": value, "label": name, "mean": each.values[:, i].mean()}
        for value, each in zip(values, answers, strict=True)
        for i, name in enumerate(each.names)
    ]


def _noisy(column: Column, kind: Kind, step: Step, rng: np.random.Generator) -> Column:
    values = numeric(column, kind, step)
    known = values[np.isfinite(values)]
    with np.errstate(over="ignore", invalid="ignore"):
        spread = float(np.nan_to_num(known.std())) if len(known) else 0.0
        noise = rng.normal(0.0, 1.0, len(values)) * (NOISE * spread)
        return Numbers(np.where(np.isfinite(values), values + noise, values))


def _swapped(column: Column, n: int, rng: np.random.Generator) -> Column:
    rows = np.where(rng.random(n) < SWAPPED, rng.integers(0, max(n, 1), n), np.arange(n))
    return Numbers(column.values[rows]) if isinstance(column, Numbers) else Coded(column.codes[rows], column.levels)


def _mistyped(column: Column, rng: np.random.Generator) -> Column:
    """Two neighbouring signs exchanged in a tenth of the words."""
    coded = coded_numbers(column) if isinstance(column, Numbers) else column
    used = set(np.unique(coded.codes).tolist())
    levels: list[object] = []
    for i, level in enumerate(coded.levels):
        text = schema.read_text(level) if i in used else None
        levels.append(level if text is None else " ".join(_typo(word, rng) for word in text.split(" ")))
    return Coded(coded.codes, levels)


def _typo(word: str, rng: np.random.Generator) -> str:
    if len(word) < 2 or rng.random() >= MISTYPED:
        return word
    i = int(rng.integers(0, len(word) - 1))
    return word[:i] + word[i + 1] + word[i] + word[i + 2 :]
