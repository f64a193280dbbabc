"""Mixed precision: the tensors of a float file that belong to Keras layers kept in higher precision."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING

from export.model.graph import Graph, functional, names_in_copy
from export.model.layer_outputs import layer_of
from export.quantization.tensor_map import Attribution
from export.recipe import Width
from zoo.errors import UsageProblemError, unknown

if TYPE_CHECKING:
    import keras


def check(model: keras.Model, raised: Mapping[str, Width]) -> None:
    """Refuse names of layers that the model does not have, before any work.

    Raises:
        UsageProblemError: a layer does not exist; the message suggests the nearest name.
    """
    known = known_names(model) if raised else set()
    for name in raised:
        if name not in known:
            raise unknown("layer", name, known)


def known_names(model: keras.Model) -> set[str]:
    """Return the names by which a user may mean the layers of a model, and operators between them."""
    return {*_layer_names(model), *names_in_copy(functional(model)).values()}


def tensors(
    raised: Mapping[str, Width],
    attributions: Mapping[str, Attribution],
    paths: Mapping[str, str],
    optional: Collection[str] = (),
) -> dict[str, Width]:
    """Return the tensors of the layers in `raised`, by the tensor's name in the float file.

    If the file computes several layers in one operator (a convolution, its batch norm and its ReLU), each of their
    names selects that operator's result; if several of them are given, the widest applies.

    Args:
        raised: widths by the name of the layer in the model or in its copy without inner models.
        attributions: the layer of each tensor of the file.
        paths: paths of layers of inner models ("backbone/conv"), by their names in the copy.
        optional: layers that are left out if the file computes nothing for them.

    Raises:
        UsageProblemError: the file computes nothing for another layer, for example a dropout or a reshaped input.
    """
    found: dict[str, Width] = {}
    for name, width in raised.items():
        wanted = paths.get(name, name)
        meant = [tensor for tensor, attribution in attributions.items() if wanted in _layers(attribution, paths)]
        if not meant and name not in optional:
            raise UsageProblemError(f"--raise {name}: the file computes nothing for this layer; name the one before it")
        for tensor in meant:
            found[tensor] = max(found.get(tensor, width), width, key=list(Width).index)
    return found


def weighted(named: Collection[str], attributions: Mapping[str, Attribution], paths: Mapping[str, str]) -> set[str]:
    """Return the layers with weights whose operators compute the `named` layers, by their names in the copy."""
    names, wanted = {path: name for name, path in paths.items()}, {paths.get(name, name) for name in named}
    layers = {
        layer_of(call)
        for attribution in attributions.values()
        if _layers(attribution, paths) & wanted
        for call in attribution.weighted
    }
    return {names.get(layer, layer) for layer in layers}


def inner_paths(model: keras.Model) -> dict[str, str]:
    """Return the paths of layers of inner models, by their names in a copy without inner models."""
    return {name: path for path, name in names_in_copy(functional(model)).items() if name != path}


def _layers(attribution: Attribution, paths: Mapping[str, str]) -> set[str]:
    calls = attribution.group or (attribution.weighted or filter(None, (attribution.call,)))
    layers = map(layer_of, calls)
    return {paths.get(layer, layer) for layer in layers}


def _layer_names(model: keras.Model, prefix: str = "") -> Iterator[str]:
    """Yield the names of layers and of operators between them, such as "absolute"."""
    for node in Graph(functional(model)).nodes:
        operation = node.operation
        yield prefix + operation.name
        if hasattr(operation, "layers"):
            yield from _layer_names(operation, f"{prefix}{operation.name}/")
