"""Converts a layer of Keras 3 to the layer of tf_keras with the same class name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras
    import tf_keras


class BridgeError(Exception):
    """A model cannot be converted; the message names the reason."""


# Keys of layer configurations that tf_keras does not know and does not need.
_UNKNOWN = (
    "build_config",
    "quantization_config",
    "lora_rank",
    "lora_alpha",
    "renorm",
    "input_spec",
    "optional",
    "data_format",
)
_RENAMED = {"LeakyReLU": {"negative_slope": "alpha"}}


def converted_layer(layer: keras.Layer) -> tf_keras.layers.Layer:
    """Return a tf_keras layer with the class, name and configuration of `layer`, but its own weights.

    Raises:
        BridgeError: tf_keras has no such layer, or cannot create it.
    """
    import tf_keras

    kind = type(layer).__name__
    counterpart = getattr(tf_keras.layers, kind, None)
    if counterpart is None or not type(layer).__module__.startswith("keras."):
        raise BridgeError(f"tf_keras has no layer {kind} ({layer.name})")
    try:
        config = _config(layer, _RENAMED.get(kind, {}))
    except NotImplementedError as error:
        raise BridgeError(f"the layer {layer.name} does not implement get_config") from error
    try:
        return counterpart.from_config(config)
    except (TypeError, ValueError, KeyError) as error:
        first = next(iter(str(error).splitlines()), type(error).__name__)
        raise BridgeError(f"tf_keras cannot create the layer {layer.name} ({kind}): {first}") from error


def _config(layer: keras.Layer, renamed: Mapping[str, str]) -> dict[str, Any]:
    config = {renamed.get(key, key): _plain(value) for key, value in layer.get_config().items() if key not in _UNKNOWN}
    config["dtype"] = layer.compute_dtype
    config |= {key: "zeros" for key in config if key.endswith("_initializer")}  # the weights are copied later
    if hasattr(layer, "data_format"):
        config["data_format"] = layer.data_format
    if "activation" in config:
        config["activation"] = _activation(layer)
    return config


def _plain(value: Any) -> Any:
    """Return the configuration of an initializer, regularizer or constraint without the module path of its class."""
    if isinstance(value, dict) and "class_name" in value:
        return {"class_name": value["class_name"], "config": _plain(value.get("config") or {})}
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    return value


def _activation(layer: keras.Layer) -> Callable[..., Any] | str:
    """Return the name of the activation, or a function if tf_keras computes it differently."""
    name = getattr(layer.activation, "__name__", type(layer.activation).__name__)
    return _changed().get(name, name)


@cache
def _changed() -> dict[str, Callable[..., Any]]:
    """Return activations of Keras 3 that differ in tf_keras, by name, registered so that layers can be serialized."""
    import tensorflow as tf
    import tf_keras

    register = tf_keras.utils.register_keras_serializable("keras3")

    def hard_sigmoid(x: tf.Tensor) -> tf.Tensor:
        return tf.nn.relu6(x + 3) / 6  # tf_keras: clip(0.2 x + 0.5, 0, 1)

    def hard_silu(x: tf.Tensor) -> tf.Tensor:
        return x * tf.nn.relu6(x + 3) / 6

    def relu6(x: tf.Tensor) -> tf.Tensor:
        return tf.nn.relu6(x)

    def silu(x: tf.Tensor) -> tf.Tensor:
        return tf.nn.silu(x)

    return {function.__name__: register(function) for function in (hard_sigmoid, hard_silu, relu6, silu)}
