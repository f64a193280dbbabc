"""Give a subclassed model inputs: call it with symbolic tensors of the shapes of the calibration data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from calibration.inputs import InputSpec
from calibration.sources import arrays
from export.model.loading.given_shapes import Shape
from export.model.loading.static_sizes import Sizes
from zoo.errors import UsageProblemError

if TYPE_CHECKING:
    import keras

_TYPES = {"float64": "float32", "float16": "float32", "uint8": "float32", "int64": "int32"}
_ONLY_INPUT = "input"  # name of the input whose data have none


def needs_call(model: keras.Model) -> bool:
    """Return whether a model has no graph of its own: a subclassed one, or a Sequential one without an input shape."""
    import keras

    return not model.built if isinstance(model, keras.Sequential) else not hasattr(model, "operations")


def called(path: Path, model: keras.Model, sizes: Sizes) -> tuple[keras.Model, tuple[str, ...]]:
    """Return a functional model that calls `model` on inputs of the given shapes or of those of the data, and a note.

    Several inputs are passed as a dictionary by their names in the data.

    Raises:
        UsageProblemError: no shape is known, the call fails, or it creates weights that the file does not hold.
    """
    import keras

    specs = _specs(sizes)
    if not specs:
        raise UsageProblemError(_no_shape(path, model))
    inputs = {
        name: keras.Input(spec.shape, dtype=_TYPES.get(spec.dtype, spec.dtype), name=name)
        for name, spec in specs.items()
    }
    listed = ", ".join(f"{name}: {spec}" for name, spec in specs.items())
    kind, before = type(model).__name__, len(model.weights)
    try:
        outputs = model(next(iter(inputs.values())) if len(inputs) == 1 else inputs)
    except Exception as error:  # the model's own code may raise anything
        first = next(iter(str(error).splitlines()), type(error).__name__)
        raise UsageProblemError(
            f"{path.name} cannot be called on {listed} ({first}); "
            "give --calibration an .npz with the arrays that the model takes, or wrap the model as "
            "keras.Model(inputs, model(inputs)) and save that"
        ) from error
    if len(model.weights) != before:
        raise UsageProblemError(
            f"{path.name} does not hold the weights of its {kind}; call the model once before you save it"
        )
    note = f"{path.name} holds a {kind}, called on {listed}"
    new = keras.Model(inputs if len(inputs) > 1 else next(iter(inputs.values())), outputs, name=f"{model.name}_called")
    return new, (note,)


def _specs(sizes: Sizes) -> dict[str, InputSpec]:
    """Return the inputs by name: those of the data, with the shapes that are given."""
    found = arrays.row_specs(sizes.data) if sizes.data is not None else {}
    if sizes.data is not None and sizes.data.suffix == ".npy":
        found = dict(zip([_ONLY_INPUT], found.values(), strict=False))
    given: dict[str, Shape] = dict(sizes.given)
    if "" in given:
        given = {next(iter(found), _ONLY_INPUT): given[""]}
    return {
        **found,
        **{
            name: InputSpec(shape=shape[1:], dtype=found[name].dtype if name in found else "float32")
            for name, shape in given.items()
        },
    }


def _no_shape(path: Path, model: Any) -> str:
    import keras

    if isinstance(model, keras.Sequential):
        return (
            f"{path.name} has no input shape: type it, --set-input 1,224,224,3, give --calibration an .npz or .npy "
            "whose rows have it, or begin the model with keras.Input and save it again"
        )
    return (
        f"{path.name} holds a {type(model).__name__} that is neither functional nor Sequential: give --calibration an "
        ".npz or .npy on whose rows it can be called, type --set-input 1,224,224,3, or wrap the model as "
        "keras.Model(inputs, model(inputs)) and save that"
    )
