"""The names, shapes and types of a Keras model's inputs and outputs, as every exported file carries them."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count
from typing import TYPE_CHECKING, Any

from export.model.tensor_spec import TensorSpec
from zoo.errors import UsageProblemError

if TYPE_CHECKING:
    import keras


def inputs(model: keras.Model) -> tuple[TensorSpec, ...]:
    """Return the model's inputs with a static batch of 1, named after their input layers.

    Raises:
        UsageProblemError: another dimension than the batch is unknown.
    """
    specs = []
    # Not the tensors' own names: where the user gave none, they are numbered by a counter of the process.
    for name, tensor in zip(_names(model.inputs), model.inputs, strict=True):
        shape = tuple(tensor.shape[1:])
        if None in shape:
            raise UsageProblemError(
                f"input {name!r} has the shape {tuple(tensor.shape)}: files for devices need every size but the "
                "batch; rebuild the model with fixed sizes, for example keras.Input((224, 224, 3))"
            )
        specs.append(TensorSpec(name=name, shape=(1, *shape), dtype=tensor.dtype))
    return tuple(specs)


def outputs(model: keras.Model) -> tuple[TensorSpec, ...]:
    """Return the model's outputs with a static batch of 1, named after the layers that make them.

    No output has the name of an input, also where it is that input: a file's tensors are known by their names.
    """
    # Not `model.output_names`, which a Sequential model lacks.
    names = _names([*model.inputs, *model.outputs])[len(model.inputs) :]
    return tuple(
        TensorSpec(name=name, shape=(1, *tensor.shape[1:]), dtype=tensor.dtype)
        for name, tensor in zip(names, model.outputs, strict=True)
    )


def names(model: keras.Model) -> tuple[list[str], list[str]]:
    """Return the names of the model's inputs and outputs, whatever their shapes."""
    found = _names([*model.inputs, *model.outputs])
    return _names(model.inputs), found[len(model.inputs) :]


def _names(tensors: Iterable[Any]) -> list[str]:
    """Return the names of the layers that make the tensors, a repeated one with a number behind it."""
    result: list[str] = []
    for name in (tensor._keras_history.operation.name for tensor in tensors):
        free = (f"{name}_{number}" for number in count(2))
        result.append(name if name not in result else next(other for other in free if other not in result))
    return result
