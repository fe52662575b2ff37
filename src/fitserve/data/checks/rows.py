"""Rows: too few, twice, nearly twice, and alike with different targets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fitserve.data.checks.finding import Finding, warn
from fitserve.data.checks.table import CheckedTable
from fitserve.data.understanding.equal_rows import duplicate_groups, equal_rows
from fitserve.schema import Kind

_FEW_ROWS = 100
_MOST_COLUMNS_COMPARED = 60
# Rows that agree by chance do so in few bits; a pair among n rows needs at least twice log2(n) of them.
_BITS_BEYOND_CHANCE = 12
_INHERENT = 0.2
_SIGNIFICANT = 6


def few_rows(table: CheckedTable) -> Iterator[Finding]:
    """Tables from which little can be learned, or anything."""
    n, width = table.height, len(table.fields)
    if n < _FEW_ROWS:
        yield warn("few_rows", [], n)
    if width > n:
        yield warn("more_columns_than_rows", [], width, rows=n)


def duplicate_rows(table: CheckedTable) -> Iterator[Finding]:
    """Rows that repeat an earlier one in every column."""
    equal = equal_rows(table.frame, table.target.name) if table.target else None
    count = equal.repeat if equal else duplicate_groups(table.frame)[1]
    if count:
        yield warn("duplicate_rows", [], count, rows=[count, table.height], why=equal.why if equal else "")


def conflicting_targets(table: CheckedTable) -> Iterator[Finding]:
    """Rows that are alike in everything but have different targets."""
    if table.target is None or not table.fields:
        return
    alike = duplicate_groups(table.frame.drop(table.target.name))[0][table.target.known]
    truth = table.target.truth[table.target.known]
    order = np.lexsort((truth, alike))
    same = alike[order][1:] == alike[order][:-1]
    differ = same & (truth[order][1:] != truth[order][:-1])
    groups = np.unique(alike[order][1:][differ])
    count = int(np.isin(alike, groups).sum())
    if count:
        yield warn("conflicting_targets", [table.target.name], count, rows=[count, len(alike)])


def near_duplicate_rows(table: CheckedTable) -> Iterator[Finding]:
    """Rows that differ from another in one column only, or in case, punctuation and rounding."""
    n = len(table.sample)
    frame = table.frame[table.sample]
    identifiers = [field.name for field in table.fields if field.kind is Kind.IDENTIFIER]
    compared = [name for name in frame.columns if name not in identifiers]
    if n < 2 or len(compared) < 2:
        return
    exact = _is_repeated(duplicate_groups(frame)[0])
    codes = [_normal_codes(frame[name]) for name in compared]
    hashes = [_hashed(code, j) for j, code in enumerate(codes)]
    bits = [_entropy(code) for code in codes]
    needed = 2 * np.log2(n) + _BITS_BEYOND_CHANCE
    total: NDArray[np.uint64] = np.asarray(np.sum(hashes, axis=0, dtype=np.uint64))
    near = np.zeros(n, dtype=bool)
    differing: list[str] = []
    if sum(bits) >= needed:
        near |= _is_repeated(total) & ~exact
    if len(compared) <= _MOST_COLUMNS_COMPARED:
        for name, own, bit in zip(compared, hashes, bits, strict=True):
            if sum(bits) - bit < needed:
                continue
            twins = _is_repeated(np.asarray(total - own)) & ~exact
            if (twins & ~near).any() and twins.mean() <= _INHERENT:
                near |= twins
                differing.append(name)
    if near.any() and near.mean() <= _INHERENT:
        yield warn("near_duplicate_rows", differing, int(near.sum()), rows=[int(near.sum()), n])


def _is_repeated(keys: NDArray[Any]) -> NDArray[np.bool_]:
    """Which keys occur more than once."""
    _, inverse, counts = np.unique(keys, return_inverse=True, return_counts=True)
    return np.asarray(counts[inverse] > 1)


def _normal_codes(series: pl.Series) -> NDArray[np.int64]:
    """Codes of values, the same for what differs in case, punctuation or rounding alone."""
    if series.dtype == pl.String:
        series = series.str.to_lowercase().str.replace_all(r"[\s\p{P}]+", " ").str.strip_chars()
    elif series.dtype.is_float():
        series = series.round_sig_figs(_SIGNIFICANT)
    elif series.dtype.is_nested() or series.dtype in (pl.Object, pl.Binary):
        series = pl.Series([repr(value) for value in series.to_list()], dtype=pl.String)
    return series.rank("dense").fill_null(0).to_numpy().astype(np.int64)


def _hashed(codes: NDArray[np.int64], column: int) -> NDArray[np.uint64]:
    """A random number of 64 bits for each code of a column."""
    numbers = np.random.default_rng(column).integers(0, 2**64, int(codes.max(initial=0)) + 1, dtype=np.uint64)
    return numbers[codes]


def _entropy(codes: NDArray[np.int64]) -> float:
    """Bits of a column."""
    chance = np.unique(codes, return_counts=True)[1] / len(codes)
    return float(-(chance * np.log2(chance)).sum())
