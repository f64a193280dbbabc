"""YOLOv4-tiny: boxes and classes of all objects in one pass, small enough for a phone.

Wang, Bochkovskiy, Liao 2020, "Scaled-YOLOv4: Scaling Cross Stage Partial Network",
https://arxiv.org/abs/2011.08036, sections 3.2 and 4.2; built as its figure 3 and the authors' yolov4-tiny.cfg have it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from zoo.architecture import Architecture, Option, register
from zoo.detection.heads import COCO_ANCHORS, Anchor, Detection, Head, choose
from zoo.inputs import photo
from zoo.layers.darknet import convolve, predict, preprocess
from zoo.pretrained import yolo_v4_tiny as pretrained

if TYPE_CHECKING:
    import keras


def build(
    *, resolution: int = 416, classes: int = 80, anchors: Sequence[Anchor] = COCO_ANCHORS, width: int = 32
) -> keras.Model:
    """Return YOLOv4-tiny: images (N, resolution, resolution, 3), bytes / 255, to the raw numbers of two grids.

    Outputs `stride_32` (N, resolution / 32, resolution / 32, 3 * (5 + classes)) for large objects and `stride_16`,
    twice as fine, for small ones. `zoo.detection` decodes them.

    Args:
        resolution: the side of the input, a multiple of 32.
        classes: number of classes of objects.
        anchors: (width, height) of boxes in pixels; each grid uses half as many, which `detection` selects.
        width: channels of the first convolution; those of all others are multiples of it.
    """
    import keras
    from keras import layers

    image = keras.Input((resolution, resolution, 3), name="image")
    x = convolve(image, width, 3, "stem_1", stride=2)  # 208 x 208 x 32
    x = convolve(x, 2 * width, 3, "stem_2", stride=2)  # 104 x 104 x 64
    for block in (1, 2, 3):
        x, own = _cross_stage_partial(x, width << block, f"csp_{block}")
        # 52 x 52 x 128, 26 x 26 x 256, 13 x 13 x 512
        x = layers.MaxPooling2D(2, name=f"csp_{block}_pool")(x)
    x = convolve(x, 16 * width, 3, "deep")  # 13 x 13 x 512
    neck = convolve(x, 8 * width, 1, "neck")  # 13 x 13 x 256
    x = convolve(neck, 16 * width, 3, "coarse")  # 13 x 13 x 512
    stride_32 = predict(x, len(anchors) // 2, classes, "stride_32")  # 13 x 13 x 255
    # The fine grid reads the features of the coarse one, and those from before the last pooling.
    x = layers.UpSampling2D(2, name="upsample")(convolve(neck, 4 * width, 1, "lateral"))
    x = layers.Concatenate(name="fuse")([x, own])  # 26 x 26 x 384
    x = convolve(x, 8 * width, 3, "fine")  # 26 x 26 x 256
    stride_16 = predict(x, len(anchors) // 2, classes, "stride_16")  # 26 x 26 x 255
    return keras.Model(image, [stride_32, stride_16], name="yolo_v4_tiny")


def _cross_stage_partial(x: Any, channels: int, name: str) -> tuple[Any, Any]:
    """Send half of the channels through the block and the others around it, which halves the work.

    Wang et al. 2019, "CSPNet", https://arxiv.org/abs/1911.11929. Return all channels (2 * channels), and those
    of the block, which the fine grid reads.
    """
    from keras import layers

    x = convolve(x, channels, 3, f"{name}_in")
    half = x[..., channels // 2 :]  # [route] groups=2 group_id=1
    first = convolve(half, channels // 2, 3, f"{name}_first")
    second = convolve(first, channels // 2, 3, f"{name}_second")
    both = layers.Concatenate(name=f"{name}_both")([second, first])
    merged = convolve(both, channels, 1, f"{name}_merge")
    return layers.Concatenate(name=f"{name}_out")([x, merged]), merged


def detection(*, classes: int = 80, anchors: tuple[Anchor, ...] = COCO_ANCHORS, **_: object) -> Detection:
    """Return what the outputs mean: anchors 3, 4, 5 on the coarse grid and 1, 2, 3 on the fine one."""
    return Detection(
        heads=(
            Head(output="stride_32", stride=32, anchors=choose(anchors, (3, 4, 5))),
            Head(output="stride_16", stride=16, anchors=choose(anchors, (1, 2, 3))),
        ),
        classes=classes,
        scale_x_y=1.05,
    )


TINY = {
    "resolution": 64,
    "classes": 10,
    "anchors": ((10, 10), (15, 24), (26, 14), (23, 33), (36, 23), (34, 41)),
    "width": 5,
}

YOLO_V4_TINY = register(
    Architecture(
        name="yolo_v4_tiny",
        title="YOLOv4-tiny (Wang et al., 2020)",
        task="detection",
        paper="https://arxiv.org/abs/2011.08036",
        build=build,
        inputs=photo(preprocess),
        parameter_count=6_062_814,
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
