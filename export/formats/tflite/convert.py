"""Convert a Keras model to a float32 .tflite via a SavedModel with a static batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from export import process, temporary
from export.errors import ConversionError
from export.formats.patches import positions_of_extremes_by_one_operator
from export.formats.tflite import conversion
from export.model import signature

if TYPE_CHECKING:
    import keras


# Above this size, a separate process is worth the seconds for loading TensorFlow.
LARGE_BYTES = 200e6


def convert(model: keras.Model, entries: Mapping[str, keras.Model], *, select_ops: bool = False) -> bytes:
    """Return the float32 file, with one signature per entry point and the names of Keras.

    The model is saved first, because the converter does not freeze the weights of a concrete function. With
    `select_ops`, TensorFlow's own operators take the place of those that LiteRT does not have.

    Raises:
        ConversionError: the runtime does not have an operator; the message names it.
    """
    models = entries or {conversion.DEFAULT: model}
    names = {
        entry: [[spec.name for spec in specs] for specs in (signature.inputs(one), signature.outputs(one))]
        for entry, one in models.items()
    }
    with temporary.folder() as folder:
        _write_saved_model(model, models, folder)
        if 4 * model.count_params() < LARGE_BYTES:
            return conversion.convert(folder, names, select_ops)
        out = Path(folder) / "model"
        result = process.call(
            conversion.write, fresh=True, saved_model=folder, names=names, out=out, select_ops=select_ops
        )
        if result["trouble"]:
            raise ConversionError(result["trouble"])
        return out.read_bytes()


def _write_saved_model(model: keras.Model, models: Mapping[str, keras.Model], folder: str) -> None:
    import keras

    archive = keras.export.ExportArchive()
    archive.track(model)
    with positions_of_extremes_by_one_operator():
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
