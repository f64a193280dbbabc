"""Keras model -> float32 .tflite, by TensorFlow's converter with a static batch and no Flex ops."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING, Any

from export import signature
from export.errors import ConversionError
from export.targets.tflite import flatbuffer

if TYPE_CHECKING:
    import keras


def convert(model: keras.Model) -> bytes:
    """Return the float32 file; its signature carries the Keras names.

    A concrete function handed to the converter would come back without its weights, unfrozen; a SavedModel does not.

    Raises:
        ConversionError: an operator that the runtime does not have, named.
    """
    import tensorflow as tf
    from tensorflow.lite.python.convert_phase import ConverterError

    with tempfile.TemporaryDirectory(prefix="zoo-export-") as folder:
        _write_saved_model(model, folder)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        try:
            content = converter.convert()
        except (ConverterError, RuntimeError, ValueError) as error:
            raise ConversionError(f"TensorFlow's converter refuses the model: {_first_line(error)}") from error
    parsed = flatbuffer.read(content)
    flatbuffer.rename_signature(
        parsed,
        [spec.name for spec in signature.inputs(model)],
        [spec.name for spec in signature.outputs(model)],
    )
    flatbuffer.make_names_unique(parsed)
    return flatbuffer.write(parsed)


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


def _first_line(error: Exception) -> str:
    """Return what the converter means: the missing operators where it names them, else its first line."""
    text = str(error)
    for line in text.splitlines():
        if "is neither a custom op nor a flex op" in line or line.startswith(("TF Select ops:", "Custom ops:")):
            return line.strip()
    return text.strip().splitlines()[0] if text.strip() else type(error).__name__
