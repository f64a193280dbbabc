"""From a budget to a file: which layers are raised, or which precision is taken, so that it is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from calibration.samples import Array
from export.budget import search
from export.budget.front import SAME_TIME, front, named
from export.budget.point import Point
from export.budget.ranking import Contribution, ranked
from export.budget.trials import Trials
from export.evaluation import Labelled
from export.making import Making
from export.recipe import Budget, Precision, Width
from export.targets import PRIMARY, TARGETS, find
from zoo.errors import UsageProblemError, ZooError

# Less than a limit by so much, because a second measurement of the same file differs by it.
LATENCY_MARGIN = 1 / SAME_TIME
# What else there is: w8a16 costs more time than float32 on every CPU, and keeps no more than w8a32.
_OTHERS = (Precision.FLOAT32, Precision.FLOAT16, Precision.W8A32)


@dataclass(frozen=True, kw_only=True)
class Settled:
    """What was found.

    Attributes:
        budget: that was asked.
        chosen: the file, in the primary format; where the budget cannot be met, the one that comes nearest.
        points: all files of the primary format that were measured.
        ranking: what the layers cost, the most costly first.
        better: a file of another precision that keeps the budget, is no larger and hardly slower: then so many layers
            are raised that nothing is left of int8.
    """

    budget: Budget
    chosen: Point
    better: Point | None
    points: tuple[Point, ...]
    ranking: tuple[Contribution, ...]

    def record(self) -> dict[str, Any]:
        """Return plain data for a manifest."""
        names: dict[int, list[str]] = {}
        for preset, point in named(self.points).items():
            names.setdefault(id(point), []).append(str(preset))
        on_front = {id(point) for point in front(self.points)}
        share = {contribution.layer: contribution.share for contribution in self.ranking}
        return {
            "chosen": self.chosen.record(),
            "better": self.better.record() if self.better else None,
            "points": [
                {
                    **point.record(),
                    "presets": names.get(id(point), []),
                    "on_front": id(point) in on_front,
                    "chosen": point is self.chosen,
                }
                for point in sorted(self.points, key=lambda point: (point.bytes, point.p50_ms))
            ],
            "ranking": [
                {"layer": layer, "share": share[layer], "raised": str(self.chosen.raised.get(layer, ""))}
                for layer in share
            ],
        }


def settle(making: Making, expected: Mapping[str, Array], photos: Labelled | None) -> Settled:
    """Choose the file that keeps the budget of `making`'s recipe, and let `making` go on with it.

    Where there is none, with the one that comes nearest: the checks of the budget fail then.

    Raises:
        UsageProblemError: nothing that a budget could be judged by.
    """
    _refuse(making, expected)
    settling = _Settling(Trials(making, expected, photos), making.recipe.budget)
    chosen = settling.chosen()
    making.recipe = replace(making.recipe, precisions=settling.precisions(chosen))
    settling.trials.settle(chosen)
    points = tuple(point for point in settling.trials.points.values() if point.format == PRIMARY.name)
    return Settled(
        budget=making.recipe.budget,
        chosen=chosen,
        better=_better(chosen, [point for point in points if keeps(point, making.recipe.budget)]),
        points=points,
        ranking=tuple(settling.ranking),
    )


def _refuse(making: Making, expected: Mapping[str, Array]) -> None:
    if making.recipe.raised:
        raise UsageProblemError("--raise names the layers itself; leave it out, or the budget")
    if not making.subject.weights.trained:
        raise UsageProblemError(
            f"a budget is judged by answers, and untrained weights have none worth keeping "
            f"({making.subject.weights.reason}); give --weights"
        )
    if not making.samples.probe.real:
        raise UsageProblemError("a budget is judged by answers, and noise has none; give --calibration")
    classes = [name for name, values in expected.items() if values.ndim == 2 and values.shape[1] > 1]
    if making.recipe.budget.max_drop is not None and not classes:
        raise UsageProblemError(
            "--max-drop is about the best class, and this model's outputs are no classes; --max-size, --max-latency "
            "and --preset judge by SQNR"
        )


def _better(chosen: Point, others: Sequence[Point]) -> Point | None:
    """Return the smallest file that leaves a mixed one no reason to be."""
    if not chosen.raised:
        return None
    found = [
        point
        for point in others
        if not point.raised and point.bytes <= chosen.bytes and point.p50_ms <= chosen.p50_ms * SAME_TIME
    ]
    return min(found, key=lambda point: point.bytes, default=None)


class _Settling:
    """One search."""

    def __init__(self, trials: Trials, budget: Budget) -> None:
        self.trials, self.budget = trials, budget
        self.ranking: list[Contribution] = []
        recipe = trials.making.recipe
        asked = {find(name).name for name in recipe.formats} or set(TARGETS)
        # The primary one first: another is made only where that one keeps the budget.
        self.formats = [target for target in TARGETS.values() if target.name in asked | {PRIMARY.name}]

    def chosen(self) -> Point:
        if self.budget.chooses_precision:
            return self._best_inside()
        return self._fewest_raised()

    def precisions(self, chosen: Point) -> tuple[Precision, ...]:
        """Return what is exported: the chosen precision where the budget chooses it, else what was asked for."""
        return (chosen.precision,) if self.budget.chooses_precision else self.trials.making.recipe.precisions

    def _rank(self) -> int:
        """Rank the layers once; return how many there are."""
        if not self.ranking:
            content = self.trials.content(Precision.INT8, {})
            self.ranking = ranked(self.trials.making, content)
        return len(self.ranking)

    def _raised(self, count: int, width: Width) -> dict[str, Width]:
        return {contribution.layer: width for contribution in self.ranking[:count]}

    def _int8(self, count: int, width: Width) -> Point:
        self.trials.making.progress.step(f"try int8 with {count} of {len(self.ranking)} layers in {width}")
        return self.trials.point(Precision.INT8, self._raised(count, width))

    def _holds(self, point: Point) -> bool:
        """Return whether the file keeps the budget, in every format that is asked for and can be made."""
        for target in self.formats:
            try:
                found = self.trials.point(point.precision, point.raised, target)
            except ZooError:
                continue  # the proof tells why
            if not keeps(found, self.budget):
                return False
        return True

    def _fewest_raised(self) -> Point:
        for precision in _OTHERS:
            self._measured(precision)  # for the front
        if self._holds(self.trials.point(Precision.INT8)):
            return self.trials.point(Precision.INT8)
        count, widest = self._rank(), self._widths[-1]
        found = search.fewest(count, lambda number: self._holds(self._int8(number, widest)))
        if found is None:
            tried = [point for point in self.trials.points.values() if point.precision is Precision.INT8]
            return min((point for point in tried if point.format == PRIMARY.name), key=lambda one: one.drop or 0.0)
        return self._cheapest_width(found)

    def _cheapest_width(self, count: int) -> Point:
        """Return the file with those layers raised as cheaply as the budget allows: in time, then in size.

        int16 keeps no more than float activations, and takes long to try: only where these keep the budget.
        """
        good: list[Point] = []
        for width in reversed(self._widths):
            point = self._int8(count, width)
            if not self._holds(point):
                break
            good.append(point)
        fastest = min(point.p50_ms for point in good)
        return min((point for point in good if point.p50_ms <= fastest * SAME_TIME), key=lambda point: point.bytes)

    @property
    def _widths(self) -> list[Width]:
        """The widths to choose from, the widest last.

        A reconstructed model has no other weights than rounded ones: as float32 they take more room and say the same.
        """
        made_of = self.trials.making.reconstruction
        rounded = made_of is not None and made_of.model is not None
        widths = [width for width in Width if width in self.budget.widths]
        without = [width for width in widths if not rounded or width.activations_only]
        return without or widths

    def _best_inside(self) -> Point:
        ladder = self._ladder()
        if self.budget.preset is not None:
            return named(ladder)[self.budget.preset]
        inside = sorted(
            (point for point in ladder if keeps(point, self.budget)), key=lambda point: point.sqnr_db, reverse=True
        )
        best = next((point for point in inside if self._holds(point)), None)
        if best is None:
            return min(ladder, key=lambda point: excess(point, self.budget))
        return max([best, *self._between(best)], key=lambda point: point.sqnr_db)

    def _ladder(self) -> list[Point]:
        """Return the other precisions, and int8 with 0, 1, 2, 4, ... layers raised."""
        found = [point for precision in _OTHERS if (point := self._measured(precision)) is not None]
        found.append(self.trials.point(Precision.INT8))
        count = self._rank()
        fast = [width for width in self._widths if not width.integers_only]  # no CPU is fast in int16
        for width in fast or self._widths:
            found += [self._int8(number, width) for number in _powers(count)]
        return found

    def _between(self, best: Point) -> Sequence[Point]:
        """Return what is better still: more layers raised than in `best`, fewer than in the next rung."""
        if best.precision is not Precision.INT8 or not best.raised:
            return []
        width, low = next(iter(best.raised.values())), len(best.raised)
        high = next((rung for rung in _powers(len(self.ranking)) if rung > low), None)
        if high is None:
            return []
        number = search.most(low, high, lambda number: self._holds(self._int8(number, width)))
        return [self._int8(number, width)] if number != low else []

    def _measured(self, precision: Precision) -> Point | None:
        """Return that file, or None if it cannot be made or run: the proof tells why."""
        self.trials.making.progress.step(f"try {precision}")
        try:
            return self.trials.point(precision)
        except ZooError:
            return None


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


def _powers(count: int) -> list[int]:
    """Return 1, 2, 4, ... and `count`."""
    return sorted({*(2**power for power in range(count.bit_length()) if 2**power < count), count})
