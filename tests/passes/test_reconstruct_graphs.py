"""Reconstruction of any graph, of constant channels, and of models and inputs that must be refused."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from calibration.samples import Samples
from export import passes
from export.errors import PassRefusedError
from export.metrics import compare
from export.model import reference
from export.passes import PassRecord, PassResult
from export.passes.equalize import Equalize
from export.passes.fold import Fold, fold
from export.passes.reconstruct import Reconstruct
from zoo.errors import CheckFailedError


def photos(**inputs: tuple[int, ...]) -> Samples:
    generator = np.random.default_rng(0)
    return Samples(
        inputs={name: generator.normal(size=(40, *shape)).astype(np.float32) for name, shape in inputs.items()},
        source="tests",
        seed=0,
    )


def branched() -> keras.Model:
    """Return a model with two inputs and outputs, branches, a nested model and layers that are called twice."""
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


def test_any_graph_is_reconstructed_and_skipped_layers_are_recorded() -> None:
    model, samples = branched(), photos(one=(8, 8, 3), two=(5,))
    result = passes.apply(Reconstruct(), fold(model), samples)
    known = {"conv", "grouped", "twice", "separable", "depthwise", "transposed", "dense", "hidden", "head", "tail"}
    assert set(result.record.layers) == known
    assert set(result.record.skipped) == {"own"}
    assert all(result.record.skipped.values())
    expected, found = (reference.outputs(one, samples) for one in (model, result.model))
    for name, values in expected.items():
        assert compare(reference=values, actual=found[name]).sqnr_db > 30


@pytest.mark.parametrize("wrong", ["itself", "weights", "signature"])
def test_a_pass_that_breaks_its_contract_is_refused(wrong: str) -> None:
    model = branched()

    def broken_pass(given: keras.Model, _samples: Samples) -> PassResult:
        record = PassRecord(name="wrong")
        if wrong == "itself":
            return PassResult(given, record)
        if wrong == "signature":
            return PassResult(keras.models.clone_model(branched()).layers[-3], record)
        given.get_layer("conv").set_weights([values * 0 for values in given.get_layer("conv").get_weights()])
        return PassResult(branched(), record)

    with pytest.raises(PassRefusedError if wrong == "signature" else RuntimeError, match="pass wrong"):
        passes.apply(broken_pass, model, photos(one=(8, 8, 3), two=(5,)))


def test_outputs_of_the_traversal_equal_those_of_the_new_model() -> None:
    """The model has layers that are called twice and layers of two products."""
    model, samples = fold(branched()), photos(one=(8, 8, 3), two=(5,))
    result = Reconstruct()(model, samples)
    expected, found = (reference.outputs(one, samples) for one in (model, result.model))
    worst = min(compare(reference=expected[name], actual=found[name]).sqnr_db for name in expected)
    assert result.record.measured["weights_sqnr_db"] == pytest.approx(worst, abs=0.01)


def steady(kind: str) -> tuple[keras.Model, Samples]:
    """Return a model with the constant or extreme channels or inputs that `kind` names, and samples."""
    keras.utils.set_random_seed(0)
    image = keras.Input((9, 9, 4), name="image")
    x = layers.ReLU()(layers.BatchNormalization(name="norm")(layers.Conv2D(16, 3, name="first")(image)))
    x = layers.ReLU()(layers.DepthwiseConv2D(3, bias_initializer="normal", name="depthwise")(x))
    x = layers.Conv2D(8, 3, bias_initializer="normal", name="second")(x)
    model = keras.Model(image, layers.Dense(5, name="head")(layers.Flatten()(x)))
    samples = photos(image=(9, 9, 4))
    gamma, beta, *rest = model.get_layer("norm").get_weights()
    if kind == "dead channels":
        gamma[::2], beta[::2] = 0, np.linspace(0.05, 1.87, 8)
    elif kind == "only dead channels":
        gamma[:], beta[:] = 0, np.linspace(0.1, 0.9, 16)
    elif kind == "a kernel of zeros":
        second = model.get_layer("second")
        second.set_weights([weights * (weights.ndim == 1) for weights in second.get_weights()])
    elif kind == "constant inputs":
        samples.inputs["image"][:] = 0.37
    elif kind == "inputs far from zero":
        samples.inputs["image"][:] = 1000 + samples.inputs["image"] / 100
    model.get_layer("norm").set_weights([gamma, beta, *rest])
    return model, samples


@pytest.mark.parametrize(
    "kind", ["dead channels", "only dead channels", "a kernel of zeros", "constant inputs", "inputs far from zero"]
)
def test_constant_channels_or_inputs_do_not_prevent_reconstruction(kind: str) -> None:
    model, samples = steady(kind)
    result = passes.apply(Reconstruct(), fold(model), samples)
    assert result.record.layers == ("first", "depthwise", "second", "head")
    assert result.record.measured["weights_sqnr_db"] > 30


@pytest.mark.parametrize(
    ("value", "words"), [(np.inf, "the inputs of layer first are not finite"), (1e25, "squares overflow float32")]
)
def test_inputs_that_overflow_are_reported_with_their_layer(value: float, words: str) -> None:
    model, samples = steady("")
    samples.inputs["image"][3, 2] = value
    with pytest.raises(PassRefusedError, match=words):
        Reconstruct()(fold(model), samples)


def test_layers_with_lora_are_not_rounded() -> None:
    model, samples = steady("")
    for name in ("first", "head"):
        model.get_layer(name).enable_lora(2)
        for weight in model.get_layer(name).weights[-2:]:
            weight.assign(0.1 * np.random.default_rng(0).normal(size=weight.shape))
    made = model
    for one in (Fold(), Equalize(), Reconstruct()):
        made = (result := passes.apply(one, made, samples)).model
    assert {"depthwise", "second"} <= set(result.record.layers)
    assert {"first", "head"} <= set(result.record.skipped)
    expected, found = (reference.outputs(one, samples) for one in (model, made))
    assert compare(reference=expected["head"], actual=found["head"]).sqnr_db > 30


def test_a_model_with_nan_weights_is_refused() -> None:
    """A compiled ReLU would turn NaN into zeros and hide the problem."""
    model, samples = steady("")
    kernel, bias = model.get_layer("depthwise").get_weights()
    model.get_layer("depthwise").set_weights([kernel, bias * np.nan])
    with pytest.raises(CheckFailedError, match="the Keras model's weight 'depthwise/bias' contains NaN"):
        reference.outputs(model, samples)


def test_a_model_with_nan_outputs_is_refused() -> None:
    model, samples = steady("")
    samples.inputs["image"][:] = np.nan
    with pytest.raises(CheckFailedError, match="the Keras model's output 'head' contains NaN or infinity"):
        passes.apply(Fold(), model, samples)
