"""What pruning bought and what it cost, as a section of the page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from export.bundle.report.markup import paragraphs, table, text
from export.bundle.report.pruning_words import HEADINGS, TITLE, lines, rows


def section(manifest: Mapping[str, Any]) -> str:
    """Return the section, or nothing where nothing was pruned."""
    if not manifest["slimming"]:
        return ""
    columns = [(heading, heading != "file") for heading in HEADINGS]
    cells = [[text(cell) for cell in row] for row in rows(manifest)]
    shown = table(columns, cells)
    return f'<h2>{text(TITLE.capitalize())}</h2><div class="wide">{shown}</div>{paragraphs(lines(manifest))}'
