"""Files of weights to arrays by name: one module per format, limited to what the sources of the zoo need."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.weights.readers import (
    darknet,
    keras_h5,
    llama2_c,
    npz,
    onnx,
    safetensors,
    tf_checkpoint,
    tfjs,
    tflite,
    torch_state,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

READERS = {
    "darknet": darknet.read,
    "keras_h5": keras_h5.read,
    "llama2_c": llama2_c.read,
    "npz": npz.read,
    "onnx": onnx.read,
    "safetensors": safetensors.read,
    "tf_checkpoint": tf_checkpoint.read,
    "tfjs": tfjs.read,
    "tflite": tflite.read,
    "torch_state": torch_state.read,
}


def read(reader: str, files: Sequence[Path]) -> dict[str, NDArray[Any]]:
    """Return the arrays in `files` by their stored names.

    Raises:
        ValueError: the files are not of that format.
    """
    return READERS[reader](files)
