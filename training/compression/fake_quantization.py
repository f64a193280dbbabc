"""Configuration of tensorflow-model-optimization, so that it rounds weights and activations as the exported file does.

The defaults of the library differ from the exported file in four ways:

- It does not round the weights of a convolution that is followed directly by a ReLU layer: its transform
  `LayerReLUQuantize` removes the convolution's configuration.
- It rounds all channels of a depthwise kernel with one scale.
- All layers share one quantizer, which stops keeping zeros once it has seen a layer without any.
- Layers whose outputs are concatenated lose their zeros and clusters.

`patches` has the changes for which the library has no options. Imported only for quantization-aware training: the
library is slow to load.
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
    """Return the quantization scheme for a folded network, which optionally keeps zeros and clusters."""
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
    # The registries that keep zeros and clusters claim to support layers that their base registry does not support.
    registry.supports = lambda layer: plain.supports(layer) and keeps(layer)
    usual = registry.get_quantize_config

    def with_own_quantizer(layer: Any) -> Any:
        config = usual(layer)
        if hasattr(config, "weight_quantizer"):
            config.weight_quantizer = copy(config.weight_quantizer)
        return config

    registry.get_quantize_config = with_own_quantizer
    known.get_quantize_registry = lambda: registry
    known.get_layout_transformer = lambda: _Layout(registry)
    return known


def annotated(layer: Any, scheme: Any) -> Any:
    """Return the layer annotated for quantization, or the layer itself if the scheme does not support it."""
    import tf_keras

    if not scheme.get_quantize_registry().supports(layer):
        return layer
    if type(layer) is tf_keras.layers.DepthwiseConv2D and layer.depth_multiplier == 1:
        return _quantization.quantize_annotate_layer(layer, DepthwiseConfig())
    if type(layer) is tf_keras.layers.Activation:  # the library supports only some activation functions here
        config = default_8bit_quantize_configs.Default8BitOutputQuantizeConfig()
        return _quantization.quantize_annotate_layer(layer, config)
    return _quantization.quantize_annotate_layer(layer)


class DepthwiseWeights(default_8bit_quantizers.Default8BitConvWeightsQuantizer):  # type: ignore[misc]
    """Quantizes a depthwise kernel (height, width, channels, 1) with one scale for each channel."""

    def build(self, tensor_shape: Any, name: str, layer: Any) -> Any:
        """Return the range variables, one pair for each channel."""
        return super().build([*tensor_shape[:2], tensor_shape[3], tensor_shape[2]], name, layer)

    def __call__(self, inputs: Any, training: Any, weights: Any, **kwargs: Any) -> Any:
        """Return the rounded kernel."""
        turned = super().__call__(tf.transpose(inputs, (0, 1, 3, 2)), training, weights, **kwargs)
        return tf.transpose(turned, (0, 1, 3, 2))


class DepthwiseConfig(default_8bit_quantize_registry.Default8BitQuantizeConfig):  # type: ignore[misc]
    """Quantization of a depthwise convolution."""

    def __init__(self) -> None:
        """Quantize the kernel and the output."""
        super().__init__(["depthwise_kernel"], ["activation"], False)
        self.weight_quantizer = DepthwiseWeights()

    @classmethod
    def from_config(cls, config: Any) -> DepthwiseConfig:
        """Return a new configuration."""
        return cls()


class _BeforeReLU(transforms.Transform):  # type: ignore[misc]
    """Rounds the output of a ReLU, not its input: runtimes fuse the ReLU with the layer before it."""

    def pattern(self) -> Any:
        """Match a ReLU layer after a linear layer with weights."""
        linear = transforms.LayerPattern("Conv2D|DepthwiseConv2D|Dense", config={"activation": "linear"})
        return transforms.LayerPattern("ReLU", inputs=[linear])

    def replacement(self, match_layer: Any) -> Any:
        """Turn off the rounding of the linear layer's output, and keep that of its weights."""
        match_layer.input_layers[0].layer["config"]["activation"] = quantize_utils.serialize_activation(
            quantize_aware_activation.NoOpActivation(), use_legacy_format=True
        )
        return match_layer

    def custom_objects(self) -> Any:
        """Return the classes that the new configuration refers to."""
        return {"NoOpActivation": quantize_aware_activation.NoOpActivation, **OWN}


class _AddBeforeReLU(default_8bit_transforms.LayerReLUQuantize):  # type: ignore[misc]
    """Rounds the output of a ReLU after an Add layer, not its input."""

    def pattern(self) -> Any:
        """Match a ReLU layer after an Add layer."""
        return transforms.LayerPattern("ReLU", inputs=[transforms.LayerPattern("Add")])


class _Layout(quantize_layout_transform.QuantizeLayoutTransform):  # type: ignore[misc]
    """The layout transforms for a network without batch norms."""

    def __init__(self, registry: Any) -> None:
        """Use the quantizers of `registry`, which keep zeros and clusters."""
        self._registry = registry

    def apply(self, model: Any, layer_quantize_map: Any) -> Any:
        """Return the transformed network, and the quantization configuration of each layer."""
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
