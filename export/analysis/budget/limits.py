"""Whether a measured file keeps a budget, and if not, by how much it misses it."""

from __future__ import annotations

from export.analysis.budget.point import Point
from export.recipe import Budget

# Less than a limit by so much, because a second measurement of the same file differs by it.
LATENCY_MARGIN = 1 / 1.05


def keeps(point: Point, budget: Budget) -> bool:
    """Return whether a file keeps every limit of the budget."""
    return excess(point, budget) <= 0


def excess(point: Point, budget: Budget) -> float:
    """Return by how much a file exceeds its budget at worst, as a share of the limit; 0 or less where it does not."""
    found = [0.0]
    if budget.max_drop is not None and point.drop is not None:
        # Shares of few samples are no exact numbers: 1 of 100 is 1 %.
        found.append((point.drop - budget.max_drop - 1e-9) / max(budget.max_drop, 1e-3))
    if budget.max_bytes is not None:
        found.append(point.bytes / budget.max_bytes - 1)
    if budget.max_latency_ms is not None:
        found.append(point.p50_ms / (budget.max_latency_ms * LATENCY_MARGIN) - 1)
    return max(found)
