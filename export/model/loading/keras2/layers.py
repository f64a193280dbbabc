"""Make the Keras 3 layer of a Keras 2 layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from export.model.loading.application_layers import application_layers
from export.model.loading.keras2.errors import ConversionError
from export.model.loading.keras2.settings import translated

if TYPE_CHECKING:
    import keras

    from export.model.loading.keras2.wrappers.bare import Weights


def converted_layer(layer: Any) -> keras.Layer:
    """Return a Keras 3 layer with the class, name and configuration of a tf_keras layer, but its own weights.

    Raises:
        ConversionError: Keras 3 has no such layer, or cannot create it.
    """
    import keras

    kind = type(layer).__name__
    if kind == "Lambda":  # the user has allowed its code, or the file would not have been loaded
        return keras.layers.Lambda(layer.function, arguments=dict(layer.arguments or {}), name=layer.name)
    config = dict(layer.get_config())
    kind, config = _special().get(kind, _unchanged)(kind, config, layer)
    counterpart = getattr(keras.layers, kind, None) or application_layers("keras").get(kind)
    if counterpart is None or not type(layer).__module__.startswith("tf_keras."):
        raise ConversionError(f"Keras 3 has no layer {kind} ({layer.name})")
    try:
        return counterpart.from_config(translated(kind, config))
    except (TypeError, ValueError, KeyError) as error:
        first = next(iter(str(error).splitlines()), type(error).__name__)
        raise ConversionError(f"Keras 3 cannot create the layer {layer.name} ({kind}): {first}") from error


def set_weights(name: str, weights: Callable[[], Weights], target: keras.Layer) -> None:
    """Give a Keras 3 layer the weights of the tf_keras layer `name`.

    Raises:
        ConversionError: the layers have different weights.
    """
    if not target.weights:
        return  # also Normalization, whose statistics are arguments here
    values = weights()
    shapes = [tuple(weight.shape) for weight in target.weights]
    found = [value.shape for value in values]
    if found != shapes:
        raise ConversionError(f"the layer {name} has weights of the shapes {found}, but {shapes} in Keras 3")
    target.set_weights(list(values))


Adaptation = Callable[[str, dict[str, Any], Any], tuple[str, dict[str, Any]]]


def _special() -> Mapping[str, Adaptation]:
    return {
        "Normalization": _normalization,
        "ThresholdedReLU": _thresholded_relu,
        "SyncBatchNormalization": _batch_normalization,
    }


def _unchanged(kind: str, config: dict[str, Any], _: Any) -> tuple[str, dict[str, Any]]:
    return kind, config


def _normalization(kind: str, config: dict[str, Any], layer: Any) -> tuple[str, dict[str, Any]]:
    """Give the statistics as arguments, also those that the layer learned by `adapt`."""
    mean, variance = (np.asarray(values, np.float32).reshape(-1).tolist() for values in (layer.mean, layer.variance))
    return kind, {**config, "mean": mean, "variance": variance}


def _thresholded_relu(_: str, config: dict[str, Any], layer: Any) -> tuple[str, dict[str, Any]]:
    return "ReLU", {"name": config["name"], "dtype": config["dtype"], "threshold": float(layer.theta)}


def _batch_normalization(_: str, config: dict[str, Any], __: Any) -> tuple[str, dict[str, Any]]:
    return "BatchNormalization", {key: value for key, value in config.items() if key != "synchronized"}
