"""Quantize a float .onnx by itself, for models of which no .tflite exists.

int8 and w8a16 files are made by ONNX Runtime's static quantizer, with ranges of its own; w8a32 only rounds weights.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from calibration.samples import Array, Samples
from export import temporary
from export.errors import ConversionError
from export.formats.distance import LARGEST, symmetric_steps
from export.formats.onnx import saturation
from export.formats.onnx.graph import Graph
from export.formats.onnx.layers import output_axis
from export.formats.onnx.naming import drop_unused
from export.formats.onnx.protos import NodeProto
from export.scheme import INT8, W8A16, W8A32, Scheme


def quantize(path: Path, samples: Samples, scheme: Scheme) -> bytes:
    """Return the file in the precision of `scheme`.

    Args:
        path: a float32 .onnx.
        samples: calibration samples.
        scheme: with integer weights.

    Raises:
        ConversionError: the quantizer rejects the graph.
    """
    return _weights_only(path) if scheme == W8A32 else _static(path, samples, scheme)


def _static(path: Path, samples: Samples, scheme: Scheme) -> bytes:
    import onnx
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

    types = {INT8: QuantType.QUInt8, W8A16: QuantType.QUInt16}
    if scheme not in types:
        raise ConversionError(f"without a .tflite there is no {scheme} .onnx; type --precision w8a32")
    with temporary.folder() as folder:
        made = Path(folder) / "quantized.onnx"
        try:
            quantize_static(
                path,
                made,
                _Reader(samples),
                quant_format=QuantFormat.QDQ,
                per_channel=True,
                activation_type=types[scheme],
                weight_type=QuantType.QUInt8,
                extra_options={"WeightSymmetric": True},
            )
        except Exception as error:  # the quantizer raises anything, and the float files remain good
            first = next(iter(str(error).splitlines()), type(error).__name__)
            raise ConversionError(f"ONNX Runtime's quantizer rejects the float .onnx: {first}") from error
        proto = onnx.load(str(made))
    saturation.sign_safe_weights(proto.graph)
    return bytes(proto.SerializeToString())


class _Reader:
    """The calibration samples as ONNX Runtime's quantizer reads them: one after the other, then None."""

    def __init__(self, samples: Samples) -> None:
        self._rest: Iterator[dict[str, Array]] = iter(samples)

    def get_next(self) -> dict[str, Array] | None:
        return next(self._rest, None)


def _weights_only(path: Path) -> bytes:
    """Return the file with per-channel int8 weights, which the runtime dequantizes once, when it loads the file."""
    import onnx

    proto = onnx.load(str(path))
    graph = Graph(proto.graph)
    nodes: list[NodeProto] = []
    for node in proto.graph.node:
        axis = output_axis(node)
        if axis is not None and node.input[1] in graph.stored and graph.readers[node.input[1]] == 1:
            nodes += _dequantized(graph, node, axis)
        nodes.append(node)
    graph.replace_nodes(nodes)
    drop_unused(proto.graph)
    return bytes(proto.SerializeToString())


def _dequantized(graph: Graph, node: NodeProto, axis: int) -> Iterator[NodeProto]:
    """Yield the nodes that compute the layer's weights from integers, and let it read their result."""
    from onnx import TensorProto, helper

    name = node.input[1]
    weights = graph.value(name).astype(np.float64)
    scale = symmetric_steps(weights, axis).astype(np.float32)
    integers = np.clip(np.rint(weights / scale), -LARGEST, LARGEST).astype(np.int8)
    cast, real = f"{name}/cast", f"{name}/real"
    yield helper.make_node("Cast", [graph.store(f"{name}/integers", integers)], [cast], to=TensorProto.FLOAT)
    yield helper.make_node("Mul", [cast, graph.store(f"{name}/scale", scale)], [real])
    node.input[1] = real
