"""Weights that need not be stored: a state dict of PyTorch from its names and shapes alone."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

import numpy as np


def seeded_state(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """Return float32 arrays of these shapes; each depends on its name only, whatever the version of NumPy."""
    return {name: _seeded(name, shape) for name, shape in shapes.items()}


def seeded_photos(side: int) -> np.ndarray:
    """Return two photos (2, side, side, 3) of 8 x 8 tiles, uint8."""
    tiles = np.random.RandomState(1).randint(0, 256, (2, 8, 8, 3)).astype(np.uint8)
    return tiles.repeat(-(-side // 8), 1).repeat(-(-side // 8), 2)[:, :side, :side]


def _seeded(name: str, shape: tuple[int, ...]) -> np.ndarray:
    numbers = np.random.RandomState(zlib.crc32(name.encode())).random_sample(shape)
    if len(shape) > 1:  # a kernel (out, in, ...) that keeps the variance behind a ReLU
        return ((2 * numbers - 1) * np.sqrt(6 / np.prod(shape[1:]))).astype(np.float32)
    positive = "running_var" in name or (".bn." in name and name.endswith("weight"))
    return (numbers + 0.5 if positive else numbers - 0.5).astype(np.float32)
