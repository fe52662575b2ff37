"""What may have been meant: useful for honest typing errors, and bounded for texts that are made to take long."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fitserve.errors import Problem
from fitserve.features.base import documents
from fitserve.names import NearNames, nearest

FIELDS = ["Income", "age", "rooms", "garden", "hours_per_week", "native_country", "Radio/TV", "上海", "customer.age"]


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("income", "Income"),
        ("INCOME", "Income"),
        ("radio-tv", "Radio/TV"),
        ("incoem", "Income"),
        ("room", "rooms"),
        ("hours per week", "hours_per_week"),
        ("native-country", "native_country"),
        ("上海市", "上海"),
        ("ag", "age"),
        ("cutomer.age", "customer.age"),
        ("price", None),
        ("x", None),
        ("", None),
        ("x" * 100_000, None),
    ],
)
def test_typing_errors_are_understood(sent: str, meant: str | None) -> None:
    assert nearest(sent, FIELDS) == meant


@given(st.text(max_size=30), st.lists(st.text(max_size=30), max_size=30))
def test_what_is_found_is_known(name: str, known: list[str]) -> None:
    assert nearest(name, known) in {None, *known}


@given(st.lists(st.from_regex(r"[a-z]{1,12}", fullmatch=True), min_size=1, max_size=30, unique=True))
def test_case_does_not_count(known: list[str]) -> None:
    assert nearest(known[-1].upper(), known) == known[-1]


def test_in_a_wide_table_another_case_is_found() -> None:
    assert nearest("field 799", [f"Field {i}" for i in range(800)]) == "Field 799"


def test_twenty_typing_errors_of_usual_names_all_get_a_hint() -> None:
    known = [f"{colour} car" for colour in ("red", "green", "blue", "black", "white")]
    problems = [Problem("unseen_category", f"f{i}", "?", sent=f"{known[i % 5]}s", among=known) for i in range(20)]
    assert [document["nearest"] for document in documents(problems)] == [known[i % 5] for i in range(20)]


def test_the_work_of_all_searches_together_is_bounded() -> None:
    names = NearNames()
    for _ in range(100):
        names.nearest("ab" * 50, ["ba" * 49 + str(i) for i in range(50)])
    assert -2_000 < names.left < 0


HOSTILE = """
from fitserve.errors import Problem
from fitserve.features.base import documents
for letters in ("a", "ab", "aab", "abcdefgh", "ß", "İ", "\\U0001d400"):
    for length in (30, 90, 1000):
        known = [(letters * length)[:length] + str(i) for i in range(2000)]
        sent = (letters[::-1] * length)[:length]
        problems = [Problem("unseen_category", f"f{i}", "", sent=sent, among=known) for i in range(1000)]
        documents(problems)
print("done")
"""


def test_texts_made_to_take_long_do_not() -> None:
    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (10, 10))

    done = subprocess.run(
        [sys.executable, "-c", HOSTILE], capture_output=True, text=True, check=False, preexec_fn=limited
    )
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr
