"""What a training tells besides its scores, and what its report says first."""

from __future__ import annotations

from collections.abc import Mapping

TEMPLATES: Mapping[str, str] = {
    "sentence": "{text:sentence}.",
    # The table
    "no_target": "no target {column!r}",
    "nothing_to_learn": "nothing can be learned from them",
    "lost_rows": "{count} rows with {what} were left out; {advice}",
    "rows_in_order": (
        "the rows stand in the order of {column!r}, so the last ones are held out; --shuffle takes random ones"
    ),
    "equal_rows": (
        "{rows} rows repeat an earlier row"
        "{why:if|, for there {why}; they were split like other rows|; they were kept, on one side of the split each}"
    ),
    "in_doubt": "column {column!r}: {reason}",
    "unused_columns": (
        "{count:one|column {column!r} is not used: {reason}"
        "|{count} columns are not used: {reason} ({columns:each|{item}|, }{more:if| and {more} more|})}"
    ),
    "dates_and_random": (
        "column {column!r} holds dates, and the test part is random: if it is later rows that you will predict, train "
        "with --time {column!r}"
    ),
    "groups_and_random": (
        "column {column!r} has each value {often:.1f} times on average: if rows with one value belong together, train "
        "with --group {column!r}"
    ),
    # The search
    "next_to_perfect": (
        "the scores are next to perfect: look for a column, or a sum of columns, that is known only together with the "
        "target, and leave it out with --exclude"
    ),
    "no_time_to_try": (
        "{n} of {of} candidates were not evaluated, for there was no time; a larger budget may help"
        "{reasons:if| ({reasons:each|{learner}: {reason}|; })|}"
    ),
    "time_over": "the time for searching was over",
    "another_took_long": "another of its candidates took {took:seconds}, {left:seconds} are left",
    "shortest_fits_too_long": "even its shortest fits would take {needed:seconds}, {left:seconds} are left",
    "few_rows_take_long": "a fit on {rows} rows takes {needed:seconds}, for all {left:seconds} are left",
    "fits_too_long": "{n} of {of} fits would take {needed:seconds}, {left:seconds} are left",
    "rows_not_validated": (
        "{n:one|1 row was|{n} rows were} not evaluated, for only rows that belong together with it have its label; "
        "give more rows of it"
    ),
    "learner_failed": (
        "{tried:if|{n} {n:one|candidate|candidates} of the learner {learner!r}|the learner {learner!r}} failed and did "
        "not take part ({reason})"
    ),
    "no_learner_worked": "no learner but the answer without learning worked",
    # The choice
    "cannot_be_served": "{learner}: {reason}",
    "passed_over": "{learner} with effort {effort} {reason} and was passed over",
    "no_time_for_second_fit": (
        "there was no time to fit it again on all {rows:,} rows (it takes about {needed:.0f} s, {left:.0f} s were "
        "left): what is served has not learned from the test part; a larger budget may help"
    ),
    "second_fit_not_served": (
        "fitted again on all rows it cannot be served ({reason}): what is served has not learned from the test part"
    ),
    # The evaluation
    "nothing_learned": (
        "nothing was learned: no learner was better than the answer without learning by more than chance, so every row "
        "gets that one answer"
    ),
    "may_be_chance": (
        "on {on} {metric} is {score:number}, without learning {baseline:number}, which may be chance: it is not sure "
        "that anything was learned"
    ),
    "costly_gap": (
        "Without `{column}` {metric} {falls:if|falls|grows} from {score:number} to {without:number} ({low:number} to "
        "{high:number}), far more than its importance explains ({explained:number} when its values are shuffled): "
        "always send it, and look at its gaps and outliers"
    ),
    "lead.score": (
        "Its {metric} is {score:interval ends}; without learning, {baseline:number} "
        "({greater:if|higher|lower} is better)."
    ),
    "lead.worst": "Worst on {slice}.",
    "lead.none_worse": "No part of the rows was found that is worse than chance explains.",
    "slice": ("rows with {parts:each|{item}| and }: {error} {mean:number}, elsewhere {rest:number}, {rows:,} rows"),
    # The report
    "parts_failed": (
        "{n} {n:one|part|parts} of the report could not be made: {parts:each|{item}|, } (the report says why)"
    ),
    "parts_late": (
        "{n} {n:one|part|parts} of the report had no time left: {parts:each|{item}|, } (a larger budget has)"
    ),
    "fault": "a fault of fitserve, please report it: {error}{place:if| in {place}, line {line}|}",
    "asked_of_seen": (
        "There is no test part, so this is asked of rows that the model has seen: it tells what it relies on, not how "
        "well."
    ),
    "chart.slices": "Where it is bad",
    "chart.slices.note": (
        "Parts of the rows with larger errors than the rest, by more than chance, with 95 % intervals."
    ),
    "chart.importance": "What it relies on",
    "chart.importance.note": (
        "By how much {metric} gets worse when the values of one column are shuffled among {rows:,} rows; lines are "
        "95 % intervals over {repeats} shuffles. Columns that tell the same share their importance."
        "{asked:if| {asked}|}"
    ),
    "chart.robustness": "What disturbs it",
    "chart.robustness.note": (
        "The score when something is wrong with the rows: noise of a tenth of each column's standard deviation, levels "
        "taken from other rows, neighbouring signs exchanged, a whole column missing."
    ),
    "chart.learners": "The learners",
    "chart.learners.note": (
        "The best candidate of each learner, evaluated on {on}. Even where intervals overlap, the difference may be "
        "more than chance, for all were evaluated on the same rows: the table tells."
    ),
    "chart.learning_curve": "Would more rows help?",
    "chart.learning_curve.note": "Each model evaluated on the same rows, with intervals.",
    "learning.flat": (
        "From {before:,} to {after:,} training rows, {metric} changes by {gain:number}, no more than chance: more rows "
        "of this kind would hardly help; other columns might."
    ),
    "learning.better": (
        "From {before:,} to {after:,} training rows, {metric} changes by {gain:interval ends}: it still gets better, "
        "so more rows would probably help."
    ),
    "learning.worse": (
        "From {before:,} to {after:,} training rows, {metric} changes by {gain:interval ends}: it gets worse; look for "
        "rows that do not belong here."
    ),
    "unavailable.few_rows": "{rows} rows are too few to look at parts of them",
    "unavailable.too_few_to_ask": "there are too few rows to ask the model about",
    "unavailable.no_test_part": "there is no test part to evaluate on",
    "unavailable.few_training_rows": "{rows} training rows are too few to take parts of",
    "unavailable.budget_over": "the budget was over",
}
