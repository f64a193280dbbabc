"""The rows of a sweep's results: one for each file, or for a job without files, with all numbers as plain data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from export.sweep.front import on_front
from export.sweep.job import Outcome
from export.sweep.store import Store

Row = dict[str, Any]

# Facts about a file, as its record in the store has them.
MEASURED = ("precision", "bytes", "sqnr_db", "same_top1", "score", "p50_ms", "passed", "delivered")
COST = ("seconds", "processor_seconds", "peak_bytes")


def rows(outcomes: Sequence[Outcome], store: Store) -> list[Row]:
    """Return the rows of all outcomes, in their order; `on_front` marks the files that no other one beats."""
    found = [row for outcome in outcomes for row in _of(outcome, store)]
    front = on_front(found)
    return [{**row, "on_front": index in front} for index, row in enumerate(found)]


def _of(outcome: Outcome, store: Store) -> Iterator[Row]:
    job, export = outcome.job, outcome.export
    shared: Row = {
        "job": job.name,
        "model": job.model,
        "recipe": job.recipe_name,
        "devices": list(job.devices),
        "key": job.key,
        "error": _error(outcome),
        "attempts": outcome.attempts,
        "folder": f"{store.address(export)}/{export['name']}" if export and export["delivered"] else "",
        "packed": {device: store.address(pack) for device, pack in outcome.packs.items() if not pack["error"]},
    }
    if export is None:
        empty = dict.fromkeys((*MEASURED, *COST, "metric", "metric_heading", "machine", "processor"))
        yield {**shared, **empty, "file": "", "format": "", "passed": False, "verdict": "failed", "state": "failed"}
        return
    shared |= {name: export["cost"][name] for name in COST}
    shared |= {"metric": export["metric"], "metric_heading": export["metric_heading"], **export["made"]}
    for file in export["files"]:
        words: Mapping[str, str] = file["words"]
        yield {
            **shared,
            **{name: file[name] for name in MEASURED},
            **{name: words[name] for name in ("file", "format", "verdict", "state", "reason")},
            "words": words,
        }


def _error(outcome: Outcome) -> str:
    """Return why a job has no result, or a device no folder."""
    if outcome.error:
        return outcome.error
    return "; ".join(f"{device}: {pack['error']}" for device, pack in outcome.packs.items() if pack["error"])
