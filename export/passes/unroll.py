"""Unroll recurrent layers into one copy of their cell for each step, because the inside of a loop cannot be quantized.

LiteRT runs a loop's body as a subgraph of its own, whose activations nobody can observe, and neither
ai-edge-quantizer nor ONNX Runtime quantizes it. All steps share the weights.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from calibration.samples import Samples
from export.errors import PassRefusedError
from export.model.graph import Graph, copy, copy_state, functional, is_dissolved
from export.passes import PassRecord, PassResult

if TYPE_CHECKING:
    import keras

NAME = "unroll"

# A step of an LSTM becomes 15 operators, of a GRU 17: at 256 steps conversion takes seconds, and files are megabytes.
MOST_STEPS = 256


class Unroll:
    """The unrolling pass."""

    def __call__(self, model: keras.Model, samples: Samples) -> PassResult:
        """Return the model with unrolled recurrent layers, and without nested models.

        Raises:
            PassRefusedError: a layer has too many steps, or the model cannot be copied.
        """
        start = time.perf_counter()
        steps = steps_of(model)
        for name, count in steps.items():
            if count is None or count > MOST_STEPS:
                raise PassRefusedError(
                    f"the layer {name} is a loop of {count or 'an unknown number of'} steps; at most {MOST_STEPS} are "
                    "unrolled for integers"
                )
        new, others = copy(model, _unrolled)
        for layer in _layers(model):
            if id(layer) in others:
                copy_state(layer, others[id(layer)])
        seconds = round(time.perf_counter() - start, 2)
        record = PassRecord(name=NAME, exact=True, seconds=seconds, layers=tuple(steps), parameters={"steps": steps})
        return PassResult(new, record)


def steps_of(model: keras.Model) -> dict[str, int | None]:
    """Return the number of steps of each layer that loops, by the layer's name; None if it is not fixed."""
    return {
        node.operation.name: node.input_tensors[0].shape[1]
        for node in _nodes(model)
        if _unrolled(node.operation) is not None
    }


def in_words(records: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return a sentence about the unrolled layers, from the manifest entries of passes; empty if there are none."""
    return tuple(
        "unrolled: " + ", ".join(f"{name} over {steps} steps" for name, steps in record["parameters"]["steps"].items())
        for record in records
        if record["name"] == NAME
    )


def _unrolled(layer: Any) -> keras.Layer | None:
    """Return a layer of the same name that is unrolled; None for layers without a loop."""
    import keras

    if not isinstance(layer, keras.layers.RNN | keras.layers.Bidirectional):
        return None
    config = layer.get_config()
    settings = _unrolled_config(config)
    return None if settings == config else type(layer).from_config(settings)


def _unrolled_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration of a recurrent layer, or of one that wraps recurrent layers, with `unroll`."""
    found = {**config, "unroll": True} if "unroll" in config else dict(config)
    for key in ("layer", "backward_layer"):
        inner = config.get(key)
        if isinstance(inner, Mapping) and isinstance(inner.get("config"), Mapping):
            found[key] = {**inner, "config": _unrolled_config(inner["config"])}
    return found


def _layers(model: keras.Model) -> list[keras.Layer]:
    return [node.operation for node in _nodes(model)]


def _nodes(model: keras.Model) -> list[Any]:
    """Return the calls of a model and of its nested models."""
    found = []
    for node in Graph(functional(model)).nodes:
        found += _nodes(node.operation) if is_dissolved(node.operation) else [node]
    return found
