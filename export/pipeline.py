"""The flow of an export, from a recipe to proven files."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from calibration.samples import Array
from export import pruning
from export.analysis import evaluation
from export.analysis.budget import checks
from export.analysis.budget import run as budget_run
from export.analysis.budget.result import Settled
from export.analysis.diagnosis.exporting import diagnosed
from export.analysis.evaluation import Labelled
from export.bundle import golden, write
from export.bundle.atomic_folder import Destination
from export.bundle.manifest import manifest
from export.model import reference
from export.model.subject import Subject, artifact_name, load_subject
from export.progress import Progress, Quiet
from export.proof.artifact import Artifact
from export.proof.prove import Assembly
from export.pruning import Slimmed
from export.quantization import mixed_precision
from export.quantization.build import Making
from export.quantization.samples import draw
from export.recipe import Recipe


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """What an export wrote and measured.

    Attributes:
        folder: with the files; None if not one could be delivered: nothing was written then.
        manifest: everything measured, also of files that were not delivered.
        artifacts: all that were made, float32 first.
        replaced: files of the export that was in the folder before, which are gone now.
    """

    folder: Path | None
    manifest: Mapping[str, Any]
    artifacts: tuple[Artifact, ...]
    replaced: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every file that was asked for is proven."""
        return bool(self.manifest["passed"])


def run(
    recipe: Recipe, progress: Progress | None = None, calibration_function: Callable[[], Any] | None = None
) -> Delivery:
    """Export what `recipe` names, prove every file, and write the good ones.

    Args:
        recipe: what and how.
        progress: hears of every step.
        calibration_function: called once, it gives an iterable of samples (arrays, or dictionaries of arrays by input
            name, without a batch) for calibration and proof, in place of `recipe.calibration`.

    Raises:
        ZooError: a mistake in the recipe, or something outside; nothing has been written then.
    """
    tell = progress or Quiet()
    destination = Destination(recipe.out, artifact_name(recipe))
    destination.check()
    if recipe.evaluate is not None:
        evaluation.check_source(recipe.evaluate)
    with tempfile.TemporaryDirectory(prefix="zoo-export-") as folder:
        work = Path(folder)
        subject = _subject(recipe, tell)
        labelled = evaluation.find(subject, recipe.evaluate) if recipe.evaluate is not None else None
        tell.step("draw the samples")
        samples = draw(subject, recipe, work, calibration_function, tell)
        tell.step("run the Keras model")
        expected = reference.outputs(subject.model, samples.probe)
        slim = pruning.slimmed(subject, recipe, samples, expected, tell)
        if slim is not None and slim.subject is not subject:
            subject, expected = slim.subject, reference.outputs(slim.subject.model, samples.probe)
        photos = None
        if labelled is not None:
            seen = samples.calibration.digests
            photos = evaluation.prepare(subject, labelled, work, tell, exclude=seen, seed=recipe.seed)
        found = find(Making(subject, recipe, samples, work, tell), expected, photos, slim)
        return _delivered(found, destination, tell)


def _subject(recipe: Recipe, progress: Progress) -> Subject:
    progress.step("build the model")
    subject = load_subject(recipe, lambda done, total: progress.step("fetch the weights", done, total))
    mixed_precision.check(subject.model, recipe.raised)
    return subject


def _delivered(found: Findings, destination: Destination, progress: Progress) -> Delivery:
    """Write the good files, if there is one."""
    assembly, artifacts = found.assembly, tuple(found.artifacts)
    recipe, subject = assembly.making.recipe, assembly.making.subject
    chosen = write.chosen(found.artifacts, recipe.precisions, keep_failed=recipe.keep_failed)
    record = found.record(chosen)
    if not chosen:
        return Delivery(folder=None, manifest=record, artifacts=artifacts)
    progress.step("write the files")
    answers = golden.content(assembly.making.samples.probe, assembly.expected, assembly.stored(chosen))
    lost = destination.lost([artifact.file_name for artifact in chosen])
    with destination.replaced() as new:
        record = write.write(new, chosen, record, answers, subject.labels)
    return Delivery(folder=destination.folder, manifest=record, artifacts=artifacts, replaced=lost)


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
    settled = budget_run.settle(making, expected, photos) if making.recipe.budget.is_asked else None
    assembly = Assembly(making, expected)
    artifacts = assembly.artifacts()
    if making.recipe.diagnose:
        artifacts = diagnosed(artifacts, making)
    if photos is not None:
        artifacts = evaluation.evaluate(artifacts, photos, making.work, making.progress)
    if settled is not None:
        artifacts = checks.judged(artifacts, settled, photos)
    return Findings(assembly=assembly, artifacts=artifacts, photos=photos, settled=settled, slim=slim)
