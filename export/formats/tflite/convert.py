"""Convert a Keras model to a float32 .tflite via a SavedModel with a static batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from export import process, temporary
from export.errors import ConversionError
from export.formats.patches import positions_of_extremes_by_one_operator
from export.formats.tflite import conversion, flatbuffer
from export.formats.tflite.decoder import LENGTH_KEY
from export.model import signature

if TYPE_CHECKING:
    import keras

    from zoo.language.decoder import Decoder

FLATBUFFER_LIMIT_BYTES = 2**31 - 2**24  # 16 MB are left for the graph itself.
# Above this size, a separate process is worth the seconds for loading TensorFlow.
LARGE_BYTES = 200e6


@dataclass(frozen=True, kw_only=True, eq=False)
class _Function:
    """One signature of a file: a model with static shapes, and the names of its inputs and outputs."""

    model: keras.Model
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]


def convert(
    model: keras.Model,
    entries: Mapping[str, keras.Model],
    *,
    select_ops: bool = False,
    decoder: Decoder | None = None,
) -> bytes:
    """Return the float32 file, with one signature per entry point and the names of Keras.

    The model is saved first, because the converter does not freeze the weights of a concrete function. With
    `select_ops`, TensorFlow's own operators take the place of those that LiteRT does not have. The file of a decoder
    has the signatures of its form with a cache in place.

    Raises:
        ConversionError: the runtime does not have an operator, which the message names, or the weights exceed 2 GB.
    """
    _refuse_too_large(model)
    if decoder is None:
        return _converted(model, _functions(entries or {conversion.DEFAULT: model}), select_ops)
    steps = {
        name: _Function(
            model=step.model,
            inputs=step.inputs,
            outputs=step.outputs,
            shapes=tuple(tuple(one.shape) for one in step.model.inputs),
        )
        for name, step in decoder.in_place.items()
    }
    file = flatbuffer.read(_converted(model, steps, select_ops))
    flatbuffer.add_metadata(file, LENGTH_KEY, str(decoder.length).encode())
    return flatbuffer.write(file)


def _refuse_too_large(model: keras.Model) -> None:
    size = 4 * model.count_params()
    if size > FLATBUFFER_LIMIT_BYTES:
        raise ConversionError(f"the weights take {size / 2**30:.1f} GB, but a .tflite file can hold at most 2 GB")


def _functions(models: Mapping[str, keras.Model]) -> dict[str, _Function]:
    """Return the functions of entry points, named and shaped like the files of all models."""
    found = {}
    for entry, one in models.items():
        inputs, outputs = signature.inputs(one), signature.outputs(one)
        found[entry] = _Function(
            model=one,
            inputs=tuple(spec.name for spec in inputs),
            outputs=tuple(spec.name for spec in outputs),
            shapes=tuple(spec.shape for spec in inputs),
        )
    return found


def _converted(model: keras.Model, functions: Mapping[str, _Function], select_ops: bool) -> bytes:
    """Return the file with these functions, which share the layers of `model`."""
    names = {name: [list(one.inputs), list(one.outputs)] for name, one in functions.items()}
    with temporary.folder() as folder:
        _write_saved_model(model, functions, folder)
        if 4 * model.count_params() < LARGE_BYTES:
            return bytes(conversion.finished(conversion.convert(folder, list(names), select_ops), names))
        out = Path(folder) / "model"
        result = process.call(
            conversion.write, fresh=True, saved_model=folder, signatures=list(names), out=out, select_ops=select_ops
        )
        if result["trouble"]:
            raise ConversionError(result["trouble"])
        return bytes(conversion.finished(out.read_bytes(), names))  # not beside the memory of the converter


def _write_saved_model(model: keras.Model, functions: Mapping[str, _Function], folder: str) -> None:
    import keras

    archive = keras.export.ExportArchive()
    archive.track(model)
    with positions_of_extremes_by_one_operator():
        for name, one in functions.items():
            archive.add_endpoint(name, _endpoint(one.model), input_signature=_specs(one))
        archive.write_out(folder, verbose=False)


def _endpoint(model: keras.Model) -> Callable[..., dict[str, Any]]:
    import keras

    def serve(*inputs: Any) -> dict[str, Any]:
        outputs = model(inputs[0] if len(inputs) == 1 else list(inputs), training=False)
        return {f"output_{index}": output for index, output in enumerate(keras.tree.flatten(outputs))}

    return serve


def _specs(function: _Function) -> list[Any]:
    import tensorflow as tf

    return [
        tf.TensorSpec(shape, tensor.dtype, name=f"input_{index}")
        for index, (shape, tensor) in enumerate(zip(function.shapes, function.model.inputs, strict=True))
    ]
