"""Every tensor of a converted file is attributed to the Keras layer with the same output."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

import zoo
from calibration.fingerprint import Fingerprint, _positions
from calibration.samples import Samples
from export.formats import PRIMARY
from export.model.layer_outputs import LayerCall
from export.quantization.tensor_map import Attribution, FileTensors, attribute, attributed, clippable
from tests.diagnosis.shapes import random_model
from tests.float_files import converted
from tests.zoo.contents import OWN, quick, tiny
from tests.zoo.families import families
from tests.zoo.photos import photos_for

if TYPE_CHECKING:
    import keras

# By the name in a table: the layers that the file computes in that step; () is a step inside a layer.
EXPECTED = {
    "branched": {
        "image": ("image",),
        "stem": ("stem", "stem_bn", "stem_relu"),
        "right (BiasAdd)": (),
        "right (Sigmoid)": (),
        "right": ("right",),
        "left (depthwise1)": (),
        "left": ("left",),
        "sum": ("sum",),
        "both": ("both",),
        "gap": ("gap",),
        "logits": ("logits",),
        "probabilities (MatMul)": (),
        "probabilities": ("probabilities",),
    },
    "sequential": {
        "image": ("image",),
        "conv": ("scale", "conv"),
        "pool": ("pool",),
        "flat": ("flat",),
        "logits": ("logits",),
    },
    "shared": {
        "one": ("one",),
        "other": ("other",),
        "shared": ("shared",),
        "shared#2": ("shared#2",),
        "difference": ("difference",),
        "flat": ("flat",),
        "out": ("out",),
    },
    "nested": {
        "image": ("image",),
        "backbone/conv": ("backbone/conv", "backbone/bn", "backbone/relu"),
        "head/conv": ("head/conv",),
        "head/max": ("head/max",),
        "out": ("out",),
    },
}


def found(model: keras.Model, work: Path, photos: np.ndarray | None = None) -> dict[str, Attribution]:
    """Match on `photos`, with noise for all other inputs."""
    random = np.random.default_rng(0)
    inputs = {
        tensor._keras_history.operation.name: random.uniform(0, 255, (2, *tensor.shape[1:])).astype(np.float32)
        for tensor in model.inputs
    }
    if photos is not None:
        inputs = {name: random.standard_normal(values.shape, np.float32) for name, values in inputs.items()}
        inputs["image"] = photos
    Samples(inputs=inputs, source="noise", seed=0).save(work)
    path = work / f"model{PRIMARY.suffix}"
    path.write_bytes(converted(model, PRIMARY.name))
    return attributed(model, path, Samples.load(work), work)


@pytest.mark.parametrize("name", EXPECTED)
def test_tensors_of_own_models_have_the_names_of_their_layers(name: str, tmp_path: Path) -> None:
    matched = {one.name: one.group for one in found(random_model(name), tmp_path).values()}
    assert matched == EXPECTED[name]


@pytest.mark.parametrize("name", [*quick(families()), OWN])
def test_every_layer_with_weights_is_in_the_group_of_one_tensor(name: str, tmp_path: Path) -> None:
    model = tiny(name)
    photos = None if name == OWN else photos_for(zoo.find(name), zoo.find(name).tiny, 2)
    matched = found(model, tmp_path, photos)
    whole, steps = (
        [call for one in matched.values() for call in one.weighted if bool(one.group) == is_whole]
        for is_whole in (True, False)
    )
    assert sorted(whole) == sorted(layer.name for layer in model.layers if layer.weights)
    assert set(steps) <= set(whole)  # a batch norm that is not merged is a multiplication followed by a sum
    assert all(one.matched or one.call for one in matched.values())


def call(name: str, output: np.ndarray, *sources: str, is_edge: bool = False) -> LayerCall:
    return LayerCall(name=name, sources=sources, operation="Layer", has_weights=True, output=output, is_edge=is_edge)


def file(tensors: Mapping[str, np.ndarray]) -> FileTensors:
    prints = {name: [Fingerprint.of(row) for row in values] for name, values in tensors.items()}
    return FileTensors(fingerprints=prints, sources={})


def test_a_tensor_that_differs_by_a_thousandth_is_not_matched() -> None:
    values = np.random.default_rng(0).normal(size=(2, 50)).astype(np.float32)
    matched = attribute(file({"net/dense_1/MatMul": values * np.float32(1.001)}), [call("dense", values)])
    assert not matched["net/dense_1/MatMul"].matched
    assert matched["net/dense_1/MatMul"].name == "net/dense_1/MatMul"


def test_of_layers_with_equal_outputs_the_one_in_the_tensor_s_name_is_matched() -> None:
    values = np.random.default_rng(0).normal(size=(2, 50)).astype(np.float32)
    calls = [call("relu", values), call("drop", values, "relu"), call("flat", values, "drop")]
    matched = attribute(file({"net/relu_1/Relu": values, "net/flat_1/Reshape": values, "renamed": values}), calls)
    assert [one.call for one in matched.values()] == ["relu", "flat", "drop"]


def test_a_folded_batch_norm_does_not_hide_the_layer_with_the_weights() -> None:
    values = np.random.default_rng(0).normal(size=(2, 50)).astype(np.float32)
    calls = [call("before", -values), call("conv", values, "before"), call("norm", values, "conv")]
    matched = attribute(file({"b": -values, "net/norm_1/add;net/conv_1/Conv2D": values}), calls)
    assert matched["net/norm_1/add;net/conv_1/Conv2D"].group == ("conv", "norm")


def test_tensors_with_the_values_of_inputs_and_outputs_are_not_clippable() -> None:
    first, second, third = np.random.default_rng(0).normal(size=(3, 2, 50)).astype(np.float32)
    calls = [
        call("image", first, is_edge=True),
        call("flat", first, "image"),
        call("relu", second, "flat"),
        call("drop", second, "relu"),
        call("logits", third, "drop"),
        call("named", third, "logits", is_edge=True),
    ]
    matched = attribute(file({"a": first, "b": second, "c": third, "d": first + second}), calls)
    assert clippable(matched) == {"b": ("relu", "drop")}


@pytest.mark.parametrize("change", ["low", "high", "mean", "order", "count", "nan"])
def test_fingerprints_of_different_activations_differ(change: str) -> None:
    values = np.random.default_rng(0).normal(size=(64, 64, 8)).astype(np.float32)  # one value hardly moves the mean
    other = values.copy()
    match change:
        case "low":
            other[np.unravel_index(values.argmin(), values.shape)] *= 1.1
        case "high":
            other[np.unravel_index(values.argmax(), values.shape)] *= 1.1
        case "mean":
            free = np.setdiff1d(np.arange(values.size), _positions(values.size))
            other.ravel()[free[np.abs(values.ravel()[free]) < 1]] += 0.01
        case "order":
            other = other[::-1]
        case "count":
            values, other = np.zeros_like(values), np.zeros_like(values)[1:]
        case "nan":
            other[0, 0, 0] = np.nan
    assert Fingerprint.of(values).distance(Fingerprint.of(values.reshape(-1, 2))) == 0
    assert Fingerprint.of(values).distance(Fingerprint.of(other)) > 1e-4
