"""Which rows of a table the models at hand have learned from: on those, scores flatter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fitserve.blocks import Arrays
from fitserve.data.few_rows import SMALL_TABLE
from fitserve.features.row_hashes import Hashes, row_hashes
from fitserve.prediction.named import Named
from fitserve.store.seen import read_seen, seen_key

# Of fewer rows that no model has seen, scores would say little.
FEWEST_UNSEEN = SMALL_TABLE
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class SeenRows:
    """The rows that a version has learned from, as keyed hashes in order."""

    hashes: Hashes
    key: bytes

    def among(self, arrays: Arrays, truth: NDArray[Any]) -> Mask:
        """Which of some rows, as the model sees them, with their target as it reads it, it has learned from: (n,)."""
        if not len(self.hashes) or not len(truth):
            return np.zeros(len(truth), dtype=bool)
        asked = row_hashes(arrays, truth, self.key)
        places = np.minimum(np.searchsorted(self.hashes, asked), len(self.hashes) - 1)
        return np.asarray(self.hashes[places] == asked)


def seen_by(named: Named) -> SeenRows | None:
    """What the workspace knows of the rows that a version has learned from; None if nothing, as of an imported one."""
    if named.workspace is None:
        return None
    documents = named.workspace.documents
    hashes, key = read_seen(documents, named.predictor.sha256), seen_key(documents)
    return None if hashes is None or key is None else SeenRows(hashes, key)


@dataclass(frozen=True)
class Overlap:
    """How many of ``rows`` rows were ``in_training``; None where that is not known of ``unknown`` versions.

    ``predictions`` says which rows are evaluated: all, or those alone that no version has seen.
    """

    rows: int
    in_training: int
    predictions: Mask = field(compare=False)
    unknown: Sequence[str] = ()

    @property
    def excludes(self) -> bool:
        """Whether rows that were in training are left out."""
        return not self.predictions.all()

    @property
    def flatters(self) -> bool:
        """Whether rows that were in training are evaluated on, for too few others are left."""
        return self.in_training > 0 and not self.excludes

    def notes(self) -> list[str]:
        """What a reader of the scores has to know."""
        found = []
        n, m = self.in_training, self.rows
        if self.excludes:
            left = int(self.predictions.sum())
            found.append(f"{n:,} of {m:,} rows were in training; the scores are of the other {left:,}")
        elif self.flatters:
            left = m - n
            others = f"the other {left} are too few to evaluate on" if left else "there are no others"
            found.append(
                f"{n:,} of {m:,} rows were in training and {others}: the scores are of all rows and flatter; give rows "
                "that training has not seen"
            )
        if self.unknown:
            which = " and ".join(self.unknown)
            found.append(f"which rows were in training is not known of {which}: it was imported, or trained before 0.2")
        return found


def overlap_json(found: Overlap | None) -> dict[str, Any]:
    """How many ``of`` the rows were ``in_training``, and whether scores flatter, for they are of these, too."""
    return {} if found is None else {"in_training": found.in_training, "of": found.rows, "flatters": found.flatters}


def overlap(seen: Mask, unknown: Sequence[str] = ()) -> Overlap:
    """What to evaluate on, where some rows were ``seen`` (n,)."""
    left = int((~seen).sum())
    predictions = ~seen if left >= FEWEST_UNSEEN else np.ones(len(seen), dtype=bool)
    return Overlap(len(seen), int(seen.sum()), predictions, unknown)
