"""Random weights that behave like trained ones in size: for parity, sizes and speed without a download."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from zoo.preprocessing import Preprocessing

if TYPE_CHECKING:
    import keras
    import numpy as np
    from numpy.typing import NDArray

_PHOTOS = 4


def fill(model: keras.Model, preprocessing: Preprocessing, seed: int) -> None:
    """Draw every weight of an image `model` from `seed`; its logits then differ from photo to photo.

    With the usual initial weights the signal of a deep network dies out (depthwise layers) or explodes
    (residual sums), and broken files score like good ones. Here each kernel keeps the variance (He et al.
    2015, section 2.2), batch norm takes its statistics from a few coarse random photos, and gamma and beta
    vary, so that nothing folds to the identity.
    """
    import numpy as np
    from keras import layers

    rng = np.random.default_rng(seed)
    size = _size(preprocessing)
    norms = []
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            norms.append(layer)
            if layer.scale:
                layer.gamma.assign(rng.uniform(0.5, 1.5, layer.gamma.shape))
            layer.beta.assign(rng.uniform(-0.5, 0.5, layer.beta.shape))
            continue
        for weight in layer.weights:
            shape = tuple(weight.shape)
            scale = np.sqrt(2 / _summed(layer, weight)) / size if len(shape) > 1 else 0.1
            # At once in 32 bits: the largest layers hold 400 MB.
            weight.assign(rng.standard_normal(shape, np.float32) * np.float32(scale))
        if layer.weights:
            size = 1.0  # only what reads the photo sees numbers as large as bytes
    if norms:
        _settle(model, norms, preprocessing.normalise(_coarse_photos(model.inputs[0].shape[1:], rng)))


def _summed(layer: keras.Layer, weight: keras.Variable) -> float:
    """Return how many products with numbers of a kernel make one output."""
    import numpy as np
    from keras import layers

    shape = tuple(weight.shape)
    if isinstance(layer, layers.DepthwiseConv2D) or weight.name == "depthwise_kernel":
        return float(np.prod(shape[:2]))  # (height, width, channels, 1) sums over its window only
    if isinstance(layer, layers.Conv2DTranspose):
        # (height, width, outputs, inputs): with a stride, an output pixel meets only so much of the window.
        return float(np.prod(shape[:2]) * shape[3] / np.prod(layer.strides))
    return float(np.prod(shape[:-1]))


def _size(preprocessing: Preprocessing) -> float:
    """Return the root mean square of the numbers that all bytes become, at least 1."""
    import numpy as np

    every_byte = np.repeat(np.arange(256, dtype=np.uint8)[:, None], preprocessing.channels, -1)
    return max(1.0, float(np.sqrt(np.mean(preprocessing.normalise(every_byte) ** 2))))


def _coarse_photos(shape: tuple[int, int, int], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return photos (4, height, width, channels) of 8 x 8 random tiles."""
    import numpy as np

    height, width, channels = shape
    tiles = rng.integers(0, 256, (_PHOTOS, 8, 8, channels), np.uint8)
    return np.repeat(np.repeat(tiles, -(-height // 8), 1), -(-width // 8), 2)[:, :height, :width]


def _settle(model: keras.Model, norms: Sequence[keras.layers.BatchNormalization], inputs: NDArray[np.float32]) -> None:
    """Give batch norm the statistics of `inputs` (N, height, width, channels), in one pass with nothing dropped."""
    from keras import layers

    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0  # the statistics of this batch, not a moving average
    rates = [(layer, layer.rate) for layer in model.layers if isinstance(layer, layers.Dropout)]
    for dropout, _ in rates:
        dropout.rate = 0.0
    model(inputs, training=True)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    for dropout, rate in rates:
        dropout.rate = rate
