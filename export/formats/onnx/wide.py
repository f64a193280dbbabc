"""Derive an .onnx with int8 weights, int16 activations and float32 arithmetic from a w8a16 .tflite.

ONNX Runtime has no integer kernels for 16-bit activations; equal rounding gives equal values.
"""

from __future__ import annotations

from export.formats.onnx import integers
from export.formats.onnx.layout import sink_transposes
from export.formats.onnx.naming import drop_unused, sort_nodes
from export.formats.onnx.sibling import read_sibling, seal
from export.formats.onnx.weights_only import spell_out_dequantizations

OPSET = 21  # The first with QuantizeLinear to int16; other operators that tf2onnx writes are unchanged since 18.
IR_VERSION = 10


def derive(sibling: bytes) -> bytes:
    """Return the .onnx of a .tflite with int16 activations: the same integers, scales and zero points.

    Raises:
        ConversionError: ONNX has no counterpart for an operator.
    """
    proto = read_sibling(sibling)
    integers.drop_requantizations(proto.graph)
    spell_out_dequantizations(proto.graph)
    sort_nodes(proto.graph)
    sink_transposes(proto.graph)
    drop_unused(proto.graph)
    proto.opset_import[0].version, proto.ir_version = OPSET, IR_VERSION
    return seal(proto)
