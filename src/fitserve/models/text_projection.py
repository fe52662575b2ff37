"""A dense view of texts for learners that want a matrix: latent semantic analysis.

Source: Deerwester et al. 1990; the randomised factorisation is scikit-learn's TruncatedSVD.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.decomposition import TruncatedSVD

from fitserve.blocks import Arrays

WIDTH = 64


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
    with np.errstate(invalid="ignore", divide="ignore"):  # the library divides by the variance, which may be none
        found = TruncatedSVD(width, n_iter=2, random_state=seed).fit(matrix)
    return np.ascontiguousarray(found.components_.T, dtype=np.float32)


def text_matrix(arrays: Arrays, table: NDArray[np.float32]) -> NDArray[np.float32]:
    """Projected texts, float32 (n, width of the table).

    The product goes through the entries of a row in their order and adds them up in float32, as the graph does: a sum
    in another order has other bits.
    """
    text = arrays.text
    assert text is not None
    starts = np.searchsorted(text.rows, np.arange(len(arrays) + 1))
    return np.asarray(csr_matrix((text.weights, text.ids, starts), shape=(len(arrays), len(table))) @ table)
