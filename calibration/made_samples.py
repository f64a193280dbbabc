"""Samples made from real ones, which reach channels and ends of grids that few real ones reach.

Measured on seven trained networks: enlarged, negated and sharpened inputs, stripes and inputs of one colour reach most;
noise, mixed halves and bright spots add nothing to them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from calibration.enlarged import TIMES, enlarged
from calibration.samples import Array, Samples

CONTRAST = 4  # by which differences from the mean are multiplied
PERIODS = (2, 8)  # of stripes, in pixels or steps


def made(samples: Samples, count: int) -> Iterator[Samples]:
    """Yield about `count` made samples in several sets; inputs of integers stay those of real samples.

    Args:
        samples: real ones, at least one.
        count: how many samples are wanted in all.
    """
    share = max(1, count // 8)
    few, more = (samples.take(evenly(len(samples), size)) for size in (share, 2 * share))
    yield from (enlarged(more, 2), enlarged(more), _changed(more, _with_contrast), enlarged(few, -TIMES))
    yield enlarged(patterns(few, share), 2)


def patterns(samples: Samples, most: int) -> Samples:
    """Return up to `most` samples of stripes, and of one extreme value for each channel."""
    made_of = {name: _patterns(np.asarray(values), most) for name, values in samples.inputs.items()}
    count = max((len(one) for one in made_of.values()), default=0)
    inputs = {
        name: np.concatenate([made_of[name], _repeated(np.asarray(values), count)])[:count]
        for name, values in samples.inputs.items()
    }
    return replace(samples, inputs=inputs, photos=None, photo_input=None, labels=None, digests=())


def _patterns(values: Array, most: int) -> Array:
    """Return patterns between the smallest and largest number of each channel; none for integers."""
    if not np.issubdtype(values.dtype, np.floating) or values.ndim < 2:
        return values[:0]
    axes = tuple(range(values.ndim - 1))
    low, high = values.min(axis=axes), values.max(axis=axes)
    selected = [*_stripes(values.shape[1:]), *_channels(values.shape[-1], most)][:most]
    found = [np.where(np.broadcast_to(one, values.shape[1:]), high, low) for one in selected]
    return np.stack(found).astype(values.dtype) if found else values[:0]


def _stripes(shape: Sequence[int]) -> Iterator[Array]:
    for period in PERIODS:
        for axis in range(len(shape) - 1):
            selected = np.arange(shape[axis]) // (period // 2) % 2 == 1
            yield selected.reshape([-1 if place == axis else 1 for place in range(len(shape))])


def _channels(count: int, most: int) -> Iterator[Array]:
    """Yield all channels, none, and each by itself."""
    yield from (np.ones(count, bool), np.zeros(count, bool))
    yield from (np.arange(count) == channel for channel in range(min(count, most)))


def _repeated(values: Array, count: int) -> Array:
    return values[np.arange(count) % len(values)]


def _with_contrast(values: Array) -> Array:
    axes = tuple(range(1, values.ndim - 1))
    mean = values.mean(axis=axes, keepdims=True) if axes else values.mean(axis=0, keepdims=True)
    return np.asarray((values - mean) * CONTRAST + mean, values.dtype)


def _changed(samples: Samples, change: Callable[[Array], Array]) -> Samples:
    inputs = {
        name: change(np.asarray(values)) if np.issubdtype(values.dtype, np.floating) else values
        for name, values in samples.inputs.items()
    }
    return replace(samples, inputs=inputs, photos=None, photo_input=None, digests=())


def evenly(length: int, count: int) -> Array:
    """Return up to `count` different positions, evenly spaced."""
    return np.unique(np.linspace(0, length - 1, count).astype(np.int64))
