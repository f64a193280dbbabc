"""Sums of the quantization error of one activation over samples, without storing activations."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.samples import Array
from export.formats.dissection import Activation, Point
from export.metrics import EQUAL_SQNR_DB
from export.model.tensor_spec import TensorSpec
from export.runtime.jobs.layer_error import LayerError

BULK = 0.999  # Share of the values that is not considered peaks.
CODES = 256  # Histograms of wider grids have as many bins.


class ErrorSums:
    """Power of the signal and of the errors of one point, in float64."""

    def __init__(self, point: Point) -> None:
        self._point = point
        self._grid = point.stored
        self._signal = self._cumulative = self._local = self._weights = self._clipping = 0.0
        self._clipped = self._count = 0
        self._codes = np.zeros(CODES, np.int64)
        self._channels: dict[str, NDArray[np.float64]] = {}

    def update(self, activation: Activation) -> None:
        """Add one sample."""
        reference = _rows(activation.reference)
        computed, found = (_rows(values, reference.shape) for values in (activation.computed, activation.found))
        rounded, is_clipped = on_grid(computed, self._grid)
        self._count_codes(rounded)
        local = np.square(rounded - reference)
        self._signal += _sum(np.square(reference))
        self._cumulative += _sum(np.square(found - reference))
        self._weights += _sum(np.square(computed - reference))
        self._local += _sum(local)
        if is_clipped.any():
            self._clipping += _sum(np.square(rounded - computed)[is_clipped])
            self._clipped += int(is_clipped.sum())
        self._count += reference.size
        self._add("error", local.sum(axis=0, dtype=np.float64))
        self._add("signal", np.square(reference).sum(axis=0, dtype=np.float64))
        largest = np.abs(reference).max(axis=0).astype(np.float64)
        self._channels["largest"] = np.maximum(self._channels.get("largest", largest), largest)

    def result(self) -> LayerError:
        """Return the errors computed from the sums."""
        point = self._point
        channel, share = self._worst_channel()
        return LayerError(
            tensor=point.tensor,
            op=point.op,
            sources=point.sources,
            dtype=self._grid.dtype,
            passes_on=point.passes_on,
            cumulative_sqnr_db=sqnr_db(self._signal, self._cumulative),
            local_sqnr_db=None if point.passes_on else sqnr_db(self._signal, self._local),
            weights_sqnr_db=sqnr_db(self._signal, self._weights) if self._weights else None,
            weights_share=_share(self._weights, self._local),
            clipping_share=_share(self._clipping, self._local),
            clipped=self._clipped / max(self._count, 1),
            used=self._used(),
            channels=len(self._channels["error"]),
            worst_channel=channel,
            worst_channel_share=share,
            worst_channel_sqnr_db=sqnr_db(
                float(self._channels["signal"][channel]), float(self._channels["error"][channel])
            ),
            channel_spread=self._spread(),
        )

    def _count_codes(self, rounded: Array) -> None:
        grid = self._grid
        if grid.scale is None or grid.zero_point is None:
            return
        limits = np.iinfo(grid.dtype)
        steps = np.rint(rounded * np.float32(1 / grid.scale)).astype(np.int64) + (grid.zero_point - int(limits.min))
        self._codes += np.bincount(
            (steps * CODES // (int(limits.max) - int(limits.min) + 1)).reshape(-1), minlength=CODES
        )

    def _add(self, what: str, values: NDArray[np.float64]) -> None:
        self._channels[what] = self._channels[what] + values if what in self._channels else values

    def _used(self) -> float | None:
        """Return the share of the grid's codes between which the bulk of the values lies."""
        if not self._codes.any():
            return None
        below = np.cumsum(self._codes) / self._codes.sum()
        low, high = np.searchsorted(below, [(1 - BULK) / 2, (1 + BULK) / 2])
        return float((high - low + 1) / CODES)

    def _worst_channel(self) -> tuple[int, float]:
        error = self._channels["error"]
        worst = int(error.argmax())
        return worst, _share(float(error[worst]), float(error.sum()))

    def _spread(self) -> float:
        """Return the range of the widest channel divided by the median range of all channels that are not zero."""
        largest = self._channels["largest"]
        alive = largest[largest > 0]
        return float(alive.max() / np.median(alive)) if alive.size else 1.0


def on_grid(computed: Array, grid: TensorSpec) -> tuple[Array, Array]:
    """Return real values rounded to a grid, and a mask of the clipped values; unchanged without a grid."""
    if grid.scale is None or grid.zero_point is None:
        return computed, np.zeros(computed.shape, bool)
    limits = np.iinfo(grid.dtype)
    steps = np.rint(computed * np.float32(1 / grid.scale)) + np.float32(grid.zero_point)
    is_clipped = (steps < limits.min) | (steps > limits.max)
    np.clip(steps, limits.min, limits.max, out=steps)
    return (steps - np.float32(grid.zero_point)) * np.float32(grid.scale), is_clipped


def sqnr_db(signal: float, noise: float) -> float:
    """Return 10 log10(signal / noise), limited to +-EQUAL_SQNR_DB; the lower limit if a power is not finite."""
    if not math.isfinite(noise) or not math.isfinite(signal):
        return -EQUAL_SQNR_DB
    if noise == 0:
        return EQUAL_SQNR_DB
    return max(-EQUAL_SQNR_DB, min(EQUAL_SQNR_DB, 10 * math.log10(signal / noise))) if signal > 0 else -EQUAL_SQNR_DB


def _rows(values: Any, shape: tuple[int, ...] | None = None) -> Array:
    """Return an activation as (elements, channels)."""
    array: Array = np.asarray(values, np.float32)
    return array.reshape(shape if shape is not None else (-1, array.shape[-1] if array.ndim > 1 else array.size))


def _sum(values: Array) -> float:
    return float(values.sum(dtype=np.float64))


def _share(part: float, whole: float) -> float:
    return min(part / whole, 1.0) if whole > 0 and math.isfinite(part) else 0.0
