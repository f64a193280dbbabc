"""Tables of predictions: a row per class or object, with a bar or a text; ranges for other outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from export.cli.console import print_command, standard_output
from export.cli.tables.fitting import Column, number, print_fitting

if TYPE_CHECKING:
    from export.analysis.tasks.prediction import Prediction

BAR_WIDTH = 20
OUTPUTS = (
    Column(heading="output", breaks=True, narrowest=12),
    Column(heading="shape", breaks=True, narrowest=len("1 x 224 x 224 x 3")),
    number("min"),
    number("max"),
    number("mean", rank=1),
)


def print_prediction(name: str, file: str, milliseconds: float, prediction: Prediction) -> None:
    """Print the prediction for one sample.

    Args:
        name: of the sample.
        file: name of the file that was run.
        milliseconds: latency of the inference.
        prediction: what its outputs mean.
    """
    from rich.table import Table

    console = standard_output()
    print_command(console, f"{name}  ({file}, {milliseconds:.2f} ms)", style="bold")
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
    title = f"{facts['file']}: {samples}, p50 {facts['p50_ms']:.2f} ms"
    rows = [
        (
            output["name"],
            " x ".join(str(size) for size in output["shape"]),
            *(f"{output[key]:.4g}" for key in ("min", "max", "mean")),
        )
        for output in facts["outputs"]
    ]
    print_fitting(standard_output(), OUTPUTS, rows, title=title)
