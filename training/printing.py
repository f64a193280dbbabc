"""What a terminal shows of a training run."""

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
    "given": "as it was given",
    "learn": "learned",
    "prune_channels": "channels removed",
    "prune": "weights made zero",
    "cluster": "weights clustered",
    "qat": "learned 8 bits",
}
# Of a stage's parameters, those that a reader asks for.
_TOLD = {"share": "{:.0%}", "weights": "{}", "clusters": "{}"}


def trained(console: Console, answer: Mapping[str, Any], data: str) -> None:
    """Show the epochs, the stages if there are some, the scores and what to type next."""
    counts = ", ".join(f"{count} {part}" for part, count in answer["counts"].items())
    console.print(f"{answer['source']}: {counts}; began with {answer['weights']}", soft_wrap=True)
    metric = Metric(**answer["metric"])
    if answer["rows"]:
        console.print(_epochs(answer, metric))
    if answer["before"]:
        console.print(_stages(answer, metric))
    _scores(console, answer["scores"])
    console.print(f"written: {answer['file']}; {answer['folder']}: {', '.join(answer['pictures'])}", soft_wrap=True)
    photos = Path(data).is_dir() or data in datasets.DATA_SETS
    calibration = ["--calibration", data] if photos else []
    original = ["--original", answer["before"]] if answer["before"] else []
    words = ["zoo-export", answer["file"], "--int8", *calibration, *original]
    console.print(f"next: {shlex.join(words)}", style="dim", soft_wrap=True)


def judged(console: Console, answer: Mapping[str, Any]) -> None:
    """Show the scores on each part of the data."""
    counts = ", ".join(f"{count} {part}" for part, count in answer["counts"].items())
    console.print(f"{answer['source']}: {counts}", soft_wrap=True)
    _scores(console, answer["scores"])


def _epochs(answer: Mapping[str, Any], metric: Metric) -> Table:
    table = _table({"epoch": "right", "phase": "left", "loss": "right", metric.heading: "right", "seconds": "right"})
    for row in answer["rows"]:
        cells = (str(row["epoch"]), row["phase"], f"{row['loss']:.3f}", metric.words(row["score"]))
        style = "bold green" if row["epoch"] == answer["best"] else ""
        table.add_row(*cells, f"{row['seconds']:.0f}", style=style)
    return table


def _stages(answer: Mapping[str, Any], metric: Metric) -> Table:
    """Return what each stage left, one thing after the other."""
    parts = [part for part in ("validation", "test") if part in answer["stages"][-1]["measured"]]
    table = _table(
        {
            "stage": "left",
            "weights": "right",
            "zero": "right",
            "zipped kB": "right",
            **{f"{metric.heading}, {part}": "right" for part in parts},
        }
    )
    first = max(index for index, stage in enumerate(answer["stages"]) if stage["name"] in ("given", "learn"))
    for stage in answer["stages"][first:]:  # what an earlier run did was measured on its own data
        measured, told = stage["measured"], stage["parameters"]
        words = [text.format(told[key]) for key, text in _TOLD.items() if told.get(key)]
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
