"""The search asks little and never answers with what it was not shown to hold."""

from __future__ import annotations

import random

import pytest

from export.analysis.budget.bisect import fewest, most


@pytest.mark.parametrize("count", [0, 1, 2, 5, 30, 100])
def test_fewest_is_found_with_few_evaluations(count: int) -> None:
    for smallest in range(count + 1):
        asked: list[int] = []

        def holds(number: int, smallest: int = smallest, asked: list[int] = asked) -> bool:
            asked.append(number)
            return number >= smallest

        assert fewest(count, holds) == smallest
        assert len(asked) == len(set(asked)) <= 2 * count.bit_length() + 2
        assert max(asked) <= max(2 * smallest, 1)  # a file with many raised layers is not made without need


def test_fewest_is_none_if_nothing_holds() -> None:
    assert fewest(30, lambda _number: False) is None


def test_fewest_holds_even_without_monotonicity() -> None:
    generator = random.Random(0)
    for _ in range(200):
        good = {number: generator.random() < 0.5 for number in range(31)}
        found = fewest(30, good.__getitem__)
        assert found is None or good[found]


def test_most_is_the_last_number_that_fits() -> None:
    for limit in range(4, 16):
        assert most(4, 16, limit.__ge__) == limit
