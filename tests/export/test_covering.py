"""The samples of the arithmetic check are those that reach most; what they do not reach is named."""

from __future__ import annotations

import numpy as np

from export.formats.session import OperatorErrors
from export.runtime.jobs.covering import choose
from export.runtime.jobs.reach import Reach, ends_of

NONE = np.zeros(0)


def reach_of(**stored: np.ndarray) -> Reach:
    found = Reach()
    for name, values in stored.items():
        found.add(OperatorErrors(op="ADD", tensor=name, dtype=values.dtype.name, steps=NONE, stored=values))
    return found


def int8(*rows: list[int]) -> np.ndarray:
    return np.array(rows, np.int8)


def test_the_candidate_that_reaches_most_comes_first_and_useless_ones_never() -> None:
    known = reach_of(a=int8([0, 0, 0]), b=int8([0, 0]))
    candidates = [
        {"a": int8([0, 0, 0]), "b": int8([0, 0])},
        {"a": int8([5, 0, 0]), "b": int8([0, 0])},
        {"a": int8([127, 9, -128]), "b": int8([0, 0])},
        {"a": int8([0, 0, 0]), "b": int8([127, 0])},
        {"a": int8([100, 0, 0]), "b": int8([0, 0])},
    ]
    assert list(choose([ends_of(one) for one in candidates], known, 5)) == [2, 3]


def test_no_more_are_chosen_than_allowed() -> None:
    known = reach_of(a=int8([0, 0, 0]))
    candidates = [{"a": int8([1 if place == channel else 0 for place in range(3)])} for channel in range(3)]
    assert list(choose([ends_of(one) for one in candidates], known, 2)) == [0, 1]


def test_an_end_of_a_single_channel_counts_after_those_of_activations() -> None:
    known = reach_of(a=int8([0, 127], [1, -128]), b=int8([0], [1]))
    candidates = [{"a": int8([127, 0]), "b": int8([0])}, {"a": int8([0, 0]), "b": int8([127])}]
    assert list(choose([ends_of(one) for one in candidates], known, 2)) == [1, 0]


def test_without_activations_nothing_is_chosen() -> None:
    assert list(choose([{}, {}], reach_of(a=int8([0])), 2)) == []
    assert list(choose([], reach_of(a=int8([0])), 2)) == []


def test_idle_channels_are_counted_by_activation() -> None:
    record = reach_of(a=int8([-128, 3, 0], [-128, 5, 0]), b=int8([7], [7])).record()
    assert record is not None
    assert (record["channels_that_vary"], record["channels"]) == (1, 4)
    assert record["idle"] == {"a": [1, 3]}
    assert record["constant"] == ["b"]
