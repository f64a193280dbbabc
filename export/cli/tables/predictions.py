"""Tables of predictions: bars for probabilities, a row per object, ranges for other outputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from export.cli.console import standard_output

if TYPE_CHECKING:
    from export.bundle.predict_boxes import Seen
    from export.bundle.read import DeliveredFile

BAR_WIDTH = 20


def print_shares(photo: str, file: DeliveredFile, milliseconds: float, shares: Iterable[tuple[float, str]]) -> None:
    """Print a bar for each share (0 to 1), with its name."""
    console = standard_output()
    console.print(f"{photo}  ({file.path.name}, {milliseconds:.2f} ms)", style="bold", soft_wrap=True)
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right")
    table.add_column(style="green", width=BAR_WIDTH)
    table.add_column()
    for share, name in shares:
        # Rounding can make a probability slightly larger than 1.
        table.add_row(f"{100 * share:.1f} %", "━" * min(BAR_WIDTH, round(BAR_WIDTH * share)), name)
    console.print(table)
    console.print()


def print_seen(seen: Seen, file: DeliveredFile) -> None:
    """Print the objects detected in one photo, by descending score."""
    console = standard_output()
    console.print(f"{seen.photo}  ({file.path.name}, {seen.milliseconds:.2f} ms)", style="bold", soft_wrap=True)
    if not seen.objects:
        console.print("no object detected")
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right")
    table.add_column(style="green")
    table.add_column()
    for one in seen.objects:
        left, top, right, bottom = one.box
        table.add_row(f"{100 * one.score:.1f} %", one.name, f"x {left} to {right}, y {top} to {bottom}")
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
