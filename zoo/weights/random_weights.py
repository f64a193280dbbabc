"""Random weights with the scale of trained ones: for parity, sizes and speed without a download."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from zoo.preprocessing import Preprocessing

if TYPE_CHECKING:
    import keras
    import numpy as np
    from numpy.typing import NDArray

# Standard deviation of each size of tiles, in bytes: more contrast than real photos have, because activations that
# exceed those of these photos grow from block to block.
_PHOTOS, _TILES, _CONTRAST = 4, (1, 2, 4, 8, 16, 32), 40.0
# Least variance of a channel, as a share of the layer's mean: channels that hardly vary on these few photos must not
# explode on others.
_QUIETEST = 0.2
# How much logits must differ from photo to photo, as a share of how much they differ from class to class.
_LEAST_DIFFERENCE, _MATRIX_RANK = 0.25, 2
# Names of the weights that multiply the channels of a layer normalization, and of one without a mean.
_NORM_SCALES = ("gamma", "scale")
# Scale of a residual relative to the tensor that it is added to. At scale 1 each block would amplify rounding errors.
_BRANCH = 0.25


def fill(model: keras.Model, preprocessing: Preprocessing | None, seed: int) -> None:
    """Set every weight of `model` to random values from `seed`; its logits then differ from photo to photo.

    With the usual initial weights the signal of a deep network vanishes (depthwise layers) or explodes (residual sums),
    and broken files score like good ones. Here each kernel keeps the variance (He et al. 2015, section 2.2), batch norm
    has the statistics of a few random photos, gamma and beta vary, so that nothing folds to the identity, and residuals
    are small (Zhang et al. 2019, "Fixup", section 3), because amplified rounding errors would hide faults.
    """
    import numpy as np
    from keras import layers

    rng = np.random.default_rng(seed)
    size = _size(preprocessing) if preprocessing is not None else 1.0
    norms, branches = [], _ends_of_branches(model)
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            norms.append(layer)
            share = _BRANCH if layer.name in branches else 1.0
            if layer.scale:
                layer.gamma.assign(share * rng.uniform(0.5, 1.5, layer.gamma.shape))
            layer.beta.assign(rng.uniform(-0.5, 0.5, layer.beta.shape))
            continue
        for weight in layer.weights:
            shape = tuple(weight.shape)
            if weight.name in _NORM_SCALES and len(shape) == 1:
                weight.assign(rng.uniform(0.5, 1.5, shape))
                continue
            scale = np.sqrt(2 / _summed(layer, weight)) / size if len(shape) > 1 else 0.1
            scale *= _BRANCH if layer.name in branches else 1.0
            # Directly in 32 bits: the largest layers have 400 MB.
            weight.assign(rng.standard_normal(shape, np.float32) * np.float32(scale))
        if layer.weights:
            size = 1.0  # only the layer that reads the photo has inputs as large as bytes
    if norms and preprocessing is not None:
        _settle(model, norms, preprocessing.normalise(_photos(model.inputs[0].shape[1:], rng)))


def _ends_of_branches(model: keras.Model) -> set[str]:
    """Return the names of the layers that end a residual branch: for each sum, the last batch norm before it.

    In a sum of tokens, the Dense layer: otherwise the tokens of a deep network become equal. Tokens are
    (N, length, width), and (N * length, width) where the model reads their numbers.
    """
    from keras import layers

    ranks = (2, 3) if model.inputs[0].dtype == "int32" else (3,)
    place = {layer.name: index for index, layer in enumerate(model.layers)}
    found = set()
    for layer in model.layers:
        if not isinstance(layer, layers.Add):
            continue
        makers = [tensor._keras_history.operation for tensor in layer.input]
        makers = [one.input._keras_history.operation if isinstance(one, layers.Dropout) else one for one in makers]
        norms = [one.name for one in makers if isinstance(one, layers.BatchNormalization)]
        dense = [one.name for one in makers if isinstance(one, layers.Dense) and len(one.output.shape) in ranks]
        if norms:
            found.add(max(norms, key=place.__getitem__))
        elif len(dense) == 1:
            found.add(dense[0])
    return found


def _summed(layer: keras.Layer, weight: keras.Variable) -> float:
    """Return the number of products that are summed into one output."""
    import numpy as np
    from keras import layers

    shape = tuple(weight.shape)
    if weight.name == "embeddings":
        return 2.0 * float(shape[1])  # Rows of length 1: as a head, a table then gives moderate logits.
    if isinstance(layer, layers.DepthwiseConv2D) or weight.name == "depthwise_kernel":
        return float(np.prod(shape[:2]))  # (height, width, channels, 1) sums over its window only
    if isinstance(layer, layers.Conv2DTranspose):
        # (height, width, outputs, inputs): with a stride, an output pixel is reached by a part of the window only.
        return float(np.prod(shape[:2]) * shape[3] / np.prod(layer.strides))
    return float(np.prod(shape[:-1]))


def _size(preprocessing: Preprocessing) -> float:
    """Return the root mean square of the inputs that all bytes become, at least 1."""
    import numpy as np

    every_byte = np.repeat(np.arange(256, dtype=np.uint8)[:, None], preprocessing.channels, -1)
    return max(1.0, float(np.sqrt(np.mean(preprocessing.normalise(every_byte) ** 2))))


def _photos(shape: tuple[int, int, int], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return photos (4, height, width, channels) of random tiles of all sizes; real photos mix all scales too.

    Field 1987, "Relations between the statistics of natural images and the response properties of cortical cells".
    """
    import numpy as np

    height, width, channels = shape
    found: NDArray[np.float64] = np.full((_PHOTOS, height, width, channels), 128.0)
    for tiles in _TILES:
        values = rng.normal(scale=_CONTRAST, size=(_PHOTOS, tiles, tiles, channels))
        found += np.repeat(np.repeat(values, -(-height // tiles), 1), -(-width // tiles), 2)[:, :height, :width]
    photos: NDArray[np.uint8] = np.clip(found, 0, 255).astype(np.uint8)
    return photos


def _settle(model: keras.Model, norms: Sequence[keras.layers.BatchNormalization], inputs: NDArray[np.float32]) -> None:
    """Give batch norm the statistics of `inputs` (N, height, width, channels), in one pass without dropout."""
    import numpy as np
    import tensorflow as tf
    from keras import layers

    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0  # the statistics of this batch, not a moving average
    rates = [(layer, layer.rate) for layer in model.layers if isinstance(layer, layers.Dropout)]
    for dropout, _ in rates:
        dropout.rate = 0.0
    # As one graph: TensorFlow then frees tensors after their last use; those of an EfficientNet-B7 have 20 GB.
    outputs = tf.function(lambda photos: model(photos, training=True))(tf.constant(inputs))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
        variance = norm.moving_variance.numpy()
        norm.moving_variance.assign(np.maximum(variance, _QUIETEST * variance.mean()))
    for dropout, rate in rates:
        dropout.rate = rate
    if len(model.outputs) == 1:
        _centre(model, outputs.numpy())


def _centre(model: keras.Model, logits: NDArray[np.float32]) -> None:
    """Let the last bias cancel what the `logits` (N, classes) of all photos have in common, where it outweighs them.

    The mean over many places of what a ReLU made is much the same in every photo.
    """
    from keras import layers

    last = model.layers[-1]
    if not isinstance(last, layers.Dense) or logits.ndim != _MATRIX_RANK or not last.use_bias:
        return
    if logits.std(0).mean() < _LEAST_DIFFERENCE * logits.std(1).mean():
        last.bias.assign(last.bias - logits.mean(0))
