"""TensorFlow's own converter, full-integer: int8 inside, int8 inputs and outputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def quantize(float_file: Path, samples: Any, out: Path) -> None:
    import keras
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_keras_model(keras.models.load_model(float_file, compile=False))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([sample[None]] for sample in samples)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    out.write_bytes(converter.convert())
