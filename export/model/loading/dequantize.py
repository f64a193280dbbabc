"""Take the weights of a layer that `keras.Model.quantize` quantized back to floats."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo.errors import UsageProblemError

_MODES = ("int8", "int4", "float8")
_KINDS = ("Dense", "EinsumDense", "Embedding")


def is_quantized(layer: Any) -> bool:
    """Return whether `keras.Model.quantize` quantized the layer."""
    return getattr(layer.dtype_policy, "quantization_mode", None) is not None


def check(name: str, layer: Any) -> None:
    """Check that the weights of a layer can be taken back to floats.

    Raises:
        UsageProblemError: its kind or quantization is not known here; `name` is the file's.
    """
    for one in layer._flatten_layers():
        mode = getattr(one.dtype_policy, "quantization_mode", None)
        if mode is not None and (mode != "int8" or type(one).__name__ not in _KINDS or one.lora_enabled):
            raise UsageProblemError(
                f"{name} was quantized by Keras: the {mode} weights of the layer {one.name!r} "
                f"({type(one).__name__}) cannot be taken back to floats; export the model as it was before "
                "model.quantize, with --precision int8"
            )


def copy_weights(source: Any, target: Any) -> None:
    """Give a float layer the weights that an int8 layer computes with: integers divided by their scale."""
    if type(source).__name__ == "Embedding":
        table = np.asarray(source._embeddings, np.float32) / np.asarray(source.embeddings_scale, np.float32)[:, None]
        target.set_weights([table])
        return
    scale = source.kernel_scale
    if type(source).__name__ == "EinsumDense":
        scale = source._adjust_scale_for_dequant(scale)
    weights = [np.asarray(source._kernel, np.float32) / np.asarray(scale, np.float32)]
    if source.bias is not None:
        weights.append(np.asarray(source.bias, np.float32))
    target.set_weights(weights)
