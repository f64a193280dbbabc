"""The weights that keras.applications fetches, as Keras 2 wrote them: every array maps to a weight here."""

from __future__ import annotations

import re

import numpy as np
import pytest

import zoo
from tests.zoo.test_keras_parity import copy_by_name
from zoo.weights import assign, readers


def today(layer):
    return layer


def scoped(layer):
    """Return what Keras 2 called a layer of MobileNet v3: "expanded_conv_1/squeeze_excite/Conv"."""
    block = re.fullmatch(r"(expanded_conv(?:_\d+)?)_(expand|depthwise|project|squeeze_excite)(_.+)?", layer)
    path = f"{block[1]}/{block[2]}{block[3] or ''}" if block else layer.capitalize()
    return path.replace("excite_conv", "excite/Conv").replace("_bn", "/BatchNorm")


def pathlike(layer):
    """Return what the older file of a DenseNet calls a layer: "conv1/bn"."""
    return {"conv1_conv": "conv1/conv", "conv1_bn": "conv1/bn", "predictions": "fc1000"}.get(layer, layer)


def probs(layer):
    """Return what the package keras_applications called a layer of ResNet."""
    return layer.replace("predictions", "probs")


@pytest.mark.parametrize(
    ("name", "theirs", "called"),
    [
        ("mobilenet_v3_small", "MobileNetV3Small", today),
        ("mobilenet_v3_small", "MobileNetV3Small", scoped),
        pytest.param("densenet121", "DenseNet121", today, marks=pytest.mark.large),
        pytest.param("densenet121", "DenseNet121", pathlike, marks=pytest.mark.large),
        ("efficientnet_b0", "EfficientNetB0", today),
        pytest.param("resnet50", "ResNet50", today, marks=pytest.mark.large),
        ("resnet50", "ResNet50", probs),
    ],
)
def test_every_array_of_the_file_maps_to_its_weight(name, theirs, called, tmp_path, write_keras_2):
    import keras

    architecture = zoo.find(name)
    ours = architecture.build(resolution=32)
    model = getattr(keras.applications, theirs)(input_shape=(32, 32, 3), weights=None)
    rng = np.random.default_rng(0)
    expected = {weight.path: rng.random(weight.shape, np.float32) for weight in ours.weights}
    assign(ours, expected)
    copy_by_name(ours, model)
    write_keras_2(tmp_path / "file.h5", model, called)
    (adapt,) = {source.adapt for source in architecture.weights[0].sources if source.reader == "keras_h5"}
    found = adapt(readers.read("keras_h5", [tmp_path / "file.h5"]), ours)
    assert found.keys() == expected.keys()
    assert all(np.array_equal(found[path], expected[path]) for path in expected)
