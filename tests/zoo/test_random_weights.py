"""With random weights the outputs depend on the inputs, and rounding errors stay small."""

from __future__ import annotations

import numpy as np
import pytest

import zoo
from zoo.weights import random_weights


@pytest.mark.large
def test_random_weights_of_a_deep_network_neither_overflow_nor_amplify_rounding() -> None:
    """EfficientNet-B7's depth at a quarter of B0's width: parity cannot be proven if rounding errors are amplified."""
    architecture = zoo.find("efficientnet_b7")
    small = {"width": 0.25, "resolution": 64}
    model, preprocessing = architecture.build(**small), architecture.preprocess(**small)
    random_weights.fill(model, preprocessing, seed=0)
    rng = np.random.default_rng(0)
    smooth = np.cumsum(rng.normal(size=(4, 64, 64, 3)), axis=1)
    photos = preprocessing.normalise(np.uint8(np.clip(128 + 8 * smooth, 0, 255))).astype(np.float32)
    inputs = np.concatenate([photos, photos * np.float32(1 + 2e-7), photos[::-1]])
    logits, rounded, other = np.split(np.asarray(model(inputs, training=False), np.float64), 3)
    power = (logits**2).mean()
    assert 0.01 < power < 100
    assert 10 * np.log10(power / ((rounded - logits) ** 2).mean()) > 100
    assert 10 * np.log10(power / ((other - logits) ** 2).mean()) < 20
