"""`zoo doctor`: check the installation and report what does not work."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from export.cli.console import print_command, print_json, print_sentence, standard_error, standard_output
from export.cli.tables.fitting import Column, print_fitting
from zoo.errors import unknown

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from export.cli.doctor.dependencies import Dependency, Finding
    from export.cli.doctor.machine import Fact

DEPENDENCIES = (
    Column(heading="dependency", breaks=True, narrowest=20, style="bold cyan"),
    Column(heading="version", rank=1),
    Column(heading="state", breaks=True, narrowest=20),
    Column(heading="required for", rank=2, breaks=True, narrowest=20, style="dim"),
)
MACHINE = (
    Column(heading="machine", style="cyan"),
    Column(heading="value", breaks=True, narrowest=20),
    Column(heading="remark", breaks=True, narrowest=16),
)


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
    rows = [
        (
            finding.dependency.distribution,
            finding.version or "unknown",
            _state(finding),
            finding.dependency.stages,
        )
        for finding in findings
    ]
    print_fitting(console, DEPENDENCIES, rows)
    console.print()


def _state(finding: Finding) -> Text:
    from rich.text import Text

    if finding.problem:
        return Text(f"broken: {finding.problem}", style="bold red")
    if not finding.is_tested:
        return Text(f"imports; tested with {' or '.join(finding.tested)}", style="yellow")
    return Text("good", style="green")


def _print_machine(console: Console, facts: list[Fact]) -> None:
    from rich.text import Text

    remarks = [Text(fact.problem, style="bold red") if fact.problem else Text(fact.note, style="dim") for fact in facts]
    rows = [(fact.what, fact.value, remark) for fact, remark in zip(facts, remarks, strict=True)]
    print_fitting(console, MACHINE, rows)
    console.print()


def _print_verdict(console: Console, findings: list[Finding], broken: list[str]) -> None:
    """Print the overall result in one line."""
    if broken:
        stages = dict.fromkeys(finding.dependency.stages for finding in findings if finding.problem)
        unavailable = f"; not available: {'; '.join(stages)}" if stages else ""
        print_sentence(console, f"broken: {', '.join(broken)}{unavailable}", style="bold red")
        if stages:
            print_command(console, "repair: make clean setup, or: pip install -r requirements.lock", style="dim")
        return
    untested = sum(not finding.is_tested for finding in findings)
    suffix = f"; {untested} in an untested version" if untested else ", all in tested versions"
    print_sentence(console, f"good: {len(findings)} dependencies import{suffix}", style="bold green")
