"""The float32 .onnx matches the Keras model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
import pytest

from export.errors import ConversionError
from export.formats.onnx import ONNX
from export.formats.session import Session
from zoo.errors import UsageProblemError

L = keras.layers


def image_input(name: str = "photo") -> Any:
    return keras.Input((16, 16, 3), name=name)


def conv_bn_dense() -> keras.Model:
    x = image_input()
    y = L.Conv2D(8, 3, padding="same", use_bias=False)(x)
    y = L.ReLU()(L.BatchNormalization()(y))
    y = L.GlobalAveragePooling2D()(y)
    return keras.Model(x, L.Dense(5, name="classes")(y))


def depthwise(padding: str) -> Callable[[], keras.Model]:
    def build() -> keras.Model:
        x = image_input()
        y = L.DepthwiseConv2D(3, strides=2, padding=padding)(x)
        y = L.ReLU(6.0)(L.BatchNormalization()(y))
        y = L.SeparableConv2D(6, 3, padding=padding)(y)
        y = L.Flatten()(L.MaxPooling2D()(y))
        return keras.Model(x, L.Dense(4, name="classes")(y))

    return build


def residual_ending_in_pooling() -> keras.Model:
    x = image_input()
    a = L.ReLU()(L.BatchNormalization()(L.Conv2D(8, 3, padding="same")(x)))
    b = L.BatchNormalization()(L.Conv2D(8, 3, padding="same")(a))
    y = L.Concatenate()([L.ReLU()(L.Add()([a, b])), a])
    return keras.Model(x, L.GlobalAveragePooling2D(name="features")(y))


def transposed_conv() -> keras.Model:
    x = image_input()
    y = L.Conv2DTranspose(4, 3, strides=2, padding="same", activation="relu")(x)
    return keras.Model(x, L.UpSampling2D(name="mask")(y))


def grouped_conv() -> keras.Model:
    """Return a model with what Keras lets XLA compile: convolutions in groups, also with a dilated kernel."""
    x = image_input()
    y = L.Conv2D(8, 3, padding="same", activation="relu")(x)
    y = L.Conv2D(8, 3, groups=4, strides=2, padding="same")(y)
    y = L.LeakyReLU()(L.BatchNormalization()(y))
    return keras.Model(x, L.Conv2D(6, 3, groups=2, dilation_rate=2, name="mask")(y))


def gelu_exact() -> keras.Model:
    x = keras.Input((12,), name="vector")
    y = L.Dense(16, activation=lambda value: keras.activations.gelu(value, approximate=False))(x)
    return keras.Model(x, L.LayerNormalization(name="out")(y))


def two_inputs_two_outputs() -> keras.Model:
    tokens = keras.Input((7,), dtype="int32", name="tokens")
    features = keras.Input((4,), name="features")
    y = L.GlobalAveragePooling1D()(L.Embedding(20, 6)(tokens))
    y = L.Concatenate()([y, features])
    return keras.Model([tokens, features], [L.Dense(3, name="second")(y), L.Dense(2, name="first")(y)])


def sequential() -> keras.Model:
    return keras.Sequential([image_input(), L.Conv2D(4, 3), L.Flatten(), L.Dense(3, name="last")])


MODELS = {
    "conv_bn_dense": conv_bn_dense,
    "depthwise_same": depthwise("same"),
    "depthwise_valid": depthwise("valid"),
    "residual": residual_ending_in_pooling,
    "transposed_conv": transposed_conv,
    "grouped_conv": grouped_conv,
    "gelu_exact": gelu_exact,
    "two_inputs": two_inputs_two_outputs,
    "sequential": sequential,
}


def randomize(model: keras.Model) -> keras.Model:
    """Give every weight, batch norm's statistics included, a value that a mistake cannot hide behind."""
    rng = np.random.default_rng(0)
    for variable in model.variables:
        positive = any(word in variable.path for word in ("variance", "gamma"))
        values = rng.normal(size=variable.shape) * 0.3
        variable.assign(np.abs(values) + 0.5 if positive else values)
    return model


def sample(session: Session) -> dict[str, Any]:
    rng = np.random.default_rng(1)
    return {
        spec.name: rng.integers(0, 20, spec.shape).astype(spec.dtype)
        if "int" in spec.dtype
        else rng.normal(size=spec.shape).astype(spec.dtype)
        for spec in session.inputs
    }


def sqnr_db(reference: Any, actual: Any) -> float:
    reference, actual = np.asarray(reference, np.float64), np.asarray(actual, np.float64)
    assert reference.shape == actual.shape
    assert np.std(reference) > 0
    return float(10 * np.log10(np.sum(reference**2) / max(np.sum((reference - actual) ** 2), 1e-300)))


def open_file(content: bytes, folder: Path) -> Session:
    path = folder / "model.onnx"
    path.write_bytes(content)
    return ONNX.open(path)


@pytest.mark.parametrize("name", MODELS)
def test_float_file_is_the_keras_model_with_its_names_and_batch_one(name: str, tmp_path: Path) -> None:
    model = randomize(MODELS[name]())
    session = open_file(ONNX.convert(model), tmp_path)
    assert [spec.name for spec in session.inputs] == [tensor.name for tensor in model.inputs]
    names = [tensor._keras_history.operation.name for tensor in model.outputs]
    assert [spec.name for spec in session.outputs] == names
    assert all(spec.shape[0] == 1 for spec in (*session.inputs, *session.outputs))
    inputs = sample(session)
    values = [inputs[spec.name] for spec in session.inputs]
    expected = model(values if len(values) > 1 else values[0])
    expected = expected if isinstance(expected, list) else [expected]
    for output, reference in zip(names, expected, strict=True):
        assert sqnr_db(reference, session.run(inputs)[output]) >= 90


@pytest.mark.parametrize("name", ["conv_bn_dense", "depthwise_same", "residual"])
def test_batch_norm_is_folded_and_only_inputs_are_transposed(name: str) -> None:
    nodes = onnx.load_from_string(ONNX.convert(randomize(MODELS[name]()))).graph.node
    kinds = [node.op_type for node in nodes]
    assert "Mul" not in kinds
    assert "Sqrt" not in kinds
    assert kinds.count("Add") == (name == "residual")
    assert kinds.count("Transpose") <= (2 if name.startswith("depthwise") else 1)


def test_two_conversions_give_the_same_bytes() -> None:
    model = randomize(two_inputs_two_outputs())
    assert ONNX.convert(model) == ONNX.convert(model)


def test_file_contains_only_standard_operators() -> None:
    proto = onnx.load_from_string(ONNX.convert(gelu_exact()))
    assert {entry.domain for entry in proto.opset_import} == {""}
    assert "Erf" in {node.op_type for node in proto.graph.node}
    onnx.checker.check_model(proto)


def test_error_names_an_operator_without_onnx_counterpart() -> None:
    x = keras.Input((4, 4), name="x")
    model = keras.Model(x, L.Lambda(lambda value: keras.ops.slogdet(value)[1], output_shape=())(x))
    with pytest.raises(ConversionError, match="LogMatrixDeterminant"):
        ONNX.convert(model)


def test_input_of_unknown_length_is_rejected_by_name() -> None:
    x = keras.Input((None, 3), name="sequence")
    with pytest.raises(UsageProblemError, match="'sequence'"):
        ONNX.convert(keras.Model(x, L.Dense(2)(x)))


@pytest.mark.parametrize("inputs", [{"photo": np.zeros((1, 16, 16, 3))}, {"photo": np.zeros((16, 16, 3), "f4")}, {}])
def test_wrong_inputs_are_rejected_instead_of_cast(inputs: dict[str, Any], tmp_path: Path) -> None:
    session = open_file(ONNX.convert(conv_bn_dense()), tmp_path)
    with pytest.raises(ValueError, match="photo"):
        session.run(inputs)


def test_truncated_file_is_rejected_with_a_message(tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match="ONNX Runtime cannot load"):
        open_file(ONNX.convert(conv_bn_dense())[:500], tmp_path)
