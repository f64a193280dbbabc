"""The names, shapes and types of a Keras model's inputs and outputs, as every exported file carries them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from export.targets.session import TensorSpec
from zoo.errors import UsageProblemError

if TYPE_CHECKING:
    import keras


def inputs(model: keras.Model) -> tuple[TensorSpec, ...]:
    """Return the model's inputs with a static batch of 1.

    Raises:
        UsageProblemError: another dimension than the batch is unknown.
    """
    specs = []
    for name, tensor in zip(_unique(tensor.name for tensor in model.inputs), model.inputs, strict=True):
        shape = tuple(tensor.shape[1:])
        if None in shape:
            raise UsageProblemError(
                f"input {name!r} has the shape {tuple(tensor.shape)}: files for devices need every size but the "
                "batch; rebuild the model with fixed sizes, for example keras.Input((224, 224, 3))"
            )
        specs.append(TensorSpec(name=name, shape=(1, *shape), dtype=tensor.dtype))
    return tuple(specs)


def outputs(model: keras.Model) -> tuple[TensorSpec, ...]:
    """Return the model's outputs with a static batch of 1, named after the layers that make them."""
    # Not `model.output_names`, which a Sequential model lacks.
    names = _unique(tensor._keras_history.operation.name for tensor in model.outputs)
    return tuple(
        TensorSpec(name=name, shape=(1, *tensor.shape[1:]), dtype=tensor.dtype)
        for name, tensor in zip(names, model.outputs, strict=True)
    )


def _unique(names: Iterable[str]) -> list[str]:
    """Return the names, a repeated one with a number behind it."""
    seen: dict[str, int] = {}
    result = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        result.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return result
