"""From a file of Darknet, numbers without names, to weights by our names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from zoo.weights.readers import darknet

if TYPE_CHECKING:
    import keras

    from zoo.pinned import Array


def from_darknet(arrays: Mapping[str, Array], model: keras.Model, order: tuple[str, ...]) -> dict[str, Array]:
    """Return the weights of a .weights file by our names.

    Args:
        arrays: what the reader gave.
        model: of the same size, for the shapes.
        order: our names of the convolutions as the .cfg lists them.

    Raises:
        ValueError: the file holds more or fewer numbers than the network.
    """
    kernels = {name: tuple(model.get_layer(name).kernel.shape) for name in order}
    biased = {name for name in order if model.get_layer(name).use_bias}
    weights: dict[str, Array] = {}
    for name, parts in darknet.convolutions(arrays, kernels, biased).items():
        for kind, array in parts.items():
            layer = name if kind in ("kernel", "bias") else f"{name}_bn"
            weights[f"{layer}/{kind}"] = array
    return weights
