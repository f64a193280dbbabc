"""Small networks of every family of keras.applications: int8 is no farther from Keras than TensorFlow's own int8."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

import zoo_export
from calibration.samples import Samples
from export import pipeline
from export.metrics import compare
from export.model.subject import load_subject
from export.quantization.samples import draw
from export.scheme import FLOAT32, INT8
from tests.export.own_export import failures, saved
from tests.export.reduced_applications import FAMILIES, photos, trained

if TYPE_CHECKING:
    import keras

LARGEST_LOSS_DB = 1.0


@pytest.mark.large
@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_is_proven_and_as_near_to_keras_as_by_tensorflow(name: str, tmp_path: Path) -> None:
    model = trained(name, tmp_path)
    unseen, classes = photos(FAMILIES[name], 150, seed=2)
    logits = model.predict(unseen, verbose=0)
    assert (logits.argmax(axis=1) == classes).mean() > 0.6
    (image,) = model.inputs
    rows, _ = photos(FAMILIES[name], 100, seed=1)
    recipe = saved(model, {image.name: rows}, tmp_path, (FLOAT32, INT8))
    drawn = draw(load_subject(recipe), recipe, tmp_path / "drawn")
    plain = tmp_path / "plain.tflite"
    plain.write_bytes(converted_by_tensorflow(model, drawn.calibration))
    delivery = pipeline.run(recipe)
    assert failures(delivery) == []
    (ours,) = (tmp_path / "out").glob("*/*-int8.tflite")
    ours_db, plain_db = (sqnr_db(logits, path, unseen) for path in (ours, plain))
    print(f"| {name} | {ours_db:.1f} | {plain_db:.1f} |")
    assert ours_db > plain_db - LARGEST_LOSS_DB


def converted_by_tensorflow(model: keras.Model, samples: Samples) -> bytes:
    """Return the int8 file of TensorFlow's own converter, with float inputs and outputs."""
    import tensorflow as tf

    (rows,) = samples.inputs.values()
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([row[None]] for row in rows)
    with contextlib.redirect_stdout(io.StringIO()):  # it prints every variable
        content: bytes = converter.convert()
    return content


def sqnr_db(logits: np.ndarray, path: Path, images: np.ndarray) -> float:
    session = zoo_export.open_file(path)
    (taken,), (given,) = session.inputs, session.outputs
    found = [
        given.dequantize(session.run({taken.name: taken.quantize(image[None])})[given.name])[0] for image in images
    ]
    return compare(reference=logits, actual=np.stack(found)).sqnr_db
