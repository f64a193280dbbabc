"""The interval beside the SQNR holds what other samples give, also where few rows cause most of the error."""

from __future__ import annotations

import math

import numpy as np
import pytest

from export.metrics import OutputKind, compare
from export.metrics.interval import FEWEST, share_interval, sqnr_interval_db


def sqnr_db(signal: np.ndarray, error: np.ndarray) -> float:
    return 10 * math.log10(float((signal**2).sum() / (error**2).sum()))


@pytest.mark.parametrize(
    ("tail", "count", "least"), [(0.3, 64, 0.95), (1.0, 64, 0.9), (1.0, 128, 0.9), (1.5, 128, 0.85)]
)
def test_other_rows_lie_in_the_interval(tail: float, count: int, least: float) -> None:
    """The error of a row is lognormal: with a deviation of 1.5, one row in a hundred makes a third of all error."""
    random, held = np.random.default_rng(0), []
    for _ in range(50):
        signal = random.normal(size=(count + 64, 4))
        error = np.abs(random.normal(size=signal.shape)) * 0.05 * random.lognormal(0, tail, (len(signal), 1))
        found = sqnr_interval_db(signal[:count], error[:count])
        assert found is not None
        held.append(found[0] <= sqnr_db(signal[count:], error[count:]) <= found[1])
    assert np.mean(held) >= least


def test_interval_is_narrow_where_all_rows_are_alike() -> None:
    signal = np.random.default_rng(0).normal(size=(200, 50))
    error = np.abs(np.random.default_rng(1).normal(size=signal.shape)) * 0.05
    low, high = sqnr_interval_db(signal, error) or (0, 0)
    assert low < sqnr_db(signal, error) < high
    assert high - low < 1.5


def test_interval_is_the_same_in_every_run_and_part_of_a_comparison() -> None:
    signal = np.random.default_rng(0).normal(size=(40, 5))
    found = [compare(reference=signal, actual=signal + 0.01, kind=OutputKind.VALUES).sqnr_interval_db for _ in range(2)]
    assert found[0] == found[1] == sqnr_interval_db(signal, np.abs((signal + 0.01) - signal))


def test_few_samples_and_equal_outputs_have_no_interval() -> None:
    signal = np.ones((FEWEST - 1, 3))
    assert sqnr_interval_db(signal, 0.1 * signal) is None
    assert sqnr_interval_db(np.ones((20, 3)), np.zeros((20, 3))) is None


@pytest.mark.parametrize(("share", "count"), [(0.9, 32), (0.98, 64), (0.6, 16)])
def test_the_true_share_lies_in_the_interval_of_95_percent(share: float, count: int) -> None:
    found = np.random.default_rng(0).binomial(count, share, 4000) / count
    limits = {one: share_interval(one, count) for one in np.unique(found)}
    held = [limits[one][0] <= share <= limits[one][1] for one in found]
    assert 0.92 <= np.mean(held) <= 0.99


def test_equal_predictions_of_few_samples_say_how_few_they_are() -> None:
    reference = np.eye(10)[np.arange(32) % 10]
    found = compare(reference=reference, actual=reference, kind=OutputKind.CLASSES)
    assert found.top1_agreement == 1
    assert found.top1_interval == share_interval(1, 32) == (pytest.approx(0.893, abs=0.001), pytest.approx(1))
    assert compare(reference=reference, actual=reference, kind=OutputKind.VALUES).top1_interval is None
