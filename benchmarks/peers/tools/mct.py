"""Sony's Model Compression Toolkit: post-training quantization with its imx500 capabilities, exported as int8 .tflite.

It needs Keras 2, so the model's layers are rebuilt there, from the configuration in the .keras file and the weights in
the .npz of the same name.
"""

from __future__ import annotations

import inspect
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

SAME = 1e-4  # of the largest output: float32 rounding of another TensorFlow


def quantize(float_file: Path, samples: Any, out: Path) -> None:
    import model_compression_toolkit as mct

    model = keras2_model(float_file)
    capabilities = mct.get_target_platform_capabilities(tpc_version="1.0", device_type="imx500")
    quantized, _ = mct.ptq.keras_post_training_quantization(
        model, lambda: ([sample[None]] for sample in samples), target_platform_capabilities=capabilities
    )
    mct.exporter.keras_export_model(
        quantized,
        str(out),
        serialization_format=mct.exporter.KerasExportSerializationFormat.TFLITE,
        quantization_format=mct.exporter.QuantizationFormat.INT8,
    )


def keras2_model(path: Path) -> Any:
    """Return the functional Keras 3 model of a .keras file, with one input and one output, in Keras 2.

    Raises:
        ValueError: what came out says something else than the original.
    """
    import tensorflow as tf

    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read("config.json"))["config"]
    tensors: dict[str, Any] = {}
    for record in config["layers"]:
        name, settings = record["config"]["name"], record["config"]
        if record["class_name"] == "InputLayer":
            tensors[name] = tf.keras.Input(settings["batch_shape"][1:], name=name)
            continue
        kind = getattr(tf.keras.layers, record["class_name"])
        # Initializers, regularizers and types are objects of Keras 3, and of no use to a trained model.
        known = {key: value for key, value in settings.items() if key in _arguments(kind) and not _is_object(value)}
        (node,) = record["inbound_nodes"]
        sources = [tensors[source] for source in _sources(node["args"])]
        tensors[name] = kind(**known, name=name)(sources if len(sources) > 1 else sources[0])
    (first,), (last,) = _names(config["input_layers"]), _names(config["output_layers"])
    model = tf.keras.Model(tensors[first], tensors[last])
    with np.load(path.with_suffix(".npz"), allow_pickle=False) as weights:
        for layer in model.layers:
            layer.set_weights([weights[f"{layer.name}/{index}"] for index in range(len(layer.weights))])
        error = np.abs(model.predict(weights["probe"], verbose=0) - weights["expected"]).max()
        limit = SAME * np.abs(weights["expected"]).max()
    if not error <= limit:
        raise ValueError(f"the model made anew in Keras 2 is another one: its outputs differ by {error:.3g}")
    return model


def _arguments(kind: type) -> set[str]:
    names = set(inspect.signature(kind.__init__).parameters)
    return names - {"self", "name", "dtype", "kwargs"}


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _sources(arguments: Any) -> Iterator[str]:
    """Yield the names of the layers whose outputs these arguments are."""
    if isinstance(arguments, dict):
        yield arguments["config"]["keras_history"][0]
    elif isinstance(arguments, list):
        for argument in arguments:
            yield from _sources(argument)


def _names(edges: Any) -> list[str]:
    return [edges[0]] if isinstance(edges[0], str) else [edge[0] for edge in edges]
