"""The TFLite format on small networks with trained or hand-made weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from calibration.ranges import Ranges
from calibration.samples import Samples
from export.formats import QuantizationPlan
from export.formats.tflite import TFLITE, flatbuffer
from export.formats.tflite.watching import TfliteWatcher
from export.metrics import compare
from export.model import signature
from export.recipe import Io
from export.scheme import FLOAT16, INT8, W8A16, W8A32, Scheme

Array = NDArray[Any]
PHOTOS = 24


@pytest.fixture(scope="module")
def photos() -> Array:
    path = Path(__file__).parents[2] / "data" / "fashion_mnist_500.npz"
    with np.load(path, allow_pickle=False) as arrays:
        found: Array = arrays["photos"][:PHOTOS]
    return found


@pytest.fixture(scope="module")
def lenet() -> Any:
    import zoo
    from zoo import weights

    architecture = zoo.find("lenet5")
    model = architecture.build()
    assert weights.load(model, architecture).trained
    return model


@pytest.fixture(scope="module")
def float_file(lenet: Any) -> bytes:
    return TFLITE.convert(lenet)


@pytest.fixture
def opened(tmp_path: Path) -> Callable[[bytes], Any]:
    def open_file(content: bytes) -> Any:
        path = tmp_path / "model.tflite"
        path.write_bytes(content)
        return TFLITE.open(path)

    return open_file


@pytest.fixture(scope="module")
def ranges(float_file: bytes, photos: Array, tmp_path_factory: pytest.TempPathFactory) -> Ranges:
    return observe(float_file, photos / np.float32(255), tmp_path_factory.mktemp("observe") / "float.tflite")


def observe(content: bytes, inputs: Array, path: Path) -> Ranges:
    path.write_bytes(content)
    found: dict[str, tuple[float, float]] = {}

    def update(name: str, values: Array) -> None:
        low, high = float(values.min()), float(values.max())
        before = found.get(name, (low, high))
        found[name] = min(low, before[0]), max(high, before[1])

    (name,) = (spec.name for spec in TFLITE.open(path).inputs)
    TfliteWatcher(path).watch(Samples(inputs={name: inputs}, source="tests", seed=0), lambda _: update)
    return Ranges(by_tensor=found, observer="min-max")


def plan(scheme: Scheme, ranges: Ranges | None, io: Io = Io.FLOAT32, **inputs: Any) -> QuantizationPlan:
    return QuantizationPlan(scheme=scheme, io=io, ranges=ranges, input_ranges=inputs)


def outputs_of(session: Any, inputs: Array) -> Array:
    (source,), (output,) = session.inputs, session.outputs
    rows = [session.run({source.name: source.quantize(row[None])})[output.name] for row in inputs]
    found: Array = output.dequantize(np.concatenate(rows))
    return found


def test_float_file_is_the_keras_model(lenet: Any, float_file: bytes, photos: Array, opened: Any) -> None:
    inputs = photos / np.float32(255)
    compared = compare(reference=np.asarray(lenet(inputs)), actual=outputs_of(opened(float_file), inputs))
    assert compared.sqnr_db >= 90


def test_signature_carries_the_keras_names_and_a_batch_of_one(lenet: Any, float_file: bytes, opened: Any) -> None:
    session = opened(float_file)
    assert session.inputs == signature.inputs(lenet)
    assert session.outputs == signature.outputs(lenet)


def test_conversion_is_deterministic(lenet: Any, float_file: bytes) -> None:
    assert TFLITE.convert(lenet) == float_file


@pytest.mark.parametrize("scheme", [FLOAT16, INT8, W8A16, W8A32])
def test_quantized_file_keeps_the_predictions(
    scheme: Scheme, float_file: bytes, ranges: Ranges, photos: Array, opened: Any
) -> None:
    inputs = photos / np.float32(255)
    expected = outputs_of(opened(float_file), inputs)
    content = TFLITE.quantize(float_file, plan(scheme, ranges), {})
    compared = compare(reference=expected, actual=outputs_of(opened(content), inputs))
    assert len(content) < 0.55 * len(float_file)
    assert compared.sqnr_db >= 18  # measured 20.5 to 129 dB
    assert compared.top1_agreement == 1.0


def test_uint8_input_is_the_unchanged_photo(float_file: bytes, ranges: Ranges, photos: Array, opened: Any) -> None:
    (name,) = [spec.name for spec in opened(float_file).inputs]
    session = opened(TFLITE.quantize(float_file, plan(INT8, ranges, Io.UINT8, **{name: (0.0, 1.0)}), {}))
    (source,) = session.inputs
    assert (source.dtype, source.zero_point) == ("uint8", 0)
    assert source.scale == pytest.approx(1 / 255)
    assert np.array_equal(source.quantize(photos / np.float32(255)), photos)


def test_io_types_give_equal_outputs(float_file: bytes, ranges: Ranges, photos: Array, opened: Any) -> None:
    inputs = photos / np.float32(255)
    found = {io: opened(TFLITE.quantize(float_file, plan(INT8, ranges, io), {})) for io in [Io.INT8]}
    expected = outputs_of(found[Io.INT8], inputs)
    for io in (Io.UINT8, Io.FLOAT32):
        session = opened(TFLITE.quantize(float_file, plan(INT8, ranges, io), {}))
        assert session.inputs[0].dtype == io
        assert np.allclose(outputs_of(session, inputs), expected, atol=1e-6)


def test_int8_file_computes_only_in_integers(float_file: bytes, ranges: Ranges, tmp_path: Path) -> None:
    path = tmp_path / "int8.tflite"
    path.write_bytes(TFLITE.quantize(float_file, plan(INT8, ranges), {}))
    kinds = {op.op: op.arithmetic for op in TFLITE.census(path)}
    assert "float" not in kinds.values()
    assert kinds["CONV_2D"] == "integer"


def test_no_two_neighbouring_weights_can_saturate_16_bits(float_file: bytes, ranges: Ranges) -> None:
    model = flatbuffer.read(TFLITE.quantize(float_file, plan(INT8, ranges), {}))
    subgraph = model.subgraphs[0]
    kinds = ("CONV_2D", "FULLY_CONNECTED")
    layers = [op for op in subgraph.operators if flatbuffer.op_name(model, op) in kinds]
    assert len(layers) == 5
    for layer in layers:
        weights = flatbuffer.constant(model, subgraph.tensors[layer.inputs[1]]).astype(int)
        rows = weights.reshape(len(weights), -1)
        even = np.pad(rows, ((0, 0), (0, rows.shape[1] % 2)))
        assert np.abs(even[:, 0::2] + even[:, 1::2]).max() <= 128  # 255 * 128 fits into int16


def test_census_shows_a_float_island(float_file: bytes, tmp_path: Path) -> None:
    path = tmp_path / "w8a32.tflite"
    path.write_bytes(TFLITE.quantize(float_file, plan(W8A32, None), {}))
    assert {op.op: op.arithmetic for op in TFLITE.census(path)}["CONV_2D"] == "float"


def test_weights_are_inside_the_flatbuffer_and_aligned_to_16_bytes(float_file: bytes, ranges: Ranges) -> None:
    from ai_edge_litert import schema_py_generated as schema

    content = TFLITE.quantize(float_file, plan(INT8, ranges), {})
    model = schema.Model.GetRootAs(content, 0)
    buffers = [model.Buffers(index) for index in range(model.BuffersLength())]
    weights = [buffer for buffer in buffers if buffer.DataLength() >= 16]
    assert len(weights) >= 8
    assert all(buffer.Offset() == 0 for buffer in buffers)
    assert all(buffer._tab.Vector(buffer._tab.Offset(4)) % 16 == 0 for buffer in weights)


@pytest.fixture(scope="module")
def dead_channel() -> tuple[Any, Array]:
    """A convolution whose first channel has no weights, only a bias that everything after depends on."""
    import keras

    source = keras.Input((8, 8, 3))
    found = keras.layers.Conv2D(4, 3, activation="relu", name="conv")(source)
    model = keras.Model(source, keras.layers.Flatten()(found))
    kernel, bias = model.get_layer("conv").get_weights()
    kernel[..., 0], bias[0] = 0, 1.5
    model.get_layer("conv").set_weights([kernel, bias])
    return model, np.random.default_rng(0).uniform(-1, 1, (16, 8, 8, 3)).astype(np.float32)


@pytest.mark.parametrize("scheme", [INT8, W8A16])
def test_bias_of_a_channel_without_weights_survives(
    scheme: Scheme, dead_channel: tuple[Any, Array], tmp_path: Path, opened: Any
) -> None:
    model, inputs = dead_channel
    float_file = TFLITE.convert(model)
    observed = observe(float_file, inputs, tmp_path / "float.tflite")
    content = TFLITE.quantize(float_file, plan(scheme, observed), {})
    step = max(high for _, high in observed.by_tensor.values()) / 255
    first_channel = outputs_of(opened(content), inputs).reshape(len(inputs), 6, 6, 4)[..., 0]
    assert np.abs(first_channel - 1.5).max() <= step


def test_storage_report_is_half_a_step_for_a_healthy_file(float_file: bytes, ranges: Ranges) -> None:
    for scheme in (FLOAT16, INT8, W8A16, W8A32):
        report = TFLITE.storage(float_file, TFLITE.quantize(float_file, plan(scheme, ranges), {}), {})
        assert report is not None
        assert report.worst_steps <= 0.51, (scheme, report)
        assert report.constants == 10


def test_storage_report_names_a_zeroed_channel(float_file: bytes, ranges: Ranges) -> None:
    model = flatbuffer.read(TFLITE.quantize(float_file, plan(INT8, ranges), {}))
    subgraph = model.subgraphs[0]
    layer = next(op for op in subgraph.operators if flatbuffer.op_name(model, op) == "CONV_2D")
    tensor = subgraph.tensors[layer.inputs[1]]
    broken = flatbuffer.constant(model, tensor).copy()
    broken[0] = 0
    model.buffers[tensor.buffer].data = broken.reshape(-1).view(np.uint8)
    report = TFLITE.storage(float_file, flatbuffer.write(model), {})
    assert report is not None
    assert report.worst_steps > 50
    assert "input 1" in report.where


def test_observed_ranges_match_the_keras_layers(lenet: Any, photos: Array, ranges: Ranges) -> None:
    import keras

    first = next(layer for layer in lenet.layers if isinstance(layer, keras.layers.Conv2D))
    outputs = np.asarray(keras.Model(lenet.inputs, first.output)(photos / np.float32(255)))
    spans = [np.array(span) for span in ranges.by_tensor.values()]
    expected = np.array([outputs.min(), outputs.max()])
    assert min(float(np.abs(span - expected).max()) for span in spans) < 1e-4


def test_file_without_the_identifier_is_rejected() -> None:
    from export.errors import ConversionError

    with pytest.raises(ConversionError, match="TFL3"):
        flatbuffer.read(b"\0" * 64)


def test_error_names_an_operator_that_the_runtime_does_not_have() -> None:
    import keras

    from export.errors import ConversionError

    source = keras.Input((16,))
    model = keras.Model(source, keras.ops.fft((source, keras.ops.zeros_like(source)))[0])
    with pytest.raises(ConversionError, match=r"(?i)fft|rejects"):
        TFLITE.convert(model)


def test_equal_zero_points_are_stored_once(float_file: bytes, ranges: Ranges) -> None:
    """Every kernel and every bias has a list of zeros, of 8 bytes for each channel."""
    content = TFLITE.quantize(float_file, plan(INT8, ranges), {})
    model = flatbuffer.read(content)
    unshared = flatbuffer.write(model)
    lists = [
        np.asarray(tensor.quantization.zeroPoint)
        for tensor in model.subgraphs[0].tensors
        if tensor.quantization is not None and tensor.quantization.zeroPoint is not None
    ]
    long = [one for one in lists if one.size >= flatbuffer.FEWEST_SHARED]
    repeated = sum(one.nbytes for one in long) - sum({one.size: one.nbytes for one in long}.values())
    assert repeated > 500
    assert len(content) <= len(unshared) - repeated
