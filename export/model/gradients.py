"""Activations of a network, and gradients of its outputs with respect to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from calibration.samples import Samples
from export.model.run_graph import GraphRun, as_inputs, run_graph

if TYPE_CHECKING:
    import keras

Floats = NDArray[np.float64]
Indices = Sequence[int] | NDArray[np.int64]
# Float outputs of calls, by the call's name.
ByCall = dict[str, Any]

BATCH = 4  # samples at a time, because every activation and possibly its gradient stays in memory


class Activations:
    """Computes the activations of a model on demand."""

    def __init__(self, model: keras.Model, samples: Samples) -> None:
        """Keep the model and the samples; nothing runs yet."""
        self._model, self._samples = model, samples

    def survey(self) -> tuple[NDArray[np.float32], Floats]:
        """Return the largest magnitude of each activation (samples, activations) and the output power (samples,)."""
        import tensorflow as tf

        peaks, powers = [], []
        for start in range(0, len(self._samples), BATCH):
            run = run_graph(self._model, self._inputs(range(start, min(start + BATCH, len(self._samples)))))
            tops = [
                tf.reduce_max(tf.abs(one), axis=list(range(1, one.shape.rank))).numpy() for one in run.floats.values()
            ]
            peaks.append(np.stack(tops, axis=1))
            flat = [output.numpy().reshape(len(output), -1) for output in self._float_outputs(run)]
            powers.append(np.sum([np.square(one).sum(axis=1, dtype=np.float64) for one in flat], axis=0))
        return np.concatenate(peaks), np.concatenate(powers)

    def gradients(self, indices: Indices, generator: np.random.Generator) -> tuple[ByCall, ByCall]:
        """Return activations, and the gradients of a randomly signed sum of all outputs with respect to them.

        Args:
            indices: positions of the samples.
            generator: source of the random signs.
        """
        import tensorflow as tf

        inputs = self._inputs(indices)
        with tf.GradientTape() as tape:
            for tensor in inputs.values():
                tape.watch(tensor)
            run = run_graph(self._model, inputs)
            outputs = self._float_outputs(run)
            total = tf.add_n([tf.reduce_sum(output * _signs(output.shape, generator)) for output in outputs])
        values = run.floats
        return values, dict(zip(values, tape.gradient(total, list(values.values())), strict=True))

    def _float_outputs(self, run: GraphRun) -> list[Any]:
        pairs = zip(self._model.outputs, run.outputs, strict=True)
        return [value for tensor, value in pairs if tensor.dtype.startswith("float")]

    def _inputs(self, indices: Indices) -> dict[str, Any]:
        return as_inputs(self._model, {name: values[indices] for name, values in self._samples.inputs.items()})


def _signs(shape: Any, generator: np.random.Generator) -> Any:
    return generator.choice(np.array([-1, 1], np.float32), tuple(shape))
