"""The count of faults caught, at the end of the run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from export.recipe import Precision
from tests.faults.faults import FAULTS, Fault

Cell = tuple[str, Precision, str]  # network, precision, format
Caught = dict[tuple[str, Cell], tuple[str, ...]]
FOUND = pytest.StashKey[Caught]()


@pytest.fixture(scope="session")
def caught(pytestconfig: pytest.Config) -> Callable[[Fault, str, str, Precision, tuple[str, ...]], None]:
    """Return how a test tells which checks caught its fault; none means that it got through."""
    found = pytestconfig.stash.setdefault(FOUND, {})

    def tell(fault: Fault, name: str, format_name: str, precision: Precision, questions: tuple[str, ...]) -> None:
        found[fault.name, (name, precision, format_name)] = tuple(dict.fromkeys(questions))

    return tell


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    found = config.stash.get(FOUND, {})
    if not found:
        return
    terminalreporter.section("planted faults")
    for fault in FAULTS:
        cells = {cell: questions for (name, cell), questions in found.items() if name == fault.name}
        for (name, precision, format_name), questions in cells.items():
            checks = ", ".join(questions) or "NOT CAUGHT"
            where = f"{name} {precision} .{format_name}"
            terminalreporter.write_line(f"{fault.name:33} {where:31} {checks}")
    counts = Counter(bool(questions) for questions in found.values())
    terminalreporter.write_line(f"planted faults caught: {counts[True]} of {counts.total()}")
