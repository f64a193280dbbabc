"""The ranges of 16-bit activations are wider than what calibration saw, except where the runtime fixes the grid."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import pytest
from keras import layers

from calibration.ranges import Ranges
from export.formats import PRIMARY, QuantizationPlan
from export.formats.tflite import flatbuffer
from export.formats.tflite.quantize import WIDER, planned, quantize
from export.recipe import Io
from export.scheme import INT8, W8A16, Scheme


def float_file() -> tuple[bytes, Ranges]:
    """Return a network whose activations are planned from -2 to 2, those of the softmax from 0 to 1."""
    x = keras.Input((4, 6), name="x")
    content = PRIMARY.convert(keras.Model(x, layers.Dense(3)(layers.Flatten()(layers.Softmax()(layers.Dense(5)(x))))))
    model = flatbuffer.read(content)
    shares = {int(index) for one in model.subgraphs[0].operators if flatbuffer.op_name(model, one) == "SOFTMAX"
              for index in one.outputs}  # fmt: skip
    by_tensor = {name: (0.0, 1.0) if index in shares else (-2.0, 2.0) for index, name in names(model).items()}
    return content, Ranges(by_tensor=by_tensor, observer="min-max")


def names(model: Any) -> dict[int, str]:
    return flatbuffer.activations(model)


def plan(scheme: Scheme, ranges: Ranges) -> QuantizationPlan:
    return QuantizationPlan(scheme=scheme, io=Io.FLOAT32, ranges=ranges, input_ranges={})


@pytest.mark.parametrize(("scheme", "wider"), [(INT8, 1.0), (W8A16, WIDER)])
def test_planned_ranges_are_wider_for_16_bits_only(scheme: Scheme, wider: float) -> None:
    content, ranges = float_file()
    found = planned(flatbuffer.read(content), plan(scheme, ranges))
    limits = sorted({round(high, 3) for _, high in found.values()})
    assert limits == [1.0, 2 * wider]  # the softmax, and what is only moved from it, keep theirs


def test_stored_grids_are_as_wide_as_planned(tmp_path: Path) -> None:
    content, ranges = float_file()
    path = tmp_path / "file.tflite"
    path.write_bytes(quantize(content, plan(W8A16, ranges)))
    assert PRIMARY.ranges(content, path.read_bytes(), plan(W8A16, ranges)).worst_share < 0.01
    model = flatbuffer.read(path.read_bytes())
    first = next(one for one in model.subgraphs[0].operators if flatbuffer.op_name(model, one) == "QUANTIZE")
    (step,) = model.subgraphs[0].tensors[first.outputs[0]].quantization.scale
    assert step * 32767 == pytest.approx(2 * WIDER, rel=1e-3)
