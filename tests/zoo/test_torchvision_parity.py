"""The same weights in, the same logits out as the network of that name in torchvision."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

import zoo
from tests.zoo.contents import quick
from tests.zoo.seeded_state import seeded_photos, seeded_state
from zoo.weights import assign
from zoo.weights.torch_layout import to_keras

if TYPE_CHECKING:
    import keras

LOGITS = Path(__file__).parents[1] / "data" / "torchvision_logits.npz"

# Where torchvision's GoogLeNet is not the paper's.
OPTIONS = {"alexnet": {}, "googlenet": {"large": 3, "last_pool": 2}}
KINDS = {
    "kernel": "weight",
    "bias": "bias",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
ALEXNET = {
    "conv1": "features.0",
    "conv2": "features.3",
    "conv3": "features.6",
    "conv4": "features.8",
    "conv5": "features.10",
    "fc6": "classifier.1",
    "fc7": "classifier.4",
    "logits": "classifier.6",
}
BRANCHES = {
    "1x1": "branch1",
    "3x3_reduce": "branch2.0",
    "3x3": "branch2.1",
    "5x5_reduce": "branch3.0",
    "5x5": "branch3.1",
    "pool_proj": "branch4.1",
}


def googlenet_layer(name: str) -> str:
    """Return torchvision's name of our layer: `inception_3a_5x5_bn` is `inception3a.branch3.1.bn`."""
    if name == "logits":
        return "fc"
    part, what = (name.removesuffix("_bn"), "bn") if name.endswith("_bn") else (name, "conv")
    fixed = {"conv1": "conv1", "conv2_reduce": "conv2", "conv2": "conv3"}
    if part not in fixed:
        _, module, branch = part.split("_", 2)
        fixed[part] = f"inception{module}.{BRANCHES[branch]}"
    return f"{fixed[part]}.{what}"


LAYERS: dict[str, Callable[[str], str]] = {"alexnet": ALEXNET.__getitem__, "googlenet": googlenet_layer}


def torch_shapes(model: keras.Model, layer_of: Callable[[str], str]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield torchvision's name and shape of each weight."""
    for weight in model.weights:
        layer, kind = weight.path.split("/")
        shape = tuple(weight.shape)
        turned = (shape[3], shape[2], *shape[:2]) if len(shape) == 4 else shape[::-1]
        yield f"{layer_of(layer)}.{KINDS[kind]}", turned


@pytest.mark.parametrize("name", quick(LAYERS))
def test_the_logits_are_those_of_torchvision(name: str) -> None:
    architecture, layer_of = zoo.find(name), LAYERS[name]
    with np.load(LOGITS) as stored:
        expected = {int(key.partition("-")[2]): stored[key] for key in stored.files if key.startswith(f"{name}-")}
    assert any(side % 2 for side in expected)
    weights = None
    for side, logits in expected.items():
        model = architecture.build(resolution=side, classes=10, **OPTIONS[name])
        if weights is None:
            ours = {layer_of(layer.name): layer.name for layer in model.layers if layer.weights}
            weights = to_keras(seeded_state(dict(torch_shapes(model, layer_of))), ours.__getitem__)
            if name == "alexnet":
                # PyTorch flattens (channels, height, width), Keras (height, width, channels).
                weights["fc6/kernel"] = (
                    weights["fc6/kernel"].reshape(256, 6, 6, -1).transpose(1, 2, 0, 3).reshape(9216, -1)
                )
        assign(model, weights)
        photos = architecture.preprocess().normalise(seeded_photos(side))
        assert logits.std() > 0.05
        assert np.abs(model(photos).numpy() - logits).max() < 1e-4
