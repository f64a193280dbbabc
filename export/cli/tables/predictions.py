"""Tables of predictions: a row per class or object, with a bar or a text; ranges for other outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from export.cli.console import standard_output

if TYPE_CHECKING:
    from export.analysis.tasks.prediction import Prediction

BAR_WIDTH = 20


def print_prediction(name: str, file: str, milliseconds: float, prediction: Prediction) -> None:
    """Print the prediction for one sample.

    Args:
        name: of the sample.
        file: name of the file that was run.
        milliseconds: latency of the inference.
        prediction: what its outputs mean.
    """
    console = standard_output()
    console.print(f"{name}  ({file}, {milliseconds:.2f} ms)", style="bold", soft_wrap=True)
    if not prediction.rows and prediction.nothing:
        console.print(prediction.nothing)
    has_text = any(row.text for row in prediction.rows)
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right")
    table.add_column(style="green", width=None if has_text else BAR_WIDTH)
    table.add_column()
    for row in prediction.rows:
        # Rounding can make a probability slightly larger than 1.
        bar = "━" * min(BAR_WIDTH, round(BAR_WIDTH * row.share))
        table.add_row(f"{100 * row.share:.1f} %", *((row.title, row.text) if has_text else (bar, row.title)))
    console.print(table)
    console.print()


def print_outputs(facts: Mapping[str, Any]) -> None:
    """Print the shape and the range of every output."""
    samples = "1 sample" if facts["samples"] == 1 else f"{facts['samples']} samples"
    table = Table(
        title=f"{facts['file']}: {samples}, p50 {facts['p50_ms']:.2f} ms",
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        pad_edge=False,
    )
    for heading in ("output", "shape", "min", "max", "mean"):
        table.add_column(heading, justify="left" if heading in ("output", "shape") else "right")
    for output in facts["outputs"]:
        shape = " x ".join(str(size) for size in output["shape"])
        table.add_row(output["name"], shape, *(f"{output[key]:.4g}" for key in ("min", "max", "mean")))
    standard_output().print(table)
