"""The layers inside of a layer, such as the projections of an attention, with names that are the same in every copy."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from export.model.graph import Graph
from export.passes.fitting.products import reason_against, with_bias

if TYPE_CHECKING:
    import keras


def chosen(model: keras.Model) -> tuple[dict[str, keras.Layer], dict[str, str]]:
    """Return the layers whose weights can be replaced, in graph order, and the reasons for the others, by name.

    The name of a layer inside of another one is a path: "attention/query".
    """
    import keras

    found: dict[str, keras.Layer] = {}
    skipped: dict[str, str] = {}
    for layer in {id(node.operation): node.operation for node in Graph(model).nodes}.values():
        if not isinstance(layer, keras.Layer) or not layer.weights:
            continue
        inner = {name: one for name, one in sublayers(layer) if not reason_against_inner(layer, one)}
        if not (reason := reason_against(layer)):
            found[layer.name] = layer
        elif inner:
            found |= inner
        else:
            skipped[layer.name] = reason
    return found, skipped


def sublayers(layer: keras.Layer, path: str = "") -> Iterator[tuple[str, keras.Layer]]:
    """Yield the layers inside of a layer, each before its own, with their paths.

    Keras numbers names without end, "dense_7"; in a path layers of one name are numbered from 2: "block/dense#2".
    """
    counts: Counter[str] = Counter()
    path = path or layer.name
    for one in layer._flatten_layers(include_self=False, recursive=False):
        own = re.sub(r"_\d+$", "", one.name)
        counts[own] += 1
        name = f"{path}/{own}" if counts[own] == 1 else f"{path}/{own}#{counts[own]}"
        yield name, one
        yield from sublayers(one, name)


def reason_against_inner(owner: keras.Layer, layer: keras.Layer) -> str:
    """Return why the passes cannot rewrite the weights of a layer inside of `owner`; an empty string if they can."""
    biased = getattr(layer, "bias", None) is not None or _is_attention(owner)
    return reason_against(layer) or ("" if biased else "the layer has no bias, and its owner gives it none")


def config_with_biases(layer: keras.Layer) -> dict[str, Any]:
    """Return the configuration of a layer of a model, with biases wherever the passes set them."""
    if not reason_against(layer):
        return with_bias(layer)
    return {**layer.get_config(), "use_bias": True} if _is_attention(layer) else dict(layer.get_config())


def _is_attention(layer: keras.Layer) -> bool:
    import keras

    return type(layer) in (keras.layers.MultiHeadAttention, keras.layers.GroupQueryAttention)
