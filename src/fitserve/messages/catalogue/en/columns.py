"""Why a column is of a kind, and used or not. What begins with a sign goes on where another message ends."""

from __future__ import annotations

from collections.abc import Mapping

TEMPLATES: Mapping[str, str] = {
    "chosen_by_user": "chosen by the user",
    "column.reasons": "{parts:each|{item}|}",
    # Kinds
    "column.empty": "no value at all",
    "column.one_value": "one value only",
    "column.true_and_false": "true and false",
    "column.yes_and_no": "two words for yes and no",
    "column.typed": "values of type {type}",
    "column.dates": "{n} different dates",
    "column.numbers": "{n} different numbers",
    "column.counts_up": "{n} numbers that count up with the rows, as a running number does",
    "column.each_once": "{n} whole numbers, each once, as a running number would be",
    "column.long_numbers": "{n} whole numbers with more digits than a number keeps, so codes",
    "column.single_words": "{n} single words, each once{counted:if|, whose numbers count the rows|}",
    "column.categorical": "a categorical column",
    "column.levels": "{n} levels, each {often:.1f} times on average{codes:if|; {codes}|}",
    "column.texts": "{n} different texts of {words:.1f} words on average",
    "column.items": "lists of items separated by {sign!r}, {n} different ones",
    "column.lists": "lists",
    "codes.padded": "with leading zeros, so not numbers",
    "codes.plus": "with a plus sign before each, so not numbers",
    "codes.long": "with more digits than a number keeps, so codes",
    # Spellings
    "column.spelled": ", spelled {like:if|like |}{spelling}",
    "column.around": ", as '{prefix:if|{prefix} |}number{suffix:if| {suffix}|}'",
    "column.variants": " (also {variants:each|{item!r}|, })",
    "column.prefix": ", each behind {prefix!r}",
    "column.date_order": ", {day_first:if|day|month} first",
    "column.time_zones": ", with time zones",
    "column.utc": ", times taken as UTC",
    "column.others_missing": "; {n} other spellings count as missing",
    "column.in_doubt": "; in doubt: {doubt}",
    "doubt.long": "some have more digits than a number keeps",
    "doubt.read_like": "{text!r} is read like {like!r}",
    "doubt.thousand": "1,234 is taken for a thousand",
    "doubt.without_unit": ("{n} of {of} different texts are without {unit!r}, and are read as if it were there"),
    "doubt.units": "numbers with {units:each|{item!r}| and } are read as texts; give them one unit in the table",
    "doubt.date_order": "no date shows whether 1/2 is in January or February",
    # Used or not
    "column.excluded": "excluded by the user",
    "column.group": "names the groups of the split",
    "column.weight": "holds the weights of the rows",
    "column.kind_uses": "; --kind {column!r}={kind} uses it",
    "column.only_one": "; kept as the only column",
    "column.signal": "; kept, for a quick fit finds signal in it",
    "column.no_signal": ", and a quick fit finds no signal",
}
