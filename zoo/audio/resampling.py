"""Another sample rate for a sound: the band-limited interpolation of Smith, https://ccrma.stanford.edu/~jos/resample/."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

ZERO_CROSSINGS = 32  # of the sinc on each side
ROLL_OFF = 0.95  # of the lower Nyquist frequency: above it begins the slope of the filter
BLOCK = 1 << 10  # samples that are computed at once


def resampled(samples: NDArray[np.float64], rate: int, wanted: int) -> NDArray[np.float64]:
    """Return a sound (N,) of `rate` Hz at `wanted` Hz, without the frequencies that the new rate cannot hold."""
    if rate == wanted:
        return samples
    count = max(1, round(len(samples) * wanted / rate))
    cutoff = ROLL_OFF * min(1.0, wanted / rate)  # of the old Nyquist frequency
    reach = int(np.ceil(ZERO_CROSSINGS / cutoff))
    padded = np.pad(samples, (reach, reach + 1))
    found = np.empty(count)
    for begin in range(0, count, BLOCK):
        at = np.arange(begin, min(begin + BLOCK, count)) * (rate / wanted)
        first = np.floor(at).astype(np.int64)
        steps = np.arange(-reach + 1, reach + 1)
        distance = (at - first)[:, None] - steps
        window = np.cos(np.pi / 2 * np.clip(distance / reach, -1, 1)) ** 2
        weights = cutoff * np.sinc(cutoff * distance) * window
        near = padded[np.minimum(first, len(samples))[:, None] + steps + reach]
        found[begin : begin + len(at)] = (weights * near).sum(1)
    return found
