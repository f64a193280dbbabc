"""Convert a functional or Sequential tf_keras model to a functional Keras 3 model, call by call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from export.model.loading.keras2.errors import ConversionError
from export.model.loading.keras2.layers import converted_layer, set_weights
from export.model.loading.keras2.operators import operator

if TYPE_CHECKING:
    import keras
    import tf_keras

_FUNCTIONS = ("TFOpLambda", "SlicingOpLambda")  # the classes of layers that stand for a function of TensorFlow
# Arguments of calls that matter; the others (`mask` in particular) are passed on by Keras itself.
_KEPT_ARGUMENTS = ("initial_state", "attention_mask", "use_causal_mask", "value", "key", "query")


def converted(model: tf_keras.Model) -> keras.Model:
    """Return a Keras 3 model with the layers, names and weights of a tf_keras model.

    Raises:
        ConversionError: the model is neither functional nor Sequential, or a layer has no equivalent.
    """
    return _Conversion().model(model)


class _Conversion:
    """One conversion in progress; a layer that is called twice is converted once."""

    def __init__(self) -> None:
        self._layers: dict[int, Any] = {}

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
        is_first = id(layer) not in self._layers
        if is_first:
            is_model = hasattr(layer, "_nodes_by_depth")
            self._layers[id(layer)] = self.model(layer) if is_model else converted_layer(layer)
        made = self._layers[id(layer)]
        kept = {key: value for key, value in settings.items() if key in _KEPT_ARGUMENTS and value is not None}
        time_major = bool(getattr(layer, "time_major", False))
        if time_major:
            arguments = [keras.ops.swapaxes(arguments[0], 0, 1), *arguments[1:]]
        outputs = made(*arguments, **kept)
        if is_first and not isinstance(made, keras.Model):
            set_weights(layer, made)
        if time_major and layer.return_sequences:
            first, *states = outputs if isinstance(outputs, list | tuple) else [outputs]
            return [keras.ops.swapaxes(first, 0, 1), *states]
        return outputs


def _input_name(tensor: Any) -> str:
    return str(tensor._keras_history.layer.name)
