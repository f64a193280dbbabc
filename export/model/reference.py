"""What the Keras model itself says: the reference of every proof."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from calibration.samples import Array, Samples
from export.model import signature
from zoo.errors import CheckFailedError

if TYPE_CHECKING:
    import keras

BATCH_BYTES = 16 * 224 * 224 * 3 * 4  # of inputs: decides the memory, with the network's activations
MOST_AT_ONCE = 16


def outputs(model: keras.Model, samples: Samples) -> dict[str, Array]:
    """Return the model's outputs (N, ...) on `samples`, by output name.

    Not `model.predict`: it may compile with XLA, which takes longer than the run itself.

    Raises:
        CheckFailedError: the model itself gives NaN or infinity, so that nothing can be compared with it.
    """
    _refuse_weights(model)
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
        refuse(name, values)
    return found


def refuse(name: str, values: Array) -> None:
    """Refuse a model whose output `name` has such values.

    Raises:
        CheckFailedError: one of them is NaN or infinite.
    """
    if not np.isfinite(values).all():
        raise CheckFailedError(
            f"the Keras model itself gives NaN or infinity in {name!r}; train or repair it before exporting"
        )


def _refuse_weights(model: keras.Model) -> None:
    """Refuse weights that are no numbers: a compiled ReLU makes zeros of NaN, but not one that is just called."""
    for variable in model.variables:
        if variable.dtype.startswith(("float", "bfloat")) and np.isnan(variable.numpy()).any():
            raise CheckFailedError(
                f"the Keras model itself gives NaN or infinity: its weight {variable.path!r} holds NaN; "
                "train or repair it before exporting"
            )
