"""A blank network has the same layers, and networks built later have random weights again."""

from __future__ import annotations

import keras
import numpy as np

import zoo
from zoo.weights.patches import blank_weights


def test_a_blank_network_has_zeros_in_place_of_random_values() -> None:
    architecture = zoo.find("lenet5")
    with blank_weights():
        model = architecture.build()
    usual = architecture.build()
    assert [weight.path for weight in model.weights] == [weight.path for weight in usual.weights]
    kernels = [(one, other) for one, other in zip(model.weights, usual.weights, strict=True) if one.name == "kernel"]
    assert len(kernels) == 5
    assert not any(np.any(one.numpy()) for one, _ in kernels)
    assert all(np.any(other.numpy()) for _, other in kernels)


def test_initial_values_that_are_not_random_stay() -> None:
    with blank_weights():
        norm = keras.layers.BatchNormalization()
        norm.build((None, 4))
    assert norm.gamma.numpy().tolist() == [1, 1, 1, 1]
