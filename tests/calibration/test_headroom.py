"""Ranges with headroom lose less on samples that were not observed."""

from __future__ import annotations

import numpy as np
import pytest

from calibration.headroom import FEWEST_SAMPLES, STEPS, Ends, EndsRecorder


def ends(highs: np.ndarray, count: int) -> Ends:
    return Ends(count=count, lows=np.zeros(len(highs)), highs=np.asarray(highs, np.float64))


def loss(high: float, tops: np.ndarray, count: int) -> float:
    """Return the mean squared error of new samples: of rounding all values, and of clipping the largest."""
    return count * (high / STEPS) ** 2 / 12 + float(np.mean(np.maximum(tops - high, 0) ** 2))


@pytest.mark.parametrize("count", [16, 64])
def test_new_samples_lose_less_with_headroom(count: int) -> None:
    generator = np.random.default_rng(0)
    plain, wider = [], []
    for _ in range(200):
        tops = 1 + generator.exponential(0.2, size=60)
        high, (below, above) = float(tops.max()), ends(tops, count).headroom()
        assert below == 0
        fresh = 1 + generator.exponential(0.2, size=500)
        plain.append(loss(high, fresh, count))
        wider.append(loss(high + above, fresh, count))
    assert np.mean(wider) < 0.7 * np.mean(plain)


def test_large_maps_have_no_headroom_because_it_would_round_all_their_values_more_coarsely() -> None:
    tops = 1 + np.random.default_rng(0).exponential(0.02, size=60)
    assert ends(tops, 100).headroom()[1] > 0
    assert ends(tops, 1_000_000).headroom() == (0, 0)


@pytest.mark.parametrize("highs", [np.full(60, 6.0), 1 + np.arange(FEWEST_SAMPLES - 1), np.zeros(60)])
def test_caps_few_samples_and_zeros_have_no_headroom(highs: np.ndarray) -> None:
    assert ends(highs, 4).headroom() == (0, 0)


def test_both_ends_of_every_activation_are_recorded() -> None:
    generator, seen, recorder = np.random.default_rng(0), [], EndsRecorder()
    for _ in range(60):
        recorder.then(lambda name, values: seen.append(name))("sum", generator.normal(size=4))
    below, above = recorder.headroom()["sum"]
    assert below < 0 < above
    assert seen == ["sum"] * 60
