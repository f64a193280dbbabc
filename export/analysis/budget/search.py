"""Search for the precision, or for the layers to keep in higher precision, that meet a budget."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from export.analysis.budget import bisect
from export.analysis.budget.candidates import Candidates
from export.analysis.budget.front import cheapest, is_slower, named
from export.analysis.budget.limits import excess, keeps
from export.analysis.budget.point import Point
from export.analysis.budget.ranking import Contribution, ranked
from export.errors import ConversionError
from export.formats import PRIMARY
from export.quantization.build import formats
from export.recipe import Budget, Preset, Width
from export.scheme import FLOAT16, FLOAT32, INT8, W8A32, Scheme
from zoo.errors import CheckFailedError, OutsideError

# Files whose errors differ by less are equally good.
SAME_DB = 0.5

# Without w8a16, which is slower than float32 on every CPU and no more accurate than w8a32.
OTHERS = (FLOAT32, FLOAT16, W8A32)


class Search:
    """One budget search.

    Attributes:
        ranking: contributions of the layers, the largest first; empty until the search needs them.
        formats: the requested formats; a file must meet the budget in all of them.
        lead: the first format, whose files are compared with each other.
    """

    def __init__(self, candidates: Candidates, budget: Budget) -> None:
        self.candidates, self.budget = candidates, budget
        self.ranking: list[Contribution] = []
        # Files of other formats are only written if the file of the first format meets the budget.
        self.formats = formats(candidates.run.recipe)
        self.lead = self.formats[0]

    def chosen(self) -> Point:
        """Return the file that meets the budget, or the nearest one.

        Raises:
            ZooError: the int8 file without raised layers cannot be converted or run.
        """
        if self.budget.chooses_precision:
            return self._best_inside()
        return self._fewest_raised()

    def schemes(self, chosen: Point) -> tuple[Scheme, ...]:
        """Return the precisions to export: the chosen one if the budget chooses it, else the requested ones."""
        return (chosen.scheme,) if self.budget.chooses_precision else self.candidates.run.recipe.schemes

    def _rank(self) -> int:
        """Rank the layers on first use, and return their number."""
        if not self.ranking:
            file = self.candidates.make((PRIMARY.name, INT8, ()))
            self.ranking = ranked(self.candidates.run, self.candidates.base({}, with_map=True), file.content)
        return len(self.ranking)

    def _raised(self, count: int, width: Width) -> dict[str, Width]:
        return {contribution.layer: width for contribution in self.ranking[:count]}

    def _measured(self, scheme: Scheme, raised: Mapping[str, Width]) -> Point | None:
        """Return the measured file, or None if it cannot be converted, run or compared."""
        try:
            return self.candidates.measure(scheme, raised, self.lead)
        except (ConversionError, OutsideError, CheckFailedError):
            return None

    def _other(self, scheme: Scheme) -> Point | None:
        self.candidates.run.progress.step(f"try {scheme}")
        return self._measured(scheme, {})

    def _int8(self, count: int, width: Width) -> Point | None:
        self.candidates.run.progress.step(f"try int8 with {count} of {len(self.ranking)} layers in {width}")
        return self._measured(INT8, self._raised(count, width))

    def _split(self, count: int, number: int) -> Point | None:
        """Return the file with `count` raised layers, of which the first `number` have float32 weights too."""
        self.candidates.run.progress.step(
            f"try int8 with {count} layers in higher precision, {number} of them with float32 weights"
        )
        raised = self._raised(count, Width.W8A32) | self._raised(number, Width.FLOAT32)
        return self._measured(INT8, raised)

    def holds(self, point: Point | None) -> bool:
        """Return whether the file meets the budget in every requested format that can be converted."""
        return point is not None and self._excess(point) <= 0

    def _excess(self, point: Point) -> float:
        """Return the largest excess over the budget in any format; infinite if outputs contain NaN."""
        worst = excess(point, self.budget)
        for file_format in self.formats:
            if worst > 0:
                break
            try:
                other = self.candidates.measure(point.scheme, point.raised, file_format)
                worst = max(worst, excess(other, self.budget))
            except CheckFailedError:
                return math.inf
            except (ConversionError, OutsideError):
                continue  # Conversion to this format fails for every candidate.
        return worst

    def _fewest_raised(self) -> Point:
        for scheme in OTHERS:
            self._other(scheme)  # For the Pareto front in the report.
        plain = self.candidates.measure(INT8, {}, self.lead)
        if self.holds(plain):
            return plain
        count, widest = self._rank(), self._widths[-1]
        found = bisect.fewest(count, lambda number: self.holds(self._int8(number, widest)))
        if found is None:
            tried = [point for point in self.candidates.points.values() if point.scheme == INT8]
            return min((point for point in tried if point.format == self.lead.name), key=lambda one: one.drop or 0.0)
        return self._cheapest_width(found)

    def _cheapest_width(self, count: int) -> Point:
        """Return the file with the cheapest width for the first `count` layers: by latency, then by size.

        A narrower width is only tried if the wider one meets the budget. If int8 weights lose too much accuracy, only
        the layers with the largest contributions get float32 weights.
        """
        good: list[Point] = []
        for width in reversed(self._widths):
            point = self._int8(count, width)
            if point is None or not self.holds(point):
                break
            good.append(point)
        if self._widths[-2:] == [Width.W8A32, Width.FLOAT32] and len(good) == 1:
            number = bisect.fewest(count, lambda number: self.holds(self._split(count, number)))
            good += [point for point in [self._split(count, number or 0)] if point is not None and self.holds(point)]
        good = self.candidates.timed_again(good)
        fastest = min(point.p50_ms for point in good)
        return min((point for point in good if not is_slower(point.p50_ms, fastest)), key=lambda point: point.bytes)

    @property
    def _widths(self) -> list[Width]:
        """The allowed widths, the widest last.

        With reconstruction, float32 weights are only allowed if no other width is, because each choice of layers with
        float32 weights needs a new reconstruction.
        """
        rounded = any(base.is_reconstructed for base in self.candidates.bases.values())
        widths = [width for width in Width if width in self.budget.widths]
        without = [width for width in widths if not rounded or width.activations_only]
        return without or widths

    def _best_inside(self) -> Point:
        ladder = self.candidates.timed_again(self._ladder())
        if self.budget.preset is not None:
            return self._named(self.budget.preset, ladder)
        inside = sorted(
            (point for point in ladder if keeps(point, self.budget)), key=lambda point: point.sqnr_db, reverse=True
        )
        best = next((point for point in inside if self.holds(point)), None)
        if best is None:
            return min(inside or ladder, key=self._excess)
        found = [one for one in self._between(best) if one not in inside]
        highest = max(point.sqnr_db for point in [best, *found])
        good = [point for point in [*inside, *found] if point.sqnr_db >= highest - SAME_DB and self.holds(point)]
        return cheapest(self.candidates.timed_again(good))

    def _named(self, preset: Preset, ladder: Sequence[Point]) -> Point:
        """Return the point of a preset among the points that can be delivered in all formats."""
        left = list(ladder)
        while not self.holds(found := named(left)[preset]) and len(left) > 1:
            left.remove(found)
            self.candidates.drop(found)
        return found

    def _ladder(self) -> list[Point]:
        """Return the other precisions, and int8 with 0, 1, 2, 4, ... raised layers.

        Raises:
            ZooError: no file can be converted and run.
        """
        found = [self._other(scheme) for scheme in OTHERS]
        plain = self._measured(INT8, {})
        if plain is not None:
            count = self._rank()
            fast = [width for width in self._widths if not width.integers_only]  # int16 is slow on every CPU.
            found.append(plain)
            for width in fast or self._widths:
                found += [self._int8(number, width) for number in _powers(count)]
        made = [point for point in found if point is not None]
        return made or [self.candidates.measure(INT8, {}, self.lead)]

    def _between(self, best: Point) -> Sequence[Point]:
        """Return a better file with more raised layers than `best`, and fewer than the next step of the ladder."""
        if best.scheme != INT8 or not best.raised:
            return []
        width, low = next(iter(best.raised.values())), len(best.raised)
        high = next((rung for rung in _powers(len(self.ranking)) if rung > low), None)
        if high is None:
            return []
        number = bisect.most(low, high, lambda number: self.holds(self._int8(number, width)))
        better = self._int8(number, width)
        return [better] if better is not None else []


def _powers(count: int) -> list[int]:
    """Return 1, 2, 4, ... and `count`."""
    return sorted({*(2**power for power in range(count.bit_length()) if 2**power < count), count})
