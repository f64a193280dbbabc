"""A diagnosis in the terminal: every layer in the order of the graph, then those that cost the most, with cures."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from export.report.layer_words import cost, decibels, legend, percent, suggestion, verdict

if TYPE_CHECKING:
    from rich.console import Console

BAR_WIDTH = 24


def print_diagnosis(console: Console, found: Mapping[str, Any]) -> None:
    """Print the verdict, the table, the worst layers, and what to type next."""
    from rich.text import Text

    console.print(Text(verdict(found), style="bold"), soft_wrap=True)
    for remark in found["remarks"]:
        console.print(f"warning: {remark}", style="yellow", soft_wrap=True)
    console.print()
    console.print(_table(found))
    console.print()
    _print_worst(console, found)
    if command := suggestion(found["worst"], found["command"]):
        console.print("try   ", end="", style="bold")
        console.print(command, style="green", soft_wrap=True)
        console.print()
    for line in legend(found):
        console.print(line, style="dim", soft_wrap=True)


def _table(found: Mapping[str, Any]) -> Any:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("layer", style="bold cyan", overflow="fold")
    table.add_column("operator", overflow="fold")
    table.add_column("stored")
    table.add_column("own dB", justify="right")
    table.add_column("so far dB", justify="right")
    table.add_column("of the output's error", justify="left", no_wrap=True)
    worst = [finding["name"] for finding in found["worst"]]
    largest = max((layer["share"] or 0.0 for layer in found["layers"]), default=0.0)
    for layer in found["layers"]:
        is_worst = layer["name"] in worst and layer["share"] is not None
        share = "" if layer["share"] is None else percent(layer["share"])
        bar = "━" * round(BAR_WIDTH * (layer["share"] or 0.0) / max(largest, 1e-9))
        table.add_row(
            layer["name"],
            layer["op"].lower() or "input",
            layer["dtype"],
            decibels(layer["local_sqnr_db"]),
            decibels(layer["cumulative_sqnr_db"]),
            Text.assemble(f"{share:>7}  ", (bar, "red" if is_worst else "green")),
            style="bold" if is_worst else None,
        )
    return table


def _print_worst(console: Console, found: Mapping[str, Any]) -> None:
    from rich.padding import Padding
    from rich.text import Text

    for place, finding in enumerate(found["worst"], 1):
        cure = finding["cure"]
        console.print(
            Text.assemble(
                f"{place}  ",
                (finding["name"], "bold red"),
                f"  {cost(finding, found)}",
            ),
            soft_wrap=True,
        )
        words = Text.assemble(f"{cure['fact']}: {cure['advice']}")
        if cure["options"]:
            words.append("  ").append(shlex.join(cure["options"]), style="green")
        console.print(Padding(words, (0, 0, 0, 3)))
    if found["worst"]:
        console.print()
