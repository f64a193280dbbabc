"""What tensorflow-model-optimization must be told, so that it rounds as the exported file does.

Left alone, it rounds no weights of a convolution that a ReLU layer follows with no batch norm between (its transform
`LayerReLUQuantize` takes the convolution's configuration away), and all channels of a depthwise kernel with one step;
one quantizer serves all layers, and stops to keep zeros everywhere once a layer has none; and a layer that is
concatenated loses its zeros and clusters. What can only be changed inside of the library is in `patches`.
Imported only where a network learns 8 bits: the library is slow to load.
"""

from __future__ import annotations

from copy import copy
from typing import Any

import tensorflow as tf
import tensorflow_model_optimization as tfmot
from tensorflow_model_optimization.python.core.quantization.keras import (
    quantize_aware_activation,
    quantize_layout_transform,
)
from tensorflow_model_optimization.python.core.quantization.keras import utils as quantize_utils
from tensorflow_model_optimization.python.core.quantization.keras.default_8bit import (
    default_8bit_quantize_configs,
    default_8bit_quantize_registry,
    default_8bit_quantizers,
    default_8bit_transforms,
)
from tensorflow_model_optimization.python.core.quantization.keras.graph_transformations import (
    model_transformer,
    transforms,
)

_quantization = tfmot.quantization.keras


def scheme(*, keep_zeros: bool, keep_clusters: bool) -> Any:
    """Return how a folded network learns 8 bits, with what it must keep."""
    combine = tfmot.experimental.combine
    if keep_clusters:
        known = combine.Default8BitClusterPreserveQuantizeScheme(preserve_sparsity=keep_zeros)
    elif keep_zeros:
        known = combine.Default8BitPrunePreserveQuantizeScheme()
    else:
        known = _quantization.default_8bit.Default8BitQuantizeScheme()
    registry = known.get_quantize_registry()
    plain = default_8bit_quantize_registry.Default8BitQuantizeRegistry()
    keeps = registry.supports
    # The registries that keep zeros and clusters say that they support what the one below them does not.
    registry.supports = lambda layer: plain.supports(layer) and keeps(layer)
    usual = registry.get_quantize_config

    def with_its_own_quantizer(layer: Any) -> Any:
        config = usual(layer)
        if hasattr(config, "weight_quantizer"):
            config.weight_quantizer = copy(config.weight_quantizer)
        return config

    registry.get_quantize_config = with_its_own_quantizer
    known.get_quantize_registry = lambda: registry
    known.get_layout_transformer = lambda: _Layout(registry)
    return known


def annotated(layer: Any, chosen: Any) -> Any:
    """Return a layer marked for 8 bits, if the scheme `chosen` knows its kind."""
    import tf_keras

    if not chosen.get_quantize_registry().supports(layer):
        return layer
    if type(layer) is tf_keras.layers.DepthwiseConv2D and layer.depth_multiplier == 1:
        return _quantization.quantize_annotate_layer(layer, DepthwiseConfig())
    if type(layer) is tf_keras.layers.Activation:  # of which the library knows only some functions
        config = default_8bit_quantize_configs.Default8BitOutputQuantizeConfig()
        return _quantization.quantize_annotate_layer(layer, config)
    return _quantization.quantize_annotate_layer(layer)


class DepthwiseWeights(default_8bit_quantizers.Default8BitConvWeightsQuantizer):  # type: ignore[misc]
    """A step for each channel of a depthwise kernel (height, width, channels, 1)."""

    def build(self, tensor_shape: Any, name: str, layer: Any) -> Any:
        """Return the variables of the ranges, one pair for each channel."""
        return super().build([*tensor_shape[:2], tensor_shape[3], tensor_shape[2]], name, layer)

    def __call__(self, inputs: Any, training: Any, weights: Any, **kwargs: Any) -> Any:
        """Return the rounded kernel."""
        turned = super().__call__(tf.transpose(inputs, (0, 1, 3, 2)), training, weights, **kwargs)
        return tf.transpose(turned, (0, 1, 3, 2))


class DepthwiseConfig(default_8bit_quantize_registry.Default8BitQuantizeConfig):  # type: ignore[misc]
    """How a depthwise convolution is rounded."""

    def __init__(self) -> None:
        """Round its kernel, and what comes out."""
        super().__init__(["depthwise_kernel"], ["activation"], False)
        self.weight_quantizer = DepthwiseWeights()

    @classmethod
    def from_config(cls, config: Any) -> DepthwiseConfig:
        """Return another."""
        return cls()


class _BeforeReLU(transforms.Transform):  # type: ignore[misc]
    """What a ReLU takes is not rounded before it: runtimes do both in one."""

    def pattern(self) -> Any:
        """Match a ReLU layer behind a linear layer with weights."""
        weighing = transforms.LayerPattern("Conv2D|DepthwiseConv2D|Dense", config={"activation": "linear"})
        return transforms.LayerPattern("ReLU", inputs=[weighing])

    def replacement(self, match_layer: Any) -> Any:
        """Leave the layer its weights' rounding, and take that of its output."""
        match_layer.input_layers[0].layer["config"]["activation"] = quantize_utils.serialize_activation(
            quantize_aware_activation.NoOpActivation(), use_legacy_format=True
        )
        return match_layer

    def custom_objects(self) -> Any:
        """Return what the new configuration names."""
        return {"NoOpActivation": quantize_aware_activation.NoOpActivation, **OWN}


class _AddBeforeReLU(default_8bit_transforms.LayerReLUQuantize):  # type: ignore[misc]
    """The same for a sum, which has no weights to lose."""

    def pattern(self) -> Any:
        """Match a ReLU layer behind a sum."""
        return transforms.LayerPattern("ReLU", inputs=[transforms.LayerPattern("Add")])


class _Layout(quantize_layout_transform.QuantizeLayoutTransform):  # type: ignore[misc]
    """The transforms of a network without batch norms."""

    def __init__(self, registry: Any) -> None:
        """Take from `registry` what keeps zeros and clusters."""
        self._registry = registry

    def apply(self, model: Any, layer_quantize_map: Any) -> Any:
        """Return the network ready for its quantizers, and which layer gets which."""
        library = default_8bit_transforms
        known = [
            library.InputLayerQuantize(),
            library.ConcatTransform6Inputs(),
            library.ConcatTransform5Inputs(),
            library.ConcatTransform4Inputs(),
            library.ConcatTransform3Inputs(),
            library.ConcatTransform(),
            _BeforeReLU(),
            _AddBeforeReLU(),
        ]
        transformer = model_transformer.ModelTransformer(model, known, set(layer_quantize_map), layer_quantize_map)
        new, configs = transformer.transform()
        plain = (
            default_8bit_quantize_registry.Default8BitQuantizeConfig,
            default_8bit_quantize_registry.Default8BitConvQuantizeConfig,
        )
        for layer in new.layers:
            found = configs.get(layer.name, {}).get("quantize_config")
            if type(found) in plain and layer.trainable_weights:
                found.weight_quantizer = self._registry.get_quantize_config(layer).weight_quantizer
        return new, configs


OWN = {
    "DepthwiseConfig": DepthwiseConfig,
    "NoOpQuantizeConfig": default_8bit_quantize_configs.NoOpQuantizeConfig,
}
