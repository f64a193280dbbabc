"""The quantized .onnx matches its .tflite sibling, computes in integers, and cannot saturate on any CPU."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import numpy_helper

from calibration.ranges import Ranges
from export.errors import ConversionError
from export.formats import FORMATS, QuantizationPlan
from export.formats.session import Session
from export.formats.tflite import flatbuffer
from export.formats.tflite.quantize import WIDER
from export.formats.tflite.session import TfliteSession
from export.recipe import Io
from export.scheme import FLOAT16, INT8, W8A16, W8A32, Scheme

L = keras.layers
ONNX, TFLITE = FORMATS["onnx"], FORMATS["tflite"]
RANGE = (-2.0, 2.0)


def images(count: int) -> NDArray[np.float32]:
    """Smooth random images: neighbouring pixels agree, as in photos."""
    coarse = np.random.default_rng(3).uniform(*RANGE, (count, 4, 4, 3))
    return np.kron(coarse, np.ones((1, 4, 4, 1))).astype(np.float32)


@pytest.fixture(scope="module")
def model() -> keras.Model:
    """Every kind of layer that a small vision network has, its batch norm statistics taken from data."""
    keras.utils.set_random_seed(0)
    x = keras.Input((16, 16, 3), name="photo")
    y = L.ReLU(6.0)(L.BatchNormalization()(L.Conv2D(8, 3, strides=2, padding="same")(x)))
    y = L.ReLU()(L.BatchNormalization()(L.DepthwiseConv2D(3, padding="same")(y)))
    shortcut = y
    y = L.BatchNormalization()(L.Conv2D(8, 1)(y))
    y = L.ReLU()(L.Add()([y, shortcut]))
    y = L.MaxPooling2D()(L.ZeroPadding2D(1)(y))
    y = L.Conv2D(12, 3, activation="relu")(y)
    y = L.GlobalAveragePooling2D()(y)
    made = keras.Model(x, L.Dense(6, name="classes")(y))
    for _ in range(60):
        made(images(32), training=True)
    return made


@pytest.fixture(scope="module")
def float_files(model: keras.Model) -> dict[str, bytes]:
    return {"tflite": TFLITE.convert(model), "onnx": ONNX.convert(model)}


@pytest.fixture(scope="module")
def ranges(float_files: Mapping[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> Ranges:
    path = tmp_path_factory.mktemp("ranges") / "float.tflite"
    path.write_bytes(float_files["tflite"])
    session = TfliteSession(path, keep_all_tensors=True)
    watched = flatbuffer.activations(flatbuffer.read(float_files["tflite"]))
    found: dict[str, tuple[float, float]] = {}
    for image in images(16):
        session.invoke({"photo": image[None]})
        for index, name in watched.items():
            values = session.view(index).copy()
            low, high = found.get(name, (np.inf, -np.inf))
            found[name] = (min(low, float(values.min())), max(high, float(values.max())))
    return Ranges(by_tensor=found, observer="min-max")


def quantized(scheme: Scheme, io: Io, float_files: Mapping[str, bytes], ranges: Ranges) -> tuple[bytes, bytes]:
    """Return the .tflite and the .onnx."""
    plan = QuantizationPlan(scheme=scheme, io=io, ranges=ranges, input_ranges={"photo": RANGE})
    sibling = TFLITE.quantize(float_files["tflite"], plan, {})
    return sibling, ONNX.quantize(float_files["onnx"], plan, {"tflite": sibling})


def sessions(pair: tuple[bytes, bytes], folder: Path) -> tuple[Session, Session]:
    tflite, onnx_file = folder / "model.tflite", folder / "model.onnx"
    tflite.write_bytes(pair[0])
    onnx_file.write_bytes(pair[1])
    return TFLITE.open(tflite), ONNX.open(onnx_file)


def outputs_of(pair: tuple[Session, Session], count: int = 64) -> tuple[Any, Any]:
    """Return what the .tflite and the .onnx store for the same stored inputs."""
    results: tuple[list[Any], list[Any]] = ([], [])
    for image in images(count):
        for session, result in zip(pair, results, strict=True):
            stored = pair[0].inputs[0].quantize(image[None])
            result.append(session.run({"photo": stored})["classes"])
    return np.concatenate(results[0]), np.concatenate(results[1])


def initializers(content: bytes) -> dict[str, Any]:
    return {t.name: numpy_helper.to_array(t) for t in onnx.load_from_string(content).graph.initializer}


@pytest.mark.parametrize("io", list(Io))
def test_int8_onnx_and_int8_tflite_store_equal_integers(
    io: Io, float_files: dict[str, bytes], ranges: Ranges, tmp_path: Path
) -> None:
    pair = sessions(quantized(INT8, io, float_files, ranges), tmp_path)
    assert pair[0].inputs == pair[1].inputs
    assert pair[0].outputs == pair[1].outputs
    expected, found = outputs_of(pair)
    step = 1 if io is not Io.FLOAT32 else np.diff(np.unique(expected)).min() * 1.001
    assert len(np.unique(expected)) > 50
    assert np.mean(np.abs(expected.astype(float) - found) <= step) >= 0.999


def test_int8_onnx_executes_only_integer_operators(
    float_files: dict[str, bytes], ranges: Ranges, tmp_path: Path
) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(quantized(INT8, Io.UINT8, float_files, ranges)[1])
    counts = ONNX.census(path)
    assert [count for count in counts if count.arithmetic == "float"] == []
    assert sum(count.count for count in counts if count.op == "QLinearConv") == 4
    assert not {"DequantizeLinear", "QuantizeLinear"} & {count.op for count in counts}


def test_census_counts_the_float_file_as_float(float_files: dict[str, bytes], tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(float_files["onnx"])
    kinds = Counter(count.arithmetic for count in ONNX.census(path))
    assert kinds["integer"] == 0
    assert kinds["float"] >= 3


def test_weights_that_could_saturate_are_unsigned_with_zero_point_128(
    float_files: dict[str, bytes], ranges: Ranges
) -> None:
    content = quantized(INT8, Io.UINT8, float_files, ranges)[1]
    graph, stored = onnx.load_from_string(content).graph, initializers(content)
    zero_points = {np.dtype(np.uint8): 128, np.dtype(np.int8): 0}
    kernels = {
        node.input[0]: (stored[node.input[0]], stored[node.input[2]])
        for node in graph.node
        if node.op_type == "DequantizeLinear" and stored.get(node.input[0], np.int32(0)).dtype in zero_points
    }
    assert len(kernels) == 5
    assert all((zero == zero_points[values.dtype]).all() for values, zero in kernels.values())
    signed = [values for values, _ in kernels.values() if values.dtype == np.int8]
    assert any(values.shape == (8, 1, 3, 3) for values in signed), "depthwise kernels cannot saturate"
    assert len(signed) < 5


def test_clip_inside_the_quantized_range_becomes_an_integer_clip(
    float_files: dict[str, bytes], ranges: Ranges, tmp_path: Path
) -> None:
    """ReLU6 keeps clipping where an observer chose a range beyond 6."""
    wide = {name: (low - 3.0, high + 3.0) for name, (low, high) in ranges.by_tensor.items()}
    beyond = Ranges(by_tensor=wide, observer="min-max")
    content = quantized(INT8, Io.UINT8, float_files, beyond)
    expected, found = outputs_of(sessions(content, tmp_path))
    assert np.mean(np.abs(expected.astype(int) - found) <= 1) >= 0.999
    counts = {(count.op, count.arithmetic) for count in ONNX.census(tmp_path / "model.onnx")}
    assert ("Clip", "integer") in counts
    assert not {op for op, arithmetic in counts if arithmetic == "float"}


def test_w8a16_onnx_matches_the_tflite_within_a_few_16_bit_steps(
    float_files: dict[str, bytes], ranges: Ranges, tmp_path: Path
) -> None:
    pair = sessions(quantized(W8A16, Io.FLOAT32, float_files, ranges), tmp_path)
    expected, found = outputs_of(pair)
    assert np.abs(expected - found).max() <= 5 * WIDER * np.abs(expected).max() / 32767


def test_w8a32_onnx_matches_the_tflite_and_dequantizes_at_load_time(
    float_files: dict[str, bytes], ranges: Ranges, tmp_path: Path
) -> None:
    pair = quantized(W8A32, Io.FLOAT32, float_files, ranges)
    expected, found = outputs_of(sessions(pair, tmp_path))
    assert np.abs(expected - found).max() <= 1e-5 * np.abs(expected).max()
    assert any(values.dtype == np.int8 and values.size > 100 for values in initializers(pair[1]).values())
    assert not {"Cast", "Mul", "DequantizeLinear"} & {op.op for op in ONNX.census(tmp_path / "model.onnx")}


def float16(float_file: bytes) -> bytes:
    plan = QuantizationPlan(scheme=FLOAT16, io=Io.FLOAT32, ranges=None, input_ranges={})
    return ONNX.quantize(float_file, plan, {})


def test_float16_rounds_large_weights_and_computes_in_float32(float_files: dict[str, bytes], tmp_path: Path) -> None:
    content = float16(float_files["onnx"])
    for name, values in initializers(content).items():
        assert values.dtype == (np.float16 if name.endswith("half") or values.size > 16 else values.dtype)
    assert len(content) < 0.75 * len(float_files["onnx"])
    expected, found = outputs_of(sessions((float_files["tflite"], content), tmp_path), 4)
    assert 1e-7 < np.abs(expected - found).max() / np.abs(expected).max() < 5e-3


def test_error_names_a_weight_that_exceeds_float16() -> None:
    x = keras.Input((8,), name="x")
    model = keras.Model(x, L.Dense(4, kernel_initializer=keras.initializers.Constant(1e5))(x))
    with pytest.raises(ConversionError, match="65504"):
        float16(ONNX.convert(model))


def test_derivation_from_the_sibling_is_deterministic(float_files: dict[str, bytes], ranges: Ranges) -> None:
    plans = [
        QuantizationPlan(scheme=scheme, io=Io.FLOAT32, ranges=ranges, input_ranges={"photo": RANGE})
        for scheme in (INT8, W8A16, W8A32)
    ]
    for plan in plans:
        siblings = {"tflite": TFLITE.quantize(float_files["tflite"], plan, {})}
        assert ONNX.quantize(b"", plan, siblings) == ONNX.quantize(b"", plan, siblings)


def test_int8_onnx_without_sibling_is_rejected(float_files: dict[str, bytes]) -> None:
    plan = QuantizationPlan(scheme=INT8, io=Io.UINT8, ranges=None, input_ranges={})
    with pytest.raises(ConversionError, match="tflite"):
        ONNX.quantize(float_files["onnx"], plan, {})
