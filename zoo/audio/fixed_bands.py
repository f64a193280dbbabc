"""Mel bands with integer weights, as the audio front end of TFLite Micro computes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]

WEIGHT_BITS = 12


@dataclass(frozen=True, kw_only=True, eq=False)
class Bands:
    """The weights (bins, bands + 1) of frequencies: rising towards the end of a band, and what is left to one.

    Between two neighbouring centres, a frequency belongs to both bands: to the lower one by what is left.
    """

    rising: Integers
    falling: Integers

    def energies(self, squares: Integers) -> Integers:
        """Return the energies (N, bands) of the squares (N, bins) of a spectrum."""
        found: Integers = squares @ self.falling[:, :-1] + squares @ self.rising[:, 1:]
        return found


def bands(count: int, bins: int, rate: int, low_hz: float, high_hz: float) -> Bands:
    """Return the weights of `count` bands in a spectrum of `bins` frequencies."""
    low, high = _mel(np.float32(low_hz)), _mel(np.float32(high_hz))
    step = (high - low) / np.float32(count + 1)
    centres = (low + step * np.arange(1, count + 2).astype(np.float32)).astype(np.float32)
    hz_per_bin = np.float32(0.5 * rate / (bins - 1))
    frequencies = _mel(np.arange(bins).astype(np.float32) * hz_per_bin)
    start = int(1.5 + float(np.float32(low_hz) / hz_per_bin))  # never the constant part
    rising, falling = (np.zeros((bins, count + 1), np.int64) for _ in range(2))
    for band in range(count + 1):
        begin = low if band == 0 else centres[band - 1]
        end = start + int((frequencies[start:] <= centres[band]).cumprod().sum())
        weights = ((centres[band] - frequencies[start:end]) / (centres[band] - begin)).astype(np.float32)
        one = 1 << WEIGHT_BITS
        rising[start:end, band] = np.floor((weights * np.float32(one)).astype(np.float64) + 0.5)
        falling[start:end, band] = np.floor((1.0 - weights.astype(np.float64)) * one + 0.5)
        start = end
    return Bands(rising=rising, falling=falling)


def _mel(hz: NDArray[np.float32] | np.float32) -> NDArray[np.float32]:
    return (1127.0 * np.log1p(np.asarray(hz).astype(np.float64) / 700.0)).astype(np.float32)
