"""Tests that share a costly fixture are in one group; each group's files are there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scheduling import SHARED, group

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("beginning", SHARED)
def test_shared_fixtures_exist(beginning: str) -> None:
    assert (ROOT / beginning).exists()


def test_a_file_is_in_the_group_of_its_fixture_or_in_its_own() -> None:
    assert group("tests/faults/test_a.py::test_b[x/y]") == group("tests/diagnosis/test_c.py::test_d")
    assert group("tests/zoo/test_a.py::test_b") == "tests/zoo/test_a.py"
    assert group("tests/zoo/test_a.py::test_b") != group("tests/zoo/test_b.py::test_b")


@pytest.mark.parametrize(
    ("fixture", "shared"),
    [("first_export", "the first export"), ("second_export", "the first export")],
)
def test_all_files_that_use_a_shared_fixture_are_in_its_group(fixture: str, shared: str) -> None:
    asking = [
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "tests" / "export").glob("test_*.py")
        if fixture in path.read_text(encoding="utf-8")
    ]
    assert {group(path) for path in asking} == {shared}
