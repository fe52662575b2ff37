"""Whatever a stranger sends as a value is read in time that grows no faster than its length.

Each reader meets a megabyte of many characters, and of pairs of them, in a process that may take two seconds of
processor time: with the square of the length it would take hours.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

CHILD = """
import resource, sys
import numpy as np
import polars as pl
from fitserve import schema
from fitserve.data.error_detection.wrong_cells import find_wrong_cells
from fitserve.data.understanding.kinds import infer_field
from fitserve.data.error_detection.spelling_variants import find_spellings
from fitserve.features import spelling, units
from fitserve.features.category import CategoryStep
from fitserve.features.likeness import scripts_of
from fitserve.features.moment import MomentReader
from fitserve.features.terms import terms_of

N = 1_000_000
ALL = "0179+-.,:/'()eEjanT %年月\\u3000\\u0316\\u0300x"
TYPED = "01+-.,:/(eT 年"
PAIRS = [a + b for a in TYPED for b in TYPED]

def texts(pairs):
    for pair in pairs:
        yield pair * (N // 2)
        yield pair[0] * N + pair[1]
        yield "2020-01-01" + pair[0] * N + pair[1]

def read(reader, pairs):
    for text in texts(pairs):
        try:
            reader(text)
        except ValueError:
            pass

FEW = [a + b for a, b in zip(ALL, ALL[7:] + ALL[:7])] + [" x", "1x", "  ", "\\u0316\\u0300"]
own = spelling.NumberReader("1.234,56", "€", "kg")
READERS = {
    "number": (schema.read_number, PAIRS),
    "boolean": (schema.read_boolean, PAIRS),
    "moment": (schema.read_moment, PAIRS),
    "moment of a column": (MomentReader(None, "EOW: ").read, PAIRS),
    "number of a column": (own.read, PAIRS),
    "category": (schema.read_category, FEW),
    "step of a category": (lambda text: CategoryStep("f", ["a"], True, any_case=True).row(text, [], []), FEW),
    "text": (lambda text: terms_of(schema.read_text(text) or ""), FEW),
    "scripts": (lambda text: scripts_of([text[:2000]]), FEW),
    "spelling": (lambda text: spelling.find_number_spelling([text, "€ 1,5 kg"] * 3), FEW),
    "order": (lambda text: (spelling.find_day_first([text]), spelling.order_shown(text)), FEW),
    "prefix": (lambda text: spelling.common_prefix([text, text + "1"]), FEW),
    "unit": (lambda text: units.unit_of(text), FEW),
    "kind": (lambda text: infer_field(pl.Series("x", [text, "1", "2020-01-01"])), FEW[:6]),
    "levels": (lambda text: find_spellings({text[:100_000]: 3, "abcdef": 90}), FEW[:12]),
}
for name in sys.argv[1:]:
    print(name, flush=True)
    spent = resource.getrusage(resource.RUSAGE_SELF)
    resource.setrlimit(resource.RLIMIT_CPU, (int(spent.ru_utime + spent.ru_stime) + 3, resource.RLIM_INFINITY))
    read(*READERS[name])
"""
GROUPS = [
    ("number", "boolean", "moment", "moment of a column", "number of a column"),
    ("category", "step of a category", "unit", "order", "prefix"),
    ("text", "scripts", "spelling"),
    ("kind", "levels"),
]


@pytest.mark.parametrize("names", GROUPS, ids=lambda names: names[0])
def test_a_megabyte_is_read_in_time(names: tuple[str, ...]) -> None:
    done = subprocess.run([sys.executable, "-c", CHILD, *names], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split("\n")[:-1]) == (0, list(names)), done.stderr[-500:]
