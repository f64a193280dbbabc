"""Log-mel bands in integers, equal to those of the audio front end ("microfrontend") of TFLite Micro.

Window, Fourier transform in 16 bits, mel bands, square root, noise reduction, gain control (Wang et al. 2017,
"Trainable Frontend For Robust and Far-Field Keyword Spotting", https://arxiv.org/abs/1607.05666) and logarithm: what
tensorflow/lite/experimental/microfrontend/lib does, whose operator is in TensorFlow. Its settings other than those of
`FrontEnd` are here, as the micro_speech example of TFLite Micro has them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from zoo.audio import fixed_gain
from zoo.audio.fixed_bands import Bands
from zoo.audio.fixed_fft import real_fft
from zoo.audio.mel import fft_length

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]

WINDOW_BITS, NOISE_BITS, BAND_BITS = 12, 14, 12
SMOOTHING_BITS = 10
EVEN_SMOOTHING, ODD_SMOOTHING, LEAST_SIGNAL = 0.025, 0.06, 0.05
LOG_BITS, SEGMENT_BITS = 16, 7
LOG_OF_2 = 45426  # ln 2 in 16 bits
OUTPUT_BITS = 6
LARGEST = 0xFFFF


def log_bands(samples: NDArray[np.int16], window: int, hop: int, bands: Bands, *, gain: bool) -> Integers:
    """Return log-mel bands (windows, bands) of samples (N,): natural logarithms times 64, up to 65535."""
    frames = np.lib.stride_tricks.sliding_window_view(samples.astype(np.int64), window)[::hop]
    length = fft_length(window)
    # The index of the highest bit of the length, less what the bands add after the root.
    correction = length.bit_length() - 1 - BAND_BITS // 2
    signal, estimates = _without_noise(_roots(frames, length, bands))
    if gain:
        signal = fixed_gain.applied(signal, estimates, correction, SMOOTHING_BITS)
    shifted = signal << correction if correction >= 0 else signal >> -correction
    return np.minimum(_logarithms(shifted & 0xFFFFFFFF), LARGEST)


def _roots(frames: Integers, length: int, bands: Bands) -> Integers:
    """Return the square roots of the energies (N, bands) of windows (N, window)."""
    window = frames.shape[1]
    angles = np.float32(2 * np.pi / window) * (np.arange(window) + 0.5)
    weights = np.floor(np.float32(0.5 - 0.5 * np.cos(angles)) * (1 << WINDOW_BITS) + 0.5).astype(np.int64)
    weighted = (frames * weights) >> WINDOW_BITS
    loudest = np.where(weighted < 0, (-weighted).astype(np.int16), weighted).max(axis=1).clip(0)
    shifts = 15 - _highest_bit(loudest)[:, None]
    scaled = (weighted << shifts).astype(np.int16).astype(np.int64)
    real, imaginary = real_fft(np.pad(scaled, ((0, 0), (0, length - window))))
    found: Integers = _root(bands.energies(real * real + imaginary * imaginary)) >> shifts
    return found


def _root(values: Integers) -> Integers:
    """Return square roots, rounded as the front end does: 65535.5 and more below 2^32 becomes 65535."""
    root = np.sqrt(values.astype(np.float64)).astype(np.int64)
    root -= root * root > values
    root += (root + 1) * (root + 1) <= values
    is_half = (values - root * root > root) & ~((values >> 32 == 0) & (root == LARGEST))
    found: Integers = root + is_half
    return found


def _without_noise(signal: Integers) -> tuple[Integers, Integers]:
    """Return a signal (windows, bands) without an average of its past, and this average."""
    one = 1 << NOISE_BITS
    smoothing = np.where(np.arange(signal.shape[1]) % 2 == 0, _share(EVEN_SMOOTHING), _share(ODD_SMOOTHING))
    estimate, estimates, found = np.zeros(signal.shape[1], np.int64), [], []
    for row in signal:
        scaled = (row << SMOOTHING_BITS) & 0xFFFFFFFF
        estimate = (scaled * smoothing + estimate * (one - smoothing)) >> NOISE_BITS
        left = (scaled - np.minimum(estimate, scaled)) >> SMOOTHING_BITS
        found.append(np.maximum(left, (row * _share(LEAST_SIGNAL)) >> NOISE_BITS))
        estimates.append(estimate)
    return np.array(found), np.array(estimates)


def _share(value: float) -> int:
    return int(np.float32(value) * (1 << NOISE_BITS))


def _logarithms(values: Integers) -> Integers:
    """Return 64 times the natural logarithms of 32-bit integers; 0 for 0."""
    safe = np.maximum(values, 1)
    whole = _highest_bit(safe) - 1
    fraction = safe - (1 << whole)
    fraction = np.where(
        whole < LOG_BITS, fraction << (LOG_BITS - whole).clip(0), fraction >> (whole - LOG_BITS).clip(0)
    )
    segment_bits = LOG_BITS - SEGMENT_BITS
    segment = fraction >> segment_bits
    first, second = LOG_TABLE[segment], LOG_TABLE[segment + 1]
    between = ((second - first) * (fraction - (segment << segment_bits))) >> LOG_BITS
    binary = (whole << LOG_BITS) + fraction + first + between
    half = 1 << (LOG_BITS - 1)
    natural = (LOG_OF_2 * binary + half) >> LOG_BITS
    found: Integers = np.where(values > 1, ((natural << OUTPUT_BITS) + half) >> LOG_BITS, 0)
    return found


def _highest_bit(values: Integers) -> Integers:
    """Return the number of bits of integers of 32 bits: 1 for 1, 0 for 0."""
    return np.frexp(values.astype(np.float64))[1].astype(np.int64)


def _log_table() -> Integers:
    """Return what the logarithm to base 2 of 1 + x is above x, in 16 bits, at 128 places; the last one twice."""
    x = np.minimum(np.arange((1 << SEGMENT_BITS) + 2) / (1 << SEGMENT_BITS), 1.0)
    found: Integers = np.rint((np.log2(1 + x) - x) * (1 << LOG_BITS)).astype(np.int64)
    return found


LOG_TABLE = _log_table()
