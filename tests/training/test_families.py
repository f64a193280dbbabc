"""Every architecture of the zoo can be wrapped for quantization-aware training, and unwrapped with its weights."""

from __future__ import annotations

import itertools
from typing import Any

import keras
import numpy as np
import pytest

import zoo
from export.passes.fold import fold
from tests.zoo.contents import cover
from tests.zoo.families import photo_networks
from training import bridge
from training.compression.quantization_aware import QuantizationAware, _unwrapped
from training.recipe import Compression
from zoo import weights

FAMILIES = {zoo.find(name).family: name for name in reversed(photo_networks())}

KEPT = [(False, False), (True, False), (False, True), (True, True)]


def cases() -> list[Any]:
    """Return all networks with all four settings; quick tests use each network with one setting, in turn."""
    turns = dict(zip(cover(), itertools.cycle(KEPT)))
    return [
        pytest.param(name, *kept, marks=[] if turns.get(name) == kept else [pytest.mark.large])
        for name in FAMILIES.values()
        for kept in KEPT
    ]


@pytest.mark.parametrize(("name", "zeros", "clusters"), cases())
def test_every_architecture_is_wrapped_and_unwrapped(name: str, zeros: bool, clusters: bool) -> None:
    architecture = zoo.find(name)
    model = architecture.build(**architecture.trained_as("tiny").options)
    weights.load(model, architecture, "tiny")
    model = fold(model)
    stage = QuantizationAware(Compression(qat=True), keep_zeros=zeros, keep_clusters=clusters)
    wrapped = stage._wrapped(bridge.to_tf_keras(model))
    learning = [layer for layer in wrapped.layers if getattr(layer, "_weight_vars", None)]
    weighing = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D, keras.layers.Dense)
    assert {layer.layer.name for layer in learning} >= {layer.name for layer in model.layers if type(layer) in weighing}
    back = bridge.set_weights(keras.models.clone_model(model), _unwrapped(wrapped))
    assert all(np.array_equal(*pair) for pair in zip(back.get_weights(), model.get_weights(), strict=True))
