"""Chart of the layers of a quantized file: own error, accumulated error, and share of the output error.

This module computes the coordinates; `templates/layer_chart.svg` draws them without scripts, in the colours of the
page, so that dark mode works.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from export.bundle.report.layer_words import decibels, percent

WIDTH, HEIGHT = 1000, 400
LEFT, RIGHT, TOP, BOTTOM = 46, 16, 14, 92  # Margins; the bottom one contains the layer names.
SHARES = 0.4  # Height of the tallest bar relative to the plot.
HIGHEST_DB, GRID_DB = 60, 10
FEW = 16  # Up to so many layers, all names fit.
NAME_LENGTH = 22  # Longer names are truncated.
NAME_WIDTH = 13  # Horizontal space of a rotated name.

Layers = Sequence[Mapping[str, Any]]
Place = tuple[float, float]


class Box(NamedTuple):
    """A rectangle; x and y are its upper left corner."""

    x: float
    y: float
    width: float
    height: float


class Label(NamedTuple):
    """A text at a position."""

    x: float
    y: float
    words: str
    is_worst: bool = False


@dataclass(frozen=True, kw_only=True)
class LayerChart:
    """The coordinates and labels of the chart.

    Attributes:
        label: description of the chart for screen readers.
        width: width of the chart.
        height: height of the chart.
        edges: the left and the right end of the grid.
        grid: the heights of the grid lines, with their labels.
        bars: each layer's share of the output error.
        curves: points of each curve by its style.
        numbers: ranks of the worst layers, on the curve of the accumulated error.
        names: names of the layers, below the chart.
        tooltips: a hover area for every layer, with its numbers.
    """

    label: str
    width: int
    height: int
    edges: tuple[int, int]
    grid: list[Label]
    bars: list[Box]
    curves: dict[str, list[Place]]
    numbers: list[Label]
    names: list[Label]
    tooltips: list[tuple[Box, str]]


def chart(found: Mapping[str, Any]) -> LayerChart:
    """Return the chart of a diagnosis record."""
    layers: Layers = found["layers"]
    places = [LEFT + (place + 0.5) * _step(layers) for place in range(len(layers))]
    return LayerChart(
        label=f"SQNR of every layer of {found['file']}, and its share of the output error",
        width=WIDTH,
        height=HEIGHT,
        edges=(LEFT, WIDTH - RIGHT),
        grid=list(_grid()),
        bars=list(_bars(layers, places)),
        curves={
            "own": list(_curve(places, [layer["local_sqnr_db"] for layer in layers])),
            "gathered": list(_curve(places, [layer["cumulative_sqnr_db"] for layer in layers])),
        },
        numbers=list(_numbers(found, places)),
        names=list(_names(found, places)),
        tooltips=list(_tooltips(layers, places)),
    )


def _step(layers: Layers) -> float:
    return (WIDTH - LEFT - RIGHT) / max(len(layers), 1)


def _height(value: float) -> float:
    """Return the vertical position of a value in decibels."""
    inside = min(max(value, 0.0), HIGHEST_DB)
    return round(TOP + (HEIGHT - TOP - BOTTOM) * (1 - inside / HIGHEST_DB), 1)


def _grid() -> Iterator[Label]:
    for value in range(0, HIGHEST_DB + 1, GRID_DB):
        yield Label(LEFT - 6, _height(value), f"{value} dB" if value == HIGHEST_DB else str(value))


def _bars(layers: Layers, places: Sequence[float]) -> Iterator[Box]:
    largest = max((layer["share"] or 0.0 for layer in layers), default=0.0)
    width = min(0.7 * _step(layers), 40)
    for layer, x in zip(layers, places, strict=True):
        if layer["share"]:
            high = SHARES * (HEIGHT - TOP - BOTTOM) * layer["share"] / largest
            yield _box(x, _height(0) - high, width, high)


def _curve(places: Sequence[float], values: Sequence[float | None]) -> Iterator[Place]:
    for x, value in zip(places, values, strict=True):
        if value is not None:
            yield round(x, 1), _height(value)


def _numbers(found: Mapping[str, Any], places: Sequence[float]) -> Iterator[Label]:
    for number, place in enumerate(_worst(found), 1):
        height = _height(found["layers"][place]["cumulative_sqnr_db"])
        yield Label(round(places[place], 1), height, str(number), is_worst=True)


def _names(found: Mapping[str, Any], places: Sequence[float]) -> Iterator[Label]:
    """Yield the layer names: all if they fit, else those of the worst, the first and the last layers."""
    layers, worst = found["layers"], _worst(found)
    all_fit = len(layers) <= FEW
    taken = -1e9
    for place in range(len(layers)) if all_fit else sorted({0, len(layers) - 1, *worst}):
        is_worst = place in worst
        if not (all_fit or is_worst) and places[place] - taken < NAME_WIDTH:
            continue
        taken = places[place]
        name = layers[place]["name"]
        short = name if len(name) <= NAME_LENGTH else f"{name[: NAME_LENGTH - 1]}…"
        yield Label(round(places[place], 1), HEIGHT - BOTTOM + 16, short, is_worst)


def _tooltips(layers: Layers, places: Sequence[float]) -> Iterator[tuple[Box, str]]:
    """Yield an invisible hover area for every layer, with its numbers."""
    for layer, x in zip(layers, places, strict=True):
        lines = [f"{layer['name']} ({layer['op'].lower() or 'input'}, {layer['dtype']})"]
        if len(layer["group"]) > 1:
            lines.append(f"computed in one step: {', '.join(layer['group'])}")
        own, accumulated = decibels(layer["local_sqnr_db"]), decibels(layer["cumulative_sqnr_db"])
        lines.append(f"own {own} dB, accumulated {accumulated} dB")
        if layer["share"] is not None:
            lines.append(f"{percent(layer['share'])} of the output error")
        yield _box(x, TOP, _step(layers), HEIGHT - TOP - BOTTOM), "\n".join(lines)


def _box(middle: float, top: float, width: float, height: float) -> Box:
    return Box(round(middle - width / 2, 1), round(top, 1), round(width, 1), round(height, 1))


def _worst(found: Mapping[str, Any]) -> list[int]:
    """Return the positions of the worst layers, starting with the worst."""
    names = [layer["name"] for layer in found["layers"]]
    return [names.index(finding["name"]) for finding in found["worst"]]
