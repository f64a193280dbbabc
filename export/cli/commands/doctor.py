"""`zoo doctor`: check the installation and report what does not work."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from export.cli.console import print_json, standard_error, standard_output
from zoo.errors import unknown

if TYPE_CHECKING:
    from rich.console import Console

    from export.cli.doctor.dependencies import Dependency, Finding
    from export.cli.doctor.machine import Fact


@click.command()
@click.argument("package", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
def command(package: tuple[str, ...], as_json: bool) -> int:
    """Check the installation.

    Imports every dependency, or only the given PACKAGEs, each in a separate process.
    The exit code is 0 if everything works and 1 if something is broken.
    """
    from export.cli.doctor.machine import look_around

    facts = look_around(Path())
    findings = _examine(_chosen(package))
    broken = [finding.dependency.distribution for finding in findings if finding.problem]
    broken += [fact.what for fact in facts if fact.problem]
    if as_json:
        print_json(
            {
                "verdict": "broken" if broken else "good",
                "broken": broken,
                "dependencies": [finding.record() for finding in findings],
                "machine": [vars(fact) for fact in facts],
            }
        )
    else:
        console = standard_output()
        _print_dependencies(console, findings)
        _print_machine(console, facts)
        _print_verdict(console, findings, broken)
    return 1 if broken else 0


def _chosen(packages: Sequence[str]) -> list[Dependency]:
    from export.cli.doctor.dependencies import DEPENDENCIES

    by_name = {dependency.distribution: dependency for dependency in DEPENDENCIES}
    for name in packages:
        if name not in by_name:
            raise unknown("dependency", name, by_name)
    return [dependency for dependency in DEPENDENCIES if not packages or dependency.distribution in packages]


def _examine(dependencies: list[Dependency]) -> list[Finding]:
    """Return the findings in the order of `dependencies`, and show the progress on a terminal."""
    from export.cli.doctor.dependencies import examine

    console = standard_error()
    findings: dict[str, Finding] = {}
    with console.status("importing") if console.is_terminal else contextlib.nullcontext() as status:
        for finding in examine(dependencies):
            findings[finding.dependency.distribution] = finding
            if status:
                status.update(f"importing every dependency: {len(findings)} of {len(dependencies)}")
    return [findings[dependency.distribution] for dependency in dependencies]


def _print_dependencies(console: Console, findings: list[Finding]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("dependency", style="bold cyan", no_wrap=True)
    table.add_column("version", no_wrap=True)
    table.add_column("state")
    table.add_column("required for", style="dim")
    for finding in findings:
        state = Text("good", style="green")
        if finding.problem:
            state = Text(f"broken: {finding.problem}", style="bold red")
        elif not finding.is_tested:
            state = Text(f"imports; tested with {' or '.join(finding.tested)}", style="yellow")
        table.add_row(finding.dependency.distribution, finding.version or "unknown", state, finding.dependency.stages)
    console.print(table)
    console.print()


def _print_machine(console: Console, facts: list[Fact]) -> None:
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 3))
    grid.add_column(style="cyan", no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_column()
    for fact in facts:
        remark = Text(fact.problem, style="bold red") if fact.problem else Text(fact.note, style="dim")
        grid.add_row(fact.what, fact.value, remark)
    console.print(grid)
    console.print()


def _print_verdict(console: Console, findings: list[Finding], broken: list[str]) -> None:
    """Print the overall result in one line."""
    if broken:
        stages = dict.fromkeys(finding.dependency.stages for finding in findings if finding.problem)
        console.print(
            f"broken: {', '.join(broken)}" + (f"; not available: {'; '.join(stages)}" if stages else ""),
            style="bold red",
            soft_wrap=True,
        )
        if stages:
            console.print("repair: make clean setup, or: pip install -r requirements.lock", style="dim")
        return
    untested = sum(not finding.is_tested for finding in findings)
    suffix = f"; {untested} in an untested version" if untested else ", all in tested versions"
    console.print(f"good: {len(findings)} dependencies import{suffix}", style="bold green", soft_wrap=True)
