"""Random activations of one tensor, for the tests of observers and histograms."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float32]


def stream(count: int = 20, seed: int = 0) -> list[Values]:
    """Return samples of one tensor with long tails, as in networks, and increasing spread."""
    generator = np.random.default_rng(seed)
    return [(generator.standard_t(4, (1, 8, 8, 16)) * (1 + i / 10)).astype(np.float32) for i in range(count)]
