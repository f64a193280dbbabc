"""The count of faults caught, at the end of the run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from export.recipe import Precision
from tests.faults.faults import FAULTS, Fault

PROPERTY = "planted fault"  # of a test's report: it also comes back from another process
Tell = Callable[[Fault, str, str, Precision, tuple[str, ...]], None]


@pytest.fixture
def caught(record_property: Callable[[str, object], None]) -> Tell:
    """Return how a test tells which checks caught its fault; none means that it got through."""

    def tell(fault: Fault, name: str, format_name: str, precision: Precision, questions: tuple[str, ...]) -> None:
        where = f"{name} {precision} .{format_name}"
        record_property(PROPERTY, [fault.name, where, list(dict.fromkeys(questions))])

    return tell


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    found = _found(terminalreporter)
    if not found:
        return
    terminalreporter.section("planted faults")
    for fault in FAULTS:
        for (name, where), questions in found.items():
            if name == fault.name:
                terminalreporter.write_line(f"{name:33} {where:31} {', '.join(questions) or 'NOT CAUGHT'}")
    counts = Counter(bool(questions) for questions in found.values())
    terminalreporter.write_line(f"planted faults caught: {counts[True]} of {counts.total()}")


def _found(terminalreporter: pytest.TerminalReporter) -> dict[tuple[str, str], list[str]]:
    """Return what caught each fault, where it was planted; of two answers of a test the last one counts."""
    return {
        (value[0], value[1]): value[2]
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", "") == "call"
        for name, value in report.user_properties
        if name == PROPERTY
    }
