"""Arrays of a Keras 2 weights file: HDF5, one group per layer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.weights.readers.damage import refused

if TYPE_CHECKING:
    from numpy.typing import NDArray


@refused
def read(files: Sequence[Path]) -> dict[str, NDArray[Any]]:
    """Return the arrays by their names in Keras 3: "conv1_conv/kernel".

    A whole Keras 2 model in one file keeps the same groups under "model_weights".

    Raises:
        ValueError: not an HDF5 file of Keras 2.
    """
    import h5py
    import numpy as np

    (path,) = files
    if not is_keras_2(path):
        raise ValueError(f"{path.name} is not a weights file of Keras 2")
    with h5py.File(path) as file:
        root = file.get("model_weights", file)
        return {
            _plain(name): np.asarray(group[name])
            for group in (root[layer] for layer in root.attrs["layer_names"])
            for name in group.attrs["weight_names"]
        }


def is_keras_2(path: Path) -> bool:
    """Whether the file is HDF5 as Keras 2 wrote it; Keras 3 keeps no list of layers."""
    import h5py

    if not h5py.is_hdf5(path):
        return False
    with h5py.File(path) as file:
        return "layer_names" in file.get("model_weights", file).attrs


def _plain(name: str | bytes) -> str:
    """Return the name in Keras 3; h5py returns text or bytes, depending on the version that wrote the file."""
    text = name.decode() if isinstance(name, bytes) else name
    return text.removesuffix(":0").replace("/depthwise_kernel", "/kernel")
