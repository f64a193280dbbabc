"""Convert a functional or Sequential tf_keras model to a functional Keras 3 model, call by call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from export.model.loading.keras2.errors import ConversionError
from export.model.loading.keras2.layers import converted_layer, set_weights
from export.model.loading.keras2.operators import operator
from export.model.loading.keras2.wrappers.bare import bare

if TYPE_CHECKING:
    import keras
    import tf_keras

    from export.model.loading.keras2.wrappers.bare import Weights

_FUNCTIONS = ("TFOpLambda", "SlicingOpLambda")  # the classes of layers that stand for a function of TensorFlow
# Arguments of calls that matter; the others (`mask` in particular) are passed on by Keras itself.
_KEPT_ARGUMENTS = ("initial_state", "attention_mask", "use_causal_mask", "value", "key", "query")


def converted(model: tf_keras.Model) -> keras.Model:
    """Return a Keras 3 model with the layers, names and weights of a tf_keras model.

    Wrappers of tensorflow-model-optimization are left out, with the weights that they compute with in their layers.

    Raises:
        ConversionError: the model is neither functional nor Sequential, or a layer has no equivalent.
    """
    return _Conversion().model(model)


@dataclass(kw_only=True)
class _Made:
    """A Keras 3 layer or model, and the weights that it gets at its first call, which creates its own."""

    source: Any
    target: Any
    weights: Callable[[], Weights] | None = None


class _Conversion:
    """One conversion in progress; a layer that is called twice is converted once."""

    def __init__(self) -> None:
        self._layers: dict[int, _Made | None] = {}

    def model(self, model: Any) -> keras.Model:
        import keras

        if not getattr(model, "_is_graph_network", False):
            raise ConversionError(f"the model is a {type(model).__name__} that is neither functional nor Sequential")
        inputs = [
            keras.Input(batch_shape=tuple(tensor.shape), dtype=tensor.dtype.name, name=_input_name(tensor))
            for tensor in model.inputs
        ]
        known = {id(tensor): new for tensor, new in zip(model.inputs, inputs, strict=True)}
        for depth in sorted(model._nodes_by_depth, reverse=True):
            for node in model._nodes_by_depth[depth]:
                if not node.is_input:
                    self._call(node, known)
        outputs = [known[id(tensor)] for tensor in model.outputs]
        return keras.Model(inputs[0] if len(inputs) == 1 else inputs, outputs, name=model.name)

    def _call(self, node: Any, known: dict[int, Any]) -> None:
        import keras
        import tensorflow as tf

        def new(value: Any) -> Any:
            return known.get(id(value), value)

        arguments = [tf.nest.map_structure(new, one) for one in node.call_args]
        settings = {key: tf.nest.map_structure(new, one) for key, one in node.call_kwargs.items()}
        outputs = keras.tree.flatten(self._outputs(node.layer, arguments, settings))
        known.update({id(old): value for old, value in zip(tf.nest.flatten(node.outputs), outputs, strict=True)})

    def _outputs(self, layer: Any, arguments: list[Any], settings: dict[str, Any]) -> Any:
        import keras

        if type(layer).__name__ in _FUNCTIONS:
            try:
                return operator(layer.symbol, layer.name)(*arguments, **settings)
            except (TypeError, ValueError) as error:
                first = next(iter(str(error).splitlines()), type(error).__name__)
                raise ConversionError(f"Keras 3 cannot call tf.{layer.symbol} as {layer.name} does: {first}") from error
        if settings.get("training"):
            raise ConversionError(f"the model calls {layer.name} with training=True")
        made = self._made(layer)
        if made is None:
            return arguments[0]
        kept = {key: value for key, value in settings.items() if key in _KEPT_ARGUMENTS and value is not None}
        time_major = bool(getattr(made.source, "time_major", False))
        if time_major:
            arguments = [keras.ops.swapaxes(arguments[0], 0, 1), *arguments[1:]]
        outputs = made.target(*arguments, **kept)
        if made.weights is not None:
            set_weights(made.source.name, made.weights, made.target)
            made.weights = None
        if time_major and made.source.return_sequences:
            first, *states = outputs if isinstance(outputs, list | tuple) else [outputs]
            return [keras.ops.swapaxes(first, 0, 1), *states]
        return outputs

    def _made(self, layer: Any) -> _Made | None:
        """Return what a layer becomes, the same whenever it is called; None if it is left out."""
        if id(layer) not in self._layers:
            self._layers[id(layer)] = self._converted(layer)
        return self._layers[id(layer)]

    def _converted(self, layer: Any) -> _Made | None:
        if hasattr(layer, "_nodes_by_depth"):
            return _Made(source=layer, target=self.model(layer))
        inner = bare(layer)
        if inner is None:
            return None
        return _Made(source=inner.layer, target=converted_layer(inner.layer), weights=inner.weights)


def _input_name(tensor: Any) -> str:
    return str(tensor._keras_history.layer.name)
