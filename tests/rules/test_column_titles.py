"""The terminal and report.html title their columns with words of the glossary in docs/glossary.md."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from export.bundle.report import budget_words, file_words, proof_words, pruning_words
from tests.rules.test_order import MODULES, ROOT
from zoo.metric import METRICS

METRIC_TITLES = [metric.heading for metric in METRICS]
POINTS = {"points": [{"arena_bytes": 1}]}
BUDGET = [
    *budget_words.headings({"evaluation": None, "budget": POINTS}),
    *budget_words.headings({"evaluation": {"task": "classification"}, "budget": POINTS}),
]
# What a title that is not written out stands for, by module and expression.
COMPUTED: dict[tuple[str, str], Iterable[str]] = {
    ("export.cli.tables.export", "metric.heading"): METRIC_TITLES,
    ("export.cli.tables.sweep", "metric"): METRIC_TITLES,
    ("training.printing", "metric.heading"): METRIC_TITLES,
    ("training.printing", "f'{metric.heading}, {part}'"): METRIC_TITLES,  # of a part of the data
    ("export.cli.tables.budget", "heading"): BUDGET,
    ("export.cli.tables.pruning", "file"): pruning_words.HEADINGS,
    ("export.cli.tables.pruning", "heading"): pruning_words.HEADINGS,
    ("export.bundle.report.pruning_words", "heading"): pruning_words.HEADINGS,
    ("export.bundle.report.proof_page", "heading"): proof_words.HEADINGS,
    ("export.bundle.report.file_words", "heading"): file_words.COMPARED,
    ("export.cli.tables.fitting", "heading"): (),  # the function `number`
}
TEMPLATES = sorted((ROOT / "export/bundle/report/templates").glob("*.html"))
# Titles that a template takes from Python: they are found there.
FILLED = {"score", "heading", "column.heading"}
WITHOUT_TITLE = ""  # the drawn shares of the layers


def glossary() -> set[str]:
    """Return the titles of the glossary, one by one: a comma divides them unless the title itself has one."""
    page = (ROOT / "docs/glossary.md").read_text(encoding="utf-8")
    part = page.partition("\n## Columns of tables")[2].partition("\n## ")[0]
    cells = [line.split("|")[1].strip() for line in part.splitlines() if line.startswith("| ")][1:]
    own_comma = ("values: model, file", "model's lead, %", "file's lead, %")
    found = set(own_comma)
    for cell in cells:
        for title in own_comma:
            assert title in page
            cell = cell.replace(title, "")
        found |= {word.strip() for word in cell.split(", ")}
    return found - {""}


def arguments(path: Path) -> Iterator[ast.expr]:
    """Yield the title of every column that a module makes."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name | ast.Attribute):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
        if name == "add_column" and (node.args or any(one.arg == "header" for one in node.keywords)):
            yield node.args[0] if node.args else node
        elif name in ("Column", "number"):
            named = [one.value for one in node.keywords if one.arg == "heading"]
            yield named[0] if named else node.args[0]


def titles(name: str) -> set[str]:
    """Return the titles of a module's columns."""
    found: set[str] = set()
    for one in arguments(MODULES[name]):
        if isinstance(one, ast.Constant):
            found.add(str(one.value))
        elif (name, ast.unparse(one)) != ("export.cli.tables.fitting", "column.heading"):
            found |= set(COMPUTED[name, ast.unparse(one)])  # a KeyError: name here what the expression stands for
    return found - {WITHOUT_TITLE}


TITLED = [name for name in sorted(MODULES) if name.startswith(("export.cli", "export.bundle.report", "training"))]
TITLED = [name for name in TITLED if any(arguments(MODULES[name]))]


@pytest.mark.parametrize("name", TITLED)
def test_columns_have_titles_of_the_glossary(name: str) -> None:
    assert titles(name) - glossary() == set()


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_columns_of_the_report_have_titles_of_the_glossary(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    found = {one.strip() for one in re.findall(r"<th[^>]*>(.*?)</th>|data-label=\"(.*?)\"", text) for one in one if one}
    filled = {one for one in found if one.startswith("{{")}
    assert {one.strip("{} ") for one in filled} <= FILLED
    assert found - filled - glossary() == set()


def test_no_word_of_the_glossary_is_unused() -> None:
    of_pages = {word for path in TEMPLATES for word in re.findall(r">([^<>{}]+)</th>", path.read_text("utf-8"))}
    used = of_pages.union(*(titles(name) for name in TITLED))
    assert glossary() - used == set()


def test_tables_of_the_terminal_and_the_report_are_found() -> None:
    assert len(TITLED) > 12
    assert {"export.cli.tables.export", "export.bundle.report.layer_part", "training.printing"} <= set(TITLED)
