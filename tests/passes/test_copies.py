"""A copy of a model has the outputs and the names of the original, whatever its structure."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import pytest
from keras import layers

from calibration.samples import Samples
from export import passes
from export.model import signature
from export.model.run_graph import as_inputs, run_graph
from export.passes.equalize import Equalize
from export.passes.fold import Fold
from export.passes.reconstruct import Reconstruct


def embedder() -> keras.Model:
    stack = [layers.Conv2D(6, 3, use_bias=False, name="conv"), layers.BatchNormalization(), layers.ReLU()]
    pool = layers.GlobalAveragePooling2D(name="pool")
    return keras.Sequential([keras.Input((12, 12, 1)), *stack, pool], name="embedder")


def two_headed() -> keras.Model:
    image = keras.Input((12, 12, 1))
    x = layers.Conv2D(6, 3, activation="relu", name="conv")(image)
    return keras.Model(image, [layers.GlobalAveragePooling2D()(x), layers.GlobalMaxPooling2D()(x)], name="heads")


def nested_output() -> keras.Model:
    image = keras.Input((12, 12, 1), name="image")
    return keras.Model(image, embedder()(image))


def siamese() -> keras.Model:
    left, right, shared = keras.Input((12, 12, 1), name="left"), keras.Input((12, 12, 1), name="right"), embedder()
    one, other = shared(left), shared(right)
    same = layers.Dense(1, activation="sigmoid", name="same")(layers.Dot(1)([one, other]))
    return keras.Model([left, right], [same, one, other])


def nested_heads() -> keras.Model:
    image = keras.Input((12, 12, 1), name="image")
    mean, peak = two_headed()(image)
    return keras.Model(image, [peak, layers.Dense(3, name="scores")(mean), mean])


def inner_output() -> keras.Model:
    image = keras.Input((12, 12, 1), name="image")
    x = layers.Conv2D(6, 3, name="conv")(image)
    normed = layers.BatchNormalization(name="norm")(x)
    pooled = layers.GlobalAveragePooling2D(name="pool")(layers.ReLU(name="relu")(normed))
    return keras.Model(image, [layers.Dense(3, name="scores")(pooled), normed, x, pooled])


def nested_twice() -> keras.Model:
    image = keras.Input((12, 12, 1), name="image")
    inner = keras.Input((12, 12, 1))
    outer = keras.Model(inner, layers.Dense(4, name="dense")(embedder()(inner)), name="outer")
    x = outer(image)
    return keras.Model(image, [x, layers.Dense(2, name="dense")(x)])


def dictionary() -> keras.Model:
    inputs = {name: keras.Input((12, 12, 1), name=name) for name in ("zeta", "alpha")}
    shared = embedder()
    outputs = {"z": shared(inputs["zeta"]), "a": layers.Dense(2, name="a")(shared(inputs["alpha"]))}
    flat = keras.Model(inputs, outputs)
    return keras.Model(list(flat.inputs), list(flat.outputs))


def passed_through() -> keras.Model:
    image, scale = keras.Input((12, 12, 1), name="image"), keras.Input((4,), name="scale")
    return keras.Model([image, scale], [layers.Dense(4, name="scores")(embedder()(image)), scale])


STRUCTURES = (nested_output, siamese, nested_heads, inner_output, nested_twice, dictionary, passed_through)


def random_samples(model: keras.Model) -> Samples:
    generator = np.random.default_rng(0)
    inputs = {spec.name: generator.random((16, *spec.shape[1:]), np.float32) for spec in signature.inputs(model)}
    return Samples(inputs=inputs, source="noise", seed=0)


def filled(build: Callable[[], keras.Model]) -> keras.Model:
    keras.utils.set_random_seed(0)
    model, generator = build(), np.random.default_rng(1)
    model.set_weights([weights + generator.uniform(0.1, 0.5, weights.shape) for weights in model.get_weights()])
    return model


@pytest.mark.parametrize("build", STRUCTURES)
def test_every_pass_keeps_the_outputs_and_the_names(build: Callable[[], keras.Model]) -> None:
    model = filled(build)
    samples = random_samples(model)
    for one in (Fold(), Equalize(), Reconstruct()):
        result = passes.apply(one, model, samples)
        assert signature.names(result.model) == signature.names(model)
        model = result.model


@pytest.mark.parametrize("build", STRUCTURES)
def test_running_the_graph_gives_the_outputs_of_the_model(build: Callable[[], keras.Model]) -> None:
    model = filled(build)
    samples = random_samples(model)
    expected = keras.tree.flatten(model([samples.inputs[spec.name] for spec in signature.inputs(model)]))
    run = run_graph(model, as_inputs(model, samples.inputs))
    assert all(np.allclose(one, other, atol=1e-5) for one, other in zip(run.outputs, expected, strict=True))
