"""Work around tf2onnx dropping the bias of .tflite dense layers that flatten their input."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from export.formats.tflite import flatbuffer


def flatten_before_dense(model: flatbuffer.Model) -> None:
    """Put a RESHAPE before every FULLY_CONNECTED whose input has more than two dimensions.

    tf2onnx 1.17 does the same, but drops the third input of the layer (tfl_math.py, TflFullyConnectedOp), so that
    LeNet-5 agrees on only 19 % of its outputs. Remove this function when that is fixed.
    """
    for subgraph in model.subgraphs:
        operators = []
        for operator in subgraph.operators:
            if flatbuffer.op_name(model, operator) == "FULLY_CONNECTED" and not operator.builtinOptions.keepNumDims:
                source, weights = (subgraph.tensors[index] for index in operator.inputs[:2])
                if len(source.shape) > 2:
                    shape = [int(np.prod(source.shape)) // int(weights.shape[1]), int(weights.shape[1])]
                    operators.append(_reshape(model, subgraph, operator.inputs[0], shape))
                    operator.inputs = [operators[-1].outputs[0], *operator.inputs[1:]]
            operators.append(operator)
        subgraph.operators = operators


def _reshape(model: flatbuffer.Model, subgraph: Any, source: int, shape: list[int]) -> Any:
    """Return a RESHAPE of tensor `source`, with its new tensors added to the subgraph."""
    from ai_edge_litert import schema_py_generated as schema

    result = copy.copy(subgraph.tensors[source])
    result.shape, result.shapeSignature, result.buffer = np.array(shape, np.int32), None, 0
    result.name = f"t{len(subgraph.tensors)}".encode()
    target = schema.TensorT()
    target.type, target.shape = schema.TensorType.INT32, np.array([len(shape)], np.int32)
    target.name, target.buffer = f"t{len(subgraph.tensors) + 1}".encode(), len(model.buffers)
    content = schema.BufferT()
    content.data = np.array(shape, "<i4").view(np.uint8)
    model.buffers.append(content)
    subgraph.tensors += [result, target]
    operator = schema.OperatorT()
    operator.opcodeIndex = flatbuffer.operator_code(model, "RESHAPE")
    operator.inputs, operator.outputs = [source, len(subgraph.tensors) - 1], [len(subgraph.tensors) - 2]
    operator.builtinOptionsType = schema.BuiltinOptions.ReshapeOptions
    operator.builtinOptions = schema.ReshapeOptionsT()
    operator.builtinOptions.newShape = np.array(shape, np.int32)
    return operator
