"""Rows as short keyed hashes: whether a row was there before can be told without keeping any row."""

from __future__ import annotations

from hashlib import blake2b
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fitserve.blocks import Arrays

Hashes = NDArray[np.uint64]
_BYTES = 8


def row_hashes(arrays: Arrays, truth: NDArray[Any], key: bytes) -> Hashes:
    """A hash (n,) of each row as a model sees it, together with its target; who lacks the ``key`` can guess nothing.

    Rows with one hash are the same to the model. Two different ones have the same with a chance of 2^-64 (BLAKE2b).
    """
    n = len(arrays)
    if not n:
        return np.empty(0, dtype=np.uint64)
    # One spelling for zero and one for a missing number.
    dense = np.where(np.isnan(arrays.dense), np.float32(np.nan), arrays.dense + np.float32(0.0))
    target = np.where(truth == 0, np.zeros_like(truth), truth)
    others = [array for block in arrays.others.values() for array in block.inputs().values() if len(array) == n]
    parts = [
        np.ascontiguousarray(part).view(np.uint8).reshape(n, -1) for part in (dense, arrays.codes, *others, target)
    ]
    rows = np.ascontiguousarray(np.hstack(parts))
    width, data, texts = rows.shape[1], rows.tobytes(), _texts(arrays, n)
    digests = (
        blake2b(data[i * width : (i + 1) * width] + texts[i], digest_size=_BYTES, key=key).digest() for i in range(n)
    )
    return np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64)


def _texts(arrays: Arrays, n: int) -> list[bytes]:
    """The terms of each row with their weights."""
    if arrays.text is None:
        return [b""] * n
    ends = np.searchsorted(arrays.text.rows, np.arange(n + 1)).tolist()
    ids, weights = arrays.text.ids.tobytes(), arrays.text.weights.astype(np.float32).tobytes()
    return [ids[8 * start : 8 * end] + weights[4 * start : 4 * end] for start, end in pairwise(ends)]
