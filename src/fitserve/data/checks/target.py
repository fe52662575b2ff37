"""The target: what gives it away, what it lacks, and how unevenly its labels are spread."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from fitserve.data.checks.association import explained_share, target_matrix
from fitserve.data.checks.cells import shown_spellings
from fitserve.data.checks.columns import gaps_of
from fitserve.data.checks.finding import Finding, note, stop, warn
from fitserve.data.checks.table import CheckedTable
from fitserve.data.error_detection.spelling_variants import Spellings, find_spellings
from fitserve.data.understanding.target import Target, lost_rows
from fitserve.features.spelling import ANY_CASE, folded
from fitserve.schema import Kind

_FEWEST_ROWS = 50
# Differences below this part of the target's range are rounding.
_EXACT = 1e-9
_MOST_PARTS = 24
_FEWEST_OF_A_LABEL = 5
_LARGEST_SUM = 6
# One column alone that tells so much of a target is rarely known beforehand.
_TOO_TELLING, _TELLING_GAPS, _SUSPECT = 0.95, 0.5, 0.35
_RARE, _UNEVEN = 10, 0.1
_MOST_GROUPS = 3
_KNOWN_LATER = re.compile(
    r"(?:^|[_\s-])(?:outcome|result|status_final|final|closed|resolved|resolution|settled|settlement|refund|refunded|"
    r"recovery|recovered|recoveries|chargeoff|charged_off|discharge|discharged|death|died|survival|finished|ended|"
    r"duration|actual|paid_back|payoff)(?:$|[_\s-])",
    re.IGNORECASE,
)


def copies_of_the_target(table: CheckedTable) -> Iterator[Finding]:
    """Columns that are the target under another name."""
    target = table.target
    if target is None or len(target.known) < _FEWEST_ROWS:
        return
    copies = [name for name in _names(table) if _is_copy(table, name, target)]
    if copies:
        yield stop("target_copy", copies, len(copies), target=target.name)


def _names(table: CheckedTable) -> list[str]:
    """Columns that a model would use."""
    return [f.name for f in table.fields if f.kind not in (Kind.CONSTANT, Kind.IDENTIFIER, Kind.TEXT)]


def _is_copy(table: CheckedTable, name: str, target: Target) -> bool:
    if target.classes is not None:
        codes = target.classes.codes[table.sample]
        rows = codes >= 0
        numbers = table.numbers.get(name)
        values = table.codes[name][rows] if numbers is None else numbers[rows]
        return _one_to_one(codes[rows], values)
    if target.numbers is None:
        return False
    wanted = target.numbers[table.sample]
    rows = np.isfinite(wanted)
    own = table.numbers.get(name, np.full(len(wanted), np.nan))[rows]
    if np.isnan(own).any() or len(np.unique(own)) < 10:
        return False
    return _is_same(own, wanted[rows])


def _is_same(values: NDArray[np.float64], wanted: NDArray[np.float64]) -> bool:
    width = float(wanted.max() - wanted.min())
    return bool(
        np.abs(values - wanted).max(initial=0.0) <= max(_EXACT * width, 1e-12 * np.abs(wanted).max(initial=1.0))
    )


def _one_to_one(truth: NDArray[np.int64], values: NDArray[np.float64] | NDArray[np.int32]) -> bool:
    """Whether labels and values belong to each other one to one, both ways, each more than once."""
    if values.dtype.kind == "f" and np.isnan(values).any():
        return False
    found = np.unique(values, return_inverse=True)[1]
    labels = np.unique(truth, return_counts=True)[1]
    if not 1 < len(labels) == int(found.max(initial=-1)) + 1 or float(np.median(labels)) < _FEWEST_OF_A_LABEL:
        return False
    return len(np.unique(truth * (len(labels) + 1) + found)) == len(labels)


def sums_of_columns(table: CheckedTable) -> Iterator[Finding]:
    """Columns that add up to the target, each added or taken away once."""
    target = table.target
    if target is None or target.numbers is None or len(target.known) < _FEWEST_ROWS:
        return
    numbers = target.numbers[table.sample]
    rows = np.isfinite(numbers)
    wanted = numbers[rows]
    parts = _likely_parts(table, rows, wanted)
    signs = _sum_among({name: table.numbers[name][rows] for name in parts}, wanted)
    if signs:
        found = sorted(signs, key=parts.index)
        plus, minus = ([name for name in found if signs[name] == sign] for sign in (1, -1))
        yield stop("target_sum", [*plus, *minus], len(found), target=target.name, plus=plus, minus=minus)


def _likely_parts(table: CheckedTable, rows: NDArray[np.bool_], wanted: NDArray[np.float64]) -> list[str]:
    """Columns of numbers without gaps that go along with the target most."""
    kinds = {field.name: field.kind for field in table.fields}
    strength = {}
    for name, values in table.numbers.items():
        own = values[rows]
        if kinds[name] is Kind.NUMBER and np.isfinite(own).all() and own.std() > 0 and not _is_same(own, wanted):
            with np.errstate(all="ignore"):
                strength[name] = abs(float(np.nan_to_num(np.corrcoef(own, wanted)[0, 1])))
    return sorted(strength, key=lambda name: -strength[name])[:_MOST_PARTS]


def _sum_among(columns: dict[str, NDArray[np.float64]], wanted: NDArray[np.float64]) -> dict[str, int]:
    """The signs of the columns that add up to something; nothing if none do.

    Least squares over all of them finds the only sum there is. Where columns depend on each other there are several,
    and small sums are tried one by one.
    """
    names = list(columns)
    if len(names) < 2 or len(wanted) < 3 * len(names):
        return {}
    matrix = np.stack([columns[name] for name in names], axis=1)
    scale = np.abs(matrix).max(axis=0)
    weights, _, rank, _ = np.linalg.lstsq(np.column_stack([matrix / scale, np.ones(len(wanted))]), wanted, rcond=None)
    signs = np.rint(weights[:-1] / scale)
    chosen = {name: int(sign) for name, sign in zip(names, signs, strict=True) if sign != 0}
    if rank == len(names) + 1:
        return chosen if _adds_up(chosen, columns, wanted) else {}
    for size in (2, 3):
        for some in combinations(names[:12], size):
            if _adds_up(dict.fromkeys(some, 1), columns, wanted):
                return dict.fromkeys(some, 1)
    return {}


def _adds_up(signs: dict[str, int], columns: dict[str, NDArray[np.float64]], wanted: NDArray[np.float64]) -> bool:
    if not 2 <= len(signs) <= _LARGEST_SUM or any(abs(sign) != 1 for sign in signs.values()):
        return False
    total = np.sum([sign * columns[name] for name, sign in signs.items()], axis=0)
    return _is_same(total, wanted)


def telling_gaps(table: CheckedTable) -> Iterator[Finding]:
    """Columns that are filled in, or left empty, depending on the target: known only after the fact."""
    target = table.target
    if target is None or len(target.known) < _FEWEST_ROWS:
        return
    known, wanted = target_matrix(target, table.sample)
    for name, gap in gaps_of(table).items():
        if min(int(gap[known].sum()), int((~gap[known]).sum())) < 10:
            continue
        tells = explained_share(gap[known].astype(np.int32), wanted)
        if tells >= _TELLING_GAPS:
            yield warn("telling_gaps", [name], int(gap.sum()), share=tells, target=target.name)


def too_telling_columns(table: CheckedTable) -> Iterator[Finding]:
    """Columns that tell the target nearly alone, or much of it under the name of something that comes later."""
    target = table.target
    if target is None or len(target.known) < _FEWEST_ROWS:
        return
    for name in _names(table):
        later = bool(_KNOWN_LATER.search(name))
        share_explained = table.explained.get(name, 0.0)
        if share_explained >= (_SUSPECT if later else _TOO_TELLING) and not _is_copy(table, name, target):
            yield warn("known_after", [name], share=share_explained, target=target.name, later=later)


def lost_targets(table: CheckedTable) -> Iterator[Finding]:
    """Rows without a target, or with one that cannot be learned."""
    for lost in lost_rows(table.target) if table.target is not None else ():
        assert table.target is not None
        rows = [lost.count, table.height]
        yield note("missing_target", [table.target.name], lost.count, rows=rows, what=lost.what, advice=lost.advice)


def spellings_of_labels(table: CheckedTable) -> Iterator[Finding]:
    """Labels that differ in spelling alone: each would be predicted as a class of its own."""
    target = table.target
    groups = _spellings_of(target.counts) if target is not None else []
    if target is None or not groups:
        return
    shown, more = shown_spellings(groups, _MOST_GROUPS)
    case = all(folded(text) == folded(group.canonical) for group in groups for text in group.variants)
    any_case = ANY_CASE if case else ""
    yield warn("label_spellings", [target.name], len(groups), groups=shown, more=more, any_case=any_case)


def _spellings_of(counts: Mapping[str, int]) -> list[Spellings]:
    """Groups of labels that are one, also those of a letter or with digits, where columns of inputs may hold codes."""
    groups = find_spellings(counts)
    grouped = {text for group in groups for text in (group.canonical, *group.variants)}
    alike: dict[str, list[str]] = defaultdict(list)
    for text in sorted(counts, key=lambda text: (-counts[text], text)):
        if text not in grouped:
            alike[folded(text).rstrip(". ")].append(text)
    more = [Spellings(texts[0], tuple(texts[1:]), "") for texts in alike.values() if len(texts) > 1]
    return sorted([*groups, *more], key=lambda group: group.canonical)


def rare_classes(table: CheckedTable) -> Iterator[Finding]:
    """Labels with too few rows to learn from."""
    if table.target is None:
        return
    rare = {label: count for label, count in table.target.counts.items() if count < _RARE}
    if rare and len(table.target.known) >= _FEWEST_ROWS:
        labels = [{"label": label, "rows": count} for label, count in rare.items()]
        yield warn("rare_classes", [table.target.name], len(rare), fewest=_RARE, labels=labels)


def imbalance(table: CheckedTable) -> Iterator[Finding]:
    """Labels of which one is much rarer than it would be if all were as frequent."""
    if table.target is None or len(table.target.counts) < 2:
        return
    counts = table.target.counts
    total, label = sum(counts.values()), min(counts, key=lambda name: counts[name])
    even = total / len(counts)
    if counts[label] < 2 * _UNEVEN * even and counts[label] >= _RARE:
        most = max(counts, key=lambda name: counts[name])
        details = {"label": label, "rows": [counts[label], total], "most": most, "most_rows": counts[most]}
        yield note("imbalance", [table.target.name], counts[label], **details)
