from __future__ import annotations

import json

import pytest

from calibration.ranges import Ranges
from zoo.errors import ZooError


def ranges(**by_tensor: tuple[float, float]) -> Ranges:
    return Ranges(by_tensor=by_tensor, observer="min-max")


@pytest.mark.parametrize("pair", [(float("nan"), 1.0), (0.0, float("inf")), (float("-inf"), 0.0)])
def test_a_range_that_is_not_finite_is_refused_with_the_tensors_name(pair: tuple[float, float]) -> None:
    with pytest.raises(ZooError, match="conv_pw_3"):
        ranges(conv_pw_3=pair)


def test_a_range_with_low_above_high_is_refused() -> None:
    with pytest.raises(ZooError, match="impossible"):
        ranges(a=(1.0, 0.0))


def test_merge_is_the_union_of_ranges_and_tensors() -> None:
    merged = ranges(a=(0.0, 2.0), b=(1.0, 1.0)).merge(ranges(a=(-1.0, 1.0), c=(3.0, 4.0)))
    assert merged.by_tensor == {"a": (-1.0, 2.0), "b": (1.0, 1.0), "c": (3.0, 4.0)}


def test_difference_is_relative_to_the_wider_range_and_names_the_tensor() -> None:
    one = ranges(a=(0.0, 4.0), b=(-1.0, 1.0), c=(0.0, 10.0))
    two = ranges(a=(0.0, 3.0), b=(-1.0, 1.0), c=(0.0, 9.0))
    difference = one.difference(two)
    assert (difference.worst, difference.worst_tensor) == (0.25, "a")
    assert (difference.median, difference.median_tensor) == (0.1, "c")
    assert difference == two.difference(one)


def test_difference_of_a_constant_tensor_that_moved_is_not_zero() -> None:
    assert ranges(a=(1.0, 1.0)).difference(ranges(a=(1.0, 1.0))).worst == 0.0
    assert ranges(a=(1.0, 1.0)).difference(ranges(a=(2.0, 2.0))).worst == float("inf")


def test_difference_between_different_tensors_is_refused() -> None:
    with pytest.raises(ZooError, match="b"):
        ranges(a=(0.0, 1.0)).difference(ranges(a=(0.0, 1.0), b=(0.0, 1.0)))


def test_ranges_survive_json() -> None:
    original = ranges(a=(0.1, 4.0), b=(-1.0, 1.0))
    assert Ranges.from_record(json.loads(json.dumps(original.record()))) == original
