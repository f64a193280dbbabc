"""The front of what is to be had: less size and time against less error, and three points of it by name."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from export.analysis.budget.point import Point
from export.proof.tolerances import FIDELITY
from export.recipe import Preset
from export.scheme import FLOAT16

# "Quality" is what float16 must reach: an error of 2 % of the signal, at which hardly an answer changes.
QUALITY_SQNR_DB = FIDELITY[FLOAT16].min_sqnr_db
# Times of one file differ by so much from one run to the next, and short ones by what the clock itself costs.
SAME_TIME, CLOCK_MS = 1.10, 0.05


def is_slower(one_ms: float, other_ms: float) -> bool:
    """Return whether a time is longer than another by more than can be told."""
    return one_ms > max(SAME_TIME * other_ms, other_ms + CLOCK_MS)


def told(points: Sequence[Point]) -> list[Point]:
    """Return the points with the times that can be told: of those that are the same, the least stands for all."""
    least, times = math.inf, dict[int, float]()
    for point in sorted(points, key=lambda point: point.p50_ms):
        if not times or is_slower(point.p50_ms, least):
            least = point.p50_ms
        times[id(point)] = least
    return [replace(point, p50_ms=times[id(point)]) for point in points]


def front(points: Sequence[Point]) -> list[Point]:
    """Return the points that no other beats or equals in size, time and error at once, the smallest first."""
    pairs = list(zip(points, told(points), strict=True))
    kept = [point for point, one in pairs if not any(_beats(other, one) for _, other in pairs if other is not one)]
    return sorted(kept, key=lambda point: (point.bytes, point.p50_ms))


def named(points: Sequence[Point]) -> dict[Preset, Point]:
    """Return the three points of the front of `points`; two names may mean the same one.

    Compact costs least. Quality is the cheapest of those whose error is that of float16 at most, or else the one with
    the least error. Balanced is the knee between the two: the point that gains the most decibels for its cost above
    the straight line from one to the other.
    """
    known = front(points)
    costs = dict(zip(map(id, known), map(_cost, told(known)), strict=True))
    compact = cheapest(known)
    good = [point for point in known if point.sqnr_db >= QUALITY_SQNR_DB]
    quality = cheapest(good) if good else max(known, key=lambda point: point.sqnr_db)
    return {Preset.QUALITY: quality, Preset.BALANCED: _knee(known, costs, compact, quality), Preset.COMPACT: compact}


def cheapest(points: Sequence[Point]) -> Point:
    """Return the point of the least size times time; of equals the best."""
    pairs = zip(points, told(points), strict=True)
    return min(pairs, key=lambda pair: (_cost(pair[1]), -pair[1].sqnr_db))[0]


def _cost(point: Point) -> float:
    """Return the logarithm of size times time: both count the same, whatever their units."""
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
    """Return whether `one` is at least as good in everything and better in something; of times that can be told."""
    if one.bytes > other.bytes or one.sqnr_db < other.sqnr_db or one.p50_ms > other.p50_ms:
        return False
    return one.bytes < other.bytes or one.sqnr_db > other.sqnr_db or one.p50_ms < other.p50_ms
