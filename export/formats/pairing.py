"""Pairs of int8 weights whose products a CPU adds in 16 bits, which may saturate.

x86 without VNNI multiplies uint8 activations by int8 weights and adds two neighbouring products in 16 bits
(vpmaddubsw): 255 * 128 fits, 255 * 129 does not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

LARGEST_PAIR = 128  # 255 * 128 = 32640 fits into int16; 255 * 129 does not.


def partners(shape: Sequence[int]) -> NDArray[np.int64]:
    """Return the partner of every input of a product in both memory orders, as (2, inputs).

    `shape` is (..., channels). Channels come last in one runtime's weights, and first in the other's. The last input of
    an odd number is its own partner.
    """
    last = np.arange(math.prod(shape))
    first = np.moveaxis(last.reshape(shape), -1, 0).reshape(-1)
    found = np.empty((2, last.size), np.int64)
    for order, inputs in enumerate((last, first)):
        neighbours = np.minimum(last ^ 1, last.size - 1)
        found[order, inputs] = inputs[neighbours]
    return found


def largest_pair(stored: NDArray[np.floating], shape: Sequence[int]) -> NDArray[np.floating]:
    """Return the largest absolute sum of two partners for each output of `stored` (inputs, outputs)."""
    sums = [
        np.abs(stored + np.where((pairs != np.arange(len(stored)))[:, None], stored[pairs], 0)).max(axis=0)
        for pairs in partners(shape)
    ]
    found: NDArray[np.floating] = np.maximum(*sums)
    return found
