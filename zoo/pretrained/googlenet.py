"""Trained weights of GoogLeNet: of its tiny variant, by this project, Apache-2.0."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zoo.pinned import Weights
from zoo.pretrained import shipped


def tiny(options: Mapping[str, Any]) -> Weights:
    """Return the weights of the tiny variant, which is built with `options`."""
    sha256 = "49b0ccc7a1994fb43ea38b548479e9e866e6c15c6d0a2b402ce6ed29c53d9612"
    return shipped.tiny_fashion_mnist("googlenet_tiny-fashion_mnist.npz", sha256, options)
