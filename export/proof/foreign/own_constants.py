"""The constants of a Keras model's layers before any folding, in the layout of `export.formats.opened`.

Some converters keep a batch norm behind a layer as a product and a sum, or as an operator of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from calibration.samples import Array
from export.formats.opened import Role, StoredConstant

if TYPE_CHECKING:
    import keras

FIRST_POSITION = 1 << 30  # behind all operators of a file


def own_constants(model: keras.Model) -> Iterator[StoredConstant]:
    """Yield weights and biases of every layer, and the four vectors of a batch norm with its scale and offset.

    The slopes of a PReLU also with the other sign: converters that have no such operator write relu(x) - slope relu(-x)
    or relu(x) + (-slope) relu(-x).
    """
    import keras

    for position, layer in enumerate(model._flatten_layers(include_self=False), FIRST_POSITION):
        if list(layer._flatten_layers(include_self=False)):
            continue
        if isinstance(layer, keras.layers.BatchNormalization):
            yield from (_constant(layer, position, Role.OTHER, values) for values in _norm(layer))
            continue
        if isinstance(layer, keras.layers.PReLU):
            yield _constant(layer, position, Role.OTHER, -np.asarray(layer.alpha.numpy(), np.float64))
        for variable in layer.weights:
            values = np.asarray(variable.numpy(), np.float64)
            turned = _weights(layer, variable.name, values)
            if turned is not None:
                yield _constant(layer, position, Role.WEIGHTS, turned)
            else:
                yield _constant(layer, position, Role.BIAS if variable.name == "bias" else Role.OTHER, values)


def _constant(layer: Any, position: int, role: Role, values: Array) -> StoredConstant:
    return StoredConstant(
        key="",
        op="",
        place=layer.name,
        name=layer.name,
        position=position,
        role=role,
        shape=tuple(values.shape),
        read=lambda: values,
    )


def _norm(layer: Any) -> Iterator[Array]:
    """Yield scale and offset of a batch norm, then its own four vectors."""
    size = layer.moving_variance.shape[0]
    gamma = np.asarray(layer.gamma.numpy(), np.float64) if layer.scale else np.ones(size)
    beta = np.asarray(layer.beta.numpy(), np.float64) if layer.center else np.zeros(size)
    mean, variance = (np.asarray(one.numpy(), np.float64) for one in (layer.moving_mean, layer.moving_variance))
    scale = gamma / np.sqrt(variance + layer.epsilon)
    yield from (scale, beta - mean * scale, gamma, beta, mean, variance)


def _weights(layer: Any, name: str, values: Array) -> Array | None:
    """Return a kernel with the output channels first; None for other variables."""
    import keras

    kinds = keras.layers
    if name == "depthwise_kernel" or (name == "kernel" and isinstance(layer, kinds.DepthwiseConv2D)):
        return np.moveaxis(values.reshape(*values.shape[:-2], 1, -1), (-1, -2), (0, 1))
    if name == "pointwise_kernel":
        return np.moveaxis(values, (-1, -2), (0, 1))
    if name != "kernel":
        return None
    if isinstance(layer, kinds.Conv1DTranspose | kinds.Conv2DTranspose | kinds.Conv3DTranspose):
        return np.moveaxis(values, (-2, -1), (0, 1))
    if isinstance(layer, kinds.Conv1D | kinds.Conv2D | kinds.Conv3D):
        return np.moveaxis(values, (-1, -2), (0, 1))
    return values.T if values.ndim == 2 else None
