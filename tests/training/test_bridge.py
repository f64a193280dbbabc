"""Every architecture has the same outputs and layer names in tf_keras, and its weights are copied back."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

import zoo
from tests.zoo.contents import quick
from tests.zoo.families import photo_networks
from training import bridge
from training.bridge import BridgeError
from zoo import weights

FAMILIES = {zoo.find(name).family: name for name in reversed(photo_networks())}


def trained(name: str) -> keras.Model:
    architecture = zoo.find(name)
    model = architecture.build(**architecture.trained_as("tiny").options)
    assert weights.load(model, architecture, "tiny").trained
    return model


@pytest.mark.parametrize("name", quick(sorted(FAMILIES.values())))
def test_every_architecture_is_converted_and_weights_are_copied_back(name: str) -> None:
    import tf_keras

    model = trained(name)
    copied = bridge.to_tf_keras(model)
    assert isinstance(copied, tf_keras.Model)
    assert bridge.check(model, copied) < 1e-5
    own = {layer.name for layer in model.layers if layer.weights}
    assert own == {layer.name for layer in copied.layers if layer.weights}
    for weight in copied.weights:
        weight.assign(weight * 1.01)
    new = bridge.copy_back(copied, model)
    assert bridge.check(new, copied) < 1e-5
    assert all(
        np.allclose(one.numpy(), 1.01 * other.numpy()) for one, other in zip(new.weights, model.weights, strict=True)
    )


@pytest.mark.parametrize("activation", ["hard_sigmoid", "hard_silu", "relu6", "silu", "gelu", "softmax", "elu", "tanh"])
def test_activations_have_the_same_values_in_tf_keras(activation: str) -> None:
    image = keras.Input((8, 8, 3))
    model = keras.Model(image, layers.Conv2D(4, 3, activation=activation)(image))
    bridge.check(model, bridge.to_tf_keras(model))


def test_shared_layers_and_several_inputs_are_converted() -> None:
    one, other = keras.Input((8,), name="one"), keras.Input((8,), name="other")
    shared = layers.Dense(4, activation="relu", name="shared")
    model = keras.Model([one, other], layers.Add()([shared(one), shared(other)]))
    copied = bridge.to_tf_keras(model)
    bridge.check(model, copied)
    assert [layer.name for layer in copied.layers].count("shared") == 1


def test_different_or_nan_outputs_are_refused() -> None:
    model = trained("lenet5")
    copied = bridge.to_tf_keras(model)
    copied.layers[-1].bias.assign_add([1.0] + [0.0] * 9)
    with pytest.raises(BridgeError, match="differ by"):
        bridge.check(model, copied)
    copied.layers[-1].bias.assign([np.nan] * 10)
    with pytest.raises(BridgeError, match="not finite"):
        bridge.check(model, copied)


def test_the_error_names_what_cannot_be_converted() -> None:
    class Own(layers.Layer):
        def call(self, x):
            return x

    image = keras.Input((8,))
    with pytest.raises(BridgeError, match="no layer Own"):
        bridge.to_tf_keras(keras.Model(image, Own(name="mine")(image)))
    with pytest.raises(BridgeError, match="no layer RMSNormalization"):
        bridge.to_tf_keras(keras.Model(image, layers.RMSNormalization()(image)))
    named = type("Dense", (Own,), {})
    with pytest.raises(BridgeError, match="no layer Dense"):
        bridge.to_tf_keras(keras.Model(image, named(name="mine")(image)))
    subclassed = type("Mine", (keras.Model,), {"call": lambda self, x: x})
    with pytest.raises(BridgeError, match="needs a functional or Sequential model"):
        bridge.to_tf_keras(subclassed())
    with pytest.raises(BridgeError, match="the operator Sin"):
        bridge.to_tf_keras(keras.Model(image, keras.ops.sin(image)))


def test_a_missing_layer_is_refused() -> None:
    model = trained("lenet5")
    import tf_keras

    copied = bridge.to_tf_keras(model)
    cut = tf_keras.Model(copied.input, copied.layers[-2].output)
    with pytest.raises(BridgeError, match="has no layer logits"):
        bridge.copy_back(cut, model)


def test_weights_of_other_shapes_are_refused() -> None:
    model = trained("lenet5")
    narrower = keras.Model(model.input, layers.Dense(3, name="logits")(model.layers[-2].output))
    with pytest.raises(BridgeError, match="logits has weights of other shapes"):
        bridge.copy_back(bridge.to_tf_keras(narrower), model)
