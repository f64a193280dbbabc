"""Reconstruction brings int8 files closer to the model, and the files hold exactly its integers."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import pytest

from export.formats import PRIMARY
from export.formats.tflite import flatbuffer
from export.formats.tflite.layers import layers as stored_layers
from export.passes.fold import fold
from export.passes.reconstruct import Reconstruct
from export.proof.prove import prove_all
from export.quantization.build import bases_of, quantized, quantized_files
from export.scheme import INT4, INT8, SCHEMES, Scheme
from tests.faults.networks import Network

NETWORKS = ("lenet5", "mobilenet_tiny")
# Measured SQNR on 32 photos: LeNet-5 28.2 -> 28.6 dB, limited by its activations; small MobileNet 29.5 -> 32.0 dB.
GAIN_DB = {"lenet5": 0.2, "mobilenet_tiny": 2.0}


@pytest.mark.parametrize("name", [pytest.param("lenet5", marks=pytest.mark.large), "mobilenet_tiny"])
def test_reconstruction_brings_int8_files_closer_to_the_model(name: str, network: Callable[[str], Network]) -> None:
    chosen = network(name)
    with_pass = chosen.healthy[PRIMARY.name, INT8]
    run = chosen.run(chosen.model, "plain", reconstruct=False)
    bases = bases_of(run, chosen.floats)
    files = quantized_files(run, chosen.floats, bases)
    without = prove_all(run, files, bases, chosen.expected)[PRIMARY.name, INT8].artifact
    (one,), (other,) = with_pass.comparisons.values(), without.comparisons.values()
    assert one.sqnr_db > other.sqnr_db + GAIN_DB[name]


@pytest.mark.parametrize("scheme", [one for one in SCHEMES.values() if one.has_integer_weights and one != INT4])
@pytest.mark.parametrize("name", NETWORKS)
def test_the_file_holds_the_integers_of_the_pass(name: str, scheme: Scheme, network: Callable[[str], Network]) -> None:
    chosen = network(name)
    made = quantized(chosen.right, (PRIMARY.name, scheme), {}, chosen.floats, chosen.bases)
    assert not made.trouble
    file, float_file = (flatbuffer.read(one.content.read()) for one in (made, chosen.base))
    found = 0
    for layer, original in zip(stored_layers(file), stored_layers(float_file), strict=True):
        stored = flatbuffer.constant(file, layer.weights).astype(np.float64)
        shape = [1] * stored.ndim
        shape[layer.channel_axis] = -1
        values = stored * np.asarray(layer.weights.quantization.scale, np.float64).reshape(shape)
        wanted = flatbuffer.constant(float_file, original.weights)
        step = np.asarray(layer.weights.quantization.scale, np.float64).reshape(shape)
        assert np.abs((values - wanted) / step).max() < 2e-3
        found += 1
    assert found == len(chosen.base.reconstruction.records[-1]["layers"])


def test_reconstruction_is_deterministic(network: Callable[[str], Network]) -> None:
    chosen = network("mobilenet_tiny")
    one, other = (Reconstruct()(fold(chosen.model), chosen.samples.calibration).model.get_weights() for _ in range(2))
    assert all(np.array_equal(first, second) for first, second in zip(one, other, strict=True))


def test_channel_means_are_preserved(network: Callable[[str], Network]) -> None:
    """On the calibration samples the bias compensates the whole shift of the mean."""
    chosen = network("mobilenet_tiny")
    samples = chosen.samples.calibration
    new = Reconstruct()(fold(chosen.model), samples).model
    true, rounded = (
        keras.Model(model.input, model.get_layer("conv_pw_8").output)(np.asarray(samples.inputs["image"]))
        for model in (fold(chosen.model), new)
    )
    error = np.asarray(rounded - true, np.float64)
    assert np.abs(error.mean(axis=(0, 1, 2))).max() < 1e-4 * np.abs(error).max()


def test_reconstruction_counts_its_layers(network: Callable[[str], Network]) -> None:
    chosen, done = network("lenet5"), list[tuple[int, int]]()
    counting = Reconstruct(counted=lambda number, total: done.append((number, total)))
    layers = counting(fold(chosen.model), chosen.samples.calibration).record.layers
    assert done == [(number, len(layers)) for number in range(len(layers))]
