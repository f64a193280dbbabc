"""The int8 .onnx of a transformer computes LiteRT's integers, and its tables are recognized in a split file."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import onnx
import pytest

from calibration.ranges import Ranges
from export.formats import FORMATS, QuantizationPlan
from export.formats.onnx import rsqrt, squared_difference, tables
from export.formats.onnx.graph import Graph
from export.formats.tflite import flatbuffer
from export.formats.tflite.session import TfliteSession
from export.recipe import Io
from export.scheme import INT8

L = keras.layers
STEPS, WIDTH, COUNT = 12, 16, 64


def samples() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(COUNT, STEPS, WIDTH)).astype(np.float32)


@pytest.fixture(scope="module")
def int8_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    keras.utils.set_random_seed(0)
    x = keras.Input((STEPS, WIDTH), name="x")
    y = x
    for _ in range(3):
        y = L.LayerNormalization()(y)
        y = L.Dense(WIDTH)(L.MultiHeadAttention(2, 8)(y, y))
    float_file = FORMATS["tflite"].convert(keras.Model(x, y))
    path = tmp_path_factory.mktemp("transformer") / "float.tflite"
    path.write_bytes(float_file)
    session = TfliteSession(path, keep_all_tensors=True)
    found: dict[str, tuple[float, float]] = {}
    for sample in samples():
        session.invoke({"x": sample[None]})
        for index, name in flatbuffer.activations(flatbuffer.read(float_file)).items():
            values = session.view(index).copy()
            low, high = found.get(name, (np.inf, -np.inf))
            found[name] = (min(low, float(values.min())), max(high, float(values.max())))
    plan = QuantizationPlan(
        scheme=INT8, io=Io.FLOAT32, ranges=Ranges(by_tensor=found, observer="min-max"), input_ranges={}
    )
    sibling = FORMATS["tflite"].quantize(float_file, plan, {})
    return {".tflite": sibling, ".onnx": FORMATS["onnx"].quantize(b"", plan, {"tflite": sibling})}


def test_integers_are_those_of_the_tflite(int8_files: dict[str, bytes], tmp_path: Path) -> None:
    outputs = []
    for suffix, content in int8_files.items():
        path = tmp_path / f"model{suffix}"
        path.write_bytes(content)
        session = FORMATS[suffix[1:]].open(path)
        outputs.append(np.concatenate([next(iter(session.run({"x": one[None]}).values())) for one in samples()]))
    step = np.abs(outputs[0][outputs[0] != 0]).min()
    differing = np.mean(np.abs(outputs[0] - outputs[1]) > step / 2)
    assert differing < 0.005


def test_tables_stand_for_real_operators(int8_files: dict[str, bytes]) -> None:
    graph = Graph(onnx.load_from_string(int8_files[".onnx"]).graph)
    kinds = [node.op_type for node in tables.of(graph).values()]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {"Identity": 12, "Sqrt": 3, "Reciprocal": 3}


@pytest.mark.parametrize(
    ("in_step", "step", "code", "expected"),
    # Measured in LiteRT; the real results lie just below a half.
    [(0.00312735210172832, 0.02762969210743904, 13, 180), (0.007639516610652208, 0.006326018366962671, 105, 177)],
)
def test_root_just_below_a_half_is_rounded_up(in_step: float, step: float, code: int, expected: int) -> None:
    assert 1 / np.sqrt(code * in_step) / step < expected - 0.5
    assert rsqrt.table(in_step, -128, step, -128)[code] == expected - 128


def test_parts_of_the_larger_step_are_exact() -> None:
    np.testing.assert_array_equal(squared_difference.table(0.25, 3, 0.25), (np.arange(-128, 128) - 3) * 64)
