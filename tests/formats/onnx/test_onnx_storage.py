"""An .onnx stores the numbers of its source, and the storage report detects a single difference."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import numpy_helper

from export.formats import FORMATS, QuantizationPlan
from export.formats.session import StorageReport
from export.recipe import Io
from export.scheme import FLOAT16, W8A32, Scheme

L = keras.layers
ONNX, TFLITE = FORMATS["onnx"], FORMATS["tflite"]
HALF, INTEGERS = FLOAT16, W8A32  # No other precision needs ranges.


def convolutions() -> keras.Model:
    """Every layer with weights that vision networks have, in branches that meet in another order than they are made."""
    x = keras.Input((12, 12, 4), name="x")
    short = L.Conv2D(6, 3, padding="same", use_bias=False)(x)
    y = L.DepthwiseConv2D(3, padding="same", depth_multiplier=2)(x)
    y = L.Conv2D(6, 3, padding="same", activation="relu")(y)
    y = L.Conv2D(6, 3, padding="same")(y)
    y = L.Conv2DTranspose(6, 3, strides=2, padding="same")(L.Add()([y, short]))
    y = L.GlobalAveragePooling2D()(y)
    return keras.Model(x, [L.Dense(6)(y), L.Dense(6, use_bias=False)(y)])


def sequence(*stack: keras.Layer) -> keras.Model:
    x = y = keras.Input((6, 4), name="x")
    for layer in stack:
        y = layer(y)
    return keras.Model(x, y)


MODELS: dict[str, Callable[[], keras.Model]] = {
    "convolutions": convolutions,
    "over time": lambda: sequence(L.Conv1D(6, 3), L.SeparableConv1D(5, 3, padding="same"), L.Dense(3)),
    "loop": lambda: sequence(L.LSTM(8), L.Dense(3)),
    "unrolled": lambda: sequence(L.LSTM(8, unroll=True, return_sequences=True), L.Dense(3)),
}
# Constants of the .tflite's layers: weights and biases, the unrolled ones once in every step.
COUNTS = {"convolutions": 13, "over time": 8, "loop": 4, "unrolled": 14}


@pytest.fixture(scope="module", params=MODELS)
def files(request: pytest.FixtureRequest) -> dict[str, Any]:
    keras.utils.set_random_seed(0)
    model = MODELS[request.param]()
    rng = np.random.default_rng(0)
    for variable in model.trainable_variables:
        variable.assign(rng.normal(size=variable.shape))
    floats = {"tflite": TFLITE.convert(model), "onnx": ONNX.convert(model)}
    plans = {
        scheme: QuantizationPlan(scheme=scheme, io=Io.FLOAT32, ranges=None, input_ranges={})
        for scheme in (HALF, INTEGERS)
    }
    sibling = TFLITE.quantize(floats["tflite"], plans[INTEGERS], {})
    return {
        "name": request.param,
        "float": floats["onnx"],
        "siblings": {HALF: {}, INTEGERS: {"tflite": sibling}},
        HALF: ONNX.quantize(floats["onnx"], plans[HALF], {}),
        INTEGERS: ONNX.quantize(b"", plans[INTEGERS], {"tflite": sibling}),
    }


def report(files: dict[str, Any], scheme: Scheme, content: bytes) -> StorageReport:
    found = ONNX.storage(files["float"], content, files["siblings"][scheme])
    assert found is not None
    return found


def graphs(graph: Any) -> list[Any]:
    inner = [held.g for node in graph.node for held in node.attribute if held.HasField("g")]
    return [graph, *(found for one in inner for found in graphs(one))]


def broken(content: bytes, kinds: tuple[str, ...], change: Callable[[NDArray[Any]], None]) -> dict[str, bytes]:
    """Return for each stored tensor of those types a file in which `change` has changed it."""
    result = {}
    proto = onnx.load_from_string(content)
    for tensor in (tensor for graph in graphs(proto.graph) for tensor in graph.initializer):
        values, kept = numpy_helper.to_array(tensor).copy(), tensor.SerializeToString()
        before = values.copy()
        if values.dtype.name in kinds and values.any():
            change(values)
        if not np.array_equal(values, before):
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
            result[tensor.name] = proto.SerializeToString()
            tensor.ParseFromString(kept)
    return result


def one_step_up(values: NDArray[Any]) -> None:
    values.flat[-1] += 1 if values.flat[-1] < 127 else -1


def test_onnx_stores_the_integers_of_the_sibling(files: dict[str, Any]) -> None:
    found = report(files, INTEGERS, files[INTEGERS])
    assert (found.worst_steps, found.constants) == (0, COUNTS[files["name"]])


def test_float16_weights_differ_by_at_most_half_a_step(files: dict[str, Any]) -> None:
    assert 0.3 < report(files, HALF, files[HALF]).worst_steps <= 0.5


def test_weight_that_is_off_by_one_step_is_detected_anywhere(files: dict[str, Any]) -> None:
    changed = broken(files[INTEGERS], ("int8",), one_step_up)
    assert len(changed) >= 2
    for name, content in changed.items():
        assert report(files, INTEGERS, content).worst_steps == pytest.approx(1, abs=1e-3), name


def test_zeroed_float16_weights_are_detected_anywhere(files: dict[str, Any]) -> None:
    changed = broken(files[HALF], ("float16",), lambda values: values[..., -1].fill(0))
    assert len(changed) >= 3
    for name, content in changed.items():
        assert report(files, HALF, content).worst_steps > 100, name


def test_transposed_weights_are_detected_anywhere(files: dict[str, Any]) -> None:
    def turn(values: NDArray[Any]) -> None:
        if values.ndim > 1:
            values[:] = values[::-1]

    for name, content in broken(files[INTEGERS], ("int8",), turn).items():
        assert report(files, INTEGERS, content).worst_steps > 10, name


def test_lost_bias_is_detected(tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    model = sequence(
        L.Conv1D(6, 3, activation="relu", bias_initializer="normal"), L.Dense(3, bias_initializer="normal")
    )
    plan = QuantizationPlan(scheme=INTEGERS, io=Io.FLOAT32, ranges=None, input_ranges={})
    sibling = TFLITE.quantize(TFLITE.convert(model), plan, {})
    content = ONNX.quantize(b"", plan, {"tflite": sibling})
    biases = {
        name: changed
        for name, changed in broken(content, ("float32",), lambda values: values.fill(0)).items()
        if numpy_helper.to_array(_initializer(content, name)).min() < 0  # scales are above zero
    }
    assert len(biases) == 2
    for changed in biases.values():
        found = ONNX.storage(b"", changed, {"tflite": sibling})
        assert found is not None
        assert found.worst_steps > 100
        assert "bias of" in found.where


def _initializer(content: bytes, name: str) -> Any:
    return next(tensor for tensor in onnx.load_from_string(content).graph.initializer if tensor.name == name)


def test_unmatched_layers_are_left_to_the_comparison_of_outputs(files: dict[str, Any]) -> None:
    other = sequence(L.Dense(7))
    plan = QuantizationPlan(scheme=INTEGERS, io=Io.FLOAT32, ranges=None, input_ranges={})
    sibling = TFLITE.quantize(TFLITE.convert(other), plan, {})
    assert ONNX.storage(files["float"], files[INTEGERS], {"tflite": sibling}) is None


def test_weights_in_a_loop_are_multiplied_in_float32(tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    model = MODELS["loop"]()
    plan = QuantizationPlan(scheme=INTEGERS, io=Io.FLOAT32, ranges=None, input_ranges={})
    sibling = TFLITE.quantize(TFLITE.convert(model), plan, {})
    outputs = []
    for file_format, content in ((TFLITE, sibling), (ONNX, ONNX.quantize(b"", plan, {"tflite": sibling}))):
        path = tmp_path / f"loop{file_format.suffix}"
        path.write_bytes(content)
        session = file_format.open(path)
        given = np.random.default_rng(0).normal(size=(8, 1, 6, 4)).astype(np.float32)
        outputs.append(np.concatenate([next(iter(session.run({"x": one}).values())) for one in given]))
    assert np.abs(outputs[0]).max() > 0.1
    assert np.abs(outputs[0] - outputs[1]).max() < 1e-6
