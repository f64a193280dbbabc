"""Say in one sentence why LiteRT does not load a file."""

from __future__ import annotations

import re

import numpy as np

from export.formats.tflite import flatbuffer
from export.formats.tflite.layers import weighing

# XNNPACK multiplies sums of integers by input scale x weight scale / output scale, which must be below this number.
# Raw features of very different scale exceed it: large inputs, and large weights for the small ones among them.
LARGEST_MULTIPLIER = 256.0
MOST_CHARACTERS = 200
_UNRESOLVED = re.compile(r"unresolved custom op: (\S+?)\.?\s")
_ON_NPU = "ethos-u"  # Vela's operator, of which only the NPU's driver has the kernel


def refusal(content: bytes, error: Exception) -> str:
    """Return the sentence about a file that LiteRT does not load because of `error`."""
    if found := _too_large(flatbuffer.read(content)):
        return (
            f"LiteRT's kernels cannot compute {' and '.join(found)} in integers, because inputs or weights are of very "
            f"different scale; type --raise {found[0]} --io float32, or --precision w8a32"
        )
    text = re.sub(r"\s+", " ", str(error)).strip() or type(error).__name__
    if unresolved := _UNRESOLVED.search(text):
        if unresolved[1] == _ON_NPU:
            return "it was compiled for an Ethos-U, which alone runs it; give the file that it was compiled from"
        return f"LiteRT has no operator {unresolved[1]}, which an application has to bring; give a file without it"
    return f"LiteRT does not load the file ({text[:MOST_CHARACTERS]}); type another --precision, or --format onnx"


def _too_large(model: flatbuffer.Model) -> list[str]:
    """Return the names of layers whose integers XNNPACK does not support."""
    subgraph = model.subgraphs[0]
    found = []
    for layer in weighing(model):
        result = subgraph.tensors[subgraph.operators[layer.position].outputs[0]]
        source, weights, made = (_scales(one) for one in (layer.source, layer.weights, result))
        if source is None or weights is None or made is None:
            continue
        if float(source.max() * weights.max() / made.min()) >= LARGEST_MULTIPLIER:
            found.append(_layer(result.name.decode()))
    return found


def _scales(tensor: object) -> np.ndarray | None:
    scale = getattr(getattr(tensor, "quantization", None), "scale", None)
    return np.asarray(scale, np.float64) if scale is not None and len(scale) else None


def _layer(name: str) -> str:
    """Return the layer of a tensor, "first" for "model/first_1/Relu;model/first_1/BiasAdd"."""
    scopes = name.split(";")[-1].split("/")
    # The model is called a second time for the conversion, which numbers its layers.
    return scopes[-2].removesuffix("_1") if len(scopes) > 1 else name
