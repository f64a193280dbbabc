"""Give inputs, outputs and unread results of an integer .tflite the types that they need."""

from __future__ import annotations

import copy
from typing import Any

from export.formats.tflite import flatbuffer
from export.recipe import Io


def retype(model: flatbuffer.Model, io: Io) -> None:
    """Give a parsed file's quantized inputs and outputs the type `io`; others, such as token ids, stay unchanged.

    uint8 is int8 shifted by 128, with the same scale and without loss.
    """
    if io is not Io.INT8:
        _Retyping(model, io).run()


def type_unread_results(model: flatbuffer.Model) -> None:
    """Give the unread results of a parsed file's operators the type and grid of the results that are read.

    ai-edge-quantizer types only what an operator reads, but LiteRT needs equal types in all results of a SPLIT: the
    first step of an unrolled LSTM reads three of its four gates.
    """
    for subgraph in model.subgraphs:
        read = {*subgraph.outputs, *(index for operator in subgraph.operators for index in operator.inputs)}
        for operator in subgraph.operators:
            known = next((subgraph.tensors[index] for index in operator.outputs if index in read), None)
            for index in operator.outputs:
                if known is not None and index not in read:
                    tensor = subgraph.tensors[index]
                    tensor.type, tensor.quantization = known.type, copy.deepcopy(known.quantization)


def keep_indices(model: flatbuffer.Model) -> None:
    """Let inputs that are only cast to integers, such as float ids of an Embedding, stay float32.

    A grid of 255 steps holds few ids exactly, and a cast takes 2.999 for 2.
    """
    graph = model.subgraphs[0]
    for index in map(int, graph.inputs):
        behind = _readers(graph, index)
        casts = [reader for one in behind for reader in _readers(graph, int(one.outputs[0]))]
        names = {flatbuffer.op_name(model, one) for one in behind}, {flatbuffer.op_name(model, one) for one in casts}
        if names != ({"DEQUANTIZE"}, {"CAST"}) or any(
            flatbuffer.is_float(graph.tensors[one.outputs[0]]) for one in casts
        ):
            continue
        tensor, real = graph.tensors[index], graph.tensors[int(behind[0].outputs[0])]
        tensor.type, tensor.quantization = real.type, None
        for cast in casts:
            cast.inputs = [index]
        graph.operators = [one for one in graph.operators if not any(one is removed for removed in behind)]


def _readers(graph: Any, index: int) -> list[Any]:
    return [operator for operator in graph.operators if index in operator.inputs]


class _Retyping:
    """One edit of a parsed file."""

    def __init__(self, model: Any, io: Io) -> None:
        from ai_edge_litert import schema_py_generated as schema

        self.schema = schema
        self.model = model
        self.subgraph = model.subgraphs[0]
        self.io = io
        # An input may be an output, too, and then has an outer tensor on each side.
        self.before: dict[int, int] = {}
        self.behind: dict[int, int] = {}

    def run(self) -> None:
        """Insert an operator before every quantized input and after every quantized output."""
        before = [self._edge(index, is_input=True) for index in self._quantized(self.subgraph.inputs)]
        behind = [self._edge(index, is_input=False) for index in self._quantized(self.subgraph.outputs)]
        self.subgraph.operators = [*before, *self.subgraph.operators, *behind]
        self.subgraph.inputs = [self.before.get(index, index) for index in self.subgraph.inputs]
        self.subgraph.outputs = [self.behind.get(index, index) for index in self.subgraph.outputs]
        for signature in self.model.signatureDefs:
            for maps, outside in ((signature.inputs, self.before), (signature.outputs, self.behind)):
                for tensor_map in maps:
                    tensor_map.tensorIndex = outside.get(tensor_map.tensorIndex, tensor_map.tensorIndex)

    def _quantized(self, indices: list[int]) -> list[int]:
        types = (self.schema.TensorType.INT8, self.schema.TensorType.INT16)
        return [index for index in indices if self.subgraph.tensors[index].type in types]

    def _edge(self, inside: int, *, is_input: bool) -> Any:
        """Add the outer tensor of `inside`, and return the operator between the two."""
        tensor = copy.copy(self.subgraph.tensors[inside])
        tensor.name = tensor.name + b"_" + self.io.encode()
        if self.io is Io.FLOAT32:
            tensor.type, tensor.quantization = self.schema.TensorType.FLOAT32, None
        else:
            tensor.type, tensor.quantization = (
                self.schema.TensorType.UINT8,
                self._shifted(tensor.quantization),
            )
        self.subgraph.tensors.append(tensor)
        if inside in self.before:
            tensor.name += b"_output"
        outside = (self.before if is_input else self.behind)[inside] = len(self.subgraph.tensors) - 1
        operator = self.schema.OperatorT()
        dequantizes = self.io is Io.FLOAT32 and not is_input
        name, version = ("DEQUANTIZE", 2) if dequantizes else ("QUANTIZE", 1)
        operator.opcodeIndex = flatbuffer.operator_code(self.model, name, version)
        operator.inputs, operator.outputs = ([outside], [inside]) if is_input else ([inside], [outside])
        return operator

    def _shifted(self, quantization: Any) -> Any:
        shifted = copy.copy(quantization)
        shifted.zeroPoint = [int(zero_point) + 128 for zero_point in quantization.zeroPoint]
        return shifted
