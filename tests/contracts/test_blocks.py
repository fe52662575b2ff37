"""What every kind of block promises, tested over all registered ones."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fitserve.blocks import Arrays, Block, Ragged, block_type, table_arrays

NAMES = sorted(entry.name for entry in entry_points(group="fitserve.blocks"))
WIDTH = 4


def rows_of(name: str, n: int, seed: int) -> list[list[Any]]:
    """What steps append for each of some rows."""
    rng = np.random.default_rng(seed)
    if name == "terms":
        return [[(int(t), float(w)) for t, w in zip(*pairs, strict=True)] for pairs in _pairs(n, rng)]
    high = 9 if name == "codes" else 1000
    found: list[list[Any]] = rng.integers(0, high, (n, WIDTH)).tolist()
    return found


def _pairs(n: int, rng: np.random.Generator) -> list[tuple[Any, Any]]:
    sizes = rng.integers(0, 5, n)
    return [(rng.integers(0, WIDTH, size), np.float32(rng.random(size)).astype(float)) for size in sizes]


def bits(block: Block) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in block.inputs().items()}


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@settings(max_examples=40)
@given(n=st.integers(0, 12), seed=st.integers(0, 99), name=st.sampled_from(NAMES))
def test_rows_are_taken_by_index_and_by_slice(n: int, seed: int, name: str) -> None:
    rows = rows_of(name, n, seed)
    block = block_type(name).stack(rows, WIDTH)
    assert len(block) == n
    chosen = np.random.default_rng(seed).integers(0, n, 5).astype(np.intp) if n else np.empty(0, np.intp)
    assert bits(block.take(chosen)) == bits(block_type(name).stack([rows[i] for i in chosen], WIDTH))
    assert bits(block.take(slice(1, 4))) == bits(block_type(name).stack(rows[1:4], WIDTH))


@settings(max_examples=40)
@given(n=st.integers(1, 12), seed=st.integers(0, 99), name=st.sampled_from(NAMES))
def test_a_part_that_is_put_back_changes_nothing_and_another_one_that_part_alone(n: int, seed: int, name: str) -> None:
    block, other = (block_type(name).stack(rows_of(name, n, s), WIDTH) for s in (seed, seed + 1))
    place = slice(1, 3)
    assert _same(block.with_part(place, block.part(place)), block)
    changed = block.with_part(place, other.part(place))
    assert _same_part(changed, other, place)
    assert _same_part(changed, block, slice(0, 1))
    assert _same_part(changed, block, slice(3, WIDTH))


def _entries(part: Any) -> list[Any]:
    """A part as a list; the entries of a row have no order."""
    if isinstance(part, Ragged):
        return sorted(zip(part.rows.tolist(), part.ids.tolist(), part.weights.tolist(), strict=True))
    found: list[Any] = np.asarray(part).tolist()
    return found


def _same_part(one: Block, other: Block, place: slice) -> bool:
    return _entries(one.part(place)) == _entries(other.part(place))


def _same(one: Block, other: Block) -> bool:
    return _same_part(one, other, slice(0, WIDTH))


def test_parts_side_by_side_are_the_whole(name: str) -> None:
    block = block_type(name).stack(rows_of(name, 7, 3), WIDTH)
    parts = [block.part(slice(0, 1)), block.part(slice(1, WIDTH))]
    assert _same(block_type(name).join(parts, [1, WIDTH - 1], 7), block)


def test_inputs_are_those_of_the_signature(name: str) -> None:
    for block in (block_type(name).blank(5, WIDTH, 9), block_type(name).stack(rows_of(name, 5, 1), WIDTH)):
        signature = {each: (kind, shape) for each, kind, shape in block_type(name).signature(WIDTH)}
        inputs = block.inputs()
        assert inputs.keys() == signature.keys()
        for each, array in inputs.items():
            kind, shape = signature[each]
            assert str(array.dtype) == kind
            assert array.ndim == len(shape)
            assert all(isinstance(size, str) or size == n for size, n in zip(shape, array.shape, strict=True))


def test_sizes_say_how_many_entries_rows_have(name: str) -> None:
    rows = rows_of(name, 9, 2)
    sizes = block_type(name).stack(rows, WIDTH).sizes()
    assert sizes is None or sizes.tolist() == [len(row) for row in rows]


def test_arrays_are_blocks_in_order() -> None:
    arrays = table_arrays(np.zeros((3, 2), np.float32), np.ones((3, 1), np.int32))
    assert list(arrays.blocks) == ["dense", "codes"]
    assert arrays.text is None
    assert arrays.others == {}
    assert arrays.merged().tolist() == [[0, 0, 1]] * 3
    empty = Arrays({}, 2)
    assert (empty.dense.shape, empty.codes.shape, len(empty)) == ((2, 0), (2, 0), 2)
    assert len(arrays.take(slice(1, 9))) == 2
