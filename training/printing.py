"""Terminal output of `zoo train`."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from export.cli.console import print_command, print_sentence
from export.cli.tables.fitting import Column, number, print_fitting
from export.units import size_in_words
from zoo import datasets
from zoo.metric import METRICS, Metric

if TYPE_CHECKING:
    from rich.console import Console

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
    print_sentence(console, f"{result['source']}: {counts}; initial weights: {result['weights']}")
    metric = Metric(**result["metric"])
    if result["rows"]:
        _print_epochs(console, result, metric)
    if result["before"]:
        _print_stages(console, result, metric)
    _scores(console, result["scores"])
    print_sentence(console, f"written: {result['file']}; {result['folder']}: {', '.join(result['pictures'])}")
    calibrates = not result["takes_photos"] or Path(data).is_dir() or data in datasets.DATA_SETS
    calibration = ["--calibration", data] if calibrates else []
    original = ["--original", result["before"]] if result["before"] else []
    words = ["zoo-export", result["file"], "--int8", *calibration, *original]
    print_command(console, f"next: {shlex.join(words)}", style="dim")


def print_evaluation(console: Console, result: Mapping[str, Any]) -> None:
    """Print the scores on each part of the data."""
    counts = ", ".join(f"{count} {part}" for part, count in result["counts"].items())
    print_sentence(console, f"{result['source']}: {counts}")
    _scores(console, result["scores"])


def _print_epochs(console: Console, result: Mapping[str, Any], metric: Metric) -> None:
    columns = [
        number("epoch"),
        Column(heading="phase"),
        number("loss"),
        number(metric.heading),
        number("seconds", rank=1),
    ]
    rows = [
        (str(row["epoch"]), row["phase"], f"{row['loss']:.3f}", metric.words(row["score"]), f"{row['seconds']:.0f}")
        for row in result["rows"]
    ]
    styles = ["bold green" if row["epoch"] == result["best"] else None for row in result["rows"]]
    console.print()
    print_fitting(console, columns, rows, styles=styles)
    console.print()


def _print_stages(console: Console, result: Mapping[str, Any], metric: Metric) -> None:
    """Print a table with the weights, zeros, size and scores after each stage."""
    parts = [part for part in ("validation", "test") if part in result["stages"][-1]["measured"]]
    columns = [
        Column(heading="stage", breaks=True, narrowest=20),
        number("weights", rank=3),
        number("zero weights %", rank=2),
        number("zipped", rank=1),
        *(number(f"{metric.heading}, {part}") for part in parts),
    ]
    first = max(index for index, stage in enumerate(result["stages"]) if stage["name"] in ("given", "learn"))
    rows = []
    for stage in result["stages"][first:]:  # stages of earlier runs were measured on other data
        measured, parameters = stage["measured"], stage["parameters"]
        words = [text.format(parameters[key]) for key, text in _SHOWN_PARAMETERS.items() if parameters.get(key)]
        cells = (
            ": ".join([_STAGES[stage["name"]], *words]),
            f"{measured['weights']:,}".replace(",", " "),
            f"{100 * measured['zero_share']:.0f}",
            size_in_words(measured["bytes_zipped"]),
            *(metric.words(measured[part]) for part in parts),
        )
        rows.append(cells)
    print_fitting(console, columns, rows)
    console.print()


def _scores(console: Console, scores: Mapping[str, Mapping[str, float]]) -> None:
    for part, known in scores.items():
        named = (metric for metric in METRICS if metric.key in known)
        words = ", ".join(f"{metric.title} {metric.words(known[metric.key])} {metric.unit}" for metric in named)
        print_sentence(console, f"{part}: {words}", style="bold")
