"""The sizes and latencies of all files as bars, next to the float32 file of the same format."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from export.bundle.report.rows import Row
from export.units import size_in_words, time_in_words

SHORTEST = 0.4  # percent of the width, so that a bar is seen


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A file: `length` is relative to the longest bar of all formats, in percent."""

    name: str
    style: str  # "reference", "good", "noted" or "failed"
    length: float
    words: str
    ratio: str  # "0.26 x" of the float32 file of its format; empty without one


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
    longest = max((files[row.file][key] for row in measured), default=1)
    groups: dict[str, list[Bar]] = {}
    for row in measured:
        file = files[row.file]
        is_reference = file["precision"] == "float32"
        floats = [files[one.file][key] for one in measured if _is_float_of(files[one.file], file)]
        bar = Bar(
            name=row.scheme,
            style="reference" if is_reference and row.state != "failed" else row.state,
            length=max(SHORTEST, round(100 * file[key] / longest, 1)),
            words=words(file[key]),
            ratio=f"{file[key] / floats[0]:.2f} x" if floats and not is_reference else "",
        )
        groups.setdefault(row.format, []).append(bar)
    return BarChart(title=title, groups=groups)


def _is_float_of(candidate: Mapping[str, Any], file: Mapping[str, Any]) -> bool:
    return bool(candidate["precision"] == "float32" and candidate["format"] == file["format"])


def _milliseconds(value: float) -> str:
    return f"{time_in_words(value)} ms"
