"""Whether a file meets a budget, and its excess; a latency needs a margin to its limit."""

from __future__ import annotations

from dataclasses import replace

import pytest

from export.analysis.budget.limits import excess, keeps
from export.analysis.budget.point import Point
from export.recipe import Budget
from export.scheme import INT8

ONE = Point(scheme=INT8, format="tflite", bytes=1000, p50_ms=1.0, sqnr_db=20.0, changed=0.02)


@pytest.mark.parametrize(
    ("budget", "kept"),
    [
        (Budget(max_bytes=1000), True),
        (Budget(max_bytes=999), False),
        (Budget(max_drop=0.02), True),
        (Budget(max_drop=0.019), False),
        (Budget(max_latency_ms=1.06), True),
        (Budget(max_latency_ms=1.04), False),  # a second measurement differs by this much
        (Budget(max_bytes=2000, max_latency_ms=0.5), False),
        (Budget(), True),
    ],
)
def test_a_file_meets_a_budget_if_it_meets_every_limit(budget: Budget, kept: bool) -> None:
    assert keeps(ONE, budget) is kept


@pytest.mark.parametrize(
    ("budget", "kept"),
    [
        (Budget(max_ram_bytes=600, max_flash_bytes=1000), True),
        (Budget(max_ram_bytes=599), False),
        (Budget(max_flash_bytes=999), False),
    ],
)
def test_a_file_for_a_microcontroller_meets_the_limits_of_its_ram_and_flash(budget: Budget, kept: bool) -> None:
    assert keeps(replace(ONE, arena_bytes=600), budget) is kept
    assert keeps(replace(ONE, format="onnx"), budget)  # no microcontroller reads it


def test_excess_refers_to_the_worst_limit() -> None:
    assert excess(ONE, Budget(max_bytes=500, max_latency_ms=100)) == pytest.approx(1.0)
