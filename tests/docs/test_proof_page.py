"""The page on the proof explains every question that the code asks."""

from __future__ import annotations

import ast
from pathlib import Path

from export.bundle.report.file_section import ERRORS

ROOT = Path(__file__).resolve().parents[2]


def test_every_question_is_explained() -> None:
    asked = {
        value.value
        for path in (ROOT / "export").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for value in questions(node)
        if isinstance(value, ast.Constant)
    }
    page = (ROOT / "docs" / "proof.md").read_text(encoding="utf-8").lower()
    asked |= {"parity", "fidelity"}  # the code chooses between these two by the precision
    assert {question for question in asked if f"**{question}**" not in page} == set()
    assert {"storage", "convention", "origin", "integrity"} <= asked


def test_the_report_says_at_most_of_every_error() -> None:
    calls = (
        node
        for path in (ROOT / "export").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "at_most"
    )
    errors = {value.value for call in calls for value in questions(call) if isinstance(value, ast.Constant)}
    assert errors == set(ERRORS)


def questions(node: ast.AST) -> list[ast.expr]:
    """Return what stands for `question` in a call or a signature."""
    if isinstance(node, ast.Call):
        named = [keyword.value for keyword in node.keywords if keyword.arg == "question"]
        stated = isinstance(node.func, ast.Attribute) and node.func.attr == "stated"
        return [*named, *(node.args[:1] if stated else [])]
    if isinstance(node, ast.arguments):
        pairs = zip(node.kwonlyargs, node.kw_defaults, strict=True)
        return [default for argument, default in pairs if argument.arg == "question" and default is not None]
    return []
