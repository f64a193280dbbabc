"""Give a model its weights, each by its path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

    from zoo.pinned import Array


def assign(model: keras.Model, arrays: Mapping[str, Array]) -> None:
    """Set every weight of `model` from `arrays`, by the weight's path ("conv1/kernel").

    Raises:
        ValueError: a weight is missing, left over, or of another shape; the model is then unchanged.
    """
    wanted = {weight.path: weight for weight in model.weights}
    if unmatched := sorted(wanted.keys() ^ arrays.keys()):
        raise ValueError(f"{len(unmatched)} weights are missing or left over, first {unmatched[0]}")
    for path, weight in wanted.items():
        if tuple(weight.shape) != arrays[path].shape:
            raise ValueError(f"{path} has shape {arrays[path].shape}, the model wants {tuple(weight.shape)}")
    for path, weight in wanted.items():
        weight.assign(arrays[path])
