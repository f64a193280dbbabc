"""Layers inside of attention and of custom layers are reconstructed from their own inputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

from calibration.samples import Samples
from export import passes
from export.formats import PRIMARY
from export.formats.format import QuantizationPlan
from export.formats.pairing import LARGEST_PAIR
from export.formats.tflite import flatbuffer
from export.formats.tflite.layers import weighing
from export.metrics import compare
from export.model import reference
from export.passes.fitting.refit import NOT_ONCE
from export.passes.fitting.streaming import Traversal
from export.passes.fitting.sublayers import chosen
from export.passes.fitting.survey import Survey
from export.passes.prune import Prune
from export.passes.reconstruct import Reconstruct
from export.recipe import Io
from export.scheme import W8A32

Tensor = Any  # keras.KerasTensor
PARTS = ("query", "key", "value", "attention_output")
STEPS, WIDTH, WORDS = 6, 8, 20
# The values of real data depend on each other, which rounding with error feedback uses.
MIXTURE = np.random.default_rng(0).normal(size=(3, WIDTH))


@keras.saving.register_keras_serializable("tests.sublayers")
class Block(layers.Layer):
    """A block of a transformer as people write it, with a layer that is called twice and one without a bias."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.attention = layers.MultiHeadAttention(2, 4)
        self.forward = keras.Sequential([layers.Dense(12, activation="gelu"), layers.Dense(WIDTH)])
        self.twice, self.scale = layers.Dense(WIDTH), layers.Dense(WIDTH, use_bias=False)
        self.norm = layers.LayerNormalization()

    def call(self, x: Tensor) -> Tensor:
        x = self.norm(x + self.attention(x, x))
        return self.twice(self.twice(x + self.forward(x))) + self.scale(x)


def words() -> tuple[Tensor, Tensor]:
    """Return a model's input of words, and their values with a Keras mask, which passes through a dense layer."""
    given = keras.Input((STEPS,), dtype="int32", name="words")
    return given, layers.Dense(WIDTH, name="wide")(layers.Embedding(WORDS, WIDTH, mask_zero=True, name="table")(given))


def series() -> tuple[Tensor, Tensor]:
    given = keras.Input((STEPS, WIDTH), name="series")
    return given, layers.Dense(WIDTH, name="wide")(given)


def attended(call: Callable[[Tensor], Tensor], start: Callable[[], tuple[Tensor, Tensor]] = series) -> keras.Model:
    keras.utils.set_random_seed(0)
    given, values = start()
    model = keras.Model(given, layers.Dense(3, name="head")(call(values)))
    for weight in model.weights:
        if weight.path.endswith("bias"):
            weight.assign(0.3 * np.random.default_rng(1).normal(size=weight.shape))
    return model


def attention(*inputs: str, start: Any = series, **settings: Any) -> Callable[[], keras.Model]:
    """Return a maker of a model with one attention, called with the named settings of its call."""
    called = {name: settings.pop(name) for name in ("use_causal_mask", "attention_mask") if name in settings}

    def call(x: Tensor) -> Tensor:
        named = {"x": x, "half": x[:, ::2], "negative": -x, "square": ops.square(x)}
        found = layers.MultiHeadAttention(2, 4, name="mha", **settings)(*(named[name] for name in inputs), **called)
        return ops.concatenate([found, ops.zeros_like(found)], axis=-1)

    return lambda: attended(call, start)


def grouped(x: Tensor) -> Tensor:
    return layers.GroupQueryAttention(4, 4, 2, use_bias=False, name="mha")(x, x)


def scores(x: Tensor) -> Tensor:
    found, weights = layers.MultiHeadAttention(2, 4, name="mha")(x, x, return_attention_scores=True)
    return ops.concatenate([ops.reshape(weights, (-1, STEPS, 2 * STEPS)), found], axis=-1)


def over_rows(x: Tensor) -> Tensor:
    images = ops.reshape(x, (-1, 2, STEPS // 2, WIDTH))
    found = layers.MultiHeadAttention(2, 4, attention_axes=(2,), name="mha")(images, images)
    return ops.reshape(found, (-1, STEPS, WIDTH))


def twice(x: Tensor) -> Tensor:
    shared = layers.MultiHeadAttention(2, 4, name="mha")
    return shared(shared(x, x), x)


TRIANGLE = np.tri(STEPS, dtype=bool)[None]
CASES: dict[str, Callable[[], keras.Model]] = {
    "itself": attention("x", "x"),
    "two inputs": attention("x", "half"),
    "three inputs": attention("x", "square", "negative"),
    "mask": attention("x", "x", attention_mask=TRIANGLE),
    "causal": attention("x", "x", use_causal_mask=True),
    "causal with dropout": attention("x", "x", use_causal_mask=True, dropout=0.5),
    "Keras mask": attention("x", "x", start=words),
    "Keras mask and causal": attention("x", "x", start=words, use_causal_mask=True),
    "output shape": attention("x", "x", output_shape=(5,), value_dim=3),
    "without bias": attention("x", "x", use_bias=False),
    "gate": attention("x", "x", use_gate=True),
    "axes": lambda: attended(over_rows),
    "scores": lambda: attended(scores),
    "called twice": lambda: attended(twice),
    "groups": lambda: attended(grouped),
    "custom layer": lambda: attended(Block(name="block")),
}


# The others are variants of these: in `make large`.
QUICK = ("two inputs", "Keras mask and causal", "without bias", "called twice", "custom layer")
EVERY = [pytest.param(case, marks=() if case in QUICK else pytest.mark.large) for case in CASES]


def samples(model: keras.Model, count: int = 60, seed: int = 0) -> Samples:
    generator = np.random.default_rng(seed)
    lengths = np.arange(STEPS) < generator.integers(2, STEPS + 1, (count, 1))
    factors = np.cumsum(generator.normal(size=(count, STEPS, 3)), axis=1)
    made = {
        "words": (generator.integers(1, WORDS, (count, STEPS)) * lengths).astype(np.int32),
        "series": (factors @ MIXTURE + 0.1 * generator.normal(size=(count, STEPS, WIDTH))).astype(np.float32),
    }
    (name,) = (tensor._keras_history.operation.name for tensor in model.inputs)
    return Samples(inputs={name: made[name]}, source="tests", seed=0)


def sqnr_db(expected: Any, found: Any) -> float:
    return compare(reference=expected, actual=found).sqnr_db


@pytest.mark.parametrize("case", EVERY)
def test_looking_into_a_layer_does_not_change_its_outputs(case: str) -> None:
    model = CASES[case]()
    seen: list[str] = []
    survey = Survey(positions=50, seed=0, look=lambda name, _, __: seen.append(name))
    some = samples(model)
    ((found, _),) = Traversal(model, some).run(survey.handlers(chosen(model)[0]))
    (expected,) = reference.outputs(model, some).values()
    assert sqnr_db(expected, found) > 100
    assert {"wide/0", "head/0"} < set(seen)
    owner = "block/multi_head_attention" if case == "custom layer" else "mha"
    assert {f"{owner}/{part}/0" for part in PARTS} < set(seen)


@pytest.mark.parametrize("case", EVERY)
def test_the_new_model_computes_what_the_reconstruction_expected(case: str) -> None:
    model = CASES[case]()
    some = samples(model)
    result = passes.apply(Reconstruct(), model, some)
    (expected,), (found,) = (reference.outputs(one, some).values() for one in (model, result.model))
    assert result.record.measured["weights_sqnr_db"] == pytest.approx(sqnr_db(expected, found), abs=0.01)
    assert sqnr_db(expected, found) > 35
    assert not any("call" in vars(layer) for layer in model._flatten_layers())


def nearest(model: keras.Model, names: tuple[str, ...]) -> keras.Model:
    """Return a copy whose named layers have the nearest integers of the smallest steps, as a quantizer stores them."""
    copied = keras.models.clone_model(model)
    copied.set_weights(model.get_weights())
    found = chosen(copied)[0]
    for name in names:
        kernel = found[name].kernel
        inputs = 2 if name.endswith("attention_output") else 1
        step = np.abs(kernel).max(axis=tuple(range(inputs)), keepdims=True) / 127
        kernel.assign(np.rint(kernel / step) * step)
    return copied


@pytest.mark.parametrize(
    "case", ["two inputs", *(pytest.param(case, marks=pytest.mark.large) for case in ("Keras mask", "groups"))]
)
def test_other_samples_are_nearer_than_with_the_nearest_integers(case: str) -> None:
    model = CASES[case]()
    result = Reconstruct()(model, samples(model))
    others = samples(model, count=200, seed=1)
    rounded = nearest(model, result.record.layers)
    expected, found, plain = (
        next(iter(reference.outputs(one, others).values())) for one in (model, result.model, rounded)
    )
    assert sqnr_db(expected, found) > sqnr_db(expected, plain) + 1


def test_layers_without_a_single_call_or_a_bias_stay_and_are_recorded() -> None:
    model = CASES["custom layer"]()
    result = Reconstruct()(model, samples(model))
    paths = {f"block/multi_head_attention/{part}" for part in PARTS}
    paths |= {"block/sequential/dense", "block/sequential/dense#2"}
    assert set(result.record.layers) == {"wide", "head", *paths}
    assert result.record.skipped == {"block/dense": NOT_ONCE}
    for name in ("twice", "scale", "norm"):
        before, after = (getattr(one.get_layer("block"), name).get_weights() for one in (model, result.model))
        assert all(np.array_equal(one, other) for one, other in zip(before, after, strict=True))


def test_the_weights_inside_of_a_layer_are_pruned_like_others() -> None:
    model = CASES["two inputs"]()
    result = passes.apply(Prune(share=0.5), model, samples(model))
    assert {f"mha/{part}" for part in PARTS} < set(result.record.layers)
    assert result.record.measured["zero_share"] == pytest.approx(0.5, abs=0.01)


def test_layers_that_stay_float_keep_the_weights_inside_of_them() -> None:
    model = CASES["itself"]()
    new = Reconstruct(kept=frozenset({"mha"}))(model, samples(model)).model
    for part in ("_query_dense", "_output_dense"):
        one, other = (getattr(some.get_layer("mha"), part).kernel.numpy() for some in (model, new))
        gain = other / one
        assert (
            np.ptp(gain.reshape(-1, *gain.shape[1:] if part == "_query_dense" else gain.shape[2:]), axis=0).max() < 1e-5
        )


@pytest.mark.parametrize(
    "case", ["groups", *(pytest.param(case, marks=pytest.mark.large) for case in ("itself", "gate"))]
)
def test_the_file_holds_the_integers_of_every_projection(case: str) -> None:
    model = CASES[case]()
    content = PRIMARY.convert(Reconstruct()(model, samples(model)).model)
    plan = QuantizationPlan(scheme=W8A32, io=Io.FLOAT32, ranges=None, input_ranges={})
    file, float_file = flatbuffer.read(PRIMARY.quantize(content, plan, {})), flatbuffer.read(content)
    count = 0
    for layer, original in zip(weighing(file), weighing(float_file), strict=True):
        stored = flatbuffer.constant(file, layer.weights).astype(np.float64)
        wanted = flatbuffer.constant(float_file, original.weights) / np.array(layer.weights.quantization.scale)[:, None]
        assert np.abs(stored - wanted).max() < 2e-3
        pairs = stored[:, : stored.shape[1] // 2 * 2].reshape(len(stored), -1, 2)
        assert np.abs(pairs.sum(axis=2)).max() <= LARGEST_PAIR
        count += 1
    assert count == len(chosen(model)[0])
