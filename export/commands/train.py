"""`zoo train NAME --data photos/`: a network of the zoo learns your photos."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from export.commands.export import option
from export.console import print_json, standard_error, standard_output


@click.command()
@click.argument("name")
@click.option(
    "--data",
    required=True,
    metavar="FOLDER|FILE.csv|NAME",
    help="FOLDER/CLASS/photo.jpg, a CSV with file,class, or mnist, fashion_mnist, cifar10.",
)
@click.option("--out", metavar="FILE.keras", type=click.Path(path_type=Path), help="NAME.keras if not given.")
@click.option("--epochs", default=10, show_default=True, type=click.IntRange(min=0), help="In all.")
@click.option("--head-epochs", type=int, help="Of them with only the new layers learning; a third if not given.")
@click.option("--batch", default=32, show_default=True, type=click.IntRange(min=1), help="Photos in a step.")
@click.option(
    "--learning-rate",
    type=click.FloatRange(min=0, min_open=True),
    help="At its highest; 3e-5, or 2e-3 from random weights.",
)
@click.option("--validation", default=0.2, show_default=True, help="Share of the photos that judge and teach nothing.")
@click.option(
    "--patience",
    default=5,
    show_default=True,
    type=click.IntRange(min=1),
    help="Epochs without progress after which to stop.",
)
@click.option("--weights", metavar="TAG|FILE|random", help="What to begin with; the trained ones if not given.")
@click.option(
    "--set", "settings", metavar="KEY=VALUE", multiple=True, help="An option of the network, as of zoo export."
)
@click.option("--no-augment", is_flag=True, help="Show every photo as it is, in every epoch.")
@click.option("--seed", default=0, show_default=True, help="Of every random choice.")
@click.option("--resume", is_flag=True, help="Go on with the run that was stopped.")
@click.option("--json", "as_json", is_flag=True, help="Print the facts for programs.")
def command(name: str, data: str, out: Path | None, settings: tuple[str, ...], **options: Any) -> None:
    """Train a network on your photos: its head first, then all of it."""
    from export import job
    from export.report.progress_bar import ProgressBar
    from training.recipe import TrainingRecipe

    as_json, resume, plain = (options.pop(key) for key in ("as_json", "resume", "no_augment"))
    recipe = TrainingRecipe(
        architecture=name,
        data=data,
        out=out or Path(f"{name}.keras"),
        options=dict(option(text) for text in settings),
        augment=not plain,
        **options,
    )
    with ProgressBar(standard_error()) as progress:
        trained = job.start("train", {"recipe": asdict(recipe), "resume": resume}, progress)
    if as_json:
        print_json(trained)
        return
    for warning in trained["warnings"]:
        standard_error().print(f"warning: {warning}", soft_wrap=True)
    _print(trained, data)


def _print(trained: Mapping[str, Any], data: str) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from zoo.metric import METRICS, Metric

    console = standard_output()
    counts = ", ".join(f"{count} {part}" for part, count in trained["counts"].items())
    console.print(f"{trained['source']}: {counts}; began with {trained['weights']}", soft_wrap=True)
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    metric = Metric(**trained["metric"])
    for heading in ("epoch", "phase", "loss", metric.heading, "seconds"):
        table.add_column(heading, justify="left" if heading == "phase" else "right")
    for row in trained["rows"]:
        mark = "bold green" if row["epoch"] == trained["best"] else ""
        cells = (
            str(row["epoch"]),
            row["phase"],
            f"{row['loss']:.3f}",
            metric.words(row["score"]),
            f"{row['seconds']:.0f}",
        )
        table.add_row(*cells, style=mark)
    console.print(table)
    for part, scores in trained["scores"].items():
        known = (metric for metric in METRICS if metric.key in scores)
        words = ", ".join(f"{metric.title} {metric.words(scores[metric.key])} {metric.unit}" for metric in known)
        console.print(f"{part}: {words}", style="bold")
    console.print(f"written: {trained['file']}; {trained['folder']}: {', '.join(trained['pictures'])}", soft_wrap=True)
    calibration = f" --calibration {data}" if Path(data).is_dir() else ""
    console.print(f"next: zoo-export {trained['file']} --int8{calibration}", style="dim", soft_wrap=True)
