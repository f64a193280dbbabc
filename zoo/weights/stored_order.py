"""Weights files of keras.applications in which the order identifies an array, not its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoo.pinned import Array


def in_order(arrays: Mapping[str, Array], paths: Sequence[str]) -> dict[str, Array]:
    """Return the arrays of a Keras 2 file by `paths` of weights: by name where the names match, otherwise by order.

    Old files name a kernel "block1_conv1_W_1", and layers without a name of their own are numbered: "conv2d_17" is
    the 17th one. keras.applications itself loads its files by the order of the layers.

    Raises:
        ValueError: the names do not match, and the number of arrays differs.
    """
    named = {name.replace("predictions/", "logits/"): array for name, array in arrays.items()}
    if named.keys() <= set(paths):
        return named
    if len(arrays) != len(paths):
        raise ValueError(f"the file has {len(arrays)} arrays, the model has {len(paths)}")
    return dict(zip(paths, arrays.values(), strict=True))
