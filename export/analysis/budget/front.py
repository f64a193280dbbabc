"""The Pareto front of size, latency and error, and the three presets on it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from export.analysis.budget.point import Point
from export.proof.tolerances import FIDELITY
from export.recipe import Preset
from export.scheme import FLOAT16

# The preset "quality" requires the SQNR of float16: an error of 2 % of the signal, which changes few predictions.
QUALITY_SQNR_DB = FIDELITY[FLOAT16].min_sqnr_db

# The latency of one file varies by this factor between runs; short latencies vary by the overhead of the clock.
SAME_TIME, CLOCK_MS = 1.10, 0.05


def is_slower(one_ms: float, other_ms: float) -> bool:
    """Return whether a latency exceeds another one by more than the measurement noise."""
    return one_ms > max(SAME_TIME * other_ms, other_ms + CLOCK_MS)


def with_distinct_times(points: Sequence[Point]) -> list[Point]:
    """Return the points with equal latencies where they differ by less than the noise: the lowest of each group."""
    least, times = math.inf, dict[int, float]()
    for point in sorted(points, key=lambda point: point.p50_ms):
        if not times or is_slower(point.p50_ms, least):
            least = point.p50_ms
        times[id(point)] = least
    return [replace(point, p50_ms=times[id(point)]) for point in points]


def front(points: Sequence[Point]) -> list[Point]:
    """Return the points that no other point dominates in size, latency and error, the smallest first."""
    pairs = list(zip(points, with_distinct_times(points), strict=True))
    kept = [point for point, one in pairs if not any(_beats(other, one) for _, other in pairs if other is not one)]
    return sorted(kept, key=lambda point: (point.bytes, point.p50_ms))


def named(points: Sequence[Point]) -> dict[Preset, Point]:
    """Return the point of each preset on the front of `points`; two presets may choose the same point.

    Compact has the lowest cost, which is size times latency. Quality is the cheapest point with at most the error of
    float16, or else the point with the lowest error. Balanced is the knee between the two: the point that lies highest
    above the straight line from compact to quality, in decibels over cost.
    """
    known = front(points)
    costs = dict(zip(map(id, known), map(_cost, with_distinct_times(known)), strict=True))
    compact = cheapest(known)
    good = [point for point in known if point.sqnr_db >= QUALITY_SQNR_DB]
    quality = cheapest(good) if good else max(known, key=lambda point: point.sqnr_db)
    return {Preset.QUALITY: quality, Preset.BALANCED: _knee(known, costs, compact, quality), Preset.COMPACT: compact}


def cheapest(points: Sequence[Point]) -> Point:
    """Return the point with the lowest size times latency; among equals, the one with the highest SQNR."""
    pairs = zip(points, with_distinct_times(points), strict=True)
    return min(pairs, key=lambda pair: (_cost(pair[1]), -pair[1].sqnr_db))[0]


def _cost(point: Point) -> float:
    """Return the logarithm of size times latency, which weights both equally, whatever their units."""
    return math.log(point.bytes) + math.log(max(point.p50_ms, 1e-6))


def _knee(known: Sequence[Point], costs: Mapping[int, float], compact: Point, quality: Point) -> Point:
    least, most = costs[id(compact)], costs[id(quality)]
    height = quality.sqnr_db - compact.sqnr_db
    if most <= least or height <= 0:
        return compact
    between = [point for point in known if least <= costs[id(point)] <= most]

    def gain(point: Point) -> float:
        return (point.sqnr_db - compact.sqnr_db) / height - (costs[id(point)] - least) / (most - least)

    return max(between, key=gain)


def _beats(one: Point, other: Point) -> bool:
    """Return whether `one` dominates `other`: nowhere worse, and better in at least one value."""
    if one.bytes > other.bytes or one.sqnr_db < other.sqnr_db or one.p50_ms > other.p50_ms:
        return False
    return one.bytes < other.bytes or one.sqnr_db > other.sqnr_db or one.p50_ms < other.p50_ms
