"""Table of a diagnosis: every layer in graph order, then the worst layers with suggestions."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from export.bundle.report.command import command
from export.bundle.report.layer_words import cost, decibels, legend, share, suggestion, verdict
from export.cli.console import print_command, print_sentence
from export.cli.tables.fitting import Column, number, print_fitting

if TYPE_CHECKING:
    from rich.console import Console

BAR_WIDTH = 24
COLUMNS = (
    Column(heading="layer", breaks=True, narrowest=16, style="bold cyan"),
    Column(heading="operator", rank=4, breaks=True, narrowest=len("depthwise_conv_2d")),
    Column(heading="stored", rank=2),
    number("own dB"),
    number("accum. dB", rank=1),
    number("share of output error"),
    Column(heading="", rank=3),  # the share, drawn
)


def print_diagnosis(console: Console, found: Mapping[str, Any]) -> None:
    """Print the verdict, the table, the worst layers, and the command to try next."""
    from rich.text import Text

    print_sentence(console, Text(verdict(found), style="bold"))
    for remark in found["remarks"]:
        print_sentence(console, f"warning: {remark}", style="yellow")
    console.print()
    _print_layers(console, found)
    console.print()
    _print_worst(console, found, found["command"])
    for line in legend(found):
        print_sentence(console, line, style="dim")


def print_worst(console: Console, manifest: Mapping[str, Any]) -> None:
    """Print the verdict on every diagnosed file of an export, and suggestions for the first file."""
    from rich.text import Text

    if not manifest["recipe"]["diagnose"]:
        return
    files = [*manifest["files"], *manifest["not_delivered"]]
    found = [file["diagnosis"] for file in files if file["diagnosis"] is not None]
    console.print()
    if not found:
        print_sentence(console, "no layers were compared: the export has no int8 file to diagnose", style="yellow")
    for place, one in enumerate(found):
        print_sentence(console, Text(verdict(one), style="bold"))
        if place == 0:
            _print_worst(console, one, command(manifest["recipe"]))


def _print_layers(console: Console, found: Mapping[str, Any]) -> None:
    """Print a row per layer; a narrow terminal leaves the drawn shares out."""
    from rich.text import Text

    worst = [finding["name"] for finding in found["worst"]]
    largest = max((layer["share"] or 0.0 for layer in found["layers"]), default=0.0)
    rows, styles = list[tuple[str | Text, ...]](), list[str | None]()
    for layer in found["layers"]:
        is_worst = layer["name"] in worst and layer["share"] is not None
        bar = "━" * round(BAR_WIDTH * (layer["share"] or 0.0) / max(largest, 1e-9))
        cells = (
            layer["name"],
            layer["op"].lower() or "input",
            layer["dtype"],
            decibels(layer["local_sqnr_db"]),
            decibels(layer["cumulative_sqnr_db"]),
            share(layer),
            Text(bar, style="red" if is_worst else "green"),
        )
        rows.append(cells)
        styles.append("bold" if is_worst else None)
    print_fitting(console, COLUMNS, rows, styles=styles)


def _print_worst(console: Console, found: Mapping[str, Any], made_by: str) -> None:
    """Print the worst layers with suggestions, and the export command to try instead of `made_by`."""
    from rich.padding import Padding
    from rich.text import Text

    for place, finding in enumerate(found["worst"], 1):
        advice = finding["suggestion"]
        print_sentence(console, Text.assemble(f"{place}  ", (finding["name"], "bold red"), f"  {cost(finding, found)}"))
        words = Text.assemble(f"{advice['fact']}: {advice['advice']}")
        if advice["options"]:
            words.append("  ").append(shlex.join(advice["options"]), style="green")
        console.print(Padding(words, (0, 0, 0, 3)))
    if found["worst"]:
        console.print()
    if better := suggestion(found["worst"], made_by):
        console.print("try   ", end="", style="bold")
        print_command(console, better, style="green")
        console.print()
