"""Table of a diagnosis: every layer in graph order, then the worst layers with suggestions."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from export.bundle.report.command import command
from export.bundle.report.layer_words import cost, decibels, legend, share, suggestion, verdict

if TYPE_CHECKING:
    from rich.console import Console

BAR_WIDTH = 24


def print_diagnosis(console: Console, found: Mapping[str, Any]) -> None:
    """Print the verdict, the table, the worst layers, and the command to try next."""
    from rich.text import Text

    console.print(Text(verdict(found), style="bold"), soft_wrap=True)
    for remark in found["remarks"]:
        console.print(f"warning: {remark}", style="yellow", soft_wrap=True)
    console.print()
    console.print(_table(found))
    console.print()
    _print_worst(console, found, found["command"])
    for line in legend(found):
        console.print(line, style="dim", soft_wrap=True)


def print_worst(console: Console, manifest: Mapping[str, Any]) -> None:
    """Print the verdict on every diagnosed file of an export, and suggestions for the first file."""
    from rich.text import Text

    if not manifest["recipe"]["diagnose"]:
        return
    files = [*manifest["files"], *manifest["not_delivered"]]
    found = [file["diagnosis"] for file in files if file["diagnosis"] is not None]
    console.print()
    if not found:
        console.print(
            "no layers were compared: the export has no int8 file to diagnose", style="yellow", soft_wrap=True
        )
    for place, one in enumerate(found):
        console.print(Text(verdict(one), style="bold"), soft_wrap=True)
        if place == 0:
            _print_worst(console, one, command(manifest["recipe"]))


def _table(found: Mapping[str, Any]) -> Any:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("layer", style="bold cyan", overflow="fold")
    table.add_column("operator", overflow="fold")
    table.add_column("stored")
    table.add_column("own dB", justify="right")
    table.add_column("accum. dB", justify="right")
    table.add_column("share of output error", justify="left", no_wrap=True)
    worst = [finding["name"] for finding in found["worst"]]
    largest = max((layer["share"] or 0.0 for layer in found["layers"]), default=0.0)
    for layer in found["layers"]:
        is_worst = layer["name"] in worst and layer["share"] is not None
        bar = "━" * round(BAR_WIDTH * (layer["share"] or 0.0) / max(largest, 1e-9))
        table.add_row(
            layer["name"],
            layer["op"].lower() or "input",
            layer["dtype"],
            decibels(layer["local_sqnr_db"]),
            decibels(layer["cumulative_sqnr_db"]),
            Text.assemble(f"{share(layer):>7}  ", (bar, "red" if is_worst else "green")),
            style="bold" if is_worst else None,
        )
    return table


def _print_worst(console: Console, found: Mapping[str, Any], made_by: str) -> None:
    """Print the worst layers with suggestions, and the export command to try instead of `made_by`."""
    from rich.padding import Padding
    from rich.text import Text

    for place, finding in enumerate(found["worst"], 1):
        advice = finding["suggestion"]
        console.print(
            Text.assemble(
                f"{place}  ",
                (finding["name"], "bold red"),
                f"  {cost(finding, found)}",
            ),
            soft_wrap=True,
        )
        words = Text.assemble(f"{advice['fact']}: {advice['advice']}")
        if advice["options"]:
            words.append("  ").append(shlex.join(advice["options"]), style="green")
        console.print(Padding(words, (0, 0, 0, 3)))
    if found["worst"]:
        console.print()
    if better := suggestion(found["worst"], made_by):
        console.print("try   ", end="", style="bold")
        console.print(better, style="green", soft_wrap=True)
        console.print()
