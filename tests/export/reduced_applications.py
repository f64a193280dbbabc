"""Small networks of every family of keras.applications, trained on photos with a square whose colour is the class."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import numpy as np

if TYPE_CHECKING:
    import keras

CLASSES, BATCH, STEPS = 4, 16, 200
THREADS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@dataclass(frozen=True)
class Family:
    """How a small network of a family is built.

    Attributes:
        build: builds it, for `size` x `size` photos and logits of four classes.
        size: height and width of the photos.
        narrower: how many times fewer channels its layers then get.
        preprocessing: what `imagenet_utils` calls the preprocessing; None where the network does it.
        steps: training steps.
        rate: the learning rate of the first step.
    """

    build: Callable[[Mapping[str, Any]], keras.Model]
    size: int = 32
    narrower: int = 1
    preprocessing: str | None = None
    steps: int = STEPS
    rate: float = 2e-3


def convnext(options: Mapping[str, Any]) -> keras.Model:
    from keras.src.applications.convnext import ConvNeXt

    return ConvNeXt(depths=[1, 1, 2, 1], projection_dims=[16, 24, 32, 48], **options)


def densenet(options: Mapping[str, Any]) -> keras.Model:
    from keras.src.applications.densenet import DenseNet

    return DenseNet([2, 2, 3, 2], **options)


def efficientnet(options: Mapping[str, Any]) -> keras.Model:
    from keras.src.applications import efficientnet

    blocks = efficientnet.DEFAULT_BLOCKS_ARGS[:4]
    return efficientnet.EfficientNet(0.5, 0.5, 48, blocks_args=blocks, **NO_DROPOUT, **options)


def efficientnet_v2(options: Mapping[str, Any]) -> keras.Model:
    from keras.src.applications import efficientnet_v2

    blocks = efficientnet_v2.DEFAULT_BLOCKS_ARGS["efficientnetv2-b0"][:5]
    return efficientnet_v2.EfficientNetV2(0.5, 0.5, 48, blocks_args=blocks, **NO_DROPOUT, **options)


def inception_resnet_v2(options: Mapping[str, Any]) -> keras.Model:
    """Build the network with the first and the last block of every kind."""
    import keras
    from keras.src.applications import inception_resnet_v2

    block = inception_resnet_v2.inception_resnet_block

    def few(x: Any, scale: float, block_type: str, block_idx: int, activation: str | None = "relu") -> Any:
        return x if activation and block_idx > 1 else block(x, scale, block_type, block_idx, activation)

    with mock.patch.object(inception_resnet_v2, "inception_resnet_block", few):
        return keras.applications.InceptionResNetV2(**options)


def nasnet(options: Mapping[str, Any]) -> keras.Model:
    from keras.src.applications.nasnet import NASNet

    return NASNet(penultimate_filters=192, num_blocks=1, stem_block_filters=8, default_size=32, **options)


def resnet(options: Mapping[str, Any]) -> keras.Model:
    from keras.src.applications import resnet

    def stacks(x: Any) -> Any:
        x = resnet.stack_residual_blocks_v1(x, 16, 2, name="conv2")
        return resnet.stack_residual_blocks_v1(x, 32, 2, name="conv3")

    return resnet.ResNet(stacks, preact=False, use_bias=True, **options)


def resnet_v2(options: Mapping[str, Any]) -> keras.Model:
    from keras.src.applications import resnet

    def stacks(x: Any) -> Any:
        x = resnet.stack_residual_blocks_v2(x, 16, 2, name="conv2")
        return resnet.stack_residual_blocks_v2(x, 32, 2, name="conv3")

    return resnet.ResNet(stacks, preact=True, use_bias=True, **options)


def application(name: str, **more: Any) -> Callable[[Mapping[str, Any]], keras.Model]:
    """Return a function that builds a network that has no options of depth."""

    def build(options: Mapping[str, Any]) -> keras.Model:
        import keras

        return getattr(keras.applications, name)(**more, **options)

    return build


NO_DROPOUT: Mapping[str, Any] = {"dropout_rate": 0, "drop_connect_rate": 0}
FAMILIES: Mapping[str, Family] = {
    "ConvNeXt": Family(convnext, steps=500),
    "DenseNet": Family(densenet, narrower=4, preprocessing="torch"),
    "EfficientNet": Family(efficientnet, size=48),
    "EfficientNetV2": Family(efficientnet_v2, size=48),
    "InceptionResNetV2": Family(inception_resnet_v2, size=75, narrower=16, preprocessing="tf"),
    "InceptionV3": Family(application("InceptionV3"), size=75, narrower=8, preprocessing="tf"),
    "MobileNet": Family(application("MobileNet", alpha=0.25), size=64, preprocessing="tf"),
    "MobileNetV2": Family(application("MobileNetV2", alpha=0.35), size=64, preprocessing="tf"),
    "MobileNetV3": Family(application("MobileNetV3Small", alpha=0.5), size=64),
    "NASNet": Family(nasnet, preprocessing="tf"),
    "ResNet": Family(resnet, preprocessing="caffe"),
    "ResNetV2": Family(resnet_v2, preprocessing="tf"),
    "VGG": Family(application("VGG16"), narrower=8, preprocessing="caffe", steps=800, rate=5e-4),
    "Xception": Family(application("Xception"), size=71, narrower=16, preprocessing="tf", steps=100),
}


def photos(family: Family, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the inputs of a network of the family, and their classes."""
    from keras.src.applications.imagenet_utils import preprocess_input

    rng = np.random.default_rng(seed)
    classes = rng.integers(0, CLASSES, count)
    values = rng.normal(110, 25, (count, family.size, family.size, 3))
    side = family.size // 3
    for photo, kind in zip(values, classes, strict=True):
        top, left = rng.integers(0, family.size - side, 2)
        photo[top : top + side, left : left + side, kind % 3] += 90 if kind < 3 else -90
    values = np.clip(values.round(), 0, 255).astype(np.float32)
    return (preprocess_input(values, mode=family.preprocessing) if family.preprocessing else values), classes


def trained(name: str, folder: Path) -> keras.Model:
    """Return a trained network of a family, trained in a process of its own.

    The number of threads determines the order of sums, and so to which network it trains, with other errors.
    """
    path = folder / "trained.weights.h5"
    environment = os.environ | dict.fromkeys(THREADS, "2")
    command = [sys.executable, "-m", __name__, name, str(path)]
    subprocess.run(command, check=True, capture_output=True, env=environment)
    model = built(name)
    model.load_weights(path)
    return model


def built(name: str) -> keras.Model:
    """Return an untrained network of a family."""
    import keras

    keras.utils.set_random_seed(0)
    family = FAMILIES[name]
    shape = (family.size, family.size, 3)
    model = family.build({"weights": None, "classes": CLASSES, "classifier_activation": None, "input_shape": shape})
    return narrow(model, family.narrower)


def train(name: str, path: Path) -> None:
    """Train a network and store its weights; the learning rate ends at zero, so that batch norms fit the weights."""
    import keras

    model, family = built(name), FAMILIES[name]
    inputs, classes = photos(family, 1600, seed=0)
    rate = keras.optimizers.schedules.CosineDecay(family.rate, family.steps)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(rate), loss)
    model.fit(inputs, classes, batch_size=BATCH, epochs=family.steps * BATCH // len(inputs), verbose=0)
    model.save_weights(path)


def narrow(model: keras.Model, times: int) -> keras.Model:
    """Return a new network with that many times fewer channels, whose batch norms follow the last ten batches."""
    import keras

    def layer_of(layer: keras.Layer) -> keras.Layer:
        config = layer.get_config()
        if "momentum" in config:
            config["momentum"] = 0.8
        if layer is not model.layers[-1]:
            config |= {key: max(config[key] // times, 4) for key in ("filters", "units") if key in config}
        return type(layer).from_config(config)

    return keras.models.clone_model(model, clone_function=layer_of)


if __name__ == "__main__":
    train(sys.argv[1], Path(sys.argv[2]))
