"""The layers, inputs and outputs that a model's configuration names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

INPUT = "InputLayer"
INNER_MODELS = ("Functional", "Sequential")
_SHAPES = ("batch_shape", "batch_input_shape")  # of Keras 3 and of Keras 2


@dataclass(frozen=True, kw_only=True)
class StoredInput:
    """An input of a model.

    Attributes:
        name: of its input layer.
        shape: without the batch; None where a size is not fixed.
        dtype: type of the numbers.
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: str


@dataclass(frozen=True, kw_only=True)
class StoredLayer:
    """A layer of a model.

    Attributes:
        name: as Keras shows it; behind the names of the models that it is in: "backbone/conv1".
        kind: name of its class.
        settings: its configuration.
        built_for: shape of its input with the batch, if it is stored.
    """

    name: str
    kind: str
    settings: Mapping[str, Any]
    built_for: tuple[int | None, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class StoredModel:
    """What a configuration says about a model.

    Attributes:
        kind: name of the class: Functional, Sequential or one of the user's.
        layers: of the model and of the models in it, in the order of the file; empty if the class is the user's.
        inputs: empty if they are not stored.
        outputs: names of the layers that compute the outputs; empty if they are not stored.
        name: of the model.
        inner: names of the classes of the models in it, by their names.
    """

    kind: str
    layers: tuple[StoredLayer, ...]
    inputs: tuple[StoredInput, ...]
    outputs: tuple[str, ...]
    name: str = ""
    inner: Mapping[str, str] = field(default_factory=dict)

    def layer_names(self) -> set[str]:
        """Return the names by which a user may mean a layer: with and without the models that it is in."""
        return {name for layer in self.layers for name in (layer.name, layer.name.rpartition("/")[2])}


def stored_model(config: Mapping[str, Any]) -> StoredModel:
    """Return what a configuration of Keras 2 or 3 says; whatever it does not say is left empty."""
    settings = _mapping(config.get("config"))
    inner: dict[str, str] = {}
    layers = tuple(_layers(config, "", inner))
    return StoredModel(
        kind=str(config.get("class_name", "")),
        layers=layers,
        inputs=_inputs(settings, layers),
        outputs=_outputs(settings, layers),
        name=str(settings.get("name", "")),
        inner=inner,
    )


def _layers(config: Mapping[str, Any], prefix: str, found: dict[str, str]) -> Iterator[StoredLayer]:
    """Yield the layers of a model, and in place of a model in it the layers of that; note the latter in `found`."""
    for record in _records(config):
        settings = _mapping(record.get("config"))
        name = f"{prefix}{settings.get('name', record.get('name', ''))}"
        inner = _records(record)
        if inner:
            found[name] = str(record.get("class_name", ""))
            yield from _layers(record, f"{name}/", found)
            continue
        shape = _mapping(record.get("build_config")).get("input_shape")
        yield StoredLayer(
            name=name, kind=str(record.get("class_name", "")), settings=settings, built_for=_sizes(shape) or None
        )


def _records(config: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the records of the layers of a model; a Sequential of the first versions of Keras is a bare list."""
    settings = config.get("config")
    found = settings if isinstance(settings, list) else _mapping(settings).get("layers")
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def _inputs(settings: Mapping[str, Any], layers: Sequence[StoredLayer]) -> tuple[StoredInput, ...]:
    names = _ends(settings.get("input_layers"))
    outer = [layer for layer in layers if "/" not in layer.name]
    chosen = [layer for layer in outer if layer.name in names] if names else outer[:1]
    chosen.sort(key=lambda layer: names.index(layer.name) if layer.name in names else 0)
    found = [(layer, _first(layer.settings, _SHAPES)) for layer in chosen]
    return tuple(
        StoredInput(name=layer.name, shape=_sizes(shape)[1:], dtype=_dtype(layer.settings))
        for layer, shape in found
        if isinstance(shape, list) and shape
    )


def _outputs(settings: Mapping[str, Any], layers: Sequence[StoredLayer]) -> tuple[str, ...]:
    names = _ends(settings.get("output_layers"))
    return names or tuple(layer.name for layer in layers[-1:] if layer.kind != INPUT)


def _ends(value: Any) -> tuple[str, ...]:
    """Return the names in ["a", 0, 0], [["a", 0, 0], ...] or {"x": ["a", 0, 0]}."""
    if isinstance(value, Mapping):
        return tuple(name for one in value.values() for name in _ends(one))
    if not isinstance(value, list) or not value:
        return ()
    if isinstance(value[0], str):
        return (value[0],)
    return tuple(name for one in value for name in _ends(one))


def _first(settings: Mapping[str, Any], keys: Sequence[str]) -> Any:
    return next((settings[key] for key in keys if settings.get(key) is not None), None)


def _dtype(settings: Mapping[str, Any]) -> str:
    """Return the type, which the layers of Keras 3 store as a policy."""
    dtype = settings.get("dtype")
    name = _mapping(_mapping(dtype).get("config")).get("name") if isinstance(dtype, Mapping) else dtype
    return str(name or "float32")


def _sizes(shape: Any) -> tuple[int | None, ...]:
    if not isinstance(shape, list):
        return ()
    return tuple(size if isinstance(size, int) else None for size in shape)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
