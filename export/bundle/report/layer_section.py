"""The part of the page on the layers of one quantized file: verdict, drawing, the worst with cures, all numbers."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from export.bundle.report.layer_chart import chart, key
from export.bundle.report.layer_words import cost, decibels, legend, share, suggestion, verdict
from export.bundle.report.markup import Column, table, text

_COLUMNS: list[Column] = [
    ("layer", False),
    ("operator", False),
    ("stored", False),
    ("own dB", True),
    ("so far dB", True),
    ("of the output's error", True),
]


def layer_section(found: Mapping[str, Any] | None, command: str) -> str:
    """Return the markup of a diagnosis's record; nothing where there is none. `command` is that of the export."""
    if found is None:
        return ""
    worst = "".join(_finding(finding, found) for finding in found["worst"])
    better = suggestion(found["worst"], command)
    return "".join(
        [
            "<h3>Layer by layer</h3>",
            f"<p>{text(verdict(found))}.</p>",
            f'<p class="quiet">{key()}</p><div class="wide">{chart(found)}</div>',
            f'<ol class="worst">{worst}</ol>' if worst else "",
            f'<p class="quiet">To try:</p><pre>{text(better)}</pre>' if better else "",
            f'<details class="all"><summary>All {len(found["layers"])} layers</summary><div class="inside">'
            f'<div class="wide">{_table(found)}</div>',
            *(f'<p class="quiet">{text(line)}</p>' for line in legend(found)),
            "</div></details>",
        ]
    )


def _finding(finding: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    cure = finding["cure"]
    options = f" <code>{text(shlex.join(cure['options']))}</code>" if cure["options"] else ""
    return (
        f"<li><strong>{text(finding['name'])}</strong> {text(cost(finding, found))}"
        f'<span class="quiet">{text(cure["fact"])}: {text(cure["advice"])}{options}</span></li>'
    )


def _table(found: Mapping[str, Any]) -> str:
    rows = [
        [
            f"<code>{text(layer['name'])}</code>",
            text(layer["op"].lower() or "input"),
            text(layer["dtype"]),
            decibels(layer["local_sqnr_db"]),
            decibels(layer["cumulative_sqnr_db"]),
            text(share(layer)),
        ]
        for layer in found["layers"]
    ]
    return table(_COLUMNS, rows)
