"""A small Transformer with random weights, and its logits in plain NumPy."""

from __future__ import annotations

from functools import cache

import keras
import numpy as np
from numpy.typing import NDArray

from tests.language.plain_transformer import Array
from tests.language.plain_transformer import transformer as plain
from zoo import transformer
from zoo.weights import random_weights

SIZES = {"width": 32, "depth": 2, "heads": 4, "hidden": 48, "vocabulary": 50, "length": 12, "target_length": 7}
REAL = 9  # tokens of the source; the others are padding
Numbers = NDArray[np.int32]


def built(**changes: int) -> keras.Model:
    """Return the network with random weights, with other sizes if `changes` has any."""
    model = transformer.network(**{**SIZES, **changes})
    random_weights.fill(model, None, seed=1)
    return model


@cache
def tokens() -> tuple[Numbers, Numbers, Numbers]:
    """Return two sources, their masks, and two targets."""
    generator = np.random.default_rng(0)
    source, target = (generator.integers(1, 50, (2, SIZES[name])) for name in ("length", "target_length"))
    mask = np.tile(np.arange(12) < REAL, (2, 1))
    return np.where(mask, source, 0).astype(np.int32), mask.astype(np.int32), target.astype(np.int32)


def expected(model: keras.Model) -> Array:
    """Return the logits (2, 7, vocabulary) of `tokens`, from NumPy in float64, which reads no padding."""
    source, _, target = tokens()
    weights = {weight.path: weight.numpy() for weight in model.weights}
    return np.stack(
        [plain(weights, one[:REAL], other, heads=4, depth=2) for one, other in zip(source, target, strict=True)]
    )
