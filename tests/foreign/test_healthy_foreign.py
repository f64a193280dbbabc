"""Healthy files of other tools are proven, in every precision that the tool writes."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from export.proof.foreign.prove import ForeignProof, prove
from export.proof.foreign.record import record
from tests.foreign import files
from tests.foreign.files import Trained


def verdict(proof: ForeignProof) -> tuple[bool, tuple[str, ...], list[str]]:
    checks = proof.findings.checks
    return proof.proven, proof.missing, [str(one) for one in checks if not one.passed]


@pytest.mark.parametrize("is_quantized", [False, True], ids=["float32", "int8"])
def test_files_of_tensorflow_are_proven(is_quantized: bool, trained: Trained) -> None:
    proof = trained.proof(files.by_tensorflow(trained.model, trained.rows if is_quantized else None), ".tflite")
    assert verdict(proof) == (True, (), [])


def test_a_file_of_tf2onnx_in_another_order_and_layout_is_proven_and_says_so(trained: Trained) -> None:
    proof = trained.proof(files.by_tf2onnx(trained.model, reordered=True, channels_first=True), ".onnx")
    assert verdict(proof) == (True, (), [])
    assert "input image is fed with the channels first" in proof.remarks
    assert "the file's outputs are in another order than the model's" in proof.remarks


@pytest.mark.parametrize("form", ["QDQ", pytest.param("QOperator", marks=pytest.mark.large)])
def test_files_of_onnx_runtime_are_proven(form: str, trained: Trained, tmp_path: Path) -> None:
    from onnxruntime.quantization import QuantFormat

    float_file = files.by_tf2onnx(trained.model)
    content = files.by_onnx_runtime(float_file, trained.rows, tmp_path, quant_format=QuantFormat[form])
    assert verdict(trained.proof(content, ".onnx")) == (True, (), [])


def test_the_record_of_a_file_with_external_data_has_the_digest_of_the_data(trained: Trained, tmp_path: Path) -> None:
    import onnx

    proto = onnx.load_from_string(files.by_tf2onnx(trained.model))
    path, data = tmp_path / "split.onnx", tmp_path / "split.data"
    onnx.save_model(proto, str(path), save_as_external_data=True, location=data.name, size_threshold=256)
    proof = prove(trained.run, path)
    found = record(proof, path)
    assert proof.proven
    assert found["data"] == {data.name: hashlib.sha256(data.read_bytes()).hexdigest()}
    assert found["bytes"] == path.stat().st_size + data.stat().st_size


def test_a_quantized_file_of_untrained_weights_is_not_proven(trained: Trained) -> None:
    subject = trained.run.subject
    untrained = replace(subject, weights=replace(subject.weights, trained=False, reason="random"))
    content = files.by_tensorflow(trained.model, trained.rows)
    proof = replace(trained, run=replace(trained.run, subject=untrained)).proof(content, ".tflite")
    assert verdict(proof) == (False, ("fidelity",), [])


def with_slopes() -> tuple[keras.Model, files.Rows]:
    """Return a trained network with a PReLU of slopes on both sides of zero, and rows of its input."""
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    x = keras.Input((8, 8, 2), name="image")
    y = keras.layers.Conv2D(6, 3, name="conv")(x)
    y = keras.layers.PReLU(shared_axes=[1, 2], alpha_initializer=keras.initializers.RandomNormal(0.1, 0.2))(y)
    model = keras.Model(x, keras.layers.Dense(3, name="scores")(keras.layers.Flatten()(y)))
    rows, wanted = rng.normal(size=(192, 8, 8, 2)).astype(np.float32), rng.integers(0, 3, 192)
    rows += wanted[:, None, None, None]
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(rows, wanted, epochs=3, verbose=0)
    return model, {"image": rows}


def written_out(model: keras.Model, sign: float) -> keras.Model:
    """Return the network with relu(x) + sign * slope * relu(-x) in place of the PReLU, as other converters write it."""
    slopes = sign * model.get_layer(index=2).get_weights()[0]

    def call(layer: Any) -> Any:
        if not isinstance(layer, keras.layers.PReLU):
            return layer
        return keras.layers.Lambda(lambda x: keras.ops.relu(x) + slopes * keras.ops.relu(-x), name="slopes")

    copied: keras.Model = keras.models.clone_model(model, clone_function=call)
    copied.set_weights([one for one in model.get_weights() if one.shape != slopes.shape])
    return copied


@pytest.fixture(scope="module")
def sloped(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return files.saved(*with_slopes(), tmp_path_factory.mktemp("sloped"))


@pytest.mark.parametrize("is_quantized", [False, True], ids=["float32", "int8"])
def test_a_prelu_that_is_written_as_two_relus_is_proven(is_quantized: bool, sloped: Trained) -> None:
    content = files.by_tensorflow(written_out(sloped.model, -1.0), sloped.rows if is_quantized else None)
    assert verdict(sloped.proof(content, ".tflite")) == (True, (), [])


def test_a_prelu_of_tf2onnx_is_proven(sloped: Trained) -> None:
    assert verdict(sloped.proof(files.by_tf2onnx(sloped.model), ".onnx")) == (True, (), [])


@pytest.mark.parametrize("is_quantized", [False, True], ids=["float32", "int8"])
def test_slopes_of_the_wrong_sign_are_not_proven(is_quantized: bool, sloped: Trained) -> None:
    """Planted: relu(x) + slope * relu(-x), whose slopes are the stored ones."""
    content = files.by_tensorflow(written_out(sloped.model, 1.0), sloped.rows if is_quantized else None)
    assert not sloped.proof(content, ".tflite").proven
