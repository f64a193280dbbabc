"""The end table of an export in the terminal, and what stands around it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from export.report.rows import Row, headline, rows
from export.tasks import TASKS, Metric

if TYPE_CHECKING:
    from rich.console import Console

_STYLES = {"good": "green", "noted": "yellow", "failed": "bold red"}


def print_table(console: Console, manifest: Mapping[str, Any], *, title: str) -> None:
    """Print a row per file, then one line on what the numbers were measured with."""
    print_rows(console, manifest, title=title)
    for line in legend(manifest):
        console.print(line, style="dim")


def print_rows(console: Console, manifest: Mapping[str, Any], *, title: str) -> None:
    """Print a row per file."""
    from rich.table import Table
    from rich.text import Text

    shown = rows(manifest)
    table = Table(title=title, title_justify="left", title_style="bold", box=_box(), pad_edge=False)
    metric = headline(manifest)
    for heading, justify in _columns(metric):
        table.add_column(heading, justify=justify, overflow="fold", no_wrap=heading != "verdict")
    for row in shown:
        verdict = Text(row.verdict, style=_STYLES[row.state])
        if row.reason:
            verdict.append(f"  {row.reason}", style="default not bold")
        table.add_row(*_cells(row, metric), verdict)
    console.print(table)


def legend(manifest: Mapping[str, Any]) -> list[str]:
    """Return the sentences under the table: what was compared with what, on which samples."""
    probe, calibration, weights = manifest["probe"], manifest["calibration"], manifest["weights"]
    lines = [
        f"SQNR and same top-1: against the Keras model on {probe['count']} samples ({probe['source']}); "
        "ms: median of one inference on one thread of this machine",
    ]
    if calibration:
        stability = calibration["stability"]
        halves = f"; two halves' ranges differ by {stability['worst']:.0%} at worst" if stability else ""
        lines.append(f"calibrated on {calibration['count']} samples ({calibration['source']}){halves}")
    if metric := headline(manifest):
        found = manifest["evaluation"]
        reached = ", ".join(
            f"{one.title} {one.words(found['scores'][one.key])} {one.unit}" for one in TASKS[found["task"]].metrics
        )
        lines.append(f"{metric.title}: on {found['count']} labelled samples; the Keras model reaches {reached}")
    lines += [f"warning: {warning}" for warning in probe["warnings"]]
    if weights.get("taken_as_trained"):
        lines.append(f"weights: {weights['name']}, taken as trained")
    if not weights["trained"]:
        lines.append(
            f"untrained ({weights['reason']}): sizes, operators, speed and float parity are real, accuracy is not"
        )
    return lines


def _box() -> Any:
    from rich import box

    return box.SIMPLE_HEAD


def _columns(metric: Metric | None) -> list[tuple[str, Any]]:
    score = [(metric.heading, "right")] if metric else []
    return [
        ("precision", "left"),
        ("format", "left"),
        ("size", "right"),
        ("ratio", "right"),
        ("SQNR dB", "right"),
        ("same top-1 %", "right"),
        *score,
        ("p50 ms", "right"),
        ("verdict", "left"),
    ]


def _cells(row: Row, metric: Metric | None) -> list[str]:
    score = [row.score or "-"] if metric else []
    return [row.precision, row.format, row.size, row.ratio, row.sqnr, row.agreement, *score, row.time]
