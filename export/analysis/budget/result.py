"""What came of a budget: the file, and all that was tried for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from export.analysis.budget.front import front, named
from export.analysis.budget.point import Point
from export.analysis.budget.ranking import Contribution
from export.quantization.build import MadeFile
from export.quantization.integer_base import IntegerBase
from export.recipe import Budget, Recipe


@dataclass(frozen=True, kw_only=True)
class BudgetResult:
    """What was found.

    Attributes:
        budget: that was asked.
        chosen: the file, in the first of the asked formats; where the budget cannot be met, the one that comes nearest.
        points: all files of that format that were measured.
        ranking: what the layers cost, the most costly first.
        better: a file of another precision that keeps the budget, is no larger and hardly slower: then so many layers
            are raised that nothing is left of int8.
        recipe: of the export, with the precision and the raised layers of the file.
        files: that were made of it during the search.
        base: that they were quantized from; None where no integer file is exported.
    """

    budget: Budget
    chosen: Point
    better: Point | None
    points: tuple[Point, ...]
    ranking: tuple[Contribution, ...]
    recipe: Recipe
    files: tuple[MadeFile, ...]
    base: IntegerBase | None

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
