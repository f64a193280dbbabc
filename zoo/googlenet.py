"""GoogLeNet, or Inception v1: modules with filters of several sizes side by side, kept cheap by 1x1 convolutions.

Szegedy et al. 2014, "Going Deeper with Convolutions", https://arxiv.org/abs/1409.4842. With batch norm behind each
convolution (Ioffe and Szegedy 2015, https://arxiv.org/abs/1502.03167, section 4.2) in place of the paper's response
normalization, as torchvision has it: batch norm trains several times faster and folds away; response normalization
has no integer form.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from zoo.architecture import Architecture, register
from zoo.inputs import photo
from zoo.preprocessing import Preprocessing, conventions
from zoo.pretrained import googlenet as pretrained

if TYPE_CHECKING:
    import keras

Module = tuple[int, int, int, int, int, int]

# Channels of 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5 and pool proj of each module 3a to 5b, and its output: table 1.
STAGES: tuple[tuple[Module, ...], ...] = (
    (
        (64, 96, 128, 16, 32, 32),  # 28 x 28 x 256
        (128, 128, 192, 32, 96, 64),  # 28 x 28 x 480
    ),
    (
        (192, 96, 208, 16, 48, 64),  # 14 x 14 x 512
        (160, 112, 224, 24, 64, 64),  # 14 x 14 x 512
        (128, 128, 256, 24, 64, 64),  # 14 x 14 x 512
        (112, 144, 288, 32, 64, 64),  # 14 x 14 x 528
        (256, 160, 320, 32, 128, 128),  # 14 x 14 x 832
    ),
    (
        (256, 160, 320, 32, 128, 128),  # 7 x 7 x 832
        (384, 192, 384, 48, 128, 128),  # 7 x 7 x 1024
    ),
)
STEM = (64, 64, 192)
_AUXILIARY_AFTER = ("4a", "4d")
EPSILON = 1e-3


def build(
    *,
    stem: tuple[int, int, int] = STEM,
    stages: Sequence[Sequence[Module]] = STAGES,
    stride: int = 2,
    large: int = 5,
    last_pool: int = 3,
    auxiliary: bool = False,
    dropout: float = 0.4,
    resolution: int = 224,
    classes: int = 1000,
) -> keras.Model:
    """Return GoogLeNet: images (N, resolution, resolution, 3), less the mean, to logits (N, classes).

    Args:
        stem: channels of the three convolutions before the first module.
        stages: the modules between two poolings, as in table 1.
        stride: of the first convolution.
        large: side of the filters that the paper calls 5x5; torchvision's are 3x3, which began as a mistake.
        last_pool: side of the pooling before 5a; 2 in torchvision.
        auxiliary: add the outputs "auxiliary_4a" and "auxiliary_4d", logits too. In training they bring the gradient to
            the middle of the network, with a weight of 0.3 in the loss (section 5); afterwards they are removed.
        dropout: before the last layer, in training.
        resolution: the side of the input; the auxiliary outputs need about 224.
        classes: length of the logits.
    """
    import keras
    from keras import layers

    image = keras.Input((resolution, resolution, 3), name="image")
    x = layers.ZeroPadding2D(3, name="conv1_pad")(image)
    x = _convolve(x, stem[0], 7, "conv1", stride=stride, padding="valid")  # 112 x 112 x 64
    x = _halve(x, 3, "pool1")  # 56 x 56 x 64
    x = _convolve(x, stem[1], 1, "conv2_reduce")  # 56 x 56 x 64
    x = _convolve(x, stem[2], 3, "conv2")  # 56 x 56 x 192
    outputs = []
    for number, modules in enumerate(stages, start=3):
        x = _halve(x, last_pool if number == 5 else 3, f"pool{number - 1}")
        for letter, module in zip("abcde", modules, strict=False):
            x = _inception(x, module, large, f"inception_{number}{letter}")
            if auxiliary and f"{number}{letter}" in _AUXILIARY_AFTER:
                outputs.append(_auxiliary(x, classes, f"auxiliary_{number}{letter}"))
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)  # 1024
    x = layers.Dropout(dropout, name="dropout")(x)
    logits = layers.Dense(classes, name="logits")(x)
    return keras.Model(image, [logits, *outputs] if auxiliary else logits, name="googlenet")


def _inception(x: Any, module: Module, large: int, name: str) -> Any:
    """Figure 2 (b): 1x1, 3x3, 5x5 and a pooling side by side, concatenated.

    The 1x1 convolutions before the large filters, and behind the pooling, keep the cost and the channels in bounds.
    """
    from keras import layers

    one, reduce_three, three, reduce_large, five, projected = module
    branches = [
        _convolve(x, one, 1, f"{name}_1x1"),
        _convolve(_convolve(x, reduce_three, 1, f"{name}_3x3_reduce"), three, 3, f"{name}_3x3"),
        _convolve(_convolve(x, reduce_large, 1, f"{name}_5x5_reduce"), five, large, f"{name}_5x5"),
        _convolve(layers.MaxPooling2D(3, 1, "same", name=f"{name}_pool")(x), projected, 1, f"{name}_pool_proj"),
    ]
    return layers.Concatenate(name=name)(branches)


def _auxiliary(x: Any, classes: int, name: str) -> Any:
    """Section 5: a small classifier on a module in the middle."""
    from keras import layers

    x = layers.AveragePooling2D(5, 3, name=f"{name}_pool")(x)
    x = _convolve(x, 128, 1, f"{name}_conv")
    x = layers.Flatten(name=f"{name}_flatten")(x)
    x = layers.Dense(1024, activation="relu", name=f"{name}_fc")(x)
    x = layers.Dropout(0.7, name=f"{name}_dropout")(x)
    return layers.Dense(classes, name=name)(x)


def _convolve(x: Any, channels: int, size: int, name: str, *, stride: int = 1, padding: str = "same") -> Any:
    """Return a convolution with batch norm and ReLU."""
    from keras import layers

    x = layers.Conv2D(channels, size, stride, padding, use_bias=False, name=name)(x)
    x = layers.BatchNormalization(epsilon=EPSILON, name=f"{name}_bn")(x)
    return layers.ReLU(name=f"{name}_relu")(x)


def _halve(x: Any, size: int, name: str) -> Any:
    """Max pooling with stride 2 that drops no pixel.

    Caffe's and PyTorch's sizes round up: windows may hang over at the right and below, never at the left and above.
    With an even side that is TensorFlow's "same" for windows of 2 and 3, with an odd one its "valid" for 3.
    """
    from keras import layers

    padding = "valid" if size == 3 and x.shape[1] % 2 else "same"
    return layers.MaxPooling2D(size, 2, padding, name=name)(x)


def preprocess(*, resolution: int = 224, **_: object) -> Preprocessing:
    """Return how a photo becomes the input: as torchvision evaluated, bilinear, less mean, by deviation."""
    torch = conventions.find("torch")
    return Preprocessing(height=resolution, width=resolution, resize="bilinear", scale=torch.scale, offset=torch.offset)


TINY = {
    "stem": (16, 16, 32),
    "stages": (
        ((16, 16, 32, 8, 16, 16), (24, 16, 32, 8, 16, 16)),
        ((32, 24, 48, 8, 16, 16),),
        ((48, 32, 64, 8, 24, 24),),
    ),
    "dropout": 0.05,
    "resolution": 32,
    "classes": 10,
}

GOOGLENET = register(
    Architecture(
        name="googlenet",
        title="GoogLeNet (Szegedy et al., 2014)",
        task="classification",
        paper="https://arxiv.org/abs/1409.4842",
        build=build,
        inputs=photo(preprocess),
        parameter_count=7_020_392,
        classes=1000,
        labels="imagenet1k",
        tiny=TINY,
        weights=(pretrained.tiny(TINY),),
    )
)
