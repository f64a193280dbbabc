"""Meet a budget of accuracy: keep the fewest layers of the int8 file in higher precision."""

from __future__ import annotations

from export.analysis.budget import bisect
from export.analysis.budget.front import is_slower
from export.analysis.budget.point import Point
from export.analysis.budget.search import Found, Search
from export.recipe import Width
from export.scheme import INT8


def fewest_layers(search: Search) -> Found:
    """Return the int8 file with the fewest raised layers that meets the budget, or else the nearest one.

    Raises:
        ZooError: the int8 file without raised layers cannot be converted or run.
    """
    search.others()  # For the Pareto front in the report.
    plain = search.point(INT8, {}, search.lead)
    if search.holds(plain):
        return Found(chosen=plain)
    layers, widest = len(search.ranking()), search.widths()[-1]
    count = bisect.fewest(layers, lambda number: search.holds(search.int8(number, widest)))
    if count is None:
        tried = [point for point in search.measured() if point.scheme == INT8]
        return Found(chosen=min(tried, key=lambda point: point.drop or 0.0))
    timed = search.timed_again(_good_widths(search, count))
    fastest = min(point.p50_ms for point in timed)
    fast = [point for point in timed if not is_slower(point.p50_ms, fastest)]
    return Found(chosen=min(fast, key=lambda point: point.bytes), retimed=tuple(timed))


def _good_widths(search: Search, count: int) -> list[Point]:
    """Return the files that meet the budget with the first `count` layers in one of the widths.

    A narrower width is only tried if the wider one meets the budget. If int8 weights lose too much accuracy, only the
    layers with the largest contributions get float32 weights.
    """
    good: list[Point] = []
    widths = search.widths()
    for width in reversed(widths):
        point = search.int8(count, width)
        if point is None or not search.holds(point):
            break
        good.append(point)
    if widths[-2:] == [Width.W8A32, Width.FLOAT32] and len(good) == 1:
        number = bisect.fewest(count, lambda number: search.holds(_split(search, count, number)))
        point = _split(search, count, number or 0)
        if point is not None and point not in good and search.holds(point):
            good.append(point)
    return good


def _split(search: Search, count: int, number: int) -> Point | None:
    """Return the file with `count` raised layers, of which the first `number` have float32 weights too."""
    search.inputs.run.progress.step(
        f"try int8 with {count} layers in higher precision, {number} of them with float32 weights"
    )
    return search.tried(INT8, search.raised(count, Width.W8A32) | search.raised(number, Width.FLOAT32))
