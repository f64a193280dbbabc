"""From PyTorch's layout of weights to that of Keras."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoo.pinned import Array

_BATCH_NORM = {
    "weight": "gamma",
    "bias": "beta",
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
}
_CONVOLUTION = {"weight": "kernel", "bias": "bias"}  # and dense layers


def to_keras(arrays: Mapping[str, Array], layer_name: Callable[[str], str]) -> dict[str, Array]:
    """Return the weights of a state dict as Keras layers take them.

    Kernels (out, in, height, width) become (height, width, in, out), depthwise ones (channels, 1, height, width)
    become (height, width, channels, 1), and dense ones (out, in) become (in, out).

    Args:
        arrays: by PyTorch's names, "features.0.1.running_mean".
        layer_name: from PyTorch's name of a layer, "features.0.1", to the name in the zoo.
    """
    weights: dict[str, Array] = {}
    for stored_name, array in arrays.items():
        stored_layer, _, kind = stored_name.rpartition(".")
        if kind == "num_batches_tracked":
            continue  # counts training steps
        names = _BATCH_NORM if f"{stored_layer}.running_mean" in arrays else _CONVOLUTION
        weights[f"{layer_name(stored_layer)}/{names[kind]}"] = _turned(array)
    return weights


def _turned(array: Array) -> Array:
    """Return a kernel with Keras's order of axes; vectors as they are."""
    if array.ndim == 4:
        return array.transpose(2, 3, 0, 1) if array.shape[1] == 1 else array.transpose(2, 3, 1, 0)
    return array.T
