"""Run a layer whose sublayers have handlers: each sublayer sees all its inputs before the layer goes on.

A handler needs the inputs of all samples at once, but the layer runs chunk by chunk. So for each sublayer in turn the
layer is run up to its call, with the known outputs of the sublayers before it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from export.errors import PassRefusedError

if TYPE_CHECKING:
    import keras

Tensor = Any  # tf.Tensor
Stream = list[Tensor]  # one activation, in chunks of samples
# Takes a call's input in both streams and returns its output in both. A handler may empty the lists it receives.
Handler = Callable[[Stream, Stream], tuple[Stream, Stream]]
Run = Callable[[int, int], list[Tensor]]  # runs the layer on one chunk of one stream


class _Reached(BaseException):
    """Ends a run at the call of a sublayer; Keras would wrap an Exception."""


@dataclass
class Inside:
    """A layer in the middle of which handlers run.

    Attributes:
        run: runs the layer.
        chunks: number of chunks.
        same: whether both streams are the same so far.
        known: outputs of the sublayers that were handled, with the sublayer, by its id.
    """

    run: Run
    chunks: int
    same: bool
    known: dict[int, tuple[keras.Layer, tuple[Stream, Stream]]] = field(default_factory=dict)

    def handle(self, layers: Mapping[int, keras.Layer], handlers: Mapping[int, Handler]) -> None:
        """Call the handlers of the sublayers `layers`, by id, that the layer calls exactly once."""
        for layer in self._called_once(layers) if layers else ():
            one, other = handlers[id(layer)](*self._inputs(layer))
            self.same &= one is other
            self.known[id(layer)] = layer, (one, other)

    def outputs(self, chunk: int, side: int) -> list[Tensor]:
        """Return the layer's outputs for one chunk of one stream, from the handled outputs of its sublayers."""
        with _replaced({id(layer): (layer, partial(_given, two[side][chunk])) for layer, two in self.known.values()}):
            return self.run(chunk, side)

    def _called_once(self, layers: Mapping[int, keras.Layer]) -> list[keras.Layer]:
        """Return the sublayers in the order of their calls; in a compiled function they would see no values."""
        import tensorflow as tf

        calls: list[int] = []
        unseen: set[int] = set()

        def note(layer: keras.Layer, inputs: Tensor, **settings: Any) -> Tensor:
            calls.append(id(layer))
            if tf.is_symbolic_tensor(inputs):
                unseen.add(id(layer))
            return type(layer).call(layer, inputs, **settings)

        with _replaced({key: (layer, partial(note, layer)) for key, layer in layers.items()}):
            self.run(0, 0)
        return [layers[key] for key, count in Counter(calls).items() if count == 1 and key not in unseen]

    def _inputs(self, layer: keras.Layer) -> tuple[Stream, Stream]:
        one = [self._input(layer, chunk, 0) for chunk in range(self.chunks)]
        return one, one if self.same else [self._input(layer, chunk, 1) for chunk in range(self.chunks)]

    def _input(self, layer: keras.Layer, chunk: int, side: int) -> Tensor:
        def stop(inputs: Tensor, **_: Any) -> None:
            raise _Reached(inputs)

        try:
            with _replaced({id(layer): (layer, stop)}):
                self.outputs(chunk, side)
        except _Reached as reached:
            return reached.args[0]
        raise PassRefusedError(f"the layer {layer.name} is not called for all samples")


def _given(value: Tensor, *_: Any, **__: Any) -> Tensor:
    return value


@contextmanager
def _replaced(calls: Mapping[int, tuple[keras.Layer, Callable[..., Any]]]) -> Iterator[None]:
    """Compute layers by other functions; past Keras, which tracks the attributes of a layer."""
    for layer, function in calls.values():
        object.__setattr__(layer, "call", function)
    try:
        yield
    finally:
        for layer, _ in calls.values():
            object.__delattr__(layer, "call")
