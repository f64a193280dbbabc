"""Texts about the effect of pruning, for the terminal and for report.html."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from export.analysis.tasks import TASKS
from export.bundle.report.parts import Column, Table
from export.units import size_in_words

TITLE = "compared with the original model"
HEADINGS = ("file", "SQNR dB", "same top-1 %", "zero weights %", "size", "zipped")


@dataclass(frozen=True)
class PruningPart:
    """The section of the page about pruning: a table and the lines below it."""

    title: str
    table: Table
    lines: list[str]


def part(manifest: Mapping[str, Any]) -> PruningPart | None:
    """Return the section of the page; None if nothing was pruned."""
    if not manifest["pruning"]:
        return None
    columns = [Column(heading, "" if heading == HEADINGS[0] else "number") for heading in HEADINGS]
    return PruningPart(TITLE.capitalize(), Table(columns, list(rows(manifest))), lines(manifest))


def rows(manifest: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield the cells of each row: the Keras model that is exported, then every file."""
    found = manifest["pruning"]
    yield ("Keras model", *_agreement(found["model"]), "", "", "")
    for name, file in found["files"].items():
        sizes = (size_in_words(file[key]) for key in ("bytes", "bytes_zipped"))
        yield (name, *_agreement(file), f"{100 * file['zero_share']:.1f}", *sizes)


def lines(manifest: Mapping[str, Any]) -> list[str]:
    """Return the lines below the table."""
    found = manifest["pruning"]
    said = []
    if scores := found["original_scores"]:
        metric = TASKS[manifest["evaluation"]["task"]].metrics[0]
        before, after = scores[metric.key], manifest["evaluation"]["scores"][metric.key]
        said.append(
            f"{metric.title}: {metric.words(before)} {metric.unit} for the original model, "
            f"{metric.words(after)} {metric.unit} for the exported Keras model"
        )
    said.append("zero weights reduce neither the file size nor the latency; they only make the zipped file smaller")
    return said


def _agreement(compared: Mapping[str, Any]) -> tuple[str, str]:
    sqnr, same = compared.get("sqnr_db"), compared.get("top1_agreement")
    return ("-" if sqnr is None else f"{sqnr:.1f}", "-" if same is None else f"{100 * same:.1f}")
