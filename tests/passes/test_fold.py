"""Batch norms are folded exactly or not at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pytest
from keras import layers

from export.metrics import compare
from export.model import signature
from export.passes.fold import fold, foldable

if TYPE_CHECKING:
    Net = Callable[[Any], Any]


def built(net: Net, shape: tuple[int, ...] = (9, 10, 4)) -> keras.Model:
    """Return a model with random weights and batch norm statistics, far from their initial values."""
    keras.utils.set_random_seed(0)
    image = keras.Input(shape, name="image")
    model = keras.Model(image, net(image))
    generator = np.random.default_rng(1)
    for layer in model.layers:
        low = 0.5 if isinstance(layer, layers.BatchNormalization) else -1.0
        layer.set_weights([generator.uniform(low, 1.5, weights.shape) for weights in layer.get_weights()])
    return model


def kept(model: keras.Model) -> list[str]:
    return [layer.name for layer in model.layers if isinstance(layer, layers.BatchNormalization)]


def assert_same_outputs(model: keras.Model, folded: keras.Model) -> None:
    inputs = np.random.default_rng(2).normal(size=(3, *model.input_shape[1:])).astype(np.float32)
    for one, other in zip(keras.tree.flatten(model(inputs)), keras.tree.flatten(folded(inputs)), strict=True):
        assert compare(reference=np.asarray(one), actual=np.asarray(other)).sqnr_db > 110
    assert signature.inputs(folded) == signature.inputs(model)
    assert signature.outputs(folded) == signature.outputs(model)


def norm(**settings: Any) -> Any:
    return layers.BatchNormalization(epsilon=1e-2, name="bn", **settings)


FOLDED: dict[str, Net] = {
    "conv": lambda x: layers.ReLU()(norm()(layers.Conv2D(5, 3, use_bias=False)(x))),
    "conv with bias": lambda x: norm()(layers.Conv2D(5, 3)(x)),
    "same": lambda x: norm()(layers.Conv2D(5, 3, padding="same")(x)),
    "same and strided": lambda x: norm()(layers.Conv2D(5, 3, strides=2, padding="same", use_bias=False)(x)),
    "dilated": lambda x: norm()(layers.Conv2D(5, 3, dilation_rate=2)(x)),
    "grouped": lambda x: norm()(layers.Conv2D(6, 3, groups=2)(x)),
    "padded before": lambda x: norm()(layers.Conv2D(5, 3, strides=2)(layers.ZeroPadding2D(((0, 1), (1, 0)))(x))),
    "depthwise": lambda x: norm()(layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x)),
    "depthwise, several per channel": lambda x: norm()(layers.DepthwiseConv2D(3, depth_multiplier=3)(x)),
    "separable": lambda x: norm()(layers.SeparableConv2D(5, 3, depth_multiplier=2, use_bias=False)(x)),
    "transposed": lambda x: norm()(layers.Conv2DTranspose(5, 3, strides=2, padding="same")(x)),
    "dense": lambda x: norm()(layers.Dense(5, use_bias=False)(layers.Flatten()(x))),
    "over steps": lambda x: norm()(layers.Conv1D(5, 3, padding="causal", use_bias=False)(layers.Reshape((90, 4))(x))),
    "over steps, depthwise": lambda x: norm()(layers.DepthwiseConv1D(3, depth_multiplier=3)(x[:, 2])),
    "over steps, separable": lambda x: norm()(layers.SeparableConv1D(5, 3, depth_multiplier=2)(x[:, 2])),
    "over steps, transposed": lambda x: norm()(layers.Conv1DTranspose(5, 3, strides=2)(x[:, 2])),
    "without scale and offset": lambda x: norm(scale=False, center=False)(layers.Conv2D(5, 3)(x)),
    "two branches": lambda x: layers.Add()([norm()(layers.Conv2D(4, 1)(x)), x]),
    "output": lambda x: norm()(layers.Conv2D(5, 3, use_bias=False)(x)),
}


def shared(x: Any) -> Any:
    conv, bn = layers.Conv2D(4, 1), norm()
    return bn(conv(bn(conv(x))))


def read_twice(x: Any) -> Any:
    y = layers.Conv2D(4, 1)(x)
    return layers.Add()([norm()(y), y])


def also_output(x: Any) -> Any:
    y = layers.Conv2D(4, 1, name="conv")(x)
    return [norm()(y), y]


ALONE: dict[str, Net] = {
    "first": lambda x: layers.Conv2D(5, 3, padding="same")(norm()(x)),
    "after an activation": lambda x: norm()(layers.ReLU()(layers.Conv2D(5, 3)(x))),
    "after an activation of the layer's own": lambda x: norm()(layers.Conv2D(5, 3, activation="relu")(x)),
    "after a pooling": lambda x: norm()(layers.AveragePooling2D(2)(layers.Conv2D(5, 3)(x))),
    "over steps": lambda x: norm()(layers.Reshape((90, 4))(x)),
    "over steps, after an activation": lambda x: norm()(layers.Conv1D(5, 3, activation="relu")(x[:, 2])),
    "read twice": read_twice,
    "an output too": also_output,
    "without scale and offset": lambda x: norm(scale=False, center=False)(layers.MaxPooling2D(2)(x)),
}

NOT_FOLDED: dict[str, Net] = {
    "of another axis": lambda x: norm(axis=1)(layers.Conv2D(5, 3)(x)),
    "shared": shared,
    "of no image": lambda x: norm()(layers.ReLU()(layers.Dense(5)(layers.Flatten()(x)))),
}


@pytest.mark.parametrize("name", FOLDED)
def test_folding_is_exact(name: str) -> None:
    model = built(FOLDED[name])
    assert kept(model) == ["bn"]
    folded = fold(model)
    assert kept(folded) == []
    assert_same_outputs(model, folded)


@pytest.mark.parametrize("name", ALONE)
def test_a_batch_norm_without_a_layer_becomes_one_operator(name: str) -> None:
    model = built(ALONE[name])
    assert foldable(model) == []
    folded = fold(model)
    assert kept(folded) == []
    assert isinstance(folded.get_layer("bn"), layers.DepthwiseConv1D | layers.DepthwiseConv2D)
    assert_same_outputs(model, folded)


@pytest.mark.parametrize("name", NOT_FOLDED)
def test_batch_norms_that_cannot_be_folded_exactly_stay(name: str) -> None:
    model = built(NOT_FOLDED[name])
    assert foldable(model) == []
    folded = fold(model)
    assert kept(folded) == ["bn"]
    assert_same_outputs(model, folded)


def test_a_sequential_model_is_folded_too() -> None:
    model = keras.Sequential([keras.Input((9, 10, 4), name="image"), layers.Conv2D(5, 3), norm()])
    folded = fold(model)
    assert kept(folded) == []
    assert_same_outputs(model, folded)


def test_folding_leaves_the_model_unchanged() -> None:
    model = built(FOLDED["conv with bias"])
    before = model.get_weights()
    folded = fold(model)
    folded.set_weights([weights + 1 for weights in folded.get_weights()])
    assert kept(model) == ["bn"]
    assert all(np.array_equal(one, other) for one, other in zip(model.get_weights(), before, strict=True))


def test_all_batch_norms_of_the_zoo_are_folded() -> None:
    import zoo

    for name in ("mobilenet", "resnet50", "densenet121"):
        architecture = zoo.find(name)
        model = architecture.build(**architecture.tiny)
        folded = fold(model)
        assert kept(model)
        assert kept(folded) == []
        assert_same_outputs(model, folded)
