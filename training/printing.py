"""Terminal output of `zoo train`."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo import datasets
from zoo.metric import METRICS, Metric

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_STAGES = {
    "given": "unchanged",
    "learn": "trained",
    "prune_channels": "channels removed",
    "prune": "weights pruned",
    "cluster": "weights clustered",
    "qat": "trained for 8 bits",
}
# Parameters of a stage that the table shows.
_SHOWN_PARAMETERS = {"share": "{:.0%}", "weights": "{}", "clusters": "{}"}


def print_training(console: Console, result: Mapping[str, Any], data: str) -> None:
    """Print the epochs, the compression stages if any, the scores and the next command."""
    counts = ", ".join(f"{count} {part}" for part, count in result["counts"].items())
    console.print(f"{result['source']}: {counts}; initial weights: {result['weights']}", soft_wrap=True)
    metric = Metric(**result["metric"])
    if result["rows"]:
        console.print(_epochs(result, metric))
    if result["before"]:
        console.print(_stages(result, metric))
    _scores(console, result["scores"])
    console.print(f"written: {result['file']}; {result['folder']}: {', '.join(result['pictures'])}", soft_wrap=True)
    calibrates = not result["takes_photos"] or Path(data).is_dir() or data in datasets.DATA_SETS
    calibration = ["--calibration", data] if calibrates else []
    original = ["--original", result["before"]] if result["before"] else []
    words = ["zoo-export", result["file"], "--int8", *calibration, *original]
    console.print(f"next: {shlex.join(words)}", style="dim", soft_wrap=True)


def print_evaluation(console: Console, result: Mapping[str, Any]) -> None:
    """Print the scores on each part of the data."""
    counts = ", ".join(f"{count} {part}" for part, count in result["counts"].items())
    console.print(f"{result['source']}: {counts}", soft_wrap=True)
    _scores(console, result["scores"])


def _epochs(result: Mapping[str, Any], metric: Metric) -> Table:
    table = _table({"epoch": "right", "phase": "left", "loss": "right", metric.heading: "right", "seconds": "right"})
    for row in result["rows"]:
        cells = (str(row["epoch"]), row["phase"], f"{row['loss']:.3f}", metric.words(row["score"]))
        style = "bold green" if row["epoch"] == result["best"] else ""
        table.add_row(*cells, f"{row['seconds']:.0f}", style=style)
    return table


def _stages(result: Mapping[str, Any], metric: Metric) -> Table:
    """Return a table with the weights, zeros, size and scores after each stage."""
    parts = [part for part in ("validation", "test") if part in result["stages"][-1]["measured"]]
    table = _table(
        {
            "stage": "left",
            "weights": "right",
            "zero": "right",
            "zipped kB": "right",
            **{f"{metric.heading}, {part}": "right" for part in parts},
        }
    )
    first = max(index for index, stage in enumerate(result["stages"]) if stage["name"] in ("given", "learn"))
    for stage in result["stages"][first:]:  # stages of earlier runs were measured on other data
        measured, parameters = stage["measured"], stage["parameters"]
        words = [text.format(parameters[key]) for key, text in _SHOWN_PARAMETERS.items() if parameters.get(key)]
        table.add_row(
            ": ".join([_STAGES[stage["name"]], *words]),
            f"{measured['weights']:,}".replace(",", " "),
            f"{measured['zero_share']:.0%}",
            f"{measured['bytes_zipped'] / 1000:,.0f}".replace(",", " "),
            *(metric.words(measured[part]) for part in parts),
        )
    return table


def _table(columns: Mapping[str, Any]) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for heading, justify in columns.items():
        table.add_column(heading, justify=justify)
    return table


def _scores(console: Console, scores: Mapping[str, Mapping[str, float]]) -> None:
    for part, known in scores.items():
        named = (metric for metric in METRICS if metric.key in known)
        words = ", ".join(f"{metric.title} {metric.words(known[metric.key])} {metric.unit}" for metric in named)
        console.print(f"{part}: {words}", style="bold")
