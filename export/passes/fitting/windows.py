"""Input rows and convolution windows at random positions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Tensor = Any  # tf.Tensor


@dataclass(frozen=True)
class Windows:
    """Positions of a kernel's windows, by TensorFlow's rules for "same" and "valid".

    Attributes:
        kernel: kernel size (height, width).
        strides: one stride for both axes, or one for each.
        padding: "same" or "valid".
        dilation_rate: one dilation for both axes, or one for each.
    """

    kernel: tuple[int, ...]
    strides: int | tuple[int, int]
    padding: str
    dilation_rate: int | tuple[int, int]

    def at_random(self, inputs: Tensor, count: int, generator: np.random.Generator) -> Tensor:
        """Return up to `count` random windows of every sample (windows, places, channels), zero-padded outside it."""
        import tensorflow as tf

        samples, sizes = inputs.shape[0], inputs.shape[1:3]
        axes = [self._axis(size, axis) for axis, size in enumerate(sizes)]
        height, width = (len(starts) for starts, _ in axes)
        count = min(count, height * width)
        # Sorted, so that memory is read in order.
        picked = np.sort([generator.choice(height * width, count, replace=False) for _ in range(samples)], axis=1)
        rows, columns = (
            starts[positions][..., None] + offsets
            for (starts, offsets), positions in zip(axes, np.divmod(picked, width), strict=True)
        )
        y, x = np.broadcast_arrays(rows[..., :, None], columns[..., None, :])  # (samples, count, height, width)
        inside = (y >= 0) & (y < sizes[0]) & (x >= 0) & (x < sizes[1])
        index = np.where(inside, (np.arange(samples)[:, None, None, None] * sizes[0] + y) * sizes[1] + x, 0)
        flat = tf.reshape(inputs, (-1, inputs.shape[-1]))
        found = tf.gather(flat, index.reshape(samples * count, -1))
        return found if inside.all() else found * inside.reshape(samples * count, -1, 1).astype(np.float32)

    def _axis(self, size: int, axis: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the start of each window along an axis, and the offsets inside a window."""
        kernel, stride, dilation = self.kernel[axis], _of(self.strides, axis), _of(self.dilation_rate, axis)
        reach = (kernel - 1) * dilation + 1
        same = self.padding == "same"
        outputs = -(-size // stride) if same else (size - reach) // stride + 1
        before = max((outputs - 1) * stride + reach - size, 0) // 2 if same else 0
        return np.arange(outputs) * stride - before, np.arange(kernel) * dilation


def _of(setting: int | tuple[int, int], axis: int) -> int:
    return setting if isinstance(setting, int) else setting[axis]


def random_rows(inputs: Tensor, count: int, generator: np.random.Generator) -> Tensor:
    """Return rows (S, channels) at up to `count` random positions of every sample of (samples, ..., channels)."""
    import tensorflow as tf

    flat = tf.reshape(inputs, (inputs.shape[0], -1, inputs.shape[-1]))
    samples, positions, channels = flat.shape
    if positions <= count:
        return tf.reshape(flat, (-1, channels))
    picked = np.sort([generator.choice(positions, count, replace=False) for _ in range(samples)], axis=1)
    return tf.reshape(tf.gather(flat, picked, batch_dims=1), (-1, channels))
