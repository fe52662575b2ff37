"""Categories as whole numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from fitserve.blocks.dense import Matrix


@dataclass(frozen=True, slots=True)
class Codes(Matrix):
    """Int32 columns: 0 missing, 1 unseen, 2 and up the levels."""

    name: ClassVar[str] = "codes"
    dtype: ClassVar[str] = "int32"
