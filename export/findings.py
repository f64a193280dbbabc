"""What an export finds out about its files: their proof, and what was asked beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from calibration.samples import Array
from export import evaluation
from export.artifact import Artifact
from export.assembly import Assembly
from export.budget import checks, settling
from export.budget.settled import Settled
from export.diagnosis.exporting import diagnosed
from export.evaluation import Labelled
from export.making import Making
from export.manifest import manifest
from export.slimming import Slimmed


@dataclass(frozen=True, kw_only=True)
class Findings:
    """The files of an export and all that was measured of them.

    Attributes:
        assembly: in which they were made and proven; its recipe is the one that a budget settled.
        artifacts: float32 first.
        photos: for accuracy; None if it was not asked for.
        settled: how the budget was met; None if there is none.
        slim: the model with fewer weights; None if it has all of its own.
    """

    assembly: Assembly
    artifacts: list[Artifact]
    photos: Labelled | None
    settled: Settled | None
    slim: Slimmed | None

    def record(self, delivered: list[Artifact]) -> dict[str, Any]:
        """Return the manifest of an export that delivers these of the files."""
        making = self.assembly.making
        return manifest(
            recipe=making.recipe,
            subject=making.subject,
            artifacts=self.artifacts,
            delivered=delivered,
            calibration=making.samples.calibration,
            stability=making.stability,
            stages=list(making.reconstruction.records) if making.reconstruction else [],
            probe=making.samples.probe,
            evaluation=self.photos.evaluation if self.photos else None,
            budget=self.settled.record() if self.settled else None,
            slimming=self.slim.record(self.assembly, self.artifacts, self.photos) if self.slim else None,
        )


def find(
    making: Making, expected: Mapping[str, Array], photos: Labelled | None, slim: Slimmed | None = None
) -> Findings:
    """Make every file of `making`'s recipe, prove it, and measure what the recipe asks for beside.

    Args:
        making: makes the files; a budget changes its recipe.
        expected: what the Keras model says of the probe.
        photos: with their classes, for accuracy.
        slim: where `making`'s subject comes from, if it was pruned.

    Raises:
        UsageProblemError: a budget that nothing can be judged by.
    """
    settled = settling.settle(making, expected, photos) if making.recipe.budget.is_asked else None
    assembly = Assembly(making, expected)
    artifacts = assembly.artifacts()
    if making.recipe.diagnose:
        artifacts = diagnosed(artifacts, making)
    if photos is not None:
        artifacts = evaluation.evaluate(artifacts, photos, making.work, making.progress)
    if settled is not None:
        artifacts = checks.judged(artifacts, settled, photos)
    return Findings(assembly=assembly, artifacts=artifacts, photos=photos, settled=settled, slim=slim)
