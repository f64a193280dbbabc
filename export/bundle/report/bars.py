"""The sizes and latencies of all files as bars, next to the float32 file of the same format."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from export.bundle.report.rows import Row
from export.units import size_in_words, time_in_words

SHORTEST = 0.4  # percent of the width, so that a bar is seen
MOST_FLOATS = 2.5  # A bar is cut off at so many times the longest float32 bar, so that the others stay legible.


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A file.

    Attributes:
        name: its precision.
        style: "reference", "good", "noted" or "failed".
        length: relative to the longest bar of all formats, in percent.
        is_cut: whether the bar would be longer.
        words: its value with the unit.
        ratio: "0.26 x" of the float32 file of its format; empty without one.
    """

    name: str
    style: str
    length: float
    is_cut: bool
    words: str
    ratio: str


@dataclass(frozen=True, kw_only=True)
class BarChart:
    """The bars of one quantity, by format."""

    title: str
    groups: Mapping[str, Sequence[Bar]]


def charts(manifest: Mapping[str, Any], rows: Sequence[Row]) -> list[BarChart]:
    """Return a chart of sizes and one of latencies; without a second file there is nothing to compare."""
    files = {file["file"]: file for file in (*manifest["files"], *manifest["not_delivered"])}
    found = [
        _chart("Size", "bytes", size_in_words, files, rows),
        _chart("Latency, p50 on one thread of this machine", "p50_ms", _milliseconds, files, rows),
    ]
    return [chart for chart in found if sum(map(len, chart.groups.values())) > 1]


def _chart(
    title: str, key: str, words: Callable[[Any], str], files: Mapping[str, Mapping[str, Any]], rows: Sequence[Row]
) -> BarChart:
    """Return the bars of the values `key` of all files that have one."""
    measured = [row for row in rows if files[row.file][key]]
    longest = _longest(files, [row.file for row in measured], key)
    groups: dict[str, list[Bar]] = {}
    for row in measured:
        file = files[row.file]
        is_reference = file["precision"] == "float32"
        floats = [files[one.file][key] for one in measured if _is_float_of(files[one.file], file)]
        bar = Bar(
            name=row.scheme,
            style="reference" if is_reference and row.state != "failed" else row.state,
            length=min(100.0, max(SHORTEST, round(100 * file[key] / longest, 1))),
            is_cut=file[key] > longest,
            words=words(file[key]),
            ratio=f"{file[key] / floats[0]:.2f} x" if floats and not is_reference else "",
        )
        groups.setdefault(row.format, []).append(bar)
    return BarChart(title=title, groups=groups)


def _longest(files: Mapping[str, Mapping[str, Any]], names: Sequence[str], key: str) -> float:
    """Return the value of a bar of the full width."""
    values = [files[name][key] for name in names]
    floats = [files[name][key] for name in names if files[name]["precision"] == "float32"]
    longest = max(values, default=1)
    return float(min(longest, MOST_FLOATS * max(floats)) if floats else longest)


def _is_float_of(candidate: Mapping[str, Any], file: Mapping[str, Any]) -> bool:
    return bool(candidate["precision"] == "float32" and candidate["format"] == file["format"])


def _milliseconds(value: float) -> str:
    return f"{time_in_words(value)} ms"
