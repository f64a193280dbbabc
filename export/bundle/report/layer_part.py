"""The section of report.html about the layers of a quantized file: verdict, chart, worst layers, table."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from export.bundle.report.layer_chart import LayerChart, chart
from export.bundle.report.layer_words import cost, decibels, legend, share, suggestion, verdict
from export.bundle.report.parts import Column, Table

_COLUMNS = (
    Column("layer", "code"),
    Column("operator"),
    Column("stored"),
    Column("own dB", "number"),
    Column("accum. dB", "number"),
    Column("share of output error", "number"),
)


@dataclass(frozen=True)
class Worst:
    """One of the worst layers: its share of the output error, and what to try."""

    name: str
    cost: str
    advice: str
    options: str


@dataclass(frozen=True, kw_only=True)
class LayerPart:
    """The texts and the chart of the section."""

    verdict: str
    chart: LayerChart
    worst: list[Worst]
    suggestion: str
    table: Table
    legend: list[str]


def layer_part(found: Mapping[str, Any], command: str) -> LayerPart:
    """Return the section for a diagnosis record; `command` is the command of the export."""
    rows = [
        [
            layer["name"],
            layer["op"].lower() or "input",
            layer["dtype"],
            decibels(layer["local_sqnr_db"]),
            decibels(layer["cumulative_sqnr_db"]),
            share(layer),
        ]
        for layer in found["layers"]
    ]
    return LayerPart(
        verdict=f"{verdict(found)}.",
        chart=chart(found),
        worst=[_worst(finding, found) for finding in found["worst"]],
        suggestion=suggestion(found["worst"], command),
        table=Table(_COLUMNS, rows),
        legend=legend(found),
    )


def _worst(finding: Mapping[str, Any], found: Mapping[str, Any]) -> Worst:
    remedy = finding["suggestion"]
    advice = f"{remedy['fact']}: {remedy['advice']}"
    return Worst(finding["name"], cost(finding, found), advice, shlex.join(remedy["options"]))
