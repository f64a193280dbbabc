"""Inception-ResNet v2: Inception modules that compute what to add to their input.

Szegedy et al. 2016, "Inception-v4, Inception-ResNet and the Impact of Residual Connections on Learning",
https://arxiv.org/abs/1602.07261. Built as Google's code and weights are (tensorflow/models: inception_resnet_v2.py),
with the stem of Inception v3. The modules are named as in keras.applications ("block35_1"); the convolutions, most of
which are numbered there, are named after their place in the module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoo.architecture import Architecture, register
from zoo.inputs import photo
from zoo.layers.inception import InceptionLayers, Padding
from zoo.preprocessing import Preprocessing, conventions
from zoo.pretrained import inception_resnet_v2 as pretrained

if TYPE_CHECKING:
    import keras

# Modules at 35 x 35, 17 x 17 and 8 x 8: twice those of figure 15, as in Google's code and weights.
REPEATS = (10, 20, 10)
# The residual of a module is scaled down: with more than a thousand channels training fails otherwise (section 3.3).
SCALES = (0.17, 0.1, 0.2)


def build(
    *,
    width: float = 1.0,
    repeats: tuple[int, int, int] = REPEATS,
    stride: int = 2,
    padding: Padding = "valid",
    dropout: float = 0.2,
    resolution: int = 299,
    classes: int = 1000,
) -> keras.Model:
    """Return Inception-ResNet v2: images (N, resolution, resolution, 3) in [-1, 1] to logits (N, classes).

    Args:
        width: share of the channels that are kept.
        repeats: modules at 35 x 35, 17 x 17 and 8 x 8.
        stride: of the first convolution.
        padding: of the layers that shrink the image; "same" for resolutions below 75.
        dropout: before the last layer, in training.
        resolution: the side of the input.
        classes: length of the logits.
    """
    import keras
    from keras import layers

    net = InceptionLayers(width, padding)
    image = keras.Input((resolution, resolution, 3), name="image")
    x = _first_module(net, net.stem(image, stride))  # 35 x 35 x 192, 35 x 35 x 320
    for index in range(1, repeats[0] + 1):  # 35 x 35 x 320
        x = _module_35(net, x, f"block35_{index}")
    x = _reduction_to_17(net, x)  # 17 x 17 x 1088
    for index in range(1, repeats[1] + 1):  # 17 x 17 x 1088
        x = _module_17(net, x, f"block17_{index}")
    x = _reduction_to_8(net, x)  # 8 x 8 x 2080
    for index in range(1, repeats[2] + 1):  # 8 x 8 x 2080
        x = _module_8(net, x, f"block8_{index}", last=index == repeats[2])
    x = net.convolve(x, 1536, 1, "conv_7b")  # 8 x 8 x 1536
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)  # 1536
    x = layers.Dropout(dropout, name="dropout")(x)
    logits = layers.Dense(classes, name="logits")(x)
    return keras.Model(image, logits, name="inception_resnet_v2")


def _first_module(net: InceptionLayers, x: Any, name: str = "mixed_5b") -> Any:
    """A module of Inception v3, without a residual: it gives the 320 channels that the next modules need."""
    from keras import layers

    one = net.convolve(x, 96, 1, f"{name}_1x1")
    five = net.convolve(x, 48, 1, f"{name}_5x5_reduce")
    five = net.convolve(five, 64, 5, f"{name}_5x5")
    twice = net.convolve(x, 64, 1, f"{name}_twice_reduce")
    twice = net.convolve(twice, 96, 3, f"{name}_twice_1")
    twice = net.convolve(twice, 96, 3, f"{name}_twice_2")
    pool = net.convolve(net.smooth(x, f"{name}_pool"), 64, 1, f"{name}_pool_proj")
    return layers.Concatenate(name=name)([one, five, twice, pool])


def _module_35(net: InceptionLayers, x: Any, name: str) -> Any:
    """Inception-ResNet-A, figure 16."""
    one = net.convolve(x, 32, 1, f"{name}_1x1")
    three = net.convolve(x, 32, 1, f"{name}_3x3_reduce")
    three = net.convolve(three, 32, 3, f"{name}_3x3")
    twice = net.convolve(x, 32, 1, f"{name}_twice_reduce")
    twice = net.convolve(twice, 48, 3, f"{name}_twice_1")
    twice = net.convolve(twice, 64, 3, f"{name}_twice_2")
    return _add(x, [one, three, twice], SCALES[0], name)


def _reduction_to_17(net: InceptionLayers, x: Any, name: str = "mixed_6a") -> Any:
    """Reduction-A, figure 7, with k, l, m, n = 256, 256, 384, 384 of table 1."""
    from keras import layers

    three = net.convolve(x, 384, 3, f"{name}_3x3", stride=2)
    twice = net.convolve(x, 256, 1, f"{name}_twice_reduce")
    twice = net.convolve(twice, 256, 3, f"{name}_twice_1")
    twice = net.convolve(twice, 384, 3, f"{name}_twice_2", stride=2)
    return layers.Concatenate(name=name)([three, twice, net.halve(x, f"{name}_pool")])


def _module_17(net: InceptionLayers, x: Any, name: str) -> Any:
    """Inception-ResNet-B, figure 17."""
    one = net.convolve(x, 192, 1, f"{name}_1x1")
    seven = net.convolve(x, 128, 1, f"{name}_7x7_reduce")
    seven = net.convolve(seven, 160, (1, 7), f"{name}_7x7_row")
    seven = net.convolve(seven, 192, (7, 1), f"{name}_7x7_column")
    return _add(x, [one, seven], SCALES[1], name)


def _reduction_to_8(net: InceptionLayers, x: Any, name: str = "mixed_7a") -> Any:
    """Reduction-B, figure 18."""
    from keras import layers

    three = net.convolve(x, 256, 1, f"{name}_3x3_reduce")
    three = net.convolve(three, 384, 3, f"{name}_3x3", stride=2)
    other = net.convolve(x, 256, 1, f"{name}_other_reduce")
    other = net.convolve(other, 288, 3, f"{name}_other", stride=2)
    twice = net.convolve(x, 256, 1, f"{name}_twice_reduce")
    twice = net.convolve(twice, 288, 3, f"{name}_twice_1")
    twice = net.convolve(twice, 320, 3, f"{name}_twice_2", stride=2)
    return layers.Concatenate(name=name)([three, other, twice, net.halve(x, f"{name}_pool")])


def _module_8(net: InceptionLayers, x: Any, name: str, *, last: bool) -> Any:
    """Inception-ResNet-C, figure 19; the last of all adds in full and without ReLU."""
    one = net.convolve(x, 192, 1, f"{name}_1x1")
    three = net.convolve(x, 192, 1, f"{name}_3x3_reduce")
    three = net.convolve(three, 224, (1, 3), f"{name}_3x3_row")
    three = net.convolve(three, 256, (3, 1), f"{name}_3x3_column")
    return _add(x, [one, three], 1.0 if last else SCALES[2], name, activate=not last)


def _add(x: Any, branches: list[Any], scale: float, name: str, *, activate: bool = True) -> Any:
    """Figure 20: concatenate the branches, project them to the channels of the input, scale down and add."""
    from keras import layers

    residual = layers.Concatenate(name=f"{name}_mixed")(branches)
    # Neither batch norm nor ReLU here: a residual may be negative and of any size.
    residual = layers.Conv2D(x.shape[-1], 1, name=f"{name}_conv")(residual)
    if scale != 1:
        residual = layers.Rescaling(scale, name=f"{name}_scale")(residual)
    x = layers.Add(name=f"{name}_add")([x, residual])
    return layers.ReLU(name=f"{name}_relu")(x) if activate else x


def preprocess(*, resolution: int = 299, **_: object) -> Preprocessing:
    """Return how a photo becomes the input: bytes to [-1, 1], bilinear, the central 7/8, as Google evaluated it."""
    tf = conventions.find("tf")
    return Preprocessing(height=resolution, width=resolution, resize="bilinear", scale=tf.scale, offset=tf.offset)


TINY = {
    "width": 1 / 16,
    "repeats": (1, 1, 2),  # the last module of all is of another kind
    "dropout": 0.05,
    "stride": 1,
    "padding": "same",
    "resolution": 32,
    "classes": 10,
}

INCEPTION_RESNET_V2 = register(
    Architecture(
        name="inception_resnet_v2",
        title="Inception-ResNet v2 (Szegedy et al., 2016)",
        task="classification",
        paper="https://arxiv.org/abs/1602.07261",
        build=build,
        inputs=photo(preprocess),
        parameter_count=55_873_736,
        classes=1000,
        labels="imagenet1k",
        tiny=TINY,
        weights=(pretrained.IMAGENET, pretrained.tiny(TINY)),
    )
)
