"""Convert a float32 .onnx or a quantized .tflite to an .onnx in another precision."""

from __future__ import annotations

from collections.abc import Mapping

from export.errors import ConversionError
from export.formats.format import QuantizationPlan
from export.formats.onnx import dynamic, float16, int8, weights_only, wide
from export.scheme import FLOAT16, FLOAT32, INT4, INT8, INT8_DYNAMIC, W8A16, W8A32

SOURCE = "tflite"


def quantize(float_file: bytes, plan: QuantizationPlan, siblings: Mapping[str, bytes]) -> bytes:
    """Return the file in the precision `plan.scheme`.

    Integer files are derived from `siblings["tflite"]` alone, so that both formats store the same integers; float16
    files are derived from `float_file`.

    Raises:
        ConversionError: the sibling is missing, or ONNX has no counterpart for an operator.
        ValueError: the precision is float32, which needs no quantization.
    """
    if plan.scheme == FLOAT16:
        return float16.halve(float_file)
    if plan.scheme == FLOAT32:
        raise ValueError("a float32 file is converted, not quantized")
    if SOURCE not in siblings:
        raise ConversionError(f"the {plan.scheme} .onnx is derived from the {plan.scheme} .tflite; export both formats")
    if plan.scheme == INT8:
        return int8.derive(siblings[SOURCE], is_mixed=bool(plan.raised))
    if plan.scheme in (INT8_DYNAMIC, INT4):
        return dynamic.derive(siblings[SOURCE], float_file)
    derive = {W8A16: wide.derive, W8A32: weights_only.derive}
    return derive[plan.scheme](siblings[SOURCE])
