"""Sums of two integers are equal in both formats, also close to a half."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from calibration.ranges import Range, Ranges
from export.formats import FORMATS, Format, QuantizationPlan
from export.formats.tflite import flatbuffer
from export.formats.tflite.add_grids import COARSER, COMMON, TRIED, pairs_that_part, wider
from export.recipe import Io
from export.scheme import INT8

ONNX, TFLITE = FORMATS["onnx"], FORMATS["tflite"]
SMALL = np.arange(-64, 64)
# In MobileNet v2: 19 and 15 steps make 20.499994, which XNNPACK rounds up and ONNX Runtime down.
MEASURED = (0.02310193, 0), (0.046944633, 4), (0.035172503, -12)
EVEN = (0.25, 0), (0.25, 0), (0.5, 0)  # each odd sum is a half


def random_grids(seed: int) -> tuple[tuple[float, int], ...]:
    """Return scales and zero points of two terms and their sum, as residual networks have them."""
    generator = np.random.default_rng(seed)
    scales = generator.uniform(0.3, 1.5, 2).tolist()
    return tuple(zip([*scales, 1.0], generator.integers(-20, 20, 3).tolist(), strict=True))


GRIDS = {"measured": MEASURED, "halves": EVEN} | {f"random {seed}": random_grids(seed) for seed in range(6)}


def range_of(scale: float, zero_point: int) -> Range:
    return (-128 - zero_point) * scale, (127 - zero_point) * scale


# What is added to or subtracted from the bytes of a photo on a grid: the numbers, and the ranges before and after.
CONSTANTS: dict[str, tuple[list[float], Range, Range]] = {
    "bytes / 127.5 - 1": ([-1], (0, 2), (-1, 1)),
    "a colour in each channel": ([-103.939, -116.779, -123.68], (0, 255), (-123.68, 151.061)),
    "halves in two of three channels": ([-2.5, 3, 0.5], (-127, 128), (-127, 128)),
}


@pytest.mark.parametrize("name", GRIDS)
def test_sums_are_equal_in_both_formats(name: str, tmp_path: Path) -> None:
    first, second, total = (range_of(*grid) for grid in GRIDS[name])
    inputs = [keras.Input((len(SMALL), len(SMALL), 1), name=one) for one in ("first", "second")]
    model = keras.Model(inputs, layers.Add(name="total")(inputs))
    files = quantized(model, {"first": first, "second": second}, total)
    found = []
    for file_format, content in files.items():
        path = tmp_path / f"model{file_format.suffix}"
        path.write_bytes(content)
        session = file_format.open(path)
        points = {spec.name: spec.zero_point or 0 for spec in session.inputs}
        a, b = (np.clip(SMALL + points[one], -128, 127).astype(np.int8) for one in ("first", "second"))
        first_codes, second_codes = (np.ascontiguousarray(one)[None, ..., None] for one in np.meshgrid(a, b))
        (output,) = session.run({"first": first_codes, "second": second_codes}).values()
        found.append(output)
    assert len(np.unique(found[0])) > 40
    assert np.array_equal(*found)


@pytest.mark.parametrize("sign", [1, -1], ids=["added", "subtracted"])
@pytest.mark.parametrize("name", CONSTANTS)
def test_sums_with_a_constant_are_equal_in_both_formats(name: str, sign: int, tmp_path: Path) -> None:
    numbers, before, after = CONSTANTS[name]
    image = keras.Input((16, 16, len(numbers)), name="image")
    constant = sign * np.array(numbers, np.float32)
    model = keras.Model(image, image + constant if sign == 1 else image - constant)
    codes = np.repeat(np.arange(-128, 128, dtype=np.int8).reshape(1, 16, 16, 1), len(numbers), axis=-1)
    found = []
    for file_format, content in quantized(model, {"image": before}, after).items():
        path = tmp_path / f"model{file_format.suffix}"
        path.write_bytes(content)
        (output,) = file_format.open(path).run({"image": codes}).values()
        found.append(output)
    assert len(np.unique(found[0])) > 200
    assert np.array_equal(*found)


def quantized(model: keras.Model, before: dict[str, Range], after: Range) -> dict[Format, bytes]:
    """Return the int8 files of a model of one operator, from the ranges of its inputs and of its output."""
    float_file = TFLITE.convert(model)
    names = flatbuffer.activations(flatbuffer.read(float_file)).values()
    plan = QuantizationPlan(
        scheme=INT8,
        io=Io.INT8,
        ranges=Ranges(by_tensor=dict.fromkeys(names, after), observer="min-max"),
        input_ranges=before,
    )
    sibling = TFLITE.quantize(float_file, plan, {})
    return {TFLITE: sibling, ONNX: ONNX.quantize(ONNX.convert(model), plan, {"tflite": sibling})}


@pytest.mark.parametrize("name", ["measured", "halves"])
def test_grid_of_a_sum_is_no_coarser_than_necessary(name: str) -> None:
    *terms, planned = [np.float32(scale) for scale, _ in GRIDS[name]]
    numbers = np.arange(-COMMON, COMMON + 1, dtype=np.float64)
    first, second, total = (range_of(*grid) for grid in GRIDS[name])
    assert pairs_that_part(*((scale, numbers) for scale in terms), planned)
    low, high = wider(first, second, total)
    assert low / total[0] == pytest.approx(high / total[1])
    assert 1 < low / total[0] <= 1 + TRIED * COARSER
    assert not pairs_that_part(*((scale, numbers) for scale in terms), np.float32((high - low) / 255))
    assert wider(first, second, (low, high)) == (low, high)
