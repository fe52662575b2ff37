"""Models of one budget beside LightGBM, XGBoost and CatBoost with their library defaults, on the same rows.

Every table trains with no option but the target. The boosters see the columns that fitserve uses, as a user would hand
them over: numbers, categories as categories, dates as seconds and calendar parts, texts as TF-IDF (CatBoost: as texts).
They are fitted on all training rows, while fitserve keeps a fifth back to evaluate by. Differences to the best booster
come with a 95 % interval: the bootstrap over test rows, or for small tables repeated cross-validation (five folds,
twice) with the correction of Nadeau and Bengio. ``python -m benchmarks.boosters [SECONDS] [TABLE...]`` takes some 40
minutes.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse, stats
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score, root_mean_squared_error
from sklearn.model_selection import RepeatedKFold, RepeatedStratifiedKFold

import fitserve
from benchmarks.report import Bar, show
from benchmarks.tables import Benchmark, frames
from fitserve.data.checks.table import as_numbers
from fitserve.data.understanding.series import column_of_series
from fitserve.evaluation.parts import spelled
from fitserve.evaluation.reading import Reading
from fitserve.features.column import Column
from fitserve.features.moment import moments_of
from fitserve.schema import Field, Kind

Values = NDArray[Any]
TABLES = (
    Benchmark("adult", "adult/train.csv.gz", "income", "adult/test.csv.gz"),
    Benchmark("german_credit", "german_credit/data.csv.gz", "default"),
    Benchmark("titanic", "titanic/train.csv.gz", "Survived"),
    Benchmark("breast_cancer_wisconsin", "breast_cancer_wisconsin/data.csv.gz", "diagnosis"),
    Benchmark("california_housing", "california_housing/data.csv.gz", "median_house_value"),
    Benchmark("bike_sharing_hourly", "bike_sharing_hourly/data.csv.gz", "cnt"),
    Benchmark("bike_sharing_hourly, leak", "bike_sharing_hourly/data.csv.gz", "cnt"),
    Benchmark("mammography", "mammography/data.csv.gz", "anomaly"),
    Benchmark("metro_traffic", "metro_traffic/data.csv.gz", "traffic_volume"),
    Benchmark("nutrition_wide", "nutrition_wide/raw_anonymized_data.csv.gz", "cancer"),
    Benchmark("starwars_survey", "starwars_survey/StarWars.csv.gz", "Which character shot first?"),
    Benchmark("banking77", "banking77/train.csv.gz", "category", "banking77/test.csv.gz"),
    Benchmark("financial_phrasebank", "financial_phrasebank/data.csv.gz", "label"),
    Benchmark("ag_news_small", "ag_news_small/data.csv.gz", "label"),
    Benchmark("chnsenticorp", "chnsenticorp/train.csv.gz", "label", "chnsenticorp/test_no_copies.csv.gz"),
)
LEAK = ["casual", "registered"]
SMALL = 2000
FOLDS, REPEATS, DRAWS = 5, 2, 400
_MOST_DENSE_CELLS, _MOST_CATBOOST_TEXTS = 20_000_000, 5_000


@dataclass(frozen=True)
class Case:
    """One split of a table. ``force`` goes on where a column gives the target away."""

    train: pl.DataFrame
    test: pl.DataFrame
    target: str
    budget: float
    threads: int
    force: bool = False


@dataclass(frozen=True)
class Answers:
    """What one contestant says of the test rows: probabilities (n, labels), or numbers (n,)."""

    values: Values
    seconds: float


@dataclass(frozen=True)
class Match:
    """All contestants on one split. ``truth`` holds positions in ``labels``, or numbers if there are none."""

    metric: str
    labels: Sequence[str]
    truth: Values
    answers: Mapping[str, Answers]


def score(metric: str, labels: Sequence[str], truth: Values, values: Values) -> float:
    """A score of which less is better; ROC AUC and accuracy are taken from one."""
    if metric == "rmse":
        return float(root_mean_squared_error(truth, values))
    if metric == "roc_auc":
        return 1 - float(roc_auc_score(truth, values[:, 1]))
    if metric == "accuracy":
        return 1 - float(accuracy_score(truth, values.argmax(axis=1)))
    clipped = np.clip(values, 1e-15, 1)
    return float(log_loss(truth, clipped / clipped.sum(axis=1, keepdims=True), labels=range(len(labels))))


def play(case: Case) -> Match:
    """Train all contestants on a split and ask them for the test rows."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.monotonic()
        run = fitserve.train(
            case.train, case.target, name="m", budget=case.budget, force=case.force, workspace=folder
        )  # fmt: skip
        seconds = time.monotonic() - started
        predictor = run.predictor()
        answer = predictor.predict_columns(Reading(predictor).columns(case.test), case.test.height)
    manifest = run.manifest
    labels = [str(label) for label in manifest.answer.get("labels", ())]
    if labels:
        own = np.stack([answer[f"probability_{label}"] for label in labels], axis=1)
        truth = np.array([labels.index(_label(value)) for value in case.test[case.target].to_list()])
    else:
        own = answer["prediction"]
        truth = case.test[case.target].cast(pl.Float64).to_numpy()
    fields = [Field.from_json(field) for field in manifest.fields]
    used = [field for field in fields if field.used]
    features = Features(used, case.train)
    wanted: Values = (
        np.array([labels.index(_label(value)) for value in case.train[case.target].to_list()])
        if labels
        else case.train[case.target].cast(pl.Float64).to_numpy()
    )
    answers = {"fitserve": Answers(own, seconds)}
    for name, booster in BOOSTERS.items():
        started = time.monotonic()
        values = booster(features, case, wanted, len(labels))
        if values is not None:
            answers[name] = Answers(values, time.monotonic() - started)
    return Match(manifest.metric, labels, truth, answers)


def _label(value: str) -> str:
    return {"true": "True", "false": "False"}.get(value, value)


class Features:
    """The columns of a table for boosters: dense numbers and codes, and texts."""

    def __init__(self, fields: Sequence[Field], train: pl.DataFrame) -> None:
        self.fields = fields
        self.levels = {
            field.name: {level: i for i, level in enumerate(spelled(self._column(field, train))[1])}
            for field in fields
            if field.kind is Kind.CATEGORY
        }
        self.texts = [field.name for field in fields if field.kind is Kind.TEXT]
        self.vectorizers = {}
        for name in self.texts:
            try:
                self.vectorizers[name] = TfidfVectorizer().fit(train[name].fill_null("").to_list())
            except ValueError:  # a column of figures has no word
                continue
        n_terms = sum(len(vectorizer.vocabulary_) for vectorizer in self.vectorizers.values())
        self.is_sparse = train.height * n_terms >= _MOST_DENSE_CELLS

    def _column(self, field: Field, frame: pl.DataFrame) -> Column:
        return column_of_series(frame[field.name], field.kind)

    def dense(self, frame: pl.DataFrame) -> tuple[NDArray[np.float64], list[int]]:
        """Numbers and codes, (n, columns), NaN where missing, and which columns are codes."""
        parts: list[NDArray[np.float64]] = []
        codes: list[int] = []
        for field in self.fields:
            if field.kind is Kind.TEXT:
                continue
            column = self._column(field, frame)
            if field.kind is Kind.DATETIME:
                parts += _calendar(moments_of(column))
            elif field.kind is Kind.CATEGORY:
                known, names = spelled(column)
                own = [float(self.levels[field.name].get(name, np.nan)) for name in names] + [np.nan]
                codes.append(len(parts))
                parts.append(np.array(own)[known])
            else:
                parts.append(as_numbers(column, field.kind if field.kind is Kind.BOOLEAN else Kind.NUMBER))
        return (np.stack(parts, axis=1) if parts else np.empty((frame.height, 0))), codes

    def matrix(self, frame: pl.DataFrame) -> tuple[Any, list[int]]:
        """Everything as one matrix, sparse where there are long texts."""
        dense, codes = self.dense(frame)
        terms = [self.vectorizers[name].transform(frame[name].fill_null("").to_list()) for name in self.vectorizers]
        if not terms:
            return dense, codes
        if not self.is_sparse:
            return np.hstack([dense, *(term.toarray() for term in terms)]), codes
        return sparse.hstack([sparse.csr_matrix(dense), *terms], format="csr"), codes


def _calendar(moments: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Seconds, and month, day, weekday and hour."""
    times = pl.Series(np.where(np.isfinite(moments), moments, 0)).cast(pl.Int64) * 1_000_000
    when = times.cast(pl.Datetime("us")).dt
    parts = [part.cast(pl.Float64).to_numpy() for part in (when.month(), when.day(), when.weekday(), when.hour())]
    return [moments, *(np.where(np.isfinite(moments), part, np.nan) for part in parts)]


def lightgbm(features: Features, case: Case, wanted: Values, n_labels: int) -> Values:
    """LightGBM's answers."""
    from lightgbm import LGBMClassifier, LGBMRegressor

    x, codes = features.matrix(case.train)
    model = (LGBMClassifier if n_labels else LGBMRegressor)(n_jobs=case.threads, verbose=-1)
    model.fit(x, wanted, categorical_feature=codes or "auto")
    return _ask(model, features.matrix(case.test)[0], n_labels)


def xgboost(features: Features, case: Case, wanted: Values, n_labels: int) -> Values:
    """XGBoost's answers."""
    from xgboost import XGBClassifier, XGBRegressor

    x, codes = features.matrix(case.train)
    types = ["c" if i in set(codes) else "q" for i in range(x.shape[1])]
    model = (XGBClassifier if n_labels else XGBRegressor)(
        n_jobs=case.threads, enable_categorical=True, feature_types=types
    )  # fmt: skip
    model.fit(x, wanted)
    return _ask(model, features.matrix(case.test)[0], n_labels)


def catboost(features: Features, case: Case, wanted: Values, n_labels: int) -> Values | None:
    """CatBoost's answers; None on many texts, whose features take it minutes for each thousand rows."""
    if features.texts and case.train.height > _MOST_CATBOOST_TEXTS:
        return None
    from catboost import CatBoostClassifier, CatBoostRegressor

    train, codes = _catboost_frame(features, case.train)
    test, _ = _catboost_frame(features, case.test)
    kind = CatBoostClassifier if n_labels else CatBoostRegressor
    model = kind(
        thread_count=case.threads, verbose=False, allow_writing_files=False,
        cat_features=codes, text_features=features.texts or None,
    )  # fmt: skip
    model.fit(train, wanted)
    return _ask(model, test, n_labels)


def _catboost_frame(features: Features, frame: pl.DataFrame) -> tuple[Any, list[str]]:
    dense, codes = features.dense(frame)
    names = [f"f{i}" for i in range(dense.shape[1])]
    columns: dict[str, Any] = {name: dense[:, i] for i, name in enumerate(names)}
    for i in codes:
        columns[names[i]] = [str(int(value)) if np.isfinite(value) else "" for value in dense[:, i]]
    columns |= {name: frame[name].fill_null("").to_list() for name in features.texts}
    return pl.DataFrame(columns).to_pandas(), [names[i] for i in codes]


def _ask(model: Any, x: Any, n_labels: int) -> Values:
    return np.asarray(model.predict_proba(x) if n_labels else model.predict(x), dtype=np.float64)


BOOSTERS: dict[str, Callable[[Features, Case, Values, int], Values | None]] = {
    "LightGBM": lightgbm,
    "XGBoost": xgboost,
    "CatBoost": catboost,
}


@dataclass(frozen=True)
class Result:
    """Mean losses, and how much smaller that of fitserve is than that of the best booster, with an interval."""

    losses: Mapping[str, float]
    gain: float
    low: float
    high: float

    @property
    def verdict(self) -> str:
        """In a word."""
        return "better" if self.low > 0 else "WORSE" if self.high < 0 else "within noise"


def of_one_split(match: Match, metric: str) -> Result:
    """The bootstrap over the test rows."""
    losses = {name: score(metric, match.labels, match.truth, each.values) for name, each in match.answers.items()}
    best = _best_booster(losses)
    rng = np.random.default_rng(0)
    gains = []
    for _ in range(DRAWS):
        rows = rng.integers(len(match.truth), size=len(match.truth))
        if match.labels and metric == "roc_auc" and len(np.unique(match.truth[rows])) < 2:
            continue
        each = [
            score(metric, match.labels, match.truth[rows], match.answers[name].values[rows])
            for name in (best, "fitserve")
        ]
        gains.append(each[0] - each[1])
    low, high = np.quantile(gains, [0.025, 0.975]).tolist()
    return Result(losses, losses[best] - losses["fitserve"], low, high)


def of_many_splits(matches: Sequence[Match], metric: str) -> Result:
    """The corrected resampled t-test."""
    every = [
        {name: score(metric, match.labels, match.truth, each.values) for name, each in match.answers.items()}
        for match in matches
    ]
    losses = {name: float(np.mean([each[name] for each in every])) for name in every[0]}
    best = _best_booster(losses)
    gains = np.array([each[best] - each["fitserve"] for each in every])
    error = np.sqrt((1 / len(gains) + 1 / (FOLDS - 1)) * gains.var(ddof=1))
    width = float(stats.t.ppf(0.975, len(gains) - 1) * error)
    return Result(losses, float(gains.mean()), float(gains.mean()) - width, float(gains.mean()) + width)


def _best_booster(losses: Mapping[str, float]) -> str:
    return min((name for name in losses if name != "fitserve"), key=losses.__getitem__)


def matches_of(table: Benchmark, budget: float) -> list[Match]:
    """The table on its own split, or a small one on many."""
    train, test = frames(table)
    force = table.name.endswith("leak")
    if not force:
        train, test = train.drop(LEAK, strict=False), test.drop(LEAK, strict=False)
    every = pl.concat([train, test]) if table.test is None else train
    if every.height >= SMALL:
        known = [frame.filter(pl.col(table.target).is_not_null()) for frame in (train, test)]
        return [play(Case(known[0], known[1], table.target, budget, 2, force))]
    every = every.filter(pl.col(table.target).is_not_null())
    kind = RepeatedKFold if every[table.target].n_unique() > 20 else RepeatedStratifiedKFold
    splits = kind(n_splits=FOLDS, n_repeats=REPEATS, random_state=1).split(np.zeros(every.height), every[table.target])
    cases = [Case(every[train], every[test], table.target, budget, 1, force) for train, test in splits]
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:  # a small table keeps one processor busy
        return list(pool.map(play, cases))


def main() -> None:
    """Play all matches, print the table."""
    budget = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    worse = 0
    for table in TABLES:
        if len(sys.argv) > 2 and table.name not in sys.argv[2:]:
            continue
        matches = matches_of(table, budget)
        chosen = matches[0].metric
        for metric in [chosen, "accuracy"] if len(matches[0].labels) > 2 else [chosen]:
            result = of_one_split(matches[0], metric) if len(matches) == 1 else of_many_splits(matches, metric)
            worse += metric == chosen and result.verdict == "WORSE"
            note = ", ".join(f"{name} {loss:.5g}" for name, loss in result.losses.items())
            shown = metric if metric in ("rmse", "log_loss") else f"1 - {metric}"
            said = f"gain {result.gain:+.3g} ({result.low:+.3g} to {result.high:+.3g}): {result.verdict}"
            print(f"{table.name:26} {shown}: {note}; {said}", flush=True)
        seconds = {name: np.mean([match.answers[name].seconds for match in matches]) for name in matches[0].answers}
        print(f"{'':26} seconds: {', '.join(f'{name} {value:.1f}' for name, value in seconds.items())}", flush=True)
    show(Bar("Tables on which a booster with its defaults is better by more than noise", worse, 0, "at most"))


if __name__ == "__main__":
    main()
