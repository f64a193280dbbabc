"""Operators that the runtimes would round differently give equal integers in both formats."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
import pytest
from keras import layers

from calibration.ranges import Ranges
from export.formats import FORMATS, QuantizationPlan
from export.formats.onnx.census import census
from export.formats.onnx.split import cut, seams
from export.formats.tflite import flatbuffer
from export.recipe import Io
from export.scheme import INT8
from tests.float_files import converted

ONNX, TFLITE = FORMATS["onnx"], FORMATS["tflite"]
SHAPE = (12, 12, 6)
CODES = np.random.default_rng(0).integers(-128, 128, (1, *SHAPE)).astype(np.int8)
CODES.reshape(-1)[:256] = np.arange(-128, 128)

Net = Callable[[Any], Any]


def files(net: Net, low: float, high: float, width: float) -> tuple[bytes, bytes]:
    """Return the .tflite and the .onnx, for inputs between `low` and `high`, and others `width` times as wide."""
    image = keras.Input(SHAPE, name="image")
    model = keras.Model(image, net(image), name="net")
    float_file = converted(model, "tflite")
    names = flatbuffer.activations(flatbuffer.read(float_file)).values()
    plan = QuantizationPlan(
        scheme=INT8,
        io=Io.INT8,
        ranges=Ranges(by_tensor=dict.fromkeys(names, (low * width, high * width)), observer="min-max"),
        input_ranges={"image": (low, high)},
    )
    sibling = TFLITE.quantize(float_file, plan, {})
    return sibling, ONNX.quantize(converted(model, "onnx"), plan, {"tflite": sibling})


def outputs_of(contents: tuple[bytes, bytes], folder: Path) -> list[np.ndarray]:
    found = []
    for file_format, content in zip((TFLITE, ONNX), contents, strict=True):
        path = folder / f"model{file_format.suffix}"
        path.write_bytes(content)
        (output,) = file_format.open(path).run({"image": CODES}).values()
        found.append(output)
    return found


def joined(x: Any) -> Any:
    return layers.Concatenate(name="joined")([x, layers.MaxPooling2D(3, 1, padding="same", name="pool")(x)])


POOLS: dict[str, Net] = {
    "2 x 2": lambda x: layers.AveragePooling2D(2, name="pool")(x),
    "2 x 3": lambda x: layers.AveragePooling2D((2, 3), name="pool")(x),
    "3 x 3, same": lambda x: layers.AveragePooling2D(3, 1, padding="same", name="pool")(x),
    "8 x 8": lambda x: layers.AveragePooling2D(8, 1, name="pool")(x),
}


@pytest.mark.parametrize("width", [0.13, 0.7, 0.999, 1.001, 1.3, 1.9371, 3.0, 40.0])
@pytest.mark.parametrize(("low", "high"), [(-1.0, 1.0), (-0.3, 2.2), (0.0, 6.0)])
def test_requantization_gives_equal_integers_in_both_formats(
    low: float, high: float, width: float, tmp_path: Path
) -> None:
    one, other = outputs_of(files(joined, low, high, width), tmp_path)
    assert len(np.unique(one)) > 5
    assert np.array_equal(one, other)


@pytest.mark.parametrize("width", [0.41, 0.999, 1.7])
@pytest.mark.parametrize(("low", "high"), [(-1.0, 1.0), (-0.3, 2.2)])
def test_separate_relu_gives_equal_integers_in_both_formats(
    low: float, high: float, width: float, tmp_path: Path
) -> None:
    one, other = outputs_of(files(layers.ReLU(name="relu"), low, high, width), tmp_path)
    assert len(np.unique(one)) > 20
    assert np.array_equal(one, other)


@pytest.mark.parametrize("slope", [0.1, 0.3, 0.01])
@pytest.mark.parametrize(("low", "high", "width"), [(-1.0, 1.0, 0.7), (-3.0, 1.0, 1.3), (-0.3, 2.2, 1.0)])
def test_leaky_relu_gives_equal_integers_in_both_formats(
    low: float, high: float, width: float, slope: float, tmp_path: Path
) -> None:
    pool, leaky = layers.MaxPooling2D(1, name="same"), layers.LeakyReLU(slope, name="leaky")
    made = files(lambda x: leaky(pool(x)), low, high, width)
    one, other = outputs_of(made, tmp_path)
    assert len(np.unique(one)) > 20
    assert np.array_equal(one, other)
    path = tmp_path / "model.onnx"
    path.write_bytes(made[1])
    assert {found.op: found.arithmetic for found in census(path)}["QLinearLeakyRelu"] == "integer"


@pytest.mark.parametrize("name", POOLS)
@pytest.mark.parametrize(("low", "high"), [(-1.0, 1.0), (-0.3, 2.2), (0.0, 6.0)])
def test_mean_gives_equal_integers_in_both_formats(low: float, high: float, name: str, tmp_path: Path) -> None:
    one, other = outputs_of(files(POOLS[name], low, high, 1.0), tmp_path)
    assert len(np.unique(one)) > 20
    assert np.array_equal(one, other)


def test_requantization_is_neither_arithmetic_nor_an_activation(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(files(joined, -1.0, 1.0, 1.3)[1])
    assert {op.arithmetic for op in census(path) if op.op == "Add"} == {"none"}
    proto = onnx.load(path)
    found = seams(proto)
    assert len(found) == 2  # the input, and what the concatenation gives
    parts = onnx.load_from_string(cut(proto, found))
    assert {value.name for value in parts.graph.input} == {f"cut/{seam.name}" for seam in found}
