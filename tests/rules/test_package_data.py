"""Files that are not Python are installed only if pyproject.toml names them."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SETUPTOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]


@pytest.mark.parametrize("package", SETUPTOOLS["package-data"])
def test_every_file_of_a_package_is_installed(package: str) -> None:
    folder = ROOT / package
    named = {path for pattern in SETUPTOOLS["package-data"][package] for path in folder.glob(pattern) if path.is_file()}
    there = {
        path
        for path in folder.rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc") and not path.name.startswith(".")
    }
    assert there == named
    assert folder / "py.typed" in there
