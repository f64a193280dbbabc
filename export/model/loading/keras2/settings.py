"""Translate the configuration of a Keras 2 layer to the arguments of the Keras 3 layer of the same kind."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from export.model.loading.application_layers import application_layers
from export.model.loading.keras2.errors import ConversionError

# Arguments that Keras 3 does not have, or not for every layer: whatever their value, the outputs are the same.
_WITHOUT_EFFECT = {
    "batch_input_shape",
    "build_config",
    "fused",
    "implementation",
    "input_length",
    "input_shape",
    "input_spec",
    "key_shape",
    "noise_shape",
    "query_shape",
    "rng_type",  # of random layers, when tf_keras uses generators
    "seed",
    "time_major",  # `export.model.loading.keras2.convert` transposes around the layer
    "trainable",
    "value_shape",
    "vocabulary_size",
}
_RENAMED: Mapping[str, Mapping[str, str]] = {"LeakyReLU": {"alpha": "negative_slope"}}
_ACTIVATIONS = ("activation", "recurrent_activation")
_TRAINING_ONLY = ("_initializer", "_regularizer", "_constraint")


def translated(kind: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration for Keras 3 of a Keras 2 layer of class `kind`.

    Initializers, regularizers and constraints are left out: the weights are copied afterwards.

    Raises:
        ConversionError: an argument has no equivalent in Keras 3.
    """
    found: dict[str, Any] = {}
    for key, value in config.items():
        name = _RENAMED.get(kind, {}).get(key, key)
        if name not in defaults("keras", kind):
            _check_gone(kind, key, value)
        elif key.endswith(_TRAINING_ONLY):
            found[key] = "zeros" if key.endswith("_initializer") else None
        elif key in _ACTIVATIONS:
            found[key] = _activation(value)
        else:
            found[name] = plain(value)
    if "dtype" in found:
        found["dtype"] = _float32(found["dtype"])
    if kind == "BatchNormalization":
        found["axis"] = _one_axis(found.get("axis", -1))
    return found


def plain(value: Any) -> Any:
    """Return a value as plain data; serialized layers inside of it are translated."""
    if isinstance(value, Mapping) and "class_name" in value and isinstance(value.get("config"), Mapping):
        return _serialized(value["class_name"], value["config"])
    if isinstance(value, Mapping):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(plain(one) for one in value) if type(value) in (list, tuple) else [plain(v) for v in value]
    return value.numpy().tolist() if hasattr(value, "numpy") else value


def _serialized(kind: str, config: Mapping[str, Any]) -> dict[str, Any]:
    import keras

    if "Policy" in kind:
        return {"module": "keras", "class_name": "DTypePolicy", "config": {"name": config["name"]}}
    if not hasattr(keras.layers, kind):
        raise ConversionError(f"Keras 3 has no layer {kind}")
    return {"module": "keras.layers", "class_name": kind, "config": translated(kind, config), "registered_name": None}


def _check_gone(kind: str, key: str, value: Any) -> None:
    """Refuse an argument that Keras 3 does not have, unless it changes nothing: at the value that it has by default."""
    if key in _WITHOUT_EFFECT or key.endswith(_TRAINING_ONLY):
        return
    before = defaults("tf_keras", kind)
    if key not in before or value not in (before[key], None):
        raise ConversionError(f"Keras 3 has no argument {key}={value!r} of {kind}")


@cache
def defaults(library: str, kind: str) -> Mapping[str, Any]:
    """Return the arguments of a layer class, with those that it passes on to its base classes, and their defaults."""
    found: dict[str, Any] = {}
    layers = importlib.import_module(library).layers
    layer: type[Any] = getattr(layers, kind, None) or application_layers(library)[kind]
    for base in layer.__mro__:
        if "__init__" not in vars(base):
            continue
        parameters = inspect.signature(vars(base)["__init__"]).parameters.values()
        found = {**{one.name: one.default for one in parameters}, **found}
        if all(one.kind is not one.VAR_KEYWORD for one in parameters):
            break
    return found


def _float32(dtype: Any) -> Any:
    """Return float32 for every float type and policy; other types are kept."""
    name = dtype["config"]["name"] if isinstance(dtype, Mapping) else str(dtype)
    return "float32" if "float" in name else name


def _one_axis(axis: Any) -> int:
    axes = list(axis) if isinstance(axis, list | tuple) else [axis]
    if len(axes) != 1:
        raise ConversionError(f"Keras 3 has no BatchNormalization over the axes {axes}")
    return int(axes[0])


def _activation(value: Any) -> Any:
    """Return the activation for Keras 3: a name, a function or a serialized layer."""
    if isinstance(value, str):
        return changed_activations().get(value, value)
    if isinstance(value, Mapping) and isinstance(value.get("config"), str):  # a function of Keras 2
        return changed_activations().get(value["config"], value["config"])
    return plain(value)


def changed_activations() -> dict[str, Callable[..., Any]]:
    """Return activations of Keras 2 that Keras 3 computes otherwise, registered so that layers can be copied."""
    import keras

    # On every call: a program may clear the registry.
    return {"hard_sigmoid": keras.saving.register_keras_serializable("keras2", "hard_sigmoid")(_hard_sigmoid())}


@cache
def _hard_sigmoid() -> Callable[..., Any]:
    from keras import ops

    def hard_sigmoid(x: Any) -> Any:
        return ops.clip(0.2 * x + 0.5, 0.0, 1.0)  # Keras 3: relu6(x + 3) / 6

    return hard_sigmoid
