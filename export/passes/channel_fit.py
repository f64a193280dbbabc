"""The line that lays the outputs of rounded weights onto the true ones, channel by channel."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Tensor = Any  # tf.Tensor
Floats = NDArray[np.float32]

POSITIONS = 100  # of a feature map that are looked at, at most: a hundred samples then give thousands of pairs

# A channel whose outputs shrank by more has been lost otherwise.
LARGEST_GAIN = 1.1


class ChannelFit:
    """Moments of pairs of outputs, summed chunk by chunk."""

    def __init__(self, channels: int) -> None:
        """Start with nothing seen."""
        self._sums, self._count = np.zeros((4, channels)), 0

    def add(self, true: Tensor, rounded: Tensor) -> None:
        """Take a chunk of outputs (samples, ..., channels) of the float network and of the rounded one."""
        import tensorflow as tf

        one, other = _thinned(true), _thinned(rounded)
        self._sums += [tf.reduce_sum(values, axis=0).numpy() for values in (one, other, one * one, one * other)]
        self._count += len(one)

    def line(self) -> tuple[Floats, Floats]:
        """Return gain and offset (channels,) that lay the rounded outputs onto the true ones.

        The gain is 1 where they share little.
        """
        mean_true, mean_rounded, square, common = self._sums / self._count
        variance, covariance = square - mean_true**2, common - mean_true * mean_rounded
        gain = np.ones_like(variance)
        np.divide(variance, covariance, out=gain, where=(variance > 1e-6 * square) & (covariance > 0.5 * variance))
        gain = np.clip(gain, 1 / LARGEST_GAIN, LARGEST_GAIN)
        return gain.astype(np.float32), (mean_true - gain * mean_rounded).astype(np.float32)


def _thinned(values: Tensor) -> Tensor:
    """Return at most `POSITIONS` per sample of (samples, ..., channels): (positions, channels)."""
    import tensorflow as tf

    channels = values.shape[-1]
    flat = tf.reshape(values, (-1, channels))
    per_sample = len(flat) // len(values)
    # An odd stride, so that the positions do not lie below each other.
    stride = -(-per_sample // POSITIONS) | 1
    return flat if stride == 1 else tf.gather(flat, np.arange(0, len(flat), stride))
