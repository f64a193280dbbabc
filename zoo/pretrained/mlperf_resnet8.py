"""Trained weights of ResNet-8: MLPerf Tiny's, Apache-2.0."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zoo.pinned import Weights
from zoo.pretrained import shipped
from zoo.pretrained.mlperf_tiny import keras_file, numbered, reference

_BLOCKS = ("stack1_conv1", "stack1_conv2", "stack2_conv1", "stack2_conv2", "stack3_conv1", "stack3_conv2")
_NORMS = ("conv1", *_BLOCKS)
_CONVOLUTIONS = ("conv1", *_BLOCKS[:4], "stack2_shortcut", *_BLOCKS[4:], "stack3_shortcut")

CIFAR10 = reference(
    "cifar10",
    "CIFAR-10, 50,000 training images",
    keras_file(
        "image_classification/trained_models/pretrainedResnet.h5",
        "5f938a8eea605438cc7360aa13c987bc6d7bd0c8d931b2917361ae7ae4eeda2f",
        {
            **numbered("conv2d", _CONVOLUTIONS),
            **numbered("batch_normalization", [f"{name}_bn" for name in _NORMS]),
            "dense": "logits",
        },
    ),
)


def tiny(options: Mapping[str, Any]) -> Weights:
    """Return the weights of the tiny variant, which is built with `options`."""
    sha256 = "a417d0fa51101d58f7b88e7b7bc46c9da152dee280d69fc1a6643c13587ce59d"
    return shipped.tiny_fashion_mnist("mlperf_resnet8_tiny-fashion_mnist.npz", sha256, options)
