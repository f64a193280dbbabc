"""Traverse a network with two streams of activations: of the float network and of the changed network."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from calibration.samples import Samples
from export.model.graph import Graph, Node
from export.model.run_graph import call
from export.passes.fitting.inside import Handler, Inside, Stream, Tensor
from export.passes.fitting.sublayers import sublayers
from export.progress import Counted

if TYPE_CHECKING:
    import keras

# Receives the symbolic tensor and the float stream of every output of an operator without a handler.
Look = Callable[[Any, Stream], None]

# Samples per chunk: few calls, and the memory of one chunk while an operator runs. Large samples come in smaller
# chunks, because oneDNN keeps its working memory for each shape.
MOST_AT_ONCE, CHUNK_BYTES = 25, 25 * 224 * 224 * 3 * 4


class Traversal:
    """Runs a model on all samples, operator by operator; an activation is dropped after its last reader."""

    def __init__(self, model: keras.Model, samples: Samples) -> None:
        """Split the samples into chunks."""
        import tensorflow as tf

        self._model, self._graph = model, Graph(model)
        self._left = self._graph.reads.copy()
        self._streams: dict[int, tuple[Stream, Stream]] = {}
        names = [tensor._keras_history.operation.name for tensor in model.inputs]
        sample_bytes = sum(samples.inputs[name][0].nbytes for name in names)
        size = min(MOST_AT_ONCE, max(1, CHUNK_BYTES // sample_bytes))
        for tensor in model.inputs:
            values = samples.inputs[tensor._keras_history.operation.name]
            chunks = [
                tf.convert_to_tensor(np.asarray(values[start : start + size]), tensor.dtype)
                for start in range(0, len(samples), size)
            ]
            self._streams[id(tensor)] = chunks, chunks

    def run(self, handlers: Mapping[int, Handler], look: Look | None = None) -> Iterator[tuple[Tensor, Tensor]]:
        """Run all calls, layers in `handlers` (by id) through their handler; yield (float, changed) model outputs.

        A layer inside of another one has its handler called if the other one calls it once.
        """
        for node in self._graph.nodes:
            handler = handlers.get(id(node.operation))
            if handler is None:
                self._call(node, handlers)
                if look is not None:
                    for tensor in node.outputs:
                        look(tensor, self._streams[id(tensor)][0])
            else:
                (source,), (result,) = node.input_tensors, node.outputs
                self._streams[id(result)] = _with_masks(handler, *self._read(source))
        for tensor in self._model.outputs:
            one, other = self._streams[id(tensor)]
            yield np.concatenate(one), np.concatenate(other)

    def _read(self, tensor: Any) -> tuple[Stream, Stream]:
        """Return a tensor's streams as lists that the caller may empty; the last reader releases the tensor."""
        self._left[id(tensor)] -= 1
        if self._left[id(tensor)] == 0:
            return self._streams.pop(id(tensor))
        one, other = self._streams[id(tensor)]
        copied = list(one)
        return copied, copied if one is other else list(other)

    def _call(self, node: Node, handlers: Mapping[int, Handler]) -> None:
        sources = {id(tensor): self._read(tensor) for tensor in node.input_tensors}
        count = len(next(iter(self._first(sources)), []))

        masks = {key: [_masks(stream) for stream in streams] for key, streams in sources.items()}

        def run(chunk: int, side: int) -> list[Tensor]:
            for key, streams in sources.items():
                _set_mask(streams[side][chunk], masks[key][side][chunk])  # an attention takes the masks off its inputs
            return call(node, {key: streams[side][chunk] for key, streams in sources.items()})

        inside = Inside(run, count, same=all(one is other for one, other in sources.values()))
        inside.handle(_handled(node.operation, handlers), handlers)
        results: list[list[Stream]] = [[[], []] for _ in node.outputs]
        for chunk in range(count):
            for side in (0,) if inside.same else (0, 1):
                for result, output in zip(results, inside.outputs(chunk, side), strict=True):
                    result[side].append(output)
            for streams in sources.values():
                for stream in streams:
                    stream[chunk] = None
        for tensor, (one, other) in zip(node.outputs, results, strict=True):
            self._streams[id(tensor)] = one, one if inside.same else other

    def _first(self, sources: Mapping[int, tuple[Stream, Stream]]) -> Iterator[Stream]:
        yield from (one for one, _ in sources.values())


def announced(handlers: Mapping[int, Handler], counted: Counted) -> dict[int, Handler]:
    """Return the same handlers, which first call `counted` with how many layers are done."""
    seen: set[int] = set()

    def announcing(key: int, handler: Handler) -> Handler:
        def handle(true: Stream, changed: Stream) -> tuple[Stream, Stream]:
            counted(len(seen), len(handlers))
            seen.add(key)
            return handler(true, changed)

        return handle

    return {key: announcing(key, handler) for key, handler in handlers.items()}


def _handled(operation: Any, handlers: Mapping[int, Handler]) -> dict[int, keras.Layer]:
    """Return the layers inside of a layer that have handlers, by id."""
    import keras

    inner = sublayers(operation) if handlers and isinstance(operation, keras.Layer) else ()
    return {id(layer): layer for _, layer in inner if id(layer) in handlers}


def _with_masks(handler: Handler, true: Stream, changed: Stream) -> tuple[Stream, Stream]:
    """Return a handler's outputs with the Keras masks of its inputs, which a layer with weights passes on."""
    masks = _masks(true), _masks(changed)
    outputs = handler(true, changed)
    for stream, known in zip(outputs, masks, strict=True):
        for chunk, mask in zip(stream, known, strict=True):
            _set_mask(chunk, mask)
    return outputs


def _masks(stream: Stream) -> list[Tensor | None]:
    return [getattr(chunk, "_keras_mask", None) for chunk in stream]


def _set_mask(chunk: Tensor, mask: Tensor | None) -> None:
    if mask is not None:
        chunk._keras_mask = mask
