"""Where a model is bad: what is planted is found, noise is not, and names tell the rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fitserve.evaluation.parts import Parts, parts_of
from fitserve.evaluation.slices import differing_slices, enough_rows, worst_slices
from fitserve.features.column import Numbers, coded
from fitserve.schema import Field, Kind


def drawn(name: str, n: int, k: int, rng: np.random.Generator) -> Parts:
    return Parts(name, rng.integers(0, k, n), [f"`{name}` = {i}" for i in range(k)])


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 2**32), part=st.integers(0, 3))
def test_a_bad_part_is_found_with_its_rows_and_figures(seed: int, part: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = drawn("a", 1000, 4, rng), drawn("b", 1000, 3, rng)
    bad = a.codes == part
    errors = (rng.random(1000) < np.where(bad, 0.6, 0.1)).astype(float)
    first = worst_slices([a, b], errors)[0]
    assert f"`a` = {part}" in first.names
    assert first.low > 0
    mask = bad.copy()
    for name in first.names:
        if name.startswith("`b`"):
            mask &= b.codes == int(name[-1])
    assert first.rows == mask.sum()
    assert first.mean == pytest.approx(errors[mask].mean())
    assert first.rest == pytest.approx(errors[~mask].mean())


def test_a_bad_pair_is_found_where_neither_column_alone_is_as_bad() -> None:
    rng = np.random.default_rng(0)
    parts = [drawn(name, 2000, 3, rng) for name in "abcd"]
    bad = (parts[1].codes == 2) & (parts[3].codes == 0)
    first = worst_slices(parts, rng.exponential(1, 2000) + 3 * bad)[0]
    assert set(first.names) == {"`b` = 2", "`d` = 0"}
    assert first.rows == bad.sum()


def test_noise_gives_hardly_anything() -> None:
    found = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        parts = [drawn(name, 400, 5, rng) for name in "abcde"]
        found += bool(worst_slices(parts, (rng.random(400) < 0.2).astype(float)))
    assert found <= 6  # one in twenty, and what chance adds to that


def test_rows_of_a_group_are_one_witness() -> None:
    found = {"alone": 0, "grouped": 0}
    for seed in range(30):
        rng = np.random.default_rng(seed)
        groups = np.repeat(np.arange(20), 20)
        parts = [Parts("a", rng.integers(0, 3, 20)[groups], ["x", "y", "z"])]
        errors = rng.normal(size=20)[groups] + rng.normal(0, 0.1, 400)
        found["alone"] += bool(worst_slices(parts, errors))
        found["grouped"] += bool(worst_slices(parts, errors, groups))
    assert found["grouped"] <= 5 < found["alone"]


def test_equal_errors_and_few_rows_have_no_slices() -> None:
    rng = np.random.default_rng(0)
    for n in (0, 5, 39, 400):
        assert worst_slices([drawn("a", n, 3, rng)], np.zeros(n)) == []
        assert differing_slices([drawn("a", n, 3, rng)], np.zeros(n)) == []
    assert worst_slices([], rng.random(400)) == []
    assert enough_rows(100) == 20
    assert enough_rows(10_000) == 200


def test_slices_hold_enough_rows_and_are_not_the_same_ones_twice() -> None:
    rng = np.random.default_rng(1)
    a = drawn("a", 1000, 4, rng)
    twin = Parts("twin", a.codes, [name.replace("a", "twin") for name in a.names])
    found = worst_slices([a, twin], (rng.random(1000) < np.where(a.codes == 1, 0.7, 0.1)).astype(float))
    assert len(found) == 1
    rare = Parts("rare", np.where(np.arange(1000) < 15, 0, 1), ["few", "many"])
    assert worst_slices([rare], (np.arange(1000) < 15) * 5.0 + rng.random(1000)) == []


def test_where_two_models_differ_is_found_both_ways() -> None:
    rng = np.random.default_rng(0)
    a = drawn("a", 900, 3, rng)
    found = differing_slices([a], np.array([0.5, -0.5, 0.0])[a.codes] + rng.normal(0, 1, 900))
    assert {each.names[0]: each.mean > 0 for each in found} == {"`a` = 0": True, "`a` = 1": False}


def field(name: str, kind: Kind, **profile: object) -> Field:
    return Field(name, kind, "", profile=dict(profile))


def test_parts_are_named_so_that_people_find_the_rows() -> None:
    numbers = parts_of(field("n", Kind.NUMBER), Numbers(np.array([*range(100), np.nan])), None)
    assert numbers is not None
    assert numbers.names[0] == "`n` up to 19"
    assert numbers.names[1] == "`n` over 19 up to 39"
    assert numbers.names[-2:] == ["`n` over 79", "`n` missing"]
    assert numbers.codes[-1] == len(numbers.names) - 1
    assert (numbers.codes[:20] == 0).all()
    few = parts_of(field("few", Kind.NUMBER), Numbers(np.array([1.0, 2.5, 1.0])), None)
    assert few is not None
    assert few.names == ["`few` = 1", "`few` = 2.5", "`few` missing"]
    days = parts_of(field("day", Kind.DATETIME), Numbers(np.array([0.0, 86400.0])), None)
    assert days is not None
    assert days.names[1] == "`day` = 1970-01-02"
    text = parts_of(field("said", Kind.TEXT), coded([f"{'x' * i}" for i in range(1, 30)]), None)
    assert text is not None
    assert text.names[0].startswith("length of `said` up to ")


def test_only_levels_of_the_profile_are_named() -> None:
    column = coded(["Ulm", "Ulm", "Bonn", "a secret", None])
    parts = parts_of(field("town", Kind.CATEGORY, levels={"Ulm": 9, "Bonn": 3}), column, None)
    assert parts is not None
    assert parts.names == ["`town` = 'Ulm'", "`town` = 'Bonn'", "`town` missing"]
    assert parts.codes.tolist() == [0, 0, 1, -1, 2]
    assert parts_of(field("id", Kind.IDENTIFIER), column, None) is None
