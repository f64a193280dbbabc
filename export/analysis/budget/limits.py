"""Check whether a measured file meets a budget, and by how much it exceeds it."""

from __future__ import annotations

from export.analysis.budget.point import Point
from export.recipe import Budget

# Margin below the latency limit, because a second measurement of the same file may be higher.
LATENCY_MARGIN = 1 / 1.05


def keeps(point: Point, budget: Budget) -> bool:
    """Return whether a file meets every limit of the budget."""
    return excess(point, budget) <= 0


def excess(point: Point, budget: Budget) -> float:
    """Return the largest excess over a limit of the budget, as a share of that limit; 0 if the file meets it."""
    found = [0.0]
    if budget.max_drop is not None and point.drop is not None:
        # Allow for rounding: 1 of 100 is exactly 1 %.
        found.append((point.drop - budget.max_drop - 1e-9) / max(budget.max_drop, 1e-3))
    if budget.max_bytes is not None:
        found.append(point.bytes / budget.max_bytes - 1)
    if budget.max_latency_ms is not None:
        found.append(point.p50_ms / (budget.max_latency_ms * LATENCY_MARGIN) - 1)
    if point.arena_bytes is not None:
        found += _on_microcontroller(point.arena_bytes, point.bytes, budget)
    return max(found)


def _on_microcontroller(arena_bytes: int, flash_bytes: int, budget: Budget) -> list[float]:
    pairs = ((arena_bytes, budget.max_ram_bytes), (flash_bytes, budget.max_flash_bytes))
    return [used / limit - 1 for used, limit in pairs if limit is not None]
