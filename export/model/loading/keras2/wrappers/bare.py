"""The layer inside of a wrapper of tensorflow-model-optimization, with the weights that the wrapper computes with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from export.model.loading.keras2.wrappers.known import is_of_library

if TYPE_CHECKING:
    from calibration.samples import Array

    Weights = Sequence[Array]


@dataclass(frozen=True, kw_only=True)
class Bare:
    """A layer without its wrapper.

    Attributes:
        layer: tf_keras layer, whose own weights may be missing or others.
        weights: returns those to compute with, in the order of the layer's.
    """

    layer: Any
    weights: Callable[[], Weights]


def bare(layer: Any) -> Bare | None:
    """Return a layer without wrapper; None for a layer that only rounds its inputs.

    A layer that has no wrapper is returned as it is.
    """
    if not is_of_library(layer):
        return Bare(layer=layer, weights=layer.get_weights)
    kind = type(layer).__name__
    return None if kind == "QuantizeLayer" else _STRIPS[kind](layer)


def _annotated(wrapper: Any) -> Bare:
    """Return the layer of a QuantizeAnnotate, which only marks it."""
    return Bare(layer=wrapper.layer, weights=wrapper.layer.get_weights)


def _pruned(wrapper: Any) -> Bare:
    """Return the layer with zeros where the mask of the wrapper has them, also if training ended between two masks."""
    wrapper.pruning_obj.weight_mask_op()
    return Bare(layer=wrapper.layer, weights=wrapper.layer.get_weights)


def _clustered(wrapper: Any) -> Bare:
    """Return the layer with the nearest cluster in place of every weight."""
    wrapper.update_clustered_weights_associations()

    def weights() -> Weights:
        found: list[Array] = wrapper.layer.get_weights()  # those without clusters: tensors have replaced the others
        for position, name in sorted(wrapper.position_original_weights.items()):
            found.insert(position, np.asarray(wrapper.get_weight_from_layer(name)))
        return found

    return Bare(layer=wrapper.layer, weights=weights)


def _rounded(wrapper: Any) -> Bare:
    """Return the layer with its weights before rounding and its own activations."""
    import tf_keras

    activations = [one.activation for one in wrapper._quantize_activations]
    wrapper.quantize_config.set_quantize_activations(
        wrapper.layer,
        [tf_keras.activations.linear if type(one).__name__ == "NoOpActivation" else one for one in activations],
    )
    floats = [weight for weight, _, _ in wrapper._weight_vars]

    def weights() -> Weights:
        # Tensors have replaced the rounded ones; those that are not rounded, biases, are the last in every layer.
        return [*(weight.numpy() for weight in floats), *wrapper.layer.get_weights()]

    return Bare(layer=wrapper.layer, weights=weights)


_STRIPS: Mapping[str, Callable[[Any], Bare]] = {
    "PruneLowMagnitude": _pruned,
    "ClusterWeights": _clustered,
    "ClusterWeightsRNN": _clustered,
    "ClusterWeightsMHA": _clustered,
    "QuantizeAnnotate": _annotated,
    "QuantizeWrapper": _rounded,
    "QuantizeWrapperV2": _rounded,
}
