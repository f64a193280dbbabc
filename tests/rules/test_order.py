"""The order of packages and folders: imports point one way, without circles."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Each row may import the rows before it, and nothing after it; packages in one row do not import each other.
ORDER: dict[str, tuple[tuple[str, ...], ...]] = {
    "": (("zoo",), ("calibration",), ("export",), ("training",), ("zoo_export",)),
    "export": (
        ("errors", "metrics", "missing", "progress", "scheme", "units"),
        ("recipe",),
        ("temporary",),
        ("cache", "process"),
        ("model",),
        ("formats",),
        ("runtime", "passes"),
        ("quantization",),
        ("proof",),
        ("analysis",),
        ("bundle",),
        ("preflight",),
        ("pipeline",),
        ("remote", "__init__"),
        ("sweep",),
        ("cli",),
    ),
    "export.formats": (
        ("blocks", "distance", "enclosure", "footprint", "opened", "pairing", "patches", "requirements", "session"),
        ("dissection",),
        ("format",),
        ("tflite",),
        ("onnx",),
        ("__init__",),
    ),
    "export.passes": (
        ("fitting", "__init__"),
        ("channels",),
        ("block_sensitivity", "chosen", "equalize", "fold", "reconstruct", "shrink", "unroll"),
        ("prune", "prune_channels", "round_blocks"),
        ("integer_model", "registry"),
        ("pruning",),
    ),
    "export.analysis": (
        ("tasks",),
        ("labelled_data",),
        ("evaluation",),
        ("budget", "deviations", "diagnosis", "original"),
        ("__init__",),
    ),
}
PACKAGES = [name for row in ORDER[""] for name in row]
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for package in PACKAGES
    for path in (ROOT / package).rglob("*.py")
}
FOLDERS = sorted({name for name, path in MODULES.items() if path.name == "__init__.py"})


def imported(path: Path) -> Iterator[str]:
    """Yield the modules of ours that a file imports, at its top or inside of functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom) and node.module in MODULES:
            names = (f"{node.module}.{alias.name}" for alias in node.names)
            yield from (name if name in MODULES else node.module for name in names)


def room(module: str, folder: str) -> str | None:
    """Return the child of a folder that a module is in or is; None if it lies outside."""
    if module == folder:
        return "__init__"
    prefix = f"{folder}." if folder else ""
    return module.removeprefix(prefix).split(".")[0] if module.startswith(prefix) else None


def arrows(folder: str) -> dict[str, set[str]]:
    """Return which children of a folder import which others."""
    found: dict[str, set[str]] = {}
    for module, path in MODULES.items():
        own = room(module, folder)
        if own is not None:
            others = {room(name, folder) for name in imported(path)} - {own, None}
            found.setdefault(own, set()).update(other for other in others if other)
    return found


@pytest.mark.parametrize("folder", ["", *FOLDERS])
def test_no_package_has_circular_imports(folder: str) -> None:
    try:
        TopologicalSorter(arrows(folder)).prepare()
    except CycleError as error:
        pytest.fail(f"circle in {folder or 'the project'}: {' <- '.join(error.args[1])}")


@pytest.mark.parametrize("folder", ORDER)
def test_packages_import_only_those_before_them(folder: str) -> None:
    place = {name: number for number, row in enumerate(ORDER[folder]) for name in row}
    found = arrows(folder)
    assert found.keys() | {other for others in found.values() for other in others} <= place.keys()
    assert [name for name in place if not _exists(folder, name)] == []
    assert [(own, other) for own, others in found.items() for other in others if place[other] >= place[own]] == []


def test_every_package_has_a_docstring() -> None:
    silent = [name for name in FOLDERS if not ast.get_docstring(ast.parse(MODULES[name].read_text(encoding="utf-8")))]
    assert silent == []
    assert len(FOLDERS) > 20


def _exists(folder: str, name: str) -> bool:
    return ".".join(filter(None, [folder, name])).removesuffix(".__init__") in MODULES
