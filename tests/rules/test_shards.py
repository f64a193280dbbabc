"""The parts of `make large` together are all of its tests, each once, and take about the same time."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from tests.shards import measured, number_and_count, parts, row

TESTS = [f"tests/test_a.py::test_{number}" for number in range(53)]
SECONDS = {test: float(number % 7) + 0.5 for number, test in enumerate(TESTS)}


@pytest.mark.parametrize("count", [1, 3, 10])
@pytest.mark.parametrize("seconds", [{}, SECONDS])
def test_every_test_is_in_one_part(count: int, seconds: dict[str, float]) -> None:
    found = parts(reversed(TESTS), count, seconds)
    assert len(found) == count
    assert sorted(test for part in found for test in part) == sorted(TESTS)
    assert found == parts(TESTS, count, seconds)  # whatever the order in which they were collected


def test_parts_take_about_the_same_time() -> None:
    totals = [sum(SECONDS[test] for test in part) for part in parts(TESTS, 10, SECONDS)]
    assert max(totals) - min(totals) <= max(SECONDS.values())


@pytest.mark.parametrize("text", ["0/10", "11/10", "3", "a/b", "1/0"])
def test_a_part_that_does_not_exist_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="type 1/10"):
        number_and_count(text)
    assert number_and_count("10/10") == (10, 10)


def test_times_are_read_from_a_report_under_the_names_that_pytest_gives(tmp_path: Path) -> None:
    case = '<testcase classname="tests.zoo.test_a" name="test_b[c.d-1]" time="2.34"/>'
    run = 'name="pytest" errors="1" failures="2" tests="457" time="90.0" timestamp="2026-01-31T12:00:00+00:00"'
    (tmp_path / "report.xml").write_text(f"<testsuites><testsuite {run}>{case}</testsuite></testsuites>")
    assert row(tmp_path / "report.xml") == "| report | 2026-01-31 | 457 | 3 | 1.5 |"
    assert measured(tmp_path / "report.xml") == {"tests/zoo/test_a.py::test_b[c.d-1]": 2.3}
