from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fitserve.errors import NotFoundError, SpecError
from fitserve.store.records import (
    ALIAS,
    MODEL_NAME,
    RUN_ID,
    check_alias,
    check_model_name,
    check_run_id,
    no_model,
    pick_version,
)

ALIASES = {"champion": 3, "challenger": 12}
VERSIONS = [1, 3, 12]


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Credit", "credit"),
        ("credit risk (2024)", "credit-risk-2024"),
        ("Crédit", "credit"),
        ("-credit-", "credit"),
        ("../../etc", "etc"),
        ("信用", "model"),
        ("", "model"),
        ("credit\n", "credit"),
        ("x" * 64, "x" * 63),
    ],
)
def test_a_bad_model_name_is_answered_with_a_good_one(name: str, slug: str) -> None:
    with pytest.raises(SpecError, match=f"take '{re.escape(slug)}'$") as caught:
        check_model_name(name)
    assert "\n" not in str(caught.value)
    check_model_name(slug)


@given(st.text())
def test_whatever_the_name_the_offer_is_valid(name: str) -> None:
    try:
        check_model_name(name)
    except SpecError as error:
        check_model_name(str(error).rsplit("'", 2)[1])
    else:
        assert MODEL_NAME.match(name)


@pytest.mark.parametrize("alias", ["", "3", "3rd", "Champion", "a b", "a" * 33, "a\n", "-a", "ä"])
def test_an_alias_is_a_word(alias: str) -> None:
    with pytest.raises(SpecError, match="take a word"):
        check_alias(alias)
    check_alias("a" * 32)


@pytest.mark.parametrize("run", ["", "..", "a/b", "a.json", "a\0", "-a", "a" * 65, "a\n"])
def test_a_run_id_can_name_a_file(run: str) -> None:
    with pytest.raises(SpecError, match="choose another"):
        check_run_id(run)
    check_run_id("01J8XG0Z_a-b")


@given(st.text())
def test_no_name_leads_out_of_a_folder(name: str) -> None:
    for rule in (MODEL_NAME, ALIAS, RUN_ID):
        assert not rule.match(name) or not set(name) & set("/\\.\0\n")


@pytest.mark.parametrize(
    ("wanted", "number"), [(None, 3), (12, 12), ("12", 12), ("012", 12), ("challenger", 12), ("champion", 3)]
)
def test_a_version_is_named_in_four_ways(wanted: int | str | None, number: int) -> None:
    assert pick_version("m", ALIASES, VERSIONS, wanted) == number


@pytest.mark.parametrize("wanted", [2, 0, -1, 2**70, "2", "9" * 5000, "chalenger", "", "-1", "٣", "\ud800", "1.0"])
def test_a_missing_version_tells_what_there_is(wanted: int | str) -> None:
    with pytest.raises(NotFoundError, match="the versions 1, 3, 12 and the aliases challenger, champion") as caught:
        pick_version("m", ALIASES, VERSIONS, wanted)
    assert len(str(caught.value)) < 250
    assert ("did you mean 'challenger'?" in str(caught.value)) == (wanted == "chalenger")


def test_long_lists_are_cut() -> None:
    with pytest.raises(NotFoundError, match="1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 90 more"):
        pick_version("m", {}, range(1, 101), 101)


def test_a_missing_model_tells_the_nearest() -> None:
    assert str(no_model("credti", ["house", "credit"])) == (
        "there is no model 'credti': did you mean 'credit'? the models are credit, house"
    )
    assert "train or import one" in str(no_model("x", []))
