"""Faults of every family are caught, or have no effect on real photos."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from export.quantization.requested import Key
from export.scheme import FLOAT32
from tests.faults.families import FAMILIES
from tests.faults.networks import Network
from tests.faults.sweep import PREDICTIONS, is_worse, named, outputs, real_photos

NETWORKS = ("lenet5", "mobilenet_v2_tiny")
FEWEST = 3  # Fewer faults would mean that they could not be planted.
CASES = [
    pytest.param(family, key, name, id=f"{family}-{named(key)}-{name}")
    for family, one in FAMILIES.items()
    if family != "written wrongly"  # test_integer_faults, test_onnx_faults
    for key in one.keys
    for name in NETWORKS
]


@pytest.mark.large
@pytest.mark.parametrize(("family", "key", "name"), CASES)
def test_a_fault_is_caught_or_has_no_effect(
    family: str, key: Key, name: str, network: Callable[[str], Network]
) -> None:
    chosen = network(name)
    photos = real_photos(chosen)
    model = np.asarray(chosen.model.predict(photos, verbose=0)).reshape(len(photos), -1)
    healthy = outputs(chosen, key[0], chosen.content(key), photos)
    faults = list(FAMILIES[family].faulty(chosen, key, 1))
    assert len(faults) >= FEWEST
    for number, one in enumerate(faults):
        file = chosen.judged(key, one.planted, f"{family}-{named(key)}-{number}")
        if not file.failures:
            broken = outputs(chosen, key[0], one.content, photos)
            assert not _has_effect(key, model, healthy, broken), f"{one.kind} at {one.place}"


def _has_effect(key: Key, model: np.ndarray, healthy: np.ndarray, broken: np.ndarray) -> bool:
    """Return whether a fault has an effect; float32 files may lose decibels above the threshold of parity."""
    if key[1] == FLOAT32:
        return bool((healthy.argmax(axis=1) != broken.argmax(axis=1)).mean() > PREDICTIONS)
    return is_worse(model, healthy, broken)
