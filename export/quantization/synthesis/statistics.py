"""What batch norms remember of the data that a network was trained on, and how far images are from it."""

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

# A batch norm that was folded away, or never trained, has mean 0 and variance 1; some writers keep 1 - epsilon.
NEUTRAL = 0.01
# Of a layer's largest variance: a channel that was dead in training counts no more than one with this share.
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
    """Moments of every batch norm that remembers some.

    Attributes:
        features: the model, with the inputs of these batch norms as outputs.
        moments: likewise in order.
    """

    features: keras.Model
    moments: tuple[Moments, ...]

    @classmethod
    def of(cls, model: keras.Model) -> Statistics:
        """Return the statistics in a model.

        Raises:
            UsageProblemError: it has none.
        """
        import keras

        try:
            model = flat(model)
        except PassRefusedError as error:
            raise UsageProblemError(
                f"--calibration synthetic has to take the model apart: {error}; {INSTEAD}"
            ) from error
        nodes = [node for node in Graph(model).nodes if isinstance(node.operation, keras.layers.BatchNormalization)]
        telling = [node for node in nodes if not _is_neutral(node.operation)]
        if not telling:
            why = "those of this one were folded into its layers, or never trained" if nodes else "this one has none"
            raise UsageProblemError(
                f"--calibration synthetic makes images of what a model's batch norms remember, and {why}; {INSTEAD}"
            )
        tensors = [node.input_tensors[0] for node in telling]
        ranks = [len(tensor.shape) for tensor in tensors]
        moments = tuple(_moments(node.operation, rank) for node, rank in zip(telling, ranks, strict=True))
        return cls(features=keras.Model(model.inputs[0], tensors), moments=moments)

    def distance(self, inputs: Any) -> Any:
        """Return how far a batch (N, H, W, C) is from the statistics, a scalar tensor: 0 where it has the same.

        The squared errors of means and deviations, in units of the remembered deviation: of channels and layers the
        mean, so that wide layers and loud ones count as much as others.
        """
        import tensorflow as tf

        found = tf.nest.flatten(self.features(inputs, training=False))
        return tf.add_n([_distance(*pair) for pair in zip(found, self.moments, strict=True)]) / len(found)


def _distance(values: Any, moments: Moments) -> Any:
    import tensorflow as tf

    mean, variance = tf.nn.moments(values, moments.axes)
    tiny = tf.constant(np.finfo(np.float32).tiny)  # the root of 0 has no gradient
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
