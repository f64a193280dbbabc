"""Trained weights of U-Net: of its tiny variant, by this project, Apache-2.0."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zoo.pinned import Weights
from zoo.pretrained import shipped


def tiny(options: Mapping[str, Any]) -> Weights:
    """Return the weights of the tiny variant, which is built with `options`."""
    sha256 = "7c3e41b360d71ea7209159a11f13737da5c404a9dfd612d135e7867fd788efd9"
    return shipped.tiny_canvases("unet_tiny-canvases.npz", sha256, options)
