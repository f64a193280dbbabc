"""The same weights in, the same logits out as the network of that name in keras.applications."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zoo
from tests.zoo.contents import large_beyond_cover
from tests.zoo.families import photo_networks
from tests.zoo.photos import photos_for
from zoo.weights import random_weights


@dataclass(frozen=True)
class Reference:
    """The network in keras.applications that an architecture of the zoo must equal, at a small size.

    Attributes:
        name: there.
        ours: options of the build of the zoo.
        theirs: arguments of their builder, except the size.
        scale: their input over ours.
    """

    name: str
    ours: Mapping[str, Any]
    theirs: Mapping[str, Any] = field(default_factory=dict)
    scale: float = 1.0


TENSORFLOW = {"padding": "same", "epsilon": 1e-3}  # instead of PyTorch's way
BARE = {"include_preprocessing": False}  # which is data with us

REFERENCES = [
    ("mobilenet", Reference("MobileNet", {"resolution": 128})),
    ("mobilenet", Reference("MobileNet", {"resolution": 160, "alpha": 0.5}, {"alpha": 0.5})),
    ("mobilenet_v2", Reference("MobileNetV2", {"resolution": 96, **TENSORFLOW})),
    ("mobilenet_v2", Reference("MobileNetV2", {"resolution": 97, "alpha": 0.35, **TENSORFLOW}, {"alpha": 0.35})),
    ("mobilenet_v3_small", Reference("MobileNetV3Small", {"resolution": 128}, BARE)),
    ("mobilenet_v3_large", Reference("MobileNetV3Large", {"resolution": 129, "alpha": 0.75}, {"alpha": 0.75, **BARE})),
    ("resnet50", Reference("ResNet50", {"resolution": 64})),
    ("resnet101", Reference("ResNet101", {"resolution": 65})),
    ("resnet152", Reference("ResNet152", {"resolution": 64})),
    ("densenet121", Reference("DenseNet121", {"resolution": 65})),
    ("densenet169", Reference("DenseNet169", {"resolution": 64})),
    ("densenet201", Reference("DenseNet201", {"resolution": 64})),
    ("efficientnet_b0", Reference("EfficientNetB0", {"resolution": 129}, scale=255)),
    ("efficientnet_b1", Reference("EfficientNetB1", {"resolution": 128}, scale=255)),
    # The first that is wider and deeper.
    ("efficientnet_b2", Reference("EfficientNetB2", {"resolution": 128}, scale=255)),
    *(
        (f"efficientnet_b{number}", Reference(f"EfficientNetB{number}", {"resolution": 192}, scale=255))
        for number in range(3, 8)
    ),
]

# What has another reference, or none.
OTHERS = {
    "lenet5": "older than the libraries",
    "alexnet": "test_torchvision_parity.py",
    "googlenet": "test_torchvision_parity.py",
    "inception_v3": "test_stored_order.py",
    "xception": "test_stored_order.py",
    "inception_resnet_v2": "test_stored_order.py",
    "vgg16": "test_stored_order.py",
    "vgg19": "test_stored_order.py",
    "efficientnet_lite0": "timm",
    "efficientnet_lite1": "timm",
    "efficientnet_lite2": "timm",
    "efficientnet_lite3": "the builder of Lite0 to Lite2",
    "efficientnet_lite4": "the builder of Lite0 to Lite2",
    "mlperf_resnet8": "test_mlperf_tiny.py",
    "mlperf_vww": "test_mlperf_tiny.py",
    "resnet252": "the builder of ResNet-50 to 152",
    "vae": "none in the libraries",
    "yolo_v3_tiny": "test_darknet.py",
    "yolo_v4_tiny": "test_darknet.py",
    "unet": "none in the libraries; its numbers are those of the paper's figure",
}

# What keras.applications calls differently.
RENAMED = {
    "logits/kernel": "predictions/kernel",
    "logits/bias": "predictions/bias",
    "predictions/kernel": "logits/kernel",
    "predictions/bias": "logits/bias",
}


def test_every_architecture_has_a_reference_or_a_reason():
    assert {name for name, _ in REFERENCES} | OTHERS.keys() == set(photo_networks())


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        pytest.param(name, one, id=f"{one.name}-{one.ours['resolution']}", marks=large_beyond_cover(name))
        for name, one in REFERENCES
    ],
)
def test_the_logits_are_those_of_keras(name, reference):
    import keras

    architecture = zoo.find(name)
    ours = architecture.build(**reference.ours)
    theirs = getattr(keras.applications, reference.name)(
        input_shape=ours.input_shape[1:], weights=None, classifier_activation=None, **reference.theirs
    )
    random_weights.fill(ours, architecture.preprocess(), seed=3)
    photos = photos_for(architecture, reference.ours)
    tempered(ours, photos)
    copy_by_name(ours, theirs)
    logits = ours(photos).numpy()
    assert logits.std() > 0.05
    assert np.abs(logits - theirs(photos * reference.scale).numpy()).max() < 1e-4


def tempered(model, photos):
    """Make the logits as large as those of trained networks: of hundreds the tenth of a thousandth is rounding."""
    size = max(1.0, float(model(photos).numpy().std()))
    last = model.get_layer("logits")
    last.set_weights([weight / size for weight in last.get_weights()])


def copy_by_name(ours, theirs):
    # Where they normalise colours in a layer, it comes without numbers.
    stored = {weight.path: weight for weight in theirs.weights if not weight.path.startswith("normalization")}
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
    labels = (Path(zoo.__file__).parent / "class_names" / "imagenet1k.txt").read_text().splitlines()
    names = [labels[index] for index in logits.argmax(-1)]
    assert names[1] == "espresso"
    assert names[2] in ("tabby", "tiger cat", "Egyptian cat")
