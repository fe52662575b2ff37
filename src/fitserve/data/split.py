"""Rows into training and test parts and into folds. Equal rows stay together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from fitserve.data.few_rows import EQUAL_TOGETHER, EXPANDING, LEAVE_ONE_GROUP_OUT, LEAVE_ONE_OUT, SMALL_TABLE
from fitserve.messages import Message, render

Rows = NDArray[np.intp]
_FEWEST_TEST_ROWS, _ENOUGH_TEST_ROWS, _MOST_TEST_ROWS = 5, 2_000, 100_000


@dataclass(frozen=True, slots=True)
class Split:
    """Row indexes, ascending. ``test`` is empty where the table is too small for one; the ``description`` says why."""

    train: Rows
    test: Rows
    description: Message

    @property
    def reason(self) -> str:
        """The same in words."""
        return render(self.description)


def joined_groups(groups: NDArray[np.int64], keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Groups of rows that share a key (n,), -1 for none, or are equal, directly or through others."""
    n_groups, n = int(groups.max(initial=-1)) + 1, len(groups)
    own = np.where(keys >= 0, keys, int(keys.max(initial=-1)) + 1 + np.arange(n))
    edges = coo_matrix((np.ones(n), (groups, n_groups + own)), shape=(n_groups + int(own.max(initial=0)) + 1,) * 2)
    labels = connected_components(edges, directed=False)[1][groups]
    return np.unique(labels, return_inverse=True)[1].astype(np.int64)


def last_rows(moments: NDArray[np.float64], share: float) -> NDArray[np.bool_]:
    """About the last ``share`` of the rows in time; rows of one moment stay together, those without one are none."""
    times, counts = np.unique(moments[~np.isnan(moments)], return_counts=True)
    after = counts[::-1].cumsum()[::-1]  # how many rows are not earlier than each moment
    if len(times) < 2:
        return np.zeros(len(moments), dtype=bool)
    first = 1 + int(np.argmin(np.abs(after[1:] - share * len(moments))))
    return np.asarray(moments >= times[first])


def windows(moments: NDArray[np.float64]) -> list[tuple[Rows, Rows]]:
    """Each moment of the last half of the rows with the rows before it: (earlier rows, rows of the moment).

    Rows without a moment are always among the first; nothing where all rows have one moment.
    """
    last = last_rows(moments, 0.5)
    return [
        (np.flatnonzero(~(moments >= moment)), np.flatnonzero(moments == moment)) for moment in np.unique(moments[last])
    ]


def can_validate(moments: NDArray[np.float64], labels: NDArray[np.int64]) -> bool:
    """Whether a model can be evaluated on the last rows in time: they have no label (n,) that is new to it."""
    if len(moments) < SMALL_TABLE:
        steps = windows(moments)
        learned = steps[0][0] if steps else np.empty(0, dtype=np.intp)
    else:
        split = split_by_time(moments)
        learned = split.train if len(split.test) else split.test
    return len(learned) > 0 and np.array_equal(np.unique(labels[learned]), np.unique(labels))


def left_out(groups: NDArray[np.int64], *, named: bool) -> Message:
    """What it is called to leave each group of rows out in turn; ``named`` as for `split_rows`."""
    if named:
        return LEAVE_ONE_GROUP_OUT
    return LEAVE_ONE_OUT if len(np.unique(groups)) == len(groups) else EQUAL_TOGETHER


def n_test_rows(n: int) -> int:
    """How many of n rows are held out: a fifth, but no more than 2,000 or a tenth, for the others are learned from."""
    return min(n // 5, max(n // 10, _ENOUGH_TEST_ROWS), _MOST_TEST_ROWS)


def split_by_time(moments: NDArray[np.float64]) -> Split:
    """The last rows in time as test part, where there are rows enough."""
    n = len(moments)
    everything, nothing = np.arange(n), np.empty(0, dtype=np.intp)
    if n < SMALL_TABLE:
        return Split(everything, nothing, Message("split.too_few_rows", {"rows": n, "how": EXPANDING}))
    last = last_rows(moments, n_test_rows(n) / n)
    if not _FEWEST_TEST_ROWS <= int(last.sum()) <= n / 2:
        return Split(everything, nothing, Message("split.one_moment"))
    return Split(np.flatnonzero(~last), np.flatnonzero(last), Message("split.in_time"))


def split_rows(groups: NDArray[np.int64], strata: NDArray[Any] | None, seed: int, *, named: bool = False) -> Split:
    """A random test part, stratified where ``strata`` (n,) is given.

    No group is divided; ``named`` says that the user has told what belongs together. Below `SMALL_TABLE` rows, or
    where equal rows leave no fair test part, there is none.
    """
    n = len(groups)
    everything = np.arange(n)
    nothing = np.empty(0, dtype=np.intp)
    if n < SMALL_TABLE:
        how = left_out(groups, named=named)
        return Split(everything, nothing, Message("split.too_few_rows", {"rows": n, "how": how}))
    wanted = n_test_rows(n)
    parts = assign(groups, strata, [wanted / n, 1 - wanted / n], seed)
    test = np.flatnonzero(parts == 0)
    divided = len(np.unique(groups[parts == 1])) > 1  # the training part is cut again, into folds
    if not _FEWEST_TEST_ROWS <= len(test) <= 2 * wanted or _lacks_labels(strata, parts) or not divided:
        return Split(everything, nothing, Message("split.not_fair", {"named": named}))
    details = {"stratified": strata is not None, "seed": seed, "together": True, "groups": named}
    return Split(np.flatnonzero(parts == 1), test, Message("split.random", details))


def _lacks_labels(strata: NDArray[Any] | None, parts: NDArray[Any]) -> bool:
    """Whether training or test has lost all but one label, or training one that occurs often enough."""
    if strata is None:
        return False
    return len(np.unique(strata[parts == 0])) < 2 or len(np.unique(strata[parts == 1])) < 2


def folds(
    groups: NDArray[np.int64], strata: NDArray[Any] | None, n_folds: int, seed: int, *, named: bool = False
) -> NDArray[np.int64]:
    """The fold (0 to n_folds - 1) of each row; no group is divided. Groups that the user named are all held out.

    A group that would be more than a tenth of a fold is never held out (-1): held out as a whole it would be
    one row that is evaluated hundreds of times. Where most rows are such, they are held out all the same.
    """
    _, inverse, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    large = sizes[inverse] > max(len(groups) / n_folds / 10, 2)
    if named or large.mean() > 0.5:
        large[:] = False
    found = np.full(len(groups), -1, dtype=np.int64)
    own = strata[~large] if strata is not None else None
    found[~large] = assign(groups[~large], own, [1 / n_folds] * n_folds, seed)
    return found


def assign(groups: NDArray[np.int64], strata: NDArray[Any] | None, shares: list[float], seed: int) -> NDArray[np.int64]:
    """Give each group to one of some parts so that every stratum is shared out in proportion.

    Groups are shuffled; each goes to the part that lacks the most of its stratum (that of its first row).
    """
    rng = np.random.default_rng(seed)
    _, first, inverse, sizes = np.unique(groups, return_index=True, return_inverse=True, return_counts=True)
    stratum = np.zeros(len(first), dtype=np.int64)
    if strata is not None:
        stratum = np.unique(strata, return_inverse=True)[1][first]
    order = rng.permutation(len(first))
    part_of_group = np.zeros(len(first), dtype=np.int64)
    goal = np.array(shares)
    carried = np.zeros(len(shares))
    for value in range(int(stratum.max(initial=-1)) + 1):
        own = order[stratum[order] == value]
        have = -carried
        total = 0
        large = own[sizes[own] > 1]
        for group in large[np.argsort(-sizes[large], kind="stable")]:
            size = sizes[group]
            total += size
            part = int(np.argmax(goal * total - have))
            part_of_group[group] = part
            have[part] += size
        single = own[sizes[own] == 1]
        counts = _shared_out(len(single), goal * (total + len(single)) - have)
        part_of_group[single] = np.repeat(np.arange(len(shares)), counts)
        # What rounding left open is carried on, so that rare strata do not all go one way; but no more than a
        # row, or one large group would keep every other stratum out of its part.
        carried = np.clip(goal * (total + len(single)) - have - counts, -1.0, 1.0)
    return part_of_group[inverse]


def _shared_out(n: int, wanted: NDArray[np.float64]) -> NDArray[np.int64]:
    """Whole numbers that sum to n, in proportion to what is wanted; what rounding leaves goes where most is lacking."""
    wanted = np.maximum(wanted, 0.0)
    exact = wanted * (n / wanted.sum()) if wanted.sum() > 0 else np.full(len(wanted), n / len(wanted))
    counts: NDArray[np.int64] = np.floor(exact).astype(np.int64)
    counts[np.argsort(counts - exact, kind="stable")[: n - int(counts.sum())]] += 1
    return counts
