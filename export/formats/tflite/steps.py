"""The steps of a .tflite in order of execution."""

from __future__ import annotations

from typing import Any

from export.formats.session import Step
from export.formats.tflite import flatbuffer

SEAMS = frozenset({"QUANTIZE", "DEQUANTIZE"})


def steps(model: flatbuffer.Model) -> list[Step]:
    """Return a step per activation, inputs first, without QUANTIZE and DEQUANTIZE."""
    subgraph = model.subgraphs[0]
    same = {index: index for index in subgraph.inputs}
    found = [Step(tensor=_name(subgraph, index), op="", sources=()) for index in subgraph.inputs]
    for operator in subgraph.operators:
        op = flatbuffer.op_name(model, operator)
        sources = list(dict.fromkeys(same[index] for index in operator.inputs if index in same))
        if op in SEAMS:
            if sources:
                same[operator.outputs[0]] = sources[0]
            continue
        for index in operator.outputs:
            same[index] = index
            names = tuple(_name(subgraph, source) for source in sources)
            found.append(Step(tensor=_name(subgraph, index), op=op, sources=names))
    return found


def _name(subgraph: object, index: int) -> str:
    return str(subgraph.tensors[index].name.decode())  # type: ignore[attr-defined]  # generated code without types


def depth_first(subgraph: Any) -> list[Any]:
    """Return the operators depth first from the outputs, the order that .onnx files get; converters have their own."""
    maker = {index: position for position, operator in enumerate(subgraph.operators) for index in operator.outputs}
    done: dict[int, None] = {}
    stack = [(maker[index], False) for index in reversed(subgraph.outputs) if index in maker]
    while stack:
        position, ready = stack.pop()
        if position in done:
            continue
        if ready:
            done[position] = None
            continue
        stack.append((position, True))
        sources = [maker[index] for index in subgraph.operators[position].inputs if index in maker]
        stack.extend((source, False) for source in reversed(sources) if source not in done)
    return [subgraph.operators[position] for position in done]
