"""Bring a loaded model into the form of an export: functional, float32, flat inputs and outputs, valid names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.errors import UsageProblemError

if TYPE_CHECKING:
    import keras

_SCOPE = re.compile(r"[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*")  # valid TensorFlow root scope names


def normalises_by_itself(model: keras.Model) -> bool:
    """Return whether the model begins with a Rescaling or Normalization layer and so takes camera bytes directly.

    Random layers before it (flips, rotations) are ignored: they are active in training only.
    """
    import keras

    random = tuple(getattr(keras.layers, name) for name in dir(keras.layers) if name.startswith("Random"))
    layers = (layer for layer in _layers(model) if not isinstance(layer, (keras.layers.InputLayer, *random)))
    return isinstance(next(layers, None), keras.layers.Rescaling | keras.layers.Normalization)


def _layers(model: keras.Model) -> Iterator[keras.layers.Layer]:
    """Yield the layers in order, with nested models replaced by their layers."""
    import keras

    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _layers(layer)
        else:
            yield layer


def functional_form(path: Path, model: keras.Model) -> keras.Model:
    """Return a functional model of the same layers with a single input or a list of inputs, and distinct outputs.

    Raises:
        UsageProblemError: a name is not valid in TensorFlow.
    """
    import keras

    _check_names(path, model)
    # Exported files have flat inputs and outputs, so dictionaries and tuples are flattened here.
    # A single input stays outside a list: Keras warns about calls with another structure than the model's.
    inputs = model.inputs[0] if len(model.inputs) == 1 else list(model.inputs)
    outputs = {id(tensor): tensor for tensor in model.outputs}
    return keras.Model(inputs, list(outputs.values()), name=model.name)


def repeated_outputs(model: keras.Model) -> tuple[str, ...]:
    """Return a sentence about outputs that a model lists more than once."""
    counts = Counter(id(tensor) for tensor in model.outputs)
    names = {id(tensor): tensor._keras_history.operation.name for tensor in model.outputs}
    repeated = sorted(names[key] for key, count in counts.items() if count > 1)
    return tuple(f"the model lists the output {name!r} more than once; the files have it once" for name in repeated)


def _check_names(path: Path, model: keras.Model) -> None:
    """Check that all layer names are valid in TensorFlow; Keras on JAX or PyTorch accepts more names.

    Raises:
        UsageProblemError: a name is not valid.
    """
    import keras

    for layer in model._flatten_layers():
        if not isinstance(layer, keras.layers.InputLayer) and not is_valid_name(layer.name):
            raise UsageProblemError(invalid_name(path.name, layer.name))


def is_valid_name(name: str) -> bool:
    """Return whether TensorFlow accepts the name of a layer or model."""
    return _SCOPE.fullmatch(name) is not None


def invalid_name(file_name: str, name: str) -> str:
    """Return the sentence about a name that TensorFlow does not accept."""
    return (
        f"{file_name} has a layer or model named {name!r}; TensorFlow accepts only letters, digits and . _ - in such "
        "names: rename the layer and save the model again"
    )
