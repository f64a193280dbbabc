"""The networks of MLPerf Tiny compute what MLPerf's files compute."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zoo
from benchmarks.cards import CARDS, EXAMPLE, printed
from zoo import weights
from zoo.errors import OutsideError
from zoo.pinned import Source
from zoo.weights import assign, random_weights, readers, sources

if TYPE_CHECKING:
    import keras

NAMES = ("mlperf_resnet8", "mlperf_vww", "mlperf_kws", "mlperf_autoencoder", "mlperf_wakeword")
# What Keras 2 calls layers, and numbers in turn.
KINDS = {
    "Conv2D": "conv2d",
    "DepthwiseConv2D": "depthwise_conv2d",
    "BatchNormalization": "batch_normalization",
    "Dense": "dense",
}


def source(name: str) -> Any:
    (found,) = zoo.find(name).weights[0].sources
    return found


def inputs(name: str, model: keras.Model, count: int = 8) -> np.ndarray:
    """Return numbers of the range that the network reads."""
    (contract,) = zoo.find(name).inputs().values()
    rng, shape = np.random.default_rng(0), tuple(model.inputs[0].shape[1:])
    return np.stack([contract.random(rng, shape, "float32") for _ in range(count)])


def filled(name: str) -> keras.Model:
    model = zoo.find(name).build()
    random_weights.fill(model, None, seed=3)
    return model


def stored_names(model: keras.Model) -> dict[str, str]:
    """Return the names that Keras 2 gives to the layers with weights, by ours: in the order of the layers."""
    counts: dict[str, int] = {}
    found = {}
    for layer in model.layers:
        if layer.weights:
            kind = KINDS[type(layer).__name__]
            found[layer.name] = f"{kind}_{counts[kind]}" if counts.get(kind) else kind
            counts[kind] = counts.get(kind, 0) + 1
    return found


@pytest.mark.parametrize("name", [name for name in NAMES if name != "mlperf_kws"])
def test_every_array_of_the_file_of_keras_2_has_its_place(name: str, tmp_path: Path, write_keras_2: Any) -> None:
    """The reference is built layer by layer in the order of ours, so that Keras 2 numbers its layers alike."""
    model = filled(name)
    names = stored_names(model)
    write_keras_2(tmp_path / "theirs.h5", model, names.__getitem__)
    adapt = source(name).adapt
    found = adapt(readers.read("keras_h5", [tmp_path / "theirs.h5"]), model)
    expected = {weight.path: weight.numpy() for weight in model.weights}
    assert found.keys() == expected.keys()
    assert all(np.array_equal(found[path], expected[path]) for path in expected)


def test_every_array_of_the_checkpoint_has_its_place(tmp_path: Path) -> None:
    import tf_keras

    model = filled("mlperf_kws")
    theirs = tf_keras.Sequential([tf_keras.Input(model.inputs[0].shape[1:]), *_reference_layers(tf_keras.layers)])
    theirs.compile("adam", "mse")  # whose state is stored, too
    for one, ours in zip([layer for layer in theirs.layers if layer.weights], _weighing(model), strict=True):
        one.set_weights(ours.get_weights())
    theirs.save_weights(tmp_path / "variables", save_format="tf")
    files = [tmp_path / "variables.index", tmp_path / "variables.data-00000-of-00001"]
    other = zoo.find("mlperf_kws").build()
    assign(other, source("mlperf_kws").adapt(readers.read("tf_checkpoint", files), other))
    x = inputs("mlperf_kws", model)
    assert np.abs(other(x).numpy() - theirs(x).numpy()).max() <= 1e-5 * np.abs(theirs(x).numpy()).max()


def _weighing(model: keras.Model) -> list[Any]:
    return [layer for layer in model.layers if layer.weights]


def _reference_layers(layers: Any) -> list[Any]:
    """Return the layers of MLPerf's DS-CNN, up to logits."""
    found = [layers.Conv2D(64, (10, 4), 2, "same"), layers.BatchNormalization(), layers.ReLU(), layers.Dropout(0.2)]
    for _ in range(4):
        found += [layers.DepthwiseConv2D(3, padding="same"), layers.BatchNormalization(), layers.ReLU()]
        found += [layers.Conv2D(64, 1, padding="same"), layers.BatchNormalization(), layers.ReLU()]
    return [*found, layers.Dropout(0.4), layers.AveragePooling2D((25, 5)), layers.Flatten(), layers.Dense(12)]


def test_a_damaged_checkpoint_is_refused(tmp_path: Path) -> None:
    files = [tmp_path / "variables.index", tmp_path / "variables.data-00000-of-00001"]
    for file in files:
        file.write_bytes(b"nothing")
    with pytest.raises(ValueError, match="variables is damaged"):
        readers.read("tf_checkpoint", files)


def test_the_files_of_a_folder_are_fetched_one_by_one(shelf: Any, cache: Path) -> None:
    contents = {"variables.index": b"one", "variables.data-00000-of-00001": b"two"}
    (shelf.folder / "variables").mkdir()
    for name, content in contents.items():
        (shelf.folder / "variables" / name).write_bytes(content)
    location = f"{shelf.url}/variables/"
    other = Source(kind="url", location=location, members=tuple(contents), sha256=hashlib.sha256(b"twoone").hexdigest())
    with pytest.raises(OutsideError, match="wrong sha256"):
        sources.fetch(other)
    pinned = replace(other, sha256=hashlib.sha256(b"onetwo").hexdigest())
    assert [file.read_bytes() for file in sources.fetch(pinned)] == list(contents.values())
    requests = shelf.requests
    assert [file.name for file in sources.fetch(pinned)] == list(contents)
    assert shelf.requests == requests


@pytest.mark.imagenet
@pytest.mark.parametrize("name", NAMES)
def test_with_the_trained_weights_the_outputs_are_those_of_the_reference(name: str, tmp_path: Path) -> None:
    model = zoo.find(name).build()
    assert weights.load(model, zoo.find(name)).trained
    x = inputs(name, model)
    found, expected = model(x).numpy(), reference(name)(x).numpy()
    if name != "mlperf_autoencoder":
        found = probabilities(found)
    assert np.abs(found - expected).max() < 1e-5 * max(1.0, np.abs(expected).max())


def reference(name: str) -> Any:
    """Return MLPerf's model as the old Keras reads it; the keyword network's file holds its weights only."""
    import tf_keras

    files = sources.fetch(source(name))
    if name != "mlperf_kws":
        return tf_keras.models.load_model(files[0], compile=False)
    (shape,) = [layer.shape for layer in zoo.find(name).build().inputs]
    model = tf_keras.Sequential([tf_keras.Input(shape[1:]), *_reference_layers(tf_keras.layers)])
    model.add(tf_keras.layers.Softmax())
    model.load_weights(files[0].with_suffix("")).expect_partial()
    return model


def probabilities(logits: np.ndarray) -> np.ndarray:
    shifted = np.exp(logits - logits.max(-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(-1, keepdims=True))


@pytest.mark.parametrize("name", NAMES)
def test_the_card_states_size_and_weights_and_shows_what_its_python_prints(name: str) -> None:
    card = (CARDS / f"{name}.md").read_text(encoding="utf-8")
    (example,) = EXAMPLE.finditer(card)
    assert printed(example["code"]) == example["output"]
    assert f"{zoo.find(name).parameter_count:,} parameters" in card
    for one in zoo.find(name).weights:
        assert f"`{one.tag}`" in card
        assert one.licence in card


@pytest.mark.parametrize(("alpha", "channels"), [(0.25, 1), (0.5, 3), (0.75, 1), (1.0, 3)])
@pytest.mark.parametrize("name", ["mobilenet", "mlperf_vww"])
def test_the_person_detectors_take_grey_photos_and_every_width(name: str, alpha: float, channels: int) -> None:
    architecture = zoo.find(name)
    chosen: Mapping[str, Any] = {"alpha": alpha, "channels": channels}
    options = architecture.settings({**chosen, **({"resolution": 96} if name == "mobilenet" else {})})
    model = architecture.build(**options)
    assert tuple(model.inputs[0].shape[1:]) == (96, 96, channels) == architecture.preprocess(**options).shape
    assert model.get_layer("conv1").filters == int(32 * alpha)
