"""What the values of a column are, decided from the values, with the reason."""

from __future__ import annotations

import difflib
import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fitserve import schema
from fitserve.data.series import FULL_NUMBER, NUMBER, SHORT, all_missing, column_of_series
from fitserve.errors import DataError, SpecError
from fitserve.features.category import level_counts
from fitserve.features.column import Coded, Column, Numbers
from fitserve.features.moment import moment_reader, moments_of
from fitserve.features.number import BooleanStep, number_reader, numbers_of
from fitserve.features.spelling import (
    DAY_FIRST,
    MONTH_FIRST,
    SPELLINGS,
    Found,
    NumberReader,
    common_prefix,
    find_day_first,
    find_number_spelling,
    is_number,
    is_ordered,
)
from fitserve.schema import Field, Kind

_ZONED = re.compile(r"[0-9]\s*(?:Z|UTC|GMT|[+-][0-9]{2}:?[0-9]{2})\Z", re.IGNORECASE)
_LEADING_ZERO = "^0[0-9]+$"
_PADDED = re.compile(r"0[0-9]+\Z")
_UNKNOWN_TYPES = (pl.Struct, pl.Object, pl.Binary, pl.Duration, pl.Time)
# Types that numpy has too, in which whole numbers keep all their digits.
_EXACT = (pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64, pl.Float32, pl.Float64)
_TYPED = (Kind.NUMBER, Kind.DATETIME, Kind.BOOLEAN)
_SAMPLE, _MOST_MEASURED = 20_000, 2000
# A column of texts is read as numbers or dates if so large a share of its distinct values can be.
_ENOUGH = 0.95
# Texts become categories while the levels repeat; beyond, what is inside the text must speak.
_REPEATS, _MANY_LEVELS, _FEW_LEVELS = 2.0, 1000, 20
_WORDS_OF_TEXT = 3.0
_FEWEST_FOR_IDENTIFIER = 20
_FEW_LISTS, _SHARE_OF_LISTS, _WORDS_OF_AN_ITEM, _REPEATS_OF_ITEMS = 5, 0.3, 4.0, 5.0
_NAMES_ROWS = re.compile(r"(?:^|[\s_-])(?:id|key|uuid|guid)\s*$|[a-z]I[dD]\s*$|(?i:^(?:id|key|uuid|guid)$)")
_FEW_DATES = 50
_PROFILE_LEVELS = 100
IN_DOUBT = "in doubt"
"""What a field's reason says where its texts can be read in two ways."""


@dataclass(frozen=True, slots=True)
class _Spelled:
    """What the texts of a column look like.

    ``known`` of them are no missing value, ``n`` of those are different. Shares and flags are of a ``sample`` of
    the different ones; ``numbers`` and ``dates`` do not count spellings that mean "none" beside numbers or dates.
    """

    known: int
    n: int
    sample: list[str]
    numbers: float
    dates: float
    booleans: bool
    padded: bool
    words: float


def infer_field(series: pl.Series, wanted: Kind | None = None, spelling: str = "") -> tuple[Field, Column]:
    """The field of a column and the column itself, read by its kind. ``wanted`` and ``spelling`` are the user's.

    Raises DataError for values that no kind has, SpecError if no value can be read as ``wanted``.
    """
    if isinstance(series.dtype, _UNKNOWN_TYPES) or _is_nested(series.dtype):
        raise DataError(
            f"column {series.name!r} holds {series.dtype} values; turn them into numbers or texts, "
            "or leave the column out with --exclude"
        )
    if spelling and series.dtype == pl.String:
        wanted = wanted or (Kind.DATETIME if spelling in (DAY_FIRST, MONTH_FIRST) else Kind.NUMBER)
    kind, reason = (wanted, "chosen by the user") if wanted else _kind(series)
    column = column_of_series(series, kind, spelling)
    if spelling:
        reason += f", spelled {'like ' if kind is Kind.NUMBER else ''}{spelling}"
    missing = _missing_share(column, kind)
    if wanted in _TYPED and missing == 1.0 and _missing_share(column, Kind.CATEGORY) < 1.0:
        raise SpecError(f"no value of column {series.name!r} can be read as a {kind}; leave --kind out for it")
    return Field(series.name, kind, reason, True, missing, profile_of(column, kind)), column


def _kind(series: pl.Series) -> tuple[Kind, str]:
    dtype = series.dtype
    if dtype == pl.Null or series.null_count() == len(series):
        return Kind.CONSTANT, "no value at all"
    if dtype == pl.Boolean or dtype.is_temporal():
        kind = Kind.BOOLEAN if dtype == pl.Boolean else Kind.DATETIME
        told = "true and false" if kind is Kind.BOOLEAN else f"values of type {dtype}"
        return _or_constant(series, kind, told)
    if dtype.is_numeric():
        known = series.drop_nulls()
        return _number_kind(series, (known if dtype in _EXACT else known.cast(pl.Float64)).to_numpy())
    if dtype == pl.String:
        return _text_kind(series)
    if isinstance(dtype, (pl.List, pl.Array)):
        return Kind.TEXT, "lists"
    return _or_constant(series, Kind.CATEGORY, "a categorical column")


def _or_constant(series: pl.Series, kind: Kind, reason: str) -> tuple[Kind, str]:
    if series.drop_nulls().n_unique() <= 1:
        return Kind.CONSTANT, "one value only"
    return kind, reason


def _number_kind(series: pl.Series, numbers: NDArray[Any]) -> tuple[Kind, str]:
    known = np.unique(numbers[~np.isnan(numbers)])
    distinct = len(known)
    if distinct <= 1:
        return Kind.CONSTANT, "one value only" if distinct else "no value at all"
    whole = known.dtype.kind != "f" or bool((known == np.floor(known)).all())
    if whole and distinct == len(series) >= _FEWEST_FOR_IDENTIFIER and _looks_counted(series.name, known):
        return Kind.IDENTIFIER, f"{distinct} whole numbers, each once, as a running number would be"
    return Kind.NUMBER, f"{distinct} different numbers"


def _looks_counted(name: str, ascending: NDArray[Any]) -> bool:
    span = float(ascending[-1]) - float(ascending[0]) + 1
    return span <= 1.5 * len(ascending) or bool(_NAMES_ROWS.search(name))


def _text_kind(series: pl.Series) -> tuple[Kind, str]:
    """The kind of a column of texts, from its distinct values."""
    numbers = _clean_numbers(series)
    if numbers is not None:
        return _number_kind(series, numbers)
    seen = _spelled(series)
    if seen.n <= 1:
        return Kind.CONSTANT, "one value only" if seen.n else "no value at all"
    if seen.booleans:
        return Kind.BOOLEAN, "two words for yes and no"
    if seen.numbers >= _ENOUGH and not seen.padded:
        kind, reason = _number_kind(series, _readable_numbers(series))
        odd = round(seen.n * float(np.mean([NUMBER.match(text) is None for text in seen.sample])))
        return kind, f"{reason}; {odd} other spellings count as missing" if odd else reason
    return _own_spelling_kind(series, seen) or _words_kind(seen.known, seen, len(series))


def _own_spelling_kind(series: pl.Series, seen: _Spelled) -> tuple[Kind, str] | None:
    """The kind of a column of dates, or of numbers that are spelled in a way of their own; None for others."""
    if seen.dates >= _ENOUGH:
        return Kind.DATETIME, f"{seen.n} different dates{_dates_told(seen.sample)}"
    found = find_number_spelling(seen.sample)
    if found is None or seen.padded:
        return None
    reader = NumberReader(found.style, found.prefix, found.suffix)
    numbers = np.array([reader.read(text) for text in seen.sample if is_number(text, reader)])
    kind, reason = _number_kind(series, numbers)
    return kind, f"{reason}{_numbers_told(found)}"


def _numbers_told(found: Found) -> str:
    around = " ".join(part for part in (found.prefix, "number", found.suffix) if part)
    told = f", spelled like {found.style}" if found.style else ""
    told += f", as {around!r}" if found.prefix or found.suffix else ""
    return told + (f"; {IN_DOUBT}: 1,234 is taken for a thousand" if found.doubtful else "")


def _dates_told(texts: list[str]) -> str:
    prefix = common_prefix(texts)
    dates = [text.removeprefix(prefix) for text in texts]
    day_first, doubtful = find_day_first(dates)
    told = f", each behind {prefix.strip()!r}" if prefix.strip() else ""
    if any(is_ordered(text) for text in dates):
        told += f", {'day' if day_first else 'month'} first"
        told += f"; {IN_DOUBT}: no date shows whether 1/2 is in January or February" if doubtful else ""
    if any(_ZONED.search(text) for text in dates):
        told += ", with time zones"
    elif any(":" in text for text in dates):
        told += ", times taken as UTC"
    return told


def _clean_numbers(series: pl.Series) -> NDArray[np.float64] | None:
    """The values of a long column in which every text is a number or says "missing"; None for all others.

    Most columns are such, and need not be looked at text by text.
    """
    if len(series) <= SHORT:
        return None
    stripped = series.str.strip_chars()
    read = stripped.str.contains(FULL_NUMBER).fill_null(False)
    known = stripped.filter(read)
    if (
        not len(known)
        or not all_missing(stripped.filter(~read), schema.MISSING_SPELLINGS)
        or bool(known.str.contains(_LEADING_ZERO).any())
    ):
        return None
    return known.cast(pl.Float64, strict=False).drop_nulls().to_numpy()


def _readable_numbers(series: pl.Series) -> NDArray[np.float64]:
    if len(series) <= SHORT:
        texts = [value.strip() for value in series.to_list() if value is not None]
        return np.array([float(text) for text in texts if NUMBER.match(text)])
    return series.str.strip_chars().cast(pl.Float64, strict=False).drop_nulls().to_numpy()


def _words_kind(n_known: int, seen: _Spelled, n: int) -> tuple[Kind, str]:
    repeats = n_known / seen.n
    listed = _lists(seen.sample) if seen.n > _FEW_LISTS else None
    if listed is not None:
        return Kind.TEXT, listed
    if seen.n == n >= _FEWEST_FOR_IDENTIFIER and seen.words < 1.5:
        return Kind.IDENTIFIER, f"{seen.n} single words, each once"
    if seen.n <= _FEW_LEVELS or (repeats >= _REPEATS and seen.n <= _MANY_LEVELS and seen.words < 2 * _WORDS_OF_TEXT):
        return Kind.CATEGORY, f"{seen.n} levels, each {repeats:.1f} times on average" + (
            "; with leading zeros, so not numbers" if seen.padded else ""
        )
    return Kind.TEXT, f"{seen.n} different texts of {seen.words:.1f} words on average"


def _lists(texts: list[str]) -> str | None:
    """What to say of texts that are lists: few items that come again and again, in different numbers; else None."""
    for sign in "|;,":
        cells = [[item.strip(" '\"[](){}") for item in text.split(sign)] for text in texts]
        lengths = np.array([len(items) for items in cells])
        items = Counter(item for cell in cells for item in cell if item)
        several = float((lengths > 1).mean())
        varied = len(np.unique(lengths)) > 2 or 0.1 < several < 0.9
        short = float(np.mean([len(item.split()) for item in list(items)[:_MOST_MEASURED]] or [99])) < _WORDS_OF_AN_ITEM
        if several >= _SHARE_OF_LISTS and varied and short and items.total() >= _REPEATS_OF_ITEMS * len(items):
            return f"lists of items separated by {sign!r}, {len(items)} different ones"
    return None


def _is_nested(dtype: pl.DataType) -> bool:
    """Whether a column holds lists of something else than values."""
    return isinstance(dtype, (pl.List, pl.Array)) and (dtype.inner.is_nested() or dtype.inner in (pl.Object, pl.Binary))


def _spelled(series: pl.Series) -> _Spelled:
    known, n, texts = _distinct(series)
    typed = [text for text in texts if text.casefold() not in schema.MISSING_WHERE_TYPED]
    numbers = [NUMBER.match(text) is not None for text in typed]
    # Beside one number alone, "unknown" is a level like any other.
    share = float(np.mean(numbers)) if sum(numbers) > 1 or len(typed) == len(texts) > 0 else 0.0
    # "007" is a code, not a number; "0" and "0.5" are numbers.
    padded = any(_PADDED.match(text) for text in typed)
    dates = 0 if share == 1.0 else _dates(typed)
    words = {text.casefold() for text in texts} if n <= 4 else set()
    two = bool(words & schema.TRUE_WORDS) and bool(words & schema.FALSE_WORDS)
    booleans = two and words <= schema.TRUE_WORDS | schema.FALSE_WORDS
    lengths = [len(text.split()) if text.isascii() else _script_words(text) for text in texts[:_MOST_MEASURED]]
    counted = float(np.mean(lengths)) if lengths else 0.0
    return _Spelled(known, n, texts, share, dates / max(len(typed), 1), booleans, padded, counted)


def _distinct(series: pl.Series) -> tuple[int, int, list[str]]:
    """How many texts are no missing value, how many of them are different, and a sample of these."""
    if len(series) <= SHORT:
        stripped = [value.strip() for value in series.to_list() if value is not None]
        kept = [text for text in stripped if text.casefold() not in schema.MISSING_SPELLINGS]
        return len(kept), len(set(kept)), sorted(set(kept))
    texts = series.str.strip_chars().drop_nulls()
    known = texts.filter(~texts.str.to_lowercase().is_in(list(schema.MISSING_SPELLINGS)))
    distinct = known.unique()
    # Enough to judge by, for wide and long columns; taken evenly, so that the same table gives the same.
    sample = distinct.sort().gather_every(max(1, len(distinct) // _SAMPLE))
    return len(known), len(distinct), sample.to_list()


def _script_words(text: str) -> float:
    """Words of a text that may be Chinese: two characters count as one word there."""
    ideographs = sum("\u3400" <= character <= "\u9fff" for character in text)
    return len(text.split()) + ideographs / 2


def _dates(texts: list[str]) -> int:
    """How many of some texts are dates, all read in the same way."""
    reader = moment_reader(Coded(np.arange(len(texts), dtype=np.int32), texts))

    def is_date(text: str) -> bool:
        try:
            return not math.isnan(reader.read(text))
        except ValueError:
            return False

    few = texts[:_FEW_DATES]
    if sum(map(is_date, few)) < len(few) / 2:  # most columns of texts are none: a look at some is enough
        return 0
    return sum(map(is_date, texts))


def _missing_share(column: Column, kind: Kind) -> float:
    if kind is Kind.BOOLEAN:
        return float(np.isnan(BooleanStep("", missing_seen=True).column(column)).mean())
    if kind is Kind.DATETIME:
        return float(np.isnan(moments_of(column)).mean())
    if isinstance(column, Numbers):
        return float(np.isnan(column.values).mean())
    if kind is Kind.NUMBER:
        return float(np.isnan(numbers_of(column, number_reader(column).read)).mean())
    return (len(column) - sum(level_counts(column).values())) / max(len(column), 1)


def profile_of(column: Column, kind: Kind) -> dict[str, Any]:
    """What serving and drift need to know of the values: range and quantiles, or levels and counts."""
    if kind in (Kind.NUMBER, Kind.DATETIME):
        if kind is Kind.DATETIME:
            read = moments_of(column)
        else:
            read = column.values if isinstance(column, Numbers) else numbers_of(column, number_reader(column).read)
        known = read[np.isfinite(read)]
        if not len(known):
            return {}
        quantiles = np.quantile(known, [0, 0.05, 0.25, 0.5, 0.75, 0.95, 1], method="nearest").tolist()
        whole = bool((known == np.floor(known)).all())
        return {"quantiles": quantiles, "whole": whole}
    if kind is Kind.TEXT:
        return {}
    counts = level_counts(column)
    common = sorted(counts, key=lambda level: (-counts[level], level))
    if kind is Kind.IDENTIFIER:  # its values name single rows, which may be private
        return {"n_levels": len(counts)}
    return {"levels": {level: counts[level] for level in common[:_PROFILE_LEVELS]}, "n_levels": len(counts)}


def parse_kinds(columns: Mapping[str, str], known: list[str]) -> dict[str, Kind]:
    """The user's choice of kinds; raises SpecError for an unknown column or kind."""
    chosen = {}
    for name, kind in columns.items():
        if name not in known:
            raise SpecError(missing_column(name, known))
        if kind not in list(Kind):
            raise SpecError(f"there is no kind {kind!r}; choose from {', '.join(Kind)}")
        chosen[name] = Kind(kind)
    return chosen


def check_spellings(spellings: Mapping[str, str], known: list[str]) -> None:
    """Raise SpecError for an unknown column or spelling."""
    for name, spelling in spellings.items():
        if name not in known:
            raise SpecError(missing_column(name, known))
        if spelling not in SPELLINGS:
            raise SpecError(f"no column is spelled {spelling!r}; choose from {', '.join(map(repr, SPELLINGS))}")


def missing_column(name: str, known: list[str]) -> str:
    """The message for a column that is not there, with the nearest names."""
    folded: dict[str, str] = {}
    for column in known:
        folded.setdefault(column.casefold(), column)
    near = difflib.get_close_matches(name.casefold(), folded, n=3, cutoff=0.5)
    near += [column for column in folded if len(name) > 2 and name.casefold() in column and column not in near]
    if near:
        return f"there is no column {name!r}; did you mean {' or '.join(repr(folded[key]) for key in near[:3])}?"
    more = f" and {len(known) - 12} more" if len(known) > 12 else ""
    return f"there is no column {name!r}; there are {', '.join(map(repr, known[:12]))}{more}"
