"""Outputs of the Keras model, the reference of every proof."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from calibration.samples import Array, Samples
from export.model import signature
from zoo.errors import CheckFailedError

if TYPE_CHECKING:
    import keras

BATCH_BYTES = 16 * 224 * 224 * 3 * 4  # bytes of inputs in a batch, which bounds the memory for activations
MOST_AT_ONCE = 16  # samples


def outputs(model: keras.Model, samples: Samples) -> dict[str, Array]:
    """Return the model's outputs (N, ...) on `samples`, by output name.

    `model.predict` is avoided because it may compile with XLA, which takes longer than the run itself.

    Raises:
        CheckFailedError: an output of the Keras model contains NaN or infinity, so it cannot serve as a reference.
    """
    _check_weights(model)
    import keras
    import tensorflow as tf

    def forward(*inputs: Any) -> list[Any]:
        found = model(inputs[0] if len(inputs) == 1 else list(inputs), training=False)
        flat: list[Any] = keras.tree.flatten(found)
        return flat

    compiled = tf.function(forward, reduce_retracing=True)
    order = [spec.name for spec in signature.inputs(model)]
    rows: list[list[Array]] = []
    sample_bytes = sum(samples.inputs[name][0].nbytes for name in order)
    size = min(MOST_AT_ONCE, max(1, BATCH_BYTES // sample_bytes))
    for start in range(0, len(samples), size):
        batch = [tf.constant(samples.inputs[name][start : start + size]) for name in order]
        rows.append([output.numpy() for output in compiled(*batch)])
    names = [spec.name for spec in signature.outputs(model)]
    found = {name: np.concatenate(parts) for name, parts in zip(names, zip(*rows, strict=True), strict=True)}
    for name, values in found.items():
        check_finite(name, values)
    return found


def check_finite(name: str, values: Array) -> None:
    """Check that the values of the output `name` are finite.

    Raises:
        CheckFailedError: a value is NaN or infinite.
    """
    if not np.isfinite(values).all():
        raise CheckFailedError(
            f"the Keras model's output {name!r} contains NaN or infinity; retrain or repair it before exporting"
        )


def _check_weights(model: keras.Model) -> None:
    """Check that no weight is NaN; compiled and eager ReLU differ for NaN, so outputs alone do not reveal it.

    Raises:
        CheckFailedError: a weight contains NaN.
    """
    for variable in model.variables:
        if variable.dtype.startswith(("float", "bfloat")) and np.isnan(variable.numpy()).any():
            raise CheckFailedError(
                f"the Keras model's weight {variable.path!r} contains NaN; retrain or repair it before exporting"
            )
