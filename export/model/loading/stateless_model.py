"""Let recurrent layers start from zeros and draw nothing in every call: a file has no memory between calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from export.errors import PassRefusedError
from export.model import graph
from zoo.errors import UsageProblemError

if TYPE_CHECKING:
    import keras


def without_state(name: str, model: keras.Model) -> tuple[keras.Model, tuple[str, ...]]:
    """Return the model with `stateful=False` in its recurrent layers and batches of any size, and a note about it.

    A model without stateful layers keeps its batch. Recurrent layers lose their dropout: it has no effect, but Keras
    draws a mask in every call, and the files would keep the state of its random numbers.

    Args:
        name: of the model's file, for messages.
        model: functional model.

    Raises:
        UsageProblemError: a layer cannot be rebuilt.
    """
    stateful = sorted({layer.name for layer in model._flatten_layers() if getattr(layer, "stateful", False)})
    if not stateful and not any(map(_drops, model._flatten_layers())):
        return model, ()
    try:
        new = _rebuilt(model, _any_batch if stateful else None)
    except (PassRefusedError, ValueError, TypeError) as error:
        if not stateful:
            return model, ()
        first = next(iter(str(error).splitlines()), type(error).__name__)
        raise UsageProblemError(
            f"{name} cannot be rebuilt with stateful=False ({first}); build and save it so"
        ) from error
    listed = ", ".join(stateful)
    return new, (f"stateful in Keras: {listed}; the files start from zeros in every call",) if stateful else ()


def _rebuilt(model: keras.Model, new_input: Callable[[Any], Any] | None) -> keras.Model:
    """Return a copy of a model whose recurrent layers have neither state nor dropout."""
    sources: dict[int, Any] = {}

    def replaced(layer: Any) -> Any:
        if not any(getattr(one, "stateful", False) or _drops(one) for one in layer._flatten_layers()):
            return None
        sources[id(layer)] = layer
        return type(layer).from_config(_stateless(layer.get_config()))

    new, others = graph.copy(model, replaced, new_input)
    for key, layer in others.items():
        graph.copy_state(sources[key], layer)
    return new


def _drops(layer: Any) -> bool:
    """Return whether a layer is a recurrent cell with dropout."""
    from keras.src.layers.rnn.dropout_rnn_cell import DropoutRNNCell  # has no public name

    return isinstance(layer, DropoutRNNCell) and bool(layer.dropout or layer.recurrent_dropout)


def _any_batch(tensor: Any) -> Any:
    import keras

    return keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=tensor._keras_history.operation.name)


def _stateless(config: Any) -> Any:
    """Return a layer's configuration with `stateful=False` and no dropout for every layer inside of it."""
    if isinstance(config, Mapping):
        off: Mapping[Any, Any] = {"stateful": False, "dropout": 0.0, "recurrent_dropout": 0.0}
        return {key: off[key] if key in off else _stateless(value) for key, value in config.items()}
    return [_stateless(one) for one in config] if isinstance(config, list) else config
