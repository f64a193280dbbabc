"""Names, shapes and types of a Keras model's inputs and outputs, as in every exported file."""

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
        UsageProblemError: a dimension other than the batch is unknown.
    """
    specs = []
    # Tensor names are unsuitable: Keras numbers unnamed tensors by a counter of the process.
    for name, tensor in zip(_names(model.inputs), model.inputs, strict=True):
        shape = tuple(tensor.shape[1:])
        if None in shape:
            raise UsageProblemError(
                f"input {name!r} has the shape {tuple(tensor.shape)}, and exported files need fixed sizes: type them, "
                f"--set-input {name}={_example(shape)}, or give --calibration an .npz or .npy whose rows have them"
            )
        specs.append(TensorSpec(name=name, shape=(1, *shape), dtype=tensor.dtype))
    return tuple(specs)


def _example(shape: tuple[int | None, ...]) -> str:
    """Return a shape to type: 1,224,224,3 for an image, 1,128,4 for a series."""
    unknown = 224 if len(shape) == 3 else 128
    return ",".join(str(size or unknown) for size in (1, *shape))


def outputs(model: keras.Model) -> tuple[TensorSpec, ...]:
    """Return the model's outputs with a static batch of 1, named after the layers that compute them.

    No output has the name of an input, not even an output that is an input, because files identify tensors by name.
    """
    # A Sequential model has no `output_names`.
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
    """Return the names of the layers that compute the tensors; repeated names get a numeric suffix."""
    result: list[str] = []
    for name in (tensor._keras_history.operation.name for tensor in tensors):
        free = (f"{name}_{number}" for number in count(2))
        result.append(name if name not in result else next(other for other in free if other not in result))
    return result
