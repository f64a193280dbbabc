"""Where no .tflite can exist, the integer .onnx is quantized straight from the float .onnx, and proven."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
import pytest
from keras import layers
from onnx import numpy_helper

from export.bundle.report.rows import rows
from export.formats.onnx import ONNX
from export.recipe import Width
from export.scheme import FLOAT16, FLOAT32, INT8, W8A16, W8A32
from tests.export.own_export import exported


def scanner() -> tuple[keras.Model, np.ndarray]:
    """Return a network with MaxPool3D, which LiteRT does not have, and its inputs."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(0)
    x = keras.Input((6, 6, 6, 2), name="scan")
    y = layers.MaxPooling3D()(layers.Conv3D(6, 3, activation="relu")(x))
    model = keras.Model(x, layers.Dense(3, name="scores")(layers.Flatten()(y)))
    return model, np.random.default_rng(0).normal(size=(120, 6, 6, 6, 2)).astype(np.float32)


@pytest.fixture(scope="module")
def delivery(tmp_path_factory: pytest.TempPathFactory) -> Any:
    model, values = scanner()
    return exported(model, {"scan": values}, tmp_path_factory.mktemp("alone"), (INT8, W8A16, W8A32))


@pytest.mark.parametrize("precision", ["int8", "w8a16", "w8a32"])
def test_the_onnx_is_delivered_and_its_row_says_what_was_compared(delivery: Any, precision: str) -> None:
    files = {file["file"]: file for file in delivery.manifest["files"]}
    file = files[f"own-{precision}.onnx"]
    assert all(check["passed"] for check in file["checks"])
    assert {"fidelity", "storage", "origin"} <= {check["id"] for check in file["checks"]}
    how = f"quantized straight from the float .onnx, not reconstructed: there is no {precision} .tflite"
    assert how in file["notes"]
    row = next(row for row in rows(delivery.manifest) if row.file == file["file"])
    assert row.verdict == "runs"
    assert row.reason.startswith("outputs and weights are compared, graph and grids are not proven")
    refused = {file["file"]: file for file in delivery.manifest["not_delivered"]}
    assert "LiteRT has no operator for MaxPool3D" in str(refused[f"own-{precision}.tflite"])


@pytest.mark.parametrize("precision", ["int8", "w8a16", "w8a32"])
def test_the_storage_check_sees_a_lost_channel(delivery: Any, precision: str) -> None:
    folder = delivery.folder
    float_file = ONNX.convert(scanner()[0])
    content = (folder / f"own-{precision}.onnx").read_bytes()
    healthy = ONNX.storage(float_file, content, {})
    assert healthy is not None
    assert healthy.constants >= 2
    assert healthy.worst_steps < 0.51
    broken = ONNX.storage(float_file, _without_a_channel(content), {})
    assert broken is not None
    assert broken.worst_steps > 10


def _without_a_channel(content: bytes) -> bytes:
    proto = onnx.load_from_string(content)
    tensor = next(one for one in proto.graph.initializer if len(one.dims) == 5)
    values = numpy_helper.to_array(tensor).copy()
    values[1] = 0 if values.dtype == np.int8 else 128
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    return bytes(proto.SerializeToString())


@pytest.mark.large
def test_select_tf_operators_are_written_on_request_and_never_called_proven(tmp_path: Path) -> None:
    model, values = scanner()
    delivery = exported(model, {"scan": values}, tmp_path, (FLOAT32, INT8, FLOAT16), allow_select_tf_ops=True)
    assert not delivery.passed
    files = {file["file"]: file for file in delivery.manifest["files"]}
    for precision in ("float32", "float16"):
        assert "not proven: it needs FlexMaxPool3D of TensorFlow" in files[f"own-{precision}.tflite"]["trouble"]
        assert not files[f"own-{precision}.tflite"]["passed"]
        assert files[f"own-{precision}.onnx"]["passed"]
    assert files["own-int8.onnx"]["passed"]
    assert "own-int8.tflite" not in files


def test_layers_in_higher_precision_are_refused_without_a_tflite(tmp_path: Path) -> None:
    model, values = scanner()
    name = next(layer.name for layer in model.layers if layer.weights)
    delivery = exported(model, {"scan": values}, tmp_path, (INT8,), formats=("onnx",), raised={name: Width.INT16})
    (file,) = (file for file in delivery.manifest["not_delivered"] if file["file"] == "own-int8.onnx")
    assert "without a .tflite, layers in higher precision" in file["trouble"]


def test_biases_of_dense_layers_over_steps_are_compared_behind_their_grids(tmp_path: Path) -> None:
    """ONNX Runtime's quantizer puts a grid between the product, the Reshape and the bias."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(0)
    x = keras.Input((8, 4), name="series")
    first = layers.Dense(6, activation="relu", bias_initializer="random_normal", name="first")
    model = keras.Model(x, layers.Dense(3)(layers.Flatten()(keras.ops.erf(first(x)))))  # LiteRT has no Erf
    values = np.random.default_rng(0).normal(size=(120, 8, 4)).astype(np.float32)
    float_file = ONNX.convert(model)
    delivery = exported(model, {"series": values}, tmp_path, (INT8, W8A16))
    files = {file["file"]: file for file in delivery.manifest["files"]}
    assert {"own-int8.onnx", "own-w8a16.onnx"} <= files.keys()
    assert delivery.folder is not None
    proto = onnx.load(str(delivery.folder / "own-int8.onnx"))
    bias = next(one for one in proto.graph.initializer if list(one.dims) == [6] and one.name.endswith("_quantized"))
    changed = numpy_helper.to_array(bias).copy()
    changed[2] ^= 64
    bias.CopyFrom(numpy_helper.from_array(changed, bias.name))
    found = ONNX.storage(float_file, proto.SerializeToString(), {})
    assert found is not None
    assert found.worst_steps > 10
