"""Where a format may be named."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("zoo", "calibration", "export", "training")

FORMATS = re.compile(r"\b_?(tflite|onnx)\b", re.IGNORECASE)
# Elsewhere a format is an entry of `export.formats.FORMATS`.
MAY_NAME_FORMATS = {
    "export/cli/commands/export.py": "help, which must not import the formats",
    "export/cli/commands/run.py": "help",
    "export/cli/doctor/dependencies.py": "distributions, one of which is called onnx",
    "export/cli/doctor/machine.py": "the name of a runtime",
    "export/bundle/deploy/android/readme.py": "the address of LiteRT's documentation",
    "export/bundle/deploy/litert_lm.py": "the runtime loads .tflite",
    "export/bundle/deploy/micro/readme.py": "the address of a runtime",
    "export/bundle/deploy/on_device/session.py": "travels to devices, where no other module of this project is",
    "export/bundle/deploy/onnxruntime_genai.py": "the runtime loads .onnx",
    "export/bundle/deploy/raspberry_pi.py": "a sentence about one runtime",
    "export/bundle/deploy/transformers_js.py": "the runtime loads .onnx, in a folder onnx/",
    "export/bundle/snippets/generate.py": "the name of a runtime",
    "export/bundle/web/libraries.py": "the name of a runtime",
    "export/missing.py": "modules, one of which is called onnx",
    "export/bundle/manifest.py": "distributions, one of which is called onnx",
    "export/runtime/emulation/machines.py": "distributions for other processors",
    "export/runtime/tools/environment.py": "a distribution called tflite-micro",
    "zoo/pretrained/mobilenet.py": "Google publishes the weights as .tflite",
    "zoo/weights/readers/__init__.py": "Google publishes the weights as .tflite",
    "zoo/weights/readers/onnx.py": "the ONNX Model Zoo publishes weights as .onnx",
    "zoo/weights/readers/tflite.py": "Google publishes the weights as .tflite",
    "zoo/pretrained/yolo_v3_tiny.py": "the ONNX Model Zoo publishes the weights as .onnx",
}


def sources(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    """Yield the full names of what a file imports, at its top or inside of functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def words(path: Path) -> Iterator[str]:
    """Yield the names and strings of a file's code, without docstrings and comments."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    prose = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in prose:
            yield node.value
        elif isinstance(node, ast.Name | ast.Attribute):
            yield node.id if isinstance(node, ast.Name) else node.attr
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
    yield from imported(path)


def test_formats_are_named_only_in_their_own_package() -> None:
    naming = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in sources(package)
        if "export/formats/" not in path.as_posix() and any(FORMATS.search(word) for word in words(path))
    }
    assert naming == set(MAY_NAME_FORMATS)
