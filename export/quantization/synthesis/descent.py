"""Synthetic images: noise, optimized until every batch norm's input has the statistics of the training data.

Cai et al. 2020, "ZeroQ: A Novel Zero Shot Quantization Framework", https://arxiv.org/abs/2001.00281, section 3.1. Ours
start from octaves of noise, which are closer to pictures than white noise, stay within the range of a photo's bytes,
and weight errors by the stored deviations.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from export.progress import Progress
from export.quantization.synthesis.statistics import Statistics
from zoo.preprocessing import Preprocessing

if TYPE_CHECKING:
    import keras

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]

MOST_IMAGES = 32
# Pixels of one image times steps: 50 steps at 224 x 224, and more where they are cheap, up to 200.
MOST_PIXEL_STEPS, FEWEST_STEPS, MOST_STEPS = 50 * 224 * 224, 50, 200
BATCH_PIXELS = 16 * 224 * 224  # with the network's activations, determines the memory
STEP_BYTES = 10.0  # initial learning rate of Adam, which decays to zero along a cosine
MEAN_BYTES, DEVIATION_BYTES = 118.0, 58.0  # typical of photos
GREY_SHARE = 0.8  # of the noise's deviation: the colours of a photo are correlated


def images(
    model: keras.Model, preprocessing: Preprocessing, count: int, *, seed: int, progress: Progress
) -> Iterator[Bytes]:
    """Yield `count` images, at most `MOST_IMAGES`, as RGB bytes (height, width, channels).

    The same seed gives the same images.

    Raises:
        UsageProblemError: the model has no batch norm with statistics.
    """
    statistics, generator = Statistics.of(model), np.random.default_rng(seed)
    height, width, _ = preprocessing.shape
    steps = int(np.clip(MOST_PIXEL_STEPS // (height * width), FEWEST_STEPS, MOST_STEPS))
    size = max(1, BATCH_PIXELS // (height * width))
    count = min(count, MOST_IMAGES)
    descent = _Descent(statistics, preprocessing, steps)
    for start in range(0, count, size):
        batch = octaves(generator, min(size, count - start), preprocessing.shape)
        for found in descent.run(batch, progress, start, count):
            yield found[..., ::-1] if preprocessing.colours == "BGR" else found


class _Descent:
    """Adam on the bytes of a batch of images."""

    def __init__(self, statistics: Statistics, preprocessing: Preprocessing, steps: int) -> None:
        import tensorflow as tf

        scale, offset = (np.asarray(values, np.float32) for values in (preprocessing.scale, preprocessing.offset))

        def gradient(values: Any) -> Any:
            with tf.GradientTape() as tape:
                tape.watch(values)
                distance = statistics.distance(values * scale + offset)
            return tape.gradient(distance, values)

        self._gradient = tf.function(gradient, input_signature=[tf.TensorSpec((None, *preprocessing.shape))])
        self._steps = steps

    def run(self, batch: Floats, progress: Progress, done: int, total: int) -> Bytes:
        """Return the optimized batch (N, H, W, C), in the model's colour order."""
        import keras

        rate = keras.optimizers.schedules.CosineDecay(STEP_BYTES, self._steps)
        # Gradients of a mean over all pixels are so small that the usual epsilon would stop the optimization.
        adam = keras.optimizers.Adam(rate, beta_2=0.99, epsilon=1e-12)
        values = keras.Variable(batch)
        for step in range(self._steps):
            progress.step("make images", done + len(batch) * step // self._steps, total)
            adam.apply([self._gradient(values.value)], [values])
            values.assign(keras.ops.clip(values, 0, 255))
        found: Bytes = np.rint(np.asarray(values)).astype(np.uint8)
        return found


def octaves(generator: np.random.Generator, count: int, shape: tuple[int, int, int]) -> Floats:
    """Return noise (count, height, width, channels) of bytes with the same contrast in every octave, as in photos."""
    import tensorflow as tf

    height, width, channels = shape
    noise, side = np.zeros((count, *shape), np.float32), 1
    while side <= min(height, width):
        colours = generator.normal(size=(count, side, side, channels))
        grey = generator.normal(size=(count, side, side, 1))
        octave = GREY_SHARE * grey + np.sqrt(1 - GREY_SHARE**2) * colours
        noise += tf.image.resize(octave.astype(np.float32), (height, width)).numpy()
        side *= 2
    clipped: Floats = np.clip(MEAN_BYTES + DEVIATION_BYTES * noise / noise.std(), 0, 255)
    return clipped
