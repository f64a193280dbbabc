"""Meet a budget of size or latency, or a preset: choose the precision and the layers in higher precision."""

from __future__ import annotations

from collections.abc import Sequence

from export.analysis.budget import bisect
from export.analysis.budget.front import cheapest, named
from export.analysis.budget.limits import keeps
from export.analysis.budget.point import Point
from export.analysis.budget.search import Found, Search
from export.recipe import Preset
from export.scheme import INT8

# Files whose errors differ by less are equally good.
SAME_DB = 0.5


def best_file(search: Search) -> Found:
    """Return the file with the least error that meets the budget, or else the nearest one.

    Raises:
        ZooError: no file can be converted and run.
    """
    ladder = search.timed_again(_ladder(search))
    if search.budget.preset is not None:
        return _of_preset(search, search.budget.preset, ladder)
    inside = sorted(
        (point for point in ladder if keeps(point, search.budget)), key=lambda point: point.sqnr_db, reverse=True
    )
    best = next((point for point in inside if search.holds(point)), None)
    if best is None:
        return Found(chosen=min(inside or ladder, key=search.excess), retimed=tuple(ladder))
    better = _between(search, best)
    highest = max(point.sqnr_db for point in [best, *better])
    good = [point for point in [*inside, *better] if point.sqnr_db >= highest - SAME_DB and search.holds(point)]
    timed = search.timed_again(good)
    return Found(chosen=cheapest(timed), retimed=(*ladder, *timed))


def _of_preset(search: Search, preset: Preset, ladder: Sequence[Point]) -> Found:
    """Return the point of a preset among the points that can be delivered in all formats."""
    excluded: list[Point] = []
    left = list(ladder)
    while not search.holds(chosen := named(left)[preset]) and len(left) > 1:
        excluded.append(chosen)
        left = [point for point in left if point is not chosen]
    return Found(chosen=chosen, retimed=tuple(ladder), excluded=tuple(excluded))


def _ladder(search: Search) -> list[Point]:
    """Return the other precisions, and int8 with 0, 1, 2, 4, ... raised layers.

    Raises:
        ZooError: no file can be converted and run.
    """
    found: list[Point | None] = [*search.others()]
    plain = search.tried(INT8)
    if plain is not None:
        count = len(search.ranking())
        fast = [width for width in search.widths() if not width.integers_only]  # int16 is slow on every CPU.
        found.append(plain)
        for width in fast or search.widths():
            found += [search.int8(number, width) for number in _powers(count)]
    made = [point for point in found if point is not None]
    return made or [search.point(INT8, {}, search.lead)]


def _between(search: Search, best: Point) -> Sequence[Point]:
    """Return a better file with more raised layers than `best`, and fewer than the next step of the ladder."""
    if best.scheme != INT8 or not best.raised:
        return []
    width, low = next(iter(best.raised.values())), len(best.raised)
    high = next((rung for rung in _powers(len(search.ranking())) if rung > low), None)
    if high is None:
        return []
    number = bisect.most(low, high, lambda number: search.holds(search.int8(number, width)))
    better = search.int8(number, width) if number > low else None
    return [better] if better is not None else []


def _powers(count: int) -> list[int]:
    """Return 1, 2, 4, ... and `count`."""
    return sorted({*(2**power for power in range(count.bit_length()) if 2**power < count), count})
