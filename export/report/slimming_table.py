"""What pruning bought and what it cost, in the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from export.quantities import size_in_words
from export.tasks import TASKS

if TYPE_CHECKING:
    from rich.console import Console


def print_slimming(console: Console, manifest: Mapping[str, Any]) -> None:
    """Print a row per file against the model before pruning; nothing if there was none."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    found = manifest.get("slimming")
    if not found:
        return
    table = Table(
        title="against the model before pruning",
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        pad_edge=False,
    )
    for heading in ("file", "SQNR dB", "same top-1 %", "zero weights %", "size", "zipped"):
        table.add_column(heading, justify="left" if heading == "file" else "right")
    table.add_row("the Keras model", *_answers(found["model"]), "", "", "")
    for name, file in found["files"].items():
        sizes = (size_in_words(file[key]) for key in ("bytes", "bytes_zipped"))
        table.add_row(name, *_answers(file), f"{100 * file['zero_share']:.1f}", *sizes)
    console.print(table)
    for line in legend(manifest):
        console.print(line, style="dim", soft_wrap=True)


def legend(manifest: Mapping[str, Any]) -> list[str]:
    """Return the sentences under the table."""
    found = manifest["slimming"]
    lines = []
    if scores := found["original_scores"]:
        metric = TASKS[manifest["evaluation"]["task"]].metrics[0]
        before, after = scores[metric.key], manifest["evaluation"]["scores"][metric.key]
        lines.append(
            f"{metric.title}: {metric.words(before)} {metric.unit} before pruning, {metric.words(after)} after"
        )
    lines.append(
        "zero weights take as much room in the file, and as much time, as others: only a zipped file is smaller"
    )
    return lines


def _answers(compared: Mapping[str, Any]) -> tuple[str, str]:
    sqnr, same = compared.get("sqnr_db"), compared.get("top1_agreement")
    return ("-" if sqnr is None else f"{sqnr:.1f}", "-" if same is None else f"{100 * same:.1f}")
