"""The statistics that batch norms store about the training data, and the distance of images from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from calibration.samples import Array
from export.errors import PassRefusedError
from export.model.graph import Graph
from export.passes.fold import flat
from zoo.errors import UsageProblemError

if TYPE_CHECKING:
    import keras

# A folded or untrained batch norm has mean 0 and variance 1; some exporters store 1 - epsilon.
NEUTRAL = 0.01
# Fraction of a layer's largest variance: the lower limit for channels that were dead in training.
SMALLEST_VARIANCE = 1e-5
INSTEAD = "leave --calibration out for the built-in photos, or give a folder of your own"


@dataclass(frozen=True, kw_only=True)
class Moments:
    """Mean and standard deviation of each channel at the input of one batch norm.

    Attributes:
        mean: (channels,).
        deviation: (channels,), above 0.
        axes: of the batch norm's input, all but the channels'.
    """

    mean: Array
    deviation: Array
    axes: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Statistics:
    """The moments of every batch norm that stores statistics.

    Attributes:
        features: the model, with the inputs of these batch norms as outputs.
        moments: of these batch norms, in the same order.
    """

    features: keras.Model
    moments: tuple[Moments, ...]

    @classmethod
    def of(cls, model: keras.Model) -> Statistics:
        """Return the statistics in a model.

        Raises:
            UsageProblemError: the model has none.
        """
        import keras

        try:
            model = flat(model)
        except PassRefusedError as error:
            raise UsageProblemError(
                f"--calibration synthetic has to read the model's layers: {error}; {INSTEAD}"
            ) from error
        nodes = [node for node in Graph(model).nodes if isinstance(node.operation, keras.layers.BatchNormalization)]
        telling = [node for node in nodes if not _is_neutral(node.operation)]
        if not telling:
            why = "those of this one were folded into its layers, or never trained" if nodes else "this one has none"
            raise UsageProblemError(
                f"--calibration synthetic generates images from the statistics of a model's batch norms, and {why}; "
                f"{INSTEAD}"
            )
        tensors = [node.input_tensors[0] for node in telling]
        ranks = [len(tensor.shape) for tensor in tensors]
        moments = tuple(_moments(node.operation, rank) for node, rank in zip(telling, ranks, strict=True))
        return cls(features=keras.Model(model.inputs[0], tensors), moments=moments)

    def distance(self, inputs: Any) -> Any:
        """Return the distance of a batch (N, H, W, C) from the statistics, a scalar tensor; 0 if they are equal.

        It is the squared error of means and deviations in units of the stored deviation, averaged over channels and
        layers, so that every layer has the same weight.
        """
        import tensorflow as tf

        found = tf.nest.flatten(self.features(inputs, training=False))
        return tf.add_n([_distance(*pair) for pair in zip(found, self.moments, strict=True)]) / len(found)


def _distance(values: Any, moments: Moments) -> Any:
    import tensorflow as tf

    mean, variance = tf.nn.moments(values, moments.axes)
    tiny = tf.constant(np.finfo(np.float32).tiny)  # the square root has no gradient at 0
    apart = (mean - moments.mean) / moments.deviation
    ratio = tf.sqrt(variance + tiny) / moments.deviation
    return tf.reduce_mean(apart**2) + tf.reduce_mean((ratio - 1) ** 2)


def _is_neutral(norm: Any) -> bool:
    mean, variance = _remembered(norm)
    return not mean.any() and bool((np.abs(variance - 1) <= NEUTRAL).all())


def _moments(norm: Any, rank: int) -> Moments:
    mean, variance = _remembered(norm)
    smallest = max(SMALLEST_VARIANCE * float(variance.max()), float(np.finfo(np.float32).tiny))
    return Moments(
        mean=mean,
        deviation=np.sqrt(np.maximum(variance, smallest)),
        axes=tuple(axis for axis in range(rank) if axis != norm.axis % rank),
    )


def _remembered(norm: Any) -> tuple[Array, Array]:
    return np.asarray(norm.moving_mean, np.float32), np.asarray(norm.moving_variance, np.float32)
