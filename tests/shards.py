"""Run one of several parts of the collected tests: `--shard 3/10`; all parts together are all tests, each once.

Tests are shared out by how long they took: `python -m tests.shards build/large*.xml` stores that from the reports of
`make large`, and prints the rows for docs/tests.md. A test without a stored time counts as one of average length.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pytest

SECONDS = Path(__file__).parent / "data" / "large_seconds.json"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--shard", metavar="K/N", type=number_and_count, help="run the K-th of N parts of the tests")


@pytest.hookimpl(trylast=True)  # after `-m` chose the tests
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    chosen: tuple[int, int] | None = config.getoption("--shard")
    if chosen is None:
        return
    number, count = chosen
    mine = set(parts([item.nodeid for item in items], count, stored())[number - 1])
    config.hook.pytest_deselected(items=[item for item in items if item.nodeid not in mine])
    items[:] = [item for item in items if item.nodeid in mine]


def number_and_count(text: str) -> tuple[int, int]:
    """Return K and N of "K/N"."""
    found = re.fullmatch(r"(\d+)/(\d+)", text)
    if found is None or not 1 <= int(found[1]) <= int(found[2]):
        raise argparse.ArgumentTypeError(f"{text!r} is not K/N with K from 1 to N; type 1/10")
    return int(found[1]), int(found[2])


def parts(tests: Iterable[str], count: int, seconds: Mapping[str, float]) -> list[list[str]]:
    """Share out tests: the longest first, each into the part that is the shortest so far."""
    average = sum(seconds.values()) / len(seconds) if seconds else 1.0
    length = {test: seconds.get(test, average) for test in tests}
    found: list[list[str]] = [[] for _ in range(count)]
    totals = [0.0] * count
    for test in sorted(length, key=lambda test: (-length[test], test)):
        shortest = totals.index(min(totals))
        found[shortest].append(test)
        totals[shortest] += length[test]
    return found


def stored() -> dict[str, float]:
    """Return how many seconds each large test took in the last full run."""
    found: dict[str, float] = json.loads(SECONDS.read_text(encoding="utf-8")) if SECONDS.is_file() else {}
    return found


def measured(report: Path) -> dict[str, float]:
    """Return the seconds of every test in a junit report."""
    cases = ElementTree.parse(report).iter("testcase")
    return {
        f"{case.attrib['classname'].replace('.', '/')}.py::{case.attrib['name']}": round(float(case.attrib["time"]), 1)
        for case in cases
    }


def row(report: Path) -> str:
    """Return the summary of a report: name, date, tests, failures, minutes."""
    suite = next(ElementTree.parse(report).iter("testsuite")).attrib
    failed = int(suite["failures"]) + int(suite["errors"])
    return (
        f"| {report.stem} | {suite['timestamp'][:10]} | {suite['tests']} | {failed} | {float(suite['time']) / 60:.1f} |"
    )


def main(reports: Sequence[str]) -> None:
    """Store the times of these reports in place of all others, and print a row for each."""
    found = {test: seconds for report in reports for test, seconds in measured(Path(report)).items()}
    SECONDS.write_text(json.dumps(found, indent=0, sort_keys=True) + "\n", encoding="utf-8")
    print("\n".join(row(Path(report)) for report in reports))


if __name__ == "__main__":
    main(sys.argv[1:])
