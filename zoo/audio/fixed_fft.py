"""The Fourier transform in 16 bits of the audio front end of TFLite Micro: that of KISS FFT, rounding for rounding.

Borgerding, "Kiss FFT" 1.3.0, with FIXED_POINT=16: each butterfly first divides by its radix, and products are rounded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]
    Pair = tuple[Integers, Integers]  # real and imaginary parts

BITS = 15
LARGEST = (1 << BITS) - 1


def real_fft(samples: Integers) -> Pair:
    """Return the real and the imaginary part (N, length / 2 + 1) of windows (N, length); length is a power of two.

    Both are the transform divided by the length: 16-bit numbers, as the samples.
    """
    half = samples.shape[1] // 2
    # Even samples are the real parts of a transform of half the length, odd ones the imaginary parts.
    twiddles = _twiddles(2 * np.pi * np.arange(half) / half)
    real, imaginary = (_divided(part, 2) for part in _fft((samples[:, ::2], samples[:, 1::2]), twiddles, 1))
    back = -np.arange(half)  # the same numbers from the end
    mirrored = real[:, back], _wrapped(-imaginary[:, back])
    even, odd = _sum((real, imaginary), mirrored), _difference((real, imaginary), mirrored)
    turned = _product(odd, _twiddles(np.pi * (np.arange(half) / half + 0.5)))
    low = np.arange(1, half // 2 + 1)
    found = np.zeros((2, len(samples), half + 1), np.int64)
    found[0][:, low] = _wrapped((even[0] + turned[0]) >> 1)[:, low]
    found[1][:, low] = _wrapped((even[1] + turned[1]) >> 1)[:, low]
    found[0][:, half - low] = _wrapped((even[0] - turned[0]) >> 1)[:, low]
    found[1][:, half - low] = _wrapped((turned[1] - even[1]) >> 1)[:, low]
    found[0][:, 0], found[0][:, half] = _wrapped(real + imaginary)[:, 0], _wrapped(real - imaginary)[:, 0]
    return found[0], found[1]


def _fft(values: Pair, twiddles: Pair, stride: int) -> Pair:
    """Return the transform over the last axis; the twiddle factors are those of the longest one."""
    length = values[0].shape[-1]
    if length == 1:
        return values
    radix = 4 if length % 4 == 0 else 2
    real, imaginary = (part.reshape(*part.shape[:-1], length // radix, radix).swapaxes(-1, -2) for part in values)
    real, imaginary = (_divided(part, radix) for part in _fft((real, imaginary), twiddles, stride * radix))
    at = stride * np.outer(np.arange(1, radix), np.arange(length // radix))
    turned = _product((real[..., 1:, :], imaginary[..., 1:, :]), (twiddles[0][at], twiddles[1][at]))
    others = [(turned[0][..., row, :], turned[1][..., row, :]) for row in range(radix - 1)]
    butterfly = _radix_4 if radix == 4 else _radix_2
    rows = butterfly((real[..., 0, :], imaginary[..., 0, :]), *others)
    return np.concatenate([row[0] for row in rows], axis=-1), np.concatenate([row[1] for row in rows], axis=-1)


def _radix_2(first: Pair, other: Pair) -> list[Pair]:
    return [_sum(first, other), _difference(first, other)]


def _radix_4(first: Pair, one: Pair, two: Pair, three: Pair) -> list[Pair]:
    outer, inner = _sum(first, two), _difference(first, two)
    both, apart = _sum(one, three), _difference(one, three)
    quarter = apart[1], _wrapped(-apart[0])  # times -i
    return [_sum(outer, both), _sum(inner, quarter), _difference(outer, both), _difference(inner, quarter)]


def _sum(one: Pair, other: Pair) -> Pair:
    return _wrapped(one[0] + other[0]), _wrapped(one[1] + other[1])


def _difference(one: Pair, other: Pair) -> Pair:
    return _wrapped(one[0] - other[0]), _wrapped(one[1] - other[1])


def _twiddles(angles: NDArray[np.float64]) -> Pair:
    """Return the real and imaginary parts of exp(-i angle) in 16 bits."""
    return (
        np.floor(0.5 + LARGEST * np.cos(-angles)).astype(np.int64),
        np.floor(0.5 + LARGEST * np.sin(-angles)).astype(np.int64),
    )


def _product(one: Pair, other: Pair) -> Pair:
    (real, imaginary), (cosine, sine) = one, other
    return _rounded(real * cosine - imaginary * sine), _rounded(real * sine + imaginary * cosine)


def _divided(values: Integers, radix: int) -> Integers:
    return _rounded(values * (LARGEST // radix))


def _rounded(products: Integers) -> Integers:
    return _wrapped((products + (1 << (BITS - 1))) >> BITS)


def _wrapped(values: Integers) -> Integers:
    """Return what is left of numbers in 16 bits."""
    return values.astype(np.int16).astype(np.int64)
