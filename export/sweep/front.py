"""The files of a sweep on a Pareto front of size, latency and accuracy.

Accuracy on labelled data compares networks with each other. Without it there is only the SQNR, which compares a file
with its own network, so that every network has a front of its own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from export.analysis.budget.front import front
from export.analysis.budget.point import Point
from export.scheme import SCHEMES
from zoo.metric import METRICS

HIGHER_IS_BETTER = {metric.key: metric.higher_is_better for metric in METRICS}


def quality(row: Mapping[str, Any]) -> float | None:
    """Return how accurate a file is, in the metric of its group; None if that was not measured."""
    if row.get("score") is not None:
        return float(row["score"]) if HIGHER_IS_BETTER[row["metric"]] else -float(row["score"])
    return row.get("sqnr_db")


def group(row: Mapping[str, Any]) -> str:
    """Return which files a file is compared with: all with the same metric, or those of its own model."""
    return f"metric {row['metric']}" if row.get("score") is not None else f"model {row['model']}"


def on_front(rows: Sequence[Mapping[str, Any]]) -> set[int]:
    """Return the indices of the proven files that no other one of their group beats."""
    groups: dict[str, dict[int, Point]] = {}
    for index, row in enumerate(rows):
        value = quality(row)
        if row["passed"] and value is not None and not math.isnan(value):
            groups.setdefault(group(row), {})[index] = _point(row, value)
    found = set()
    for points in groups.values():
        kept = {id(point) for point in front(list(points.values()))}
        found |= {index for index, point in points.items() if id(point) in kept}
    return found


def _point(row: Mapping[str, Any], value: float) -> Point:
    return Point(
        scheme=SCHEMES[row["precision"]],
        format=row["format"],
        bytes=row["bytes"],
        p50_ms=row["p50_ms"] if row["p50_ms"] is not None else math.inf,
        sqnr_db=value,
        changed=None,
    )
