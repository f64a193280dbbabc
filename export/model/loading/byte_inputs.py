"""Let a model of images of bytes take the same numbers as float32, which is what its files' conventions are about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from export.errors import PassRefusedError
from export.model import graph, signature

if TYPE_CHECKING:
    import keras

_PICTURES = 2
_SIZE = 32  # of random pictures where the model leaves it open


def with_float_pictures(model: keras.Model) -> tuple[keras.Model, tuple[str, ...]]:
    """Return the model with float32 in place of uint8 pictures, and their names; unchanged if that changes outputs.

    Args:
        model: functional model.
    """
    names = [
        name
        for name, tensor in zip(signature.names(model)[0], model.inputs, strict=True)
        if str(tensor.dtype) == "uint8" and len(tensor.shape) == 4
    ]
    if not names:
        return model, ()

    def new_input(tensor: Any) -> Any:
        import keras

        own = tensor._keras_history.operation.name
        return keras.Input(batch_shape=tensor.shape, dtype="float32" if own in names else tensor.dtype, name=own)

    try:
        new, _ = graph.copy(model, lambda _: None, new_input)
    except PassRefusedError:
        return model, ()
    if not _same(model, new):
        return model, ()
    return new, tuple(names)


def note(name: str) -> str:
    """Return the sentence about an input that was uint8."""
    return f"the input {name!r} is uint8 in Keras, and float32 with the same numbers in the files"


def _same(model: keras.Model, new: keras.Model) -> bool:
    """Return whether the models have the same outputs on random pictures: arithmetic on bytes would overflow."""
    import keras

    random = np.random.default_rng(0)
    inputs = [
        random.integers(0, 256, (tensor.shape[0] or _PICTURES, *(size or _SIZE for size in tensor.shape[1:])))
        for tensor in model.inputs
    ]
    found = []
    for one in (model, new):
        batch = [values.astype(tensor.dtype) for values, tensor in zip(inputs, one.inputs, strict=True)]
        outputs = keras.tree.flatten(one(batch[0] if len(batch) == 1 else batch, training=False))
        found.append([np.asarray(output, np.float64) for output in outputs])
    return all(np.allclose(old, other, rtol=1e-5, atol=1e-6) for old, other in zip(*found, strict=True))
