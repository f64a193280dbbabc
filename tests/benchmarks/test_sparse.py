"""Sparse files give the same outputs and are smaller."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from benchmarks.sparse import onnx, pointwise_kernels, prune, tflite
from calibration.samples import Samples
from export.formats import format_of

if TYPE_CHECKING:
    import keras

SHAPE = (8, 8, 128)


@pytest.fixture(scope="module")
def samples() -> Samples:
    images = np.random.default_rng(0).uniform(-1, 1, (4, *SHAPE)).astype(np.float32)
    return Samples(inputs={"image": images}, photos=None, source="tests", seed=0)


@pytest.fixture(scope="module")
def model() -> keras.Model:
    import keras

    keras.utils.set_random_seed(0)
    image = keras.Input(SHAPE, name="image")
    x = keras.layers.Conv2D(128, 1, name="mix")(image)
    return keras.Model(image, keras.layers.Conv2D(4, 3, name="rest")(x))


def test_every_share_refers_to_the_original_kernels(model: keras.Model) -> None:
    kernels = pointwise_kernels(model)
    (original,) = kernels.values()
    other = model.get_layer("rest").kernel.numpy()
    for share in (0.9, 0.5, 0.0):
        prune(model, kernels, share)
        pruned = model.get_layer("mix").kernel.numpy()
        assert np.mean(pruned == 0) == pytest.approx(share, abs=1e-4)
        np.testing.assert_array_equal(pruned[pruned != 0], original[pruned != 0])
    np.testing.assert_array_equal(model.get_layer("rest").kernel.numpy(), other)


@pytest.mark.parametrize("kind", ["float32.tflite", "int8.tflite", "float32.onnx"])
def test_a_sparse_file_is_smaller_and_its_outputs_are_bit_equal(
    kind: str, model: keras.Model, samples: Samples, tmp_path: Path
) -> None:
    writers: dict[str, Callable[[keras.Model, bool], bytes]] = {
        "float32.tflite": partial(tflite, samples=None),
        "int8.tflite": partial(tflite, samples=samples),
        "float32.onnx": onnx,
    }
    prune(model, pointwise_kernels(model), 0.9)
    outputs, sizes = [], []
    for name, sparse in (("dense", False), ("sparse", True)):
        path = tmp_path / f"{name}-{kind}"
        path.write_bytes(writers[kind](model, sparse))
        session = format_of(path).open(path)
        (image,) = (spec.name for spec in session.inputs)
        outputs.append(next(iter(session.run({image: samples.inputs["image"][:1]}).values())))
        sizes.append(path.stat().st_size)
    np.testing.assert_array_equal(*outputs)
    assert np.ptp(outputs[0]) > 0
    assert sizes[1] < 0.7 * sizes[0]
