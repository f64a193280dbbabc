"""Keep the loops of a file in float: set their bodies aside while the rest is quantized.

ai-edge-quantizer 0.10.0 expects a range for every tensor of every subgraph, but nobody can observe those inside a loop.
It also loads the file, so that a loop needs bodies that LiteRT accepts.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from export.formats.tflite import flatbuffer

# Names of tensors in bodies that were set aside.
BODY_TENSORS = r"^subgraph \d+, tensor \d+"
# Operators that run other subgraphs.
KINDS = frozenset({"WHILE", "IF", "CALL_ONCE"})


def in_operators(model: flatbuffer.Model, operators: Iterable[Any]) -> bool:
    """Return whether any of these operators of a file runs other subgraphs, such as the body of a WHILE."""
    return any(flatbuffer.op_name(model, operator) in KINDS for operator in operators)


def with_empty_bodies(model: flatbuffer.Model) -> tuple[bytes, tuple[str, ...]]:
    """Return the file with loop bodies that compute nothing, and the names of their tensors.

    A body returns its inputs, as the state of a WHILE, and a condition returns zero.
    """
    empty = copy.copy(model)
    empty.buffers = list(model.buffers)
    bodies = [_empty(empty, subgraph, number) for number, subgraph in enumerate(model.subgraphs) if number]
    empty.subgraphs = [model.subgraphs[0], *bodies]
    return flatbuffer.write(empty), tuple(tensor.name.decode() for body in bodies for tensor in body.tensors)


def _empty(model: flatbuffer.Model, subgraph: Any, number: int) -> Any:
    from ai_edge_litert import schema_py_generated as schema

    body = copy.copy(subgraph)
    inputs, outputs = ([subgraph.tensors[index] for index in ends] for ends in (subgraph.inputs, subgraph.outputs))
    is_state = [_kind(one) for one in inputs] == [_kind(one) for one in outputs]
    body.operators, body.inputs = [], list(range(len(inputs)))
    body.tensors = [copy.copy(tensor) for tensor in (inputs if is_state else [*inputs, *outputs])]
    body.outputs = list(body.inputs) if is_state else list(range(len(inputs), len(body.tensors)))
    for place, tensor in enumerate(body.tensors):
        tensor.name, tensor.buffer = f"subgraph {number}, tensor {place}".encode(), 0
        if place >= len(inputs):
            zeros = schema.BufferT()
            zeros.data = np.zeros(math.prod(int(size) for size in tensor.shape), np.uint8)  # one boolean
            model.buffers.append(zeros)
            tensor.buffer = len(model.buffers) - 1
    return body


def _kind(tensor: Any) -> tuple[int, tuple[int, ...]]:
    return int(tensor.type), tuple(int(size) for size in tensor.shape)


def put_back(model: flatbuffer.Model, source: flatbuffer.Model) -> None:
    """Give a quantized file the loop bodies of `source`, in place, and drop constants that nothing reads."""
    from ai_edge_litert import schema_py_generated as schema

    del model.subgraphs[1:]
    read = {tensor.buffer for tensor in model.subgraphs[0].tensors} | {one.buffer for one in model.metadata or ()}
    model.buffers = [one if place in read else schema.BufferT() for place, one in enumerate(model.buffers)]
    places: dict[int, int] = {}
    for body in source.subgraphs[1:]:
        subgraph = copy.deepcopy(body)
        for tensor in subgraph.tensors:
            if tensor.buffer not in places:
                places[tensor.buffer] = len(model.buffers)
                model.buffers.append(source.buffers[tensor.buffer])
            tensor.buffer = places[tensor.buffer]
        for operator in subgraph.operators:
            operator.opcodeIndex = _code(model, source.operatorCodes[operator.opcodeIndex])
        model.subgraphs.append(subgraph)


def _code(model: flatbuffer.Model, wanted: Any) -> int:
    """Return the index of an operator code of this kind and version; add it if the file does not have it."""

    def kind(code: Any) -> tuple[Any, ...]:
        return max(code.builtinCode, code.deprecatedBuiltinCode), code.customCode, code.version

    for index, code in enumerate(model.operatorCodes):
        if kind(code) == kind(wanted):
            return index
    model.operatorCodes.append(copy.copy(wanted))
    return len(model.operatorCodes) - 1
