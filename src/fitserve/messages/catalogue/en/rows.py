"""Rows: how they are split, which of them are held out, and parts of them."""

from __future__ import annotations

from collections.abc import Mapping

TEMPLATES: Mapping[str, str] = {
    # Which rows are held out
    "test_part": "the test part",
    "leave_one_out": "leave-one-out",
    "leave_one_out_equal_together": "leave-one-out, equal rows together",
    "leave_one_group_out": "leave-one-group-out",
    "expanding_window": "an expanding window over the last half of the rows",
    "cross_validation": "{folds}-fold cross-validation",
    "held_out_fifth": "a held-out fifth of the training rows",
    "last_fifth": "the last fifth of the training rows in time",
    "rows_of": "rows of {source}",
    # By a model of which rows each was predicted
    "leave_one_out.predicted": "Each row was predicted by a model that had seen all others.",
    "leave_one_out_equal_together.predicted": (
        "Each row was predicted by a model that had seen all others but those equal to it."
    ),
    "leave_one_group_out.predicted": (
        "The rows of each group were predicted by a model that had seen the other groups alone."
    ),
    "expanding_window.predicted": "Each of these rows was predicted by a model that had seen earlier rows alone.",
    # The split
    "split.too_few_rows": "{rows} rows are too few for a test part; scores are by {how}",
    "split.one_moment": "too many rows have one moment for a fair test part; scores are by validation",
    "split.in_time": "the last rows in time",
    "split.not_fair": (
        "too many rows {named:if|belong together|are equal} for a fair test part; scores are by cross-validation"
    ),
    "split.random": (
        "{stratified:if|stratified by the target|random}, seed {seed}"
        "{together:if|, {groups:if|groups|equal rows} kept together|}"
    ),
    # Parts of the rows
    "part.value": "{length:if|length of |}`{column}` = {value}",
    "part.level": "{length:if|length of |}`{column}` = {value!r}",
    "part.up_to": "{length:if|length of |}`{column}` up to {value}",
    "part.over": "{length:if|length of |}`{column}` over {value}",
    "part.between": "{length:if|length of |}`{column}` over {value} up to {end}",
    "part.missing": "`{column}` missing",
}
