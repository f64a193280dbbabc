"""Trained weights of AlexNet: of its tiny variant, by this project, Apache-2.0."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zoo.pinned import Weights
from zoo.pretrained import shipped


def tiny(options: Mapping[str, Any]) -> Weights:
    """Return the weights of the tiny variant, which is built with `options`."""
    sha256 = "694e10512d0e6eca81ed35519f60400905c8549d6cb46d1199c78f88234de45c"
    return shipped.tiny_fashion_mnist("alexnet_tiny-fashion_mnist.npz", sha256, options)
