"""An independent integer reference in numpy of the common operators of an int8 .tflite.

It shares no code with the export. Accumulators are exact int64 sums. They are requantized in one of two ways, which the
specification of 8-bit quantization both allows:

- `XNNPACK`: the accumulator in float32 times the ratio of the scales in float32, rounded half to even (fp32
  requantization of its qs8 kernels)
- `BUILTIN`: a 31-bit multiplier and a shift, rounded after each (gemmlowp; LiteRT's reference kernels)
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
XNNPACK, BUILTIN = "XNNPACK", "reference kernels"
LOWEST, HIGHEST = -128, 127


def convolution(
    values: Integers, weights: Integers, bias: Integers, strides: tuple[int, int], dilation: tuple[int, int], same: bool
) -> Integers:
    """Return the sums (1, H, W, outputs) for centred inputs (1, h, w, inputs) and weights (outputs, kh, kw, inputs)."""
    windows = _windows(values, weights.shape[1:3], strides, dilation, same)
    return np.asarray(np.einsum("hwijc,oijc->hwo", windows, weights)[None] + bias)


def depthwise(
    values: Integers, weights: Integers, bias: Integers, strides: tuple[int, int], dilation: tuple[int, int], same: bool
) -> Integers:
    """Return the sums (1, H, W, channels) for weights (1, kh, kw, channels) of one output for every input."""
    windows = _windows(values, weights.shape[1:3], strides, dilation, same)
    return np.asarray(np.einsum("hwijc,ijc->hwc", windows, weights[0])[None] + bias)


def dense(values: Integers, weights: Integers, bias: Integers) -> Integers:
    """Return the sums (N, outputs) for centred inputs of any shape and weights (outputs, inputs)."""
    return np.asarray(values.reshape(-1, weights.shape[1]) @ weights.T + bias)


def requantized(sums: Integers, ratio: NDArray[np.float64], zero_point: int, kernels: str) -> Integers:
    """Return the sums in steps of the output's grid, not yet clipped; `ratio` is of the scales, per channel."""
    if kernels == XNNPACK:
        return np.rint(sums.astype(np.float32) * ratio.astype(np.float32)).astype(np.int64) + zero_point
    multipliers, shifts = zip(*(_fixed_point(float(one)) for one in ratio), strict=True)
    columns = [
        _rounded_shift(_doubled_high(sums[..., place] << max(shift, 0), multiplier), max(-shift, 0))
        for place, (multiplier, shift) in enumerate(zip(multipliers, shifts, strict=True))
    ]
    return np.stack(columns, axis=-1) + zero_point


def summed(first: Integers, second: Integers, ratios: tuple[float, float]) -> Integers:
    """Return the sum of two centred tensors in steps of the output: XNNPACK's 21-bit multipliers, rounded half up."""
    shift = 20 - math.floor(math.log2(max(ratios)))
    one, two = (round(ratio * 2**shift) for ratio in ratios)
    return np.asarray((first * one + second * two + (1 << (shift - 1))) >> shift)


def multiplied(first: Integers, second: Integers, ratio: float, zero_point: int) -> Integers:
    """Return the product of two centred tensors in steps of the output; `ratio` is of the product of their scales."""
    product = (first * second).astype(np.float32) * np.float32(ratio)
    return np.asarray(np.rint(product).astype(np.int64) + zero_point)


def averaged(values: Integers, ratio: float, zero_point: int) -> Integers:
    """Return the means (1, channels) of centred maps (1, H, W, channels) in steps of the output."""
    count = values.shape[1] * values.shape[2]
    sums = values.sum(axis=(1, 2)).astype(np.float32)
    return np.asarray(np.rint(sums * np.float32(ratio / count)).astype(np.int64) + zero_point)


def largest(values: Integers, kernel: tuple[int, int], strides: tuple[int, int]) -> Integers:
    """Return the largest numbers of unpadded windows, which need not be centred."""
    return np.asarray(_windows(values, kernel, strides, (1, 1), same=False).max(axis=(2, 3))[None])


def clipped(values: Integers, low: float, high: float, scale: float, zero_point: int) -> NDArray[np.int8]:
    """Return the values as stored, within the type and the caps of the activation, which are real numbers."""
    bottom = LOWEST if math.isinf(low) else max(LOWEST, round(low / scale) + zero_point)
    top = HIGHEST if math.isinf(high) else min(HIGHEST, round(high / scale) + zero_point)
    return np.clip(values, bottom, top).astype(np.int8)


def _windows(
    values: Integers, kernel: Any, strides: tuple[int, int], dilation: tuple[int, int], same: bool
) -> Integers:
    """Return the windows (H, W, kh, kw, channels) of centred inputs, whose padding is 0."""
    reach = [(size - 1) * rate + 1 for size, rate in zip(kernel, dilation, strict=True)]
    image = values[0]
    if same:
        pads = []
        for size, stride, far in zip(image.shape[:2], strides, reach, strict=True):
            total = max((-(-size // stride) - 1) * stride + far - size, 0)
            pads.append((total // 2, total - total // 2))
        image = np.pad(image, (*pads, (0, 0)))
    seen = np.lib.stride_tricks.sliding_window_view(image, reach, axis=(0, 1))
    seen = seen[:: strides[0], :: strides[1], :, :: dilation[0], :: dilation[1]]
    return np.moveaxis(seen, 2, -1)


def _fixed_point(ratio: float) -> tuple[int, int]:
    """Return a 31-bit multiplier and a shift to the left whose product is the ratio."""
    fraction, shift = math.frexp(ratio)
    multiplier = round(fraction * 2**31)
    return (multiplier // 2, shift + 1) if multiplier == 2**31 else (multiplier, shift)


def _doubled_high(values: Integers, multiplier: int) -> Integers:
    """Return values * multiplier / 2^31, rounded half away from zero as 32-bit processors do."""
    product = values * multiplier
    nudge = np.where(product >= 0, 1 << 30, 1 - (1 << 30))
    return np.asarray(np.trunc((product + nudge) / 2**31)).astype(np.int64)


def _rounded_shift(values: Integers, shift: int) -> Integers:
    """Return values / 2^shift, rounded half away from zero."""
    if shift == 0:
        return values
    rest, half = values & ((1 << shift) - 1), (1 << shift) >> 1
    return (values >> shift) + (rest > half - 1 + (values < 0).astype(np.int64))
