"""Docstrings, messages and help texts use the words of the glossary in docs/glossary.md."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.rules.test_order import MODULES

# Words with another meaning in this field, or none -> the words to use.
INSTEAD = {
    r"answers?": "output, prediction",
    r"bars?": "threshold, tolerance",
    r"likewise": "the thing itself",
    r"was told|is told|were told": "requested, reported",
    r"cures?": "suggestion",
    r"slimming": "compression, pruning",
    r"lessons?": "training data",
    r"made of": "derived from, built from",
    r"asked for": "requested",
}
FORBIDDEN = re.compile(r"\b(" + "|".join(INSTEAD) + r")\b", re.IGNORECASE)
ALLOWED = re.compile(r"progress bar|no answer in", re.IGNORECASE)
CHARTS = (  # which draw bars
    "export.bundle.report.bars",
    "export.bundle.report.deviation_part",
    "export.bundle.report.layer_chart",
    "export.cli.tables.predictions",
)


def texts(path: Path) -> list[tuple[int, str]]:
    """Return every text of a module that has words: docstrings, messages, help."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return [(node.lineno, str(node.value)) for node in nodes if " " in str(node.value)]


@pytest.mark.parametrize("name", sorted(MODULES))
def test_texts_use_the_words_of_the_glossary(name: str) -> None:
    allowed = re.compile(r"\bbars?\b") if name in CHARTS else ALLOWED
    wrong = [
        f"{MODULES[name].name}:{line} {found[0]!r} in {text[:80]!r}"
        for line, text in texts(MODULES[name])
        if (found := FORBIDDEN.search(allowed.sub("", text)))
    ]
    assert wrong == []
