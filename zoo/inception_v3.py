"""Inception v3: large filters factorised into several small ones, or into a row and a column.

Szegedy et al. 2015, "Rethinking the Inception Architecture for Computer Vision", https://arxiv.org/abs/1512.00567.
The modules are named as in keras.applications ("mixed0"); the convolutions, which are numbered there, are named
after their place in the module.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from zoo.architecture import Architecture, register
from zoo.inputs import photo
from zoo.layers.inception import InceptionLayers, Padding
from zoo.preprocessing import Preprocessing, conventions
from zoo.pretrained import inception_v3 as pretrained

if TYPE_CHECKING:
    import keras

# Of each module in a row: channels behind the pooling at 35 x 35, channels between the 1x7 and 7x1 at 17 x 17.
POOLED = (32, 64, 64)
INNER = (128, 160, 160, 192)
LAST = 2  # modules at 8 x 8


def build(
    *,
    width: float = 1.0,
    pooled: Sequence[int] = POOLED,
    inner: Sequence[int] = INNER,
    last: int = LAST,
    stride: int = 2,
    padding: Padding = "valid",
    dropout: float = 0.2,
    resolution: int = 299,
    classes: int = 1000,
) -> keras.Model:
    """Return Inception v3: images (N, resolution, resolution, 3) in [-1, 1] to logits (N, classes).

    Args:
        width: share of the channels that are kept.
        pooled: channels behind the pooling of each module at 35 x 35.
        inner: channels inside of each module at 17 x 17.
        last: number of modules at 8 x 8.
        stride: of the first convolution.
        padding: of the layers that shrink the image; "same" for resolutions below 75.
        dropout: before the last layer, in training.
        resolution: the side of the input.
        classes: length of the logits.
    """
    import keras
    from keras import layers

    net = InceptionLayers(width, padding)
    names = (f"mixed{index}" for index in range(len(pooled) + len(inner) + last + 2))
    image = keras.Input((resolution, resolution, 3), name="image")
    x = net.stem(image, stride)  # 35 x 35 x 192
    for channels in pooled:  # 35 x 35 x 256, then twice 35 x 35 x 288
        x = _module_35(net, x, channels, next(names))
    x = _reduction_to_17(net, x, next(names))  # 17 x 17 x 768
    for channels in inner:  # four times 17 x 17 x 768
        x = _module_17(net, x, channels, next(names))
    x = _reduction_to_8(net, x, next(names))  # 8 x 8 x 1280
    for _ in range(last):  # twice 8 x 8 x 2048
        x = _module_8(net, x, next(names))
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)  # 2048
    x = layers.Dropout(dropout, name="dropout")(x)
    logits = layers.Dense(classes, name="logits")(x)
    return keras.Model(image, logits, name="inception_v3")


def _module_35(net: InceptionLayers, x: Any, pooled: int, name: str) -> Any:
    """Figure 5: two 3x3 cover a 5x5 with fewer weights. Where the figure has one 3x3, Google's code has a 5x5."""
    from keras import layers

    one = net.convolve(x, 64, 1, f"{name}_1x1")
    five = net.convolve(x, 48, 1, f"{name}_5x5_reduce")
    five = net.convolve(five, 64, 5, f"{name}_5x5")
    twice = net.convolve(x, 64, 1, f"{name}_twice_reduce")
    twice = net.convolve(twice, 96, 3, f"{name}_twice_1")
    twice = net.convolve(twice, 96, 3, f"{name}_twice_2")
    pool = net.convolve(net.smooth(x, f"{name}_pool"), pooled, 1, f"{name}_pool_proj")
    return layers.Concatenate(name=name)([one, five, twice, pool])


def _reduction_to_17(net: InceptionLayers, x: Any, name: str) -> Any:
    """Figure 10: halve the side and add channels in one step, so that no narrow layer loses information."""
    from keras import layers

    three = net.convolve(x, 384, 3, f"{name}_3x3", stride=2)
    twice = net.convolve(x, 64, 1, f"{name}_twice_reduce")
    twice = net.convolve(twice, 96, 3, f"{name}_twice_1")
    twice = net.convolve(twice, 96, 3, f"{name}_twice_2", stride=2)
    return layers.Concatenate(name=name)([three, twice, net.halve(x, f"{name}_pool")])


def _module_17(net: InceptionLayers, x: Any, inner: int, name: str) -> Any:
    """Figure 6: a 7x7 as a row of 1x7 and a column of 7x1, a third of the work."""
    from keras import layers

    one = net.convolve(x, 192, 1, f"{name}_1x1")
    seven = net.convolve(x, inner, 1, f"{name}_7x7_reduce")
    seven = net.convolve(seven, inner, (1, 7), f"{name}_7x7_row")
    seven = net.convolve(seven, 192, (7, 1), f"{name}_7x7_column")
    twice = net.convolve(x, inner, 1, f"{name}_twice_reduce")
    twice = net.convolve(twice, inner, (7, 1), f"{name}_twice_column_1")
    twice = net.convolve(twice, inner, (1, 7), f"{name}_twice_row_1")
    twice = net.convolve(twice, inner, (7, 1), f"{name}_twice_column_2")
    twice = net.convolve(twice, 192, (1, 7), f"{name}_twice_row_2")
    pool = net.convolve(net.smooth(x, f"{name}_pool"), 192, 1, f"{name}_pool_proj")
    return layers.Concatenate(name=name)([one, seven, twice, pool])


def _reduction_to_8(net: InceptionLayers, x: Any, name: str) -> Any:
    """Figure 10 again, with a 7x7 in one branch."""
    from keras import layers

    three = net.convolve(x, 192, 1, f"{name}_3x3_reduce")
    three = net.convolve(three, 320, 3, f"{name}_3x3", stride=2)
    seven = net.convolve(x, 192, 1, f"{name}_7x7_reduce")
    seven = net.convolve(seven, 192, (1, 7), f"{name}_7x7_row")
    seven = net.convolve(seven, 192, (7, 1), f"{name}_7x7_column")
    seven = net.convolve(seven, 192, 3, f"{name}_7x7_3x3", stride=2)
    return layers.Concatenate(name=name)([three, seven, net.halve(x, f"{name}_pool")])


def _module_8(net: InceptionLayers, x: Any, name: str) -> Any:
    """Figure 7: rows and columns side by side instead of one behind the other, for more channels at the end."""
    from keras import layers

    def row_and_column(x: Any, branch: str) -> Any:
        row = net.convolve(x, 384, (1, 3), f"{branch}_row")
        column = net.convolve(x, 384, (3, 1), f"{branch}_column")
        return layers.Concatenate(name=branch)([row, column])

    one = net.convolve(x, 320, 1, f"{name}_1x1")
    three = net.convolve(x, 384, 1, f"{name}_3x3_reduce")
    three = row_and_column(three, f"{name}_3x3")
    twice = net.convolve(x, 448, 1, f"{name}_twice_reduce")
    twice = net.convolve(twice, 384, 3, f"{name}_twice_1")
    twice = row_and_column(twice, f"{name}_twice_2")
    pool = net.convolve(net.smooth(x, f"{name}_pool"), 192, 1, f"{name}_pool_proj")
    return layers.Concatenate(name=name)([one, three, twice, pool])


def preprocess(*, resolution: int = 299, **_: object) -> Preprocessing:
    """Return how a photo becomes the input: bytes to [-1, 1], bilinear, the central 7/8, as Google evaluated it."""
    tf = conventions.find("tf")
    return Preprocessing(height=resolution, width=resolution, resize="bilinear", scale=tf.scale, offset=tf.offset)


TINY = {
    "width": 1 / 12,
    "pooled": POOLED[:1],
    "inner": INNER[:1],
    "last": 1,
    "stride": 1,
    "padding": "same",
    "resolution": 32,
    "classes": 10,
}

INCEPTION_V3 = register(
    Architecture(
        name="inception_v3",
        title="Inception v3 (Szegedy et al., 2015)",
        task="classification",
        paper="https://arxiv.org/abs/1512.00567",
        build=build,
        inputs=photo(preprocess),
        parameter_count=23_851_784,
        classes=1000,
        labels="imagenet1k",
        tiny=TINY,
        weights=(pretrained.IMAGENET, pretrained.tiny(TINY)),
    )
)
