"""Faults in a .tflite."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.formats.tflite import flatbuffer

Array = NDArray[Any]

# Operator -> the axes of its stored weights that are (height, width, input, output) channels.
_KERNELS = {"CONV_2D": (1, 2, 3, 0), "DEPTHWISE_CONV_2D": (1, 2, 0, 3), "FULLY_CONNECTED": (1, 0)}


class TfliteFile:
    """A parsed .tflite whose layers are numbered in the order of the file."""

    def __init__(self, content: bytes) -> None:
        self._model = flatbuffer.read(content)
        self._tensors = self._model.subgraphs[0].tensors
        self._operators = [
            (flatbuffer.op_name(self._model, operator), operator)
            for operator in self._model.subgraphs[0].operators
            if flatbuffer.op_name(self._model, operator) in _KERNELS
        ]

    def __len__(self) -> int:
        return len(self._operators)

    def kernel(self, layer: int) -> Array:
        """Return the stored weights of a layer (height, width, in, out), or (in, out), without their zero point."""
        name, operator = self._operators[layer]
        return flatbuffer.constant(self._model, self._constant(operator.inputs[1])).transpose(_KERNELS[name]).copy()

    def set_kernel(self, layer: int, kernel: Array) -> None:
        name, operator = self._operators[layer]
        stored = np.ascontiguousarray(kernel.transpose(np.argsort(_KERNELS[name])))
        self._set(self._constant(operator.inputs[1]), stored)

    def drop_bias(self, layer: int) -> None:
        tensor = self._constant(self._operators[layer][1].inputs[2])
        self._set(tensor, np.zeros_like(flatbuffer.constant(self._model, tensor)))

    def plant_nan(self, layer: int) -> None:
        """Put a NaN into a weight, or where weights are integers into the scale that turns them into numbers."""
        tensor = self._constant(self._operators[layer][1].inputs[1])
        values = flatbuffer.constant(self._model, tensor).copy()
        if np.issubdtype(values.dtype, np.floating):
            values.flat[values.size // 2] = np.nan
            self._set(tensor, values)
        else:
            tensor.quantization.scale = np.array(tensor.quantization.scale, np.float32)
            tensor.quantization.scale[-1] = np.nan

    def requantize_input(self, scale: float, shift: int) -> None:
        """Declare another scale (by a factor) and zero point (by steps) for the input, in all places consistently."""
        inside = {self._model.subgraphs[0].inputs[0]}
        for operator in self._model.subgraphs[0].operators:
            if flatbuffer.op_name(self._model, operator) == "QUANTIZE" and operator.inputs[0] in inside:
                inside.add(operator.outputs[0])
        for index in inside:
            self._requantize(self._tensors[index], scale, shift)

    def cap_relus(self) -> None:
        """Put relu6 in place of every fused relu."""
        for _, operator in self._operators:
            if operator.builtinOptions.fusedActivationFunction == 1:
                operator.builtinOptions.fusedActivationFunction = 3

    def swap_outputs(self) -> None:
        one, two = self._model.signatureDefs[0].outputs
        one.tensorIndex, two.tensorIndex = two.tensorIndex, one.tensorIndex

    def reorder_outputs(self) -> None:
        self._model.subgraphs[0].outputs = list(reversed(self._model.subgraphs[0].outputs))

    def content(self) -> bytes:
        return flatbuffer.write(self._model)

    def _constant(self, index: int) -> Any:
        """Return the stored tensor, which may stand behind a DEQUANTIZE."""
        for operator in self._model.subgraphs[0].operators:
            if index in operator.outputs:
                return self._tensors[operator.inputs[0]]
        return self._tensors[index]

    def _set(self, tensor: Any, values: Array) -> None:
        self._model.buffers[tensor.buffer].data = values.reshape(-1).view(np.uint8)

    def _requantize(self, tensor: Any, scale: float, shift: int) -> None:
        if tensor.quantization is not None and tensor.quantization.scale is not None:
            tensor.quantization.scale = [np.float32(float(value) * scale) for value in tensor.quantization.scale]
            tensor.quantization.zeroPoint = [int(value) + shift for value in tensor.quantization.zeroPoint]
