"""The end table of an export in the terminal, and what stands around it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from export.report.rows import Row, rows

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
    with_accuracy = any(row.accuracy for row in shown)
    for heading, justify in _columns(with_accuracy):
        table.add_column(heading, justify=justify, overflow="fold", no_wrap=heading != "verdict")
    for row in shown:
        verdict = Text(row.verdict, style=_STYLES[row.state])
        if row.reason:
            verdict.append(f"  {row.reason}", style="default not bold")
        table.add_row(*_cells(row, with_accuracy), verdict)
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
    if manifest["evaluation"]:
        found = manifest["evaluation"]
        lines.append(f"top-1: on {found['count']} labelled photos; the Keras model reaches {100 * found['top1']:.1f}")
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


def _columns(with_accuracy: bool) -> list[tuple[str, Any]]:
    accuracy = [("top-1 %", "right")] if with_accuracy else []
    return [
        ("precision", "left"),
        ("format", "left"),
        ("size", "right"),
        ("ratio", "right"),
        ("SQNR dB", "right"),
        ("same top-1 %", "right"),
        *accuracy,
        ("p50 ms", "right"),
        ("verdict", "left"),
    ]


def _cells(row: Row, with_accuracy: bool) -> list[str]:
    accuracy = [row.accuracy] if with_accuracy else []
    return [row.precision, row.format, row.size, row.ratio, row.sqnr, row.agreement, *accuracy, row.time]
