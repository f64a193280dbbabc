"""The same weights in, the same logits out as the network of that name in keras.applications."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zoo
from tests.zoo.photos import photos_for
from zoo import random_weights


@dataclass(frozen=True)
class Reference:
    """The network in keras.applications that an architecture of ours is, at a small size.

    Attributes:
        name: there.
        ours: options of our build.
        theirs: arguments of theirs, beside the size.
    """

    name: str
    ours: Mapping[str, Any]
    theirs: Mapping[str, Any] = field(default_factory=dict)


TENSORFLOW = {"padding": "same", "epsilon": 1e-3}  # instead of PyTorch's way

REFERENCES = [
    ("mobilenet", Reference("MobileNet", {"resolution": 128})),
    ("mobilenet", Reference("MobileNet", {"resolution": 160, "alpha": 0.5}, {"alpha": 0.5})),
    ("mobilenet_v2", Reference("MobileNetV2", {"resolution": 96, **TENSORFLOW})),
    ("mobilenet_v2", Reference("MobileNetV2", {"resolution": 97, "alpha": 0.35, **TENSORFLOW}, {"alpha": 0.35})),
    ("resnet50", Reference("ResNet50", {"resolution": 64})),
]
IDS = [f"{reference.name}-{reference.ours['resolution']}" for _, reference in REFERENCES]

# What has another reference, or none.
OTHERS = {
    "lenet5": "older than the libraries",
    "vgg16": "test_stored_order.py",
    "vgg19": "test_stored_order.py",
    "efficientnet_lite0": "timm",
    "efficientnet_lite1": "timm",
    "efficientnet_lite2": "timm",
}

# What keras.applications calls differently.
RENAMED = {"logits/kernel": "predictions/kernel", "logits/bias": "predictions/bias"}


def test_every_architecture_has_a_reference_or_a_reason():
    assert {name for name, _ in REFERENCES} | OTHERS.keys() == set(zoo.names())


@pytest.mark.parametrize(
    ("name", "reference"), REFERENCES, ids=[f"{r.name}-{r.ours['resolution']}" for _, r in REFERENCES]
)
def test_the_logits_are_those_of_keras(name, reference):
    import keras

    architecture = zoo.find(name)
    ours = architecture.build(**reference.ours)
    theirs = getattr(keras.applications, reference.name)(
        input_shape=ours.input_shape[1:], weights=None, classifier_activation=None, **reference.theirs
    )
    random_weights.fill(ours, architecture.preprocess(), seed=3)
    copy_by_name(ours, theirs)
    photos = photos_for(architecture, reference.ours)
    logits = ours(photos).numpy()
    assert logits.std() > 0.05
    assert np.abs(logits - theirs(photos).numpy()).max() < 1e-4


def copy_by_name(ours, theirs):
    stored = {weight.path: weight for weight in theirs.weights}
    assert len(stored) == len(ours.weights)
    for weight in ours.weights:
        name = weight.path if weight.path in stored else RENAMED[weight.path]
        stored[name].assign(weight)


@pytest.mark.imagenet
@pytest.mark.parametrize(("name", "reference"), [("mobilenet", "MobileNet"), ("resnet50", "ResNet50")])
def test_with_trained_weights_the_logits_are_those_of_keras(name, reference):
    import keras
    from PIL import Image
    from skimage import data

    from zoo import weights

    architecture = zoo.find(name)
    ours = architecture.build()
    weights.load(ours, architecture, "imagenet")
    theirs = getattr(keras.applications, reference)(weights=None, classifier_activation=None)
    copy_by_name(ours, theirs)
    preprocessing = architecture.preprocess()
    bytes_ = [preprocessing.photo(Image.fromarray(photo)) for photo in (data.astronaut(), data.coffee(), data.cat())]
    photos = preprocessing.normalise(np.stack(bytes_))
    logits = ours(photos).numpy()
    assert np.abs(logits - theirs(photos).numpy()).max() < 1e-4
    labels = (Path(zoo.__file__).parent / "labels" / "imagenet1k.txt").read_text().splitlines()
    answers = [labels[index] for index in logits.argmax(-1)]
    assert answers[1] == "espresso"
    assert answers[2] in ("tabby", "tiger cat", "Egyptian cat")
