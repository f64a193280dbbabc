"""Rebuild a model in float32: with the same weight values, whatever type it was trained or quantized in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from export.errors import PassRefusedError
from export.model import graph
from export.model.loading import dequantize
from zoo.errors import UsageProblemError

if TYPE_CHECKING:
    import keras

_FLOATS = ("float16", "bfloat16", "float64")
_FLOAT32 = "float32"


def in_float32(name: str, model: keras.Model) -> tuple[keras.Model, tuple[str, ...]]:
    """Return the model with the dtype policy float32 in every layer, and notes about what was changed.

    A model that is so already is returned unchanged.

    Args:
        name: of the model's file, for messages.
        model: functional model.

    Raises:
        UsageProblemError: a layer cannot be rebuilt.
    """
    policies = {layer.dtype_policy.name for layer in model._flatten_layers() if _has_other_floats(layer)}
    if not policies and all(str(tensor.dtype) not in _FLOATS for tensor in (*model.inputs, *model.outputs)):
        return model, ()
    sources: dict[int, Any] = {}

    def replaced(layer: Any) -> Any:
        if not any(_has_other_floats(one) for one in layer._flatten_layers()):
            return None
        dequantize.check(name, layer)
        sources[id(layer)] = layer
        return type(layer).from_config(_float32_config(layer.get_config()))

    try:
        new, others = graph.copy(model, replaced, _float32_input)
        for key, layer in others.items():
            _copy_weights(sources[key], layer)
    except (PassRefusedError, ValueError, TypeError) as error:
        first = next(iter(str(error).splitlines()), type(error).__name__)
        raise UsageProblemError(f"{name} cannot be rebuilt in float32 ({first}); save it in float32") from error
    return new, tuple(_note(name, policy) for policy in sorted(policies) if not policy.startswith("mixed_"))


def _has_other_floats(layer: Any) -> bool:
    policy = layer.dtype_policy
    name = getattr(policy, "name", _FLOAT32)
    return name in _FLOATS or name.startswith("mixed_") or dequantize.is_quantized(layer)


def _float32_input(tensor: Any) -> Any:
    import keras

    dtype = _FLOAT32 if str(tensor.dtype) in _FLOATS else tensor.dtype
    return keras.Input(batch_shape=tensor.shape, dtype=dtype, name=tensor._keras_history.operation.name)


def _float32_config(config: Any) -> Any:
    """Return a layer's configuration with float32 for every dtype policy of floats inside of it."""
    if isinstance(config, Mapping):
        return {
            key: _FLOAT32 if key == "dtype" and _is_float_policy(value) else _float32_config(value)
            for key, value in config.items()
            if key != "quantization_config"
        }
    if isinstance(config, list | tuple):
        return type(config)(_float32_config(one) for one in config)
    return config


def _is_float_policy(value: Any) -> bool:
    if isinstance(value, Mapping):
        inner = value.get("config") or {}
        value = inner.get("name") or inner.get("source_name")
    return "float" in str(value)


def _copy_weights(source: Any, target: Any) -> None:
    """Copy the weights as float32; the statistics of a Normalization, too."""
    for one, other in zip(source._flatten_layers(), target._flatten_layers(), strict=True):
        if dequantize.is_quantized(one):
            dequantize.copy_weights(one, other)
            continue
        state: dict[str, Any] = {}
        one.save_own_variables(state)
        other.load_own_variables({key: _as_float32(np.asarray(value)) for key, value in state.items()})


def _as_float32(values: Any) -> Any:
    return values.astype(np.float32) if str(values.dtype) in _FLOATS else values


def _note(name: str, policy: str) -> str:
    if policy in _FLOATS:
        return f"{name} computes in {policy}; exported, and compared, in float32 with the same weights"
    return (
        f"{name} was quantized by Keras ({policy}); exported, and compared, with its weights taken back to float32 and "
        "float32 activations"
    )
