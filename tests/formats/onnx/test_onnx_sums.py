"""Sums of two integers are equal in both formats, also close to a half."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from calibration.ranges import Range, Ranges
from export.formats import FORMATS, QuantizationPlan
from export.formats.tflite import flatbuffer
from export.formats.tflite.add_grids import COARSER, TRIED, pairs_that_part, wider
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


@pytest.mark.parametrize("name", GRIDS)
def test_sums_are_equal_in_both_formats(name: str, tmp_path: Path) -> None:
    first, second, total = (range_of(*grid) for grid in GRIDS[name])
    inputs = [keras.Input((len(SMALL), len(SMALL), 1), name=one) for one in ("first", "second")]
    model = keras.Model(inputs, layers.Add(name="total")(inputs))
    float_file = TFLITE.convert(model)
    names = flatbuffer.activations(flatbuffer.read(float_file)).values()
    plan = QuantizationPlan(
        scheme=INT8,
        io=Io.INT8,
        ranges=Ranges(by_tensor=dict.fromkeys(names, total), observer="min-max"),
        input_ranges={"first": first, "second": second},
    )
    sibling = TFLITE.quantize(float_file, plan, {})
    found = []
    for file_format, content in (
        (TFLITE, sibling),
        (ONNX, ONNX.quantize(ONNX.convert(model), plan, {"tflite": sibling})),
    ):
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


@pytest.mark.parametrize("name", ["measured", "halves"])
def test_grid_of_a_sum_is_no_coarser_than_necessary(name: str) -> None:
    scales = [np.float32(scale) for scale, _ in GRIDS[name]]
    first, second, total = (range_of(*grid) for grid in GRIDS[name])
    assert pairs_that_part(*scales)
    low, high = wider(first, second, total)
    assert low / total[0] == pytest.approx(high / total[1])
    assert 1 < low / total[0] <= 1 + TRIED * COARSER
    assert not pairs_that_part(*scales[:2], np.float32((high - low) / 255))
    assert wider(first, second, (low, high)) == (low, high)
