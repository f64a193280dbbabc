"""Trained weights of MobileNet v1 for visual wake words: MLPerf Tiny's, Apache-2.0."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zoo.pinned import Weights
from zoo.pretrained import shipped
from zoo.pretrained.mlperf_tiny import keras_file, numbered, reference

_BLOCKS = range(1, 14)
_DEPTHWISE, _POINTWISE = ([f"conv_{kind}_{index}" for index in _BLOCKS] for kind in ("dw", "pw"))
_IN_TURN = [name for pair in zip(_DEPTHWISE, _POINTWISE, strict=True) for name in pair]

COCO = reference(
    "coco",
    "Visual Wake Words: COCO 2014, at 96 x 96",
    keras_file(
        "visual_wake_words/trained_models/vww_96.h5",
        "af9111d50e6e85b2f2123345e0316ef1c384865ebf6b06340ddac7e66017450f",
        {
            **numbered("conv2d", ["conv1", *_POINTWISE]),
            **numbered("depthwise_conv2d", _DEPTHWISE),
            **numbered("batch_normalization", [f"{name}_bn" for name in ("conv1", *_IN_TURN)]),
            "dense": "logits",
        },
    ),
)


def tiny(options: Mapping[str, Any]) -> Weights:
    """Return the weights of the tiny variant, which is built with `options`."""
    sha256 = "388486a6418b828bb3ebc69a1f66d2696000348e4189b1512651c2b90799f6d6"
    return shipped.tiny_fashion_mnist("mlperf_vww_tiny-fashion_mnist.npz", sha256, options)
