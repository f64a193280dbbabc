"""Unroll recurrent layers into one copy of their cell for each step, because the inside of a loop cannot be quantized.

LiteRT runs a loop's body as a subgraph of its own, whose activations nobody can observe, and neither
ai-edge-quantizer nor ONNX Runtime quantizes it. All steps share the weights. Long loops remain, in float.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from calibration.samples import Samples
from export.model.graph import Graph, copy, copy_state, functional, is_dissolved
from export.passes import PassRecord, PassResult
from export.recipe import UNROLLED_STEPS

if TYPE_CHECKING:
    import keras

NAME = "unroll"


@dataclass(frozen=True, kw_only=True)
class Unroll:
    """The unrolling pass.

    Attributes:
        most_steps: largest number of steps that are unrolled; longer loops remain.
    """

    most_steps: int = UNROLLED_STEPS

    def __call__(self, model: keras.Model, samples: Samples) -> PassResult:
        """Return the model with unrolled recurrent layers, and without nested models.

        Raises:
            PassRefusedError: the model cannot be copied.
        """
        start = time.perf_counter()
        short = self._short(model)
        new, others = copy(model, lambda layer: _unrolled(layer) if layer.name in short else None)
        for layer in _layers(model):
            if id(layer) in others:
                copy_state(layer, others[id(layer)])
        seconds = round(time.perf_counter() - start, 2)
        return PassResult(new, replace(self.record(model), seconds=seconds))

    def record(self, model: keras.Model) -> PassRecord:
        """Return what the pass does to a model, without running it; `layers` is empty if all loops remain."""
        short = self._short(model)
        loops = {name: count for name, count in steps_of(model).items() if name not in short}
        return PassRecord(name=NAME, exact=True, layers=tuple(short), parameters={"steps": short, "loops": loops})

    def _short(self, model: keras.Model) -> dict[str, int]:
        steps = steps_of(model)
        return {name: count for name, count in steps.items() if count is not None and count <= self.most_steps}


def steps_of(model: keras.Model) -> dict[str, int | None]:
    """Return the number of steps of each layer that loops, by the layer's name; None if it is not fixed."""
    return {
        node.operation.name: node.input_tensors[0].shape[1]
        for node in _nodes(model)
        if _unrolled(node.operation) is not None
    }


def in_words(records: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return sentences about the recurrent layers, from the manifest entries of passes; empty if there are none."""
    found = []
    for record in records:
        if record["name"] != NAME:
            continue
        for title, key in (("unrolled", "steps"), ("in a float loop with 8-bit weights", "loops")):
            layers = (f"{name} over {steps} steps" for name, steps in record["parameters"].get(key, {}).items())
            if text := ", ".join(layers):
                found.append(f"{title}: {text}")
    return tuple(found)


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
