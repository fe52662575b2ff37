"""What a model sees of n rows: blocks by name, in order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fitserve.blocks.base import Block, Rows
from fitserve.blocks.codes import Codes
from fitserve.blocks.dense import Dense
from fitserve.blocks.terms import Ragged, Terms


@dataclass(frozen=True, slots=True)
class Arrays:
    """Named blocks of the same ``n`` rows, in the order in which graphs take them.

    Tables have ``dense`` (floats), ``codes`` (categories) and ``terms`` (texts); what is not there has no columns.
    """

    blocks: Mapping[str, Block]
    n: int

    def __len__(self) -> int:
        return self.n

    def take(self, rows: Rows) -> Arrays:
        """The chosen rows, by index or slice."""
        n = len(range(*rows.indices(self.n))) if isinstance(rows, slice) else len(rows)
        return Arrays({name: block.take(rows) for name, block in self.blocks.items()}, n)

    def with_block(self, name: str, block: Block) -> Arrays:
        """The same rows with another block under a name."""
        return Arrays({**self.blocks, name: block}, self.n)

    @property
    def dense(self) -> NDArray[np.float32]:
        """Float columns, float32 (n, D): NaN where missing and never infinite."""
        found = self.blocks.get(Dense.name)
        return found.values if isinstance(found, Dense) else np.empty((self.n, 0), np.float32)

    @property
    def codes(self) -> NDArray[np.int32]:
        """Codes of categories, int32 (n, C): 0 missing, 1 unseen, 2 and up the levels."""
        found = self.blocks.get(Codes.name)
        return found.values if isinstance(found, Codes) else np.empty((self.n, 0), np.int32)

    @property
    def text(self) -> Ragged | None:
        """Term ids of texts; None where there are no texts."""
        found = self.blocks.get(Terms.name)
        return found.entries if isinstance(found, Terms) else None

    @property
    def others(self) -> dict[str, Block]:
        """The blocks that tables do not have."""
        return {name: each for name, each in self.blocks.items() if name not in (Dense.name, Codes.name, Terms.name)}

    def merged(self) -> NDArray[np.float32]:
        """Dense columns and codes side by side, (n, D + C): exact, for codes stay below 2^24."""
        return np.hstack([self.dense, self.codes.astype(np.float32)])


def table_arrays(dense: NDArray[np.float32], codes: NDArray[np.int32], text: Ragged | None = None) -> Arrays:
    """The arrays of n rows of a table."""
    blocks: dict[str, Block] = {Dense.name: Dense(dense), Codes.name: Codes(codes)}
    if text is not None:
        blocks[Terms.name] = Terms(text, len(dense))
    return Arrays(blocks, len(dense))
