"""Range of each channel of a tensor over all samples, from one run of the float network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from calibration.samples import Samples
from export.passes.fitting.streaming import Traversal

if TYPE_CHECKING:
    import keras

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class ChannelRange:
    """Smallest value, largest value and mean of each channel, (channels,) each."""

    low: Floats
    high: Floats
    mean: Floats

    def merged(self, other: ChannelRange) -> ChannelRange:
        """Return the range over the values of both, which must be equally many."""
        return ChannelRange(
            low=np.minimum(self.low, other.low),
            high=np.maximum(self.high, other.high),
            mean=(self.mean + other.mean) / 2,
        )

    def extent(self, offset: Floats | None) -> Floats:
        """Return the largest magnitude of each channel after subtracting `offset`."""
        away: Any = 0.0 if offset is None else offset
        found: Floats = np.maximum(self.high - away, away - self.low)
        return found


def channel_ranges(model: keras.Model, samples: Samples, tensors: Sequence[Any]) -> Mapping[int, ChannelRange]:
    """Return the channel ranges of `tensors`, Keras tensors of `model`, by tensor id."""
    found: dict[int, ChannelRange] = {}
    wanted = {id(tensor) for tensor in tensors}

    def look(tensor: Any, chunks: Sequence[Any]) -> None:
        if id(tensor) in wanted:
            found[id(tensor)] = _range(chunks)

    for _ in Traversal(model, samples).run({}, look):
        pass
    return found


def _range(chunks: Sequence[Any]) -> ChannelRange:
    import tensorflow as tf

    low, high, total, count = [], [], [], 0
    for chunk in chunks:
        axes = list(range(len(chunk.shape) - 1))
        low.append(tf.reduce_min(chunk, axis=axes).numpy())
        high.append(tf.reduce_max(chunk, axis=axes).numpy())
        total.append(tf.reduce_sum(chunk, axis=axes).numpy())
        count += int(np.prod(chunk.shape[:-1]))
    return ChannelRange(
        low=np.min(low, axis=0).astype(np.float64),
        high=np.max(high, axis=0).astype(np.float64),
        mean=np.asarray(np.sum(total, axis=0, dtype=np.float64) / count),
    )
