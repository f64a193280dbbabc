"""`zoo verify DIR`: check that a delivered folder still holds the proven files."""

from __future__ import annotations

from pathlib import Path

import click

from export.cli import option_words
from export.cli.console import print_json, print_sentence, standard_error, standard_output
from zoo.errors import UsageProblemError, unknown


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--key",
    metavar="PUBLIC",
    type=click.Path(path_type=Path),
    help="Require a signature by this public key (PEM, OpenSSH).",
)
@click.option(
    "--on",
    metavar="MACHINE",
    help="Run the files on an emulated machine instead: aarch64, pi3, pi4, pi5, pi5-trixie or armv7; or in browser.",
)
@click.option("--samples", type=click.IntRange(1), help="With --on: number of golden samples; default: all.")
@click.option("--format", "formats", metavar="A,B", help="Verify the files of these formats only; default: all.")
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
def command(
    folder: Path, key: Path | None, on: str | None, samples: int | None, formats: str | None, as_json: bool
) -> int:
    """Prove a delivered folder again, without TensorFlow.

    The exit code is 0 if every file is still the proven one, and 1 if not.
    """
    if on is not None:
        return _emulated(folder, on, key, samples, formats, as_json)
    if samples is not None:
        raise UsageProblemError("--samples is for emulated machines, which are slow; add for example --on aarch64")
    from export.bundle.read import read
    from export.bundle.signing import read_public
    from export.bundle.verify import verify
    from export.cli.progress_bar import ProgressBar
    from export.cli.tables.export import print_rows
    from export.cli.tables.verification import legend, record

    trusted = read_public(key.expanduser()) if key is not None else None
    delivered, names = read(folder), option_words.formats(formats)
    with ProgressBar(standard_error()) as progress:
        found = verify(delivered, progress, trusted, names)
    facts = record(found)
    if as_json:
        print_json(facts)
        return 0 if found.passed else 1
    console = standard_output()
    print_rows(console, facts, title=f"{delivered.name}: {delivered.title}")
    for line in legend(found):
        print_sentence(console, line, style="dim")
    for check in found.checks:
        if not check.passed:
            print_sentence(console, f"failed  {check.subject}: {check.reason}", style="bold red")
    good = sum(file.passed for file in found.files)
    others = "" if all(check.passed for check in found.checks) else "; the other files of the folder failed"
    print_sentence(console, f"\n{folder}: {good} of {len(found.files)} model files verified{others}")
    return 0 if found.passed else 1


def _emulated(folder: Path, on: str, key: Path | None, samples: int | None, formats: str | None, as_json: bool) -> int:
    """Run the files on an emulated machine, print what they compute there, and return the exit code."""
    from dataclasses import asdict

    from export.bundle.deploy import emulated, in_browser
    from export.bundle.read import read
    from export.cli.progress_bar import ProgressBar
    from export.runtime.emulation.machines import MACHINES

    titles = {**{name: one.title for name, one in MACHINES.items()}, in_browser.PLACE: "Chromium"}
    if on not in titles:
        raise unknown("machine", on, titles)
    if formats is not None:
        raise UsageProblemError("--on runs the files of all formats that the machine can run; leave out --format")
    if key is not None:
        raise UsageProblemError("--key is checked without --on; type the two commands one after the other")
    delivered, title = read(folder), titles[on]
    with ProgressBar(standard_error()) as progress:
        if on == in_browser.PLACE:
            found = in_browser.check(delivered, samples, progress)
        else:
            found = emulated.check(delivered, MACHINES[on], samples, progress)
    passed = any(one.state == "passed" for one in found) and all(one.passed for one in found)
    if as_json:
        print_json({"machine": title, "passed": passed, "files": [asdict(one) for one in found]})
        return 0 if passed else 1
    console = standard_output()
    console.print(f"{delivered.name}: {delivered.title}, on {title}")
    for one in found:
        style = "" if one.passed else "bold red"
        print_sentence(console, f"{one.state:8}{one.file}: {one.words}", style=style)
    return 0 if passed else 1
