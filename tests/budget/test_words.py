"""Parsing of budget options."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from export.analysis.budget import words
from export.recipe import Budget, Preset, Recipe
from export.scheme import FLOAT16
from zoo.errors import UsageProblemError


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (words.drop, "1%", 0.01),
        (words.drop, "0.5 %", 0.005),
        (words.size, "3MB", 3_000_000),
        (words.size, "500 kB", 500_000),
        (words.size, "1MiB", 1 << 20),
        (words.latency, "20ms", 20.0),
        (words.latency, "0.5 s", 500.0),
    ],
)
def test_budget_options_are_parsed(read: Callable[[str], float], text: str, value: float) -> None:
    assert read(text) == pytest.approx(value)


@pytest.mark.parametrize(
    ("read", "text", "example"),
    [
        (words.drop, "0.01", "type for example --max-drop 1%"),
        (words.drop, "100%", "type for example --max-drop 1%"),
        (words.size, "3", "type for example --max-size 3MB"),
        (words.size, "0MB", "type for example --max-size 3MB"),
        (words.size, "-3MB", "type for example --max-size 3MB"),
        (words.latency, "20", "type for example --max-latency 20ms"),
    ],
)
def test_an_invalid_budget_is_refused_with_an_example(read: Callable[[str], float], text: str, example: str) -> None:
    with pytest.raises(UsageProblemError, match=example):
        read(text)


def test_options_that_exclude_each_other_are_refused() -> None:
    with pytest.raises(UsageProblemError, match="--preset chooses for you"):
        Budget(preset=Preset.COMPACT, max_bytes=1)
    with pytest.raises(UsageProblemError, match="a budget is measured on real inputs"):
        Recipe(model="lenet5", budget=Budget(max_bytes=1), random_calibration=True)
    with pytest.raises(UsageProblemError, match="add --int8"):
        Recipe(model="lenet5", budget=Budget(max_drop=0.01), schemes=(FLOAT16,))
