"""The layers of a quantized file as a drawing: what each adds, what has gathered, what each costs the output.

Drawn here as SVG: no script, no library; colours are the page's, so that it can be read in the dark.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from export.bundle.report.layer_words import decibels, percent
from export.bundle.report.markup import text

WIDTH, HEIGHT = 1000, 400
LEFT, RIGHT, TOP, BOTTOM = 46, 16, 14, 92  # margins; the names stand below
SHARES = 0.4  # of the plot's height for the bars
HIGHEST_DB, GRID_DB = 60, 10
FEW = 16  # layers whose names all fit


def chart(found: Mapping[str, Any]) -> str:
    """Return the drawing of a diagnosis's record."""
    layers: Sequence[Mapping[str, Any]] = found["layers"]
    places = [LEFT + (place + 0.5) * _step(layers) for place in range(len(layers))]
    parts = [
        *_grid(),
        *_bars(layers, places),
        _line("own", places, [layer["local_sqnr_db"] for layer in layers]),
        _line("gathered", places, [layer["cumulative_sqnr_db"] for layer in layers]),
        *_marks(found, places),
        *_names(found, places),
        *_tooltips(layers, places),
    ]
    label = f"SQNR of every layer of {found['file']}, and its share of the error of the output"
    box = f'viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{text(label)}"'
    return f'<svg class="layers" {box}>{"".join(parts)}</svg>'


def key() -> str:
    """Return what the colours mean."""
    kinds = (("gathered", "so far"), ("own", "own"), ("cost", "share of the output&#39;s error"))
    return "".join(f'<span class="key {kind}"></span>{words}' for kind, words in kinds)


def _step(layers: Sequence[Any]) -> float:
    return (WIDTH - LEFT - RIGHT) / max(len(layers), 1)


def _height(value: float) -> float:
    """Return where so many decibels are."""
    inside = min(max(value, 0.0), HIGHEST_DB)
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - inside / HIGHEST_DB)


def _grid() -> Iterator[str]:
    for value in range(0, HIGHEST_DB + 1, GRID_DB):
        y = _height(value)
        words = f"{value} dB" if value == HIGHEST_DB else str(value)
        yield f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text class="tick" x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{words}</text>'


def _bars(layers: Sequence[Mapping[str, Any]], places: Sequence[float]) -> Iterator[str]:
    largest = max((layer["share"] or 0.0 for layer in layers), default=0.0)
    width = min(0.7 * _step(layers), 40)
    for layer, x in zip(layers, places, strict=True):
        if layer["share"]:
            high = SHARES * (HEIGHT - TOP - BOTTOM) * layer["share"] / largest
            box = _box(x, _height(0) - high, width, high)
            yield f'<rect class="cost" {box} rx="2"/>'


def _line(style: str, places: Sequence[float], values: Sequence[float | None]) -> str:
    known = [(x, _height(value)) for x, value in zip(places, values, strict=True) if value is not None]
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in known)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.4"/>' for x, y in known)
    return f'<g class="{style}"><polyline points="{points}"/>{dots}</g>'


def _marks(found: Mapping[str, Any], places: Sequence[float]) -> Iterator[str]:
    """Number the worst layers, on their curve of what has gathered."""
    for number, place in enumerate(_worst(found), 1):
        x, y = places[place], _height(found["layers"][place]["cumulative_sqnr_db"])
        yield (
            f'<g class="worst"><circle cx="{x:.1f}" cy="{y:.1f}" r="8"/>'
            f'<text x="{x:.1f}" y="{y + 4:.1f}" text-anchor="middle">{number}</text></g>'
        )


def _names(found: Mapping[str, Any], places: Sequence[float]) -> Iterator[str]:
    """Write the names below: all where they fit, else those of the worst and of both ends."""
    layers, worst = found["layers"], _worst(found)
    wanted = range(len(layers)) if len(layers) <= FEW else sorted({0, len(layers) - 1, *worst})
    taken = -1e9
    for place in sorted(wanted, key=lambda place: (place not in worst, place)) if len(layers) <= FEW else wanted:
        x, y = places[place], HEIGHT - BOTTOM + 16
        if len(layers) > FEW and x - taken < 13 and place not in worst:
            continue
        taken = x
        style = "name bad" if place in worst else "name"
        name = layers[place]["name"]
        short = name if len(name) <= 22 else f"{name[:21]}…"
        turned = f"translate({x:.1f} {y}) rotate(-38)"
        yield f'<text class="{style}" transform="{turned}" text-anchor="end">{text(short)}</text>'


def _tooltips(layers: Sequence[Mapping[str, Any]], places: Sequence[float]) -> Iterator[str]:
    """Lay an invisible column over every layer that tells its numbers."""
    width = _step(layers)
    for layer, x in zip(layers, places, strict=True):
        lines = [f"{layer['name']} ({layer['op'].lower() or 'input'}, {layer['dtype']})"]
        if len(layer["group"]) > 1:
            lines.append(f"one step: {', '.join(layer['group'])}")
        lines.append(f"own {decibels(layer['local_sqnr_db'])} dB, so far {decibels(layer['cumulative_sqnr_db'])} dB")
        if layer["share"] is not None:
            lines.append(f"{percent(layer['share'])} of the output's error")
        box = _box(x, TOP, width, HEIGHT - TOP - BOTTOM)
        yield f'<rect class="hover" {box}><title>{text(chr(10).join(lines))}</title></rect>'


def _box(middle: float, top: float, width: float, height: float) -> str:
    return f'x="{middle - width / 2:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}"'


def _worst(found: Mapping[str, Any]) -> list[int]:
    """Return the positions of the worst layers, the worst first."""
    names = [layer["name"] for layer in found["layers"]]
    return [names.index(finding["name"]) for finding in found["worst"]]
