"""Outcomes of sweeps that never ran, with chosen numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from export.recipe import Recipe
from export.sweep.job import Job, Outcome
from export.sweep.store import Store, inside


def outcome(
    store: Store,
    folder: Path,
    model: str,
    recipe: str,
    files: list[dict[str, Any]],
    *,
    passed: bool = True,
    metric: tuple[str, str] = ("", ""),
) -> Outcome:
    """Keep the result of a job in a store, and return its outcome."""
    job = Job(
        name=f"{model}-{recipe}",
        model=model,
        recipe_name=recipe,
        recipe=Recipe(model="lenet5"),
        devices=(),
        key=f"{model}{recipe}".encode().hex().ljust(64, "0"),
        pack_keys={},
    )
    (folder / model).mkdir(parents=True, exist_ok=True)
    (folder / model / "report.html").write_text("a report")
    record = {
        "name": model,
        "passed": passed,
        "delivered": True,
        "metric": metric[0],
        "metric_heading": metric[1],
        "files": files,
        "cost": {"seconds": 12.0, "processor_seconds": 10.0, "peak_bytes": 500_000_000},
        "made": {"machine": "here", "processor": "a processor", "time": "2026-01-01T00:00:00+00:00"},
    }
    return Outcome(job=job, export=store.put(job.key, record, inside(folder)), packs={}, attempts=1)


def file(
    name: str, size: int, sqnr_db: float, p50_ms: float, *, score: float | None = None, reason: str = ""
) -> dict[str, Any]:
    """Return the record of a file; one with a reason has failed."""
    words = {
        "file": name,
        "scheme": "int8",
        "format": ".tflite",
        "size": f"{size} B",
        "sqnr": f"{sqnr_db}",
        "agreement": "98.4",
        "score": "" if score is None else f"{100 * score:.1f}",
        "time": f"{p50_ms:.2f}",
        "verdict": "failed" if reason else "proven",
        "reason": reason,
        "state": "failed" if reason else "good",
    }
    facts = {"precision": "int8", "bytes": size, "sqnr_db": sqnr_db, "same_top1": 0.984, "score": score}
    return {**facts, "p50_ms": p50_ms, "delivered": not reason, "passed": not reason, "words": words}
