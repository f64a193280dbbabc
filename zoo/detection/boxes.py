"""Boxes (N, 4) as left, top, right, bottom."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def areas(boxes: Floats) -> Floats:
    """Return the areas (N,); 0 for a box whose edges have changed places."""
    found: Floats = np.prod(np.maximum(boxes[..., 2:] - boxes[..., :2], 0), axis=-1)
    return found


def overlap(some: Floats, others: Floats) -> Floats:
    """Return intersection over union of boxes (N, 4) and boxes (M, 4), each with each: (N, M), 0 to 1."""
    top_left = np.maximum(some[:, None, :2], others[None, :, :2])
    bottom_right = np.minimum(some[:, None, 2:], others[None, :, 2:])
    shared = np.prod(np.maximum(bottom_right - top_left, 0), axis=-1)
    union = areas(some)[:, None] + areas(others)[None] - shared
    ratios: Floats = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return ratios


def on_photo(boxes: Floats, width: int, height: int) -> Floats:
    """Return boxes that are shares of a photo (N, 4) in its pixels, cut off at its edges.

    For a network that saw the whole photo, stretched (`Preprocessing.fit`): how it was stretched does not matter.
    """
    edges = np.array([width, height, width, height], np.float64)
    return np.clip(boxes * edges, 0, edges)
