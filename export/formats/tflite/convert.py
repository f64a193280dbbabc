"""Keras model -> float32 .tflite, by way of a SavedModel with a static batch and no Flex ops."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from export import process
from export.errors import ConversionError
from export.formats.tflite import conversion
from export.model import signature

if TYPE_CHECKING:
    import keras

# From here on a process of its own is worth the seconds in which it loads TensorFlow.
LARGE_BYTES = 200e6


def convert(model: keras.Model, entries: Mapping[str, keras.Model]) -> bytes:
    """Return the float32 file; its signatures carry the Keras names, one for each entry point.

    A concrete function handed to the converter would come back without its weights, unfrozen; a SavedModel does not.

    Raises:
        ConversionError: an operator that the runtime does not have, named.
    """
    models = entries or {conversion.DEFAULT: model}
    names = {
        entry: [[spec.name for spec in specs] for specs in (signature.inputs(one), signature.outputs(one))]
        for entry, one in models.items()
    }
    with tempfile.TemporaryDirectory(prefix="zoo-export-") as folder:
        _write_saved_model(model, models, folder)
        if 4 * model.count_params() < LARGE_BYTES:
            return conversion.convert(folder, names)
        out = Path(folder) / "model"
        answer = process.call(conversion.write, fresh=True, saved_model=folder, names=names, out=out)
        if answer["trouble"]:
            raise ConversionError(answer["trouble"])
        return out.read_bytes()


def _write_saved_model(model: keras.Model, models: Mapping[str, keras.Model], folder: str) -> None:
    import keras

    archive = keras.export.ExportArchive()
    archive.track(model)
    for entry, one in models.items():
        archive.add_endpoint(entry, _endpoint(one), input_signature=_specs(one))
    archive.write_out(folder, verbose=False)


def _endpoint(model: keras.Model) -> Callable[..., dict[str, Any]]:
    import keras

    def serve(*inputs: Any) -> dict[str, Any]:
        outputs = model(inputs[0] if len(inputs) == 1 else list(inputs), training=False)
        return {f"output_{index}": output for index, output in enumerate(keras.tree.flatten(outputs))}

    return serve


def _specs(model: keras.Model) -> list[Any]:
    import tensorflow as tf

    return [
        tf.TensorSpec(spec.shape, spec.dtype, name=f"input_{index}")
        for index, spec in enumerate(signature.inputs(model))
    ]
