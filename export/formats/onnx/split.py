"""Split an integer .onnx at every activation, so that each operator runs separately on given inputs.

An activation is the output of a QuantizeLinear. The split file takes each activation as a float input instead of
computing it, and returns the input of each QuantizeLinear.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from export.formats.onnx import requantize, tables
from export.formats.onnx.graph import Graph
from export.formats.onnx.protos import ModelProto, NodeProto
from export.model.tensor_spec import TensorSpec

PREFIX = "cut/"

# Integer operators with constants on the grid of their input, and the position of the first constant.
_CONSTANTS_FROM = {"Clip": 1, "Pad": 2}

# Operators whose output is not on the grid of the integers that they read.
_REAL = ("Cast", "DequantizeLinear", "QuantizeLinear")


@dataclass(frozen=True, kw_only=True)
class Seam:
    """An activation that is stored as integers.

    Attributes:
        name: name of the integer tensor, after an integer Clip that is the layer's activation.
        quantized: output of the QuantizeLinear, before such a Clip; empty for an input.
        reads: input of the QuantizeLinear; empty for an input.
        sources: names of the activations that it is computed from.
        stored: scale, zero point and type; the shape is unknown.
    """

    name: str
    quantized: str
    reads: str
    sources: tuple[str, ...]
    stored: TensorSpec


def seams(proto: ModelProto, *, narrowed: bool = False) -> list[Seam]:
    """Return the activations with a single scale: inputs first, then in the order of the file.

    Args:
        proto: the file.
        narrowed: whether 16-bit activations that are rounded to 8 bits are activations of their own.
    """
    graph = Graph(proto.graph)
    inputs = {value.name for value in proto.graph.input} - set(graph.stored)
    found: dict[str, Seam] = {}
    moved, spelled_out = requantize.nudges(graph), _spelled_out(graph)
    for node in proto.graph.node:
        if not _has_one_scale(graph, node):
            continue
        if node.op_type == "DequantizeLinear" and (name := _unmoved(graph, node.input[0], "Pad")) in inputs:
            found[name] = Seam(name=name, quantized="", reads="", sources=(), stored=_spec(graph, node, name))
        elif (
            node.op_type == "QuantizeLinear"
            and (narrowed or node.input[0] not in spelled_out)
            and not _is_rounded(graph, moved.get(node.input[0], node.input[0]))
        ):
            name = _behind_clip(proto, graph, node.output[0])
            found[name] = Seam(
                name=name,
                quantized=node.output[0],
                reads="" if _unmoved(graph, moved.get(node.input[0], node.input[0])) in inputs else node.input[0],
                sources=tuple(_sources(graph, node.input[0], found)),
                stored=_spec(graph, node, name),
            )
    return sorted(found.values(), key=lambda seam: bool(seam.reads))


def moved_on(proto: ModelProto, found: Sequence[Seam], lost: Sequence[Seam]) -> list[Seam]:
    """Return the activations with those in `lost` replaced by what their only reader makes of them, on the same grid.

    Quantizing before integers are joined or moved gives the same numbers as quantizing afterwards. An activation that
    is dequantized, or has several readers, stays.
    """
    graph = Graph(proto.graph)
    kept = {seam.name: seam for seam in found}
    for seam in lost:
        readers = [node for node in proto.graph.node if seam.name in node.input]
        if len(readers) != 1 or readers[0].op_type in _REAL or len(readers[0].output) != 1:
            continue
        del kept[seam.name]
        name = readers[0].output[0]
        sources = [one for given in readers[0].input for one in _sources(graph, given, kept)]
        stored = replace(seam.stored, name=name)
        kept[name] = replace(seam, name=name, quantized=name, sources=tuple(dict.fromkeys(sources)), stored=stored)
    places = {name: place for place, node in enumerate(proto.graph.node, 1) for name in node.output}
    return sorted(kept.values(), key=lambda seam: places.get(seam.name, 0))


def shown(proto: ModelProto, found: Sequence[Seam]) -> bytes:
    """Return the file with every activation as an additional integer output."""
    changed = _copy(proto)
    known = {value.name for value in (*changed.graph.output, *changed.graph.input)}
    for seam in found:
        if seam.name not in known:
            changed.graph.output.append(_value(seam.name, seam.stored.dtype))
    return bytes(changed.SerializeToString())


def cut(proto: ModelProto, found: Sequence[Seam]) -> bytes:
    """Return the float file with the inputs `PREFIX + seam.name` and the outputs `seam.reads`.

    Float inputs that operators in higher precision read directly stay inputs.
    """
    from onnx import TensorProto, helper

    changed = _copy(proto)
    graph = Graph(changed.graph)
    names = {seam.name for seam in found}
    given = names | {seam.quantized for seam in found}
    grids = _grids(changed, graph, found)
    real = {*grids, *(node.output[0] for node in graph.proto.node if node.input and node.input[0] in grids)}
    nodes, looked_up, spelled_out = [], tables.of(graph), _spelled_out(graph)
    for node in changed.graph.node:
        if given & set(node.output):
            continue
        dequantizes = node.op_type in ("QuantizeLinear", "DequantizeLinear") and node.output[0] in real
        if dequantizes or node.output[0] in spelled_out:
            node = helper.make_node("Identity", [node.input[0]], list(node.output))
        elif node.output[0] in looked_up:
            node = looked_up[node.output[0]]
        elif node.input and node.input[0] in grids:
            _speak_real(graph, node, grids[node.input[0]])
        node.input[:] = [PREFIX + name if name in names else name for name in node.input]
        nodes.append(node)
    graph.replace_nodes(nodes)
    read = {name for node in nodes for name in node.input}
    kept = [
        type(value).FromString(value.SerializeToString())
        for value in changed.graph.input
        if value.name in read and value.type.tensor_type.elem_type == TensorProto.FLOAT
    ]
    del changed.graph.input[:], changed.graph.output[:]
    changed.graph.input.extend(kept)
    changed.graph.input.extend(_value(PREFIX + seam.name, "float32") for seam in found)
    reads = dict.fromkeys(seam.reads for seam in found if seam.reads)
    changed.graph.output.extend(_value(name, "float32") for name in reads)
    return bytes(changed.SerializeToString())


def isolated(proto: ModelProto, found: Sequence[Seam]) -> bytes:
    """Return the file that takes each activation as an integer input `PREFIX + seam.name`, and computes it as well.

    All operators stay as they are, with the scales that they declare; the outputs are `seam.name`.
    """
    changed = _copy(proto)
    names = {seam.name for seam in found}
    for node in changed.graph.node:
        node.input[:] = [PREFIX + name if name in names else name for name in node.input]
    inputs = [value for value in changed.graph.input if value.name not in names]
    kept = [type(value).FromString(value.SerializeToString()) for value in inputs]
    del changed.graph.input[:], changed.graph.output[:]
    changed.graph.input.extend(kept)
    changed.graph.input.extend(_value(PREFIX + seam.name, seam.stored.dtype) for seam in found)
    changed.graph.output.extend(_value(seam.name, seam.stored.dtype) for seam in found if seam.quantized)
    return bytes(changed.SerializeToString())


def _spelled_out(graph: Graph) -> set[str]:
    """Return the outputs of the Casts and Muls that dequantize 16-bit activations (export/formats/onnx/mixed.py)."""
    found = set()
    for node in graph.proto.node:
        cast = graph.producer.get(node.input[0]) if node.op_type == "Mul" else None
        rounded = graph.producer.get(cast.input[0]) if cast is not None and cast.op_type == "Cast" else None
        if cast is not None and rounded is not None and rounded.op_type == "QuantizeLinear":
            found |= {cast.output[0], node.output[0]}
    return found


def _speak_real(graph: Graph, node: NodeProto, grid: TensorSpec) -> None:
    """Convert the constants of an integer operator to real values, because its inputs are real values now."""
    first = _CONSTANTS_FROM.get(node.op_type)
    for position in range(first, len(node.input)) if first is not None else ():
        name = node.input[position]
        if name in graph.stored and np.issubdtype(graph.value(name).dtype, np.integer):
            real = grid.dequantize(graph.value(name)).astype(np.float32)
            if (node.op_type, position) != ("Pad", 3):  # Input 3 of Pad contains axes.
                node.input[position] = graph.store(f"{node.output[0]}/real/{position}", real)


def _grids(proto: ModelProto, graph: Graph, found: Sequence[Seam]) -> dict[str, TensorSpec]:
    """Return the grid of every integer activation, including moved and requantized ones."""
    grids = {seam.name: seam.stored for seam in found}
    for node in proto.graph.node:
        if node.op_type == "QuantizeLinear" and node.input[0] not in graph.stored and _has_one_scale(graph, node):
            grids.setdefault(node.output[0], _spec(graph, node, node.output[0]))
        if node.input and node.input[0] in grids and node.op_type not in _REAL:
            grids.update(dict.fromkeys(node.output, grids[node.input[0]]))
    return grids


def _sources(graph: Graph, name: str, found: Mapping[str, Seam]) -> list[str]:
    """Return the nearest activations that `name` is computed from."""
    sources: dict[str, None] = {}
    seen, todo = set(), [name]
    while todo:
        name = todo.pop()
        if name in found:
            sources[name] = None
        elif name in graph.producer and name not in seen:
            seen.add(name)
            todo += list(graph.producer[name].input)
    return list(sources)


def _behind_clip(proto: ModelProto, graph: Graph, name: str) -> str:
    """Return the output of an integer Clip after `name`, if it is the only reader; else `name`."""
    readers = [node for node in proto.graph.node if name in node.input]
    clips = len(readers) == 1 and readers[0].op_type == "Clip" and graph.readers[name] == 1
    return str(readers[0].output[0]) if clips else name


def _is_rounded(graph: Graph, name: str) -> bool:
    """Return whether `name` is stored or dequantized, so that quantizing it gives no new activation."""
    maker = graph.producer.get(name)
    return name in graph.stored or (maker is not None and maker.op_type == "DequantizeLinear")


def _unmoved(graph: Graph, name: str, *more: str) -> str:
    """Return the tensor before reshapes, transposes and the operators in `more`."""
    while name in graph.producer and graph.producer[name].op_type in ("Reshape", "Transpose", "Identity", *more):
        name = graph.producer[name].input[0]
    return name


def _has_one_scale(graph: Graph, node: NodeProto) -> bool:
    if node.op_type not in ("QuantizeLinear", "DequantizeLinear") or len(node.input) < 3:
        return False
    return all(name in graph.stored and graph.value(name).size == 1 for name in node.input[1:3])


def _spec(graph: Graph, node: NodeProto, name: str) -> TensorSpec:
    scale, zero_point = graph.value(node.input[1]), graph.value(node.input[2])
    return TensorSpec(
        name=name,
        shape=(),
        dtype=zero_point.dtype.name,
        scale=float(scale.item()),
        zero_point=int(zero_point.item()),
    )


def _value(name: str, dtype: str) -> Any:
    from onnx import helper

    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), None)


def _copy(proto: ModelProto) -> ModelProto:
    return type(proto).FromString(proto.SerializeToString())
