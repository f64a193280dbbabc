"""The tables of docs/int8_accuracy.md."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence

from benchmarks.page import between, machine
from benchmarks.peers.network import Network
from benchmarks.peers.quantizing import Spent
from benchmarks.peers.row import Row
from export.runtime.versions import version

RUNTIMES = ("ai-edge-litert", "onnxruntime")

COLUMNS = (
    "tool and setting",
    "file",
    "top-1 %",
    "drop, points",
    "same prediction %",
    "SQNR dB",
    "integer operators %",
    "MB",
    "seconds",
    "CPU seconds",
    "peak GB",
)


def table(network: Network, rows: Sequence[Row], photos: int) -> str:
    """Return the section of one network; `photos` is the number of calibration photos."""
    lines = [
        f"## {network.title}",
        "",
        f"float32: top-1 {100 * network.top1:.1f} % of {len(network.labels)} photos; {photos} others calibrated.",
        f"`python -m benchmarks peers --models {network.name} --photos FOLDER`",
        "",
        f"| {' | '.join(COLUMNS)} |",
        "|" + "---|" * len(COLUMNS),
        *(f"| {' | '.join(_cells(row))} |" for row in rows),
        "",
    ]
    in_float = [(row, row.score.float_operators) for row in rows if row.score and row.score.float_operators]
    islands = [f"- {row.title} ({row.suffix}), in float: {operators}" for row, operators in in_float]
    failures = [f"- {row.title}: {row.reason}" for row in rows if row.reason]
    lines += [*islands, *failures, *([""] if islands or failures else [])]
    return "\n".join([*lines, _conditions(rows)])


def replaced(page: str, name: str, section: str) -> str:
    """Return the page with the section of `name` in place of the old one, or at its end."""
    begin, end = f"<!-- peers: {name} -->", f"<!-- end of {name} -->"
    return between(page, begin, end, section)


def _cells(row: Row) -> list[str]:
    score, spent = row.score, row.spent
    scores = (
        [
            f"{100 * score.top1:.1f}",
            f"{score.drop_points:.1f}",
            f"{100 * score.same_prediction:.1f}",
            f"{score.sqnr_db:.1f}",
            f"{100 * score.integer_share:.0f}",
        ]
        if score
        else ["failed", *["-"] * 4]
    )
    size = f"{row.file_bytes / 1e6:.1f}" if row.file_bytes else "-"
    return [row.title, row.suffix, *scores, size, *(_cost(spent) if spent else ["-"] * 3)]


def _cost(spent: Spent) -> list[str]:
    wall = f"{spent.seconds:.0f}" if spent.alone else f"({spent.seconds:.0f})"
    return [wall, f"{spent.cpu_seconds:.0f}", f"{spent.peak_gb:.1f}"]


def _conditions(rows: Sequence[Row]) -> str:
    """Return date, versions and machine of the rows; tools may use different versions of a library."""
    made = dict.fromkeys(_listed(row.versions) for row in rows if any(row.versions.values()))
    ran = _listed({name: version(name) for name in RUNTIMES})
    dates = sorted({row.date for row in rows})
    when = dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"
    where = f"{machine()}, Python {platform.python_version()}"
    return f"Measured {when} on {where}, seed 0. Made with {'; '.join(made)}. Run with {ran}."


def _listed(versions: Mapping[str, str | None]) -> str:
    return " and ".join(f"{name} {version}" for name, version in versions.items() if version)
