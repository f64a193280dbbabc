"""What pruning gains and what it costs, in cells and sentences: for the terminal and for the page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from export.analysis.tasks import TASKS
from export.bundle.report.parts import Column, Table
from export.units import size_in_words

TITLE = "against the original"
HEADINGS = ("file", "SQNR dB", "same top-1 %", "zero weights %", "size", "zipped")


@dataclass(frozen=True)
class PruningPart:
    """What the page says about pruning: a table, and the sentences under it."""

    title: str
    table: Table
    lines: list[str]


def part(manifest: Mapping[str, Any]) -> PruningPart | None:
    """Return what the page says; None where nothing was pruned."""
    if not manifest["slimming"]:
        return None
    columns = [Column(heading, "" if heading == HEADINGS[0] else "number") for heading in HEADINGS]
    return PruningPart(TITLE.capitalize(), Table(columns, list(rows(manifest))), lines(manifest))


def rows(manifest: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield the cells of each row: the Keras model that is exported, then every file."""
    found = manifest["slimming"]
    yield ("the Keras model", *_compared(found["model"]), "", "", "")
    for name, file in found["files"].items():
        sizes = (size_in_words(file[key]) for key in ("bytes", "bytes_zipped"))
        yield (name, *_compared(file), f"{100 * file['zero_share']:.1f}", *sizes)


def lines(manifest: Mapping[str, Any]) -> list[str]:
    """Return the sentences under the table."""
    found = manifest["slimming"]
    said = []
    if scores := found["original_scores"]:
        metric = TASKS[manifest["evaluation"]["task"]].metrics[0]
        before, after = scores[metric.key], manifest["evaluation"]["scores"][metric.key]
        said.append(
            f"{metric.title}: {metric.words(before)} {metric.unit} of the original, {metric.words(after)} of this one"
        )
    said.append("zero weights take as much room in a file, and as much time, as others: only a zipped file is smaller")
    return said


def _compared(compared: Mapping[str, Any]) -> tuple[str, str]:
    sqnr, same = compared.get("sqnr_db"), compared.get("top1_agreement")
    return ("-" if sqnr is None else f"{sqnr:.1f}", "-" if same is None else f"{100 * same:.1f}")
