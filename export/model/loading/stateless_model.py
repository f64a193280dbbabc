"""Let recurrent layers start from zeros in every call: a file has no memory between calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from export.errors import PassRefusedError
from export.model import graph
from zoo.errors import UsageProblemError

if TYPE_CHECKING:
    import keras


def without_state(name: str, model: keras.Model) -> tuple[keras.Model, tuple[str, ...]]:
    """Return the model with `stateful=False` in its recurrent layers and batches of any size, and a note about it.

    A model without stateful layers is returned unchanged.

    Args:
        name: of the model's file, for messages.
        model: functional model.

    Raises:
        UsageProblemError: a layer cannot be rebuilt.
    """
    stateful = sorted({layer.name for layer in model._flatten_layers() if getattr(layer, "stateful", False)})
    if not stateful:
        return model, ()
    sources: dict[int, Any] = {}

    def replaced(layer: Any) -> Any:
        if not any(getattr(one, "stateful", False) for one in layer._flatten_layers()):
            return None
        sources[id(layer)] = layer
        return type(layer).from_config(_stateless(layer.get_config()))

    try:
        new, others = graph.copy(model, replaced, _any_batch)
        for key, layer in others.items():
            graph.copy_state(sources[key], layer)
    except (PassRefusedError, ValueError, TypeError) as error:
        first = next(iter(str(error).splitlines()), type(error).__name__)
        raise UsageProblemError(
            f"{name} cannot be rebuilt with stateful=False ({first}); build and save it so"
        ) from error
    listed = ", ".join(stateful)
    return new, (f"stateful in Keras: {listed}; the files start from zeros in every call",)


def _any_batch(tensor: Any) -> Any:
    import keras

    return keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=tensor._keras_history.operation.name)


def _stateless(config: Any) -> Any:
    """Return a layer's configuration with `stateful=False` for every layer inside of it."""
    if isinstance(config, Mapping):
        return {key: False if key == "stateful" else _stateless(value) for key, value in config.items()}
    return [_stateless(one) for one in config] if isinstance(config, list) else config
