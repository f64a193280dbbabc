"""Turn the rounding of a model that was trained with rounding off, so that it can be compared with its floats."""

from __future__ import annotations

from typing import Any

from export.model.loading.keras2.wrappers.known import is_of_library


def turn_rounding_off(model: Any) -> bool:
    """Let the QuantizeLayers and wrappers of a tf_keras model pass on what they round; return whether it has any."""
    found = False
    for layer in model._flatten_layers():
        kind = type(layer).__name__ if is_of_library(layer) else ""
        if kind == "QuantizeLayer" and layer.quantizer is not None:
            layer.quantizer, found = _as_it_is, True
        if not kind.startswith("QuantizeWrapper"):
            continue
        found = True
        layer._weight_vars = [(weight, _as_it_is, ranges) for weight, _, ranges in layer._weight_vars]
        for activation in layer._quantize_activations:
            activation.quantizer = _as_it_is
        layer._output_quantizers = [_as_it_is for _ in layer._output_quantizers or ()]
    return found


def _as_it_is(values: Any, training: Any, weights: Any) -> Any:
    """Return the values; takes the arguments of a quantizer."""
    return values
