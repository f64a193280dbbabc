"""A wrong number is found at any position and with any chunk size."""

from __future__ import annotations

import numpy as np
import pytest

from export.formats import distance
from export.formats.distance import largest_steps

STEP = np.full((7, 5), 0.5)


def numbers() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(7, 5))


@pytest.mark.parametrize("at_once", [1, 11, 1 << 22])
@pytest.mark.parametrize("place", [(0, 0), (3, 2), (6, 4)])
def test_largest_error_is_reported(at_once: int, place: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distance, "AT_ONCE", at_once)
    found = numbers()
    found[place] += 0.75
    assert largest_steps(found, numbers(), STEP) == pytest.approx(1.5, abs=1e-5)
    found[place] = np.nan
    assert largest_steps(found, numbers(), STEP) == float("inf")


def test_distance_is_infinite_for_unequal_shapes_and_zero_for_empty_ones() -> None:
    assert largest_steps(numbers(), numbers().T, STEP) == float("inf")
    assert largest_steps(np.empty((0, 3)), np.empty((0, 3)), np.empty((0, 3))) == 0
    assert largest_steps(np.array(1.0), np.array(2.0), np.array(0.5)) == pytest.approx(2, abs=1e-5)
