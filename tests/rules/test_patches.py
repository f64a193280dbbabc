"""A library is patched in `patches.py` only, by functions that say which version needs it and what ends it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from export.cli.doctor.dependencies import locked_versions

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("zoo", "calibration", "export", "training")
SOURCES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
PATCHES = [path.relative_to(ROOT).as_posix() for path in SOURCES if path.name == "patches.py"]


def functions(path: str) -> list[ast.FunctionDef]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return [node for node in tree.body if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")]


def assigned_to_imports(path: Path) -> Iterator[str]:
    """Yield the attributes of imported names that a file assigns."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {alias.asname or alias.name for node in imports for alias in node.names}
    for node in ast.walk(tree):
        for target in node.targets if isinstance(node, ast.Assign) else ():
            if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id in names:
                yield f"{target.value.id}.{target.attr}"


@pytest.mark.parametrize("path", PATCHES)
def test_a_patch_names_the_installed_version_and_what_ends_it(path: str) -> None:
    for function in functions(path):
        promise = ast.get_docstring(function) or ""
        named = re.search(r"^Patches (\S+) ([\d.]+): ", promise, re.MULTILINE)
        assert named, function.name
        assert named[2] in locked_versions()[named[1]], f"{function.name}: does {named[1]} still need it?"
        assert re.search(r"^Ends with ", promise, re.MULTILINE), function.name


def test_no_other_file_changes_a_library() -> None:
    found = {path.relative_to(ROOT).as_posix(): list(assigned_to_imports(path)) for path in SOURCES}
    assert {path: names for path, names in found.items() if names and path not in PATCHES} == {}
    assert len(PATCHES) == 5
