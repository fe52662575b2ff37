"""Texts such as "NA" that mean in one table that there is no value, and in another a country, an answer or a label.

A column of numbers, dates or yes and no has no such levels. In other columns the table tells: how columns of numbers
spell their gaps, whether gaps are left blank, and whether the text is made like the other levels.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from fitserve.data.understanding.series import FULL_NUMBER
from fitserve.schema import MAY_BE_LEVELS, MISSING_SPELLINGS

# A city is called Nan, but libraries write it in other letters.
_ALSO_NAMES = frozenset(["Nan", "Nat"])
_FEWEST_ALIKE, _ALIKE, _MOSTLY_NUMBERS, _ROWS = 3, 0.9, 0.5, 1000


@dataclass(frozen=True)
class GapSpellings:
    """How the columns of a table spell that there is no value; looked at when one of them leaves it open."""

    frame: pl.DataFrame

    @cached_property
    def blank(self) -> bool:
        """Whether a cell is left blank anywhere."""
        return any(series.null_count() for series in self.frame)

    @cached_property
    def typed(self) -> frozenset[str]:
        """The texts, without case, that stand for gaps among numbers."""
        found: set[str] = set()
        for series in self.frame:
            if series.dtype == pl.String:
                texts = series.head(_ROWS).str.strip_chars().drop_nulls()
                numbers = int(texts.str.contains(FULL_NUMBER).sum())
                if len(texts) and numbers >= _MOSTLY_NUMBERS * len(texts):
                    others = series.str.strip_chars().drop_nulls().unique().to_list()
                    found.update(folded for text in others if (folded := text.casefold()) in MAY_BE_LEVELS)
        return frozenset(found)


def kept_levels(
    gaps: Mapping[str, int], others: Mapping[str, int], blank: bool, table: GapSpellings | None, *, target: bool = False
) -> frozenset[str]:
    """Which of the texts that look like missing values are levels of a column of levels.

    ``gaps`` and ``others`` say how often each text occurs, ``blank`` whether cells of the column are left blank.
    A ``target`` loses its rows with its gaps, and so keeps a text that is as frequent as a label.
    """
    if len(gaps) > 1 and len({text.casefold() for text in gaps}) > 1:
        return frozenset()  # spelled in several ways, it is no level
    return frozenset(text for text in gaps if _is_level(text, gaps, others, (blank, target), table))


def _is_level(
    text: str, gaps: Mapping[str, int], others: Mapping[str, int], where: tuple[bool, bool], table: GapSpellings | None
) -> bool:
    blank, target = where
    if text in ("-", "--"):
        return "+" in others
    known = text.casefold() in MAY_BE_LEVELS or text in _ALSO_NAMES
    if not others or not (known or target) or (table is not None and text.casefold() in table.typed):
        return False
    if known and (blank or is_alike(text, list(others)) or (table is not None and table.blank)):
        return True
    return target and gaps[text] >= (min(others.values()) if known else max(others.values()) / 2)


def is_alike(text: str, others: Sequence[str]) -> bool:
    """Whether a text is made like the others: as many capitals as all of them have, or one and small letters."""
    shape = _shape(text)
    if shape is None:
        return False
    alike = sum(_shape(other) == shape for other in others)
    return alike >= _ALIKE * len(others) and (alike >= _FEWEST_ALIKE or alike == len(others) > 1)


def _shape(text: str) -> str | None:
    if re.fullmatch(r"[A-Z]{2,4}", text):
        return str(len(text))
    return "word" if re.fullmatch(r"[A-Z][a-z]+", text) else None


def marker_counts(texts: pl.Series) -> dict[str, int]:
    """How often each text that looks like a missing value occurs among stripped ones, blank ones aside."""
    found = texts.filter(texts.str.to_lowercase().is_in(sorted(MISSING_SPELLINGS - {""})))
    if not len(found):
        return {}
    return dict(sorted(found.value_counts().iter_rows()))
