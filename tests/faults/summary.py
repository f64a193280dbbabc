"""The count of faults caught, at the end of the run."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.faults.faults import FAULTS

PROPERTY = "planted fault"  # of a test's report: it also comes back from another process


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
    """Return what caught each fault, where it was planted; if a test reported twice, the last report counts."""
    return {
        (value[0], value[1]): value[2]
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", "") == "call"
        for name, value in report.user_properties
        if name == PROPERTY
    }
