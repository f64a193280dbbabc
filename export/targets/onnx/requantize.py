"""Integers moved to another grid: LiteRT multiplies by whole 256ths, a float rounds some of them otherwise.

y = ((x - z_in) m + 128 >> 8) + z_out with m = round(256 s_in / s_out), by XNNPACK's vcvt kernels (microparams of
qs8-vcvt: the multiplier has 8 bits behind the point, the product is rounded half up). The .onnx gets a
DequantizeLinear whose scale is m / 256 output steps, and is nudged upwards by half of a 256th before it is rounded:
what lies half way goes up, and nothing else passes a half.
"""

from __future__ import annotations

import numpy as np

from calibration.samples import Array
from export.targets.onnx.graph import Graph
from export.targets.onnx.integers import RECTIFIES, SIGN
from export.targets.onnx.protos import GraphProto, NodeProto

FRACTION = 256
RATIOS = 2.0**-8, 2.0**7  # of the scales, that XNNPACK takes; others are left as they are
LARGEST_NUDGE = 1 / 8  # of a step: what is added, or multiplied onto 128 steps, only to decide how something is rounded


def as_the_runtime_rounds(proto: GraphProto) -> None:
    """Let each move from 8 bits to 8 bits of another grid give the integers that it gives in LiteRT."""
    from onnx import helper

    graph = Graph(proto)
    nodes: list[NodeProto] = []
    for node in proto.node:
        source = graph.producer.get(node.input[0]) if node.op_type == "QuantizeLinear" else None
        multiplier = _multiplier(graph, source, node) if source is not None else None
        if source is None or multiplier is None:
            nodes.append(node)
            continue
        name, step = node.output[0], graph.value(node.input[1])
        scale = graph.store(f"{name}/scale", np.float32(step * multiplier / FRACTION))
        nudge = graph.store(f"{name}/nudge", np.float32(step / (2 * FRACTION)))
        real, nudged = f"{name}/real", f"{name}/nudged"
        nodes += [
            helper.make_node("DequantizeLinear", [source.input[0], scale, source.input[2]], [real]),
            helper.make_node("Add", [real, nudge], [nudged]),
            helper.make_node("QuantizeLinear", [nudged, *node.input[1:]], [name]),
        ]
    graph.replace_nodes(nodes)


def nudges(graph: Graph) -> dict[str, str]:
    """Return what only decides how a QuantizeLinear rounds: the name that each such Add or Mul writes, and reads."""
    found: dict[str, str] = {}
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
    """Whether a stored number is no further from `neutral` than `limit`, to the rounding of a float32."""
    if name not in graph.stored or graph.value(name).dtype != np.float32 or graph.value(name).size != 1:
        return False
    return 0 < abs(float(graph.value(name).item()) - neutral) <= limit * 1.001


def _multiplier(graph: Graph, source: NodeProto, target: NodeProto) -> int | None:
    """Return m, if `source` and `target` are such a move."""
    if source.op_type != "DequantizeLinear" or target.doc_string == RECTIFIES:
        return None  # an activation alone is computed with a multiplier of 31 bits
    names = [*source.input[1:3], *target.input[1:3]]
    values: list[Array] = [graph.value(name) for name in names if name in graph.stored]
    if (
        len(values) != 4
        or any(one.ndim for one in values)
        or {one.dtype for one in values[1::2]} != {np.dtype("uint8")}
    ):
        return None
    ratio = np.float32(values[0]) / np.float32(values[2])
    if not RATIOS[0] <= ratio <= RATIOS[1] or (values[0] == values[2] and values[1] == values[3]):
        return None
    return int(np.rint(np.float32(FRACTION) * ratio))
