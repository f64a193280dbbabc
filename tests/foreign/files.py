"""A small trained model, and files of it by the tools that people use."""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from export.model.subject import load_subject
from export.progress import Quiet
from export.proof.foreign.prove import ForeignProof, prove
from export.quantization.export_run import ExportRun
from export.quantization.samples import draw
from export.recipe import Recipe
from export.scheme import FLOAT32

if TYPE_CHECKING:
    import keras

Rows = Mapping[str, np.ndarray]


@dataclass(frozen=True, kw_only=True, eq=False)
class Trained:
    """A trained model with rows of its inputs.

    Attributes:
        model: the model.
        rows: by input name.
        run: the model, samples and a folder, as `zoo prove` builds them.
        recipe: of the run.
    """

    model: keras.Model
    rows: Rows
    run: ExportRun
    recipe: Recipe

    def proof(self, content: bytes, suffix: str) -> ForeignProof:
        """Return the proof of a file with this content."""
        path = self.run.work / f"given{suffix}"
        path.write_bytes(content)
        return prove(self.run, path)


def saved(model: keras.Model, rows: Rows, folder: Path) -> Trained:
    """Save a model and its rows as a user has them, and draw the samples."""
    model.save(folder / "model.keras")
    np.savez(folder / "data.npz", **rows)
    recipe = Recipe(
        model=str(folder / "model.keras"), calibration=str(folder / "data.npz"), schemes=(FLOAT32,), probe_count=64
    )
    subject = load_subject(recipe)
    samples = draw(subject, recipe, folder / "samples")
    work = Path(tempfile.mkdtemp(dir=folder))
    run = ExportRun(subject=subject, recipe=recipe, samples=samples, work=work, progress=Quiet())
    return Trained(model=model, rows=rows, run=run, recipe=recipe)


def two_headed() -> tuple[keras.Model, Rows]:
    """Return a trained network with an image, a vector, and two outputs of one shape."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    image, vector = layers.Input((16, 16, 3), name="image"), layers.Input((6,), name="vector")
    x = layers.Conv2D(8, 3, activation="relu", name="conv")(image)
    x = layers.BatchNormalization(name="conv_norm")(x)
    x = layers.DepthwiseConv2D(3, use_bias=False, name="depthwise")(x)
    x = layers.BatchNormalization(name="depthwise_norm")(x)
    x = layers.ReLU(6.0, name="capped")(x)
    x = layers.Conv2D(8, 1, name="project")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    y = layers.Dense(16, activation="tanh", name="hidden")(vector)
    z = layers.Concatenate(name="joined")([x, y])
    outputs = [layers.Dense(3, name="values")(z), layers.Dense(3, activation="softmax", name="classes")(z)]
    model = keras.Model([image, vector], outputs, name="two_headed")
    images = rng.normal(0, 0.5, (600, 16, 16, 3)).astype(np.float32)
    vectors = rng.normal(0, 1, (600, 6)).astype(np.float32)
    means = images.mean((1, 2, 3))
    values = np.stack([means * 20, vectors[:, 0] * 2, vectors[:, 1] - vectors[:, 2]], 1)
    classes = (vectors[:, 0] > 0).astype(int) + (images[..., 0].mean((1, 2)) > 0)
    model.compile("adam", loss={"values": "mse", "classes": "sparse_categorical_crossentropy"})
    model.fit([images, vectors], {"values": values, "classes": classes}, epochs=12, verbose=0)
    return model, {"image": images[:200], "vector": vectors[:200]}


def by_tensorflow(
    model: keras.Model, rows: Rows | None = None, change: Callable[[Any], None] = lambda _: None
) -> bytes:
    """Return the file of TFLiteConverter: float32, or with rows int8; `change` sets other options of it."""
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if rows is not None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: (
            {name: values[index : index + 1] for name, values in rows.items()} for index in range(64)
        )
    change(converter)
    with contextlib.redirect_stdout(io.StringIO()):  # it prints every variable
        content: bytes = converter.convert()
    return content


def by_tf2onnx(model: keras.Model, *, reordered: bool = False, channels_first: bool = False) -> bytes:
    """Return the float32 file of tf2onnx with an open batch; on request in another order or with the channels first."""
    import tensorflow as tf
    import tf2onnx

    specs = [tf.TensorSpec((None, *one.shape[1:]), tf.float32, name=one.name) for one in model.inputs]
    turn = -1 if reordered else 1

    def call(*inputs: Any) -> Any:
        given = list(inputs)[::turn]
        found = model(given if len(given) > 1 else given[0], training=False)
        return list(found)[::turn] if isinstance(found, list | tuple) else found

    specs = specs[::turn]
    first = [f"{one.name}:0" for one in specs if len(one.shape) == 4] if channels_first else None
    function = tf.function(call, input_signature=specs)
    proto, _ = tf2onnx.convert.from_function(function, specs, opset=15, inputs_as_nchw=first)
    return bytes(proto.SerializeToString())


def by_onnx_runtime(float_file: bytes, rows: Rows, folder: Path, **options: Any) -> bytes:
    """Return the int8 file of ONNX Runtime's static quantizer; `options` are its own."""
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, quantize_static

    class Reader(CalibrationDataReader):  # type: ignore[misc]  # ONNX Runtime ships no types
        def __init__(self) -> None:
            self._rows = iter(range(64))

        def get_next(self) -> Any:
            index = next(self._rows, None)
            return None if index is None else {name: values[index : index + 1] for name, values in rows.items()}

    source, target = folder / "float.onnx", folder / "quantized.onnx"
    source.write_bytes(float_file)
    names = {value.name for value in onnx.load_from_string(float_file).graph.input}
    assert names == set(rows), names
    quantize_static(str(source), str(target), Reader(), **options)
    return target.read_bytes()
