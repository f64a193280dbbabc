"""How far vectors keep their directions, which is what embeddings are compared by."""

from __future__ import annotations

import numpy as np

from calibration.samples import Array

SMALLEST_LENGTH = 1e-12


def mean_cosine(expected: Array, found: Array) -> float:
    """Return the mean cosine between two sets of vectors (N, ..., width), row by row; 0 for a vector of zeros."""
    return float((_unit(expected) * _unit(found)).sum(axis=1).mean())


def nearest_agreement(expected: Array, found: Array) -> float | None:
    """Return the share of samples (N, width) whose nearest other sample is the same; None for fewer than 3 samples."""
    if len(expected) < 3 or expected.ndim != 2:
        return None
    return float((_nearest(expected) == _nearest(found)).mean())


def _nearest(vectors: Array) -> Array:
    unit = _unit(vectors)
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, -np.inf)
    return np.asarray(cosines.argmax(axis=1))


def _unit(vectors: Array) -> Array:
    """Return the vectors with the length 1, float64 (rows, width)."""
    rows = vectors.astype(np.float64).reshape(-1, vectors.shape[-1])
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), SMALLEST_LENGTH))
