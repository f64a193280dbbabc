"""The files that a budget chose from, as a section of the page: drawn against size and against time, and as a table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from export.bundle.report.budget_words import cells, headings, is_met, lines, remark
from export.bundle.report.markup import Column, paragraphs, table, text

WIDTH, HEIGHT = 480, 300
LEFT, RIGHT, TOP, BOTTOM = 46, 16, 18, 40
HIGHEST_DB, GRID_DB = 60, 10  # more is no error that anyone could see
ROOM = 1.08  # beyond the largest number
TICKS = 4

Point = Mapping[str, Any]


def section(manifest: Mapping[str, Any]) -> str:
    """Return the section, or nothing where no budget was asked."""
    if not manifest["budget"]:
        return ""
    met, points = is_met(manifest), manifest["budget"]["points"]
    columns: list[Column] = [("file", False), *((heading, True) for heading in headings(manifest)), ("", False)]
    rows = [[text(point["label"]), *cells(point), text(remark(point, is_met=met))] for point in points]
    drawn = "".join(
        chart(points, number, words)
        for number, words in ((_megabytes, "size, MB"), (_milliseconds, "time of one inference, ms"))
    )
    ranking = ", ".join(
        f"{layer['layer']} {100 * layer['share']:.1f} %"
        for layer in manifest["budget"]["ranking"][:10]
        if layer["share"]
    )
    costly = [f"what the layers cost, of the output's error: {ranking}"] if ranking else []
    return (
        f'<h2>The budget</h2>{paragraphs(lines(manifest))}<div class="front">{drawn}</div>'
        f'<div class="wide">{table(columns, rows)}</div>{paragraphs(costly)}'
    )


def chart(points: Sequence[Point], number: Callable[[Point], float], words: str) -> str:
    """Return a drawing of SQNR over a number of each point; the front is joined."""
    largest = ROOM * max(number(point) for point in points)

    def place(point: Point) -> tuple[float, float]:
        return LEFT + (WIDTH - LEFT - RIGHT) * number(point) / largest, _height(point["sqnr_db"])

    front = sorted((point for point in points if point["on_front"]), key=number)
    joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(place, front))
    parts = [
        *_grid(largest, words),
        f'<g class="gathered"><polyline points="{joined}"/></g>',
        *(_dot(point, *place(point)) for point in points),
    ]
    label = f"SQNR against {words}, of {len(points)} files"
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{text(label)}">{"".join(parts)}</svg>'


def _dot(point: Point, x: float, y: float) -> str:
    style = "chosen" if point["chosen"] else "on-front" if point["on_front"] else "beaten"
    tooltip = f"{point['label']}: {', '.join(cells(point)[:3])}"
    name = ", ".join(point["presets"])
    aside, anchor = (-8, "end") if x > WIDTH * 0.7 else (8, "start")
    place = f'x="{x + aside:.1f}" y="{y - 7:.1f}" text-anchor="{anchor}"'
    words = f'<text class="name" {place}>{text(name)}</text>' if name else ""
    size = 6 if point["chosen"] else 4
    dot = f'<circle class="{style}" cx="{x:.1f}" cy="{y:.1f}" r="{size}"><title>{text(tooltip)}</title></circle>'
    return dot + words


def _grid(largest: float, words: str) -> Iterator[str]:
    for value in range(0, HIGHEST_DB + 1, GRID_DB):
        y = _height(value)
        yield f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text class="tick" x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{_decibels(value)}</text>'
    for step in range(TICKS + 1):
        x = LEFT + (WIDTH - LEFT - RIGHT) * step / TICKS / ROOM
        tick = f"{largest / ROOM * step / TICKS:.3g}"
        yield f'<text class="tick" x="{x:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{tick}</text>'
    yield f'<text class="tick" x="{WIDTH - RIGHT}" y="{HEIGHT - 6}" text-anchor="end">{text(words)}</text>'


def _decibels(value: int) -> str:
    return f"{value} dB +" if value == HIGHEST_DB else str(value)


def _height(sqnr_db: float) -> float:
    inside = min(max(sqnr_db, 0.0), HIGHEST_DB)
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - inside / HIGHEST_DB)


def _megabytes(point: Point) -> float:
    return float(point["bytes"]) / 1e6


def _milliseconds(point: Point) -> float:
    return float(point["p50_ms"])
