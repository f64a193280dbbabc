"""SavedModel -> float32 .tflite, by TensorFlow's converter; also as a job in a child process, whose memory comes back.

The converter holds the weights several times, and TensorFlow keeps what it has once taken.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from export.errors import ConversionError
from export.formats.tflite import flatbuffer

# Of the one signature of a file with one entry point.
DEFAULT = "serving_default"

Names = Mapping[str, Sequence[Sequence[str]]]


def convert(saved_model: str, names: Names) -> bytes:
    """Return the file of the SavedModel in that folder.

    Args:
        saved_model: a folder.
        names: of the inputs and of the outputs of every signature, in the order of its arguments and results.

    Raises:
        ConversionError: an operator that the runtime does not have, named.
    """
    import tensorflow as tf
    from tensorflow.lite.python.convert_phase import ConverterError
    from tensorflow.lite.python.lite import TFLiteSavedModelConverterV2

    # As TFLiteConverter.from_saved_model makes it, which loads the folder for the names of its signatures.
    converter = TFLiteSavedModelConverterV2(saved_model, {"serve"}, list(names))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    converter._experimental_use_buffer_offset = True  # weights behind the graph: two copies less, and half of the time
    try:
        content = converter.convert()
    except (ConverterError, RuntimeError, ValueError) as error:
        raise ConversionError(f"TensorFlow's converter refuses the model: {_first_line(error)}") from error
    del converter
    parsed = flatbuffer.read(content)
    flatbuffer.rename_signatures(parsed, names)
    flatbuffer.make_names_unique(parsed)
    return flatbuffer.write(parsed)


def _first_line(error: Exception) -> str:
    """Return what the converter means: the missing operators where it names them, else its first line."""
    text = str(error)
    for line in text.splitlines():
        if "is neither a custom op nor a flex op" in line or line.startswith(("TF Select ops:", "Custom ops:")):
            return line.strip()
    return text.strip().splitlines()[0] if text.strip() else type(error).__name__


def write(saved_model: str, names: Names, out: str) -> dict[str, str]:
    """Write the file of a SavedModel to `out`, as a job of `export.process`; answer why there is none, if so."""
    os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"  # nothing is computed here, and oneDNN gives no memory back
    try:
        content = convert(saved_model, names)
    except ConversionError as error:
        return {"trouble": str(error)}
    Path(out).write_bytes(content)
    return {"trouble": ""}
