"""Convert a SavedModel to a float32 .tflite with TensorFlow's converter, also as a job in a child process.

The converter copies the weights several times, and TensorFlow does not release memory; the end of a child does.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from export.errors import ConversionError
from export.formats.tflite import flatbuffer, integer_moves
from export.formats.tflite.patches import without_restoring_variables

# Name of the signature of a file with one entry point.
DEFAULT = "serving_default"

MOST_CHARACTERS = 200  # of a compiler's own message

Names = Mapping[str, Sequence[Sequence[str]]]


def convert(saved_model: str, signatures: Collection[str], select_ops: bool = False) -> bytes:
    """Return the file converted from a SavedModel, as the converter names and stores its parts.

    Args:
        saved_model: the folder of the SavedModel.
        signatures: names of its signatures.
        select_ops: whether TensorFlow's own operators take the place of those that LiteRT does not have.

    Raises:
        ConversionError: the runtime does not have an operator; the message names it.
    """
    import tensorflow as tf
    from tensorflow.lite.python.convert_phase import ConverterError
    from tensorflow.lite.python.lite import TFLiteSavedModelConverterV2

    # Like TFLiteConverter.from_saved_model, which also loads the folder to find the names of the signatures.
    converter = TFLiteSavedModelConverterV2(saved_model, {"serve"}, list(signatures))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    if select_ops:
        converter.target_spec.supported_ops.append(tf.lite.OpsSet.SELECT_TF_OPS)
    converter._experimental_use_buffer_offset = True  # Saves two copies of the weights and half of the time.
    try:
        with without_restoring_variables():
            return bytes(converter.convert())
    except (ConverterError, RuntimeError, ValueError) as error:
        raise ConversionError(refusal(error)) from error


def finished(content: bytes, names: Names) -> bytearray:
    """Return a converted file with the names of Keras, and with all weights inside of the flatbuffer.

    Args:
        content: the converted file.
        names: names of the inputs and outputs of every signature, in the order of its arguments and results.
    """
    parsed = flatbuffer.read(content)
    flatbuffer.rename_signatures(parsed, names)
    flatbuffer.make_names_unique(parsed)
    integer_moves.keep_integers(parsed)
    return flatbuffer.packed(parsed)


# The compiler names the operation that it cannot translate, and before it the place in the graph.
_MISSING = re.compile(r"'tf\.(\w+)' op is neither a custom op nor a flex op")
_PLACE = re.compile(r'fused\["\w+:", "([^"@]+)')


def refusal(error: Exception) -> str:
    """Return one sentence about a model that TensorFlow's converter rejects: the missing operators and their layers."""
    text = str(error)
    found = dict.fromkeys(
        f"{match.group(1)}{_layer(line[: match.start()])}"
        for line in text.splitlines()
        for match in _MISSING.finditer(line)
    )
    if random := [one for one in found if "Random" in one]:
        return (
            f"the model draws random numbers when it runs, by {' and '.join(random)}, which files cannot: give the "
            "numbers to the model as an input, or take the mean in place of a sample"
        )
    if found:
        ways = "use another layer there, or type --format onnx or --allow-select-tf-ops"
        return f"LiteRT has no operator for {' and '.join(found)}; {ways}"
    if "TensorListReserve" in text:
        ways = "save the Keras model with model.save('model.keras'), or type --format onnx"
        return f"LiteRT needs to know the sizes in a loop, and in this graph they depend on an open batch; {ways}"
    first = text.strip().splitlines()[0] if text.strip() else type(error).__name__
    return f"TensorFlow's converter rejects the model: {first[:MOST_CHARACTERS]}; type --format onnx"


def _layer(place: str) -> str:
    """Return " (layer NAME)" from a place in the graph, "model/layer_1/operation"; empty outside of layers."""
    match = _PLACE.search(place)
    scopes = match.group(1).split("/")[1:-1] if match else []
    # The model is called a second time for the conversion, which numbers its layers.
    return f" (layer {scopes[0].removesuffix('_1')})" if scopes else ""


def write(saved_model: str, signatures: Collection[str], out: str, select_ops: bool = False) -> dict[str, str]:
    """Convert a SavedModel and write the file to `out`, as a job of `export.process`; return the error, if any."""
    os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"  # Conversion does not compute, and oneDNN does not release memory.
    try:
        content = convert(saved_model, signatures, select_ops)
    except ConversionError as error:
        return {"trouble": str(error)}
    Path(out).write_bytes(content)
    return {"trouble": ""}
