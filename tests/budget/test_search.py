"""The search needs few evaluations and returns only a count that was evaluated and passed."""

from __future__ import annotations

import random

import pytest

from export.analysis.budget.bisect import fewest, most


@pytest.mark.parametrize("count", [0, 1, 2, 5, 30, 100])
def test_bisection_finds_the_smallest_count_that_passes_with_few_evaluations(count: int) -> None:
    for smallest in range(count + 1):
        evaluated: list[int] = []

        def holds(number: int, smallest: int = smallest, evaluated: list[int] = evaluated) -> bool:
            evaluated.append(number)
            return number >= smallest

        assert fewest(count, holds) == smallest
        assert len(evaluated) == len(set(evaluated)) <= 2 * count.bit_length() + 2
        assert max(evaluated) <= max(2 * smallest, 1)  # no file has far more raised layers than necessary


def test_bisection_returns_none_if_no_count_passes() -> None:
    assert fewest(30, lambda _number: False) is None


def test_the_result_passes_even_if_the_predicate_is_not_monotonic() -> None:
    generator = random.Random(0)
    for _ in range(200):
        good = {number: generator.random() < 0.5 for number in range(31)}
        found = fewest(30, good.__getitem__)
        assert found is None or good[found]


def test_the_largest_count_that_fits_is_found() -> None:
    for limit in range(4, 16):
        assert most(4, 16, limit.__ge__) == limit
