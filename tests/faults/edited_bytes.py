"""Files in which one random number was changed: a byte, a word, a scale, a zero point, an option or an input."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from export.formats.tflite import flatbuffer
from tests.faults.onnx_faults import own, value

Random = np.random.Generator
FEWEST = 16  # bytes of a constant that is edited as weights


def edited(name: str, content: bytes, per_kind: int) -> Iterator[tuple[str, str, bytes]]:
    """Yield kind, place and content of `per_kind` edited files of each kind that the file has a place for."""
    kinds, read, write = _EDITORS[name]
    for number, (kind, edit) in enumerate(kinds.items()):
        for draw in range(per_kind):
            model = read(content)
            place = edit(model, np.random.default_rng([number, draw]))
            if place and (broken := write(model)) != content:
                yield kind, place, broken


def changed_byte(data: Any, random: Random) -> Any:
    changed = np.array(np.frombuffer(bytes(data), np.uint8))
    changed[random.integers(len(changed))] ^= random.integers(1, 256, dtype=np.uint8)
    return changed


def flipped_bit(number: float, random: Random) -> float:
    """Return a float32 with another bit, which leaves it positive and finite."""
    bits = np.array([number], np.float32).view(np.uint32)
    while True:
        found = float((bits ^ np.uint32(1 << int(random.integers(31)))).view(np.float32)[0])
        if np.isfinite(found) and found > 0:
            return found


def _constants(model: Any, least_axes: int, most_axes: int) -> list[Any]:
    return [
        tensor
        for tensor in model.subgraphs[0].tensors
        if tensor.shape is not None
        and model.buffers[tensor.buffer].data is not None
        and model.buffers[tensor.buffer].data.size >= FEWEST
        and least_axes <= len(tensor.shape) <= most_axes
    ]


def _tflite_byte(least_axes: int, most_axes: int) -> Callable[[Any, Random], str]:
    def edit(model: Any, random: Random) -> str:
        tensor = _chosen(_constants(model, least_axes, most_axes), random)
        if tensor is None:
            return ""
        model.buffers[tensor.buffer].data = changed_byte(model.buffers[tensor.buffer].data, random)
        return str(tensor.name.decode())

    return edit


def _chosen(found: list[Any], random: Random) -> Any:
    return found[random.integers(len(found))] if found else None


def _with_grid(model: Any) -> list[Any]:
    tensors = model.subgraphs[0].tensors
    return [one for one in tensors if one.quantization is not None and one.quantization.scale is not None]


def _tflite_scale(model: Any, random: Random) -> str:
    tensor = _chosen(_with_grid(model), random)
    if tensor is None:
        return ""
    scale = np.array(tensor.quantization.scale, np.float32)
    place = random.integers(len(scale))
    scale[place] = flipped_bit(float(scale[place]), random)
    tensor.quantization.scale = scale
    return str(tensor.name.decode())


def _tflite_zero_point(model: Any, random: Random) -> str:
    tensor = _chosen(_with_grid(model), random)
    if tensor is None:
        return ""
    zero = np.array(tensor.quantization.zeroPoint, np.int64)
    zero[random.integers(len(zero))] += random.choice([-2, -1, 1, 2])
    tensor.quantization.zeroPoint = zero
    return str(tensor.name.decode())


def _tflite_option(model: Any, random: Random) -> str:
    found = [
        (operator, name)
        for operator in model.subgraphs[0].operators
        for name, one in vars(operator.builtinOptions or object).items()
        if isinstance(one, int | float) and not name.startswith("__")
    ]
    if not found:
        return ""
    operator, name = found[random.integers(len(found))]
    before = getattr(operator.builtinOptions, name)
    after = not before if isinstance(before, bool) else before * 1.1 if isinstance(before, float) else before + 1
    setattr(operator.builtinOptions, name, after)
    return f"{name} of {flatbuffer.op_name(model, operator)}"


def _tflite_input(model: Any, random: Random) -> str:
    graph = model.subgraphs[0]
    place = int(random.integers(len(graph.operators)))
    operator = graph.operators[place]
    position = int(random.integers(len(operator.inputs)))
    index = int(operator.inputs[position])
    if index < 0:
        return ""
    like = graph.tensors[index]
    later = {int(one) for other in graph.operators[place:] for one in other.outputs}
    alike = [
        other
        for other, one in enumerate(graph.tensors)
        if other != index and other not in later and one.type == like.type and _shape(one) == _shape(like)
    ]
    if not alike:
        return ""
    operator.inputs = [*operator.inputs]
    operator.inputs[position] = alike[random.integers(len(alike))]
    return f"input {position} of {flatbuffer.op_name(model, operator)} {place}"


def _shape(tensor: Any) -> tuple[int, ...]:
    return () if tensor.shape is None else tuple(map(int, tensor.shape))


def _onnx_byte(least_axes: int, most_axes: int) -> Callable[[Any, Random], str]:
    def edit(model: Any, random: Random) -> str:
        found = [one for one in model.graph.initializer if least_axes <= len(one.dims) <= most_axes]
        one = _chosen([one for one in found if len(one.raw_data) >= FEWEST], random)
        if one is None:
            return ""
        one.raw_data = changed_byte(one.raw_data, random).tobytes()
        return str(one.name)

    return edit


def _onnx_grid(position: int, change: Callable[[Any, Random], Any]) -> Callable[[Any, Random], str]:
    """Return an edit of a scale or zero point of one QuantizeLinear or DequantizeLinear."""

    def edit(model: Any, random: Random) -> str:
        kinds = ("QuantizeLinear", "DequantizeLinear")
        node = _chosen([one for one in model.graph.node if one.op_type in kinds], random)
        before = None if node is None or position >= len(node.input) else value(model.graph, node.input[position])
        if before is None:
            return ""
        values = before.copy().reshape(-1)
        place = int(random.integers(len(values)))
        values[place] = change(values[place], random)
        own(model.graph, node, position, values.reshape(before.shape))
        return str(node.output[0])

    return edit


def _moved(before: Any, random: Random) -> Any:
    info = np.iinfo(before.dtype)
    after = int(before) + int(random.choice([-2, -1, 1, 2]))
    return np.clip(after, info.min, info.max)


def _onnx_attribute(model: Any, random: Random) -> str:
    found = [(node, one) for node in model.graph.node for one in node.attribute if one.ints or one.type in (1, 2)]
    if not found:
        return ""
    node, one = found[random.integers(len(found))]
    if one.ints:
        one.ints[int(random.integers(len(one.ints)))] += 1
    elif one.type == 1:
        one.f *= 1.1
    else:
        one.i += 1
    return f"{one.name} of {node.output[0]}"


def _onnx_input(model: Any, random: Random) -> str:
    import onnx

    shapes = {one.name: one.type.tensor_type for one in onnx.shape_inference.infer_shapes(model).graph.value_info}
    place = int(random.integers(len(model.graph.node)))
    node = model.graph.node[place]
    position = int(random.integers(max(1, len(node.input))))
    before = shapes.get(node.input[position]) if node.input else None
    earlier = {name for one in list(model.graph.node)[:place] for name in one.output}
    alike = [name for name in sorted(earlier) if name != node.input[position] and shapes.get(name) == before]
    if before is None or not alike:
        return ""
    node.input[position] = alike[random.integers(len(alike))]
    return f"input {position} of {node.output[0]}"


Editor = tuple[Mapping[str, Callable[[Any, Random], str]], Callable[[bytes], Any], Callable[[Any], bytes]]


def _read_onnx(content: bytes) -> Any:
    import onnx

    return onnx.load_from_string(content)


_TFLITE: Mapping[str, Callable[[Any, Random], str]] = {
    "byte of weights": _tflite_byte(2, 5),
    "byte of a bias": _tflite_byte(1, 1),
    "bit of a scale": _tflite_scale,
    "zero point": _tflite_zero_point,
    "option": _tflite_option,
    "input": _tflite_input,
}
_ONNX: Mapping[str, Callable[[Any, Random], str]] = {
    "byte of weights": _onnx_byte(2, 5),
    "byte of a bias": _onnx_byte(1, 1),
    "bit of a scale": _onnx_grid(1, lambda before, random: flipped_bit(float(before), random)),
    "zero point": _onnx_grid(2, _moved),
    "attribute": _onnx_attribute,
    "input": _onnx_input,
}
_EDITORS: Mapping[str, Editor] = {
    "tflite": (_TFLITE, flatbuffer.read, flatbuffer.write),
    "onnx": (_ONNX, _read_onnx, lambda model: bytes(model.SerializeToString())),
}
