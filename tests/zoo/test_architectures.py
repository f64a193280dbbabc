from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import zoo
from tests.zoo.contents import quick
from tests.zoo.families import families, photo_networks
from tests.zoo.outputs import OUTPUTS, outputs_of_photos, shape_of_outputs
from tests.zoo.photos import photos_for
from zoo import efficientnet_lite
from zoo.weights import random_weights

ZOO = Path(zoo.__file__).parent
every_architecture = pytest.mark.parametrize("name", quick(photo_networks()))
every_family = pytest.mark.parametrize("name", quick(families()))


@dataclass(frozen=True)
class Whole:
    """Facts of a default build, kept in place of the model, which may have half a gigabyte."""

    parameter_count: int
    input_shape: tuple[int | None, ...]
    output_shape: tuple[int | None, ...]
    kinds: frozenset[str]
    shapes: frozenset[tuple[int, ...]]


@cache
def whole(name):
    """Return the facts of the default build, which is built once and freed."""
    architecture = zoo.find(name)
    model = architecture.build(**architecture.settings({}))
    image, output = model.inputs[0], model.outputs[0]
    return Whole(model.count_params(), tuple(image.shape), tuple(output.shape), kinds(model), shapes(model))


def shapes(model):
    """Return the shapes of all layers' outputs, without the batch."""
    import keras

    outputs = keras.tree.flatten([layer.output for layer in model.layers])
    return frozenset(tuple(output.shape[1:]) for output in outputs)


def kinds(model):
    return frozenset(type(layer).__name__ for layer in model.layers)


def test_a_family_consists_of_the_networks_of_one_builder():
    assert {"lenet5", "mobilenet", "mobilenet_v2", "efficientnet_lite0"} <= set(families())
    for first, others in (("resnet101", {"resnet50", "resnet252"}), ("efficientnet_lite0", {"efficientnet_lite1"})):
        assert first in families()
        assert not others & set(families())


@every_architecture
def test_the_default_build_has_the_registered_size(name):
    architecture = zoo.find(name)
    model = whole(architecture.name)
    assert model.parameter_count == architecture.parameter_count
    assert model.output_shape == shape_of_outputs(architecture, model.input_shape)


@every_architecture
def test_the_default_input_has_the_shape_of_a_preprocessed_photo(name):
    architecture = zoo.find(name)
    model = whole(architecture.name)
    assert model.input_shape[1:] == photos_for(architecture, architecture.settings({}), 1).shape[1:]


# Comments at the end of a line, or on a line of their own, that list "height x width x channels".
SHAPE = re.compile(r"\b(\d+) x (\d+) x (\d+)\b")


@pytest.mark.large  # builds all members of a family
@pytest.mark.parametrize("name", families())
def test_the_shapes_in_the_comments_of_a_builder_are_those_of_the_default_build(name):
    architecture = zoo.find(name)
    code = (ZOO / f"{architecture.family}.py").read_text()
    comments = "\n".join(line.partition("#")[2] for line in code.splitlines())
    commented = {tuple(map(int, found)) for found in SHAPE.findall(comments)}
    members = [other for other in photo_networks() if zoo.find(other).family == architecture.family]
    built = frozenset().union(*(whole(other).shapes for other in members))
    assert len(commented) >= 4
    assert commented <= built


@every_architecture
def test_the_tiny_build_has_the_same_kinds_of_layers(name):
    architecture = zoo.find(name)
    tiny = architecture.build(**architecture.tiny)
    assert kinds(tiny) == whole(architecture.name).kinds
    assert tiny.count_params() < 200_000
    assert photos_for(architecture, architecture.tiny, 1).shape[1:] == tiny.inputs[0].shape[1:]


@every_family
def test_the_model_ends_in_logits_named_after_its_task(name):
    architecture = zoo.find(name)
    model = architecture.build(**architecture.tiny)
    assert model.output_names == OUTPUTS[architecture.task]
    assert [tensor.name for tensor in model.inputs] == ["image", *architecture.made_up_inputs]
    random_weights.fill(model, architecture.preprocess(), seed=0)
    assert np.abs(outputs_of_photos(model, photos_for(architecture, architecture.tiny)).sum(-1) - 1).max() > 1e-3


@pytest.mark.parametrize("name", photo_networks())
def test_labels_and_card_are_there(name):
    architecture = zoo.find(name)
    labels = (
        (ZOO / "class_names" / f"{architecture.labels}.txt").read_text().splitlines() if architecture.labels else []
    )
    assert len(labels) == len(set(labels)) == architecture.classes
    card = (ZOO / "cards" / f"{architecture.name}.md").read_text()
    for weights in architecture.weights:
        assert weights.licence in card
        assert weights.tag in card


@every_family
def test_with_random_weights_the_outputs_differ_from_photo_to_photo(name):
    architecture = zoo.find(name)
    model = architecture.build(**architecture.tiny)
    random_weights.fill(model, architecture.preprocess(), seed=0)
    logits = outputs_of_photos(model, photos_for(architecture, architecture.tiny, 8)).reshape(8, -1)
    across_photos, across_classes = logits.std(0).mean(), logits.std(1).mean()
    assert across_photos > 0.1 * across_classes
    assert 0.05 < across_classes < 50


@every_family
def test_random_weights_are_those_of_the_seed(name):
    architecture = zoo.find(name)
    model, found = architecture.build(**architecture.tiny), []
    for seed in (7, 8, 7):  # whatever the weights were before
        random_weights.fill(model, architecture.preprocess(), seed)
        found.append([weight.numpy() for weight in model.weights])
    first, other, same = found
    assert all(np.array_equal(a, b) for a, b in zip(first, same, strict=True))
    assert not any(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize("resolution", [32, 33])
def test_mobilenet_v2_filters_with_stride_2_as_pytorch_does(resolution):
    architecture = zoo.find("mobilenet_v2")
    model = architecture.build(**architecture.tiny | {"resolution": resolution})
    random_weights.fill(model, architecture.preprocess(), seed=3)
    photos = photos_for(architecture, {"resolution": resolution}, 2)
    assert np.allclose(outputs_of(model, "Conv1", photos), in_steps_of_2(photos, model.get_layer("Conv1")), atol=1e-5)
    wide = outputs_of(model, "block_1_expand_relu", photos)
    filtered = in_steps_of_2(wide, model.get_layer("block_1_depthwise"))
    assert np.allclose(outputs_of(model, "block_1_depthwise", photos), filtered, atol=1e-5)


def outputs_of(model, layer, photos):
    import keras

    return keras.Model(model.inputs[0], model.get_layer(layer).output)(photos).numpy()


def in_steps_of_2(x, layer):
    """Return a 3x3 convolution with stride 2 of x (N, H, W, C), padded by one pixel on every side."""
    kernel = layer.weights[0].numpy()
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))[:, ::2, ::2]
    if "depthwise" in layer.name:
        return np.einsum("nyxchw,hwc->nyxc", windows, kernel[..., 0])
    return np.einsum("nyxchw,hwco->nyxo", windows, kernel)


# Trainable parameters: tensorflow/tpu, efficientnet/lite/efficientnet_lite_builder_test.py. Lite1 and Lite2
# agree too: 5,416,680 and 6,092,072 of their registered parameters, without means and variances.
@pytest.mark.parametrize(("number", "trained"), [(0, 4_652_008), (3, 8_197_096), (4, 13_006_568)])
def test_efficientnet_lite_grows_as_that_of_google(number, trained):
    width, depth, resolution, _ = efficientnet_lite.SCALING[number]
    model = efficientnet_lite.build(width=width, depth=depth, resolution=resolution)
    assert sum(np.prod(weight.shape) for weight in model.trainable_weights) == trained


@pytest.mark.imagenet
@pytest.mark.parametrize("name", ["mobilenet_v2", *(f"efficientnet_lite{number}" for number in range(3))])
def test_with_trained_weights_the_logits_are_those_of_pytorch(name):
    from zoo import weights

    with np.load(Path(__file__).parents[1] / "data" / "torch_logits.npz") as stored:
        tiles, expected = stored["tiles"], stored[name]
    architecture = zoo.find(name)
    model, preprocessing = architecture.build(), architecture.preprocess()
    weights.load(model, architecture, "imagenet")
    side = preprocessing.height
    photos = tiles.repeat(-(-side // 8), 1).repeat(-(-side // 8), 2)[:, :side, :side]
    assert np.abs(model(preprocessing.normalise(photos)).numpy() - expected).max() < 1e-4


def test_builders_take_keywords_only():
    for name in zoo.names():
        parameters = inspect.signature(zoo.find(name).build).parameters.values()
        assert {parameter.kind for parameter in parameters} <= {
            inspect.Parameter.KEYWORD_ONLY,
            inspect.Parameter.VAR_KEYWORD,
        }


@pytest.mark.imagenet
@pytest.mark.parametrize(
    ("name", "top_1", "top_5"),
    [
        ("mobilenet", 0.926, 0.989),
        ("mobilenet_v2", 0.838, 0.964),
        ("efficientnet_lite0", 0.888, 0.976),
        ("efficientnet_lite1", 0.889, 0.977),
        ("efficientnet_lite2", 0.906, 0.985),
        ("resnet50", 0.905, 0.985),
    ],
)
def test_accuracy_on_the_imagenet_sample_is_that_of_the_card(name, top_1, top_5):
    import csv
    import os

    from PIL import Image

    from zoo import weights

    if "ZOO_IMAGENET_SAMPLE" not in os.environ:
        pytest.fail("set ZOO_IMAGENET_SAMPLE to a folder with labels.csv and images/")
    folder = Path(os.environ["ZOO_IMAGENET_SAMPLE"])
    rows = list(csv.DictReader((folder / "labels.csv").read_text().splitlines()))
    architecture = zoo.find(name)
    model, preprocessing = architecture.build(), architecture.preprocess()
    weights.load(model, architecture, "imagenet")
    hits = np.zeros(5)
    for start in range(0, len(rows), 20):
        batch = rows[start : start + 20]
        photos = np.stack([preprocessing.photo(Image.open(folder / "images" / row["file"])) for row in batch])
        best = np.argsort(-model(preprocessing.normalise(photos)).numpy(), axis=-1)[:, :5]
        hits += (best == [[int(row["class_index"])] for row in batch]).sum(0)
    # Two photos of 1000 for what other versions of Pillow and TensorFlow round otherwise.
    assert abs(hits[0] / len(rows) - top_1) <= 0.002
    assert abs(hits.sum() / len(rows) - top_5) <= 0.002
