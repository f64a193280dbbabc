"""report.html: the manifest as a self-contained page, in which every value is escaped."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from export.bundle import snippets
from export.bundle.report import bars, budget_chart, budget_words, deviation_part, facts, file_words, pruning_words
from export.bundle.report.command import command
from export.bundle.report.image import data_uri
from export.bundle.report.layer_part import LayerPart, layer_part
from export.bundle.report.legend import legend
from export.bundle.report.parts import Fact, Table
from export.bundle.report.rendering import render
from export.bundle.report.rows import Row, headline, rows


@dataclass(frozen=True, kw_only=True)
class FilePart:
    """The section of the page about one file."""

    row: Row
    trouble: str
    notes: list[str]
    checks: list[tuple[list[file_words.Check], str]]
    not_made: list[Fact]
    layers: LayerPart | None
    comparisons: Table
    operators: list[file_words.Operator]
    edges: list[Fact]


def page(manifest: Mapping[str, Any], pictures: Mapping[str, bytes]) -> str:
    """Return report.html.

    Args:
        manifest: the manifest.
        pictures: content of the picture files beside the page, by name.
    """
    shown = rows(manifest)
    files = {file["file"]: file for file in (*manifest["files"], *manifest["not_delivered"])}
    metric = headline(manifest)
    lines = legend(manifest)
    again = command(manifest["recipe"])
    return render(
        "page.html",
        title=f"{manifest['name']}: {manifest['title']}",
        folder=shlex.quote(manifest["name"]),
        verdict=_verdict(manifest, shown),
        warnings=[line for line in lines if _warns(line)],
        legend=[line for line in lines if not _warns(line)],
        rows=shown,
        score=metric.heading if metric else "",
        bars=bars.charts(manifest, shown),
        deviations=deviation_part.part(manifest, pictures),
        diagram=data_uri(manifest.get("diagram"), pictures),
        pruning=pruning_words.part(manifest),
        budget=budget_words.part(manifest),
        charts=budget_chart.charts(manifest),
        files=[_file_part(files[row.file], row, again) for row in shown],
        arithmetic=file_words.ARITHMETIC,
        snippets=snippets.snippets(manifest),
        data=facts.data(manifest),
        origin=facts.origin(manifest),
        command=again,
    )


def _file_part(file: Mapping[str, Any], row: Row, again: str) -> FilePart:
    diagnosis = file.get("diagnosis")
    return FilePart(
        row=row,
        trouble=file["trouble"],
        notes=file["notes"],
        checks=list(file_words.checks(file)),
        not_made=[Fact(one["id"], one["reason"]) for one in file["checks_not_made"]],
        layers=layer_part(diagnosis, again) if diagnosis is not None else None,
        comparisons=file_words.comparisons(file),
        operators=file_words.operators(file),
        edges=list(facts.edges(file)),
    )


def _verdict(manifest: Mapping[str, Any], shown: list[Row]) -> tuple[str, str]:
    """Return the verdict on all files, and its state."""
    failed = sum(row.state == "failed" for row in shown)
    if failed:
        return f"{failed} of {len(shown)} files failed", "failed"
    if not manifest["weights"]["trained"]:
        return "Untrained: every file runs, accuracy is not proven", "noted"
    if not manifest["probe"]["real"]:
        return "Noise inputs: every file runs, accuracy is not proven", "noted"
    if any(row.state == "noted" for row in shown):
        return f"Proven: all {len(shown)} files pass their checks; read the remarks", "noted"
    return f"Proven: all {len(shown)} files match the model", "good"


def _warns(line: str) -> bool:
    return line.startswith(("untrained", "warning"))
