"""A network's activations on some samples, and what its answers make of them: gradients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from calibration.samples import Samples
from export.model.graph import Graph, functional

if TYPE_CHECKING:
    import keras

Floats = NDArray[np.float64]
Indices = Sequence[int] | NDArray[np.int64]
# Float tensors that operators give, by their position in the graph.
ByPosition = dict[int, Any]

BATCH = 4  # samples at a time: every activation is kept, and perhaps its gradient


class Activations:
    """A model whose every activation can be asked for."""

    def __init__(self, model: keras.Model, samples: Samples) -> None:
        """Read the graph; nothing is run yet."""
        self._model, self._samples = model, samples
        self._graph = Graph(functional(model))

    def of(self, indices: Indices) -> ByPosition:
        """Return the activations of those samples."""
        return self._by_position(self._run(self._inputs(indices)))

    def survey(self) -> tuple[NDArray[np.float32], Floats]:
        """Return the peak of every activation (samples, activations), and the power of the answers (samples,)."""
        import tensorflow as tf

        peaks, powers = [], []
        for start in range(0, len(self._samples), BATCH):
            tensors = self._run(self._inputs(range(start, min(start + BATCH, len(self._samples)))))
            some = self._by_position(tensors).values()
            tops = [tf.reduce_max(tf.abs(one), axis=list(range(1, one.shape.rank))).numpy() for one in some]
            peaks.append(np.stack(tops, axis=1))
            flat = [answer.numpy().reshape(len(answer), -1) for answer in self._answers(tensors)]
            powers.append(np.sum([np.square(one).sum(axis=1, dtype=np.float64) for one in flat], axis=0))
        return np.concatenate(peaks), np.concatenate(powers)

    def gradients(self, indices: Indices, generator: np.random.Generator) -> tuple[ByPosition, ByPosition]:
        """Return activations, and the gradients of the answers' sum by them.

        Args:
            indices: of the samples.
            generator: of the random signs with which a sample's answers are added up: one gradient for all of them.
        """
        import tensorflow as tf

        inputs = self._inputs(indices)
        with tf.GradientTape() as tape:
            for tensor in inputs.values():
                tape.watch(tensor)
            tensors = self._run(inputs)
            answers = self._answers(tensors)
            total = tf.add_n([tf.reduce_sum(answer * _signs(answer.shape, generator)) for answer in answers])
        values = self._by_position(tensors)
        return values, dict(zip(values, tape.gradient(total, list(values.values())), strict=True))

    def _answers(self, tensors: Mapping[int, Any]) -> list[Any]:
        return [tensors[id(tensor)] for tensor in self._model.outputs if tensor.dtype.startswith("float")]

    def _inputs(self, indices: Indices) -> dict[int, Any]:
        import tensorflow as tf

        named = {id(tensor): (tensor._keras_history.operation.name, tensor.dtype) for tensor in self._model.inputs}
        return {
            key: tf.convert_to_tensor(np.asarray(self._samples.inputs[name][indices]), dtype)
            for key, (name, dtype) in named.items()
        }

    def _run(self, inputs: Mapping[int, Any]) -> dict[int, Any]:
        """Return all tensors of the graph by id."""
        import keras

        tensors = dict(inputs)
        for node in self._graph.nodes:
            arguments, settings = node.arguments.fill_in(tensors)
            outputs = keras.tree.flatten(node.operation(*arguments, **settings))
            tensors.update({id(tensor): output for tensor, output in zip(node.outputs, outputs, strict=True)})
        return tensors

    def _by_position(self, tensors: Mapping[int, Any]) -> ByPosition:
        outputs = enumerate(tensor for node in self._graph.nodes for tensor in node.outputs)
        return {place: tensors[id(tensor)] for place, tensor in outputs if tensors[id(tensor)].dtype.is_floating}


def _signs(shape: Any, generator: np.random.Generator) -> Any:
    return generator.choice(np.array([-1, 1], np.float32), tuple(shape))
