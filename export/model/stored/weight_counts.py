"""The number of weights of each layer, from the sizes of the arrays in a model's file."""

from __future__ import annotations

import re
import zipfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from export.model.stored.stored_model import INNER_MODELS, StoredModel

if TYPE_CHECKING:
    import h5py

_MEMBER = "model.weights.h5"
_WHOLE = "model_weights"  # group of an .h5 file that holds a whole model
_SEEDS = "seed_generator"  # state of random layers, which is no weight
_OTHERS = ("optimizer", "optimizer_weights", "metrics", "compile_metrics")


def weight_counts(path: Path, model: StoredModel) -> dict[str, int]:
    """Return the number of weights by layer name; "" has those that belong to no layer of the configuration."""
    import h5py

    if path.suffix == ".keras":
        with zipfile.ZipFile(path) as archive:
            if _MEMBER not in archive.namelist():
                return {}
            with archive.open(_MEMBER) as member, h5py.File(member, "r") as file:
                return _by_class(file, model)
    with h5py.File(path, "r") as file:
        return _by_name(file[_WHOLE], model) if _WHOLE in file else {}


def _by_class(file: h5py.File, model: StoredModel) -> dict[str, int]:
    """Return the counts of a .keras file, whose groups are named after the classes of the layers, numbered."""
    places = _places(model)
    found: Counter[str] = Counter()
    for name, size in _sizes(file).items():
        owner = next((layer for place, layer in places.items() if name.startswith(f"{place}/")), "")
        found[owner] += size
    return dict(found)


def _places(model: StoredModel) -> dict[str, str]:
    """Return the layer of each group: layers of a class are numbered in the order of the model they are in."""
    used: Counter[str] = Counter()
    groups, found = {"": "layers"}, {}
    for layer in model.layers:
        parts = layer.name.split("/")
        for depth in range(1, len(parts) + 1):
            name, outer = "/".join(parts[:depth]), groups["/".join(parts[: depth - 1])]
            kind = layer.kind if depth == len(parts) else model.inner.get(name, INNER_MODELS[0])
            if name in groups:
                continue
            place = f"{outer}/{_snake_case(kind)}"
            number = used[place]
            used[place] += 1
            group = f"{place}_{number}" if number else place
            groups[name] = f"{group}/layers"
            if depth == len(parts):
                found[group] = layer.name
    return found


def _by_name(file: h5py.Group, model: StoredModel) -> dict[str, int]:
    """Return the counts of an .h5 file, whose groups have the names of the outer layers."""
    outer = {layer.name.partition("/")[0] for layer in model.layers}
    found: Counter[str] = Counter()
    for name, size in _sizes(file).items():
        layer = name.partition("/")[0]
        found[layer if layer in outer else ""] += size
    return dict(found)


def _sizes(file: h5py.Group) -> Mapping[str, int]:
    """Return the number of elements of every array of weights, by its path."""
    import h5py

    found: dict[str, int] = {}

    def visit(name: str, member: Any) -> None:
        parts = name.split("/")
        is_weight = isinstance(member, h5py.Dataset) and parts[0] not in _OTHERS and _SEEDS not in parts
        if is_weight:
            found[name] = int(member.size)

    file.visititems(visit)
    return found


def _snake_case(name: str) -> str:
    """Return a class name as Keras writes it in groups: re_lu, conv2d, batch_normalization."""
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
