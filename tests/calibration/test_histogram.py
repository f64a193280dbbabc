"""Histograms of streams with unknown range."""

from __future__ import annotations

import numpy as np
import pytest

from calibration.histogram import BINS, Histogram
from tests.calibration.streams import stream


def test_histogram_counts_equal_those_of_numpy() -> None:
    histogram, samples = Histogram(), stream()
    for values in samples:
        histogram.update("t", values)
    limit = BINS // 2 * histogram.width
    assert limit / 2 <= np.abs(np.stack(samples)).max() < limit
    expected = np.histogram(np.stack(samples), BINS, (-limit, limit))[0]
    np.testing.assert_array_equal(histogram.counts, expected)


@pytest.mark.parametrize("scales", [(1e-3, 50.0), (50.0, 1e-3), (1.0, 1.0)])
def test_a_merged_histogram_counts_the_values_of_both(scales: tuple[float, float]) -> None:
    one, two, both = Histogram(), Histogram(), Histogram()
    for histogram, scale in zip((one, two), scales, strict=True):
        values = stream(1)[0] * np.float32(scale)
        histogram.update("t", values)
        both.update("t", values)
    merged = one.merged(two)
    np.testing.assert_array_equal(merged.counts, both.counts)
    assert (merged.low, merged.high, merged.width) == (both.low, both.high, both.width)


def test_a_sample_of_zeros_does_not_make_the_bins_coarse() -> None:
    histogram = Histogram()
    histogram.update("t", np.zeros(9, np.float32))
    histogram.update("t", np.float32([1e-6, -1e-6]))
    assert histogram.width < 1e-9
    assert histogram.zeros == 9


@pytest.mark.parametrize("scale", [1e-45, 1e-38, 1e-20, 1.0, 1e20, 3e38])
def test_a_histogram_counts_every_value_at_any_scale(scale: float) -> None:
    histogram = Histogram()
    values = (np.linspace(-1, 1, 101) * scale).astype(np.float32)
    for part in (values[50:51], values[30:70], values):
        histogram.update("t", part)
    assert histogram.counts.sum() == 1 + 40 + 101
    assert histogram.low <= histogram.quantile(0.0) <= histogram.quantile(1.0) <= histogram.high
