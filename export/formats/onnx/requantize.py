"""Requantize integers to another grid with the rounding of LiteRT, also through a leaky ReLU.

XNNPACK's vcvt kernels compute y = ((x - z_in) m + 128 >> 8) + z_out with m = round(256 s_in / s_out): the multiplier
has 8 fractional bits, and the product is rounded half up. The .onnx gets a DequantizeLinear with a scale of m / 256
output steps, and adds half of a 256th before rounding: halves are rounded up, and no other value crosses a half.

A leaky ReLU has a second m for negative values. ONNX Runtime computes it in integers only if nothing stands between it
and its DequantizeLinear and QuantizeLinear. So the scale is larger by 2^-18 and the slope smaller by 2^-17, in place of
an addition: halves of both signs are rounded up, and no other value crosses a half, because within 255 steps it moves
by less than a 256th.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from calibration.samples import Array
from export.formats.onnx.constants import attribute
from export.formats.onnx.float_inputs import roundings
from export.formats.onnx.graph import Graph
from export.formats.onnx.integers import RECTIFIES, SIGN
from export.formats.onnx.protos import GraphProto, NodeProto

FRACTION = 256
RATIOS = 2.0**-8, 2.0**7  # Ratios of the scales that XNNPACK supports; others stay unchanged.
STRETCH = 2.0**-18
LARGEST_NUDGE = 1 / 8  # Maximum change in steps of an Add, or of a Mul on 128 steps, that only affects rounding.


def as_the_runtime_rounds(proto: GraphProto, leaky_grids: Collection[tuple[float, float]]) -> None:
    """Make each requantization between 8-bit grids return the same integers as in LiteRT.

    Args:
        proto: the graph.
        leaky_grids: scales of input and output of each leaky ReLU that the .tflite computes in integers; others are in
            float on purpose.
    """
    from onnx import helper

    graph = Graph(proto)
    nodes: list[NodeProto] = []
    for node in proto.node:
        leaky = _leaky(graph, node, leaky_grids)
        source = graph.producer.get((leaky or node).input[0]) if node.op_type == "QuantizeLinear" else None
        ratio = _ratio(graph, source, node) if source is not None else None
        # Equal grids need no requantization.
        is_same = source is not None and leaky is None and all(map(graph.is_equal, source.input[1:], node.input[1:]))
        if source is None or ratio is None or is_same:
            nodes.append(node)
            continue
        name, step, multiplier = node.output[0], graph.value(node.input[1]), _in_fractions(ratio)
        exact = float(step) * multiplier / FRACTION
        scale = graph.store(f"{name}/scale", np.float32(exact if leaky is None else exact * (1 + STRETCH)))
        real, rounded = f"{name}/real", f"{name}/rounded"
        nodes.append(helper.make_node("DequantizeLinear", [source.input[0], scale, source.input[2]], [real]))
        if leaky is None:
            nudge = graph.store(f"{name}/nudge", np.float32(step / (2 * FRACTION)))
            nodes.append(helper.make_node("Add", [real, nudge], [rounded]))
        else:
            slope = _in_fractions(np.float32(ratio * np.float32(attribute(leaky, "alpha", 0.01)))) / multiplier
            nodes.append(helper.make_node("LeakyRelu", [real], [rounded], alpha=slope * (1 - 2 * STRETCH)))
        nodes.append(helper.make_node("QuantizeLinear", [rounded, *node.input[1:]], [name]))
    graph.replace_nodes(nodes)


def _leaky(graph: Graph, node: NodeProto, grids: Collection[tuple[float, float]]) -> NodeProto | None:
    """Return the LeakyRelu on one of these grids that a QuantizeLinear reads, if it has no other reader."""
    maker = graph.producer.get(node.input[0]) if node.op_type == "QuantizeLinear" else None
    if maker is None or maker.op_type != "LeakyRelu" or graph.readers[node.input[0]] > 1:
        return None
    source = graph.producer.get(maker.input[0])
    names = [source.input[1], node.input[1]] if source is not None and source.op_type == "DequantizeLinear" else []
    if not names or not all(name in graph.stored and graph.value(name).size == 1 for name in names):
        return None
    scales = tuple(float(graph.value(name).item()) for name in names)
    return maker if scales in grids else None


def _in_fractions(ratio: np.float32) -> int:
    return int(np.rint(np.float32(FRACTION) * ratio))


def nudges(graph: Graph) -> dict[str, str]:
    """Return output and input name of each operator that only affects the rounding of a QuantizeLinear."""
    found = roundings(graph)
    for node in graph.proto.node:
        if node.op_type != "QuantizeLinear" or node.input[1] not in graph.stored:
            continue
        limits = {"Add": LARGEST_NUDGE * float(graph.value(node.input[1]).max()), "Mul": LARGEST_NUDGE / SIGN}
        name = node.input[0]
        for kind, neutral in (("Add", 0.0), ("Mul", 1.0)):
            maker = graph.producer.get(name)
            if maker is None or maker.op_type != kind or not _is_near(graph, maker.input[1], neutral, limits[kind]):
                break
            found[name] = name = maker.input[0]
    return found


def _is_near(graph: Graph, name: str, neutral: float, limit: float) -> bool:
    """Return whether a stored number differs from `neutral` by at most `limit`, up to float32 rounding."""
    if name not in graph.stored or graph.value(name).dtype != np.float32 or graph.value(name).size != 1:
        return False
    return 0 < abs(float(graph.value(name).item()) - neutral) <= limit * 1.001


def _ratio(graph: Graph, source: NodeProto, target: NodeProto) -> np.float32 | None:
    """Return the ratio of the scales, if `source` and `target` are a requantization; else None."""
    if source.op_type != "DequantizeLinear" or target.doc_string == RECTIFIES:
        return None  # LiteRT computes a separate activation with a 31-bit multiplier.
    names = [*source.input[1:3], *target.input[1:3]]
    values: list[Array] = [graph.value(name) for name in names if name in graph.stored]
    if (
        len(values) != 4
        or any(one.ndim for one in values)
        or {one.dtype for one in values[1::2]} != {np.dtype("uint8")}
    ):
        return None
    ratio = np.float32(values[0]) / np.float32(values[2])
    if not RATIOS[0] <= ratio <= RATIOS[1]:
        return None
    return np.float32(ratio)
