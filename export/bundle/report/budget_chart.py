"""Charts of the candidate files of a budget: SQNR against size and against latency.

This module computes the coordinates; `templates/budget_chart.svg` draws them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from export.bundle.report.budget_words import cells

WIDTH, HEIGHT = 440, 290
LEFT, RIGHT, TOP, BOTTOM = 58, 16, 18, 42
HIGHEST_DB, GRID_DB = 60, 10  # Above 60 dB, differences are irrelevant.
ROOM = 1.08  # Length of the axis relative to the largest value.
MOST_TICKS = 5
ROUND_STEPS = (1, 2, 2.5, 5, 10)

Point = Mapping[str, Any]


class Dot(NamedTuple):
    """A file: its position, the presets that choose it, and its numbers as a tooltip."""

    x: float
    y: float
    style: str  # "chosen", "on-front" or "beaten"
    name: str
    tooltip: str


class Tick(NamedTuple):
    """A label of an axis and its position."""

    place: float
    words: str


@dataclass(frozen=True, kw_only=True)
class BudgetChart:
    """The coordinates and labels of a chart.

    Attributes:
        label: description of the chart for screen readers.
        width: width of the chart.
        height: height of the chart.
        edges: the left and the right end of the grid.
        decibels: the ticks of the vertical axis.
        ticks: the ticks of the horizontal axis.
        axis: title of the horizontal axis.
        front: the files on the Pareto front, in order.
        dots: all files.
    """

    label: str
    width: int
    height: int
    edges: tuple[int, int]
    decibels: list[Tick]
    ticks: list[Tick]
    axis: str
    front: list[tuple[float, float]]
    dots: list[Dot]


def charts(manifest: Mapping[str, Any]) -> list[BudgetChart]:
    """Return the charts of a budget: SQNR against size and against latency; none without a budget."""
    if not manifest["budget"]:
        return []
    points: Sequence[Point] = manifest["budget"]["points"]
    unit, bytes_each = ("MB", 1e6) if max(point["bytes"] for point in points) >= 1e6 else ("kB", 1e3)
    sizes = [point["bytes"] / bytes_each for point in points]
    times = [point["p50_ms"] for point in points]
    return [chart(points, sizes, f"size, {unit}"), chart(points, times, "latency, ms")]


def chart(points: Sequence[Point], numbers: Sequence[float], axis: str) -> BudgetChart:
    """Return a chart of SQNR against a value of each point, with a line through the Pareto front."""
    largest = ROOM * max(numbers)
    heights = (_height(point["sqnr_db"]) for point in points)
    places = [(_across(number, largest), height) for number, height in zip(numbers, heights, strict=True)]
    return BudgetChart(
        label=f"SQNR against {axis}, of {len(points)} files",
        width=WIDTH,
        height=HEIGHT,
        edges=(LEFT, WIDTH - RIGHT),
        decibels=[
            Tick(_height(value), f"{value} dB +" if value == HIGHEST_DB else str(value))
            for value in range(0, HIGHEST_DB + 1, GRID_DB)
        ],
        ticks=[Tick(_across(value, largest), f"{value:g}") for value in _ticks(largest)],
        axis=axis,
        front=sorted(place for point, place in zip(points, places, strict=True) if point["on_front"]),
        dots=sorted((_dot(point, *place) for point, place in zip(points, places, strict=True)), key=_is_chosen),
    )


def _dot(point: Point, x: float, y: float) -> Dot:
    style = "chosen" if point["chosen"] else "on-front" if point["on_front"] else "beaten"
    return Dot(x, y, style, ", ".join(point["presets"]), f"{point['label']}: {', '.join(cells(point)[:-1])}")


def _is_chosen(dot: Dot) -> bool:
    return dot.style == "chosen"


def _ticks(largest: float) -> Iterator[float]:
    """Yield round numbers from 0 up to `largest`, in at most five steps."""
    decade = 10 ** math.floor(math.log10(largest / MOST_TICKS))
    step = next(decade * factor for factor in ROUND_STEPS if decade * factor * MOST_TICKS >= largest)
    for number in range(math.floor(largest / step) + 1):
        yield number * step


def _across(number: float, largest: float) -> float:
    return round(LEFT + (WIDTH - LEFT - RIGHT) * number / largest, 1)


def _height(sqnr_db: float) -> float:
    inside = min(max(sqnr_db, 0.0), HIGHEST_DB)
    return round(TOP + (HEIGHT - TOP - BOTTOM) * (1 - inside / HIGHEST_DB), 1)
