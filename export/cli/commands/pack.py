"""`zoo pack DIR --target NAME`: write delivered files with all that a device or runtime needs."""

from __future__ import annotations

from pathlib import Path

import click

from export.cli.console import print_command, print_json, standard_error, standard_output
from export.scheme import SCHEMES
from zoo.spelling import spelled


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--target",
    "name",
    required=True,
    metavar="NAME",
    help="browser, raspberry-pi, microcontroller, ethos-u, litert-lm, onnxruntime-genai or transformers-js.",
)
@click.option("--precision", metavar="NAME", help="Precision of the files; default: int8, or the smallest file.")
@click.option("--out", type=click.Path(path_type=Path), help="The new folder; default: FOLDER-NAME.")
@click.option("--zip", "zipped", is_flag=True, help="Write a .zip in place of the folder.")
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
def command(folder: Path, name: str, precision: str | None, out: Path | None, zipped: bool, as_json: bool) -> None:
    """Write delivered files with all that a device, or another runtime, needs to run them."""
    from export.bundle import deploy
    from export.bundle.deploy.pack import pack
    from export.bundle.deploy.target import README
    from export.bundle.read import read
    from export.cli.progress_bar import ProgressBar

    target, precision = deploy.find(name), spelled(precision, SCHEMES) if precision is not None else None
    delivered = read(folder)
    with ProgressBar(standard_error()) as progress:
        packed = pack(delivered, target, precision, out, progress, zipped=zipped)
    names = [file.path.name for file in packed.sources]
    for note in packed.notes:
        print_command(standard_error(), f"note: {note}")
    if as_json:
        found = {"path": str(packed.path), "sources": names, "files": dict(packed.sizes), "notes": list(packed.notes)}
        print_json(found)
        return
    console = standard_output()
    print_command(console, f"{packed.path}, for {target.title}, from {' and '.join(names)}:")
    for name, size in packed.sizes.items():
        print_command(console, f"  {size / 1e6:9.3f} MB  {name}")
    print_command(console, f"next: see {packed.path / README}")
