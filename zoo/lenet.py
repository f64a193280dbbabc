"""LeNet-5: the convolutional network that read cheques, small enough to count by hand.

LeCun, Bottou, Bengio, Haffner 1998, "Gradient-Based Learning Applied to Document Recognition",
http://yann.lecun.com/exdb/publis/pdf/lecun-98.pdf, section II.B and figure 2, whose layer names we keep.
Different from the paper, all usual today: ReLU instead of a scaled tanh; max pooling instead of trained
averages; C3 sees every map of S2, not the subsets of table I; logits instead of distances to stylised digits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.architecture import Architecture, register
from zoo.inputs import photo
from zoo.preprocessing import Preprocessing
from zoo.pretrained import lenet as pretrained

if TYPE_CHECKING:
    import keras


def build(*, classes: int = 10) -> keras.Model:
    """Return LeNet-5: grey images (N, 32, 32, 1) in [0, 1] to logits (N, classes)."""
    import keras
    from keras import layers

    image = keras.Input((32, 32, 1), name="image")
    x = layers.Conv2D(6, 5, activation="relu", name="c1")(image)  # 28 x 28 x 6
    x = layers.MaxPooling2D(2, name="s2")(x)  # 14 x 14 x 6
    x = layers.Conv2D(16, 5, activation="relu", name="c3")(x)  # 10 x 10 x 16
    x = layers.MaxPooling2D(2, name="s4")(x)  # 5 x 5 x 16
    # As in the paper a convolution, whose 5 x 5 window covers all of S4.
    x = layers.Conv2D(120, 5, activation="relu", name="c5")(x)  # 1 x 1 x 120
    x = layers.Reshape((120,), name="c5_vector")(x)
    x = layers.Dense(84, activation="relu", name="f6")(x)
    logits = layers.Dense(classes, name="logits")(x)
    return keras.Model(image, logits, name="lenet5")


def preprocess(**_: object) -> Preprocessing:
    """Return how a photo becomes the input: grey, 32 x 32, bytes to [0, 1]."""
    return Preprocessing(height=32, width=32, colours="GRAY", resize="bilinear", crop_fraction=1.0, scale=(1 / 255,))


LENET5 = register(
    Architecture(
        name="lenet5",
        title="LeNet-5 (LeCun et al., 1998)",
        task="classification",
        paper="http://yann.lecun.com/exdb/publis/pdf/lecun-98.pdf",
        build=build,
        inputs=photo(preprocess),
        parameter_count=61_706,
        classes=10,
        labels="fashion_mnist",
        weights=(pretrained.FASHION_MNIST, pretrained.TINY),
    )
)
