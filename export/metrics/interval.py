"""In which intervals the SQNR and the share of equal predictions lie on other samples than those of the proof.

A few rows outside of the calibrated ranges often cause most of the error, so that 64 other rows may give some decibels
more or less. Both the rows of the proof and the other rows are drawn again and again from those of the proof
(bootstrap: Efron 1979); the interval of their difference is widened, because rows that cause large errors are rare and
may all be missing. Equal predictions are counts, whose interval is Wilson's (1927): at 100 % of few samples it says how
few they are.
"""

from __future__ import annotations

import math

import numpy as np

from calibration.samples import Array

OTHERS = 64  # other samples
FEWEST = 8  # samples for an interval
MOST = 0.5  # of the samples must differ: the SQNR of others is not known from a few labels that flipped
DRAWS = 400
# Measured over 300 splits of four small networks: unwidened, 81 to 92 % of 64 other rows lie in the interval of 64.
WIDENED = 1.5
_BOTH_TAILS = (0.025, 0.975)
TWO_SIDED_95 = 1.959964  # standard deviations


def sqnr_interval_db(expected: Array, error: Array) -> tuple[float, float] | None:
    """Return the 95 % interval of the SQNR in dB on `OTHERS` other samples; None with few samples or without error.

    Args:
        expected: outputs (N, ...) of the reference, float64.
        error: absolute errors of the file, of the same shape.
    """
    count = len(expected)
    signal, noise = (np.array([np.vdot(row, row) for row in one]) for one in (expected, error))
    if count < FEWEST or (noise > 0).mean() < MOST or not signal.any():
        return None
    random = np.random.default_rng(0)
    own, other = (random.integers(0, count, (DRAWS, size)) for size in (count, OTHERS))
    differences = _sqnr_db(signal[other], noise[other]) - _sqnr_db(signal[own], noise[own])
    low, high = WIDENED * np.quantile(differences, _BOTH_TAILS)
    whole = float(_sqnr_db(signal[None], noise[None])[0])
    return float(whole + low), float(whole + high)


def share_interval(share: float, count: int, deviations: float = TWO_SIDED_95) -> tuple[float, float]:
    """Return the Wilson score interval of the true share, from that of `count` samples; by default that of 95 %."""
    z2 = deviations**2
    centre = share + z2 / (2 * count)
    spread = deviations * math.sqrt(share * (1 - share) / count + z2 / (4 * count**2))
    low, high = ((centre + side * spread) / (1 + z2 / count) for side in (-1, 1))
    return max(0.0, low), min(1.0, high)


def _sqnr_db(signal: Array, noise: Array) -> Array:
    """Return the SQNR of each draw (draws, rows); a draw without noise counts the smallest number above zero."""
    smallest = np.finfo(np.float64).tiny
    ratio = np.maximum(signal.sum(axis=1), smallest) / np.maximum(noise.sum(axis=1), smallest)
    return np.asarray(np.clip(10 * np.log10(ratio), -200, 200))
