"""Compare a converted model with its original on random inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from export.model.loading.keras2.errors import ConversionError

if TYPE_CHECKING:
    import keras

    from calibration.samples import Array

# Rounding of float32 through a deep network, relative to the largest output; measured 2e-7 to 3e-6 on MLPerf Tiny.
TOLERANCE = 1e-4
# Activations and their Keras 2 versions agree on small values and differ on large ones, or the other way round.
_SCALES = (0.1, 1.0, 10.0, 100.0)
_UNKNOWN_SIZE = 64
_SMALL_TABLE = 2


def check(original: Any, model: keras.Model, *, seed: int = 0) -> float:
    """Return the largest difference of the outputs on random inputs, relative to the largest output.

    Args:
        original: callable of a list of arrays (N, ...), or of one array, that returns outputs in the model's order.
        model: the converted model.
        seed: random seed.

    Raises:
        ConversionError: the outputs differ by more than rounding, or cannot be compared.
    """
    worst = 0.0
    random = np.random.default_rng(seed)
    for scale in _SCALES:
        inputs = [_values(random, tensor, scale, _smallest_table(model)) for tensor in model.inputs]
        batch = inputs[0] if len(inputs) == 1 else inputs
        expected, actual = (_flat(one(batch, training=False)) for one in (original, model))
        for reference, output in zip(expected, actual, strict=True):
            worst = max(worst, _difference(reference, output))
    if worst > TOLERANCE:
        raise ConversionError(f"its outputs differ in Keras 3 by {worst:.1e} of the largest output")
    return worst


def _difference(reference: Array, output: Array) -> float:
    known = np.isfinite(reference)
    if reference.shape != output.shape or not np.array_equal(known, np.isfinite(output)):
        raise ConversionError("its outputs have other shapes in Keras 3, or are not finite where they were")
    if not known.any():
        raise ConversionError("its outputs are not finite on random inputs, so they cannot be compared in Keras 3")
    return float(np.abs(reference - output)[known].max() / max(np.abs(reference[known]).max(), 1e-30))


def _values(random: np.random.Generator, tensor: Any, scale: float, table: int) -> Array:
    batch = tensor.shape[0] or 2
    shape = (batch, *(_UNKNOWN_SIZE if size is None else size for size in tensor.shape[1:]))
    dtype = np.dtype(tensor.dtype)
    if dtype.kind in "iu":
        return random.integers(0, table, shape).astype(dtype)
    if dtype.kind == "b":
        return random.random(shape) < 0.5
    return (random.normal(size=shape) * scale).astype(dtype)


def _smallest_table(model: keras.Model) -> int:
    """Return the rows of the smallest embedding table, below which every integer is valid."""
    import keras

    sizes = [layer.input_dim for layer in model._flatten_layers() if isinstance(layer, keras.layers.Embedding)]
    return min(sizes, default=_SMALL_TABLE)


def _flat(outputs: Any) -> list[Array]:
    import keras

    return [np.asarray(output, np.float64) for output in keras.tree.flatten(outputs)]
