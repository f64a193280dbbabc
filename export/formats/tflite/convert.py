"""Keras model -> float32 .tflite, by way of a SavedModel with a static batch and no Flex ops."""

from __future__ import annotations

import tempfile
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


def convert(model: keras.Model) -> bytes:
    """Return the float32 file; its signature carries the Keras names.

    A concrete function handed to the converter would come back without its weights, unfrozen; a SavedModel does not.

    Raises:
        ConversionError: an operator that the runtime does not have, named.
    """
    inputs = [spec.name for spec in signature.inputs(model)]
    outputs = [spec.name for spec in signature.outputs(model)]
    with tempfile.TemporaryDirectory(prefix="zoo-export-") as folder:
        _write_saved_model(model, folder)
        if 4 * model.count_params() < LARGE_BYTES:
            return conversion.convert(folder, inputs, outputs)
        out = Path(folder) / "model"
        answer = process.call(conversion.write, fresh=True, saved_model=folder, inputs=inputs, outputs=outputs, out=out)
        if answer["trouble"]:
            raise ConversionError(answer["trouble"])
        return out.read_bytes()


def _write_saved_model(model: keras.Model, folder: str) -> None:
    import keras
    import tensorflow as tf

    specs = [
        tf.TensorSpec(spec.shape, spec.dtype, name=f"input_{index}")
        for index, spec in enumerate(signature.inputs(model))
    ]

    def serve(*inputs: Any) -> dict[str, Any]:
        outputs = model(inputs[0] if len(inputs) == 1 else list(inputs), training=False)
        return {f"output_{index}": output for index, output in enumerate(keras.tree.flatten(outputs))}

    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint("serving_default", serve, input_signature=specs)
    archive.write_out(folder, verbose=False)
