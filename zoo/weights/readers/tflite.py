"""Constant tensors of a .tflite file, read by its flatbuffer schema; nothing is executed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.weights.readers.damage import refused

if TYPE_CHECKING:
    from numpy.typing import NDArray


@refused
def read(files: Sequence[Path]) -> dict[str, NDArray[Any]]:
    """Return the float32 constants of the file by tensor name, shaped as stored.

    Schema: https://github.com/tensorflow/tensorflow/blob/master/tensorflow/compiler/mlir/lite/schema/schema.fbs

    Raises:
        ValueError: not a .tflite file.
    """
    import numpy as np
    from ai_edge_litert import schema_py_generated as schema

    (path,) = files
    content = path.read_bytes()
    if content[4:8] != b"TFL3":
        raise ValueError(f"{path.name} is not a .tflite file")
    model = schema.Model.GetRootAs(content, 0)
    graph = model.Subgraphs(0)
    tensors = {}
    for index in range(graph.TensorsLength()):
        tensor = graph.Tensors(index)
        buffer = model.Buffers(tensor.Buffer())
        if tensor.Type() == schema.TensorType.FLOAT32 and buffer.DataLength():
            values = np.frombuffer(buffer.DataAsNumpy().tobytes(), np.float32)
            tensors[tensor.Name().decode()] = values.reshape(tensor.ShapeAsNumpy())
    return tensors
