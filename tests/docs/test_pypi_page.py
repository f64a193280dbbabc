"""The description on PyPI needs nothing of the repository, and says what the README says."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import zoo
from export.scheme import SCHEMES

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PAGE = (ROOT / PROJECT["readme"]).read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_description_has_no_picture_and_no_link_that_leads_into_the_repository() -> None:
    assert "<img" not in PAGE
    assert "![" not in PAGE
    assert [link for link in re.findall(r"\]\(([^)]*)\)", PAGE) if "://" not in link] == []


def test_the_description_and_the_readme_have_the_same_commands_and_the_same_promise() -> None:
    commands = re.findall(r"^    zoo .*$", PAGE, re.MULTILINE)
    assert len(commands) == 2
    assert [line for line in commands if line not in README] == []
    assert PAGE.split("\n\n")[:2] == README.split("\n\n")[:2]
    assert all(f"one of the {len(zoo.names())} networks" in text for text in (PAGE, README))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_description_names_every_precision(scheme: str) -> None:
    assert scheme in PAGE


def test_the_python_versions_are_those_that_pip_accepts() -> None:
    named = re.findall(r"Python :: (3\.\d+)$", "\n".join(PROJECT["classifiers"]), re.MULTILINE)
    assert named == ["3.11", "3.12", "3.13"]
    assert PROJECT["requires-python"] == ">=3.11,<3.14"
    assert f"Python {named[0]} to {named[-1]}" in PAGE
