"""A budget search: which files can be tried, and whether they meet the budget in every requested format."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from export.analysis.budget.candidates import Candidate, SearchInputs, base, made, measured, timed_again
from export.analysis.budget.limits import excess
from export.analysis.budget.point import Point
from export.analysis.budget.ranking import Contribution, ranked
from export.errors import ConversionError
from export.formats import PRIMARY, Format
from export.quantization.integer_base import IntegerBase, with_tensor_map
from export.quantization.memo import Memo
from export.quantization.requested import formats
from export.recipe import Budget, Width
from export.scheme import FLOAT16, FLOAT32, INT8, W8A32, Scheme
from zoo.errors import CheckFailedError, OutsideError

# Without w8a16, which is slower than float32 on every CPU and no more accurate than w8a32.
OTHERS = (FLOAT32, FLOAT16, W8A32)


@dataclass(frozen=True, kw_only=True)
class Found:
    """The choice of a search.

    Attributes:
        chosen: the file that meets the budget, or the nearest one.
        retimed: points whose latency was measured again; of several of one file, the last counts.
        excluded: points that cannot be delivered in every requested format.
    """

    chosen: Point
    retimed: tuple[Point, ...] = ()
    excluded: tuple[Point, ...] = ()


@dataclass(frozen=True, eq=False)
class Search:
    """One budget search.

    Attributes:
        inputs: what it starts from.
        budget: the limits.
        once: builds and measures each file once.
    """

    inputs: SearchInputs
    budget: Budget
    once: Memo

    @property
    def formats(self) -> tuple[Format, ...]:
        """The requested formats; a file must meet the budget in all of them."""
        return formats(self.inputs.run.recipe)

    @property
    def lead(self) -> Format:
        """The first format, whose files are compared with each other; others are written if these meet the budget."""
        return self.formats[0]

    def base(self, weight_bits: int, raised: Mapping[str, Width]) -> IntegerBase:
        """Return the base of integer files with these raised layers."""
        return base(self.inputs, self.once, weight_bits, raised)

    def ranking(self) -> tuple[Contribution, ...]:
        """Return the contributions of the layers to the error of the int8 file, the largest first."""
        run, once = self.inputs.run, self.once
        file = once(made, self.inputs, once, Candidate(PRIMARY.name, INT8))
        if file.trouble:
            raise ConversionError(file.trouble)
        return once(ranked, run, once(with_tensor_map, run, self.base(INT8.weight_bits, {})), file)

    def raised(self, count: int, width: Width) -> dict[str, Width]:
        """Return the `count` layers with the largest contributions, in a width."""
        return {contribution.layer: width for contribution in self.ranking()[:count]}

    def point(self, scheme: Scheme, raised: Mapping[str, Width] | None = None, file_format: Format = PRIMARY) -> Point:
        """Return the measurements of a file.

        Raises:
            ConversionError: the file cannot be converted.
            RuntimeCrashError: the runtime cannot run the file.
            CheckFailedError: the outputs contain NaN or infinity.
        """
        candidate = Candidate(file_format.name, scheme, tuple((raised or {}).items()))
        return self.once(measured, self.inputs, self.once, candidate)

    def tried(self, scheme: Scheme, raised: Mapping[str, Width] | None = None) -> Point | None:
        """Return the measured file of the first format, or None if it cannot be converted, run or compared."""
        try:
            return self.point(scheme, raised, self.lead)
        except (ConversionError, OutsideError, CheckFailedError):
            return None

    def others(self) -> list[Point]:
        """Return the measured files of the other precisions; none for a microcontroller, which runs int8."""
        found = []
        for scheme in OTHERS if not self.budget.is_for_microcontroller else ():
            self.inputs.run.progress.step(f"try {scheme}")
            found.append(self.tried(scheme))
        return [point for point in found if point is not None]

    def int8(self, count: int, width: Width) -> Point | None:
        """Return the measured int8 file with `count` layers in a width."""
        self.inputs.run.progress.step(f"try int8 with {count} of {len(self.ranking())} layers in {width}")
        return self.tried(INT8, self.raised(count, width))

    def holds(self, point: Point | None) -> bool:
        """Return whether the file meets the budget in every requested format that can be converted."""
        return point is not None and self.excess(point) <= 0

    def excess(self, point: Point) -> float:
        """Return the largest excess over the budget in any format; infinite if outputs contain NaN."""
        worst = excess(point, self.budget)
        for file_format in self.formats:
            if worst > 0:
                break
            if file_format.name == point.format:
                continue
            try:
                worst = max(worst, excess(self.point(point.scheme, point.raised, file_format), self.budget))
            except CheckFailedError:
                return math.inf
            except (ConversionError, OutsideError):
                continue  # Conversion to this format fails for every candidate.
        return worst

    def widths(self) -> list[Width]:
        """Return the allowed widths, the widest last; see `allowed_widths`."""
        return allowed_widths(self.budget, reconstructed=self.base(INT8.weight_bits, {}).is_reconstructed)

    def timed_again(self, points: Sequence[Point]) -> list[Point]:
        """Return the points with their lowest latency of two measurements."""
        return timed_again(self.inputs, self.once, points)

    def measured(self) -> list[Point]:
        """Return the points of the first format, in the order in which they were measured."""
        return [point for point in self.once.results(measured).values() if point.format == self.lead.name]


def allowed_widths(budget: Budget, *, reconstructed: bool) -> list[Width]:
    """Return the widths that a budget allows, the widest last.

    With reconstruction, float32 weights are only allowed if no other width is, because each choice of layers with
    float32 weights needs a new reconstruction.
    """
    widths = [width for width in Width if width in budget.widths]
    if budget.is_for_microcontroller:  # where 8-bit weights of a float layer become other numbers
        widths = [width for width in widths if width is not Width.W8A32] or widths
    without = [width for width in widths if not reconstructed or width.activations_only]
    return without or widths
