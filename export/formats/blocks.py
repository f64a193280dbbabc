"""Grids of 4 bits: blocks of 32 neighbouring inputs of an output, each with a scale of its own.

A .tflite stores a scale as float16, and its runtime keeps the 8 significant bits of a bfloat16; a scale that both can
hold is the same number in every format. A matrix whose weights lie on such a grid has no other grid with as few levels,
so that every format finds the same integers in it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BLOCK = 32
SMALLEST, LARGEST = -8, 7

SIGNIFICANT_BITS = 8  # of a scale: those of bfloat16
FINEST = 2.0**-24  # smallest difference of scales: that of float16
OF_ZEROS = 2.0**-14  # scale of a block of zeros
_LOST_BITS = np.uint32((1 << 16) - 1)  # of a float32, which bfloat16 does not have


@dataclass(frozen=True, kw_only=True, eq=False)
class Blocks:
    """A matrix on a grid of 4 bits.

    Attributes:
        integers: (rows, width), int8, one row for each output.
        scales: (rows, width / 32), float32.
    """

    integers: NDArray[np.int8]
    scales: NDArray[np.float32]

    @property
    def values(self) -> NDArray[np.float32]:
        """The real numbers, (rows, width)."""
        return dequantized(self.integers, self.scales)


def dequantized(integers: NDArray[np.int8], scales: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return integers (rows, width) times the scales (rows, blocks); exact in float32."""
    rows, width = integers.shape
    apart = integers.reshape(rows, scales.shape[1], -1).astype(np.float32)
    apart *= scales[:, :, None]
    return apart.reshape(rows, width)


def fits(shape: tuple[int, ...]) -> bool:
    """Return whether a matrix (rows, width) can be divided into blocks."""
    return len(shape) == 2 and shape[1] > 0 and shape[1] % BLOCK == 0


def storable(scales: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return the smallest scales that all formats can store and that are at least `scales`."""
    exact = np.maximum(scales.astype(np.float64), FINEST)
    quantum = np.maximum(np.exp2(np.floor(np.log2(exact)) - (SIGNIFICANT_BITS - 1)), FINEST)
    found: NDArray[np.float32] = (np.ceil(exact / quantum) * quantum).astype(np.float32)
    return found


def nearest(matrix: NDArray[np.floating]) -> Blocks:
    """Return a matrix (rows, width) rounded to nearest; the largest weight of a block is at most 7 steps."""
    rows, width = matrix.shape
    apart = matrix.reshape(rows, width // BLOCK, BLOCK)
    largest = np.abs(apart).max(axis=2)
    scales = np.where(largest > 0, storable(largest / LARGEST), np.float32(OF_ZEROS))
    integers = np.clip(np.rint(apart / scales[:, :, None]), SMALLEST, LARGEST).astype(np.int8)
    return Blocks(integers=integers.reshape(rows, width), scales=scales)


def on_grid(matrix: NDArray[np.floating]) -> Blocks | None:
    """Return the grid of a matrix (rows, width) whose weights all lie on one exactly; None for all others."""
    if not fits(matrix.shape):
        return None
    rows, width = matrix.shape
    apart = np.asarray(matrix, np.float32).reshape(-1, BLOCK)
    if _grid(apart[: width // BLOCK]) is None:  # the first row rules out most matrices
        return None
    found = _grid(apart)
    if found is None:
        return None
    integers, scales = found
    return Blocks(integers=integers.reshape(rows, width), scales=scales.reshape(rows, -1))


def _grid(apart: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]] | None:
    """Return integers and scales of blocks (blocks, 32), with the smallest scales that fit; None if none do."""
    largest = np.abs(apart).max(axis=1)
    scales = np.full(len(apart), np.float32(OF_ZEROS))
    todo = np.flatnonzero(largest)
    for most in range(-SMALLEST, 0, -1):
        scale = largest[todo] / np.float32(most)
        likely = np.flatnonzero(_is_storable(scale))
        some = todo[likely]
        steps = apart[some] / scale[likely, None]
        fitting = (steps == np.rint(steps)).all(axis=1) & (steps.max(axis=1, initial=0) <= LARGEST)
        scales[some[fitting]] = scale[likely[fitting]]
        todo = np.setdiff1d(todo, some[fitting], assume_unique=True)
    return None if len(todo) else (np.rint(apart / scales[:, None]).astype(np.int8), scales)


def _is_storable(scales: NDArray[np.float32]) -> NDArray[np.bool_]:
    has_few_bits = (scales.view(np.uint32) & _LOST_BITS) == 0
    steps = scales.astype(np.float64) / FINEST
    found: NDArray[np.bool_] = has_few_bits & (steps == np.rint(steps)) & (scales < np.finfo(np.float16).max)
    return found


def packed(integers: NDArray[np.int8], offset: int = 0) -> NDArray[np.uint8]:
    """Return integers (rows, width) plus `offset` as bytes (rows, width / 2), the first of a pair in the low bits."""
    bits = ((integers.astype(np.int16) + offset) & 15).astype(np.uint8)
    return (bits[:, ::2] | (bits[:, 1::2] << 4)).astype(np.uint8)


def unpacked(stored: NDArray[np.uint8], shape: tuple[int, ...]) -> NDArray[np.int8]:
    """Return the signed integers of `shape` that bytes hold, the first of each pair in the low bits."""
    pairs = np.stack([stored & 15, stored >> 4], axis=-1).reshape(shape).astype(np.int8)
    return np.where(pairs > LARGEST, pairs - 16, pairs).astype(np.int8)
