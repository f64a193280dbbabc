"""The gain control of the audio front end of TFLite Micro (PCAN): each band's gain follows its noise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]

STRENGTH, OFFSET = 0.95, 80.0
GAIN_BITS, RATIO_BITS, OUTPUT_BITS, TABLE_BITS = 21, 12, 6, 32
LARGEST = 0x7FFF


def applied(signal: Integers, noise: Integers, correction: int, smoothing_bits: int) -> Integers:
    """Return a signal (N, bands) with the gain of its noise (N, bands), which has `smoothing_bits` more bits."""
    table = _table(smoothing_bits - correction)
    ratios = ((signal * _interpolated(noise, table)) >> (GAIN_BITS - correction - RATIO_BITS)) & 0xFFFFFFFF
    small = (ratios * ratios & 0xFFFFFFFF) >> (2 + 2 * RATIO_BITS - OUTPUT_BITS)
    large = (ratios >> (RATIO_BITS - OUTPUT_BITS)) - (1 << OUTPUT_BITS)
    return np.where(ratios < 2 << RATIO_BITS, small, large)


def _gain(noise: int, bits: int) -> int:
    """Return the gain at a noise with `bits` bits after the point."""
    value = np.float32(noise) / np.float32(1 << bits)
    gain = np.float32(1 << GAIN_BITS) * np.float32(float(value + np.float32(OFFSET)) ** float(np.float32(-STRENGTH)))
    return LARGEST if gain > LARGEST else int(gain + np.float32(0.5))


def _table(bits: int) -> Integers:
    """Return a parabola (33, 3) for each power of two of the noise, by its number of bits; and the gains at 0 and 1."""
    rows = [(_gain(0, bits), 0, 0), (_gain(1, bits), 0, 0)]
    for interval in range(2, TABLE_BITS + 1):
        begin = 1 << (interval - 1)
        end = 2 * begin if interval < TABLE_BITS else 2 * begin - 1
        first, middle, last = (_gain(noise, bits) for noise in (begin, begin + begin // 2, end))
        slope = 4 * (middle - first) - (last - first)
        rows.append((first, slope, last - first - slope))
    found = np.array(rows, np.int64)
    found[:, 1:] = found[:, 1:].astype(np.int16)
    return found


def _interpolated(noise: Integers, table: Integers) -> Integers:
    interval = np.frexp(noise.astype(np.float64))[1].astype(np.int64)
    place = np.where(interval < 11, noise << (11 - interval).clip(0), noise >> (interval - 11).clip(0)) & 0x3FF
    first, slope, curve = (table[interval, column] for column in range(3))
    value = (((curve * place) >> 5) + (slope << 5)) * place
    found: Integers = np.where(noise <= 2, table[interval, 0], ((value + (1 << 14)) >> 15) + first)
    return found
