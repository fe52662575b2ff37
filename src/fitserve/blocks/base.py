"""What a block is: the arrays of n rows that one kind of step makes and a graph takes, under one name.

Kinds of blocks are registered in the entry-point group ``fitserve.blocks`` under their names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from fitserve.plugins import registered

Rows = NDArray[np.intp] | slice
Input = tuple[str, str, Sequence[int | str]]
"""An input of a graph: its name, its numpy type, its shape with names for what varies."""


class RowsOfBlock(Protocol):
    """A block as a sequence of rows."""

    def __len__(self) -> int: ...

    def take(self, rows: Rows) -> Self:
        """The chosen rows, by index or slice, in the order that is given."""

    def sizes(self) -> NDArray[np.int64] | None:
        """How many entries each row has, (n,); None where all have the same."""


class PartsOfBlock(Protocol):
    """A block as parts side by side, each made by one step; a ``place`` is a range of its columns."""

    def part(self, place: slice) -> Any:
        """What `Step.column` has made there."""

    def with_part(self, place: slice, new: Any) -> Self:
        """The same block with something else there."""


class MadeByBlock(Protocol):
    """How a block is made: class methods."""

    @classmethod
    def stack(cls, rows: Sequence[Any], width: int) -> Self:
        """Of what steps have appended for each of some rows, one step behind the other."""

    @classmethod
    def join(cls, parts: Sequence[Any], widths: Sequence[int], n: int) -> Self:
        """Of what the steps have made of whole columns of n rows."""

    @classmethod
    def blank(cls, n: int, width: int, entries: int = 0) -> Self:
        """Rows of zeros; where rows differ in size, all together have so many ``entries``."""


class TakenByGraph(Protocol):
    """How a graph is given a block."""

    def inputs(self) -> Mapping[str, NDArray[Any]]:
        """The arrays by the names of the graph's inputs."""

    @classmethod
    def signature(cls, width: int) -> Sequence[Input]:
        """Those inputs; ``n`` stands for the number of rows."""


class Block(RowsOfBlock, PartsOfBlock, MadeByBlock, TakenByGraph, Protocol):
    """The arrays of n rows under one name."""


@cache
def block_type(name: str) -> type[Block]:
    """The kind of block of a name; raises KeyError for one that is not registered."""
    found: type[Block] = registered("fitserve.blocks")[name].load()
    return found
