"""`zoo verify DIR`: check that a delivered folder still holds the proven files."""

from __future__ import annotations

from pathlib import Path

import click

from export.cli.console import print_json, standard_error, standard_output


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--key",
    metavar="PUBLIC",
    type=click.Path(path_type=Path),
    help="Require a signature by this public key (PEM, OpenSSH).",
)
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
def command(folder: Path, key: Path | None, as_json: bool) -> int:
    """Prove a delivered folder again, without TensorFlow.

    The exit code is 0 if every file is still the proven one, and 1 if not.
    """
    from export.bundle.read import read
    from export.bundle.signing import read_public
    from export.bundle.verify import verify
    from export.cli.progress_bar import ProgressBar
    from export.cli.tables.export import print_rows
    from export.cli.tables.verification import legend, record

    trusted = read_public(key.expanduser()) if key is not None else None
    delivered = read(folder)
    with ProgressBar(standard_error()) as progress:
        found = verify(delivered, progress, trusted)
    facts = record(found)
    if as_json:
        print_json(facts)
        return 0 if found.passed else 1
    console = standard_output()
    print_rows(console, facts, title=f"{delivered.name}: {delivered.title}")
    for line in legend(found):
        console.print(line, style="dim")
    for check in found.checks:
        if not check.passed:
            console.print(f"failed  {check.subject}: {check.reason}", style="bold red", soft_wrap=True)
    good = sum(file.passed for file in found.files)
    others = "" if all(check.passed for check in found.checks) else "; the other files of the folder failed"
    console.print(f"\n{folder}: {good} of {len(found.files)} model files verified{others}", soft_wrap=True)
    return 0 if found.passed else 1
