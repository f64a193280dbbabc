"""The lines below the table of a budget."""

from __future__ import annotations

from typing import Any

from export.bundle.report.budget_words import cells, lines
from export.units import time_in_words


def point(label: str, size: int, *presets: str, chosen: bool = False, p50_ms: float = 1.0) -> dict[str, Any]:
    return {
        "label": label,
        "precision": label,
        "raised": {},
        "format": "tflite",
        "bytes": size,
        "p50_ms": p50_ms,
        "sqnr_db": 20.0,
        "changed": 0.0,
        "lost": None,
        "presets": list(presets),
        "chosen": chosen,
    }


def manifest(
    points: list[dict[str, Any]], *, failed: str = "", ranking: tuple[str, ...] = (), widths: tuple[str, ...] = ()
) -> dict[str, Any]:
    check = {"id": "budget", "passed": not failed, "reason": f"{failed}, on 64 samples"}
    budget = {"preset": None, "max_drop": 0.01, "max_bytes": None, "max_latency_ms": 1.0, "widths": list(widths)}
    return {
        "recipe": {"budget": budget},
        "budget": {"chosen": points[0], "points": points, "ranking": [{"layer": layer} for layer in ranking]},
        "passes": [{"name": "reconstruct"}],
        "files": [{"checks": [check]}],
        "not_delivered": [],
        "evaluation": None,
        "probe": {"count": 64},
    }


def said(*arguments: Any, **others: Any) -> str:
    return "\n".join(lines(manifest(*arguments, **others)))


def test_a_ranking_is_mentioned_if_there_is_one() -> None:
    points = [point("int8", 100)]
    assert "layers were ranked" not in said(points)
    assert "layers were ranked on calibration samples" in said(points, ranking=("c3",))


def test_float32_weights_are_suggested_if_accuracy_was_lost_and_they_were_not_tried() -> None:
    points, offer = [point("int8", 100)], "--raise-to float32"
    assert offer in said(points, failed="--max-drop")
    assert offer not in said(points, failed="--max-drop", widths=("float32",))
    assert offer not in said(points, failed="--max-latency")
    assert offer not in said(points)


def test_a_compact_file_that_is_not_the_smallest_has_a_reason() -> None:
    small, fast = point("w8a32", 90, "quality", "balanced"), point("int8", 100, "compact")
    assert "compact is larger than balanced, but faster: presets rank by size times latency" in said([small, fast])
    assert "is larger than" not in said([point("int8", 80, "compact"), small])


def test_short_times_are_shown_with_distinct_digits() -> None:
    assert time_in_words(0.0123) == "0.012"
    assert time_in_words(12.345) in ("12.35", "12.34")
    assert cells(point("int8", 100, p50_ms=0.0123))[1] == "0.012"
