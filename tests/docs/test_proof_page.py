"""The page on the proof explains every check that the code makes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from export.proof.checks import CHECKS

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "proof.md").read_text(encoding="utf-8")
# Made outside of the registry: by a budget, and by `zoo verify` on a delivered folder.
OTHERS = {"budget", "pruning", "integrity", "signature", "reproduction", "preprocessing", "export"}
OTHERS |= {"completeness", "consistency", "authenticity"}
IDS = re.compile(r"(?:\bid=|stated\()\s*\"(\w+)\"")


def test_every_check_has_a_row_in_the_order_of_the_registry() -> None:
    rows = re.findall(r"^\| \*\*(\w+)\*\* \|", PAGE, re.MULTILINE)
    assert rows == [*(check.id for check in CHECKS), "pruning", "budget"]


@pytest.mark.parametrize("name", sorted(OTHERS))
def test_every_other_check_is_explained(name: str) -> None:
    assert f"**{name}**" in PAGE.lower()


def test_every_check_that_runs_is_listed() -> None:
    made = {name for path in (ROOT / "export").rglob("*.py") for name in IDS.findall(path.read_text(encoding="utf-8"))}
    assert made <= {check.id for check in CHECKS} | OTHERS
    assert {"storage", "convention", "origin", "integrity"} <= made
