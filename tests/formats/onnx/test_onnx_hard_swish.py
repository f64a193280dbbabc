"""8-bit hard-swish gives equal integers in both formats for every input."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import onnx
import pytest

from calibration.ranges import Ranges
from export.formats import FORMATS, QuantizationPlan
from export.formats.onnx import hard_swish
from export.formats.onnx.split import cut, seams
from export.formats.tflite import flatbuffer
from export.recipe import Io
from export.scheme import INT8

ONNX, TFLITE = FORMATS["onnx"], FORMATS["tflite"]
CODES = np.arange(-128, 128, dtype=np.int8).reshape(1, 16, 16, 1)


def swish(low: float, high: float) -> tuple[bytes, bytes]:
    """Return the .tflite and the .onnx of a model that is nothing else, for inputs between `low` and `high`."""
    image = keras.Input((16, 16, 1), name="image")
    model = keras.Model(image, keras.layers.Activation("hard_swish", name="swished")(image))
    float_file = TFLITE.convert(model)
    ends = np.linspace(low, high, 1001)
    outputs = ends * np.clip(ends + 3, 0, 6) / 6
    names = flatbuffer.activations(flatbuffer.read(float_file)).values()
    by_tensor = {name: (float(outputs.min()), float(outputs.max())) for name in names}
    plan = QuantizationPlan(
        scheme=INT8,
        io=Io.INT8,
        ranges=Ranges(by_tensor=by_tensor, observer="min-max"),
        input_ranges={"image": (low, high)},
    )
    sibling = TFLITE.quantize(float_file, plan, {})
    return sibling, ONNX.quantize(ONNX.convert(model), plan, {"tflite": sibling})


@pytest.mark.parametrize(("low", "high"), [(-3, 3), (-0.5, 0.7), (-8, 1), (-1.3, 11.7), (-40, 60), (0, 5), (-2.9, 4.1)])
def test_hard_swish_is_equal_in_both_formats_for_every_integer(low: float, high: float, tmp_path: Path) -> None:
    outputs = []
    for file_format, content in zip((TFLITE, ONNX), swish(low, high), strict=True):
        path = tmp_path / f"model{file_format.suffix}"
        path.write_bytes(content)
        (output,) = file_format.open(path).run({"image": CODES}).values()
        outputs.append(output)
    assert len(np.unique(outputs[0])) > 64
    assert np.array_equal(*outputs)


def test_table_is_replaced_by_hard_swish_for_a_diagnosis() -> None:
    proto = onnx.load_from_string(swish(-4.0, 4.0)[1])
    assert "Gather" in {node.op_type for node in proto.graph.node}
    parts = onnx.load_from_string(cut(proto, seams(proto)))
    kinds = {node.op_type for node in parts.graph.node}
    assert "HardSwish" in kinds
    assert not {"Gather", "Cast"} & kinds


def test_table_contains_results_that_float_rounds_differently() -> None:
    in_scale, out_scale = 0.02769356, 0.01990936
    real = np.arange(-128, 128) * in_scale
    rounded = np.rint(real * np.clip(real + 3, 0, 6) / 6 / out_scale)
    off = hard_swish.table(in_scale, 0, out_scale, 0) - np.clip(rounded, -128, 127)
    assert 0 < np.count_nonzero(off) < 8
    assert np.abs(off).max() == 1
