"""Constants of an .onnx file; nothing is executed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.weights.readers.damage import refused

if TYPE_CHECKING:
    from numpy.typing import NDArray


@refused
def read(files: Sequence[Path]) -> dict[str, NDArray[Any]]:
    """Return the float32 initializers by name, shaped as stored.

    Raises:
        ValueError: not an .onnx file, or one whose tensors are stored in another file.
    """
    import onnx
    from google.protobuf.message import DecodeError
    from onnx import numpy_helper

    (path,) = files
    try:
        model = onnx.load_model_from_string(path.read_bytes())
    except DecodeError:
        raise ValueError(f"{path.name} is not an .onnx file") from None
    floats = [tensor for tensor in model.graph.initializer if tensor.data_type == onnx.TensorProto.FLOAT]
    if any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in floats):
        raise ValueError(f"the tensors of {path.name} are stored in another file")
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in floats}
