"""What a look at a table finds. The advice for a finding is that of its code with ``.advice`` behind it.

Besides its own arguments a finding has ``columns``, the first of them as ``column``, and ``count``.
"""

from __future__ import annotations

from collections.abc import Mapping

_EXCLUDE = "train with {columns:flags --exclude}, or with --force if it is really known beforehand"
_SPELLINGS = "{groups:each|{canonical!r} is also {variants:names 3}|; }{more:if|; and {more} more|}"
_TEXTS = "{texts:each|{texts:each|{text!r} ({rows:,})|, } in {column:quoted}|; }{more:if|; and in {more} more|}"

TEMPLATES: Mapping[str, str] = {
    "finding": "{text}{advice:if|; {advice}|}",
    "reading": "{text}",
    "reading.advice": "",
    "left_out": "{part} is missing ({reason})",
    "check_failed": "the check {check!r} could not be made ({reason})",
    "check_failed.advice": "{grave:if|see for yourself that no column gives the target away|}",
    # Cells
    "wrong_cells": (
        "{cells:share} cells are most likely wrong, in {columns:names} "
        "({examples:each|row {row}, {column:short}: {reason:short}|; })"
    ),
    "wrong_cells.advice": "--json lists them all, with what should be there",
    "spellings": f"column {{column!r}} spells the same level in several ways: {_SPELLINGS}",
    "spellings.advice": "if they are one, make them one in the table",
    # Columns
    "mostly_missing": "column {column!r} is mostly empty: {rows:share} values are missing",
    "mostly_missing.advice": "ask whether its gaps mean something",
    "missing_values": (
        "{count} {count:one|column has|columns have} gaps: {gaps:names 5|{column} ({share:percent .3g})}"
    ),
    "missing_values.advice": "every learner gets them as gaps, and a gap may tell as much as a value",
    "missing_together": "{columns:length} columns have their gaps in the same rows: {columns:names}",
    "missing_together.advice": "look at what these rows have in common: they may come from another source",
    "constant": "{count} {count:one|column holds|columns hold} one value only, or none: {columns:names}",
    "constant.advice": "they are used only where their gaps tell something",
    "nearly_constant": "column {column!r} has another value in only {rows:share} rows",
    "nearly_constant.advice": "leave it out unless these rows matter",
    "identifier": "{count} {count:one|column names|columns name} each row: {columns:names}",
    "identifier.advice": "a name helps with no other row; it is left out unless a quick fit finds signal in it",
    "duplicate_columns": (
        "{groups:one|columns {columns:names} say the same"
        "|{groups} groups of columns say the same each, such as {examples:each|{item:names 3}|; }}"
    ),
    "duplicate_columns.advice": (
        "{groups:one|one is enough; --exclude {second!r} makes the model easier to read|one of each group is enough}"
    ),
    # Order
    "groups": (
        "column {column!r} has each value {often:.1f} times on average"
        "{explains:if| and tells {explains:names 3}|}: its rows may be one group"
    ),
    "groups.advice": "if they are, train with --group {column!r}, or the scores will flatter",
    "log": "the rows stand in the order of {column!r}",
    "log.advice": "a training evaluates on the last of them; --shuffle takes random ones",
    "dates": "column {column!r} holds dates, and a random test part is as early as the training part",
    "dates.advice": "if it is later rows that you will predict, train with --time {column!r}",
    "sorted_by_target": "the rows stand in the order of the target {column!r}",
    "sorted_by_target.advice": (
        "they are split at random; never take the first or last rows of this file for a test, nor a column that counts "
        "them for a model"
    ),
    "running_number": "{count} {count:one|column numbers|columns number} the rows: {columns:names}",
    "running_number.advice": (
        "a number of rows says nothing of rows to come; no model uses it unless told --kind {column!r}=number"
    ),
    "drift": (
        "{count} {count:one|column differs|columns differ} between early and late rows{by:if| by {by!r}| of the file}: "
        "{changes:names 5|{column} ({change:.2f})}"
    ),
    "drift.advice": "a random split hides that; --time {by:if|{by!r}|COLUMN} evaluates on the last rows",
    # Rows
    "few_rows": "{count} rows are few",
    "few_rows.advice": "scores will be rough; collect more",
    "more_columns_than_rows": (
        "there are more columns ({count:,}) than rows ({rows:,}): many of them fit the target by chance"
    ),
    "more_columns_than_rows.advice": (
        "trust only scores on rows that training did not see, and expect them to be rough"
    ),
    "combinations": "{n:one|is only one combination of inputs|are only {n} combinations of inputs}",
    "duplicate_rows": "{rows:share} rows repeat an earlier row{why:if|, for there {why}|}",
    "duplicate_rows.advice": (
        "{why:if|that is no mistake, and they are split like other rows; another column would tell more"
        "|they stay on one side of a split each; delete them if they are mistakes}"
    ),
    "conflicting_targets": "{rows:share} rows have a twin that is alike in every column but has another target",
    "conflicting_targets.advice": ("no model can be right on all of them; look for wrong labels or a missing column"),
    "near_duplicate_rows": (
        "{rows:share} rows are nearly the same as another: they differ in one column"
        "{columns:if|, mostly in {columns:names 3}|}"
    ),
    "near_duplicate_rows.advice": "if they describe one thing, keep one of them, or train with --group",
    # The target
    "target_copy": (
        "{count} {count:one|column holds|columns hold} the target {target!r} under another name: {columns:names}"
    ),
    "target_copy.advice": _EXCLUDE,
    "target_sum": (
        "the target {target!r} is the sum of other columns: {plus:each|{item}| + }"
        "{minus:if|{plus:if| |}- {minus:each|{item}| - }|}"
    ),
    "target_sum.advice": _EXCLUDE,
    "telling_gaps": (
        "whether column {column!r} is filled in tells {share:percent} of the target {target!r}: it is probably known "
        "only after the fact"
    ),
    "telling_gaps.advice": _EXCLUDE,
    "known_after": (
        "column {column!r} alone tells {share:percent} of the target {target!r}"
        "{later:if|, and its name is that of something that is known later|}"
    ),
    "known_after.advice": f"if it is known only afterwards, {_EXCLUDE}",
    "missing_target": "{rows:share} rows have {what}",
    "missing_target.advice": "{advice}; they are left out",
    "label_spellings": f"the target {{column!r}} spells the same label in several ways: {_SPELLINGS}",
    "label_spellings.advice": (
        "if they are one, {any_case:if|train with --spelling {column:shell}={any_case}|make them one in the table}"
    ),
    "rare_classes": (
        "{count} {count:one|label has|labels have} fewer than {fewest} rows: {labels:names 5|{label} ({rows})}"
    ),
    "rare_classes.advice": "collect more of them, or join them under one label",
    "imbalance": "the label {label!r} is rare: {rows:share} rows; {most!r} has {most_rows:,}",
    "imbalance.advice": "accuracy says little here; look at the scores per label and at the threshold",
    # Values
    "zero_means_missing": (
        "column {column!r} is 0 in {rows:share} rows, and else at least {least:.4g}: a zero may mean that there is no "
        "value"
    ),
    "zero_means_missing.advice": "if so, leave these cells empty in the table",
    "placeholder": "column {column!r} is {value:g} in {rows:share} rows, far from all others",
    "placeholder.advice": "if it means that there is no value, leave these cells empty in the table",
    "outliers": (
        "column {column!r}: {count} {count:one|value lies|values lie} far outside {low:.4g} to {high:.4g}, where 98 % "
        "are ({examples:each|{item:.6g}|, })"
    ),
    "outliers.advice": "check whether they are mistakes, such as another unit",
    "infinite": "column {column!r} is infinite in {rows:share} rows",
    "infinite.advice": "these cells count as missing, as they will later",
    "texts_for_gaps": f"texts are taken for missing values: {_TEXTS}",
    "texts_for_gaps.advice": "where they mean something, --missing {column!r}= keeps them as levels",
    "levels_like_gaps": f"texts that look like missing values are taken for levels like others: {_TEXTS}",
    "levels_like_gaps.advice": "where they mean that there is no value, say so: --missing {column!r}={text}",
    "mixed_types": (
        "column {column!r} mixes numbers and texts: {numbers} of its {distinct} different values are numbers, others "
        "like {example!r}"
    ),
    "mixed_types.advice": "it is read as {kind}; --kind {column}=number reads the numbers alone",
    "unreadable": "column {column!r} holds numbers, and {count} other texts, such as {examples:names 3 count}",
    "unreadable.advice": "they count as missing",
    "doubtful_spelling": "column {column!r}: {reason}",
    "doubtful_spelling.advice": "say how it is meant with --spelling or --kind",
}
