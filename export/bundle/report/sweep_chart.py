"""Charts of a sweep's files: accuracy against size and against latency, with a line through each Pareto front.

This module computes the coordinates; `templates/sweep_chart.svg` draws them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from zoo.metric import METRICS

WIDTH, HEIGHT = 440, 290
LEFT, RIGHT, TOP, BOTTOM = 58, 16, 18, 42
MOST_TICKS = 5
WIDE_RATIO = 20  # Numbers that differ by more than this are drawn on a logarithmic axis.
HIGHEST_DB = 60  # Above 60 dB, differences are irrelevant.
MOST_NAMES = 12  # on one chart; more would cover each other, and the tooltips have them all
STEPS = (1, 2, 2.5, 5, 10)
DECADE = (1, 2, 5)

SweepRow = Mapping[str, Any]


class Dot(NamedTuple):
    """A file: its position, the name beside it, and its numbers as a tooltip."""

    x: float
    y: float
    style: str  # "on-front" or "beaten"
    name: str
    tooltip: str


class Tick(NamedTuple):
    """A label of an axis and its position."""

    place: float
    words: str


@dataclass(frozen=True, kw_only=True)
class SweepChart:
    """The coordinates and labels of a chart: both axes, all files, and the line of each front."""

    label: str
    width: int
    height: int
    edges: tuple[int, int]
    heights: list[Tick]
    ticks: list[Tick]
    quality: str
    axis: str
    fronts: list[list[tuple[float, float]]]
    dots: list[Dot]


@dataclass(frozen=True)
class _Axis:
    """A scale from numbers to coordinates."""

    low: float
    high: float
    start: float
    end: float
    is_logarithmic: bool = False

    def place(self, number: float) -> float:
        """Return the coordinate of a number."""
        low, high, inside = self.low, self.high, min(max(number, self.low), self.high)
        if self.is_logarithmic:
            low, high, inside = math.log(low), math.log(high), math.log(inside)
        return round(self.start + (self.end - self.start) * (inside - low) / (high - low), 1)

    def ticks(self) -> list[Tick]:
        """Return round numbers on the axis."""
        numbers = _decades(self.low, self.high) if self.is_logarithmic else _steps(self.low, self.high)
        return [Tick(self.place(number), f"{number:g}") for number in numbers]


def charts(rows: Sequence[SweepRow]) -> list[SweepChart]:
    """Return two charts for each metric of the files, and two of the SQNR of those without labelled data."""
    shown = [row for row in rows if row["passed"] and row["bytes"] and row["p50_ms"] and _quality(row) is not None]
    metrics = dict.fromkeys(_metric(row) for row in shown)
    return [
        _chart([row for row in shown if _metric(row) == metric], metric, number)
        for metric in metrics
        for number in ("bytes", "p50_ms")
    ]


def _chart(rows: Sequence[SweepRow], metric: str, number: str) -> SweepChart:
    unit, each = ("latency, ms", 1.0) if number == "p50_ms" else _unit([row["bytes"] for row in rows])
    values = [row[number] / each for row in rows]
    title, factor = _title(metric)
    qualities = [factor * min(_quality(row) or 0.0, math.inf if metric else HIGHEST_DB) for row in rows]
    across = _across(values)
    up = _Axis(*_padded(qualities), HEIGHT - BOTTOM, TOP)
    places = [(across.place(value), up.place(one)) for value, one in zip(values, qualities, strict=True)]
    names = _names(rows)
    dots = [
        Dot(*place, "on-front" if row["on_front"] else "beaten", name, f"{row['job']}, {row['file']}: {_numbers(row)}")
        for row, place, name in zip(rows, places, names, strict=True)
    ]
    return SweepChart(
        label=f"{title} against {unit}, of {len(rows)} files",
        width=WIDTH,
        height=HEIGHT,
        edges=(LEFT, WIDTH - RIGHT),
        heights=up.ticks(),
        ticks=across.ticks(),
        quality=title,
        axis=unit,
        fronts=_fronts(rows, places, metric),
        dots=sorted(dots, key=lambda dot: dot.style == "on-front"),
    )


def _fronts(rows: Sequence[SweepRow], places: Sequence[tuple[float, float]], metric: str) -> list[list[Any]]:
    """Return the line of every front: one for all files with a metric, or one for each model."""
    lines: dict[str, list[tuple[float, float]]] = {}
    for row, place in zip(rows, places, strict=True):
        if row["on_front"]:
            lines.setdefault("" if metric else row["model"], []).append(place)
    return [sorted(line) for line in lines.values()]


def _names(rows: Sequence[SweepRow]) -> list[str]:
    """Return the name beside each dot: of the first files on the front, once for a job."""
    named: set[str] = set()
    names = []
    for row in rows:
        is_named = row["on_front"] and row["job"] not in named and len(named) < MOST_NAMES
        named |= {row["job"]} if is_named else set()
        names.append(row["job"] if is_named else "")
    return names


def _numbers(row: SweepRow) -> str:
    words = row["words"]
    return ", ".join(filter(None, (words["size"], f"{words['time']} ms", f"SQNR {words['sqnr']} dB", words["score"])))


def _metric(row: SweepRow) -> str:
    return str(row["metric"]) if row["score"] is not None else ""


def _quality(row: SweepRow) -> float | None:
    value: float | None = row["score"] if row["score"] is not None else row["sqnr_db"]
    return value


def _title(metric: str) -> tuple[str, float]:
    """Return the title of the vertical axis, and the factor of its numbers."""
    found = next((one for one in METRICS if one.key == metric), None)
    if found is None:
        return "SQNR dB", 1.0
    return found.heading, 100.0 if found.unit == "%" else 1.0


def _unit(sizes: Sequence[int]) -> tuple[str, float]:
    return ("size, MB", 1e6) if max(sizes) >= 1e6 else ("size, kB", 1e3)


def _across(values: Sequence[float]) -> _Axis:
    low, high = min(values), max(values)
    if high > WIDE_RATIO * low:
        return _Axis(low / 1.3, high * 1.3, LEFT, WIDTH - RIGHT, is_logarithmic=True)
    return _Axis(0.0, 1.08 * high, LEFT, WIDTH - RIGHT)


def _padded(values: Sequence[float]) -> tuple[float, float]:
    """Return the ends of the vertical axis, with some room around the values."""
    low, high = min(values), max(values)
    room = 0.08 * (high - low) or 0.05 * abs(high) or 1.0
    return low - room, high + room


def _steps(low: float, high: float) -> Iterator[float]:
    decade = 10 ** math.floor(math.log10((high - low) / MOST_TICKS))
    step = next(decade * factor for factor in STEPS if decade * factor * MOST_TICKS >= high - low)
    for number in range(math.ceil(low / step), math.floor(high / step) + 1):
        yield round(number * step, 10)


def _decades(low: float, high: float) -> Iterator[float]:
    digits = DECADE if high / low < 1e3 else (1,)
    for decade in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1):
        yield from (digit * 10.0**decade for digit in digits if low <= digit * 10.0**decade <= high)
