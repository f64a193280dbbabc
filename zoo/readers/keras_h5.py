"""Arrays of a Keras 2 weights file: HDF5, one group per layer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray


def read(files: Sequence[Path]) -> dict[str, NDArray[Any]]:
    """Return the arrays by name, without TensorFlow's ":0": "conv1_conv/kernel".

    A whole Keras 2 model in one file keeps the same groups under "model_weights".

    Raises:
        ValueError: not an HDF5 file of Keras 2.
    """
    import h5py
    import numpy as np

    (path,) = files
    if not h5py.is_hdf5(path):
        raise ValueError(f"{path.name} is not an HDF5 file")
    with h5py.File(path) as file:
        root = file.get("model_weights", file)
        if "layer_names" not in root.attrs:
            raise ValueError(f"{path.name} is not a weights file of Keras 2")
        return {
            _text(name).removesuffix(":0"): np.asarray(group[name])
            for group in (root[layer] for layer in root.attrs["layer_names"])
            for name in group.attrs["weight_names"]
        }


def _text(name: str | bytes) -> str:
    """Return a name that h5py gives as text or as bytes, after the version that wrote it."""
    return name.decode() if isinstance(name, bytes) else name
