"""`zoo pack DIR --target RUNTIME`: write a delivered file in the form that a runtime loads."""

from __future__ import annotations

from pathlib import Path

import click

from export.cli.console import print_json, standard_error, standard_output


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--target",
    "name",
    required=True,
    metavar="RUNTIME",
    help="litert-lm, onnxruntime-genai or transformers-js.",
)
@click.option("--precision", metavar="NAME", help="Precision of the file; default: the smallest file.")
@click.option("--out", type=click.Path(path_type=Path), help="The new folder; default: FOLDER-RUNTIME.")
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
def command(folder: Path, name: str, precision: str | None, out: Path | None, as_json: bool) -> None:
    """Write a delivered file of a language model with all that another runtime needs to load it."""
    from export.bundle import deploy
    from export.bundle.deploy.pack import README, pack
    from export.bundle.read import read
    from export.cli.progress_bar import ProgressBar

    target = deploy.find(name)
    delivered = read(folder)
    with ProgressBar(standard_error()) as progress:
        packed = pack(delivered, target, precision, out, progress)
    if as_json:
        print_json({"folder": str(packed.folder), "file": packed.source.path.name, "files": dict(packed.sizes)})
        return
    console = standard_output()
    console.print(f"{packed.folder}, for {target.title}, from {packed.source.path.name}:", soft_wrap=True)
    for name, size in packed.sizes.items():
        console.print(f"  {size / 1e6:9.3f} MB  {name}", soft_wrap=True)
    console.print(f"next: see {packed.folder / README}", soft_wrap=True)
