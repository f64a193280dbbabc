"""Convert a SavedModel to a float32 .tflite with TensorFlow's converter, also as a job in a child process.

The converter copies the weights several times, and TensorFlow does not release memory; the end of a child does.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from export.errors import ConversionError
from export.formats.tflite import flatbuffer

# Name of the signature of a file with one entry point.
DEFAULT = "serving_default"

Names = Mapping[str, Sequence[Sequence[str]]]


def convert(saved_model: str, names: Names) -> bytes:
    """Return the file converted from a SavedModel.

    Args:
        saved_model: the folder of the SavedModel.
        names: names of the inputs and outputs of every signature, in the order of its arguments and results.

    Raises:
        ConversionError: the runtime does not have an operator; the message names it.
    """
    import tensorflow as tf
    from tensorflow.lite.python.convert_phase import ConverterError
    from tensorflow.lite.python.lite import TFLiteSavedModelConverterV2

    # Like TFLiteConverter.from_saved_model, which also loads the folder to find the names of the signatures.
    converter = TFLiteSavedModelConverterV2(saved_model, {"serve"}, list(names))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    converter._experimental_use_buffer_offset = True  # Saves two copies of the weights and half of the time.
    try:
        content = converter.convert()
    except (ConverterError, RuntimeError, ValueError) as error:
        raise ConversionError(f"TensorFlow's converter rejects the model: {_first_line(error)}") from error
    del converter
    parsed = flatbuffer.read(content)
    flatbuffer.rename_signatures(parsed, names)
    flatbuffer.make_names_unique(parsed)
    return flatbuffer.write(parsed)


def _first_line(error: Exception) -> str:
    """Return the line of the error that names missing operators, else the first line."""
    text = str(error)
    for line in text.splitlines():
        if "is neither a custom op nor a flex op" in line or line.startswith(("TF Select ops:", "Custom ops:")):
            return line.strip()
    return text.strip().splitlines()[0] if text.strip() else type(error).__name__


def write(saved_model: str, names: Names, out: str) -> dict[str, str]:
    """Convert a SavedModel and write the file to `out`, as a job of `export.process`; return the error, if any."""
    os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"  # Conversion does not compute, and oneDNN does not release memory.
    try:
        content = convert(saved_model, names)
    except ConversionError as error:
        return {"trouble": str(error)}
    Path(out).write_bytes(content)
    return {"trouble": ""}
