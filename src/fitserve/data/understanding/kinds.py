"""What the values of a column are, decided from the values, with the reason."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fitserve import schema
from fitserve.data.understanding.missing_spellings import GapSpellings, kept_levels, marker_counts
from fitserve.data.understanding.numeric_codes import doubt_of, long_share, may_be_codes, why_codes
from fitserve.data.understanding.profiles import missing_share, profile_of
from fitserve.data.understanding.reasons import Reason
from fitserve.data.understanding.running_numbers import (
    FEWEST_ROWS,
    counts_up,
    is_counted,
    names_rows,
    numbers_rows,
    texts_count_up,
)
from fitserve.data.understanding.series import NUMBER, SHORT, all_missing, column_of_series, is_number_text
from fitserve.errors import DataError, SpecError
from fitserve.features.column import Coded, Column
from fitserve.features.moment import moment_reader
from fitserve.features.spelling import (
    ANY_CASE,
    DAY_FIRST,
    MONTH_FIRST,
    Found,
    NumberReader,
    common_prefix,
    find_day_first,
    find_number_spelling,
    is_number,
    is_ordered,
    units_in,
)
from fitserve.messages import Message
from fitserve.schema import Field, Kind, Level, Remark

_ZONED = re.compile(
    r":[0-9]{2}(?:[.,][0-9]+)?(?:\s*[AP]\.?M\.?)?\s*(?:Z|UTC|GMT|[+-][0-9]{2}:?[0-9]{2})\Z", re.IGNORECASE
)
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
_FEW_LISTS, _SHARE_OF_LISTS, _WORDS_OF_AN_ITEM, _REPEATS_OF_ITEMS = 5, 0.3, 4.0, 5.0
_FEW_DATES, _MOST_OTHERS = 50, 10_000
_OF_LEVELS = (Kind.CATEGORY, Kind.IDENTIFIER, Kind.TEXT, Kind.CONSTANT)
# So many texts of a column are looked at for units.
_FEW_UNITS = 200


@dataclass(frozen=True, slots=True)
class Gaps:
    """What is known of the gaps of a column beside itself: the ``table``, and whether it is the ``target``.

    ``all_kept``: the user has named the values that mean that there is none, and they are gone.
    """

    table: GapSpellings | None = None
    target: bool = False
    all_kept: bool = False


@dataclass(frozen=True, slots=True)
class _Spelled:
    """What the texts of a column look like.

    ``known`` of them are no missing value, ``n`` of those are different. Shares and flags are of a ``sample`` of
    the different ones; ``numbers`` and ``dates`` do not count spellings that mean "none" beside numbers or dates.
    ``codes`` says why they are no numbers although they look like some.
    """

    known: int
    n: int
    sample: list[str]
    numbers: float
    dates: float
    booleans: bool
    codes: Message | None
    words: float


def infer_field(
    series: pl.Series, wanted: Kind | None = None, spelling: str = "", gaps: Gaps | None = None
) -> tuple[Field, Column]:
    """The field of a column and the column itself, read by its kind. ``wanted`` and ``spelling`` are the user's.

    ``gaps`` tells how the table that it is a column of spells that there is no value. The column keeps what was
    found out about its texts: whoever reads other rows of it reads them alike (see `read_alike`).
    Raises DataError for values that no kind has, SpecError if no value can be read as ``wanted``.
    """
    if isinstance(series.dtype, _UNKNOWN_TYPES) or _is_nested(series.dtype):
        raise DataError(
            f"column {series.name!r} holds {series.dtype} values; turn them into numbers or texts, "
            "or leave the column out with --exclude"
        )
    kept: frozenset[str] = frozenset()
    if spelling and spelling != ANY_CASE and series.dtype == pl.String:
        wanted = wanted or (Kind.DATETIME if spelling in (DAY_FIRST, MONTH_FIRST) else Kind.NUMBER)
    if wanted:
        kind, reason = wanted, Reason((Message("chosen_by_user"),))
    else:
        kind, reason = _kind(series, kept)
    labels = gaps is not None and gaps.target and kind is Kind.BOOLEAN
    if (kind in _OF_LEVELS or labels) and series.dtype == pl.String and (kept := _kept(series, gaps)):
        kind, reason = (kind, reason) if wanted else _kind(series, kept)
    if spelling == ANY_CASE and kind in (Kind.NUMBER, Kind.DATETIME):
        raise SpecError(f"column {series.name!r} holds a {kind}, which has no case; leave its --spelling out")
    column = column_of_series(series, kind, spelling, kept)
    if spelling:
        reason = reason.but(Message("column.spelled", {"like": kind is Kind.NUMBER, "spelling": spelling}))
    elif kind is Kind.DATETIME and isinstance(column, Coded):
        day_first = moment_reader(column).day_first
        column = replace(column, spelling="" if day_first is None else DAY_FIRST if day_first else MONTH_FIRST)
    missing = missing_share(column, kind)
    if wanted in _TYPED and missing == 1.0 and missing_share(column, Kind.CATEGORY) < 1.0:
        raise SpecError(f"no value of column {series.name!r} can be read as a {kind}; leave --kind out for it")
    running = {"running": True} if kind is Kind.IDENTIFIER and _is_running(series) else {}
    profile = {**profile_of(column, kind), **running}
    return Field(series.name, kind, reason.message, True, missing, profile, reason.remarks), column


def read_alike(series: pl.Series, field: Field, column: Column) -> Column:
    """More rows of a column, read as the ``column`` of some of them was by `infer_field`."""
    if not isinstance(column, Coded):
        return column_of_series(series, field.kind)
    kept = frozenset(level.strip() for level in column.levels if isinstance(level, Level))
    return column_of_series(series, field.kind, column.spelling, kept)


def _is_running(series: pl.Series) -> bool:
    """Whether a column that names rows does so by numbers."""
    if series.dtype == pl.String:
        return bool(is_number_text(series.str.strip_chars()).all()) or texts_count_up(series)
    return series.dtype.is_numeric()


def _kept(series: pl.Series, gaps: Gaps | None) -> frozenset[str]:
    """The texts that look like missing values and are levels."""
    if gaps is not None and gaps.all_kept:
        return frozenset(marker_counts(series.str.strip_chars().drop_nulls()))
    texts = series.str.strip_chars().drop_nulls()
    markers = marker_counts(texts)
    if not markers:
        return frozenset()
    known = texts.filter(~texts.str.to_lowercase().is_in(list(schema.MISSING_SPELLINGS)))
    others = dict(known.value_counts().head(_MOST_OTHERS).iter_rows())
    blank = series.null_count() > 0 or bool((texts == "").any())
    table, target = (None, False) if gaps is None else (gaps.table, gaps.target)
    return kept_levels(markers, others, blank, table, target=target)


def _kind(series: pl.Series, kept: frozenset[str]) -> tuple[Kind, Reason]:
    dtype = series.dtype
    if dtype == pl.Null or series.null_count() == len(series):
        return Kind.CONSTANT, Reason.of("empty")
    if dtype == pl.Boolean:
        return _or_constant(series, Kind.BOOLEAN, Reason.of("true_and_false"))
    if dtype.is_temporal():
        return _or_constant(series, Kind.DATETIME, Reason.of("typed", {"type": str(dtype)}))
    if dtype.is_numeric():
        known = series.drop_nulls()
        return _number_kind(series, (known if dtype in _EXACT else known.cast(pl.Float64)).to_numpy())
    if dtype == pl.String:
        return _text_kind(series, kept)
    lists = isinstance(dtype, (pl.List, pl.Array))
    return (Kind.TEXT, Reason.of("lists")) if lists else _or_constant(series, Kind.CATEGORY, Reason.of("categorical"))


def _or_constant(series: pl.Series, kind: Kind, reason: Reason) -> tuple[Kind, Reason]:
    return (Kind.CONSTANT, Reason.of("one_value")) if series.drop_nulls().n_unique() <= 1 else (kind, reason)


def _number_kind(series: pl.Series, numbers: NDArray[Any]) -> tuple[Kind, Reason]:
    """The kind of numbers, given in the order of the rows."""
    known = np.unique(numbers[~np.isnan(numbers)])
    distinct = len(known)
    if distinct <= 1:
        return Kind.CONSTANT, Reason.of("one_value" if distinct else "empty")
    whole = known.dtype.kind != "f" or bool((known == np.floor(known)).all())
    each_once = distinct == len(series)
    if each_once and (distinct >= FEWEST_ROWS or numbers_rows(series.name)) and counts_up(numbers):
        return Kind.IDENTIFIER, Reason.of("counts_up", {"n": distinct})
    if whole and each_once and distinct >= FEWEST_ROWS and (is_counted(known) or names_rows(series.name)):
        return Kind.IDENTIFIER, Reason.of("each_once", {"n": distinct})
    if known.dtype.kind in "iu" and long_share(known) >= 0.5:
        few = distinct <= _FEW_LEVELS or (len(numbers) >= _REPEATS * distinct and distinct <= _MANY_LEVELS)
        named = Kind.IDENTIFIER if each_once and distinct >= FEWEST_ROWS else Kind.CATEGORY if few else Kind.TEXT
        return named, Reason.of("long_numbers", {"n": distinct}, Remark.LONG_CODES)
    return Kind.NUMBER, Reason.of("numbers", {"n": distinct})


def _text_kind(series: pl.Series, kept: frozenset[str]) -> tuple[Kind, Reason]:
    """The kind of a column of texts, from its distinct values."""
    numbers = None if kept else _clean_numbers(series)
    if numbers is not None:
        return _number_kind(series, numbers)
    seen = _spelled(series, kept)
    if seen.n <= 1:
        return Kind.CONSTANT, Reason.of("one_value" if seen.n else "empty")
    if seen.booleans:
        return Kind.BOOLEAN, Reason.of("yes_and_no")
    odd = round(seen.n * float(np.mean([NUMBER.match(text) is None for text in seen.sample])))
    if seen.numbers >= _ENOUGH and not seen.codes and (not odd or find_number_spelling(seen.sample) is None):
        kind, reason = _number_kind(series, _readable_numbers(series))
        return kind, reason.others_missing(odd).in_doubt(doubt_of(seen.sample) if kind is Kind.NUMBER else None)
    own = _own_spelling_kind(series, seen)
    if own is not None:
        return own
    kind, reason = _words_kind(series, seen)
    units = units_in([text for text in seen.sample[:_FEW_UNITS] if len(text) <= schema.LONGEST_TYPED])
    return kind, reason.in_doubt(Message("doubt.units", {"units": list(units[:3])}) if units else None)


def _own_spelling_kind(series: pl.Series, seen: _Spelled) -> tuple[Kind, Reason] | None:
    """The kind of a column of dates, or of numbers that are spelled in a way of their own; None for others."""
    if seen.dates >= _ENOUGH:
        return Kind.DATETIME, _date_reason(Reason.of("dates", {"n": seen.n}), seen.sample)
    found = find_number_spelling(seen.sample)
    if found is None or seen.codes:
        return None
    reader = NumberReader(found.style, found.prefix, found.suffix)
    numbers = np.array([reader.read(text) for text in seen.sample if is_number(text, reader)])
    odd = len(seen.sample) - len(numbers)
    kind, reason = _number_kind(series, numbers)
    return kind, _number_reason(reason, found).in_doubt(found.doubt).others_missing(odd)


def _number_reason(reason: Reason, found: Found) -> Reason:
    if found.style:
        reason = reason.but(Message("column.spelled", {"like": True, "spelling": found.style}))
    if found.prefix or found.suffix:
        reason = reason.but(Message("column.around", {"prefix": found.prefix, "suffix": found.suffix}))
    return reason.but(Message("column.variants", {"variants": list(found.variants)}) if found.variants else None)


def _date_reason(reason: Reason, texts: list[str]) -> Reason:
    prefix = common_prefix(texts)
    dates = [text.removeprefix(prefix) for text in texts]
    day_first, doubtful = find_day_first(dates)
    reason = reason.but(Message("column.prefix", {"prefix": prefix.strip()}) if prefix.strip() else None)
    if any(is_ordered(text) for text in dates):
        reason = reason.but(Message("column.date_order", {"day_first": day_first}))
        reason = reason.in_doubt(Message("doubt.date_order") if doubtful else None)
    if any(_ZONED.search(text) for text in dates):
        return reason.but(Message("column.time_zones"))
    return reason.but(Message("column.utc") if any(":" in text for text in dates) else None)


def _clean_numbers(series: pl.Series) -> NDArray[np.float64] | None:
    """The values of a long column in which every text is a number or says "missing"; None for all others.

    Most columns are such, and need not be looked at text by text.
    """
    if len(series) <= SHORT:
        return None
    stripped = series.str.strip_chars()
    read = is_number_text(stripped)
    known = stripped.filter(read)
    if not len(known) or not all_missing(stripped.filter(~read), schema.MISSING_SPELLINGS) or may_be_codes(known):
        return None
    return known.cast(pl.Float64, strict=False).drop_nulls().to_numpy()


def _readable_numbers(series: pl.Series) -> NDArray[np.float64]:
    if len(series) <= SHORT:
        texts = [value.strip() for value in series.to_list() if value is not None]
        return np.array([float(text) for text in texts if NUMBER.match(text)])
    return series.str.strip_chars().cast(pl.Float64, strict=False).drop_nulls().to_numpy()


def _words_kind(series: pl.Series, seen: _Spelled) -> tuple[Kind, Reason]:
    repeats, n = seen.known / seen.n, len(series)
    listed = _lists(seen.sample) if seen.n > _FEW_LISTS else None
    if listed is not None:
        return Kind.TEXT, listed
    if seen.n == n >= FEWEST_ROWS and seen.words < 1.5:
        return Kind.IDENTIFIER, Reason.of("single_words", {"n": seen.n, "counted": texts_count_up(series)})
    if seen.n <= _FEW_LEVELS or (repeats >= _REPEATS and seen.n <= _MANY_LEVELS and seen.words < 2 * _WORDS_OF_TEXT):
        return Kind.CATEGORY, Reason.of("levels", {"n": seen.n, "often": repeats, "codes": seen.codes})
    return Kind.TEXT, Reason.of("texts", {"n": seen.n, "words": seen.words})


def _lists(texts: list[str]) -> Reason | None:
    """The reason of texts that are lists: few items that come again and again, in different numbers; else None."""
    for sign in "|;,":
        cells = [[item.strip(" '\"[](){}") for item in text.split(sign)] for text in texts]
        lengths = np.array([len(items) for items in cells])
        items = Counter(item for cell in cells for item in cell if item)
        several = float((lengths > 1).mean())
        varied = len(np.unique(lengths)) > 2 or 0.1 < several < 0.9
        short = float(np.mean([len(item.split()) for item in list(items)[:_MOST_MEASURED]] or [99])) < _WORDS_OF_AN_ITEM
        if several >= _SHARE_OF_LISTS and varied and short and items.total() >= _REPEATS_OF_ITEMS * len(items):
            return Reason.of("items", {"sign": sign, "n": len(items)})
    return None


def _is_nested(dtype: pl.DataType) -> bool:
    """Whether a column holds lists of something else than values."""
    return isinstance(dtype, (pl.List, pl.Array)) and (dtype.inner.is_nested() or dtype.inner in (pl.Object, pl.Binary))


def _spelled(series: pl.Series, kept: frozenset[str]) -> _Spelled:
    known, n, texts = _distinct(series, kept)
    typed = [text for text in texts if text.casefold() not in schema.MISSING_WHERE_TYPED]
    numbers = [NUMBER.match(text) is not None for text in typed]
    # Beside one number alone, "unknown" is a level like any other.
    share = float(np.mean(numbers)) if sum(numbers) > 1 or len(typed) == len(texts) > 0 else 0.0
    codes = why_codes([text for text, number in zip(typed, numbers, strict=True) if number]) if share else None
    dates = 0 if share == 1.0 else _dates(typed)
    words = {text.casefold() for text in texts} if n <= 4 else set()
    two = bool(words & schema.TRUE_WORDS) and bool(words & schema.FALSE_WORDS)
    booleans = two and words <= schema.TRUE_WORDS | schema.FALSE_WORDS
    lengths = [len(text.split()) if text.isascii() else _script_words(text) for text in texts[:_MOST_MEASURED]]
    counted = float(np.mean(lengths)) if lengths else 0.0
    return _Spelled(known, n, texts, share, dates / max(len(typed), 1), booleans, codes, counted)


def _distinct(series: pl.Series, kept: frozenset[str]) -> tuple[int, int, list[str]]:
    """How many texts are no missing value, how many of them are different, and a sample of these."""
    if len(series) <= SHORT:
        stripped = [value.strip() for value in series.to_list() if value is not None]
        found = [text for text in stripped if text in kept or text.casefold() not in schema.MISSING_SPELLINGS]
        return len(found), len(set(found)), sorted(set(found))
    texts = series.str.strip_chars().drop_nulls()
    gone = texts.str.to_lowercase().is_in(list(schema.MISSING_SPELLINGS))
    known = texts.filter(~gone | texts.is_in(list(kept)) if kept else ~gone)
    distinct = known.unique()
    # Enough to decide by, for wide and long columns; taken evenly, so that the same table gives the same.
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
