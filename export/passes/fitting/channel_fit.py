"""Linear fit of the outputs of rounded weights to the true outputs, channel by channel."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Tensor = Any  # tf.Tensor
Floats = NDArray[np.float32]

POSITIONS = 100  # most positions per feature map and sample; a hundred samples then give thousands of pairs

# A channel that shrank by more has an error that a gain cannot correct.
LARGEST_GAIN = 1.1


class ChannelFit:
    """Accumulates moments of (true, rounded) outputs chunk by chunk."""

    def __init__(self, channels: int) -> None:
        """Start without data."""
        self._sums, self._count = np.zeros((4, channels)), 0

    def add(self, true: Tensor, rounded: Tensor) -> None:
        """Add a chunk of outputs (samples, ..., channels) of the float network and of the rounded one."""
        import tensorflow as tf

        one, other = _thinned(true), _thinned(rounded)
        self._sums += [tf.reduce_sum(values, axis=0).numpy() for values in (one, other, one * one, one * other)]
        self._count += len(one)

    def line(self) -> tuple[Floats, Floats]:
        """Return gain and offset (channels,) that map the rounded outputs to the true ones.

        The gain is 1 for channels whose rounded and true outputs correlate weakly.
        """
        mean_true, mean_rounded, square, common = self._sums / self._count
        variance, covariance = square - mean_true**2, common - mean_true * mean_rounded
        gain = np.ones_like(variance)
        np.divide(variance, covariance, out=gain, where=(variance > 1e-6 * square) & (covariance > 0.5 * variance))
        gain = np.clip(gain, 1 / LARGEST_GAIN, LARGEST_GAIN)
        return gain.astype(np.float32), (mean_true - gain * mean_rounded).astype(np.float32)


def _thinned(values: Tensor) -> Tensor:
    """Return at most about `POSITIONS` rows per sample of (samples, ..., channels): (positions, channels)."""
    import tensorflow as tf

    channels = values.shape[-1]
    flat = tf.reshape(values, (-1, channels))
    per_sample = len(flat) // len(values)
    # An odd stride spreads the positions over the columns of a feature map.
    stride = -(-per_sample // POSITIONS) | 1
    return flat if stride == 1 else tf.gather(flat, np.arange(0, len(flat), stride))
