"""`zoo prove FILE --model MODEL`: prove a file that another tool made from a Keras model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from export.cli.console import print_json, standard_error, standard_output
from export.recipe import Recipe
from export.scheme import FLOAT32
from zoo.errors import OutsideError, UsageProblemError


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--model", required=True, metavar="MODEL", help="Model that FILE was made from: a zoo name or a file.")
@click.option(
    "--calibration",
    metavar="SOURCE",
    help="Inputs to compare on: folder of photos, .npz, .npy, data set or module:function; default: built-in photos.",
)
@click.option("--calibration-count", default=100, show_default=True, help="Samples to check the ranges on.")
@click.option("--probe-count", type=int, help="Samples to compare the outputs on; default: 64, or 16 if untrained.")
@click.option("--random-calibration", is_flag=True, help="Compare on random noise: only float32 files can be proven.")
@click.option("--weights", metavar="TAG|FILE|random", help="Weights of a model of the zoo.")
@click.option("--preprocessing", metavar="NAME", help="Preprocessing of your own model: raw, unit, tf, caffe or torch.")
@click.option(
    "--import",
    "imports",
    multiple=True,
    metavar="FILE.py",
    help="Run this Python file of yours, which defines the custom layers of your model.",
)
@click.option(
    "--unsafe-lambda", is_flag=True, help="Run the Python code of Lambda layers in MODEL; only for files you trust."
)
@click.option("--seed", default=0, show_default=True, help="Random seed.")
@click.option("--report", type=click.Path(path_type=Path), metavar="FILE.html", help="Write a report to this page.")
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
def command(file: Path, report: Path | None, as_json: bool, **others: Any) -> int:
    """Prove a file that another tool made from a Keras model, and name its faults.

    The exit code is 0 if the file is proven and 1 if it is not.
    """
    from export import remote
    from export.cli.progress_bar import ProgressBar
    from export.cli.tables.proof import print_proof
    from export.proof.foreign.prove import STEPS
    from export.runtime import background
    from export.runtime.loadable import check_loadable

    if report is not None:
        _check_report(report)
    recipe = Recipe(schemes=(FLOAT32,), **others)
    check_loadable(file)
    with ProgressBar(standard_error(), ("build the model", "draw the samples", *STEPS)) as progress:
        found = background.start(remote.prove, progress, request=remote.request_of(recipe), path=str(file.absolute()))
    if as_json:
        print_json(found)
    else:
        print_proof(standard_output(), found)
    if report is not None:
        _write_report(report, found)
    return 0 if found["passed"] else 1


def _check_report(report: Path) -> None:
    """Check that a page can be written, before the proof takes its time.

    Raises:
        UsageProblemError: it cannot.
    """
    if report.suffix != ".html":
        raise UsageProblemError(f"--report {str(report)!r} is not a page; type for example --report proof.html")
    if report.is_dir():
        raise UsageProblemError(f"--report {str(report)!r} is a folder; give the name of a page in it")
    if not report.absolute().parent.is_dir():
        raise UsageProblemError(f"--report {str(report)!r}: there is no folder {str(report.parent)!r}; make it first")


def _write_report(report: Path, found: Mapping[str, Any]) -> None:
    """Write the page.

    Raises:
        OutsideError: the disk does not take it.
    """
    from export.bundle.report.proof_page import proof_page

    page = proof_page(found)
    try:
        report.write_text(page, encoding="utf-8")
    except OSError as error:
        raise OutsideError(f"the report {str(report)!r} cannot be written: {error.strerror or error}") from error
