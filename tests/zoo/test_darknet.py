"""Darknet's .weights: every value maps to its weight, and a file that does not fit is refused."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zoo
from zoo import yolo_v3_tiny, yolo_v4_tiny
from zoo.architecture import Architecture
from zoo.layers.darknet import EPSILON, convolve
from zoo.pretrained import yolo_v3_tiny as v3_weights
from zoo.pretrained import yolo_v4_tiny as v4_weights
from zoo.pretrained.darknet_file import from_darknet
from zoo.weights import assign, random_weights, readers
from zoo.weights.readers import darknet

RNG = np.random.default_rng(4)
FAMILIES = [(yolo_v3_tiny.YOLO_V3_TINY, v3_weights.ORDER), (yolo_v4_tiny.YOLO_V4_TINY, v4_weights.ORDER)]
every_order = pytest.mark.parametrize(("architecture", "order"), FAMILIES, ids=["v3", "v4"])


def random_arrays(model: Any) -> dict[str, np.ndarray]:
    return {weight.path: RNG.normal(size=weight.shape).astype(np.float32) for weight in model.weights}


def as_darknet(arrays: dict[str, np.ndarray], order: Sequence[str], version: tuple[int, int] = (0, 2)) -> bytes:
    """Return a file of these weights: the header, then what load_convolutional_weights reads, in its order."""
    seen = struct.pack("<q" if version == (0, 2) else "<i", 32_013_312)
    content = struct.pack("<iii", *version, 0) + seen
    for name in order:
        if f"{name}/bias" in arrays:
            parts = [arrays[f"{name}/bias"]]
        else:
            parts = [arrays[f"{name}_bn/{kind}"] for kind in ("beta", "gamma", "moving_mean", "moving_variance")]
        parts.append(arrays[f"{name}/kernel"].transpose(3, 2, 0, 1))
        content += b"".join(part.astype("<f4").tobytes() for part in parts)
    return content


@every_order
@pytest.mark.parametrize("version", [(0, 1), (0, 2)])
def test_every_value_of_a_file_maps_to_its_weight(
    architecture: Architecture, order: tuple[str, ...], version: tuple[int, int], tmp_path: Path
) -> None:
    model = architecture.build(**architecture.tiny)
    arrays = random_arrays(model)
    (tmp_path / "a.weights").write_bytes(as_darknet(arrays, order, version))
    found = from_darknet(readers.read("darknet", [tmp_path / "a.weights"]), model, order)
    assert found.keys() == arrays.keys()
    assert all(np.array_equal(found[path], arrays[path]) for path in arrays)


def test_the_orders_are_those_of_the_cfg_files() -> None:
    # Channels of the convolutions from the top of yolov3-tiny.cfg and yolov4-tiny.cfg to their ends.
    heads = [255, 128, 256, 255]
    expected = {
        (yolo_v3_tiny, v3_weights): [16, 32, 64, 128, 256, 512, 1024, 256, 512, *heads],
        (yolo_v4_tiny, v4_weights): [
            32,
            64,
            64,
            32,
            32,
            64,
            128,
            64,
            64,
            128,
            256,
            128,
            128,
            256,
            512,
            256,
            512,
            *heads,
        ],
    }
    for (family, pretrained), channels in expected.items():
        model = family.build()
        assert [model.get_layer(name).filters for name in pretrained.ORDER] == channels


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda content: content + bytes(4), "holds 130331 numbers, the network 130330"),
        (lambda content: content[:-4], "holds 130329 numbers"),
        (lambda content: content[:-1], "cut off"),
        (lambda content: content[:10], "no Darknet"),
        (lambda content: content[:18], "cut off"),
        (lambda content: struct.pack("<i", 9) + content[4:], "no Darknet"),
    ],
)
def test_a_file_of_another_length_or_kind_is_refused(change: Any, words: str, tmp_path: Path) -> None:
    architecture, order = FAMILIES[0]
    model = architecture.build(**architecture.tiny)
    (tmp_path / "a.weights").write_bytes(change(as_darknet(random_arrays(model), order)))
    with pytest.raises(ValueError, match=words):
        from_darknet(darknet.read([tmp_path / "a.weights"]), model, order)


def test_a_convolution_is_that_of_darknet() -> None:
    """Padded by one pixel on every side also with stride 2, normalised, and a tenth of what is below zero."""
    import keras

    image = keras.Input((6, 6, 3))
    model = keras.Model(image, convolve(image, 4, 3, "conv", stride=2))
    random_weights.fill(model, zoo.find("yolo_v4_tiny").preprocess(), seed=1)
    x = RNG.normal(size=(2, 6, 6, 3)).astype(np.float32)
    kernel, gamma, beta, mean, variance = (weight.numpy() for weight in model.weights)
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0))), (3, 3), (1, 2))
    plain = np.einsum("nyxchw,hwco->nyxo", windows[:, ::2, ::2], kernel)
    normal = gamma * (plain - mean) / np.sqrt(variance + EPSILON) + beta
    assert np.allclose(model(x).numpy(), np.where(normal > 0, normal, 0.1 * normal), atol=1e-5)


def test_the_model_zoo_numbers_layers_in_another_order() -> None:
    model = yolo_v3_tiny.build(**zoo.find("yolo_v3_tiny").tiny)
    arrays = random_arrays(model)
    # The batch norm that reads convolution n has the constants scale, scale1 and so on of tiny-yolov3-11.onnx.
    suffixes = {1: 10, 2: 9, 3: 8, 4: 7, 5: 6, 6: 5, 7: 4, 8: 3, 9: 1, 11: 2, 12: ""}
    stored = {}
    for number, name in enumerate(v3_weights.ORDER, start=1):
        stored[f"conv2d_{number}/kernel:0"] = arrays[f"{name}/kernel"].transpose(3, 2, 0, 1)
        if number not in suffixes:
            stored[f"conv2d_{number}/bias:0"] = arrays[f"{name}/bias"]
            continue
        for ours, theirs in (("gamma", "scale"), ("beta", "bias"), ("moving_mean", "mean"), ("moving_variance", "var")):
            stored[f"{theirs}{suffixes[number]}"] = arrays[f"{name}_bn/{ours}"]
    found = v3_weights.from_model_zoo(stored, model)
    assert found.keys() == arrays.keys()
    assert all(np.array_equal(found[path], arrays[path]) for path in arrays)


def test_constants_of_an_onnx_file_are_read_by_name(tmp_path: Path) -> None:
    import onnx
    from onnx import helper, numpy_helper

    kernel = RNG.normal(size=(4, 3, 2, 2)).astype(np.float32)
    constants = [numpy_helper.from_array(kernel, "kernel"), numpy_helper.from_array(np.array([1, 2]), "shape")]
    graph = helper.make_graph([], "g", [], [], constants)
    onnx.save(helper.make_model(graph), tmp_path / "a.onnx")
    stored = readers.read("onnx", [tmp_path / "a.onnx"])
    assert list(stored) == ["kernel"]
    assert np.array_equal(stored["kernel"], kernel)


@pytest.mark.parametrize("name", ["yolo_v3_tiny", "yolo_v4_tiny"])
def test_weights_for_any_resolution_fit_a_smaller_input(name: str) -> None:
    """Which is what `any_resolution` promises: no weight depends on the side."""
    architecture = zoo.find(name)
    whole, small = (architecture.build(resolution=side) for side in (416, 320))
    assign(small, {weight.path: weight.numpy() for weight in whole.weights})
    assert architecture.trained_as("coco").any_resolution


@pytest.mark.imagenet
def test_yolo_v4_tiny_detects_the_objects_in_photos() -> None:
    from PIL import Image
    from skimage import data

    from zoo import class_names, weights
    from zoo.detection.suppression import detect

    architecture = yolo_v4_tiny.YOLO_V4_TINY
    model, preprocessing, detection = architecture.build(), architecture.preprocess(), yolo_v4_tiny.detection()
    weights.load(model, architecture, "coco")
    for photo, shows in ((data.astronaut(), "person"), (data.chelsea(), "cat"), (data.coffee(), "cup")):
        raw = model(preprocessing.normalise(preprocessing.photo(Image.fromarray(photo)))[None])
        found = detect({head.output: one.numpy()[0] for head, one in zip(detection.heads, raw, strict=True)}, detection)
        assert class_names.read("coco")[found.classes[0]] == shows
        assert found.scores[0] > 0.25


@pytest.mark.imagenet
def test_yolo_v3_tiny_equals_the_file_of_the_model_zoo() -> None:
    """That file decodes its boxes itself: network, order of anchors and decoding are the same."""
    import onnxruntime
    from PIL import Image
    from skimage import data

    from zoo.detection.decoding import decode
    from zoo.weights import sources

    (source,) = (one for one in v3_weights.COCO.sources if one.reader == "onnx")
    (path,) = sources.fetch(source)
    model, detection = yolo_v3_tiny.build(), yolo_v3_tiny.detection()
    assign(model, v3_weights.from_model_zoo(readers.read("onnx", [path]), model))
    preprocessing = yolo_v3_tiny.preprocess()
    photo = preprocessing.normalise(preprocessing.photo(Image.fromarray(data.coffee())))[None]
    raw = model(photo)
    ours = decode({head.output: one.numpy()[0] for head, one in zip(detection.heads, raw, strict=True)}, detection)
    session = onnxruntime.InferenceSession(path)
    feeds = {"input_1": photo.transpose(0, 3, 1, 2), "image_shape": np.array([[416, 416]], np.float32)}
    (boxes,), (scores,), _ = session.run(None, feeds)
    assert np.allclose(np.sort(ours.scores.ravel()), np.sort(scores.ravel()), atol=1e-4)
    best, theirs = ours.scores.max(1).argmax(), scores.max(0).argmax()
    top, left, bottom, right = boxes[theirs]
    assert np.allclose(ours.boxes[best] * 416, [left, top, right, bottom], atol=0.1)
