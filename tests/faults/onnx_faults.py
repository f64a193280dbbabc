"""Faults that a wrong converter would write into an .onnx: in its nodes, its grids and its constants.

Each kind yields an edit for every place that it fits. An edit changes a parsed file, and returns whether it could.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from calibration.samples import Array

Edit = Callable[[Any, Any], bool]  # of a graph, at a node
LAYERS = ("Conv", "Gemm", "MatMul", "ConvTranspose")


def variants(content: bytes, per_kind: int, kinds: Sequence[str] = ()) -> Iterator[tuple[str, str, bytes]]:
    """Yield kind, place and content of broken files, each kind at up to `per_kind` evenly chosen places."""
    import onnx

    original = onnx.shape_inference.infer_shapes(onnx.load_from_string(content))
    for kind, (ops, edit) in ONNX_FAULTS.items():
        if kinds and kind not in kinds:
            continue
        places = [place for place, node in enumerate(original.graph.node) if node.op_type in ops]
        left = per_kind
        for place in places[:: max(1, len(places) // per_kind)]:
            broken: Any = onnx.ModelProto()
            broken.CopyFrom(original)
            if left and edit(broken.graph, broken.graph.node[place]):
                left -= 1
                yield kind, original.graph.node[place].output[0], broken.SerializeToString()


def value(graph: Any, name: str) -> Array | None:
    from onnx import numpy_helper

    found = next((tensor for tensor in graph.initializer if tensor.name == name), None)
    return None if found is None else np.asarray(numpy_helper.to_array(found))


def own(graph: Any, node: Any, position: int, values: Any) -> None:
    """Give a node a constant of its own: equal ones are shared."""
    from onnx import numpy_helper

    name = f"{node.output[0]}/planted/{position}"
    graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
    node.input[position] = name


def maker(graph: Any, name: str) -> Any:
    return next((node for node in graph.node if name in node.output), None)


def attribute(name: str, change: Callable[[Any], Any], missing: Any = None) -> Edit:
    """Return an edit of an attribute; `missing` is its value where a node leaves it out."""
    from onnx import helper

    def edit(_: Any, node: Any) -> bool:
        found = next((one for one in node.attribute if one.name == name), None)
        before = missing if found is None else helper.get_attribute_value(found)
        if before is None or change(before) == before:
            return False
        if found is not None:
            node.attribute.remove(found)
        node.attribute.append(helper.make_attribute(name, change(before)))
        return True

    return edit


def inserted(op: str, *constants: float) -> Edit:
    """Return an edit that puts an operator behind a node."""
    from onnx import helper, numpy_helper

    def edit(graph: Any, node: Any) -> bool:
        name = node.output[0]
        node.output[0] = f"{name}/before"
        ends = [f"{name}/end/{place}" for place in range(len(constants))]
        stored = zip(constants, ends, strict=True)
        graph.initializer.extend(numpy_helper.from_array(np.float32(one), end) for one, end in stored)
        graph.node.insert(list(graph.node).index(node) + 1, helper.make_node(op, [node.output[0], *ends], [name]))
        return True

    return edit


def removed(graph: Any, node: Any) -> bool:
    for reader in graph.node:
        reader.input[:] = [node.input[0] if name == node.output[0] else name for name in reader.input]
    graph.node.remove(node)
    return True


def scaled(factor: float) -> Edit:
    """Return an edit of the scale of one QuantizeLinear or DequantizeLinear of activations."""

    def edit(graph: Any, node: Any) -> bool:
        scale = value(graph, node.input[1])
        if scale is None or scale.ndim or value(graph, node.input[0]) is not None:
            return False
        own(graph, node, 1, (scale * factor).astype(scale.dtype))
        return True

    return edit


def regridded(factor: float) -> Edit:
    """Return an edit of the grid of an activation: at its QuantizeLinear, and at those that read it."""

    def edit(graph: Any, node: Any) -> bool:
        scale, zero = value(graph, node.input[1]), value(graph, node.input[2])
        if scale is None or zero is None or scale.ndim or node.output[0] in {one.name for one in graph.output}:
            return False
        lowest = int(np.iinfo(zero.dtype).min)
        moved = np.rint(lowest + (int(zero) - lowest) / factor).astype(zero.dtype)
        for one in (node, *(reader for reader in graph.node if reader.input and reader.input[0] == node.output[0])):
            if one.op_type in ("QuantizeLinear", "DequantizeLinear"):
                own(graph, one, 1, (scale * factor).astype(scale.dtype))
                own(graph, one, 2, moved)
        return True

    return edit


def capped(share: float) -> Edit:
    """Return an edit that cuts an activation off below the end of its grid, where few inputs reach."""
    from onnx import helper, numpy_helper

    def edit(graph: Any, node: Any) -> bool:
        scale, zero = value(graph, node.input[1]), value(graph, node.input[2])
        if scale is None or zero is None or scale.ndim or value(graph, node.input[0]) is not None:
            return False
        cap = share * float(scale) * (int(np.iinfo(zero.dtype).max) - int(zero))
        source, ends = node.input[0], [f"{node.output[0]}/{side}" for side in ("low", "high")]
        stored = zip((UNBOUNDED, cap), ends, strict=True)
        graph.initializer.extend(numpy_helper.from_array(np.float32(one), end) for one, end in stored)
        node.input[0] = f"{node.output[0]}/capped"
        graph.node.insert(list(graph.node).index(node), helper.make_node("Clip", [source, *ends], [node.input[0]]))
        return True

    return edit


def constant(position: int, change: Callable[[Array], Array]) -> Edit:
    """Return an edit of a layer's constant: stored integers without their zero point, or real numbers."""

    def edit(graph: Any, node: Any) -> bool:
        name = node.input[position] if position < len(node.input) else ""
        behind = maker(graph, name)
        stored = value(graph, name if behind is None else behind.input[0])
        if stored is None:
            return False
        if behind is None:
            own(graph, node, position, change(stored.astype(np.float64)).astype(stored.dtype))
            return True
        zero = value(graph, behind.input[2]) if len(behind.input) > 2 else None
        shift = 0 if zero is None else int(zero.reshape(-1)[0])
        own(graph, behind, 0, (np.rint(change(stored.astype(np.float64) - shift)) + shift).astype(stored.dtype))
        return True

    return edit


def on_bits(bits: int) -> Callable[[Array], Array]:
    """Return a function that rounds numbers to fewer bits than 8."""

    def rounded(values: Array) -> Array:
        step = np.abs(values).max() / (2 ** (bits - 1) - 1)
        return np.asarray(np.rint(values / step) * step)

    return rounded


def without_channel(values: Array) -> Array:
    changed = values.copy()
    changed[len(values) // 2] = 0
    return changed


def average(_: Any, node: Any) -> bool:
    node.op_type = "AveragePool"
    for one in [one for one in node.attribute if one.name in ("dilations", "storage_order")]:
        node.attribute.remove(one)
    return True


def another_skip(graph: Any, node: Any) -> bool:
    """Let a sum read an earlier activation of the same shape."""
    shapes = {one.name: [size.dim_value for size in one.type.tensor_type.shape.dim] for one in graph.value_info}
    earlier = list(graph.node)[: list(graph.node).index(node)]
    wanted = shapes.get(node.input[1])
    real = [one for one in earlier if one.op_type == "DequantizeLinear" or not maker(graph, node.input[1])]
    found = [one.output[0] for one in real if shapes.get(one.output[0]) == wanted and one.output[0] not in node.input]
    if wanted is None or not found:
        return False
    node.input[1] = found[0]
    return True


def other_side(pads: Sequence[int]) -> list[int]:
    half = len(pads) // 2
    return [*pads[half:], *pads[:half]]


UNBOUNDED = -1e9
MODES = {b"half_pixel": b"asymmetric", b"asymmetric": b"half_pixel", b"align_corners": b"half_pixel"}

# Kind -> operators, and the edit.
ONNX_FAULTS: Mapping[str, tuple[tuple[str, ...], Edit]] = {
    "dilation of 2": (("Conv",), attribute("dilations", lambda _: [2, 2], [1, 1])),
    "pads on the other side": (("Conv", "MaxPool", "AveragePool"), attribute("pads", other_side)),
    "slope of a tenth": (("LeakyRelu", "Elu"), attribute("alpha", lambda one: one / 10)),
    "zeros counted in averages": (("AveragePool",), attribute("count_include_pad", lambda one: 1 - one, 0)),
    "other coordinates": (("Resize",), attribute("coordinate_transformation_mode", lambda one: MODES.get(one, one))),
    "relu behind a layer": (LAYERS, inserted("Relu")),
    "cap of 6 behind a layer": (LAYERS, inserted("Clip", UNBOUNDED, 6)),
    "cap of 3 behind a layer": (LAYERS, inserted("Clip", UNBOUNDED, 3)),
    "cap of 1 behind a layer": (LAYERS, inserted("Clip", UNBOUNDED, 1)),
    "activation lost": (("Relu", "Clip", "LeakyRelu", "HardSwish", "Sigmoid", "Tanh"), removed),
    "DequantizeLinear at 0.9 of its scale": (("DequantizeLinear",), scaled(0.9)),
    "DequantizeLinear at 1.02 of its scale": (("DequantizeLinear",), scaled(1.02)),
    "QuantizeLinear at 1.02 of its scale": (("QuantizeLinear",), scaled(1.02)),
    "grid 8 times as wide": (("QuantizeLinear",), regridded(8)),
    "grid twice as wide": (("QuantizeLinear",), regridded(2)),
    "grid 1.2 times as wide": (("QuantizeLinear",), regridded(1.2)),
    "grid 0.9 times as wide": (("QuantizeLinear",), regridded(0.9)),
    "cap a tenth below the end of the grid": (("QuantizeLinear",), capped(0.9)),
    "weights on 5 bits": (LAYERS, constant(1, on_bits(5))),
    "weights on 3 bits": (LAYERS, constant(1, on_bits(3))),
    "weights at 0.9": (LAYERS, constant(1, lambda one: 0.9 * one)),
    "channel lost": (LAYERS, constant(1, without_channel)),
    "bias at 0.9": (LAYERS, constant(2, lambda one: 0.9 * one)),
    "bias at 1.02": (LAYERS, constant(2, lambda one: 1.02 * one)),
    "bias of the next channel": (LAYERS, constant(2, lambda one: np.roll(one, 1))),
    "averages in place of maxima": (("MaxPool",), average),
    "another skip connection": (("Add",), another_skip),
}
