"""Inputs for networks of the zoo."""

from __future__ import annotations

import numpy as np


def photos_for(architecture, options, count=4):
    """Return `count` inputs: smooth random photos, preprocessed."""
    preprocessing = architecture.preprocess(**options)
    channels = 1 if preprocessing.colours == "GRAY" else 3
    coarse = np.random.default_rng(1).integers(0, 256, (count, 8, 8, channels), np.uint8)
    sides = -(-preprocessing.height // 8), -(-preprocessing.width // 8)
    photos = np.repeat(np.repeat(coarse, sides[0], 1), sides[1], 2)
    return preprocessing.normalise(photos[:, : preprocessing.height, : preprocessing.width])
