"""What reconstruction is for: int8 files that keep the answers, with the stage's own integers in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import layers

from calibration.samples import Samples
from export import reference, stages
from export.metrics import compare
from export.recipe import Precision
from export.stages import Staged, StageRecord
from export.stages.fold import fold
from export.stages.reconstruct import Reconstruct
from export.targets import PRIMARY
from export.targets.tflite import flatbuffer
from export.targets.tflite.layers import layers as stored_layers
from tests.faults.networks import Network

NETWORKS = ("lenet5", "mobilenet_tiny")
# Measured on 32 photos: LeNet-5 28.2 -> 28.6 dB, limited by its activations; the small MobileNet 29.5 -> 32.0 dB.
GAIN_DB = {"lenet5": 0.2, "mobilenet_tiny": 2.0}


@pytest.mark.parametrize("name", NETWORKS)
def test_int8_files_are_nearer_to_the_model_than_without(name: str, network: Callable[[str], Network]) -> None:
    chosen = network(name)
    with_stage = chosen.right.artifact(PRIMARY, Precision.INT8)
    assembly = chosen.assembly(chosen.model, "plain")
    assembly.making.recipe = replace(assembly.making.recipe, reconstruct=False)
    without = assembly.artifact(PRIMARY, Precision.INT8)
    (one,), (other,) = with_stage.comparisons.values(), without.comparisons.values()
    assert one.sqnr_db > other.sqnr_db + GAIN_DB[name]


@pytest.mark.parametrize("precision", [precision for precision in Precision if precision.has_integer_weights])
@pytest.mark.parametrize("name", NETWORKS)
def test_the_file_holds_the_stages_integers(name: str, precision: Precision, network: Callable[[str], Network]) -> None:
    made = network(name).right.making
    content = made.content(PRIMARY, precision)
    assert content is not None
    file = flatbuffer.read(content)
    assert made.base is not None
    float_file = flatbuffer.read(made.base)
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
    assert made.reconstruction is not None
    assert found == len(made.reconstruction.records[-1]["layers"])


def test_reconstruction_is_deterministic(network: Callable[[str], Network]) -> None:
    chosen = network("mobilenet_tiny")
    one, other = (Reconstruct()(fold(chosen.model), chosen.samples.calibration).model.get_weights() for _ in range(2))
    assert all(np.array_equal(first, second) for first, second in zip(one, other, strict=True))


def test_means_of_channels_are_kept(network: Callable[[str], Network]) -> None:
    """The bias takes up what rounding moves the mean by: on the samples themselves, all of it."""
    chosen = network("mobilenet_tiny")
    samples = chosen.samples.calibration
    new = Reconstruct()(fold(chosen.model), samples).model
    true, rounded = (
        keras.Model(model.input, model.get_layer("conv_pw_8").output)(np.asarray(samples.inputs["image"]))
        for model in (fold(chosen.model), new)
    )
    error = np.asarray(rounded - true, np.float64)
    assert np.abs(error.mean(axis=(0, 1, 2))).max() < 1e-4 * np.abs(error).max()


def photos(**inputs: tuple[int, ...]) -> Samples:
    generator = np.random.default_rng(0)
    return Samples(
        inputs={name: generator.normal(size=(40, *shape)).astype(np.float32) for name, shape in inputs.items()},
        source="tests",
        seed=0,
    )


def branched() -> keras.Model:
    """Return a model with everything that a graph can have: two inputs and outputs, branches, layers called twice."""
    keras.utils.set_random_seed(0)
    one, two = keras.Input((8, 8, 3), name="one"), keras.Input((5,), name="two")
    x = layers.Conv2D(6, 3, padding="same", activation="tanh", name="conv")(one)
    y = layers.BatchNormalization(name="bn")(layers.Conv2D(6, 3, groups=2, padding="same", name="grouped")(x))
    x = layers.Add(name="sum")([x, layers.ReLU(name="relu")(y)])
    twice = layers.Conv2D(6, 1, name="twice")
    x = twice(twice(x)) + x
    x = layers.SeparableConv2D(4, 3, strides=2, name="separable")(x)
    x = layers.DepthwiseConv2D(3, depth_multiplier=2, dilation_rate=1, name="depthwise")(x)
    x = layers.Conv2DTranspose(4, 2, name="transposed")(x)
    x = layers.PReLU(name="own")(x)
    x = layers.Concatenate(name="both")([layers.Flatten(name="flat")(x), layers.Dense(4, name="dense")(two)])
    inner = keras.Sequential([keras.Input(x.shape[1:]), layers.Dense(7, name="hidden")], name="inner")
    x = inner(x)
    return keras.Model([one, two], [layers.Dense(3, name="head")(x), layers.Dense(2, name="tail")(x)], name="branched")


def test_any_graph_goes_through_and_says_what_was_left() -> None:
    model, samples = branched(), photos(one=(8, 8, 3), two=(5,))
    staged = stages.apply(Reconstruct(), fold(model), samples)
    known = {"conv", "grouped", "twice", "separable", "depthwise", "transposed", "dense", "hidden", "head", "tail"}
    assert set(staged.record.layers) == known
    assert set(staged.record.skipped) == {"own"}
    assert all(staged.record.skipped.values())
    expected, found = (reference.outputs(one, samples) for one in (model, staged.model))
    for name, values in expected.items():
        assert compare(reference=values, actual=found[name]).sqnr_db > 30


@pytest.mark.parametrize("wrong", ["itself", "weights", "signature"])
def test_a_stage_that_breaks_its_contract_is_refused(wrong: str) -> None:
    model = branched()

    def stage(given: keras.Model, _samples: Samples) -> Staged:
        record = StageRecord(name="wrong")
        if wrong == "itself":
            return Staged(given, record)
        if wrong == "signature":
            return Staged(keras.models.clone_model(branched()).layers[-3], record)
        given.get_layer("conv").set_weights([values * 0 for values in given.get_layer("conv").get_weights()])
        return Staged(branched(), record)

    with pytest.raises(RuntimeError, match="stage wrong"):
        stages.apply(stage, model, photos(one=(8, 8, 3), two=(5,)))
