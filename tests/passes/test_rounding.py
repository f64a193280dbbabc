"""Rounding with error feedback has less output error than nearest rounding and respects all bounds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from export.formats.pairing import LARGEST_PAIR, largest_pair, partners
from export.formats.tflite import grids
from export.formats.tflite.saturation import _requantized
from export.passes.fitting import rounding
from export.passes.fitting.feedback import Moments, Rows
from export.passes.fitting.rounding import largest_integer, round_depthwise, round_matrix

SHAPE = (3, 3, 20)
INPUTS = 180
LIMIT = 127  # of int8 weights


@pytest.fixture(scope="module")
def inputs() -> Any:
    """Return inputs (S, K) that are correlated like neighbours in a feature map."""
    generator = np.random.default_rng(0)
    mixed = generator.normal(size=(4000, 40)) @ generator.normal(size=(40, INPUTS)) + generator.normal(size=(4000, 180))
    return mixed.astype(np.float32)


@pytest.fixture(scope="module")
def weights() -> Any:
    return np.random.default_rng(1).normal(size=(INPUTS, 16)).astype(np.float32)


def error(inputs: Any, weights: Any, rounded: Any) -> Any:
    return np.mean((inputs @ (rounded - weights)) ** 2, axis=0)


def moments(inputs: Any) -> Any:
    return inputs.T @ inputs / len(inputs)


def known(inputs: Any) -> Moments:
    return Moments(moments(inputs)[None])


def test_feedback_is_better_than_nearest_rounding_with_a_safe_step(inputs: Any, weights: Any) -> None:
    found = round_matrix(weights[None], known(inputs), 0.01, SHAPE, limit=LIMIT)
    scale, stored = _requantized(weights.T.reshape(16, *SHAPE).astype(np.float64), np.abs(weights).max(axis=0) / 127)
    nearest = (stored.reshape(16, -1) * scale[:, None]).T
    ratio = error(inputs, weights, found.values[0]) / error(inputs, weights, nearest)
    assert 10 * np.log10(ratio.mean()) < -4, 10 * np.log10(ratio.mean())


def test_the_expected_error_equals_the_actual_error(inputs: Any, weights: Any) -> None:
    found = round_matrix(weights[None], known(inputs), 1e-4, SHAPE, limit=LIMIT)
    assert found.error[0] == pytest.approx(error(inputs, weights, found.values[0]), rel=0.02)


def test_no_pair_of_neighbours_is_too_large_in_either_order(inputs: Any, weights: Any) -> None:
    heavy = weights.copy()
    heavy[:6] = 5 + weights[:6] / 10  # large, nearly equal neighbours
    integers = round_matrix(heavy[None], known(inputs), 0.01, SHAPE, limit=LIMIT).integers[0]
    assert np.array_equal(integers, np.rint(integers))
    assert largest_pair(integers, SHAPE).max() <= LARGEST_PAIR
    assert np.abs(integers).max() <= 127
    rows = integers.T.reshape(16, *SHAPE)
    for order in (rows.reshape(16, -1), np.moveaxis(rows, -1, 1).reshape(16, -1)):
        assert np.abs(order[:, 0::2] + order[:, 1::2]).max() <= LARGEST_PAIR


def test_without_a_limit_on_pairs_small_layers_have_a_smaller_error() -> None:
    """Few independent inputs leave nothing to compensate, so the step decides."""
    generator = np.random.default_rng(0)
    inputs, weights = generator.normal(size=(500, 6)).astype(np.float32), generator.normal(size=(6, 64))
    weights = weights.astype(np.float32)
    paired, free = (round_matrix(weights[None], known(inputs), 0.1, shape, limit=LIMIT) for shape in ((6,), None))
    assert np.abs(free.integers).max() == LIMIT
    errors = [error(inputs, weights, found.values[0]).mean() for found in (paired, free)]
    assert 10 * np.log10(errors[0] / errors[1]) > 2


def test_partners_are_neighbours_in_memory() -> None:
    last, first = partners((1, 2, 3))
    assert last.tolist() == [1, 0, 3, 2, 5, 4]
    # With channels first the inputs are in the order 0 3 1 4 2 5.
    assert first.tolist() == [3, 4, 5, 0, 1, 2]
    assert partners((3,)).tolist() == [[1, 0, 2], [1, 0, 2]]


def test_every_depthwise_channel_holds_127(inputs: Any) -> None:
    generator = np.random.default_rng(2)
    weights = generator.normal(size=(20, 9, 2)).astype(np.float32)
    weights[3] = 0
    second = np.stack([moments(inputs[:, channel * 9 : channel * 9 + 9]) for channel in range(20)])
    found = round_depthwise(weights, Moments(second), 0.1, limit=LIMIT)
    largest = np.abs(found.integers).max(axis=1)
    assert (np.delete(largest, 3, axis=0) == 127).all()
    assert not found.values[3].any()


def test_a_grid_is_detected_and_none_in_other_weights(inputs: Any, weights: Any) -> None:
    found = round_matrix(weights[None], known(inputs), 0.01, SHAPE, limit=LIMIT)
    values = found.values[0].T.reshape(16, *SHAPE)
    scale, stored = _requantized(values.astype(np.float64), np.abs(values).reshape(16, -1).max(axis=1) / 127.0)
    assert np.array_equal(stored.reshape(16, -1).T, found.integers[0])
    assert scale == pytest.approx(found.step[0], rel=1e-6)
    assert not grids.steps(weights.T).any()


@pytest.mark.parametrize("count", [1, 5, 22])
def test_few_input_rows_give_the_same_weights_as_their_moments(inputs: Any, weights: Any, count: int) -> None:
    rows = inputs[:count] / np.sqrt(np.float32(count))
    one, other = (
        round_matrix(weights[None], seen, 0.1, SHAPE, limit=LIMIT) for seen in (known(inputs[:count]), Rows(rows))
    )
    assert np.mean(one.integers != other.integers) < 0.01  # float rounding differs between both computations
    assert other.error == pytest.approx(one.error, rel=0.02)


def test_rounding_in_batches_of_channels_gives_the_same_weights(
    inputs: Any, weights: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = round_matrix(weights[None], known(inputs), 0.1, SHAPE, limit=LIMIT)
    monkeypatch.setattr(rounding, "AT_ONCE", 5 * INPUTS * len(rounding.PAIRED_SHARES))
    parts = round_matrix(weights[None], known(inputs), 0.1, SHAPE, limit=LIMIT)
    assert np.mean(whole.integers != parts.integers) < 0.01
    assert np.array_equal(whole.step, parts.step)


def test_a_depthwise_channel_is_clipped_if_that_reduces_the_error(inputs: Any) -> None:
    """The input of the largest weight is nearly zero."""
    weights = np.random.default_rng(2).normal(size=(20, 9, 1)).astype(np.float32)
    weights[:, 4] = 5
    quiet = inputs.copy()
    quiet[:, 4::9] /= 1000
    second = np.stack([moments(quiet[:, channel * 9 : channel * 9 + 9]) for channel in range(20)])
    found = round_depthwise(weights, Moments(second), 1e-6, limit=LIMIT)
    assert (found.step < 0.98 * 5 / 127).all()
    assert found.step.mean() < 0.85 * 5 / 127


@pytest.mark.parametrize(("weight_bits", "limit"), [(8, 127), (4, 7)])
def test_integers_use_the_bits_of_the_weights(weight_bits: int, limit: int, inputs: Any, weights: Any) -> None:
    assert largest_integer(weight_bits) == limit
    matrix = round_matrix(weights[None], known(inputs), 0.01, SHAPE, limit=limit)
    second = np.stack([moments(inputs[:, channel * 9 : channel * 9 + 9]) for channel in range(20)])
    depthwise = round_depthwise(weights.reshape(20, 9, 16), Moments(second), 0.1, limit=limit)
    for rounded in (matrix, depthwise):
        assert limit / 2 < np.abs(rounded.integers).max() <= limit
