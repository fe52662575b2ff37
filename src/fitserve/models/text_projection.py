"""A dense view of texts for learners that want a matrix: latent semantic analysis.

Source: Deerwester et al. 1990; the randomised factorisation is scikit-learn's TruncatedSVD.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.decomposition import TruncatedSVD

from fitserve.features.arrays import Arrays

WIDTH = 64
_ENTRIES_AT_ONCE = 100_000


def sparse_text(arrays: Arrays, n_terms: int) -> csr_matrix:
    """Texts as a sparse float64 matrix (n, n_terms)."""
    text = arrays.text
    assert text is not None
    shape = (len(arrays), n_terms)
    return csr_matrix((text.weights.astype(np.float64), (text.rows, text.ids)), shape=shape)


def fit_projection(arrays: Arrays, n_terms: int, seed: int) -> NDArray[np.float32] | None:
    """The table (n_terms, width) whose weighted row sums stand for texts; None where there are no texts."""
    if arrays.text is None or n_terms == 0:
        return None
    matrix = sparse_text(arrays, n_terms)
    width = min(WIDTH, n_terms - 1, len(arrays) - 1)
    if width < 1:
        return None
    found = TruncatedSVD(width, n_iter=2, random_state=seed).fit(matrix)
    return np.ascontiguousarray(found.components_.T, dtype=np.float32)


def tree_matrix(arrays: Arrays, table: NDArray[np.float32] | None) -> NDArray[np.float32]:
    """Dense columns, codes and projected texts side by side, float32 (n, width)."""
    merged = arrays.merged()
    if table is None or arrays.text is None:
        return merged
    projected = np.zeros((len(arrays), table.shape[1]), dtype=np.float32)
    text = arrays.text
    # Added one entry after the other in float32, as the graph does: a sum in another order has other bits.
    for start in range(0, len(text.ids), _ENTRIES_AT_ONCE):
        part = slice(start, start + _ENTRIES_AT_ONCE)
        np.add.at(projected, text.rows[part], table[text.ids[part]] * text.weights[part, None])
    return np.hstack([merged, projected])
