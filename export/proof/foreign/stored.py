"""The check of a file's constants against the model's, and the words for what is wrong with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from calibration.samples import Array
from export.formats.distance import largest_steps
from export.formats.opened import Role
from export.formats.pairing import LARGEST_PAIR, largest_pair
from export.proof.foreign.pairing import Pair
from export.proof.tolerances import COARSER_GRID, FLOAT_CONSTANTS, STORAGE

LEVELS = {"int4": 7, "uint4": 7, "int8": 127, "uint8": 127, "int16": 32767, "uint16": 32767}
# Channels whose largest weight is smaller than this share of the layer's are almost dead: their steps mean nothing.
SMALLEST = 1e-2


@dataclass(frozen=True, kw_only=True, eq=False)
class Difference:
    """How far one constant of the file lies from the model's.

    Attributes:
        pair: the constants.
        steps: the largest distance in steps of the finest grid; STORAGE is the most that rounding causes.
        coarseness: how many times coarser the file's grid is than the finest, in the worst channel; 1 for floats.
    """

    pair: Pair
    steps: float
    coarseness: float = 1.0

    @property
    def is_wrong(self) -> bool:
        """Whether rounding does not explain the distance."""
        return not self.steps <= STORAGE.largest

    @property
    def name(self) -> str:
        """What the table calls it: "weights of conv1"."""
        return f"{self.pair.stored.role} of {self.pair.layer}"


def differences(pairs: Sequence[Pair]) -> tuple[Difference, ...]:
    """Return the distance of each of a file's constants from the model's."""
    return tuple(_difference(pair) for pair in pairs)


def _difference(pair: Pair) -> Difference:
    stored = pair.stored
    found, expected = stored.read(), pair.original.read()
    if stored.role is not Role.OTHER:
        expected = expected.reshape(found.shape)
    elif found.size == expected.size:
        found, expected = found.reshape(-1), expected.reshape(-1)
    if stored.scale is None and stored.kind in ("float32", "float64"):
        step = np.full(found.shape, FLOAT_CONSTANTS.largest * max(float(np.abs(expected).max(initial=0)), 1e-30))
        return Difference(pair=pair, steps=STORAGE.largest * largest_steps(found, expected, step))
    step = stored.steps().reshape(found.shape).copy()
    if stored.scale is None:
        return Difference(pair=pair, steps=largest_steps(found, expected, step))
    floor = SMALLEST * float(step.max(initial=0))
    has_own_grid = stored.role is Role.WEIGHTS or (stored.kind in LEVELS and not stored.shares_grid)
    if not has_own_grid or found.size != expected.size:
        return Difference(pair=pair, steps=largest_steps(found, expected, np.maximum(step, floor)))
    finest = _finest(pair, expected.reshape(stored.shape)).reshape(step.shape)
    floor = min(floor, SMALLEST * float(finest.max(initial=0)))  # a scale that is far too large raises no floor
    step, finest = np.maximum(step, floor), np.maximum(finest, floor)
    coarseness = float((step / finest).max(initial=1.0))
    return Difference(
        pair=pair, steps=largest_steps(found, expected, np.minimum(step, finest)), coarseness=max(coarseness, 1.0)
    )


def _finest(pair: Pair, expected: Array) -> Array:
    """Return the step of the finest grid that a quantizer could have chosen, for each weight.

    The grid has one scale for all channels if the file has only one, and avoids saturation where products are added in
    pairs; the tools of a format may leave bits unused on request.
    """
    stored = pair.stored
    rows = expected.reshape(len(expected) if expected.ndim else 1, -1)
    low, high = np.minimum(rows.min(axis=1, initial=0), 0), np.maximum(rows.max(axis=1, initial=0), 0)
    assert stored.scale is not None  # the caller asks for grids only
    if stored.scale.size == 1:
        low, high = np.full_like(low, low.min(initial=0)), np.full_like(high, high.max(initial=0))
    largest = np.maximum(high, -low) if stored.is_symmetric else (high - low) / 2
    step = np.maximum(largest, 1e-30) / LEVELS.get(stored.kind, 127)
    if stored.in_pairs:
        pairs = largest_pair(np.rint(rows / step[:, None]).T, expected.shape[1:])
        step = step * np.maximum(pairs / LARGEST_PAIR, 1.0)
    step = step * COARSER_GRID.largest * 2**stored.spare_bits
    return np.broadcast_to(step.reshape(-1, *[1] * (expected.ndim - 1)) if expected.ndim else step[0], expected.shape)
