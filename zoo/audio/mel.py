"""Mel bands and cepstra in floating point, by the formulae of TensorFlow's tf.signal.

Young et al., "The HTK Book": the mel scale, 1127 ln(1 + f / 700), triangles in mel, and the cosine transform of MFCCs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

FLOOR = 1e-6  # is added before the logarithm


def mel(hz: Array | float) -> Array:
    """Return frequencies in mel."""
    return np.asarray(1127.0 * np.log1p(np.asarray(hz) / 700.0))


def fft_length(window: int) -> int:
    """Return the power of two that holds a window."""
    return 1 << (window - 1).bit_length()


def magnitudes(frames: Array) -> Array:
    """Return the spectra (N, bins) of windows (N, window), weighted by a periodic Hann window."""
    window = frames.shape[1]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    return np.asarray(np.abs(np.fft.rfft(frames * hann, fft_length(window))))


def triangles(bins: int, bands: int, rate: int, low_hz: float, high_hz: float) -> Array:
    """Return the weights (bins, bands) of the frequencies in each mel band; none for the constant part."""
    frequencies = mel(np.linspace(0.0, rate / 2, bins))[1:, None]
    edges = np.linspace(mel(low_hz), mel(high_hz), bands + 2)
    lower, centre, upper = edges[:-2], edges[1:-1], edges[2:]
    rising, falling = (frequencies - lower) / (centre - lower), (upper - frequencies) / (upper - centre)
    return np.concatenate([np.zeros((1, bands)), np.maximum(0.0, np.minimum(rising, falling))])


def log_mel(spectra: Array, weights: Array) -> Array:
    """Return the logarithms (N, bands) of spectra (N, bins) in mel bands."""
    return np.log(spectra @ weights + FLOOR)


def cepstra(log_bands: Array, count: int) -> Array:
    """Return the first `count` MFCCs (N, count) of log-mel bands (N, bands): a DCT-II, scaled by sqrt(2 / bands)."""
    bands = log_bands.shape[1]
    angles = np.pi / bands * np.outer(np.arange(bands) + 0.5, np.arange(count))
    return np.asarray(np.sqrt(2.0 / bands) * log_bands @ np.cos(angles))
