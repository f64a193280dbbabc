"""Input rows of products, their second moments, and the linear fit of rounded outputs to true ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from export.passes.fitting.channel_fit import LARGEST_GAIN, ChannelFit
from export.passes.fitting.moments import moments
from export.passes.fitting.products import products, reason_against, with_bias
from export.passes.fitting.refit import Refit
from export.passes.reconstruct import Reconstruct

WINDOWS = [
    {"kernel_size": 3, "padding": "same"},
    {"kernel_size": 3, "strides": 2, "padding": "same"},
    {"kernel_size": (4, 3), "strides": (1, 2), "padding": "same"},
    {"kernel_size": 2, "strides": 3, "padding": "valid"},
    {"kernel_size": 3, "dilation_rate": 2, "padding": "same"},
    {"kernel_size": (2, 3), "dilation_rate": (1, 3), "padding": "valid"},
]

EQUATIONS = [
    {"equation": "abc,cde->abde", "output_shape": (5, 3, 2), "bias_axes": "de"},  # the query of an attention
    {"equation": "abc,cde->abde", "output_shape": (5, 3, 2), "bias_axes": "e"},
    {"equation": "abcd,cde->abe", "output_shape": (5, 3), "bias_axes": "e"},  # the output of an attention
    {"equation": "abc,cd->abd", "output_shape": (5, 3)},
    {"equation": "...x,xy->...y", "output_shape": 3, "bias_axes": "y"},
    {"equation": "abc,bcd->ad", "output_shape": 3, "bias_axes": "d"},
    {"equation": "ab,bcd->acd", "output_shape": (4, 2), "bias_axes": "cd"},
]
OTHER_EQUATIONS = {
    "abc,bcd->abd": (5, 2),  # one matrix for each b
    "abc,bd->adc": (2, 3),  # the inputs are not the last axis
    "abc,dc->abd": (5, 2),  # the kernel has its outputs first
    "abc,cd->adb": (2, 5),  # the outputs are not the last axis
}


def built(layer: keras.Layer, shape: tuple[int, ...]) -> keras.Layer:
    keras.utils.set_random_seed(0)
    layer.build((None, *shape))
    return layer


@pytest.mark.parametrize("window", WINDOWS, ids=str)
@pytest.mark.parametrize("kind", ["convolution", "groups", "depthwise"])
def test_rows_times_weights_equal_the_layers_outputs(window: dict[str, Any], kind: str) -> None:
    if kind == "depthwise" and len(set(np.ravel(window.get("strides", 1)))) > 1:
        window = {**window, "strides": 2}  # TensorFlow has no depthwise kernel for uneven strides
    made = {
        "convolution": lambda: layers.Conv2D(6, use_bias=False, **window),
        "groups": lambda: layers.Conv2D(6, groups=2, use_bias=False, **window),
        "depthwise": lambda: layers.DepthwiseConv2D(depth_multiplier=2, use_bias=False, **window),
    }
    layer = built(made[kind](), (9, 8, 4))
    inputs = np.random.default_rng(1).normal(size=(3, 9, 8, 4)).astype(np.float32)
    (product,) = products(layer)
    rows = product.rows(tf.constant(inputs), 1000, np.random.default_rng(0))  # all positions, in order
    found = np.asarray(rows) @ product.grouped(product.kernel)  # (groups, samples * positions, outputs of a group)
    expected = np.asarray(layer(inputs))
    assert np.moveaxis(found, 0, 1).reshape(expected.shape) == pytest.approx(expected, abs=1e-5)


STEPS = [
    {"kernel_size": 3, "padding": "same"},
    {"kernel_size": 3, "padding": "causal"},
    {"kernel_size": 2, "dilation_rate": 3, "padding": "causal"},
    {"kernel_size": 3, "strides": 2, "padding": "causal"},
    {"kernel_size": 4, "strides": 3, "padding": "same"},
    {"kernel_size": 3, "strides": 2, "padding": "valid"},
    {"kernel_size": 3, "dilation_rate": 2, "padding": "same"},
    {"kernel_size": 1},
]
OVER_STEPS: dict[str, Callable[..., keras.Layer]] = {
    "convolution": lambda **window: layers.Conv1D(6, **window),
    "groups": lambda **window: layers.Conv1D(6, groups=2, **window),
    "depthwise": lambda **window: layers.DepthwiseConv1D(depth_multiplier=2, **window),
    "separable": lambda **window: layers.SeparableConv1D(6, depth_multiplier=2, **window),
    "transposed": lambda **window: layers.Conv1DTranspose(6, **window),
}


OVER_STEPS_CASES = [
    pytest.param(kind, window, id=f"{kind} {window}")
    for kind in OVER_STEPS
    for window in STEPS
    if window.get("padding") != "causal" or kind in ("convolution", "groups")
]


def over_steps(kind: str, window: dict[str, Any], *, bias: bool = True) -> tuple[keras.Layer, Any]:
    """Return a convolution over steps and inputs for it."""
    settings = {"activation": "tanh", "bias_initializer": "normal"} if bias else {"use_bias": False}
    inputs = np.random.default_rng(1).normal(size=(3, 17, 4)).astype(np.float32)
    return built(OVER_STEPS[kind](**settings, **window), inputs.shape[1:]), inputs


@pytest.mark.parametrize(("kind", "window"), OVER_STEPS_CASES)
def test_products_of_a_convolution_over_steps_compute_its_outputs(kind: str, window: dict[str, Any]) -> None:
    layer, inputs = over_steps(kind, window)
    assert reason_against(layer) == ""
    try:
        expected = np.asarray(layer(inputs))
    except tf.errors.InvalidArgumentError:  # On some processors TensorFlow cannot run the layer itself.
        assert kind == "transposed"
        assert "dilation_rate" in window
        return
    values = tf.constant(inputs)
    for product in products(layer):
        bias = 0.0 if product.bias is None else product.bias
        values = product.activation(product.apply(values, product.kernel) + bias)
    assert np.asarray(values) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(("kind", "window"), [case for case in OVER_STEPS_CASES if case.values[0] != "transposed"])
def test_rows_over_steps_times_weights_equal_the_outputs(kind: str, window: dict[str, Any]) -> None:
    layer, inputs = over_steps(kind, window, bias=False)
    values = tf.constant(inputs)
    for product in products(layer):
        rows = product.rows(values, 1000, np.random.default_rng(0))  # all positions, in order
        found = np.asarray(rows) @ product.grouped(product.kernel)
        values = product.apply(values, product.kernel)
        assert np.moveaxis(found, 0, 1).reshape(values.shape) == pytest.approx(np.asarray(values), abs=1e-5)
    assert np.asarray(values) == pytest.approx(np.asarray(layer(inputs)), abs=1e-5)


def einsum(settings: dict[str, Any]) -> tuple[layers.EinsumDense, Any]:
    """Return a layer with a bias that is not zero, and inputs for it."""
    rank = len(settings["equation"].partition(",")[0].replace("...", "ab"))
    inputs = np.random.default_rng(1).normal(size=(3, 5, 3, 4)[:rank]).astype(np.float32)
    settings = {"activation": "softmax", "bias_initializer": "normal", **settings}
    return built(layers.EinsumDense(**settings), inputs.shape[1:]), inputs


@pytest.mark.parametrize("settings", EQUATIONS, ids=lambda one: f"{one['equation']} {one.get('bias_axes')}")
def test_an_equation_of_rows_and_a_matrix_is_a_dense_product(settings: dict[str, Any]) -> None:
    layer, inputs = einsum(settings)
    assert reason_against(layer) == ""
    (product,) = products(layer)
    linear = product.apply(tf.constant(inputs), product.kernel)
    assert np.asarray(product.activation(linear + product.bias)) == pytest.approx(np.asarray(layer(inputs)), abs=1e-5)
    rows = np.asarray(product.rows(tf.constant(inputs), 1000, np.random.default_rng(0)))
    assert (rows @ product.kernel).reshape(linear.shape) == pytest.approx(np.asarray(linear), abs=1e-5)


@pytest.mark.parametrize("settings", EQUATIONS, ids=lambda one: f"{one['equation']} {one.get('bias_axes')}")
def test_a_layer_with_the_bias_of_each_output_computes_the_same(settings: dict[str, Any]) -> None:
    layer, inputs = einsum(settings)
    (product,) = products(layer)
    other = built(layers.EinsumDense.from_config(with_bias(layer)), inputs.shape[1:])
    values = product.kernel, product.bias
    other.set_weights([one.reshape(weight.shape) for one, weight in zip(values, other.weights, strict=True)])
    assert np.asarray(other(inputs)) == pytest.approx(np.asarray(layer(inputs)), abs=1e-6)


@pytest.mark.parametrize("equation", OTHER_EQUATIONS)
def test_other_equations_are_left_to_the_quantizer(equation: str) -> None:
    layer, _ = einsum({"equation": equation, "output_shape": OTHER_EQUATIONS[equation]})
    assert reason_against(layer) == f"{equation} is no product of rows and a matrix"


def test_a_bias_for_each_position_is_left_to_the_quantizer() -> None:
    layer, _ = einsum({"equation": "abc,cd->abd", "output_shape": (5, 3), "bias_axes": "bd"})
    assert "the bias has the axes bd, the outputs of the matrix d" in reason_against(layer)


@pytest.mark.parametrize("mean", [0.0, 1000.0])
def test_moments_are_exact_for_inputs_far_from_zero(mean: float) -> None:
    generator = np.random.default_rng(0)
    rows = (mean + 0.01 * generator.normal(size=(1, 2000, 12)) @ generator.normal(size=(12, 12))).astype(np.float32)
    expected = np.cov(rows[0].T.astype(np.float64), bias=True)
    found = moments(tf.constant(rows[:, start : start + 500]) for start in range(0, 2000, 500)).second[0]
    assert np.abs(found - expected).max() < 1e-3 * expected.diagonal().mean()


def test_moments_of_constant_inputs_have_a_cholesky_factor() -> None:
    """One group per channel, each with its own constant, as for dead channels."""
    rows = np.repeat(np.linspace(0.05, 5.9, 16, dtype=np.float32)[:, None, None], 9, axis=2).repeat(700, axis=1)
    found = moments([tf.constant(rows), tf.constant(rows)])
    assert (found.second.diagonal(axis1=1, axis2=2) >= 2.0**-41 * rows[:, 0] ** 2).all()
    for block in found.feedback(0.1).blocks(np.zeros((16, 9, 2), np.float32)):
        assert np.isfinite(block.within).all()
        assert (block.diagonal > 0).all()


def test_weights_are_rounded_for_the_outputs_of_the_rounded_layers_before() -> None:
    layer, generator = built(layers.Dense(6), (40,)), np.random.default_rng(0)
    one, other = (generator.normal(size=(500, 8)) @ generator.normal(size=(8, 40)) for _ in range(2))
    streams = {"float": one.astype(np.float32), "rounded": other.astype(np.float32)}

    def integers(true: str, rounded: str) -> Any:
        settings = Reconstruct()
        rounding = Refit(settings._rounded, settings.positions, settings.seed, frozenset())
        (handle,) = rounding.handlers({layer.name: layer}).values()
        handle([tf.constant(streams[true])], [tf.constant(streams[rounded])])
        kernel = rounding.weights[id(layer)][0]
        return np.rint(1000 * kernel / np.abs(kernel).max(axis=0))  # without the gain of each channel

    assert np.array_equal(integers("float", "rounded"), integers("rounded", "rounded"))
    assert not np.array_equal(integers("float", "rounded"), integers("float", "float"))


def test_gain_and_offset_map_rounded_outputs_to_the_true_ones() -> None:
    true = np.random.default_rng(0).normal(1.0, 2.0, (2000, 4)).astype(np.float32)
    shrunk = true.copy()
    shrunk[:, 0] = (true[:, 0] - 0.3) / 1.05
    shrunk[:, 1] = true[:, 1] / 1.9  # needs more than the largest gain
    shrunk[:, 2] = np.random.default_rng(1).normal(size=2000)  # uncorrelated
    fit = ChannelFit(4)
    for start in range(0, 2000, 500):
        fit.add(tf.constant(true[start : start + 500]), tf.constant(shrunk[start : start + 500]))
    gain, offset = fit.line()
    assert gain == pytest.approx([1.05, LARGEST_GAIN, 1.0, 1.0], rel=1e-4)
    assert (shrunk * gain + offset).mean(axis=0) == pytest.approx(true.mean(axis=0), abs=1e-3)
    assert offset[0] == pytest.approx(0.3, abs=1e-3)
