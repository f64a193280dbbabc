"""The result of a budget search: the chosen file and all candidates."""

from __future__ import annotations

from collections.abc import Mapping
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
    """The result of a budget search.

    Attributes:
        budget: the requested budget.
        chosen: the chosen file, in the first requested format; the nearest one if no file meets the budget.
        points: all measured files of that format.
        ranking: the contributions of the layers, the largest first.
        better: a file of another precision that also meets the budget, is no larger and not slower than `chosen`; it
            exists if so many layers are raised that int8 has no advantage left.
        recipe: the recipe of the export, with the precision and the raised layers of the chosen file.
        files: the chosen files that the search has written.
        bases: the bases that they were quantized from, by weight bits.
    """

    budget: Budget
    chosen: Point
    better: Point | None
    points: tuple[Point, ...]
    ranking: tuple[Contribution, ...]
    recipe: Recipe
    files: tuple[MadeFile, ...]
    bases: Mapping[int, IntegerBase]

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
