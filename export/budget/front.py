"""The front of what is to be had: less size and time against less error, and three points of it by name."""

from __future__ import annotations

import math
from collections.abc import Sequence

from export.budget.point import Point
from export.recipe import Precision, Preset
from export.tolerances import FIDELITY

# "Quality" is what float16 must reach: an error of 2 % of the signal, at which hardly an answer changes.
QUALITY_SQNR_DB = FIDELITY[Precision.FLOAT16].min_sqnr_db
# Times of one run differ by so much from one run to the next.
SAME_TIME = 1.05


def front(points: Sequence[Point]) -> list[Point]:
    """Return the points that no other beats or equals in size, time and error at once, the smallest first."""
    kept = [point for point in points if not any(_beats(other, point) for other in points if other is not point)]
    return sorted(kept, key=lambda point: (point.bytes, point.p50_ms))


def named(points: Sequence[Point]) -> dict[Preset, Point]:
    """Return the three points of the front of `points`; two names may mean the same one.

    Compact costs least. Quality is the cheapest of those whose error is that of float16 at most, or else the one with
    the least error. Balanced is the knee between the two: the point that gains the most decibels for its cost above
    the straight line from one to the other.
    """
    known = front(points)
    compact = min(known, key=cost)
    good = [point for point in known if point.sqnr_db >= QUALITY_SQNR_DB]
    quality = min(good, key=cost) if good else max(known, key=lambda point: point.sqnr_db)
    return {Preset.QUALITY: quality, Preset.BALANCED: _knee(known, compact, quality), Preset.COMPACT: compact}


def cost(point: Point) -> float:
    """Return the logarithm of size times time: both count the same, whatever their units."""
    return math.log(point.bytes) + math.log(max(point.p50_ms, 1e-6))


def _knee(known: Sequence[Point], compact: Point, quality: Point) -> Point:
    width, height = cost(quality) - cost(compact), quality.sqnr_db - compact.sqnr_db
    if width <= 0 or height <= 0:
        return compact
    between = [point for point in known if cost(compact) <= cost(point) <= cost(quality)]

    def gain(point: Point) -> float:
        return (point.sqnr_db - compact.sqnr_db) / height - (cost(point) - cost(compact)) / width

    return max(between, key=gain)


def _beats(one: Point, other: Point) -> bool:
    """Return whether `one` is at least as good in everything and clearly better in something."""
    if one.bytes > other.bytes or one.sqnr_db < other.sqnr_db or one.p50_ms > other.p50_ms * SAME_TIME:
        return False
    return one.bytes < other.bytes or one.sqnr_db > other.sqnr_db or one.p50_ms * SAME_TIME < other.p50_ms
