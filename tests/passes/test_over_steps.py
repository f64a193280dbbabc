"""Convolutions over steps are folded into, reconstructed and stored like those over images."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from calibration.samples import Samples
from export import passes
from export.formats import PRIMARY
from export.formats.format import QuantizationPlan
from export.formats.pairing import LARGEST_PAIR
from export.formats.tflite import flatbuffer
from export.formats.tflite.layers import weighing
from export.metrics import compare
from export.model import reference
from export.passes.fitting.products import products
from export.passes.fold import fold
from export.passes.reconstruct import Reconstruct
from export.quantization import ranges
from export.recipe import Io
from export.runtime.run_file import written
from export.scheme import INT8, W8A32, Scheme

NAMES = ("first", "causal", "grouped", "strided", "depthwise", "separable", "transposed", "head")


def model() -> keras.Model:
    """Return a model with every convolution over steps and a batch norm."""
    keras.utils.set_random_seed(0)
    given = keras.Input((24, 3), name="series")
    x = layers.Conv1D(8, 3, padding="same", use_bias=False, name="first")(given)
    x = layers.ReLU()(layers.BatchNormalization(name="norm")(x))
    x = x + layers.Conv1D(8, 3, padding="causal", dilation_rate=2, activation="relu", name="causal")(x)
    x = layers.Conv1D(8, 2, groups=2, activation="tanh", name="grouped")(x)
    x = layers.Conv1D(12, 4, strides=2, padding="causal", activation="relu", name="strided")(x)
    x = layers.DepthwiseConv1D(3, depth_multiplier=2, padding="same", activation="relu", name="depthwise")(x)
    x = layers.SeparableConv1D(8, 3, activation="relu", name="separable")(x)
    x = layers.Conv1DTranspose(6, 3, strides=2, padding="same", activation="relu", name="transposed")(x)
    made = keras.Model(given, layers.Dense(3, name="head")(layers.Flatten()(x)))
    generator = np.random.default_rng(1)
    for weight in made.get_layer("norm").weights:
        weight.assign(generator.uniform(0.5, 1.5, weight.shape))
    for weight in made.weights:
        if weight.path.endswith("bias"):
            weight.assign(generator.normal(0, 0.1, weight.shape))
    return made


def samples(count: int = 60, seed: int = 0) -> Samples:
    walks = np.cumsum(np.random.default_rng(seed).normal(0, 0.3, (count, 24, 3)), axis=1)
    return Samples(inputs={"series": walks.astype(np.float32)}, source="tests", seed=seed)


def test_every_convolution_over_steps_is_reconstructed() -> None:
    one = model()
    result = passes.apply(Reconstruct(), fold(one), samples())
    assert result.record.layers == NAMES
    assert not result.record.skipped
    expected, found = (reference.outputs(some, samples())["head"] for some in (one, result.model))
    measured = compare(reference=expected, actual=found).sqnr_db
    assert result.record.measured["weights_sqnr_db"] == pytest.approx(measured, abs=0.01)
    assert measured > 30


def test_causal_steps_see_no_later_step() -> None:
    """A product that looked ahead would pass on models of constant series."""
    layer = model().get_layer("causal")
    (product,) = products(layer)
    series = np.zeros((1, 9, 8), np.float32)
    series[0, 5] = 1
    seen = np.abs(np.asarray(product.apply(series, product.kernel))).max(axis=(0, 2)) > 0
    assert np.flatnonzero(seen).tolist() == [5, 7]  # at step 9 the series has ended


@pytest.mark.parametrize("scheme", [INT8, W8A32], ids=str)
def test_the_file_holds_the_integers_of_every_convolution(scheme: Scheme, tmp_path: Path) -> None:
    content = PRIMARY.convert(Reconstruct()(fold(model()), samples()).model)
    path = written(tmp_path, "float.tflite", content)
    samples().save(tmp_path / "samples")
    observed = ranges.observe(path, samples=tmp_path / "samples", observer="min-max").ranges
    plan = QuantizationPlan(scheme=scheme, io=Io.FLOAT32, ranges=observed, input_ranges={})
    file, float_file = flatbuffer.read(PRIMARY.quantize(content, plan, {})), flatbuffer.read(content)
    count = 0
    for layer, original in zip(weighing(file), weighing(float_file), strict=True):
        stored = flatbuffer.constant(file, layer.weights).astype(np.float64)
        shape = [1] * stored.ndim
        shape[layer.channel_axis] = -1
        step = np.asarray(layer.weights.quantization.scale, np.float64).reshape(shape)
        assert np.abs(stored - flatbuffer.constant(float_file, original.weights) / step).max() < 2e-3
        if layer.op in ("CONV_2D", "FULLY_CONNECTED"):
            rows = stored.reshape(len(stored), -1)
            pairs = rows[:, : rows.shape[1] // 2 * 2].reshape(len(rows), -1, 2).sum(axis=2)
            assert np.abs(pairs).max() <= LARGEST_PAIR
        count += 1
    assert count == len(NAMES) + 1  # the separable convolution is two operators
