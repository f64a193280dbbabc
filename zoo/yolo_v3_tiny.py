"""YOLOv3-tiny: the smallest of the YOLOv3 detectors, seven convolutions and two grids of boxes.

Redmon, Farhadi 2018, "YOLOv3: An Incremental Improvement", https://arxiv.org/abs/1804.02767; the tiny network is not in
the paper but in its authors' yolov3-tiny.cfg.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from zoo.architecture import Architecture, Option, register
from zoo.detection.heads import COCO_ANCHORS, Anchor, Detection, Head, choose
from zoo.inputs import photo
from zoo.layers.darknet import convolve, predict, preprocess
from zoo.pretrained import yolo_v3_tiny as pretrained

if TYPE_CHECKING:
    import keras

WIDTHS = (16, 32, 64, 128, 256, 512, 1024)
_READ_BY_THE_FINE_GRID = 5  # the last convolution at a sixteenth of the photo's side


def build(
    *,
    resolution: int = 416,
    classes: int = 80,
    anchors: Sequence[Anchor] = COCO_ANCHORS,
    widths: Sequence[int] = WIDTHS,
) -> keras.Model:
    """Return YOLOv3-tiny: images (N, resolution, resolution, 3), bytes / 255, to the raw numbers of two grids.

    Outputs `stride_32` (N, resolution / 32, resolution / 32, 3 * (5 + classes)) for large objects and `stride_16`,
    twice as fine, for small ones. `zoo.detection` decodes them.

    Args:
        resolution: the side of the input, a multiple of 32.
        classes: number of classes of objects.
        anchors: (width, height) of boxes in pixels; each grid uses half as many, which `detection` selects.
        widths: channels of the seven convolutions; those of the heads are shares of the last.
    """
    import keras
    from keras import layers

    image = keras.Input((resolution, resolution, 3), name="image")
    x = image
    for index, channels in enumerate(widths, start=1):
        # 416 x 416 x 16, 208 x 208 x 32, 104 x 104 x 64, 52 x 52 x 128, 26 x 26 x 256, 13 x 13 x 512, 13 x 13 x 1024
        x = convolve(x, channels, 3, f"conv_{index}")
        if index == _READ_BY_THE_FINE_GRID:
            at_stride_16 = x
        if index < len(widths):
            # The last pooling has stride 1: the deep layers stay at a 32nd of the side.
            stride = 1 if index == len(widths) - 1 else 2
            x = layers.MaxPooling2D(2, stride, "same", name=f"pool_{index}")(x)
    deepest = widths[-1]
    neck = convolve(x, deepest // 4, 1, "neck")  # 13 x 13 x 256
    x = convolve(neck, deepest // 2, 3, "coarse")  # 13 x 13 x 512
    stride_32 = predict(x, len(anchors) // 2, classes, "stride_32")  # 13 x 13 x 255
    # The fine grid reads the features of the coarse one, and those from before the pooling.
    x = layers.UpSampling2D(2, name="upsample")(convolve(neck, deepest // 8, 1, "lateral"))
    x = layers.Concatenate(name="fuse")([x, at_stride_16])  # 26 x 26 x 384
    x = convolve(x, deepest // 4, 3, "fine")  # 26 x 26 x 256
    stride_16 = predict(x, len(anchors) // 2, classes, "stride_16")  # 26 x 26 x 255
    return keras.Model(image, [stride_32, stride_16], name="yolo_v3_tiny")


def detection(*, classes: int = 80, anchors: tuple[Anchor, ...] = COCO_ANCHORS, **_: object) -> Detection:
    """Return what the outputs mean: anchors 3, 4, 5 on the coarse grid and 1, 2, 3 on the fine one.

    yolov3-tiny.cfg has 0, 1, 2 for the fine one, but its weights were trained with 1, 2, 3: on 100 photos of COCO, AP50
    is .47 with 1, 2, 3 and .32 with 0, 1, 2. OpenVINO's Open Model Zoo uses 1, 2, 3 too.
    """
    return Detection(
        heads=(
            Head(output="stride_32", stride=32, anchors=choose(anchors, (3, 4, 5))),
            Head(output="stride_16", stride=16, anchors=choose(anchors, (1, 2, 3))),
        ),
        classes=classes,
        scale_x_y=1.0,
    )


TINY = {
    "resolution": 64,
    "classes": 10,
    "anchors": ((10, 10), (15, 24), (26, 14), (23, 33), (36, 23), (34, 41)),
    "widths": (8, 12, 16, 24, 48, 64, 96),
}

YOLO_V3_TINY = register(
    Architecture(
        name="yolo_v3_tiny",
        title="YOLOv3-tiny (Redmon, Farhadi, 2018)",
        task="detection",
        paper="https://arxiv.org/abs/1804.02767",
        build=build,
        inputs=photo(preprocess),
        parameter_count=8_858_734,
        classes=80,
        labels="coco",
        options={
            "resolution": Option(
                default=416, choices=(224, 320, 352, 416, 512, 608), meaning="side of the input, in pixels"
            ),
        },
        tiny=TINY,
        weights=(pretrained.COCO, pretrained.tiny(TINY)),
        detection=detection,
    )
)
