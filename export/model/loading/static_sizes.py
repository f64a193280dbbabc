"""Give a model static sizes: files have a fixed shape of every input, with a batch of 1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from calibration.sources import arrays
from export.errors import PassRefusedError
from export.model import graph, signature
from export.model.loading.given_shapes import Shape, check, in_words, named
from zoo.errors import UsageProblemError

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Where the unknown sizes of a model's inputs come from.

    Attributes:
        given: shapes with a batch of 1, by input name; the name "" stands for the only input.
        data: an .npz or .npy whose rows have the sizes that are not given; None if there is none.
    """

    given: Mapping[str, Shape] = field(default_factory=dict)
    data: Path | None = None


def with_static_sizes(name: str, model: keras.Model, sizes: Sizes) -> tuple[keras.Model, tuple[str, ...]]:
    """Return the model with a batch of any size and static other sizes, and notes about what was changed.

    A model that is so already is returned unchanged, and so is one with an unknown size that nothing gives.

    Args:
        name: of the model's file, for messages.
        model: functional model.
        sizes: the sizes.

    Raises:
        UsageProblemError: a given shape does not fit, or the model does not work with the sizes.
    """
    wanted = _wanted(name, model, sizes)
    old = {name: tuple(tensor.shape) for name, tensor in zip(signature.names(model)[0], model.inputs, strict=True)}
    if wanted == old:
        return model, ()

    def new_input(tensor: Any) -> Any:
        import keras

        own = tensor._keras_history.operation.name
        return keras.Input(batch_shape=wanted[own], dtype=tensor.dtype, name=own)

    try:
        new, _ = graph.copy(model, lambda _: None, new_input)
    except PassRefusedError as error:
        listed = ", ".join(f"{one}={in_words(shape)}" for one, shape in wanted.items() if shape != old[one])
        raise UsageProblemError(f"{name} does not work with the input {listed}: {error}") from error
    return new, tuple(_note(one, old[one], shape) for one, shape in wanted.items() if shape != old[one])


def _wanted(name: str, model: keras.Model, sizes: Sizes) -> dict[str, tuple[int | None, ...]]:
    """Return the shapes of all inputs, with the batch None, as far as they are known."""
    inputs = dict(zip(signature.names(model)[0], model.inputs, strict=True))
    given = named(sizes.given, list(inputs))
    rows = _rows(sizes, inputs)
    found: dict[str, tuple[int | None, ...]] = {}
    for one, tensor in inputs.items():
        shape = tuple(tensor.shape)
        if one in given:
            check(name, one, shape, given[one], f"--set-input {one}={in_words(given[one])}")
            shape = given[one]
        elif None in shape[1:] and one in rows:
            row = rows[one]
            check(name, one, shape, (1, *row), sizes.data.name if sizes.data else "")
            shape = (1, *row)
        found[one] = (None, *shape[1:])
    return found


def _rows(sizes: Sizes, inputs: Mapping[str, Any]) -> dict[str, Shape]:
    """Return the shapes of the rows of the data, by input name; empty if no size is missing."""
    if sizes.data is None or all(None not in tensor.shape[1:] for tensor in inputs.values()):
        return {}
    rows = {one: spec.shape for one, spec in arrays.row_specs(sizes.data).items()}
    if len(rows) == 1 and len(inputs) == 1:
        return dict.fromkeys(inputs, next(iter(rows.values())))
    return rows


def _note(one: str, old: tuple[int | None, ...], new: tuple[int | None, ...]) -> str:
    if old[1:] == new[1:]:
        return f"the input {one!r} has a batch of {old[0]} in Keras, and of 1 in the files"
    return f"the input {one!r} has the shape {old} in Keras, and {(1, *new[1:])} in the files"
