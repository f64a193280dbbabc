"""Export with the converters of the libraries: TFLiteConverter, tf2onnx.from_keras, quantize_static.

`python -m benchmarks.converters ARCHITECTURE FOLDER`: the same model, weights and calibration samples as `zoo export`.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from export.model.subject import load_subject
from export.quantization.samples import draw
from export.recipe import Recipe
from export.scheme import INT8


def export(name: str, folder: Path) -> None:
    """Write float and int8 files in both formats into `folder`."""
    import onnx
    import tensorflow as tf
    import tf2onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    recipe = Recipe(model=name, schemes=(INT8,))
    subject = load_subject(recipe)
    with tempfile.TemporaryDirectory() as work:
        samples = draw(subject, recipe, Path(work)).calibration
        (image,) = samples.inputs
        (folder / "float.tflite").write_bytes(tf.lite.TFLiteConverter.from_keras_model(subject.model).convert())

        converter = tf.lite.TFLiteConverter.from_keras_model(subject.model)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([sample[image]] for sample in samples)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.uint8
        (folder / "int8.tflite").write_bytes(converter.convert())

        spec = (tf.TensorSpec((1, *subject.model.input_shape[1:]), tf.float32, name=image),)
        proto, _ = tf2onnx.convert.from_keras(subject.model, input_signature=spec)
        onnx.save(proto, folder / "float.onnx")

        class Reader(CalibrationDataReader):
            def __init__(self) -> None:
                self._samples: Iterator[dict[str, Any]] = iter(samples)

            def get_next(self) -> dict[str, Any] | None:
                return next(self._samples, None)

        quantize_static(
            folder / "float.onnx",
            folder / "int8.onnx",
            Reader(),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,  # faster on x86 than its default, QInt8
            weight_type=QuantType.QInt8,
        )


if __name__ == "__main__":
    export(sys.argv[1], Path(sys.argv[2]))
