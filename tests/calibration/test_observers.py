from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import numpy as np
import pytest

from calibration.observers import OBSERVERS, SplitObserver, create
from tests.calibration.streams import Values, stream
from zoo.errors import UsageProblemError, ZooError


def activations() -> Iterator[tuple[str, Values]]:
    generator = np.random.default_rng(3)
    normal = generator.normal(size=40000).astype(np.float32)
    yield "symmetric", normal
    yield "relu", np.maximum(normal, 0)
    yield "relu6", np.clip(normal * 4, 0, 6)
    yield "outlier", np.append(normal, np.float32(60))
    yield "mostly zero", np.where(generator.random(40000) < 0.97, 0, normal * normal).astype(np.float32)
    yield "skewed", generator.exponential(size=40000).astype(np.float32) - np.float32(0.1)
    yield "positive", normal * np.float32(0.1) + np.float32(3)


def int8_error(values: Values, low: float, high: float) -> float:
    """Return the mean squared error of int8 rounding with an exact zero, as in exported files."""
    low, high = min(low, 0.0), max(high, 0.0)
    step = (high - low) / 255
    zero = np.rint(-128 - low / step)
    stored = np.clip(np.rint(values.astype(np.float64) / step) + zero, -128, 127)
    return float(np.mean((values - (stored - zero) * step) ** 2))


@pytest.mark.parametrize("name", sorted(OBSERVERS))
def test_values_that_are_not_finite_are_refused_with_the_tensors_name(name: str) -> None:
    for bad in (np.nan, np.inf, -np.inf):
        with pytest.raises(ZooError, match="conv_dw_1"):
            create(name).update("conv_dw_1", np.array([0.0, bad, 1.0], np.float32))


def test_an_unknown_observer_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UsageProblemError, match="percentile"):
        create("percentil")


def test_min_max_is_numpys_min_and_max() -> None:
    observer, samples = create("min-max"), stream()
    for values in samples:
        observer.update("t", values)
    everything = np.stack(samples)
    assert observer.ranges().by_tensor == {"t": (float(everything.min()), float(everything.max()))}


@pytest.mark.parametrize("name", sorted(OBSERVERS))
def test_integers_and_empty_tensors_are_accepted(name: str) -> None:
    observer = create(name)
    observer.update("ids", np.array([[3, -5, 7]], np.int64))
    observer.update("none", np.zeros((1, 0), np.float32))
    low, high = observer.ranges().by_tensor["ids"]
    assert -5 <= low < high <= 7
    assert "none" not in observer.ranges().by_tensor


def test_percentile_cuts_one_value_of_10000_off_each_end() -> None:
    observer, samples = create("percentile"), stream(60)
    for values in samples:
        observer.update("t", values)
    everything = np.stack(samples)
    low, high = observer.ranges().by_tensor["t"]
    expected = 0.0001 * everything.size
    assert expected > 5, "the test data must have values outside the range"
    assert abs(np.count_nonzero(everything < low) - expected) <= 1
    assert abs(np.count_nonzero(everything > high) - expected) <= 1


def test_percentile_after_a_relu_starts_at_exactly_zero() -> None:
    observer = create("percentile")
    observer.update("t", np.maximum(np.concatenate([v.ravel() for v in stream()]), 0))
    assert observer.ranges().by_tensor["t"][0] == 0.0


@pytest.mark.parametrize(("kind", "values"), list(activations()))
def test_mse_is_within_2_percent_of_the_best_range_that_brute_force_finds(kind: str, values: Values) -> None:
    observer = create("mse")
    for part in np.array_split(values, 7):
        observer.update("t", part)
    low, high = observer.ranges().by_tensor["t"]
    shares = np.geomspace(1, 0.03, 60)
    lows = float(values.min()) * (shares if values.min() < 0 else np.ones(1))
    best = min(int8_error(values, one, float(values.max()) * two) for one in lows for two in shares)
    assert int8_error(values, low, high) <= 1.02 * best, kind


def test_mse_clips_an_outlier_that_min_max_keeps() -> None:
    observer = create("mse")
    for _ in range(30):
        observer.update("t", dict(activations())["symmetric"])
    observer.update("t", np.array([20], np.float32))
    assert observer.ranges().by_tensor["t"][1] < 12


@pytest.mark.parametrize("name", ["percentile", "mse"])
def test_exact_tensors_are_never_clipped(name: str) -> None:
    observer = create(name, frozenset({"logits"}))
    values = np.concatenate([np.random.default_rng(0).normal(size=900_000), [18, -17]]).astype(np.float32)
    observer.update("logits", values)
    observer.update("inner", values)
    assert observer.ranges().by_tensor["logits"] == (-17.0, 18.0)
    assert observer.ranges().by_tensor["inner"][1] < 12


@pytest.mark.parametrize("name", ["percentile", "mse"])
def test_an_unknown_exact_tensor_is_an_error(name: str) -> None:
    observer = create(name, frozenset({"logit"}))
    observer.update("logits", np.ones(3, np.float32))
    with pytest.raises(ValueError, match="logit"):
        observer.ranges()


@pytest.mark.parametrize("name", sorted(OBSERVERS))
def test_the_order_of_the_samples_does_not_matter(name: str) -> None:
    forward, backward = create(name), create(name)
    for values in stream():
        forward.update("t", values)
    for values in reversed(stream()):
        backward.update("t", values)
    assert forward.ranges() == backward.ranges()


@pytest.mark.parametrize("name", sorted(OBSERVERS))
def test_two_halves_together_give_the_ranges_of_all_samples(name: str) -> None:
    split, whole = SplitObserver(name), create(name)
    for index, values in enumerate(stream()):
        split.half(index)("t", values)
        whole.update("t", values)
    assert split.ranges() == whole.ranges()


def test_stability_is_the_difference_of_even_and_odd_samples() -> None:
    split, halves = SplitObserver("min-max"), (create("min-max"), create("min-max"))
    for index, values in enumerate(stream()):
        split.half(index)("t", values)
        halves[index % 2].update("t", values)
    stability = split.stability()
    assert stability is not None
    assert stability == halves[0].ranges().difference(halves[1].ranges())
    assert stability.worst > 0


def test_one_sample_has_ranges_but_no_stability() -> None:
    split = SplitObserver("min-max")
    split.half(0)("t", np.ones(3, np.float32))
    assert split.ranges().by_tensor == {"t": (1.0, 1.0)}
    assert split.stability() is None


@pytest.mark.parametrize("name", sorted(OBSERVERS))
def test_observer_memory_does_not_grow_with_the_number_of_samples(name: str) -> None:
    def held(count: int) -> int:
        tracemalloc.start()
        observer, generator = create(name), np.random.default_rng(0)
        for _ in range(count):
            observer.update("t", generator.normal(size=5000).astype(np.float32))
        size = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        return size

    held(5)
    assert held(200) < held(10) + 20_000


def test_observers_neither_change_nor_keep_the_values() -> None:
    for name in OBSERVERS:
        values = stream(1)[0]
        before = values.copy()
        observer = create(name)
        observer.update("t", values)
        ranges = observer.ranges()
        np.testing.assert_array_equal(values, before)
        values[:] = 1e6
        assert observer.ranges() == ranges
